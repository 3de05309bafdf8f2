"""Objects and their keys, references, wrapped and untyped values."""

import pytest
from attrs import frozen

from kmip_adapters.ttlv.converter.elements import UnencodableError
from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.attributes import Attributes
from kmip_core.enums import ItemType, KeyFormatType, ObjectType, ProtectionStorageMask, ResultReason, UniqueIdentifier
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey, Template
from kmip_core.operations import (
    get,
    register,
)
from kmip_core.structures import KeyHandle, ProtocolVersion, TypedValue
from tests.unit.kmip_adapters.ttlv.builders import (
    CONVERTERS,
    IDENTIFIER,
    OBJECT_TYPE,
    V12,
    V14,
    V20,
    V21,
    enumerated,
    over_the_wire,
    reason_of_refusal,
    structure,
    structured,
    text,
)

UNIQUE_IDENTIFIER = IDENTIFIER.tag
KEY_FORMAT_TYPE = 0x420042
KEY_BLOCK = 0x420040
KEY_VALUE = 0x420045
KEY_MATERIAL = 0x420043
SYMMETRIC_KEY = 0x42008F

REFUSED = {
    "an object reference by enumeration in 1.x": (
        get.Request,
        V14,
        [enumerated(UNIQUE_IDENTIFIER, 1)],
        "INVALID_MESSAGE",
    ),
    "a key block in which the key is bytes where a structure belongs": (
        register.Request,
        V14,
        [
            enumerated(OBJECT_TYPE, 2),
            structure(
                SYMMETRIC_KEY,
                structure(
                    KEY_BLOCK,
                    enumerated(KEY_FORMAT_TYPE, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY),
                    structure(KEY_VALUE, Item(KEY_MATERIAL, ItemType.BYTE_STRING, b"k")),
                ),
            ),
        ],
        "INVALID_FIELD",
    ),
    "a key block in which the key is a structure where bytes belong": (
        register.Request,
        V14,
        [
            enumerated(OBJECT_TYPE, 2),
            structure(
                SYMMETRIC_KEY,
                structure(
                    KEY_BLOCK,
                    enumerated(KEY_FORMAT_TYPE, KeyFormatType.RAW),
                    structure(KEY_VALUE, structure(KEY_MATERIAL)),
                ),
            ),
        ],
        "INVALID_FIELD",
    ),
    "key material that is a number": (
        KeyValue,
        V14,
        [Item(KEY_MATERIAL, ItemType.INTEGER, 1)],
        "INVALID_MESSAGE",
    ),
    "two objects at once": (
        register.Request,
        V14,
        [
            enumerated(OBJECT_TYPE, 1),
            *[structure(0x420013, enumerated(0x42001D, 1), Item(0x42001E, ItemType.BYTE_STRING, b"c"))] * 2,
        ],
        "INVALID_MESSAGE",
    ),
}


@pytest.mark.parametrize(("cls", "version", "items", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(cls: type, version: ProtocolVersion, items: list[Item], reason: str) -> None:
    assert reason == reason_of_refusal(cls, version, *items)


def test_an_object_may_be_named_by_enumeration_or_index_from_2_0() -> None:
    by_placeholder = structured(get.Request, V20, enumerated(UNIQUE_IDENTIFIER, 1))
    by_index = structured(get.Request, V21, Item(UNIQUE_IDENTIFIER, ItemType.INTEGER, -1))

    assert by_placeholder.unique_identifier is UniqueIdentifier.ID_PLACEHOLDER
    assert by_index.unique_identifier == -1


def test_an_opaque_data_type_of_a_vendor_is_kept() -> None:
    opaque = structure(0x42005B, enumerated(0x420059, 0x80000001), Item(0x42005A, ItemType.BYTE_STRING, b"o"))
    request = structured(register.Request, V12, enumerated(OBJECT_TYPE, 8), opaque)

    assert request.managed_object.opaque_data_type == 0x80000001
    assert over_the_wire(request, V12) == request


def test_a_key_handle_never_leaves() -> None:
    key_value = KeyValue(key_material=KeyHandle(provider="token", token="7"))
    block = KeyBlock(key_format_type=KeyFormatType.RAW, key_value=key_value)
    response = get.Response(
        object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1", managed_object=SymmetricKey(key_block=block)
    )

    with pytest.raises(UnencodableError):
        over_the_wire(response, V14)


def test_an_object_type_that_the_version_lacks_is_refused() -> None:
    template = Template(template_attributes=Attributes())

    with pytest.raises(KmipError, match=r"Object Type is TEMPLATE, which KMIP 2\.0 does not have") as refused:
        over_the_wire(
            get.Response(object_type=ObjectType.TEMPLATE, unique_identifier="1", managed_object=template), V20
        )
    assert refused.value.reason is ResultReason.INVALID_OBJECT_TYPE


@frozen(kw_only=True)
class Storage:
    """A field whose plural is a tag of its own, and one that only later versions have."""

    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    adjustment_value: TypedValue | None = None


def test_a_wrapped_field_is_one_structure() -> None:
    value = Storage(protection_storage_masks=(ProtectionStorageMask.SOFTWARE, ProtectionStorageMask.HARDWARE))

    (item,) = CONVERTERS[V20].get_unstructure_hook(Storage)(value)

    assert item == structure(0x42015F, Item(0x42015E, ItemType.INTEGER, 1), Item(0x42015E, ItemType.INTEGER, 2))
    assert over_the_wire(value, V20) == value
    assert over_the_wire(value, V14) == Storage()


def test_a_wrapped_field_refuses_other_items() -> None:
    with pytest.raises(KmipError, match=r"Name Value is not expected in Protection Storage Masks"):
        structured(Storage, V20, structure(0x42015F, text(0x420055, "x")))


def test_a_value_of_any_type_keeps_its_type() -> None:
    value = Storage(adjustment_value=TypedValue(ItemType.INTERVAL, 5))

    assert over_the_wire(value, V21) == value
