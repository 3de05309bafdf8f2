"""`kmipd man`: manual pages, made from the commands themselves: kmipd(1), and one page for each command."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from kmip_app.cli.context import CONTEXT
from kmip_app.version import VERSION

SUMMARY: Final = "KMIP key-management server, and client of any KMIP server"

EXIT_CODES: Final = (
    ("0", "done; all is well"),
    ("1", "the server refuses, or the answer is no"),
    ("2", "a mistake in the command line, the configuration or a file"),
    ("3", "a server, or the database of one that starts, cannot be reached, or an answer cannot be read"),
)


def man(out: Path) -> None:
    """Write the manual pages into the folder DIR: kmipd.1, kmipd-serve.1 and so on.

    Read one with `man ./kmipd.1`, or put them into a folder man1 of the manual's path.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name, page in pages():
        (out / f"{name}.1").write_text(page, "utf-8")
        click.echo(str(out / f"{name}.1"))


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page."""
    from kmip_app.cli import program

    context = click.Context(program, info_name="kmipd", **CONTEXT)
    yield "kmipd", _program_page(program, context)
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        assert command is not None, name  # noqa: S101  of its own list
        own = click.Context(command, info_name=f"kmipd {name}", **CONTEXT)
        yield f"kmipd-{name}", _command_page(command, own, f"kmipd-{name}")


def _program_page(program: click.Group, context: click.Context) -> str:
    lines = [*_head("kmipd", SUMMARY), ".SH SYNOPSIS", ".B kmipd", "[COMMAND] [OPTIONS]"]
    lines += [".SH DESCRIPTION", _text(program.help or ""), ".SH COMMANDS"]
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        lines += [".TP", f".BR kmipd-{_text(name)} (1)", _text(command.get_short_help_str(200) if command else "")]
    return "\n".join([*lines, *_tail()])


def _command_page(command: click.Command, context: click.Context, name: str) -> str:
    lines = [*_head(name, command.get_short_help_str(120)), ".SH SYNOPSIS", *_synopsis(command, context)]
    lines += [".SH DESCRIPTION", *_description(command)]
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            child = command.get_command(context, word)
            if child is not None:
                inner = click.Context(child, info_name=f"{context.info_name} {word}", **CONTEXT)
                lines += [f".SH {_text(inner.info_name or word).upper()}", *_synopsis(child, inner), ".PP"]
                lines += [*_description(child), *_options(child, inner)]
    else:
        lines += [".SH OPTIONS", *_options(command, context)]
    return "\n".join([*lines, *_tail()])


def _head(name: str, summary: str) -> list[str]:
    escaped = _text(name)
    return [f'.TH "{escaped.upper()}" "1" "" "kmipd {VERSION}" "kmipd"', ".SH NAME", f"{escaped} \\- {_text(summary)}"]


def _tail() -> list[str]:
    lines = [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", _text(meaning)]
    return [*lines, ".SH SEE ALSO", ".BR kmipd (1)", ""]


def _synopsis(command: click.Command, context: click.Context) -> list[str]:
    words = [word for word in command.collect_usage_pieces(context) if word]
    return [f".B {_text(context.info_name or '')}", _text(" ".join(words))]


def _description(command: click.Command) -> list[str]:
    paragraphs = re.split(r"\n\s*\n", (command.help or "").strip())
    return [line for paragraph in paragraphs for line in (".PP", _text(" ".join(paragraph.split())))][1:]


def _options(command: click.Command, context: click.Context) -> list[str]:
    lines: list[str] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            lines += [".TP", f".B {_text(record[0])}", _text(record[1])]
    return lines


def _text(text: str) -> str:
    r"""Return text for roff: backslashes and dashes escaped, no line that begins like a request."""
    escaped = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


command = click.Command(
    "man",
    callback=man,
    params=[
        click.Option(["--out"], type=click.Path(path_type=Path), default=Path("man1"), metavar="DIR", show_default=True)
    ],
    help=man.__doc__,
    context_settings=CONTEXT,
)
