"""`kmipd verify`: whether every object of the store opens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kmip_app.cli.options import CONTEXT, STORE, chosen, config_option, setting_options
from kmip_app.cli.output import chosen_form, output_options, print_json, print_rows
from kmip_app.printable import printable
from kmip_app.progress import progress

if TYPE_CHECKING:
    from kmip_adapters.storage.sql.maintenance import Damage


def verify(config_path: str | None, **values: Any) -> int:
    """Open every object: its seal, its record, its index entries, and the database file; the server may be running.

    Links to objects that are not here are reported, but no damage. Exit code 1 if anything is damaged.
    """
    from kmip_adapters.storage.sql import maintenance
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help

    with store_access.beside(chosen(values, config_path).configuration, "Store verified") as container:
        with progress("Opening objects") as report:
            damages = maintenance.verify(container.storage(), report)
        with progress("Following links") as report:
            links = list(maintenance.dangling_links(container.storage(), report))
    form = chosen_form(values)
    if form == "json":
        damaged = [{"unique_identifier": one.unique_identifier, "damage": one.what} for one in damages]
        dangling = [{"unique_identifier": identifier, "links_to": target} for identifier, target in links]
        print_json({"ok": not damages, "damages": damaged, "dangling_links": dangling})
        return 1 if damages else 0
    found = [(one.unique_identifier or "the store", one.what) for one in damages]
    found += [(identifier, f"links to {target}, which is not here") for identifier, target in links]
    if form == "table" and found:
        rows = [{"unique_identifier": identifier, "what": what} for identifier, what in found]
        print_rows(rows, {"unique_identifier": "Identifier", "what": "Finding"}, form)
    else:
        for identifier, what in found:
            click.echo(f"{printable(identifier)}: {printable(what)}")
    click.echo("damaged" if damages else "everything opens")
    return 1 if damages else 0


def tell(damages: "Sequence[Damage]") -> None:
    """Print what is wrong, one line each."""
    for damage in damages:
        click.echo(f"{printable(damage.unique_identifier or 'the store')}: {printable(damage.what)}")


command = click.Command(
    "verify",
    callback=verify,
    params=[
        *output_options(),
        config_option(),
        *setting_options(STORE),
    ],
    help=verify.__doc__,
    context_settings=CONTEXT,
)
