"""JSON: the examples of the Additional Message Encodings, every form of a value, hostile text."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kmip_adapters.ttlv.encodings import text
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Limits
from kmip_adapters.ttlv.encodings.json import announced_version, decode, encode, encode_after
from kmip_core.enums import ItemType
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.encodings.test_binary import item_trees

ACTIVATION = Item(0x420001, ItemType.DATE_TIME, 978307200)
VERSION = Item(
    0x420069,
    ItemType.STRUCTURE,
    (Item(0x42006A, ItemType.INTEGER, 1), Item(0x42006B, ItemType.INTEGER, 0)),
)
MASK = Item(0x42002C, ItemType.INTEGER, 0x100C)

OBJECTS = {
    "date-time": ('{"tag": "ActivationDate", "type":"DateTime", "value":"2001-01-01T10:00:00+10:00"}', ACTIVATION),
    "date-time Z": ('{"tag": "ActivationDate", "type":"DateTime", "value":"2001-01-01T00:00:00Z"}', ACTIVATION),
    "date-time of Rust": (
        '{"tag": "ActivationDate", "type":"DateTime", "value":"2001-01-01T00:00:00.000000000Z"}',
        ACTIVATION,
    ),
    "date-time hex": ('{"tag": "ActivationDate", "type":"DateTime", "value":"0x000000003a4fc880"}', ACTIVATION),
    "tag by number": ('{"tag": "0x420001", "type":"DateTime", "value":"2001-01-01T10:00:00+10:00"}', ACTIVATION),
    "extension with a name": (
        '{"tag": "0x54FFFF", "name":"SomeExtension", "type":"Integer", "value":"0x00000001"}',
        Item(0x54FFFF, ItemType.INTEGER, 1),
    ),
    "structure": (
        '{"tag": "ProtocolVersion", "type":"Structure", "value":[{"tag": "ProtocolVersionMajor", "type":"Integer",'
        ' "value":1}, {"tag": "ProtocolVersionMinor", "type":"Integer", "value":0}]}',
        VERSION,
    ),
    "structure without a type": (
        '{"tag": "ProtocolVersion", "value":[{"tag": "ProtocolVersionMajor", "type":"Integer", "value":1},'
        ' {"tag": "ProtocolVersionMinor", "type":"Integer", "value":0}]}',
        VERSION,
    ),
    "structure of null": ('{"tag": "Attribute", "value":null}', Item(0x420008, ItemType.STRUCTURE, ())),
    "structure of nothing": ('{"tag": "Attribute", "value":[]}', Item(0x420008, ItemType.STRUCTURE, ())),
    "integer": ('{"tag": "BatchCount", "type":"Integer", "value":10}', Item(0x42000D, ItemType.INTEGER, 10)),
    "integer hex": (
        '{"tag": "BatchCount", "type":"Integer", "value":"0x0000000A"}',
        Item(0x42000D, ItemType.INTEGER, 10),
    ),
    "integer negative hex": (
        '{"tag": "BatchCount", "type":"Integer", "value":"0xffffffff"}',
        Item(0x42000D, ItemType.INTEGER, -1),
    ),
    "mask hex": ('{"tag": "CryptographicUsageMask", "type":"Integer", "value": "0x0000100c"}', MASK),
    "mask number": ('{"tag": "CryptographicUsageMask", "type":"Integer", "value": 4108}', MASK),
    "mask names": (
        '{"tag": "CryptographicUsageMask", "type":"Integer", "value": "Encrypt|Decrypt|CertificateSign"}',
        MASK,
    ),
    "mask mixed": (
        '{"tag": "CryptographicUsageMask", "type":"Integer", "value": "CertificateSign|0x00000004|0x0000008"}',
        MASK,
    ),
    "long integer hex": (
        '{"tag": "0x540001", "type":"LongInteger", "value":"0xfffffffffffffffe"}',
        Item(0x540001, ItemType.LONG_INTEGER, -2),
    ),
    "long integer": (
        '{"tag": "0x540001", "type":"LongInteger", "value":-2}',
        Item(0x540001, ItemType.LONG_INTEGER, -2),
    ),
    "long integer large": (
        '{"tag": "UsageLimitsCount", "type":"LongInteger", "value":"0x1000000000000000"}',
        Item(0x420096, ItemType.LONG_INTEGER, 2**60),
    ),
    "big integer": ('{"tag": "X", "type":"BigInteger", "value":0}', Item(0x42009F, ItemType.BIG_INTEGER, 0)),
    "big integer hex": (
        '{"tag": "X", "type":"BigInteger", "value":"0x0000000000000000"}',
        Item(0x42009F, ItemType.BIG_INTEGER, 0),
    ),
    "big integer negative": (
        '{"tag": "X", "type":"BigInteger", "value":"0xFFFFFFFFFFFFFF00"}',
        Item(0x42009F, ItemType.BIG_INTEGER, -256),
    ),
    "big integer of few bytes": (
        '{"tag": "X", "type":"BigInteger", "value":"0x0100"}',
        Item(0x42009F, ItemType.BIG_INTEGER, 256),
    ),
    "enumeration number": (
        '{"tag": "0x420057", "type":"Enumeration", "value":2}',
        Item(0x420057, ItemType.ENUMERATION, 2),
    ),
    "enumeration hex": (
        '{"tag": "ObjectType", "type":"Enumeration", "value":"0x00000002"}',
        Item(0x420057, ItemType.ENUMERATION, 2),
    ),
    "enumeration name": (
        '{"tag": "ObjectType", "type":"Enumeration", "value":"SymmetricKey"}',
        Item(0x420057, ItemType.ENUMERATION, 2),
    ),
    "tag as enumeration": (
        '{"tag": "AttributeReference", "type":"Enumeration", "value":"State"}',
        Item(0x42013B, ItemType.ENUMERATION, 0x42008D),
    ),
    "boolean": ('{"tag": "BatchOrderOption", "type":"Boolean", "value":true}', Item(0x420010, ItemType.BOOLEAN, True)),
    "boolean hex": (
        '{"tag": "BatchOrderOption", "type":"Boolean", "value":"0x0000000000000000"}',
        Item(0x420010, ItemType.BOOLEAN, False),
    ),
    "text": (
        '{"tag": "AttributeName", "type":"TextString", "value":"a \\u00e9\\ud83d\\ude00 \\u0000"}',
        Item(0x42000A, ItemType.TEXT_STRING, "a é😀 \0"),
    ),
    "byte string": (
        '{"tag": "MACSignature", "type":"ByteString", "value":"C50f77"}',
        Item(0x42004D, ItemType.BYTE_STRING, b"\xc5\x0f\x77"),
    ),
    "interval": ('{"tag": "Offset", "type":"Interval", "value":27}', Item(0x420058, ItemType.INTERVAL, 27)),
    "interval hex": (
        '{"tag": "Offset", "type":"Interval", "value":"0x0000001b"}',
        Item(0x420058, ItemType.INTERVAL, 27),
    ),
    "date-time extended": (
        '{"tag": "SubmissionDate", "type":"DateTimeExtended", "value":"2001-01-01T00:00:00.000007Z"}',
        Item(0x420174, ItemType.DATE_TIME_EXTENDED, 978307200_000007),
    ),
    "identifier of 3.0": (
        '{"tag": "UniqueIdentifier", "type":"Identifier", "value":"1"}',
        Item(0x420094, ItemType.IDENTIFIER, "1"),
    ),
    "reference of 3.0": (
        '{"tag": "CredentialLink", "type":"Reference", "value":"1"}',
        Item(0x4201A0, ItemType.REFERENCE, "1"),
    ),
    "attribute value by the name of its attribute": (
        '{"tag":"Attribute","value":[{"tag":"AttributeName","type":"TextString","value":"Cryptographic Usage Mask"},'
        '{"tag":"AttributeValue","type":"Integer","value":"Sign|Verify"}]}',
        Item(
            0x420008,
            ItemType.STRUCTURE,
            (
                Item(0x42000A, ItemType.TEXT_STRING, "Cryptographic Usage Mask"),
                Item(0x42000B, ItemType.INTEGER, 3),
            ),
        ),
    ),
}


def an_item(value: Any, type_name: str = "Integer", tag: str = "BatchCount") -> str:
    return json.dumps({"tag": tag, "type": type_name, "value": value})


REFUSED = {
    "nothing": "",
    "no JSON": "KMIP",
    "unfinished": '{"tag": "Attribute", "value": [',
    "two objects": '{"tag": "Attribute", "value": []}{"tag": "Attribute", "value": []}',
    "an array": "[]",
    "a number": "1",
    "no tag": '{"type": "Integer", "value": 1}',
    "a tag that is no string": '{"tag": 4325389, "type": "Integer", "value": 1}',
    "unknown tag": an_item(1, tag="NoSuchTag"),
    "tag of another prefix": an_item(1, tag="0x410001"),
    "unknown type": an_item(1, "Number"),
    "a type that is no string": an_item(1).replace('"Integer"', "2"),
    "a name that is no string": '{"tag": "BatchCount", "name": 1, "type": "Integer", "value": 1}',
    "no value": '{"tag": "BatchCount", "type": "Integer"}',
    "another property": '{"tag": "BatchCount", "type": "Integer", "value": 1, "length": 4}',
    "a property twice": '{"tag": "BatchCount", "type": "Integer", "value": 1, "value": 2}',
    "a structure of an object": '{"tag": "Attribute", "value": {}}',
    "a structure of numbers": '{"tag": "Attribute", "value": [1]}',
    "null in an integer": an_item(None),
    "an array in an integer": an_item([]),
    "an integer that is decimal text": an_item("10"),
    "an integer with a fraction": '{"tag": "BatchCount", "type": "Integer", "value": 1.0}',
    "an integer with an exponent": '{"tag": "BatchCount", "type": "Integer", "value": 1e0}',
    "an integer that is no number": '{"tag": "BatchCount", "type": "Integer", "value": NaN}',
    "an integer of endless digits": f'{{"tag": "BatchCount", "type": "Integer", "value": {"9" * 100_000}}}',
    "an integer that is true": an_item(True),
    "integer too large": an_item(2**31),
    "integer hex too long": an_item("0x1ffffffff"),
    "long integer too large": an_item(2**63, "LongInteger"),
    "interval negative": an_item(-1, "Interval", "Offset"),
    "enumeration unknown": an_item("Key", "Enumeration", "ObjectType"),
    "enumeration negative": an_item(-1, "Enumeration", "ObjectType"),
    "mask unknown": an_item("Encrypt|Nothing", tag="CryptographicUsageMask"),
    "mask with spaces": an_item("Encrypt Decrypt", tag="CryptographicUsageMask"),
    "boolean number": an_item(1, "Boolean", "BatchOrderOption"),
    "boolean word": an_item("true", "Boolean", "BatchOrderOption"),
    "boolean 2": an_item("0x0000000000000002", "Boolean", "BatchOrderOption"),
    "text number": an_item(1, "TextString", "AttributeName"),
    "half a surrogate pair": '{"tag": "AttributeName", "type": "TextString", "value": "\\ud83d"}',
    "byte string odd": an_item("C50", "ByteString", "MACSignature"),
    "byte string with 0x": an_item("0xC50F", "ByteString", "MACSignature"),
    "byte string with spaces": an_item("C5 0F", "ByteString", "MACSignature"),
    "big integer without 0x": an_item("00", "BigInteger", "X"),
    "big integer empty": an_item("0x", "BigInteger", "X"),
    "big integer true": an_item(True, "BigInteger", "X"),
    "big integer over 2 KiB": an_item("0x" + "01" * 2049, "BigInteger", "X"),
    "date-time number": an_item(978307200, "DateTime", "ActivationDate"),
    "date-time decimal": an_item("978307200", "DateTime", "ActivationDate"),
    "date-time word": an_item("now", "DateTime", "ActivationDate"),
    "date-time of another calendar": an_item("2001-02-30T00:00:00Z", "DateTime", "ActivationDate"),
}


@pytest.mark.parametrize(("source", "item"), OBJECTS.values(), ids=OBJECTS)
def test_decode_reads(source: str, item: Item) -> None:
    assert decode(source) == item
    assert decode(source.encode()) == item


@pytest.mark.parametrize(("source", "item"), OBJECTS.values(), ids=OBJECTS)
def test_an_encoded_item_is_decoded_to_the_same_item(source: str, item: Item) -> None:
    assert decode(encode(item)) == item


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_decode_refuses(source: str) -> None:
    with pytest.raises(DecodingError):
        decode(source)


def test_a_big_integer_that_is_a_number_is_bounded_too() -> None:
    most = 2 ** (8 * 2048 - 1) - 1
    limits = Limits(max_big_integer=8)

    assert decode(an_item(2**63 - 1, "BigInteger", "X"), limits).value == 2**63 - 1
    assert decode(an_item(f"0x{most:0>4096X}", "BigInteger", "X")).value == most
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(DecodingError):
            decode(an_item(number, "BigInteger", "X"), limits)


def test_encode_writes_names_where_it_can_and_numbers_where_they_are_exact() -> None:
    item = Item(
        0x42002B,
        ItemType.STRUCTURE,
        (
            Item(0x420011, ItemType.ENUMERATION, 9),
            Item(0x42002C, ItemType.INTEGER, -0x7FFFFFF4),
            Item(0x420059, ItemType.ENUMERATION, 0x80123456),
            Item(0x540001, ItemType.TEXT_STRING, 'a"b\n'),
            Item(0x540002, ItemType.LONG_INTEGER, 2**52 - 1),
            Item(0x540002, ItemType.LONG_INTEGER, -(2**52)),
            Item(0x540003, ItemType.BIG_INTEGER, 1),
            Item(0x540004, ItemType.DATE_TIME, 978307200),
            Item(0x540004, ItemType.DATE_TIME, -(2**63)),
        ),
    )

    written = json.loads(encode(item))
    assert written["tag"] == "CryptographicParameters"
    assert [list(member) for member in written["value"]] == [["tag", "type", "value"]] * 9
    assert [member["value"] for member in written["value"]] == [
        "GCM",
        "Encrypt|Decrypt|0x80000000",
        "0x80123456",
        'a"b\n',
        2**52 - 1,
        "0xFFF0000000000000",
        "0x0000000000000001",
        "2001-01-01T00:00:00+00:00",
        "0x8000000000000000",
    ]


def test_decode_refuses_bytes_that_are_not_utf_8() -> None:
    with pytest.raises(DecodingError, match="UTF-8"):
        decode(b'{"tag": "AttributeName", "type": "TextString", "value": "\xff"}')


def test_decode_refuses_text_beyond_its_limit() -> None:
    with pytest.raises(DecodingError, match="exceed"):
        decode(" " * (text.MAX_TEXT_LENGTH + 1))


@pytest.mark.parametrize(
    "source",
    [
        '{"tag":"Attribute","value":[' * 33 + "]}" * 33,
        '{"tag":"Attribute","value":[' + ",".join(['{"tag":"Name","value":[]}'] * 10_000) + "]}",
        "[" * 2_000_000,
        "{" * 2_000_000,
        '{"":' * 1_000_000,
        "[" + "[]," * 1_000_000,
        '{"tag":"Attribute","value":[' + "1," * 2_000_000,
        '"\\"' * 1_000_000,
        '"' + '\\"' * 2_000_000,
    ],
    ids=["deep", "many", "arrays", "objects", "properties", "empty arrays", "numbers", "quotes", "an endless string"],
)
def test_decode_refuses_what_exceeds_the_limits(source: str) -> None:
    with pytest.raises(DecodingError):
        decode(source, Limits(max_items=10_000))


def test_braces_in_texts_are_no_items() -> None:
    value = '{[\\"' * 100_000

    assert decode(an_item(value, "TextString", "AttributeName"), Limits(max_items=1)).value == value


@given(item_trees)
def test_decode_reads_what_encode_wrote(item: Item) -> None:
    assert decode(encode(item)) == item


@given(item_trees, st.lists(item_trees, max_size=3))
def test_encode_after_writes_what_encode_writes(first: Item, others: list[Item]) -> None:
    whole = Item(0x42007B, ItemType.STRUCTURE, (first, *others))

    assert encode_after(encode(first), 0x42007B, others) == encode(whole)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tag", "type", "value", "x"]), inner),
)


@given(st.sampled_from(list(text.TYPES_BY_NAME)), JSON_VALUES)
def test_any_value_decodes_or_is_refused(type_name: str, value: Any) -> None:
    try:
        item = decode(json.dumps({"tag": "State", "type": type_name, "value": value}))
    except DecodingError:
        return
    assert item.tag == 0x42008D


@given(st.text() | st.binary())
@example("\ufeff{}")
def test_any_text_decodes_or_is_refused(source: str | bytes) -> None:
    try:
        decode(source)
    except DecodingError:
        return
    raise AssertionError("hypothesis found a KMIP item")


@pytest.mark.parametrize(
    ("source", "version"),
    [
        (encode(VERSION), ProtocolVersion(1, 0)),
        (encode(VERSION)[:-2] + b"!", ProtocolVersion(1, 0)),
        (json.dumps(json.loads(encode(VERSION)), indent=4).encode(), ProtocolVersion(1, 0)),
        (b"{}", None),
        (encode(VERSION)[:50], None),
    ],
)
def test_the_version_of_a_broken_message_is_found(source: bytes, version: ProtocolVersion | None) -> None:
    assert announced_version(source) == version
