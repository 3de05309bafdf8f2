"""The command line: `kmipd` = `python -m kmip_app`. One module per command; this one lists them.

Every failure that an operator can mend is told on stderr with exit code 2, never by a traceback.
"""

from collections.abc import Sequence
from typing import Final

import click

from kmip_app.cli import (
    archive,
    backup,
    check_config,
    client_cert,
    import_pykmip,
    password,
    policy,
    restore,
    rotate_root_key,
    serve,
    verify,
)
from kmip_app.cli.options import CONTEXT
from kmip_app.configuration.config import StartError
from kmip_app.system_errors import told
from kmip_app.version import VERSION

COMMANDS: Final = (
    serve.command,
    client_cert.command,
    check_config.command,
    policy.command,
    password.command,
    import_pykmip.command,
    backup.command,
    restore.command,
    verify.command,
    rotate_root_key.command,
    rotate_root_key.data_key_command,
    archive.export_command,
    archive.import_command,
)
DEFAULT_COMMAND: Final = "serve"
_OF_THE_PROGRAM: Final = ("-h", "--help", "--version")


class Program(click.Group):
    """All commands; the help has the options of `serve` too, since that is what runs without a command."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options of the default one."""
        super().format_commands(ctx, formatter)
        serve.command.format_all(ctx, formatter, "Options of serve")


def _tell_version(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"kmipd {VERSION}")
        ctx.exit()


program = Program(
    "kmipd",
    commands={command.name or "": command for command in COMMANDS},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_tell_version,
            help="Tell the version.",
        )
    ],
    help="A KMIP key-management server. Without a command it serves.",
    context_settings=CONTEXT,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit code: 0, or 2 for what an operator can mend."""
    words = list(arguments)
    if not words or (words[0].startswith("-") and words[0] not in _OF_THE_PROGRAM):
        words.insert(0, DEFAULT_COMMAND)
    return run_command(program, words, "kmipd")


def run_command(command: click.Command, words: Sequence[str], name: str) -> int:
    """Run one click command and return the exit code."""
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
    except StartError as error:
        click.echo(f"{name}: {error}", err=True)
        return 2
    except OSError as error:
        click.echo(f"{name}: {told(error)}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    return code if isinstance(code, int) else 0
