"""Every Request and Response over the wire of every version, and what is refused on the way in."""

from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv import binary, tables
from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.elements import UnencodableError
from kmip_adapters.ttlv.items import Item
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import (
    AdjustmentType,
    ItemType,
    KeyFormatType,
    ObjectType,
    Operation,
    ProtectionStorageMask,
    ResultReason,
    UniqueIdentifier,
)
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey, Template
from kmip_core.operation import Spec
from kmip_core.operations import (
    CATALOGUE,
    create,
    delete_attribute,
    encrypt,
    get,
    locate,
    modify_attribute,
    query,
    register,
)
from kmip_core.structures import KeyHandle, ProtocolVersion, TypedValue
from tests.unit.kmip_adapters.ttlv.strategies import instances

CONVERTERS = {version: make_converter(version) for version in tables.VERSIONS}
CASES = [
    pytest.param(version, spec, id=f"{spec.operation.name}-{version}")
    for version in tables.VERSIONS
    for spec in CATALOGUE.values()
    if int(spec.operation) in tables.enumeration_values("Operation", version)
]


def over_the_wire(value: Any, version: ProtocolVersion) -> Any:
    converter = CONVERTERS[version]
    items = converter.get_unstructure_hook(type(value))(value)
    packed = binary.encode(Item(0x420079, binary.STRUCTURE, items))
    return converter.get_structure_hook(type(value))(binary.decode(packed).value, type(value))


@pytest.mark.parametrize(("version", "spec"), CASES)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_requests_and_responses_come_back_as_they_went(
    version: ProtocolVersion, spec: Spec, data: st.DataObject
) -> None:
    for cls in (spec.request, spec.response):
        value = data.draw(instances(cls, version))

        assert value == over_the_wire(value, version)


# --- what is refused ----------------------------------------------------------------------------------------------

UNIQUE_IDENTIFIER = 0x420094
OBJECT_TYPE = 0x420057
KEY_FORMAT_TYPE = 0x420042
KEY_BLOCK = 0x420040
KEY_VALUE = 0x420045
KEY_MATERIAL = 0x420043
SYMMETRIC_KEY = 0x42008F
OFFSET_ITEMS = 0x4200D4
MAXIMUM_ITEMS = 0x42004F
QUERY_FUNCTION = 0x420074
KEY_WRAP_TYPE = 0x4200F8
CURRENT_ATTRIBUTE = 0x42013C
NEW_ATTRIBUTE = 0x42013D

V10, V12, V13, V14, V20, V21 = (ProtocolVersion(*v) for v in ((1, 0), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1)))


def structured(cls: type, version: ProtocolVersion, *items: Item) -> Any:
    return CONVERTERS[version].get_structure_hook(cls)(items, cls)


def text(tag: int, value: str) -> Item:
    return Item(tag, ItemType.TEXT_STRING, value)


def enumerated(tag: int, value: int) -> Item:
    return Item(tag, ItemType.ENUMERATION, value)


def structure(tag: int, *items: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, items)


IDENTIFIER = text(UNIQUE_IDENTIFIER, "1")

REFUSED = {
    "an item of the wrong type": (get.Request, V12, [Item(UNIQUE_IDENTIFIER, ItemType.INTEGER, 1)], "INVALID_MESSAGE"),
    "a single field twice": (get.Request, V12, [IDENTIFIER, IDENTIFIER], "INVALID_MESSAGE"),
    "a required field missing": (create.Response, V12, [IDENTIFIER], "INVALID_MESSAGE"),
    "a tag that the structure does not have": (get.Request, V12, [text(0x42007D, "hello")], "INVALID_FIELD"),
    "a tag that nobody defines": (get.Request, V12, [text(0x54ABCD, "hello")], "INVALID_FIELD"),
    "a field of a later version": (get.Request, V12, [enumerated(KEY_WRAP_TYPE, 1)], "INVALID_FIELD"),
    "an enumeration value that nobody defines": (get.Request, V12, [enumerated(KEY_FORMAT_TYPE, 99)], "INVALID_FIELD"),
    "an enumeration value of a later version": (query.Request, V10, [enumerated(QUERY_FUNCTION, 5)], "INVALID_FIELD"),
    "a template's name among the criteria of Locate": (
        locate.Request,
        V12,
        [structure(0x420091, structure(0x420053, text(0x420055, "t"), enumerated(0x420054, 1)))],
        "INVALID_FIELD",
    ),
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
    "an attribute index without a name": (
        delete_attribute.Request,
        V12,
        [Item(0x420009, ItemType.INTEGER, 1)],
        "INVALID_MESSAGE",
    ),
    "a deletion that names no attribute": (delete_attribute.Request, V12, [IDENTIFIER], "INVALID_MESSAGE"),
    "a current attribute in 1.x": (
        modify_attribute.Request,
        V14,
        [structure(CURRENT_ATTRIBUTE, text(0x4200FD, "old"))],
        "INVALID_FIELD",
    ),
    "a new attribute that is two": (
        modify_attribute.Request,
        V20,
        [structure(NEW_ATTRIBUTE, text(0x4200FD, "a"), text(0x4200FC, "b"))],
        "INVALID_MESSAGE",
    ),
    "a new attribute that is none": (modify_attribute.Request, V20, [structure(NEW_ATTRIBUTE)], "INVALID_MESSAGE"),
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
    with pytest.raises(KmipError) as refusal:
        structured(cls, version, *items)

    assert reason == refusal.value.reason.name


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KmipError, match="Object Type is missing"):
        structured(create.Response, V12, IDENTIFIER)


def test_items_may_come_in_any_order() -> None:
    ordered = [IDENTIFIER, enumerated(KEY_FORMAT_TYPE, 1)]

    assert structured(get.Request, V12, *ordered) == structured(get.Request, V12, *reversed(ordered))


def test_pages_are_asked_for_and_counted_in_every_version() -> None:
    request = structured(locate.Request, V10, Item(OFFSET_ITEMS, ItemType.INTEGER, 16))
    page = locate.Response(located_items=17, unique_identifiers=("1",))

    assert request.offset_items == 16
    assert over_the_wire(page, V10) == page


def test_an_object_may_be_named_by_enumeration_or_index_from_2_0() -> None:
    by_placeholder = structured(get.Request, V20, enumerated(UNIQUE_IDENTIFIER, 1))
    by_index = structured(get.Request, V21, Item(UNIQUE_IDENTIFIER, ItemType.INTEGER, -1))

    assert by_placeholder.unique_identifier is UniqueIdentifier.ID_PLACEHOLDER
    assert by_index.unique_identifier == -1


def test_query_tells_only_what_the_version_has() -> None:
    response = query.Response(operations=(Operation.CREATE, Operation.ENCRYPT), object_types=(ObjectType.PGP_KEY,))

    items = CONVERTERS[V10].get_unstructure_hook(query.Response)(response)

    assert items == (enumerated(0x42005C, Operation.CREATE),)


def test_an_opaque_data_type_of_a_vendor_is_kept() -> None:
    opaque = structure(0x42005B, enumerated(0x420059, 0x80000001), Item(0x42005A, ItemType.BYTE_STRING, b"o"))
    request = structured(register.Request, V12, enumerated(OBJECT_TYPE, 8), opaque)

    assert request.managed_object.opaque_data_type == 0x80000001
    assert over_the_wire(request, V12) == request


def test_a_usage_mask_with_the_highest_bit_is_an_integer_below_zero() -> None:
    mask = Item(0x42008E, ItemType.INTEGER, -(2**31))

    request = structured(locate.Request, V12, mask)

    assert request.storage_status_mask == 2**31
    assert mask in CONVERTERS[V12].get_unstructure_hook(locate.Request)(request)


def test_a_number_that_does_not_fit_is_a_fault_of_ours() -> None:
    with pytest.raises(UnencodableError):
        over_the_wire(locate.Response(located_items=2**31), V14)


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

    with pytest.raises(KmipError, match=r"KMIP 2\.0 has no objects of type Template") as refused:
        over_the_wire(
            get.Response(object_type=ObjectType.TEMPLATE, unique_identifier="1", managed_object=template), V20
        )
    assert refused.value.reason is ResultReason.INVALID_OBJECT_TYPE


def test_fortigate_criteria_in_a_template_attribute_are_criteria() -> None:
    name = structure(0x420053, text(0x420055, "key"), enumerated(0x420054, 1))
    attribute = structure(0x420008, text(0x42000A, "Name"), name._replace(tag=0x42000B))

    inside = structured(locate.Request, V10, structure(0x420091, attribute))

    assert inside.criteria == structured(locate.Request, V10, attribute).criteria
    assert [c.value.name_value for c in inside.criteria] == ["key"]


@pytest.mark.parametrize(
    ("version", "data", "tag"),
    [
        pytest.param(V12, b"cipher text" + b"t" * 16, None, id="1.2: at the end of the data"),
        pytest.param(V13, b"cipher text" + b"t" * 16, None, id="1.3: at the end of the data"),
        pytest.param(V14, b"cipher text", b"t" * 16, id="1.4: in its own field"),
        pytest.param(V21, b"cipher text", b"t" * 16, id="2.1: in its own field"),
    ],
)
def test_the_tag_of_an_encryption_reaches_every_version(
    version: ProtocolVersion, data: bytes, tag: bytes | None
) -> None:
    answer = encrypt.Response(unique_identifier="key", data=b"cipher text", authenticated_encryption_tag=b"t" * 16)

    assert over_the_wire(answer, version) == encrypt.Response(
        unique_identifier="key", data=data, authenticated_encryption_tag=tag
    )


def test_an_encryption_without_a_tag_is_not_touched() -> None:
    answer = encrypt.Response(unique_identifier="key", data=b"cipher text")

    assert over_the_wire(answer, V12) == answer


def test_a_last_part_that_is_nothing_but_a_tag_reaches_old_versions() -> None:
    answer = encrypt.Response(unique_identifier="key", authenticated_encryption_tag=b"t" * 16)

    assert over_the_wire(answer, V12) == encrypt.Response(unique_identifier="key", data=b"t" * 16)


# --- plans for classes that no operation has yet ------------------------------------------------------------------


@frozen(kw_only=True)
class Storage:
    """A field whose plural is a tag of its own, and one that only later versions have."""

    protection_storage_masks: tuple[ProtectionStorageMask, ...] = ()
    adjustment_value: TypedValue | None = None


@frozen(kw_only=True)
class Later:
    """A required field that 1.x cannot say."""

    adjustment_type: AdjustmentType


def test_a_wrapped_field_is_one_structure() -> None:
    value = Storage(protection_storage_masks=(ProtectionStorageMask.SOFTWARE, ProtectionStorageMask.HARDWARE))

    (item,) = CONVERTERS[V20].get_unstructure_hook(Storage)(value)

    assert item == structure(0x42015F, Item(0x42015E, ItemType.INTEGER, 1), Item(0x42015E, ItemType.INTEGER, 2))
    assert over_the_wire(value, V20) == value
    assert over_the_wire(value, V14) == Storage()


def test_a_wrapped_field_refuses_other_items() -> None:
    with pytest.raises(KmipError, match="Protection Storage Mask only"):
        structured(Storage, V20, structure(0x42015F, text(0x420055, "x")))


def test_a_required_field_that_the_version_lacks_cannot_be_read() -> None:
    with pytest.raises(KmipError, match="Adjustment Type is missing"):
        structured(Later, V14)


@frozen(kw_only=True)
class Undeclared:
    """A field of one of two types that no spelling declares."""

    data: int | bytes


@frozen(kw_only=True)
class Nameless:
    """A field whose name is no tag's."""

    colour: str


@frozen(kw_only=True)
class Mistyped:
    """A field whose tag cannot hold its type."""

    state: str


@pytest.mark.parametrize("cls", [Undeclared, Nameless, Mistyped])
def test_a_class_that_the_wire_cannot_carry_is_found_when_it_is_planned(cls: type) -> None:
    with pytest.raises(TypeError):
        make_converter(V20).get_structure_hook(cls)


def test_deleting_by_name_and_index_in_1_x_is_by_reference_in_2_x() -> None:
    comment = AttributeReference(attribute="object_groups")
    request = delete_attribute.Request(unique_identifier="1", reference=evolve(comment, attribute_index=2))

    assert over_the_wire(request, V14) == request
    assert over_the_wire(request, V20) == delete_attribute.Request(unique_identifier="1", reference=comment)


def test_modify_attribute_answers_with_the_attribute_in_1_x_alone() -> None:
    value = AttributeInstance(reference=AttributeReference(attribute="object_groups", attribute_index=1), value="g")
    response = modify_attribute.Response(unique_identifier="1", new_attribute=value)

    assert over_the_wire(response, V12) == response
    assert over_the_wire(response, V21) == modify_attribute.Response(unique_identifier="1")


def test_a_value_of_any_type_keeps_its_type() -> None:
    value = Storage(adjustment_value=TypedValue(ItemType.INTERVAL, 5))

    assert over_the_wire(value, V21) == value


# --- damage -------------------------------------------------------------------------------------------------------

OTHER_VALUES = st.one_of(
    st.tuples(st.just(ItemType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(ItemType.ENUMERATION), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(ItemType.TEXT_STRING), st.just("x")),
    st.tuples(st.just(ItemType.BYTE_STRING), st.just(b"x")),
    st.tuples(st.just(ItemType.BOOLEAN), st.booleans()),
    st.tuples(st.just(ItemType.STRUCTURE), st.just(())),
)


def damaged(items: tuple[Item, ...], data: st.DataObject) -> tuple[Item, ...]:
    """Return the items with one of them, anywhere in the tree, dropped, doubled or given another value."""
    if not items:
        return items
    place = data.draw(st.integers(0, len(items) - 1))
    item = items[place]
    how = data.draw(st.sampled_from(("inside", "inside", "inside", "drop", "double", "change")))
    changed: tuple[Item, ...]
    if how == "inside" and isinstance(item.value, tuple):
        changed = (item._replace(value=damaged(item.value, data)),)
    elif how == "drop":
        changed = ()
    elif how == "double":
        changed = (item, item)
    else:
        changed = (Item(item.tag, *data.draw(OTHER_VALUES)),)
    return items[:place] + changed + items[place + 1 :]


@pytest.mark.parametrize(("version", "spec"), CASES)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_request_is_read_or_refused(version: ProtocolVersion, spec: Spec, data: st.DataObject) -> None:
    converter = CONVERTERS[version]
    items = converter.get_unstructure_hook(spec.request)(data.draw(instances(spec.request, version)))
    try:
        read = converter.get_structure_hook(spec.request)(damaged(items, data), spec.request)
    except KmipError as refusal:
        read = refusal

    assert isinstance(read, (spec.request, KmipError))
