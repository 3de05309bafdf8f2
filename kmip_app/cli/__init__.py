"""The command line: `kmipd` = `python -m kmip_app`. One module per command; this one lists them.

A command's module is imported when the command runs, so that `kmipd --version` and a mistake in a name cost nothing.
Every failure that an operator can mend is reported on stderr with exit code 2, never by a traceback.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

import click

from kmip_app.cli.context import CONTEXT, Group
from kmip_app.imports import undisturbed
from kmip_app.version import VERSION

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "serve:command",
    "client-cert": "client_cert:command",
    "client": "clients:command",
    "pki": "clients:pki_command",
    "check-config": "check_config:command",
    "health": "health:health_command",
    "status": "status:command",
    "audit": "audit:command",
    "object": "object:command",
    "policy": "policy:command",
    "password": "password:command",
    "import-pykmip": "import_pykmip:command",
    "migrate-from": "migrate_from:command",
    "backup": "backup:command",
    "restore": "restore:command",
    "verify": "verify:command",
    "migrate": "migrate:command",
    "store": "store:command",
    "root": "root:command",
    "rotate-root-key": "rotate_root_key:command",
    "rotate-data-key": "rotate_root_key:data_key_command",
    "export": "archive:export_command",
    "import": "archive:import_command",
    "key": "key:command",
    "cert": "cert:command",
    "user": "user:command",
    "group": "group:command",
    "query": "query:command",
    "profile": "profile:command",
    "doctor": "doctor:command",
    "expiring": "expiring:command",
    "conformance": "conformance:command",
    "inspect": "inspect:command",
    "completion": "completion:command",
    "man": "man:command",
}
"""The name of a command -> the module of this package, and its attribute, that has the command."""

DEFAULT_COMMAND: Final = "serve"

_OF_THE_PROGRAM: Final = ("-h", "--help", "--version")


class Program(Group):
    """All commands; the help has the options of `serve` too, since that is what runs without a command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, whose module is imported now; None if there is none of that name."""
        place = COMMANDS.get(cmd_name)
        return None if place is None else command_at(place)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options of the default one."""
        from kmip_app.cli import serve

        super().format_commands(ctx, formatter)
        serve.command.format_all(ctx, formatter, "Options of serve")


def command_at(place: str) -> click.Command:
    """Return the command at `module:attribute`."""
    module, _, attribute = place.partition(":")
    with undisturbed():
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), attribute)
    return command


def _print_version(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"kmipd {VERSION}")
        ctx.exit()


program = Program(
    "kmipd",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        )
    ],
    help="A KMIP key-management server. Without a command it serves.",
    context_settings=CONTEXT,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code.

    0; 1 for what a command found; 2 for what an operator can mend; 3 for what cannot be reached now.
    """
    words = list(arguments)
    if not words or (words[0].startswith("-") and words[0] not in _OF_THE_PROGRAM):
        words.insert(0, DEFAULT_COMMAND)
    return run_command(program, words, "kmipd")


def run_command(command: click.Command, words: Sequence[str], name: str) -> int:
    """Run one click command and return the exit code; commands that talk to servers have more (`cli.remote`)."""
    try:
        code = command.main(list(words), prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        if error.format_message().startswith("Usage: "):  # a group without a command: click sends its help
            click.echo(error.format_message(), err=True)
            return 2
        context = getattr(error, "ctx", None)
        asked = name if context is None else context.command_path
        click.echo(f"{asked}: {error.format_message().rstrip('.')}; {asked} -h lists what there is", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        text = _mendable(error)
        if text is None:
            raise
        click.echo(f"{name}: {text}", err=True)
        exit_code: int = getattr(error, "exit_code", 2)
        return exit_code
    return code if isinstance(code, int) else 0


def _mendable(error: Exception) -> str | None:
    """Return what to print of an error that an operator can mend; None for a bug."""
    from kmip_app.configuration.config import StartError
    from kmip_app.system_errors import described

    if isinstance(error, StartError):
        return str(error)
    return described(error) if isinstance(error, OSError) else None
