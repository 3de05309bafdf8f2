"""The command line: `kmipd` = `python -m kmip_app`. One module per command; this one lists them.

Every failure that an operator can mend is one line on stderr and exit code 2, never a traceback.
"""

from collections.abc import Sequence
from typing import Final

import click
import typer

import kmip_app
from kmip_app.cli import client_cert, serve
from kmip_app.config import StartError

DEFAULT_COMMAND: Final = "serve"
_OF_THE_PROGRAM: Final = ("-h", "--help", "--version")

app = typer.Typer(
    name="kmipd",
    help="A KMIP key-management server. Without a command it serves; `kmipd serve -h` lists the options.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve.serve)
app.command("client-cert")(client_cert.client_cert)


def _tell_version(value: bool) -> None:
    if value:
        typer.echo(f"kmipd {kmip_app.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(False, "--version", help="Tell the version.", callback=_tell_version, is_eager=True),
) -> None:
    """A KMIP key-management server. Without a command it serves; `kmipd serve -h` lists the options."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit code: 0, or 2 for what an operator can mend."""
    words = list(arguments)
    if not words or (words[0].startswith("-") and words[0] not in _OF_THE_PROGRAM):
        words.insert(0, DEFAULT_COMMAND)
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name="kmipd", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (StartError, OSError) as error:
        typer.echo(f"kmipd: {error}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    return code if isinstance(code, int) else 0
