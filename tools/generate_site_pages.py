"""Writes the pages of the site that are made of the code when the site is built: command line, API of core and client.

They are not kept in the repository: docs/conf.py calls this, and docs/generated is ignored.
"""

import enum
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import click

CORE: Final = (
    "enums",
    "structures",
    "objects",
    "attributes",
    "lifecycle",
    "rules",
    "attribute_rules",
    "policy",
    "errors",
)
"""Modules for those who unit-test rules."""

CLIENT: Final = ("blocking", "asynchronous", "requests", "errors")


def write_pages(folder: Path) -> None:
    """Write all pages into the folder; a page that has not changed is left alone, so that it is not built anew."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / name, "\n".join(page()) + "\n"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


# --- command line ---------------------------------------------------------------------------------------------------


def commands_page() -> Iterator[str]:
    """Yield the command line reference."""
    from kmip_app import cli

    yield from ("# Command line", "", "`kmipd COMMAND -h` prints the same. Without a command, `kmipd` serves.", "")
    for name, place in cli.COMMANDS.items():
        yield from _command(cli.command_at(place), f"kmipd {name}", 2)


def _command(command: click.Command, words: str, level: int) -> Iterator[str]:
    from kmip_app.cli import CONTEXT

    context = click.Context(command, info_name=words, **CONTEXT)
    yield from (f"{'#' * level} {words}", "", *_paragraphs(command.help or ""), "")
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            child = command.get_command(context, word)
            assert child is not None
            yield from _command(child, f"{words} {word}", level + 1)
        return
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    yield from ("```", usage, "```", "")
    records = [record for p in command.get_params(context) if (record := p.get_help_record(context)) is not None]
    if records:
        yield from ("| Option | Meaning |", "|---|---|")
        yield from (f"| `{_cell(option)}` | {_escaped(_cell(text))} |" for option, text in records)
        yield ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# --- API ------------------------------------------------------------------------------------------------------------


def core_page() -> Iterator[str]:
    """Yield the API of the core."""
    import kmip_core

    yield "# API of kmip_core"
    yield ""
    yield "Pure Python that needs attrs alone: objects, life cycle and rules, for programs and for unit tests of rules."
    yield "`Engine` and operations are in the [architecture](../explanation/architecture.md)."
    yield ""
    for name in CORE:
        yield from _module(f"{kmip_core.__name__}.{name}")


def client_page() -> Iterator[str]:
    """Yield the API of the client."""
    yield from ("# API of kmip_app.client", "", "How to use it: [the Python client](../client.md).", "")
    for name in CLIENT:
        yield from _module(f"kmip_app.client.{name}")


def _module(name: str) -> Iterator[str]:
    __import__(name)
    module = sys.modules[name]
    yield from (f"## {name}", "", *_paragraphs(inspect.getdoc(module) or ""), "")
    for member, value in _public(module):
        if inspect.isclass(value):
            yield from _class(member, value)
        elif inspect.isfunction(value):
            yield from _function(member, value, 3)


def _public(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            yield name, value


def _class(name: str, kind: type) -> Iterator[str]:
    yield from (f"### {name}", "", *_paragraphs(kind.__doc__ or ""), "")
    if issubclass(kind, enum.Enum):
        values = ", ".join(f"`{member.name}`" for member in kind)
        yield from (values, "")
    elif attrs.has(kind) and not issubclass(kind, Exception):
        fields = [a for a in attrs.fields(kind) if not a.name.startswith("_")]
        if fields:
            yield from ("```python", f"{name}({', '.join(_field(a) for a in fields)})", "```", "")
    for member, value in vars(kind).items():
        if not member.startswith("_") and inspect.isfunction(value):
            yield from _function(f"{name}.{member}", value, 4)
    if name in ("KmipClient", "AsyncKmipClient"):
        for base in kind.__mro__[1:-1]:
            for member, value in vars(base).items():
                if not member.startswith("_") and inspect.isfunction(value) and member not in vars(kind):
                    yield from _function(f"{name}.{member}", value, 4)


def _field(a: Any) -> str:
    if a.default is attrs.NOTHING:
        return f"{a.name}: {_type(a.type)}"
    shown = "..." if isinstance(a.default, attrs.Factory) else repr(a.default)
    return f"{a.name}: {_type(a.type)} = {shown if len(shown) < 40 else '...'}"


_PACKAGES: Final = re.compile(r"\b(?:kmip_core|kmip_app|typing|collections\.abc)(?:\.\w+)*\.(\w+)")
"""What stands before a name where people need only the name."""


def _type(kind: Any) -> str:
    text = kind.__name__ if isinstance(kind, type) else str(kind)
    return _PACKAGES.sub(r"\1", text)


def _function(name: str, function: Callable[..., Any], level: int) -> Iterator[str]:
    signature = re.sub(
        r"\b(?:kmip_core|kmip_app|typing|collections\.abc)(?:\.\w+)*\.(\w+)", r"\1", str(inspect.signature(function))
    )
    signature = re.sub(r"<(\w+)\.(\w+): [^>]*>", r"\1.\2", signature)
    word = "async def" if inspect.iscoroutinefunction(function) else "def"
    yield from (f"{'#' * level} {name}", "", "```python")
    yield from textwrap.wrap(f"{word} {name.rpartition('.')[2]}{signature}", 110, subsequent_indent="    ")
    yield from ("```", "", *_paragraphs(inspect.getdoc(function) or ""), "")


def _paragraphs(text: str) -> Iterator[str]:
    """Yield a docstring as Markdown: prose as paragraphs, indented parts as they are."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = part.splitlines()
        if any(line.startswith("    ") for line in lines):
            yield from ("```", *lines, "```", "")
        else:
            yield from (_escaped(" ".join(lines)), "")


def _escaped(text: str) -> str:
    """Return prose in which Markdown finds nothing but code between backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_<>\[\]#{}~$])", r"\\\1", part) for part in parts)


PAGES: Final = {"commands.md": commands_page, "core-api.md": core_page, "client-api.md": client_page}
