"""`kmipd store copy`: a store moves from one database to another."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from kmip_app.cli.context import CONTEXT, Group
from kmip_app.configuration.config import Configuration, StartError, password_in
from kmip_app.progress import progress


def copy(source: str, target: str, from_password_file: Path | None, to_password_file: Path | None) -> int:
    """Copy the store in the database --from into the empty database --to, sealed as it is.

    No key is opened, and the copy needs the same root key as the original. Stop the servers on it first: the copy is
    compared with the original at the end, and exit code 1 says that that has changed meanwhile. A copy that was
    interrupted goes on when the command is given again; until it is whole no server opens it.
    """
    from kmip_adapters.storage.sql.copying import copy_store
    from kmip_app.maintenance import store_access

    if source == target:
        raise StartError("--from and --to name one database; name another one")
    file = Configuration(data_directory=Path(), database=source).sqlite_path
    if file is not None and not file.exists():
        raise StartError(f"{file} does not exist; name the database of a store")
    with store_access.for_operators():
        with (
            store_access.backend(source, _reader_of(from_password_file)) as origin,
            store_access.backend(target, _reader_of(to_password_file)) as to,
            progress("Copying rows") as report,
        ):
            copied = copy_store(origin, to, report)
        if copied.differs:
            click.echo(f"not whole: {', '.join(copied.differs)}: the original has changed; stop its servers, go again")
            return 1
        click.echo(f"{copied.objects} objects copied and compared; {copied.written} rows were written now")
        return 0


def _reader_of(password_file: Path | None) -> Callable[[], str] | None:
    return None if password_file is None else partial(password_in, password_file)


def _password_option(name: str) -> Any:
    return click.Option(
        [f"--{name}-password-file", f"{name}_password_file"],
        metavar="FILE",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help=f"File with the password of the database --{name}.",
    )


command = Group(
    "store",
    commands=[
        click.Command(
            "copy",
            callback=copy,
            params=[
                click.Option(["--from", "source"], required=True, metavar="URL", help="Database with the store."),
                click.Option(["--to", "target"], required=True, metavar="URL", help="Empty database that gets it."),
                _password_option("from"),
                _password_option("to"),
            ],
            help=copy.__doc__,
            context_settings=CONTEXT,
        )
    ],
    help="The store as a whole.",
    context_settings=CONTEXT,
)
