"""`kmipd backup FILE`: a copy of the store, sealed as the store is."""

from pathlib import Path
from typing import Any

import click

from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError
from kmip_app.progress import working


def backup(file: Path, config_path: str | None, **values: Any) -> None:
    """Write a consistent copy of the database to the new file FILE; the server may be running.

    Keys in it are sealed as in the database. The root key is not in it: keep a copy of that in another place, since
    without it a backup is worth nothing. `kmipd restore` puts a backup back.
    """
    from kmip_adapters.storage.sql.backup import backup as write_backup
    from kmip_app.maintenance.store_access import for_operators  # all of the wiring: not wanted for the help

    database = chosen(values, config_path).configuration.sqlite_path
    if database is None:
        raise StartError("--database names no file; back it up with the tools of that database")
    with for_operators(), working("Copying the database"):
        write_backup(database, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes; the root key is not in it")


command = click.Command(
    "backup",
    callback=backup,
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path)),
        config_option(),
        *setting_options(["data_dir", "database_path", "database"]),
    ],
    help=backup.__doc__,
    context_settings=CONTEXT,
)
