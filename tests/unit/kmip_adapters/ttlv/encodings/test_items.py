"""Looking into items, and showing them to people without their secrets."""

import pytest

from kmip_adapters.ttlv.encodings import items
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, describe
from kmip_core.enums import ItemType

SECRET = b"\xde\xad\xbe\xef\xde\xad\xbe\xef"

MESSAGE = Item(
    0x420040,
    ItemType.STRUCTURE,
    (
        Item(0x420042, ItemType.ENUMERATION, 1),
        Item(0x420045, ItemType.STRUCTURE, (Item(0x420043, ItemType.BYTE_STRING, SECRET),)),
        Item(0x42002C, ItemType.INTEGER, 0x0C),
        Item(0x420094, ItemType.TEXT_STRING, "id-1"),
        Item(0x420094, ItemType.TEXT_STRING, "id-2"),
        Item(0x540001, ItemType.ENUMERATION, 7),
    ),
)


def test_first_and_all_find_by_tag() -> None:
    assert items.first(MESSAGE, 0x420094) == Item(0x420094, ItemType.TEXT_STRING, "id-1")
    assert [item.value for item in items.all(MESSAGE, 0x420094)] == ["id-1", "id-2"]
    assert items.first(MESSAGE, 0x420001) is None
    assert items.all(MESSAGE, 0x420001) == ()


def test_looking_into_what_is_no_structure_is_refused() -> None:
    with pytest.raises(DecodingError, match="Cryptographic Usage Mask must be a Structure"):
        items.first(Item(0x42002C, ItemType.INTEGER, 1), 0x420094)


def test_describe_names_what_it_can_and_hides_key_material() -> None:
    assert describe(MESSAGE).splitlines() == [
        "Key Block (Structure)",
        "  Key Format Type (Enumeration): Raw (0x00000001)",
        "  Key Value (Structure)",
        "    Key Material (Byte String): <hidden>, 8 bytes",
        "  Cryptographic Usage Mask (Integer): 0x0000000C Encrypt Decrypt",
        "  Unique Identifier (Text String): 'id-1'",
        "  Unique Identifier (Text String): 'id-2'",
        "  0x540001 (Enumeration): 0x00000007",
    ]


@pytest.mark.parametrize(
    "item",
    [
        Item(0x420043, ItemType.BYTE_STRING, SECRET),
        Item(0x420043, ItemType.STRUCTURE, (Item(0x42003F, ItemType.BYTE_STRING, SECRET),)),
        Item(0x420045, ItemType.BYTE_STRING, SECRET),
        Item(0x42005E, ItemType.BIG_INTEGER, int.from_bytes(SECRET, "big")),
        Item(0x4200C2, ItemType.BYTE_STRING, SECRET),
        Item(0x4200A1, ItemType.TEXT_STRING, SECRET.hex()),
        Item(0x540001, ItemType.BYTE_STRING, SECRET),
    ],
    ids=["material", "transparent key", "wrapped key", "prime", "data", "password", "extension"],
)
def test_describe_hides(item: Item) -> None:
    text = describe(item)

    assert SECRET.hex() not in text.lower()
    assert "<hidden>" in text


def test_describe_survives_a_number_too_long_for_decimals() -> None:
    assert "<hidden>" in describe(Item(0x540001, ItemType.BIG_INTEGER, 1 << 100_000))
