"""A file of any kind -> the messages in it: packet capture, tap, hexadecimal, base64, TTLV, XML or JSON."""

import base64
import binascii
import json as text_json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from attrs import field

from kmip_adapters.ttlv.encodings import json, xml
from kmip_adapters.ttlv.encodings.items import DecodingError, Item
from kmip_app.inspection import lenient, pcap
from kmip_app.inspection.lenient import Violation
from kmip_app.inspection.violations import of_message
from kmip_core.classes import frozen

REQUEST_OR_RESPONSE: Final = (b"\x42\x00\x78\x01", b"\x42\x00\x7b\x01")
MESSAGE_ENCODINGS: Final = "KMIP Additional Message Encodings 1.0"
TLS_RECORD: Final = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


class NoMessage(ValueError):
    """Input in which no KMIP message can be found; the text says what it seems to be."""


@frozen(kw_only=True)
class Found:
    """One message of a file.

    source: where in the file it was; "" where it is all of it.  encoding: TTLV, XML or JSON.
    item: None if nothing of it can be read.  violations: what is wrong with it.
    """

    source: str
    encoding: str
    item: Item | None = field(repr=False)
    violations: tuple[Violation, ...]


def messages(data: bytes) -> list[Found]:
    """Return all messages in the content of a file.  Raises NoMessage."""
    found = list(_messages(data))
    if not found:
        raise NoMessage("there is no KMIP message in it")
    return found


def _messages(data: bytes) -> Iterator[Found]:
    if pcap.is_pcap(data):
        yield from _of_capture(data)
        return
    if data[:4] in REQUEST_OR_RESPONSE or (data[:1] in (b"\x42", b"\x54") and not _is_text(data)):
        yield from _of_bytes(data, "")
        return
    if not _is_text(data):
        raise NoMessage("it is neither text nor TTLV, whose messages begin with 42 00 78 or 42 00 7B")
    text = data.decode("utf-8-sig").strip()
    if text.startswith("<"):
        yield from _of_xml(text)
    elif text.startswith(("{", "[")):
        yield from _of_json(text)
    elif text:
        yield from _of_lines(text)


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t" for character in text)


# --- TTLV -----------------------------------------------------------------------------------------------------------


def _of_bytes(data: bytes, source: str) -> Iterator[Found]:
    """Yield the messages that follow each other in some bytes."""
    offset = 0
    while offset < len(data):
        length = 8 + int.from_bytes(data[offset + 4 : offset + 8])
        is_last = offset + length >= len(data) or data[offset + length : offset + length + 4] not in REQUEST_OR_RESPONSE
        part = data[offset:] if is_last else data[offset : offset + length]
        item, wrong = lenient.read(part)
        wrong += of_message(item) if item is not None else []
        place = f"{source}, byte {offset}" if source and offset else source or (f"byte {offset}" if offset else "")
        yield Found(source=place, encoding="TTLV", item=item, violations=tuple(wrong))
        offset += len(part)


def _of_capture(data: bytes) -> Iterator[Found]:
    encrypted = 0
    for place, octets in pcap.streams(data):
        start = min((at for mark in REQUEST_OR_RESPONSE if (at := octets.find(mark)) >= 0), default=None)
        if start is not None:
            yield from _of_bytes(octets[start:], place)
        elif TLS_RECORD.match(octets):
            encrypted += 1
    if encrypted:
        text = f"{encrypted} streams of the capture are TLS and cannot be read; record with kmipd serve --tap"
        yield Found(
            source="capture",
            encoding="TLS",
            item=None,
            violations=(Violation(where="capture", text=text, section="RFC 8446"),),
        )


# --- text -----------------------------------------------------------------------------------------------------------


def _of_lines(text: str) -> Iterator[Found]:
    """Yield what hexadecimal or base64 stands for: all lines together, else each line or paragraph by itself."""
    whole = _octets(text)
    if whole is not None:
        yield from _of_bytes(whole, "")
        return
    for number, line in enumerate(text.splitlines(), 1):
        octets = _octets(line)
        if octets is not None:
            yield from _of_bytes(octets, f"line {number}")


_DUMP: Final = re.compile(
    r"^\s*(?:0x)?[0-9a-fA-F]{4,8}(?::\s*|\s+)(?P<octets>(?:(?:[0-9a-fA-F]{2}){1,8}\s{1,2})*(?:[0-9a-fA-F]{2}){1,8})(?:\s+\S.*)?$"
)
"""A line of xxd, hexdump -C or Wireshark: offset, octets, characters."""

_DUMPED: Final = 16  # octets in a line


def _octets(text: str) -> bytes | None:
    """Return the bytes of hexadecimal (plain, with 0x, colons or commas, or a dump) or base64; None for other text."""
    bare = re.sub(r"0x|\\x|[\s:,]", "", text)
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", bare):
        found = bytes.fromhex(bare)
        if found[:1] in (b"\x42", b"\x54"):
            return found
    dumped = [_DUMP.match(line) for line in text.splitlines() if line.strip()]
    if dumped and all(dumped):
        lines = ["".join(line["octets"].split())[: 2 * _DUMPED] for line in dumped if line]
        return bytes.fromhex("".join(lines))
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        return None
    return decoded if decoded[:1] in (b"\x42", b"\x54") else None


def _of_xml(text: str) -> Iterator[Found]:
    """Yield a message, or those of an official test case, which stand in one element KMIP."""
    from xml.etree.ElementTree import ParseError, fromstring

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NoMessage("XML with a document type is not read")
    try:
        root = fromstring(text)  # noqa: S314  no entities: refused above
    except ParseError as error:
        raise NoMessage(f"the XML cannot be read: {error}") from error
    parts = list(root) if root.tag.rpartition("}")[2] == "KMIP" else [root]
    for number, element in enumerate(parts, 1):
        source = f"message {number}" if len(parts) > 1 else ""
        element.tail = None
        yield _decoded(partial(xml.decode, element), "XML", source)


def _of_json(text: str) -> Iterator[Found]:
    """Yield a message, or a list of them, or what each line of a tap holds."""
    try:
        found = text_json.loads(text)
    except ValueError:
        yield from _of_tap(text)
        return
    if isinstance(found, dict) and {"request", "response"} & found.keys():
        yield from _of_tap(text_json.dumps(found))
        return
    if not isinstance(found, list):
        yield _decoded(partial(json.decode, text), "JSON", "")
        return
    for number, part in enumerate(found, 1):
        source = f"message {number}" if len(found) > 1 else ""
        yield _decoded(partial(json.decode, text_json.dumps(part)), "JSON", source)


def _of_tap(text: str) -> Iterator[Found]:
    for number, line in enumerate(text.splitlines(), 1):
        try:
            record = text_json.loads(line)
        except ValueError as error:
            raise NoMessage(f"line {number} is neither JSON nor a record of a tap: {error}") from error
        for side in ("request", "response"):
            octets = record.get(side) if isinstance(record, dict) else None
            if isinstance(octets, str) and octets:
                where = " ".join(str(record[key]) for key in ("time", "client") if key in record)
                yield from _of_bytes(bytes.fromhex(octets), f"line {number}, {side}{f', {where}' if where else ''}")


def _decoded(decode: Callable[[], Item], encoding: str, source: str) -> Found:
    try:
        item = decode()
    except DecodingError as error:
        wrong = (Violation(where="message", text=error.message, section=MESSAGE_ENCODINGS),)
        return Found(source=source, encoding=encoding, item=None, violations=wrong)
    return Found(source=source, encoding=encoding, item=item, violations=tuple(of_message(item)))
