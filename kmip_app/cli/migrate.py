"""`kmipd migrate`: the schema of the store's database."""

from typing import Any

import click

from kmip_app.cli.options import CONTEXT, STORE, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError
from kmip_app.progress import working


def migrate(check: bool, config_path: str | None, **values: Any) -> int:
    """Bring the tables of the store's database to what this release needs, as the start of a server does.

    With --check nothing is changed: exit code 0 says that a start would leave the tables as they are, 1 that it would
    create or upgrade them, 2 that it cannot work with them.
    """
    from kmip_adapters.storage.sql.migration import HISTORY
    from kmip_app.maintenance import store_access
    from kmip_app.maintenance.opening import opened

    configuration = chosen(values, config_path).configuration
    if configuration.ephemeral:
        raise StartError("an ephemeral server keeps nothing; leave --ephemeral out and name the data directory")
    with store_access.for_operators():
        revision = store_access.schema_revision(configuration)
    if revision == HISTORY.revision:
        click.echo(f"schema {revision}: up to date")
        return 0
    found = "no tables yet" if revision is None else f"schema {revision}"
    if check:
        click.echo(f"{found}: a start brings it to schema {HISTORY.revision}")
        return 1
    with working("Upgrading the tables"), opened(configuration, alone=True):
        pass
    click.echo(f"{found}: now schema {HISTORY.revision}")
    return 0


command = click.Command(
    "migrate",
    callback=migrate,
    params=[
        click.Option(["--check"], is_flag=True, help="Only say what a start would do."),
        config_option(),
        *setting_options(STORE),
    ],
    help=migrate.__doc__,
    context_settings=CONTEXT,
)
