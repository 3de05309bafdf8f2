"""The XML encoding: items <-> elements. KMIP Additional Message Encodings 1.0 §6.1.

The text form needs names: of tags, enumeration values and mask bits. They come from the tables; what has no
name is written as hexadecimal number, and every number is accepted so. The decoder makes items as it reads
and refuses document type declarations (and with them entities), so that the text bounds its memory.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.sax.saxutils import quoteattr

from kmip_adapters.ttlv.encodings.items import DEFAULT_LIMITS, DecodingError, Item, Limits
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType

NAMESPACE: Final = "{urn:oasis:tc:kmip:xmlns}"
MAX_TEXT_LENGTH: Final = 4 * 1024 * 1024  # characters: hex doubles a message of 1 MiB, names do the rest
ATTRIBUTE_NAME: Final = 0x42000A
ATTRIBUTE_VALUE: Final = 0x42000B
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

TYPES_BY_NAME: Final[Mapping[str, ItemType]] = {
    item_type.name.title().replace("_", ""): item_type
    for item_type in ItemType
    if item_type <= ItemType.DATE_TIME_EXTENDED
}
NAMES_BY_TYPE: Final[Mapping[ItemType, str]] = {item_type: name for name, item_type in TYPES_BY_NAME.items()}

# Bits of the fixed-width types, and whether their numbers have a sign.
WIDTHS: Final[Mapping[ItemType, tuple[int, bool]]] = {
    ItemType.INTEGER: (32, True),
    ItemType.LONG_INTEGER: (64, True),
    ItemType.ENUMERATION: (32, False),
    ItemType.DATE_TIME: (64, True),
    ItemType.INTERVAL: (32, False),
    ItemType.DATE_TIME_EXTENDED: (64, True),
}

# The characters XML 1.0 can carry; §2.2 of it.
XML_TEXT: Final = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def decode(source: str | bytes | Element, limits: Limits = DEFAULT_LIMITS) -> Item:
    """Return the item that one element, or the text of one, stands for.

    source: text, UTF-8 bytes, or an element parsed elsewhere.
    Raises DecodingError if it is malformed, names what the tables do not have, or exceeds `limits`.
    """
    builder = _Builder(limits)
    if isinstance(source, Element):
        _walk(source, builder)
    else:
        _parse(source, builder)
    return builder.close()


def encode(item: Item) -> str:
    """Return `item` as indented XML text.  Raises ValueError if a text holds characters XML cannot carry."""
    lines: list[str] = []
    _write(item, None, 0, lines)
    return "\n".join(lines)


# --- reading ----------------------------------------------------------------------------------------------


def _parse(source: str | bytes, builder: "_Builder") -> None:
    if len(source) > MAX_TEXT_LENGTH:
        raise DecodingError(f"the text must not exceed {MAX_TEXT_LENGTH} characters")
    parser = XMLParser(target=builder)  # noqa: S314  # the builder refuses DTDs, hence entities
    try:
        parser.feed(source if isinstance(source, str) else str(source, "utf-8"))
        parser.close()
    except UnicodeError as error:
        raise DecodingError("the text must be UTF-8") from error
    except ParseError as error:
        raise DecodingError(f"not well-formed XML: {error}") from None


def _walk(element: Element, builder: "_Builder") -> None:
    builder.start(element.tag, element.attrib)
    for child in element:
        if isinstance(child.tag, str):  # comments and processing instructions have functions for tags
            _walk(child, builder)
    builder.end(element.tag)


class _Builder:
    """Target of the parser: makes items of the elements that open and close."""

    def __init__(self, limits: Limits) -> None:
        self._max_depth = limits.max_depth
        self._budget = limits.max_items
        self._open: list[tuple[int, Mapping[str, str]]] = []
        self._siblings: list[list[Item]] = [[]]  # of the outermost element first

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise DecodingError("a document type declaration is not accepted")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise DecodingError("too many items")
        if len(self._open) >= self._max_depth:
            raise DecodingError(f"structures are nested deeper than {self._max_depth}")
        self._open.append((_tag_code(name.removeprefix(NAMESPACE), attributes), attributes))
        self._siblings.append([])

    def end(self, name: str) -> None:
        tag, attributes = self._open.pop()
        children = self._siblings.pop()
        siblings = self._siblings[-1]
        item_type = TYPES_BY_NAME.get(attributes.get("type", "Structure"))
        if item_type is None:
            raise DecodingError(f"{attributes['type']!r} is no item type")
        if item_type is ItemType.STRUCTURE:
            siblings.append(Item(tag, item_type, tuple(children)))
            return
        text = attributes.get("value")
        if children or text is None:
            raise DecodingError(f"an element of type {attributes['type']} must have a value and no children")
        try:
            value = READERS[item_type](text, _enumeration_of(tag, siblings))
        except (ValueError, OverflowError):
            raise DecodingError(f"the value of {name} is no {attributes['type']}") from None
        siblings.append(Item(tag, item_type, value))

    def close(self) -> Item:
        if not self._siblings[0]:
            raise DecodingError("no element")
        return self._siblings[0][0]


def _tag_code(name: str, attributes: Mapping[str, str]) -> int:
    if name == "TTLV":
        name = attributes.get("tag", "")
        if re.fullmatch("0x(42|54)[0-9A-Fa-f]{4}", name):
            return int(name, 16)
    tag = tables.tag_by_xml_name(name)
    if tag is None:
        raise DecodingError(f"{name!r} is no tag")
    return tag.code


def _enumeration_of(tag: int, siblings: Iterable[Item]) -> tables.Enumeration | None:
    """Return the enumeration or mask of an item; that of an Attribute Value is the named attribute's."""
    if tag == ATTRIBUTE_VALUE:
        name = next((item.value for item in siblings if item.tag == ATTRIBUTE_NAME), None)
        found = tables.tag_by_name(name) if isinstance(name, str) else None
    else:
        found = tables.tag_by_code(tag)
    return tables.enumeration(found.enumeration) if found and found.enumeration else None


def _number(text: str, item_type: ItemType) -> int:
    bits, has_sign = WIDTHS[item_type]
    if re.fullmatch("0x[0-9A-Fa-f]{1,16}", text):
        number = int(text, 16)
        if has_sign and 1 << bits - 1 <= number < 1 << bits:
            number -= 1 << bits
    elif re.fullmatch("[-+]?[0-9]{1,20}", text):
        number = int(text)
    else:
        raise ValueError
    lowest, highest = (-1 << bits - 1, (1 << bits - 1) - 1) if has_sign else (0, (1 << bits) - 1)
    if not lowest <= number <= highest:
        raise ValueError
    return number


def _read_integer(text: str, enumeration: tables.Enumeration | None) -> int:
    """Read a number, or the names and hexadecimal parts of a mask in any mixture (§6.1.6.4)."""
    words = text.split()
    if enumeration is None or not enumeration.is_mask or (len(words) == 1 and words[0][0] in "-+0123456789"):
        return _number(text.strip(), ItemType.INTEGER)
    mask = 0
    for word in words:
        bit = enumeration.value_by_name.get(word)
        mask |= _number(word, ItemType.INTEGER) & 0xFFFFFFFF if bit is None else bit
    return mask - (1 << 32) if mask >> 31 else mask


def _read_enumeration(text: str, enumeration: tables.Enumeration | None) -> int:
    value = enumeration.value_by_name.get(text) if enumeration else None
    return _number(text, ItemType.ENUMERATION) if value is None else value


def _read_big_integer(text: str, _: object) -> int:
    data = bytes.fromhex(text.removeprefix("0x"))
    if not data:
        raise ValueError
    return int.from_bytes(data, "big", signed=True)


def _read_boolean(text: str, _: object) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise ValueError
    return text in ("true", "1")


def _read_instant(text: str, item_type: ItemType, unit: timedelta) -> int:
    if re.fullmatch("0x[0-9A-Fa-f]+|[-+]?[0-9]+", text):
        return _number(text, item_type)
    instant = datetime.fromisoformat(text)
    return ((instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - EPOCH) // unit


SECOND: Final = timedelta(seconds=1)
MICROSECOND: Final = timedelta(microseconds=1)

READERS: Final[Mapping[ItemType, Callable[[str, tables.Enumeration | None], int | str | bytes]]] = {
    ItemType.INTEGER: _read_integer,
    ItemType.LONG_INTEGER: lambda text, _: _number(text, ItemType.LONG_INTEGER),
    ItemType.BIG_INTEGER: _read_big_integer,
    ItemType.ENUMERATION: _read_enumeration,
    ItemType.BOOLEAN: _read_boolean,
    ItemType.TEXT_STRING: lambda text, _: text,
    ItemType.BYTE_STRING: lambda text, _: bytes.fromhex(text),
    ItemType.DATE_TIME: lambda text, _: _read_instant(text, ItemType.DATE_TIME, SECOND),
    ItemType.INTERVAL: lambda text, _: _number(text, ItemType.INTERVAL),
    ItemType.DATE_TIME_EXTENDED: lambda text, _: _read_instant(text, ItemType.DATE_TIME_EXTENDED, MICROSECOND),
}


# --- writing ----------------------------------------------------------------------------------------------


def _write(item: Item, attribute_name: Item | None, depth: int, lines: list[str]) -> None:
    indent = "  " * depth
    tag = tables.tag_by_code(item.tag)
    name, opening = (tag.xml_name, tag.xml_name) if tag else ("TTLV", f'TTLV tag="0x{item.tag:06X}"')
    if not isinstance(item.value, tuple):
        enumeration = _enumeration_of(item.tag, [attribute_name] if attribute_name else [])
        text = quoteattr(WRITERS[item.type](item.value, enumeration), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
        lines.append(f'{indent}<{opening} type="{NAMES_BY_TYPE[item.type]}" value={text}/>')
    elif not item.value:
        lines.append(f"{indent}<{opening}/>")
    else:
        lines.append(f"{indent}<{opening}>")
        named: Item | None = None
        for child in item.value:
            _write(child, named, depth + 1, lines)
            if child.tag == ATTRIBUTE_NAME and named is None:
                named = child
        lines.append(f"{indent}</{name}>")


def _write_integer(value: int, enumeration: tables.Enumeration | None) -> str:
    if enumeration is None or not enumeration.is_mask:
        return str(value)
    mask = value & 0xFFFFFFFF
    names = [name for bit, name in enumeration.name_by_value.items() if mask & bit]
    rest = mask & ~sum(enumeration.name_by_value)
    return " ".join([*names, f"0x{rest:08X}"] if rest or not names else names)


def _write_enumeration(value: int, enumeration: tables.Enumeration | None) -> str:
    name = enumeration.name_by_value.get(value) if enumeration else None
    return name or f"0x{value:08X}"


def _write_big_integer(value: int, _: object) -> str:
    bits = (~value if value < 0 else value).bit_length() + 1
    return value.to_bytes(-(-bits // 64) * 8, "big", signed=True).hex().upper()


def _write_text(value: str, _: object) -> str:
    if not XML_TEXT.fullmatch(value):
        raise ValueError("the text holds a character that XML cannot carry")
    return value


def _write_instant(value: int, unit: timedelta) -> str:
    try:
        return (EPOCH + value * unit).isoformat()
    except OverflowError:  # beyond the years 1 to 9999 of the calendar
        return f"0x{value & 0xFFFFFFFFFFFFFFFF:016X}"


WRITERS: Final[Mapping[ItemType, Callable[[Any, tables.Enumeration | None], str]]] = {
    ItemType.INTEGER: _write_integer,
    ItemType.LONG_INTEGER: lambda value, _: str(value),
    ItemType.BIG_INTEGER: _write_big_integer,
    ItemType.ENUMERATION: _write_enumeration,
    ItemType.BOOLEAN: lambda value, _: "true" if value else "false",
    ItemType.TEXT_STRING: _write_text,
    ItemType.BYTE_STRING: lambda value, _: value.hex().upper(),
    ItemType.DATE_TIME: lambda value, _: _write_instant(value, SECOND),
    ItemType.INTERVAL: lambda value, _: str(value),
    ItemType.DATE_TIME_EXTENDED: lambda value, _: _write_instant(value, MICROSECOND),
}
