"""`kmipd inspect FILE|-`: KMIP messages made readable, and what is wrong with them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.context import CONTEXT
from kmip_app.configuration.config import StartError
from kmip_app.printable import printable

if TYPE_CHECKING:
    from kmip_adapters.ttlv.encodings.items import Item
    from kmip_app.inspection.sources import Found

FORMS: Final = ("text", "json", "xml")
LARGEST: Final = 256 * 1024 * 1024  # bytes of a file


def inspect(file: Path, form: str, as_json: bool, show_secrets: bool) -> int:
    """Show the KMIP messages in FILE (- for standard input), and what the standard does not allow in them.

    FILE is TTLV, XML or JSON, hexadecimal or base64 of TTLV, a packet capture, or what `kmipd serve --tap` has written.
    Key material, data and passwords are hidden. Exit code 0 if nothing is wrong, 1 if something is.
    """
    from kmip_app.inspection.sources import NoMessage, messages

    data = sys.stdin.buffer.read(LARGEST + 1) if str(file) == "-" else _content(file)
    if len(data) > LARGEST:
        raise StartError(f"{file}: more than {LARGEST:,} bytes are not read")
    try:
        found = messages(data)
    except NoMessage as error:
        raise StartError(f"{file}: {error}") from error
    if as_json or form == "json":
        click.echo(json.dumps({"messages": [_as_json(one, show_secrets) for one in found]}, indent=2))
    else:
        for number, one in enumerate(found):
            if number:
                click.echo()
            _print(one, form, show_secrets)
    return 1 if any(one.violations for one in found) else 0


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(LARGEST + 1)


def _print(found: "Found", form: str, show_secrets: bool) -> None:
    comment = ("<!-- ", " -->") if form == "xml" else ("", "")
    if found.source:
        click.echo(f"{comment[0]}{_safe(found.source, form)}: {found.encoding}{comment[1]}")
    if found.item is not None:
        click.echo(_text(found.item, form, show_secrets))
    for violation in found.violations:
        text = f"wrong: {violation.where}: {violation.text} ({violation.section})"
        click.echo(f"{comment[0]}{_safe(text, form)}{comment[1]}")


def _safe(text: str, form: str) -> str:
    text = printable(text)
    return text.replace("--", "- -") if form == "xml" else text


def _text(item: "Item", form: str, show_secrets: bool) -> str:
    from kmip_adapters.ttlv.encodings import items, xml
    from kmip_app.inspection.redaction import redacted
    from kmip_app.inspection.text import lines
    from kmip_core.errors import KmipError

    if form == "xml":
        try:
            return xml.encode(item if show_secrets else redacted(item)).decode()
        except KmipError as error:
            raise StartError(f"XML cannot hold the message: {error.message}; write --format text") from error
    return "\n".join(map(printable, lines(item) if show_secrets else items.describe(item).splitlines()))


def _as_json(found: "Found", show_secrets: bool) -> dict[str, Any]:
    from kmip_adapters.ttlv.encodings import json as kmip_json
    from kmip_app.inspection.redaction import redacted
    from kmip_core.errors import KmipError

    record: dict[str, Any] = {"source": found.source, "encoding": found.encoding}
    if found.item is not None:
        try:
            record["message"] = json.loads(kmip_json.encode(found.item if show_secrets else redacted(found.item)))
        except KmipError as error:
            raise StartError(f"JSON cannot hold the message: {error.message}; write --format text") from error
    record["violations"] = [{"where": one.where, "text": one.text, "section": one.section} for one in found.violations]
    return record


command = click.Command(
    "inspect",
    callback=inspect,
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE|-"),
        click.Option(["--format", "form"], type=click.Choice(FORMS), default="text", show_default=True),
        click.Option(["--json", "as_json"], is_flag=True, help="Short for --format json: messages and violations."),
        click.Option(["--show-secrets"], is_flag=True, help="Show key material, data and passwords too."),
    ],
    help=inspect.__doc__,
    context_settings=CONTEXT,
)
