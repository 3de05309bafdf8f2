"""TTLV in both directions from one table, each malformed form by name, and any bytes at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.ttlv.encodings.binary import decode, encode
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Limits
from kmip_core.enums import ItemType, ResultReason

TAG = 0x420020

# KMIP 1.4 §9.1.2, and values at the edges of each type.
WIRE = {
    "integer 8": ("42 00 20 02 00 00 00 04 00 00 00 08 00 00 00 00", ItemType.INTEGER, 8),
    "integer -1": ("42 00 20 02 00 00 00 04 FF FF FF FF 00 00 00 00", ItemType.INTEGER, -1),
    "long integer": (
        "42 00 20 03 00 00 00 08 01 B6 9B 4B A5 74 92 00",
        ItemType.LONG_INTEGER,
        123456789000000000,
    ),
    "big integer": (
        "42 00 20 04 00 00 00 10 00 00 00 00 03 FD 35 EB 6B C2 DF 46 18 08 00 00",
        ItemType.BIG_INTEGER,
        1234567890000000000000000000,
    ),
    "big integer -1": ("42 00 20 04 00 00 00 08 FF FF FF FF FF FF FF FF", ItemType.BIG_INTEGER, -1),
    "big integer -2^63": ("42 00 20 04 00 00 00 08 80 00 00 00 00 00 00 00", ItemType.BIG_INTEGER, -(2**63)),
    "big integer 2^63": (
        "42 00 20 04 00 00 00 10 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00",
        ItemType.BIG_INTEGER,
        2**63,
    ),
    "enumeration 255": ("42 00 20 05 00 00 00 04 00 00 00 FF 00 00 00 00", ItemType.ENUMERATION, 255),
    "enumeration extension": (
        "42 00 20 05 00 00 00 04 80 00 00 01 00 00 00 00",
        ItemType.ENUMERATION,
        0x80000001,
    ),
    "boolean true": ("42 00 20 06 00 00 00 08 00 00 00 00 00 00 00 01", ItemType.BOOLEAN, True),
    "boolean false": ("42 00 20 06 00 00 00 08 00 00 00 00 00 00 00 00", ItemType.BOOLEAN, False),
    "text": (
        "42 00 20 07 00 00 00 0B 48 65 6C 6C 6F 20 57 6F 72 6C 64 00 00 00 00 00",
        ItemType.TEXT_STRING,
        "Hello World",
    ),
    "text empty": ("42 00 20 07 00 00 00 00", ItemType.TEXT_STRING, ""),
    "text without padding": (
        "42 00 20 07 00 00 00 08 61 62 63 64 65 66 C3 A9",
        ItemType.TEXT_STRING,
        "abcdefé",
    ),
    "byte string": ("42 00 20 08 00 00 00 03 01 02 03 00 00 00 00 00", ItemType.BYTE_STRING, b"\x01\x02\x03"),
    "date-time": ("42 00 20 09 00 00 00 08 00 00 00 00 47 DA 67 F8", ItemType.DATE_TIME, 1205495800),
    "interval": ("42 00 20 0A 00 00 00 04 00 0D 2F 00 00 00 00 00", ItemType.INTERVAL, 864000),
    "identifier": ("42 00 20 0C 00 00 00 02 67 31 00 00 00 00 00 00", ItemType.IDENTIFIER, "g1"),
    "reference": ("42 00 20 0D 00 00 00 02 67 31 00 00 00 00 00 00", ItemType.REFERENCE, "g1"),
    "name reference": ("42 00 20 0E 00 00 00 02 67 31 00 00 00 00 00 00", ItemType.NAME_REFERENCE, "g1"),
    "interval longest": ("42 00 20 0A 00 00 00 04 FF FF FF FF 00 00 00 00", ItemType.INTERVAL, 2**32 - 1),
    "date-time extended": (
        "42 00 20 0B 00 00 00 08 00 04 48 64 5C EF EE 00",
        ItemType.DATE_TIME_EXTENDED,
        1205495800 * 10**6,
    ),
    "structure": (
        "42 00 20 01 00 00 00 20 42 00 04 05 00 00 00 04 00 00 00 FE 00 00 00 00"
        "42 00 05 02 00 00 00 04 00 00 00 FF 00 00 00 00",
        ItemType.STRUCTURE,
        (Item(0x420004, ItemType.ENUMERATION, 254), Item(0x420005, ItemType.INTEGER, 255)),
    ),
    "structure empty": ("42 00 20 01 00 00 00 00", ItemType.STRUCTURE, ()),
    "structures end together": (
        "42 00 20 01 00 00 00 10 42 00 20 01 00 00 00 08 42 00 20 01 00 00 00 00",
        ItemType.STRUCTURE,
        (Item(TAG, ItemType.STRUCTURE, (Item(TAG, ItemType.STRUCTURE, ()),)),),
    ),
}

INTEGER_8 = "42 00 20 02 00 00 00 04 00 00 00 08 00 00 00 00"

MALFORMED = {
    "nothing": "",
    "half a header": "42 00 20 02",
    "value missing": "42 00 20 02 00 00 00 04",
    "value cut": "42 00 20 02 00 00 00 04 00 00",
    "padding missing": "42 00 20 02 00 00 00 04 00 00 00 08",
    "padding of text missing": "42 00 20 07 00 00 00 01 61",
    "padding of integer not zero": "42 00 20 02 00 00 00 04 00 00 00 08 00 00 00 01",
    "padding of text not zero": "42 00 20 07 00 00 00 01 61 00 00 00 00 00 00 01",
    "bytes follow": INTEGER_8 + "00",
    "a second item follows": INTEGER_8 + INTEGER_8,
    "tag begins with 41": "41 00 20 02 00 00 00 04 00 00 00 08 00 00 00 00",
    "type 0": "42 00 20 00 00 00 00 00",
    "type beyond 3.0": "42 00 20 0F 00 00 00 00",
    "identifier that is no UTF-8": "42 00 94 0C 00 00 00 01 FF 00 00 00 00 00 00 00",
    "reference without padding": "42 00 94 0D 00 00 00 01 31",
    "name reference with padding that is not zero": "42 00 94 0E 00 00 00 01 31 00 00 00 00 00 00 01",
    "type FF": "42 00 20 FF 00 00 00 00",
    "integer of 8 bytes": "42 00 20 02 00 00 00 08 00 00 00 00 00 00 00 08",
    "long integer of 4 bytes": "42 00 20 03 00 00 00 04 00 00 00 08 00 00 00 00",
    "enumeration of 0 bytes": "42 00 20 05 00 00 00 00",
    "boolean of 4 bytes": "42 00 20 06 00 00 00 04 00 00 00 01 00 00 00 00",
    "boolean 2": "42 00 20 06 00 00 00 08 00 00 00 00 00 00 00 02",
    "boolean with high bit": "42 00 20 06 00 00 00 08 80 00 00 00 00 00 00 01",
    "big integer of 0 bytes": "42 00 20 04 00 00 00 00",
    "big integer over 2 KiB": "42 00 20 04 00 00 08 08" + " 01" * 2056,
    "big integer of 4 bytes": "42 00 20 04 00 00 00 04 00 00 00 01 00 00 00 00",
    "date-time of 16 bytes": "42 00 20 09 00 00 00 10" + "00" * 16,
    "text not UTF-8": "42 00 20 07 00 00 00 01 FF 00 00 00 00 00 00 00",
    "text with a surrogate": "42 00 20 07 00 00 00 03 ED A0 80 00 00 00 00 00",
    "text in overlong form": "42 00 20 07 00 00 00 02 C0 80 00 00 00 00 00 00",
    "text longer than the message": "42 00 20 07 FF FF FF FF 61 00 00 00 00 00 00 00",
    "structure of 4 bytes": "42 00 20 01 00 00 00 04 00 00 00 00",
    "structure longer than the message": "42 00 20 01 00 00 00 18" + INTEGER_8,
    "structure shorter than its item": "42 00 20 01 00 00 00 08" + INTEGER_8,
    "item reaches past its structure": (
        "42 00 20 01 00 00 00 20 42 00 20 01 00 00 00 08 42 00 20 07 00 00 00 08 61 62 63 64 65 66 67 68"
    ),
    "integer reaches past its structure": (
        "42 00 20 01 00 00 00 18 42 00 20 01 00 00 00 08 42 00 20 02 00 00 00 04 00 00 00 08 00 00 00 00"
    ),
}


def nested(depth: int) -> bytes:
    item = Item(TAG, ItemType.STRUCTURE, ())
    for _ in range(depth - 1):
        item = Item(TAG, ItemType.STRUCTURE, (item,))
    return encode(item)


@pytest.mark.parametrize(("text", "item_type", "value"), WIRE.values(), ids=WIRE)
def test_decode_reads_the_wire_table(text: str, item_type: ItemType, value: Any) -> None:
    item = decode(bytes.fromhex(text))

    assert type(item.value) is type(value)
    assert item == (TAG, item_type, value)


@pytest.mark.parametrize(("text", "item_type", "value"), WIRE.values(), ids=WIRE)
def test_encode_writes_the_wire_table(text: str, item_type: ItemType, value: Any) -> None:
    assert encode(Item(TAG, item_type, value)) == bytes.fromhex(text)


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_decode_refuses(text: str) -> None:
    with pytest.raises(DecodingError) as refusal:
        decode(bytes.fromhex(text))

    assert refusal.value.reason is ResultReason.INVALID_MESSAGE


@pytest.mark.parametrize(("text", "item_type", "value"), WIRE.values(), ids=WIRE)
def test_decode_refuses_every_shortened_form(text: str, item_type: ItemType, value: Any) -> None:
    data = bytes.fromhex(text)
    for length in range(len(data)):
        with pytest.raises(DecodingError):
            decode(data[:length])


def test_a_longer_sign_extension_of_a_big_integer_is_accepted() -> None:
    assert decode(bytes.fromhex("42 00 20 04 00 00 00 10" + "FF" * 16)).value == -1


def test_decode_accepts_depth_32_and_refuses_33() -> None:
    decode(nested(32))
    with pytest.raises(DecodingError, match="nested"):
        decode(nested(33))


def test_decode_refuses_deep_nesting_without_recursion() -> None:
    with pytest.raises(DecodingError, match="nested"):
        decode(nested(500), Limits(max_depth=499))


def test_decode_accepts_20_000_items_and_refuses_one_more() -> None:
    empty = Item(TAG, ItemType.TEXT_STRING, "")

    assert decode(encode(Item(TAG, ItemType.STRUCTURE, (empty,) * 19_999))).value == (empty,) * 19_999
    with pytest.raises(DecodingError, match="too many"):
        decode(encode(Item(TAG, ItemType.STRUCTURE, (empty,) * 20_000)))


def test_a_refusal_names_the_tag_and_the_place_but_no_value() -> None:
    with pytest.raises(DecodingError, match=r"Key Material at byte 9: padding must be zero") as refusal:
        decode(bytes.fromhex("42 00 43 08 00 00 00 01 41 00 00 00 00 00 00 01"))

    assert "41" not in refusal.value.message


tags = st.sampled_from([0x420001, 0x420094, 0x4201C2, 0x540001, 0x54FFFF])
int_64 = st.integers(-(2**63), 2**63 - 1)
leaves = st.one_of(
    st.builds(Item, tags, st.just(ItemType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Item, tags, st.just(ItemType.LONG_INTEGER), int_64),
    st.builds(Item, tags, st.just(ItemType.BIG_INTEGER), st.integers(-(2**200), 2**200)),
    st.builds(Item, tags, st.just(ItemType.ENUMERATION), st.integers(0, 2**32 - 1)),
    st.builds(Item, tags, st.just(ItemType.BOOLEAN), st.booleans()),
    st.builds(Item, tags, st.just(ItemType.TEXT_STRING), st.text()),
    st.builds(Item, tags, st.sampled_from([ItemType(code) for code in (0x0C, 0x0D, 0x0E)]), st.text()),
    st.builds(Item, tags, st.just(ItemType.BYTE_STRING), st.binary()),
    st.builds(Item, tags, st.just(ItemType.DATE_TIME), int_64),
    st.builds(Item, tags, st.just(ItemType.INTERVAL), st.integers(0, 2**32 - 1)),
    st.builds(Item, tags, st.just(ItemType.DATE_TIME_EXTENDED), int_64),
)
item_trees = st.recursive(
    leaves,
    lambda inner: st.builds(Item, tags, st.just(ItemType.STRUCTURE), st.lists(inner, max_size=5).map(tuple)),
    max_leaves=20,
)


@given(item_trees)
def test_decode_reads_what_encode_wrote(item: Item) -> None:
    assert decode(encode(item)) == item


@given(st.binary(max_size=64))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        item = decode(data)
    except DecodingError:
        return
    assert decode(encode(item)) == item


@given(item_trees, st.data())
def test_any_damaged_item_decodes_or_is_refused(item: Item, data: st.DataObject) -> None:
    damaged = bytearray(encode(item))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] = data.draw(st.integers(0, 255))
    try:
        again = decode(bytes(damaged))
    except DecodingError:
        return
    assert decode(encode(again)) == again


@pytest.mark.parametrize("code", [0x0C, 0x0D, 0x0E])
def test_a_type_newer_than_asked_for_is_refused(code: int) -> None:
    item = Item(TAG, ItemType(code), "g1")

    assert decode(encode(item)) == item
    with pytest.raises(DecodingError, match="is no item type"):
        decode(encode(item), newest=ItemType.DATE_TIME_EXTENDED)
