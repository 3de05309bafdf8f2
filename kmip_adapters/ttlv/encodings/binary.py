"""TTLV, the binary encoding: bytes <-> items. KMIP 1.4 §9.1, 2.1 §10.1.

Most messages come so, and decoding them is much of what they cost. Decoding walks the buffer once with a stack of open
structures; each item's length is judged against the structure around it before a byte of it is copied, so cost and
memory are linear in the message.
"""

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import Any, Final, NoReturn

from kmip_adapters.ttlv.encodings.items import DEFAULT_LIMITS, DecodingError, Item, Limits, tag_name
from kmip_core.enums import ItemType
from kmip_core.structures import ProtocolVersion

STRUCTURE: Final = ItemType.STRUCTURE
INTEGER: Final = ItemType.INTEGER
LONG_INTEGER: Final = ItemType.LONG_INTEGER
BIG_INTEGER: Final = ItemType.BIG_INTEGER
ENUMERATION: Final = ItemType.ENUMERATION
BOOLEAN: Final = ItemType.BOOLEAN
TEXT_STRING: Final = ItemType.TEXT_STRING
BYTE_STRING: Final = ItemType.BYTE_STRING
DATE_TIME: Final = ItemType.DATE_TIME
INTERVAL: Final = ItemType.INTERVAL
DATE_TIME_EXTENDED: Final = ItemType.DATE_TIME_EXTENDED
IDENTIFIER: Final = ItemType.IDENTIFIER
REFERENCE: Final = ItemType.REFERENCE
NAME_REFERENCE: Final = ItemType.NAME_REFERENCE

TYPES: Final = (None, *ItemType)
"""Item types by their codes."""

HEADER: Final = Struct(">II")  # tag and type in one word, length
SIGNED_32: Final = Struct(">iI")  # value and padding
UNSIGNED_32: Final = Struct(">II")
SIGNED_64: Final = Struct(">q")
UNSIGNED_64: Final = Struct(">Q")
SIGNED_32_ITEM: Final = Struct(">IIiI")
UNSIGNED_32_ITEM: Final = Struct(">IIII")
SIGNED_64_ITEM: Final = Struct(">IIq")

PLACE: Final = bytes(8)  # of a header
PADDING: Final = tuple(bytes(length) for length in range(8))
TAG_PREFIXES: Final = (0x42, 0x54)  # of the standard; of extensions

_new: Final = tuple.__new__  # spares the Python-level constructor of a named tuple


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS, newest: int = NAME_REFERENCE) -> Item:
    """Return the one item that fills `data`.  newest: the highest code of an item type that is known.

    Raises DecodingError if it is malformed, if bytes follow it, or if it exceeds `limits`.
    """
    offset = 0
    end = len(data)
    budget = limits.max_items
    siblings: list[Item] = []
    enclosing: list[tuple[int, int, list[Item]]] = []  # tag, end and siblings of the structures we are inside of
    while True:
        if end - offset < 8:
            if offset != end:
                raise DecodingError(f"{end - offset} bytes at byte {offset} are too few for an item")
            if not enclosing:
                raise DecodingError("no item")
        else:
            head, length = HEADER.unpack_from(data, offset)
            offset += 8
            code = head & 0xFF
            room = end - offset
            budget -= 1
            if head >> 24 not in TAG_PREFIXES or length > room or budget < 0 or not 0 < code <= newest:
                _refuse_header(head, length, room, budget, offset - 8, newest)
            tag = head >> 8

            if code == 0x01:
                if length & 7:
                    _refuse(tag, offset, "length of a Structure must be a multiple of 8")
                if len(enclosing) >= limits.max_depth:
                    raise DecodingError(f"structures are nested deeper than {limits.max_depth}")
                enclosing.append((tag, end, siblings))
                end = offset + length
                siblings = []
            elif code == 0x05 or code == 0x02 or code == 0x0A:  # Enumeration, Integer, Interval
                if length != 4 or room < 8:
                    _refuse(tag, offset, "length must be 4, padded to 8")
                value, padding = (SIGNED_32 if code == 0x02 else UNSIGNED_32).unpack_from(data, offset)
                if padding:
                    _refuse(tag, offset, "padding must be zero")
                siblings.append(_new(Item, (tag, TYPES[code], value)))
                offset += 8
            elif code == 0x07 or code == 0x08 or code > 0x0B:  # Text String, Byte String; Identifier, ...
                stop = offset + length
                content: str | bytes = data[offset:stop]
                if code != 0x08:
                    try:
                        content = str(content, "utf-8")  # type: ignore[arg-type]  # bytes until here
                    except UnicodeDecodeError:
                        _refuse(tag, offset, "text must be UTF-8")
                offset = stop
                if length & 7:
                    offset += -length & 7
                    if offset > end:
                        _refuse(tag, stop, "padding is missing")
                    if data[stop:offset] != PADDING[offset - stop]:
                        _refuse(tag, stop, "padding must be zero")
                siblings.append(_new(Item, (tag, TYPES[code], content)))
            elif code == 0x04:  # Big Integer
                if length & 7 or not length:
                    _refuse(tag, offset, "length of a Big Integer must be a multiple of 8, and not 0")
                if length > limits.max_big_integer:
                    _refuse(tag, offset, f"a Big Integer must not exceed {limits.max_big_integer} bytes")
                number = int.from_bytes(data[offset : offset + length], "big", signed=True)
                siblings.append(_new(Item, (tag, BIG_INTEGER, number)))
                offset += length
            elif length != 8:
                _refuse(tag, offset, "length must be 8")
            elif code == 0x06:
                (number,) = UNSIGNED_64.unpack_from(data, offset)
                if number > 1:
                    _refuse(tag, offset, "a Boolean must be 0 or 1")
                siblings.append(_new(Item, (tag, BOOLEAN, number == 1)))
                offset += 8
            else:  # Date-Time, Long Integer, Date-Time Extended
                (number,) = SIGNED_64.unpack_from(data, offset)
                siblings.append(_new(Item, (tag, TYPES[code], number)))
                offset += 8

        while offset == end and enclosing:
            inner = tuple(siblings)
            tag, end, siblings = enclosing.pop()
            siblings.append(_new(Item, (tag, STRUCTURE, inner)))
        if not enclosing:
            if offset != end:
                raise DecodingError(f"{end - offset} bytes follow the item")
            return siblings[0]


def encode(item: Item) -> bytes:
    """Return the TTLV form of `item`; its values must fit their types."""
    out = bytearray()
    append(item, out)
    return bytes(out)


def encode_after(begun: bytes, tag: int, items: Iterable[Item]) -> bytes:
    """Return the TTLV form of a structure.  begun: its first members, encoded already."""
    out = bytearray(PLACE)
    out += begun
    for item in items:
        append(item, out)
    HEADER.pack_into(out, 0, tag << 8 | 0x01, len(out) - 8)
    return bytes(out)


_BEGINNING: Final = Struct(">I4x I4x II IIi4x IIi4x")
"""Headers of Request Message, Request Header and Protocol Version, then its two numbers: every request begins so."""

_HEADS: Final = (0x42007801, 0x42007701, 0x42006901, 32, 0x42006A02, 4, 0x42006B02, 4)
"""Tag and type of each in one word; lengths where they are fixed."""


def announced_version(frame: bytes) -> ProtocolVersion | None:
    """Return the version at the beginning of a request, which may be broken further on; None if it is not there."""
    if len(frame) < _BEGINNING.size:
        return None
    *heads, major, minor_head, minor_length, minor = _BEGINNING.unpack_from(frame)
    if (*heads, minor_head, minor_length) != _HEADS:
        return None
    return ProtocolVersion(major, minor)


def append(item: Item, out: bytearray) -> None:
    """Append the TTLV form of `item`."""
    tag, item_type, value = item
    if item_type is not STRUCTURE:
        out += ENCODERS[item_type](tag << 8 | item_type, value)
        return
    start = len(out)
    out += PLACE  # for the header, whose length is known only after the children
    child: Item
    for child in value:  # type: ignore[union-attr, assignment]  # a structure's value is a tuple of items
        if child[1] is STRUCTURE:
            append(child, out)
        else:
            child_tag, child_type, child_value = child
            out += ENCODERS[child_type](child_tag << 8 | child_type, child_value)
    HEADER.pack_into(out, start, tag << 8 | 0x01, len(out) - start - 8)


def _encode_integer(head: int, value: int) -> bytes:
    return SIGNED_32_ITEM.pack(head, 4, value, 0)


def _encode_unsigned(head: int, value: int) -> bytes:
    return UNSIGNED_32_ITEM.pack(head, 4, value, 0)


def _encode_long(head: int, value: int) -> bytes:
    return SIGNED_64_ITEM.pack(head, 8, value)


def _encode_big_integer(head: int, value: int) -> bytes:
    bits = (~value if value < 0 else value).bit_length() + 1  # with the sign
    length = -(-bits // 64) * 8
    return HEADER.pack(head, length) + value.to_bytes(length, "big", signed=True)


def _encode_text(head: int, value: str) -> bytes:
    return _encode_bytes(head, value.encode())


def _encode_bytes(head: int, value: bytes) -> bytes:
    return HEADER.pack(head, len(value)) + value + PADDING[-len(value) & 7]


ENCODERS: Final[Mapping[ItemType, Callable[[int, Any], bytes]]] = {
    INTEGER: _encode_integer,
    LONG_INTEGER: _encode_long,
    BIG_INTEGER: _encode_big_integer,
    ENUMERATION: _encode_unsigned,
    BOOLEAN: _encode_long,
    TEXT_STRING: _encode_text,
    BYTE_STRING: _encode_bytes,
    DATE_TIME: _encode_long,
    INTERVAL: _encode_unsigned,
    DATE_TIME_EXTENDED: _encode_long,
    IDENTIFIER: _encode_text,
    REFERENCE: _encode_text,
    NAME_REFERENCE: _encode_text,
}


def _refuse(tag: int, offset: int, why: str) -> NoReturn:
    raise DecodingError(f"{tag_name(tag)} at byte {offset}: {why}")


def _refuse_header(head: int, length: int, room: int, budget: int, offset: int, newest: int) -> NoReturn:
    tag, code = head >> 8, head & 0xFF
    if tag >> 16 not in TAG_PREFIXES:
        raise DecodingError(f"a tag must begin with 42 or 54 at byte {offset}")
    if not 0 < code <= newest:
        _refuse(tag, offset, f"0x{code:02X} is no item type")
    if budget < 0:
        raise DecodingError("too many items")
    _refuse(tag, offset, f"length {length} exceeds the {room} bytes that are left")
