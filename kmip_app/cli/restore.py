"""`kmipd restore FILE`: put a backup in the place of the store."""

from pathlib import Path
from typing import Any

import click

from kmip_app.cli.options import CONTEXT, STORE, chosen, config_option, setting_options
from kmip_app.cli.verify import tell
from kmip_app.progress import progress


def restore(file: Path, replace: bool, config_path: str | None, **values: Any) -> int:
    """Put the backup FILE in the place of the store, once every object in it has been opened.

    The root key must be there (root.key in the data directory, or the passphrase), and the server must not be running.
    What was changed after the backup is not in it. Exit code 1 if something in the backup is damaged; nothing was
    restored then.
    """
    from kmip_app.maintenance import store_access  # all of the wiring: not wanted for the help

    configuration = chosen(values, config_path).configuration
    with progress("Opening objects") as report:
        damages = store_access.restore(configuration, file, replace=replace, progress=report)
    if damages:
        tell(damages)
        click.echo("nothing was restored", err=True)
        return 1
    click.echo(f"{configuration.sqlite_path}: restored from {file}")
    return 0


command = click.Command(
    "restore",
    callback=restore,
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path)),
        click.Option(["--replace"], is_flag=True, help="Put a store that is there aside, as NAME.before-restore."),
        config_option(),
        *setting_options(STORE),
    ],
    help=restore.__doc__,
    context_settings=CONTEXT,
)
