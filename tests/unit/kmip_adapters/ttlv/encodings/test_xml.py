"""XML: the examples of the Additional Message Encodings, hexadecimal forms, hostile text."""

from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Limits, UnwritableText
from kmip_adapters.ttlv.encodings.xml import _quoted, announced_version, decode, encode, encode_after, xml_text
from kmip_core.enums import ItemType
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.encodings.test_binary import item_trees

ACTIVATION = Item(0x420001, ItemType.DATE_TIME, 978307200)

ELEMENTS = {
    "date-time": ('<ActivationDate type="DateTime" value="2001-01-01T10:00:00+10:00"/>', ACTIVATION),
    "date-time Z": ('<ActivationDate type="DateTime" value="2001-01-01T00:00:00Z"/>', ACTIVATION),
    "date-time with nine digits": (
        '<ActivationDate type="DateTime" value="2001-01-01T00:00:00.999999999Z"/>',
        ACTIVATION,
    ),
    "date-time before 1970 with a fraction": (
        '<ActivationDate type="DateTime" value="1969-12-31T23:59:58.5Z"/>',
        Item(0x420001, ItemType.DATE_TIME, -2),
    ),
    "identifier of 3.0": (
        '<UniqueIdentifier type="Identifier" value="1"/>',
        Item(0x420094, ItemType.IDENTIFIER, "1"),
    ),
    "name reference of 3.0": (
        '<GroupLink type="NameReference" value="g"/>',
        Item(0x4201B3, ItemType.NAME_REFERENCE, "g"),
    ),
    "extension by its number as a name": (
        '<x540001 type="LongInteger" value="-2"/>',
        Item(0x540001, ItemType.LONG_INTEGER, -2),
    ),
    "numbers with spaces around": ('<BatchCount type="Integer" value=" 10 "/>', Item(0x42000D, ItemType.INTEGER, 10)),
    "comments": ("<Attribute><!-- a --> <?b c?></Attribute>", Item(0x420008, ItemType.STRUCTURE, ())),
    "date-time in seconds": ('<ActivationDate type="DateTime" value="978307200"/>', ACTIVATION),
    "date-time hex": ('<ActivationDate type="DateTime" value="0x000000003A4FC880"/>', ACTIVATION),
    "TTLV by number": (
        '<TTLV tag="0x420001" name="ActivationDate" type="DateTime" value="2001-01-01T10:00:00+10:00"/>',
        ACTIVATION,
    ),
    "TTLV by name": ('<TTLV tag="ActivationDate" type="DateTime" value="2001-01-01T00:00:00Z"/>', ACTIVATION),
    "extension": (
        '<TTLV tag="0x545352" name="SomeExtension" type="TextString" value="an extension"/>',
        Item(0x545352, ItemType.TEXT_STRING, "an extension"),
    ),
    "namespace": (
        '<BatchCount xmlns="urn:oasis:tc:kmip:xmlns" type="Integer" value="10"/>',
        Item(0x42000D, ItemType.INTEGER, 10),
    ),
    "integer hex": ('<BatchCount type="Integer" value="0xffffffff"/>', Item(0x42000D, ItemType.INTEGER, -1)),
    "mask hex": (
        '<CryptographicUsageMask type="Integer" value="0x0000100c"/>',
        Item(0x42002C, ItemType.INTEGER, 0x100C),
    ),
    "mask decimal": (
        '<CryptographicUsageMask type="Integer" value="12"/>',
        Item(0x42002C, ItemType.INTEGER, 12),
    ),
    "mask names": (
        '<CryptographicUsageMask type="Integer" value="Encrypt Decrypt CertificateSign"/>',
        Item(0x42002C, ItemType.INTEGER, 0x100C),
    ),
    "mask mixed": (
        '<CryptographicUsageMask type="Integer" value="CertificateSign 0x00000004 0x0000008"/>',
        Item(0x42002C, ItemType.INTEGER, 0x100C),
    ),
    "long integer": (
        '<UsageLimitsCount type="LongInteger" value="1152921504606846976"/>',
        Item(0x420096, ItemType.LONG_INTEGER, 1152921504606846976),
    ),
    "big integer": (
        '<X type="BigInteger" value="ffffffffffffff00"/>',
        Item(0x42009F, ItemType.BIG_INTEGER, -256),
    ),
    "enumeration hex": (
        '<ObjectType type="Enumeration" value="0x00000002"/>',
        Item(0x420057, ItemType.ENUMERATION, 2),
    ),
    "enumeration name": (
        '<ObjectType type="Enumeration" value="SymmetricKey"/>',
        Item(0x420057, ItemType.ENUMERATION, 2),
    ),
    "tag as enumeration": (
        '<AttributeReference type="Enumeration" value="State"/>',
        Item(0x42013B, ItemType.ENUMERATION, 0x42008D),
    ),
    "boolean": ('<BatchOrderOption type="Boolean" value="true"/>', Item(0x420010, ItemType.BOOLEAN, True)),
    "text": (
        '<AttributeName type="TextString" value="a &lt; &#233;"/>',
        Item(0x42000A, ItemType.TEXT_STRING, "a < é"),
    ),
    "byte string": (
        '<MACSignature type="ByteString" value="C50F77"/>',
        Item(0x42004D, ItemType.BYTE_STRING, b"\xc5\x0f\x77"),
    ),
    "interval": ('<Offset type="Interval" value="27"/>', Item(0x420058, ItemType.INTERVAL, 27)),
    "date-time extended": (
        '<SubmissionDate type="DateTimeExtended" value="2001-01-01T00:00:00.000007+00:00"/>',
        Item(0x420174, ItemType.DATE_TIME_EXTENDED, 978307200_000007),
    ),
    "structure by default": ("<Attribute/>", Item(0x420008, ItemType.STRUCTURE, ())),
    "attribute value by name": (
        '<Attribute><AttributeName type="TextString" value="Cryptographic Algorithm"/>'
        '<AttributeIndex type="Integer" value="0"/>'
        '<AttributeValue type="Enumeration" value="AES"/></Attribute>',
        Item(
            0x420008,
            ItemType.STRUCTURE,
            (
                Item(0x42000A, ItemType.TEXT_STRING, "Cryptographic Algorithm"),
                Item(0x420009, ItemType.INTEGER, 0),
                Item(0x42000B, ItemType.ENUMERATION, 3),
            ),
        ),
    ),
    "attribute value mask": (
        '<Attribute><AttributeName type="TextString" value="Cryptographic Usage Mask"/>'
        '<AttributeValue type="Integer" value="Sign Verify"/></Attribute>',
        Item(
            0x420008,
            ItemType.STRUCTURE,
            (
                Item(0x42000A, ItemType.TEXT_STRING, "Cryptographic Usage Mask"),
                Item(0x42000B, ItemType.INTEGER, 3),
            ),
        ),
    ),
    "custom attribute": (
        '<Attribute><AttributeName type="TextString" value="x-ID"/>'
        '<AttributeValue type="Enumeration" value="0x00000003"/></Attribute>',
        Item(
            0x420008,
            ItemType.STRUCTURE,
            (Item(0x42000A, ItemType.TEXT_STRING, "x-ID"), Item(0x42000B, ItemType.ENUMERATION, 3)),
        ),
    ),
}

LAUGHS = '<!DOCTYPE a [<!ENTITY b "hahaha"><!ENTITY c "&b;&b;&b;">]><AttributeName type="TextString" value="&c;"/>'

REFUSED = {
    "nothing": "",
    "no XML": "KMIP",
    "unfinished": "<Attribute>",
    "two elements": "<Attribute/><Attribute/>",
    "entities": LAUGHS,
    "external DTD": '<!DOCTYPE Attribute SYSTEM "http://localhost/x.dtd"><Attribute/>',
    "unknown entity": '<AttributeName type="TextString" value="&c;"/>',
    "unknown tag": "<NoSuchTag/>",
    "TTLV without tag": "<TTLV/>",
    "tag of another prefix": '<TTLV tag="0x410001"/>',
    "unknown type": '<BatchCount type="Number" value="1"/>',
    "text between elements": "<Attribute>text<AttributeIndex type='Integer' value='1'/></Attribute>",
    "another attribute": '<BatchCount type="Integer" value="1" size="4"/>',
    "a structure with a value": '<Attribute value="1"/>',
    "byte string with spaces": '<MACSignature type="ByteString" value="C5 0F"/>',
    "big integer over 2 KiB": f'<X type="BigInteger" value="{"01" * 2049}"/>',
    "date-time without T": '<ActivationDate type="DateTime" value="2001-01-01 00:00:00"/>',
    "date-time of a week": '<ActivationDate type="DateTime" value="2001-W01-1"/>',
    "date-time of another calendar": '<ActivationDate type="DateTime" value="2001-02-30T00:00:00Z"/>',
    "date-time with a strange zone": '<ActivationDate type="DateTime" value="2001-01-01T00:00:00+15:00"/>',
    "no value": '<BatchCount type="Integer"/>',
    "children in an integer": '<BatchCount type="Integer" value="1"><Attribute/></BatchCount>',
    "integer too large": '<BatchCount type="Integer" value="2147483648"/>',
    "integer hex too long": '<BatchCount type="Integer" value="0x1ffffffff"/>',
    "integer with underscore": '<BatchCount type="Integer" value="1_0"/>',
    "interval negative": '<Offset type="Interval" value="-1"/>',
    "enumeration unknown": '<ObjectType type="Enumeration" value="Key"/>',
    "enumeration name in a custom attribute": (
        '<Attribute><AttributeName type="TextString" value="x-ID"/>'
        '<AttributeValue type="Enumeration" value="AES"/></Attribute>'
    ),
    "mask unknown": '<CryptographicUsageMask type="Integer" value="Encrypt Nothing"/>',
    "byte string odd": '<MACSignature type="ByteString" value="C50"/>',
    "big integer empty": '<X type="BigInteger" value=""/>',
    "boolean word": '<BatchOrderOption type="Boolean" value="yes"/>',
    "date-time word": '<ActivationDate type="DateTime" value="$NOW"/>',
}


@pytest.mark.parametrize(("text", "item"), ELEMENTS.values(), ids=ELEMENTS)
def test_decode_reads(text: str, item: Item) -> None:
    assert decode(text) == item
    assert decode(text.encode()) == item
    assert decode(fromstring(text)) == item


@pytest.mark.parametrize(("text", "item"), ELEMENTS.values(), ids=ELEMENTS)
def test_an_encoded_item_is_decoded_to_the_same_item(text: str, item: Item) -> None:
    assert decode(encode(item)) == item


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_decode_refuses(text: str) -> None:
    with pytest.raises(DecodingError):
        decode(text)


def test_encode_writes_names_where_it_can() -> None:
    item = Item(
        0x42002B,
        ItemType.STRUCTURE,
        (
            Item(0x420011, ItemType.ENUMERATION, 9),
            Item(0x42002C, ItemType.INTEGER, -0x7FFFFFF4),
            Item(0x420059, ItemType.ENUMERATION, 0x80123456),
            Item(0x540001, ItemType.TEXT_STRING, 'a"b\n'),
        ),
    )

    assert encode(item).decode().splitlines() == [
        "<CryptographicParameters>",
        '  <BlockCipherMode type="Enumeration" value="GCM"/>',
        '  <CryptographicUsageMask type="Integer" value="Encrypt Decrypt 0x80000000"/>',
        '  <OpaqueDataType type="Enumeration" value="0x80123456"/>',
        '  <TTLV tag="0x540001" type="TextString" value=\'a"b&#10;\'/>',
        "</CryptographicParameters>",
    ]


def test_encode_refuses_text_xml_cannot_carry() -> None:
    with pytest.raises(UnwritableText, match="XML"):
        encode(Item(0x42000A, ItemType.TEXT_STRING, "\0"))


def test_decode_refuses_bytes_that_are_not_utf_8() -> None:
    with pytest.raises(DecodingError, match="UTF-8"):
        decode('<?xml version="1.0" encoding="utf-16"?><Attribute/>'.encode("utf-16"))


def test_decode_refuses_text_beyond_its_limit() -> None:
    with pytest.raises(DecodingError, match="exceed"):
        decode("<Attribute>" + " " * (4 * 1024 * 1024) + "</Attribute>")


@pytest.mark.parametrize(
    "text",
    ["<Attribute>" * 33 + "</Attribute>" * 33, "<Attribute>" + "<Name/>" * 5 + "</Attribute>"],
    ids=["deep", "many"],
)
def test_decode_refuses_what_exceeds_the_limits(text: str) -> None:
    limits = Limits(max_items=5) if "Name" in text else Limits()
    for source in (text, fromstring(text)):
        with pytest.raises(DecodingError):
            decode(source, limits)


def has_text_for_xml(item: Item) -> bool:
    if isinstance(item.value, tuple):
        return all(has_text_for_xml(child) for child in item.value)
    return not isinstance(item.value, str) or xml_text().fullmatch(item.value) is not None


@given(item_trees.filter(has_text_for_xml))
def test_decode_reads_what_encode_wrote(item: Item) -> None:
    assert decode(encode(item)) == item


@given(st.sampled_from(ItemType), st.text())
def test_any_value_decodes_or_is_refused(item_type: ItemType, text: str) -> None:
    element = fromstring("<State/>")
    element.set("type", item_type.name.title().replace("_", ""))
    element.set("value", text)
    try:
        item = decode(element)
    except DecodingError:
        return
    assert item.tag == 0x42008D


@given(item_trees.filter(has_text_for_xml), st.lists(item_trees.filter(has_text_for_xml), max_size=3))
def test_encode_after_reads_as_what_encode_writes(first: Item, others: list[Item]) -> None:
    whole = Item(0x42007B, ItemType.STRUCTURE, (first, *others))

    assert decode(encode_after(encode(first), 0x42007B, others)) == whole


VERSION = Item(
    0x420069,
    ItemType.STRUCTURE,
    (Item(0x42006A, ItemType.INTEGER, 2), Item(0x42006B, ItemType.INTEGER, 1)),
)


@pytest.mark.parametrize(
    ("source", "version"),
    [
        (encode(VERSION), ProtocolVersion(2, 1)),
        (encode(VERSION)[:-2], ProtocolVersion(2, 1)),
        (encode(VERSION).replace(b"\n", b""), ProtocolVersion(2, 1)),
        (b"<ProtocolVersion/>", None),
        (encode(VERSION)[:60], None),
    ],
)
def test_the_version_of_a_broken_message_is_found(source: bytes, version: ProtocolVersion | None) -> None:
    assert announced_version(source) == version


@given(st.text(st.sampled_from("a&<>\"'\n\r\t;\u00e9")))
def test_values_are_quoted_as_the_standard_library_does(value: str) -> None:
    assert quoteattr(value, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}) == _quoted(value)
