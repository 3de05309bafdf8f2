"""What the text encodings have in common: names of tags, types and values, and how values look as text.

KMIP Additional Message Encodings 1.0 §4.1 (JSON) and §6.1 (XML). Names come from the tables, in any spelling that a
version has used; what has no name is written as a hexadecimal number, and every number is accepted so. The functions
that read raise ValueError for a text that is no such value; the encodings make a DecodingError of it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from kmip_adapters.ttlv.encodings.items import DecodingError, Item
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType

MAX_TEXT_LENGTH: Final = 4 * 1024 * 1024
"""Bytes of a message: hexadecimal digits double a message of 1 MiB, names do the rest."""

ATTRIBUTE_NAME: Final = 0x42000A
ATTRIBUTE_VALUE: Final = 0x42000B

TYPES_BY_NAME: Final[Mapping[str, ItemType]] = {t.name.title().replace("_", ""): t for t in ItemType}
NAMES_BY_TYPE: Final[Mapping[ItemType, str]] = {item_type: name for name, item_type in TYPES_BY_NAME.items()}

TEXTS: Final = frozenset({ItemType.TEXT_STRING, ItemType.IDENTIFIER, ItemType.REFERENCE, ItemType.NAME_REFERENCE})
"""Types whose value is text."""

# Bits of the types of fixed width, and whether their numbers have a sign.
WIDTHS: Final[Mapping[ItemType, tuple[int, bool]]] = {
    ItemType.INTEGER: (32, True),
    ItemType.LONG_INTEGER: (64, True),
    ItemType.ENUMERATION: (32, False),
    ItemType.BOOLEAN: (64, False),
    ItemType.DATE_TIME: (64, True),
    ItemType.INTERVAL: (32, False),
    ItemType.DATE_TIME_EXTENDED: (64, True),
}


# --- names ------------------------------------------------------------------------------------------------------------

_NUMBERED_TAG: Final = re.compile("0?x((?:42|54)[0-9A-Fa-f]{4})")


def tag_code(name: str) -> int:
    """Return the tag that a name or a hexadecimal number stands for.  Raises DecodingError."""
    tag = tables.tag_by_xml_name(name)
    if tag is not None:
        return tag.code
    numbered = _NUMBERED_TAG.fullmatch(name)
    if numbered is None:
        raise DecodingError(f"{name[:100]!r} is no tag")
    return int(numbered[1], 16)


def item_type_of(name: str) -> ItemType:
    """Return the item type of a name.  Raises DecodingError."""
    item_type = TYPES_BY_NAME.get(name)
    if item_type is None:
        raise DecodingError(f"{name[:100]!r} is no item type")
    return item_type


def enumeration_of(tag: int, siblings: Iterable[Item]) -> tables.Enumeration | None:
    """Return the enumeration or mask of an item's values, None if it has none.

    siblings: the items before it; an Attribute Value has the enumeration of the attribute that they name.
    """
    if tag == ATTRIBUTE_VALUE:
        name = next((item.value for item in siblings if item.tag == ATTRIBUTE_NAME), None)
        found = tables.tag_by_name(name) if isinstance(name, str) else None
    else:
        found = tables.tag_by_code(tag)
    return tables.enumeration(found.enumeration) if found and found.enumeration else None


# --- numbers ----------------------------------------------------------------------------------------------------------

_HEXADECIMAL: Final = re.compile("0x([0-9A-Fa-f]{1,16})")
_DECIMAL: Final = re.compile("[-+]?[0-9]{1,20}")
_DIGIT_PAIRS: Final = re.compile("(?:[0-9A-Fa-f]{2})*")


def in_range(number: int, item_type: ItemType) -> int:
    """Return a number that fits its type of fixed width."""
    bits, has_sign = WIDTHS[item_type]
    lowest, highest = (-1 << bits - 1, (1 << bits - 1) - 1) if has_sign else (0, (1 << bits) - 1)
    if not lowest <= number <= highest:
        raise ValueError
    return number


def read_hexadecimal(text: str, item_type: ItemType) -> int:
    """Return the number of a text like 0x0000000A; the first bit of a signed type is the sign."""
    found = _HEXADECIMAL.fullmatch(text)
    if found is None:
        raise ValueError
    number = int(found[1], 16)
    bits, has_sign = WIDTHS[item_type]
    if has_sign and 1 << bits - 1 <= number < 1 << bits:
        number -= 1 << bits
    return in_range(number, item_type)


def read_number(text: str, item_type: ItemType) -> int:
    """Return a decimal or hexadecimal number."""
    return in_range(int(text), item_type) if _DECIMAL.fullmatch(text) else read_hexadecimal(text, item_type)


def read_mask(parts: Iterable[str], enumeration: tables.Enumeration) -> int:
    """Return the Integer of a mask that is written as names and hexadecimal numbers in any mixture."""
    mask = 0
    for part in parts:
        bit = enumeration.value_by_name.get(part)
        mask |= read_hexadecimal(part, ItemType.INTEGER) & 0xFFFFFFFF if bit is None else bit
    return mask - (1 << 32) if mask >> 31 else mask


def mask_names(value: int, enumeration: tables.Enumeration) -> list[str]:
    """Return the parts of a mask: the names of its bits, and what has no name as a hexadecimal number."""
    mask = value & 0xFFFFFFFF
    names = [name for bit, name in enumeration.name_by_value.items() if mask & bit]
    rest = mask & ~sum(enumeration.name_by_value)
    return [*names, f"0x{rest:08X}"] if rest or not names else names


def read_enumeration(text: str, enumeration: tables.Enumeration | None) -> int:
    """Return the value of a name or a hexadecimal number."""
    value = enumeration.value_by_name.get(text) if enumeration else None
    return read_hexadecimal(text, ItemType.ENUMERATION) if value is None else value


def write_enumeration(value: int, enumeration: tables.Enumeration | None) -> str:
    """Return the name of a value, else its hexadecimal number."""
    name = enumeration.name_by_value.get(value) if enumeration else None
    return name or f"0x{value:08X}"


def read_octets(text: str) -> bytes:
    """Return the bytes of pairs of hexadecimal digits, nothing between them."""
    if not _DIGIT_PAIRS.fullmatch(text):
        raise ValueError
    return bytes.fromhex(text)


def read_big_integer(digits: str, max_bytes: int) -> int:
    """Return the number of hexadecimal digits in two's complement.

    They should fill a multiple of eight bytes; clients (Cosmian's) send fewer, and the number is the same.
    """
    if not 0 < len(digits) <= 2 * max_bytes:
        raise ValueError
    return int.from_bytes(read_octets(digits), "big", signed=True)


def write_big_integer(value: int) -> str:
    """Return the hexadecimal digits of a number, sign-extended to a multiple of eight bytes."""
    bits = (~value if value < 0 else value).bit_length() + 1
    return value.to_bytes(-(-bits // 64) * 8, "big", signed=True).hex().upper()


# --- dates ------------------------------------------------------------------------------------------------------------

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
UNITS: Final[Mapping[ItemType, timedelta]] = {
    ItemType.DATE_TIME: timedelta(seconds=1),
    ItemType.DATE_TIME_EXTENDED: timedelta(microseconds=1),
}

# XML Schema's dateTime: four digits of a year, no negative ones.
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,30}))?(?:Z|([-+])(\d\d):(\d\d))?", re.ASCII)


def read_instant(text: str, item_type: ItemType) -> int:
    """Return the seconds (Date-Time) or microseconds (Date-Time Extended) since 1970 of a date or hexadecimal number.

    A date without a time zone is UTC; what is finer than the unit is cut off.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        return read_hexadecimal(text, item_type)
    moment, fraction, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta(0)
    if offset > timedelta(hours=14) or (minutes and int(minutes) > 59):
        raise ValueError
    instant = datetime.fromisoformat(moment).replace(tzinfo=timezone(-offset if sign == "-" else offset))
    instant = instant.replace(microsecond=int((fraction or "")[:6].ljust(6, "0")))
    return (instant - EPOCH) // UNITS[item_type]


def write_instant(value: int, item_type: ItemType) -> str:
    """Return the date in UTC, or the hexadecimal number of one beyond the years 1 to 9999."""
    try:
        return (EPOCH + value * UNITS[item_type]).isoformat()
    except OverflowError:
        return f"0x{value & 0xFFFFFFFFFFFFFFFF:016X}"
