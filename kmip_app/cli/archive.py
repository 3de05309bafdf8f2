"""`kmipd export FILE` and `kmipd import FILE`: objects with their keys in one encrypted archive."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import click

from kmip_app.cli.options import CONTEXT, STORE, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError
from kmip_app.configuration.secret_places import FORMS, SECRET
from kmip_app.printable import printable
from kmip_app.progress import progress

MINIMUM: Final = 12  # bytes of a passphrase


def export(file: Path, passphrase: str | None, config_path: str | None, **values: Any) -> None:
    """Write all objects with their keys to the new archive FILE, encrypted under a passphrase.

    The server may be running. Unlike a backup it needs no root key to be read: a reader of the archive with its
    passphrase has all keys. Its form is documented (docs/care.md).
    """
    from kmip_adapters.storage.archive import write_archive
    from kmip_adapters.storage.sql import maintenance
    from kmip_adapters.storage.sql.sqlite_files import sync
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help

    configuration = chosen(values, config_path).configuration
    if file.exists():
        raise StartError(f"{file} exists; name a new file for the archive")
    words = _words(passphrase, confirm=True)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        with store_access.beside(configuration, "Exported to an archive") as container:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream, progress("Writing objects") as report:
                count = write_archive(stream, words, maintenance.everything(container.storage(), report))
            sync(part)
        part.replace(file)
        sync(file.absolute().parent)
    finally:
        part.unlink(missing_ok=True)
    click.echo(f"{file}: {count:,} objects")


def import_archive(file: Path, passphrase: str | None, config_path: str | None, **values: Any) -> int:
    """Take the objects of the archive FILE into the store.

    Identifiers, owners, states and dates stay as they are. What is there already is left alone, so the command can be
    run again. The server must not be running. Exit code 1 if an object could not be taken.
    """
    from kmip_adapters.storage.archive import read_archive
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help
    from kmip_app.maintenance.opening import opened

    configuration = chosen(values, config_path).configuration
    words = _words(passphrase, confirm=False)
    with store_access.for_operators():
        in_all = sum(1 for _ in read_archive(file, words))  # to the end, before anything of it is taken
        with opened(configuration, alone=True) as container, progress("Taking objects") as report:
            imported = store_access.import_entries(container, read_archive(file, words), report, in_all)
    types = ", ".join(f"{count} {name}" for name, count in sorted(imported.taken.items()))
    click.echo(f"taken: {sum(imported.taken.values())}{f' ({types})' if types else ''}")
    click.echo(f"there already: {imported.present}")
    for identifier, why in imported.not_taken:
        click.echo(f"not taken: {printable(identifier)}: {printable(str(why))}")
    return 1 if imported.not_taken else 0


def _words(place: str | None, *, confirm: bool) -> bytes:
    """Return the archive's passphrase from where the option says, or by asking."""
    if place is None:
        if not sys.stdin.isatty():
            raise StartError(f"name the archive's passphrase with --passphrase: {FORMS}")
        words = click.prompt("Passphrase of the archive", hide_input=True, confirmation_prompt=confirm, err=True)
        given: bytes = words.encode()
    else:
        try:
            given = SECRET.read(place).read()
        except ValueError as error:
            raise StartError(f"--passphrase: {error}") from None
    if confirm and len(given) < MINIMUM:
        raise StartError(f"the passphrase has {len(given)} bytes; use {MINIMUM} or more")
    return given


def _params() -> list[click.Parameter]:
    return [
        click.Argument(["file"], type=click.Path(path_type=Path)),
        click.Option(["--passphrase"], metavar="WHERE", help=f"The archive's: {FORMS}.  [default: asked for]"),
        config_option(),
        *setting_options(STORE),
    ]


export_command = click.Command(
    "export", callback=export, params=_params(), help=export.__doc__, context_settings=CONTEXT
)
import_command = click.Command(
    "import", callback=import_archive, params=_params(), help=import_archive.__doc__, context_settings=CONTEXT
)
