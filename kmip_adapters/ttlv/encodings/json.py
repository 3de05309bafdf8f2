"""The JSON encoding: items <-> objects of tag, type and value. KMIP Additional Message Encodings 1.0 §4.1.

Depth and number of objects are judged before the text is parsed, so that nothing is built of what is refused.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from kmip_adapters.ttlv.encodings import text
from kmip_adapters.ttlv.encodings.items import DEFAULT_LIMITS, DecodingError, Item, Limits, tag_name
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType
from kmip_core.structures import ProtocolVersion

PROPERTIES: Final = frozenset({"tag", "name", "type", "value"})
"""What an object may have."""

PRECISE: Final = 2**52
"""From this magnitude on JavaScript's numbers are not exact: Long Integers are hexadecimal."""

# Possessive, and content with a string that does not end: linear in every text.
_STRINGS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")

_VERSION: Final = re.compile(
    rb'"ProtocolVersionMajor"[^{}]{0,100}?"value"\s{0,20}:\s{0,20}(\d{1,3})'
    rb'\D{0,100}?"ProtocolVersionMinor"[^{}]{0,100}?"value"\s{0,20}:\s{0,20}(\d{1,3})'
)
_BEGINNING: Final = 4096  # bytes in which a header has its version


def decode(source: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Item:
    """Return the item that the text of one object stands for.  source: text, or UTF-8 bytes.

    Raises DecodingError if it is malformed, names what the tables do not have, or exceeds `limits`.
    """
    return item_of(parse(source, limits), limits)


def parse(source: str | bytes, limits: Limits) -> Any:
    """Return the text as plain values.  Raises DecodingError if it is malformed or exceeds `limits`."""
    if len(source) > text.MAX_TEXT_LENGTH:
        raise DecodingError(f"the text must not exceed {text.MAX_TEXT_LENGTH} bytes")
    try:
        characters = source if isinstance(source, str) else str(source, "utf-8")
    except UnicodeDecodeError as error:
        raise DecodingError("the text must be UTF-8") from error
    _check_limits(characters, limits)
    try:
        return json.loads(
            characters, object_pairs_hook=_object, parse_float=_refuse_number, parse_constant=_refuse_number
        )
    except (ValueError, RecursionError) as error:
        raise DecodingError("not well-formed JSON") from error


def item_of(parsed: Any, limits: Limits) -> Item:
    """Return the item of a text that `parse` has read.  Raises DecodingError as `decode`."""
    return _Reader(limits).item(parsed, ())


def encode(item: Item) -> bytes:
    """Return `item` as compact JSON in UTF-8."""
    return _dump(_object_of(item, None))


def encode_as(name: str, item: Item) -> bytes:
    """Return `item` under a name that is no tag, with numbers for masks and for names that clients spell otherwise."""
    return _dump(_object_of(item, None, WRITERS_WITH_NUMBERS) | {"tag": name})


def encode_after(begun: bytes, tag: int, items: Iterable[Item]) -> bytes:
    """Return the object of a structure.  begun: its first member, encoded already."""
    members = b",".join((begun, *map(encode, items)))
    return b'{"tag":"%s","type":"Structure","value":[%s]}' % (_tag(tag).encode(), members)


def announced_version(data: bytes) -> ProtocolVersion | None:
    """Return the version at the beginning of a message, which may be broken; None if it is not there."""
    found = _VERSION.search(data[:_BEGINNING])
    return None if found is None else ProtocolVersion(int(found[1]), int(found[2]))


# --- reading ----------------------------------------------------------------------------------------------


def _check_limits(characters: str, limits: Limits) -> None:
    """Refuse a text with too many or too deeply nested objects and arrays; an item is one of each at most."""
    outside = _STRINGS.sub('"', characters)
    if outside.count("{") > limits.max_items or outside.count("[") > limits.max_items:
        raise DecodingError("too many items")
    if outside.count(",") > len(PROPERTIES) * limits.max_items:
        raise DecodingError("too many values")
    depth = 0
    for bracket in _BRACKETS.findall(outside):
        depth += 1 if bracket in "{[" else -1
        if depth > 2 * limits.max_depth:
            raise DecodingError(f"structures are nested deeper than {limits.max_depth}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DecodingError("an object has a property twice")
    if not found.keys() <= PROPERTIES:
        raise DecodingError(f"an object has no properties but {', '.join(sorted(PROPERTIES))}")
    return found


def _refuse_number(characters: str) -> NoReturn:
    raise DecodingError("a number must be a whole one")


class _Reader:
    """Makes items of parsed objects."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def item(self, parsed: Any, siblings: Iterable[Item]) -> Item:
        """Return the item of an object.  siblings: the items before it."""
        if not isinstance(parsed, dict):
            raise DecodingError("an item must be an object")
        name, type_name = parsed.get("tag"), parsed.get("type", "Structure")
        if not isinstance(name, str) or not isinstance(type_name, str):
            raise DecodingError("tag and type of an item must be strings")
        if not isinstance(parsed.get("name", ""), str):
            raise DecodingError("the name of an item must be a string")
        tag, item_type = text.tag_code(name), text.item_type_of(type_name)
        if "value" not in parsed:
            raise DecodingError(f"{tag_name(tag)} has no value")
        value = parsed["value"]
        if item_type is ItemType.STRUCTURE:
            return Item(tag, item_type, self._members(value))
        try:
            return Item(tag, item_type, self._value(value, item_type, text.enumeration_of(tag, siblings)))
        except (ValueError, OverflowError):
            raise DecodingError(f"the value of {tag_name(tag)} is no {type_name}") from None

    def _members(self, value: Any) -> tuple[Item, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise DecodingError("the value of a Structure must be an array or null")
        members: list[Item] = []
        for member in value:
            members.append(self.item(member, members))
        return tuple(members)

    def _value(self, value: Any, item_type: ItemType, enumeration: tables.Enumeration | None) -> int | str | bytes:
        if item_type is ItemType.BIG_INTEGER:
            return self._big_integer(value)
        if isinstance(value, bool):
            if item_type is not ItemType.BOOLEAN:
                raise ValueError
            return value
        if isinstance(value, int):
            if item_type not in NUMBERS:
                raise ValueError
            return text.in_range(value, item_type)
        if not isinstance(value, str):
            raise ValueError
        value.encode()  # a half of a surrogate pair is no character
        return READERS[item_type](value, enumeration)

    def _big_integer(self, value: Any) -> int:
        if isinstance(value, str) and value.startswith("0x"):
            return text.read_big_integer(value[2:], self._limits.max_big_integer)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError
        if value.bit_length() >= 8 * self._limits.max_big_integer:
            raise ValueError
        return value


def _read_integer(value: str, enumeration: tables.Enumeration | None) -> int:
    if enumeration is None or not enumeration.is_mask:
        return text.read_hexadecimal(value, ItemType.INTEGER)
    return text.read_mask(value.split("|"), enumeration)


def _read_boolean(value: str, _: object) -> bool:
    number = text.read_hexadecimal(value, ItemType.BOOLEAN)
    if number > 1:
        raise ValueError
    return number == 1


NUMBERS: Final = frozenset({ItemType.INTEGER, ItemType.LONG_INTEGER, ItemType.ENUMERATION, ItemType.INTERVAL})
"""Types of fixed width whose value may be a number."""

READERS: Final[Mapping[ItemType, Callable[[str, tables.Enumeration | None], int | str | bytes]]] = {
    ItemType.INTEGER: _read_integer,
    ItemType.LONG_INTEGER: lambda value, _: text.read_hexadecimal(value, ItemType.LONG_INTEGER),
    ItemType.ENUMERATION: text.read_enumeration,
    ItemType.BOOLEAN: _read_boolean,
    ItemType.BYTE_STRING: lambda value, _: text.read_octets(value),
    ItemType.DATE_TIME: lambda value, _: text.read_instant(value, ItemType.DATE_TIME),
    ItemType.INTERVAL: lambda value, _: text.read_hexadecimal(value, ItemType.INTERVAL),
    ItemType.DATE_TIME_EXTENDED: lambda value, _: text.read_instant(value, ItemType.DATE_TIME_EXTENDED),
    **dict.fromkeys(text.TEXTS, lambda value, _: value),
}


# --- writing ----------------------------------------------------------------------------------------------


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _tag(code: int) -> str:
    tag = tables.tag_by_code(code)
    return tag.xml_name if tag else f"0x{code:06X}"


def _object_of(item: Item, attribute_name: Item | None, writers: "Writers | None" = None) -> dict[str, Any]:
    writers = WRITERS if writers is None else writers
    # In this order: Cosmian's clients need the type before the value.
    written: dict[str, Any] = {"tag": _tag(item.tag), "type": text.NAMES_BY_TYPE[item.type]}
    if isinstance(item.value, tuple):
        named: Item | None = None
        members: list[dict[str, Any]] = []
        for child in item.value:
            members.append(_object_of(child, named, writers))
            if child.tag == text.ATTRIBUTE_NAME and named is None:
                named = child
        written["value"] = members
    else:
        enumeration = text.enumeration_of(item.tag, [attribute_name] if attribute_name else [])
        written["value"] = writers[item.type](item.value, enumeration)
    return written


def _write_integer(value: int, enumeration: tables.Enumeration | None) -> int | str:
    if enumeration is None or not enumeration.is_mask:
        return value
    return "|".join(text.mask_names(value, enumeration))


def _write_long_integer(value: int, _: object) -> int | str:
    return value if -PRECISE < value < PRECISE else f"0x{value & 0xFFFFFFFFFFFFFFFF:016X}"


def _write_enumeration_plainly(value: int, enumeration: tables.Enumeration | None) -> str:
    name = text.write_enumeration(value, enumeration)
    return name if name.isalpha() else f"0x{value:08X}"  # PKCS_8, which some clients call PKCS8


Writers: TypeAlias = Mapping[ItemType, Callable[[Any, tables.Enumeration | None], Any]]

WRITERS: Final[Writers] = {
    ItemType.INTEGER: _write_integer,
    ItemType.LONG_INTEGER: _write_long_integer,
    ItemType.BIG_INTEGER: lambda value, _: f"0x{text.write_big_integer(value)}",
    ItemType.ENUMERATION: text.write_enumeration,
    ItemType.BOOLEAN: lambda value, _: value,
    ItemType.BYTE_STRING: lambda value, _: value.hex().upper(),
    ItemType.DATE_TIME: lambda value, _: text.write_instant(value, ItemType.DATE_TIME),
    ItemType.INTERVAL: lambda value, _: value,
    ItemType.DATE_TIME_EXTENDED: lambda value, _: text.write_instant(value, ItemType.DATE_TIME_EXTENDED),
    **dict.fromkeys(text.TEXTS, lambda value, _: value),
}

WRITERS_WITH_NUMBERS: Final[Writers] = {
    **WRITERS,
    ItemType.INTEGER: lambda value, _: value,
    ItemType.ENUMERATION: _write_enumeration_plainly,
}
