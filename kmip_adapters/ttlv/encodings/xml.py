"""The XML encoding: items <-> elements. KMIP Additional Message Encodings 1.0 §6.1.

The decoder makes items as it reads, so that depth and number are bounded, and refuses document type declarations (and
with them entities), text between elements, and attributes that no element has.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from kmip_adapters.ttlv.encodings import text
from kmip_adapters.ttlv.encodings.items import DEFAULT_LIMITS, DecodingError, Item, Limits, UnwritableText, tag_name
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType
from kmip_core.structures import ProtocolVersion

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMESPACE: Final = "{urn:oasis:tc:kmip:xmlns}"
ATTRIBUTES: Final = frozenset({"tag", "name", "type", "value"})
"""What an element may have."""


@cache  # here and below: a server has this module even where no client writes XML
def xml_text() -> re.Pattern[str]:
    """Return what matches the characters that XML 1.0 can carry; §2.2 of it."""
    return re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


@cache
def _version() -> re.Pattern[bytes]:
    return re.compile(
        rb'<ProtocolVersionMajor[^>]{0,100}?value="(\d{1,3})"[^>]{0,20}>\s{0,100}'
        rb'(?:</ProtocolVersionMajor>\s{0,100})?<ProtocolVersionMinor[^>]{0,100}?value="(\d{1,3})"'
    )


_BEGINNING: Final = 4096  # bytes in which a header has its version


def decode(source: "str | bytes | Element", limits: Limits = DEFAULT_LIMITS) -> Item:
    """Return the item that one element, or the text of one, stands for.

    source: text, UTF-8 bytes, or an element parsed elsewhere.
    Raises DecodingError if it is malformed, names what the tables do not have, or exceeds `limits`.
    """
    builder = _Builder(limits)
    if isinstance(source, str | bytes):
        _parse(source, builder)
    else:
        _walk(source, builder)
    return builder.close()


def encode(item: Item) -> bytes:
    """Return `item` as indented XML in UTF-8.  Raises UnwritableText if a text holds characters XML cannot carry."""
    lines: list[str] = []
    _write(item, None, 0, lines)
    return "\n".join(lines).encode()


def encode_after(begun: bytes, tag: int, items: Iterable[Item]) -> bytes:
    """Return the element of a structure.  begun: its first member, encoded already.  Raises UnwritableText."""
    name, opening = _names(tag)
    lines = [f"<{opening}>", begun.decode()]
    for item in items:
        _write(item, None, 1, lines)
    lines.append(f"</{name}>")
    return "\n".join(lines).encode()


def announced_version(data: bytes) -> ProtocolVersion | None:
    """Return the version at the beginning of a message, which may be broken; None if it is not there."""
    found = _version().search(data[:_BEGINNING])
    return None if found is None else ProtocolVersion(int(found[1]), int(found[2]))


# --- reading ----------------------------------------------------------------------------------------------


def _parse(source: str | bytes, builder: "_Builder") -> None:
    from xml.etree.ElementTree import ParseError, XMLParser

    if len(source) > text.MAX_TEXT_LENGTH:
        raise DecodingError(f"the text must not exceed {text.MAX_TEXT_LENGTH} bytes")
    parser = XMLParser(target=builder)  # noqa: S314  # the builder refuses DTDs, hence entities
    try:
        parser.feed(source if isinstance(source, str) else str(source, "utf-8"))
        parser.close()
    except UnicodeError as error:
        raise DecodingError("the text must be UTF-8") from error
    except ParseError as error:
        raise DecodingError(f"not well-formed XML: {error}") from None


def _walk(element: "Element", builder: "_Builder") -> None:
    builder.start(element.tag, element.attrib)
    for child in element:
        if isinstance(child.tag, str):  # comments and processing instructions have functions for tags
            _walk(child, builder)
    builder.end(element.tag)


class _Builder:
    """Target of the parser: makes items of the elements that open and close."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = limits.max_items
        self._open: list[tuple[int, Mapping[str, str]]] = []
        self._siblings: list[list[Item]] = [[]]  # of the outermost element first

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise DecodingError("a document type declaration is not accepted")

    def data(self, characters: str) -> None:
        if characters.strip(" \t\r\n"):
            raise DecodingError("text between elements is not accepted; a value is an attribute")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise DecodingError("too many items")
        if len(self._open) >= self._limits.max_depth:
            raise DecodingError(f"structures are nested deeper than {self._limits.max_depth}")
        if not attributes.keys() <= ATTRIBUTES:
            raise DecodingError(f"an element has no attributes but {', '.join(sorted(ATTRIBUTES))}")
        name = name.removeprefix(NAMESPACE)
        self._open.append((text.tag_code(attributes.get("tag", "") if name == "TTLV" else name), attributes))
        self._siblings.append([])

    def end(self, name: str) -> None:
        tag, attributes = self._open.pop()
        children = self._siblings.pop()
        siblings = self._siblings[-1]
        item_type = text.item_type_of(attributes.get("type", "Structure"))
        value = attributes.get("value")
        if item_type is ItemType.STRUCTURE:
            if value is not None:
                raise DecodingError("a Structure has elements inside, no value")
            siblings.append(Item(tag, item_type, tuple(children)))
            return
        if children or value is None:
            raise DecodingError(f"an element of type {attributes['type']} must have a value and no children")
        try:
            read = self._read(value, item_type, text.enumeration_of(tag, siblings))
        except (ValueError, OverflowError):
            raise DecodingError(f"the value of {tag_name(tag)} is no {attributes['type']}") from None
        siblings.append(Item(tag, item_type, read))

    def close(self) -> Item:
        if not self._siblings[0]:
            raise DecodingError("no element")
        return self._siblings[0][0]

    def _read(self, value: str, item_type: ItemType, enumeration: tables.Enumeration | None) -> int | str | bytes:
        if item_type in text.TEXTS:
            return value
        value = value.strip(" \t\r\n")
        if item_type is ItemType.BIG_INTEGER:
            return text.read_big_integer(value.removeprefix("0x"), self._limits.max_big_integer)
        return READERS[item_type](value, enumeration)


def _read_integer(value: str, enumeration: tables.Enumeration | None) -> int:
    words = value.split()
    if enumeration is None or not enumeration.is_mask or (len(words) == 1 and words[0][0] in "-+0123456789"):
        return text.read_number(value, ItemType.INTEGER)
    return text.read_mask(words, enumeration)


def _read_boolean(value: str, _: object) -> bool:
    if value not in ("true", "false", "1", "0"):
        raise ValueError
    return value in ("true", "1")


def _read_instant(value: str, item_type: ItemType) -> int:
    """Read a date, or a number, which runners of test cases write decimally."""
    return text.read_number(value, item_type) if _NUMBER.fullmatch(value) else text.read_instant(value, item_type)


_NUMBER: Final = re.compile("[-+]?[0-9]+")

READERS: Final[Mapping[ItemType, Callable[[str, tables.Enumeration | None], int | bytes]]] = {
    ItemType.INTEGER: _read_integer,
    ItemType.LONG_INTEGER: lambda value, _: text.read_number(value, ItemType.LONG_INTEGER),
    ItemType.ENUMERATION: text.read_enumeration,
    ItemType.BOOLEAN: _read_boolean,
    ItemType.BYTE_STRING: lambda value, _: text.read_octets(value),
    ItemType.DATE_TIME: lambda value, _: _read_instant(value, ItemType.DATE_TIME),
    ItemType.INTERVAL: lambda value, _: text.read_number(value, ItemType.INTERVAL),
    ItemType.DATE_TIME_EXTENDED: lambda value, _: _read_instant(value, ItemType.DATE_TIME_EXTENDED),
}


# --- writing ----------------------------------------------------------------------------------------------


def _names(code: int) -> tuple[str, str]:
    """Return the name of an element, and what opens it."""
    tag = tables.tag_by_code(code)
    return (tag.xml_name, tag.xml_name) if tag else ("TTLV", f'TTLV tag="0x{code:06X}"')


_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _quoted(value: str) -> str:
    """Return an attribute's value with its quotation marks.

    `xml.sax.saxutils.quoteattr` would bring clients of HTTP and parsers of mail into every server's start.
    """
    escaped = value.translate(_ESCAPES)
    if '"' not in escaped:
        return f'"{escaped}"'
    if "'" not in escaped:
        return f"'{escaped}'"
    return '"' + escaped.replace('"', "&quot;") + '"'


def _write(item: Item, attribute_name: Item | None, depth: int, lines: list[str]) -> None:
    indent = "  " * depth
    name, opening = _names(item.tag)
    if not isinstance(item.value, tuple):
        enumeration = text.enumeration_of(item.tag, [attribute_name] if attribute_name else [])
        value = WRITERS[item.type](item.value, enumeration)
        quoted = _quoted(value)
        lines.append(f'{indent}<{opening} type="{text.NAMES_BY_TYPE[item.type]}" value={quoted}/>')
    elif not item.value:
        lines.append(f"{indent}<{opening}/>")
    else:
        lines.append(f"{indent}<{opening}>")
        named: Item | None = None
        for child in item.value:
            _write(child, named, depth + 1, lines)
            if child.tag == text.ATTRIBUTE_NAME and named is None:
                named = child
        lines.append(f"{indent}</{name}>")


def _write_integer(value: int, enumeration: tables.Enumeration | None) -> str:
    if enumeration is None or not enumeration.is_mask:
        return str(value)
    return " ".join(text.mask_names(value, enumeration))


def _write_text(value: str, _: object) -> str:
    if not xml_text().fullmatch(value):
        raise UnwritableText("a text of the answer holds a character that XML cannot carry")
    return value


WRITERS: Final[Mapping[ItemType, Callable[[Any, tables.Enumeration | None], str]]] = {
    ItemType.INTEGER: _write_integer,
    ItemType.LONG_INTEGER: lambda value, _: str(value),
    ItemType.BIG_INTEGER: lambda value, _: text.write_big_integer(value),
    ItemType.ENUMERATION: text.write_enumeration,
    ItemType.BOOLEAN: lambda value, _: "true" if value else "false",
    ItemType.BYTE_STRING: lambda value, _: value.hex().upper(),
    ItemType.DATE_TIME: lambda value, _: text.write_instant(value, ItemType.DATE_TIME),
    ItemType.INTERVAL: lambda value, _: str(value),
    ItemType.DATE_TIME_EXTENDED: lambda value, _: text.write_instant(value, ItemType.DATE_TIME_EXTENDED),
    **dict.fromkeys(text.TEXTS, _write_text),
}
