"""What commands print: a table for people, plain lines for scripts, JSON for programs.

    --format table   with headings and rules: what a terminal gets
    --format plain   one line a row, columns separated by tabs, no headings: what a pipe gets
    --format json    everything; `--json` for short

On a terminal nothing that a server sent can move the cursor or begin a line (`printable`).
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from kmip_app.printable import printable

FORMATS: Final = ("table", "plain", "json")


def output_options() -> list[click.Parameter]:
    """Return --json and --format."""
    return [
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON; short for --format json."),
        click.Option(
            ["--format", "form"],
            type=click.Choice(FORMATS),
            help="How to print.  [default: table on a terminal, else plain]",
        ),
    ]


def chosen_form(values: Mapping[str, Any]) -> str:
    """Return the format that a command line asks for."""
    if values.get("as_json"):
        return "json"
    form: str | None = values.get("form")
    return form or ("table" if sys.stdout.isatty() else "plain")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], form: str) -> None:
    """Print one line a row.  columns: field -> heading; JSON has all fields."""
    if form == "json":
        print_json(list(rows))
    elif form == "plain":
        for row in rows:
            click.echo("\t".join(_cell(row.get(field)) for field in columns))
    else:
        _print_table(list(columns.values()), [[_cell(row.get(field)) for field in columns] for row in rows])


def print_record(record: Mapping[str, Any], form: str, *, plain: Sequence[str] | None = None) -> None:
    """Print one object, a line for each field.  plain: the fields whose values alone a script gets."""
    if form == "json":
        print_json(record)
    elif form == "plain":
        if plain is not None:
            click.echo("\t".join(_cell(record.get(field)) for field in plain))
        else:
            for name, value in record.items():
                click.echo(f"{name}\t{_cell(value)}")
    else:
        _print_table(None, [[_heading(name), _cell(value)] for name, value in record.items()])


def print_stream(rows: Iterable[Sequence[str]], columns: Mapping[str, int], form: str) -> None:
    """Print rows as they come, of which there may be more than memory holds: as a table, or as plain lines.

    columns: heading -> the width that most values keep to; a longer value moves the rest of its line.
    """
    separator, widths = "\t", [0] * len(columns)
    if form == "table":
        separator, widths = "  ", list(columns.values())
        click.echo(_line(columns, separator, widths))
        click.echo(_line(["-" * width for width in widths], separator, widths))
    for row in rows:
        click.echo(_line(row, separator, widths))


def _line(cells: Iterable[str], separator: str, widths: Sequence[int]) -> str:
    padded = [printable(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return separator.join(padded).rstrip(" ")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _heading(name: str) -> str:
    return name if "-" in name else name.replace("_", " ")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_cell(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{_heading(name)} {_cell(one)}" for name, one in value.items())
    return printable(str(value))


def _print_table(headings: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # of no use to scripts
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_header=headings is not None, pad_edge=False)
    for number in range(len(headings) if headings is not None else 2):
        table.add_column(
            headings[number] if headings is not None else "",
            no_wrap=number == 0,
            style="bold" if headings is None and number == 0 else None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = _WIDE
    console.print(table)


_WIDE: Final = 160  # columns, where no terminal says
