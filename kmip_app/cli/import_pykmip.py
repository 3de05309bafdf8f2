"""`kmipd import-pykmip FILE`: take over what a PyKMIP server has kept."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from kmip_app.cli.options import CONTEXT, chosen, config_option, setting_options
from kmip_app.configuration.config import StartError
from kmip_app.maintenance.pykmip_database import NoPyKmipDatabase, PyKmipDatabase
from kmip_app.maintenance.pykmip_import import Report, import_found
from kmip_app.printable import printable
from kmip_app.progress import counted
from kmip_core.errors import KmipError


def import_pykmip(file: Path, owner: str | None, dry_run: bool, config_path: str | None, **values: Any) -> int:
    """Take the objects of a PyKMIP database FILE into the store that the configuration names.

    Identifiers, owners, names, states, dates, policies and wrapped keys stay as they are; FILE is only read. What was
    taken before is left alone, so the command can be run again. The server must not be running. Exit code 1 if a row
    could not be taken; the report says why.
    """
    from kmip_app.maintenance.opening import opened  # all of the wiring: not wanted for the help

    configuration = chosen(values, config_path).configuration
    if configuration.sqlite_path is not None and configuration.sqlite_path.resolve() == file.resolve():
        raise StartError(f"{file} is also the database_path of the configuration; name a new file there")
    try:
        source = PyKmipDatabase(file, now=int(time.time()), owner=owner)
    except NoPyKmipDatabase as error:
        raise StartError(str(error)) from error
    try:
        with closing(source), opened(configuration, alone=not dry_run, or_empty=dry_run) as container:
            rows = counted("Taking objects", source, len(source))
            report = import_found(container, rows, dry_run=dry_run)
    except NoPyKmipDatabase as error:
        raise StartError(f"{error}; what was taken before that stays, and the command can be run again") from error
    except KmipError as error:
        raise StartError(f"the store takes no more: {error.message}; the command can be run again") from error
    tell(report, dry_run=dry_run)
    return 1 if report.not_taken else 0


def tell(report: Report, *, dry_run: bool) -> None:
    """Print what became of the rows."""
    total = sum(report.taken.values())
    types = ", ".join(f"{count} {name}" for name, count in sorted(report.taken.items()))
    click.echo(f"{'would take' if dry_run else 'taken'}: {total}{f' ({types})' if types else ''}")
    click.echo(f"there already: {report.present}")
    click.echo(f"not taken: {len(report.not_taken)}")
    for row, why in report.not_taken:
        click.echo(f"  {row}: {why}")
    for name, count in sorted(report.policies.items()):
        have = "1 object has" if count == 1 else f"{count} objects have"
        click.echo(f"policy {printable(name)}: {have} it, but it is not in force; add it to policy_path")


command = click.Command(
    "import-pykmip",
    callback=import_pykmip,
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path)),
        click.Option(["--dry-run"], is_flag=True, help="Report what would be taken, and take nothing."),
        click.Option(["--owner"], metavar="NAME", help="Owner of objects from releases before 0.6, which kept none."),
        config_option(),
        *setting_options(["data_dir", "database_path", "database", "policy_path"]),
    ],
    help=import_pykmip.__doc__,
    context_settings=CONTEXT,
)
