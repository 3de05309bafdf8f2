"""Fields of attributes in 1.x: names with indices, one attribute, criteria."""

import pytest
from attrs import evolve

from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.standard.tables import VERSIONS
from kmip_core.attributes import AttributeInstance, AttributeReference
from kmip_core.enums import ItemType, ObjectType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import add_attribute, delete_attribute, get_attributes, locate, modify_attribute
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import (
    CONVERTERS,
    IDENTIFIER,
    V10,
    V12,
    V14,
    V20,
    enumerated,
    over_the_wire,
    reason_of_refusal,
    structure,
    structured,
    text,
)

CURRENT_ATTRIBUTE = 0x42013C

REFUSED = {
    "a template's name among the criteria of Locate": (
        locate.Request,
        V12,
        [structure(0x420091, structure(0x420053, text(0x420055, "t"), enumerated(0x420054, 1)))],
        "INVALID_FIELD",
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
        "UNKNOWN_TAG",
    ),
}


@pytest.mark.parametrize(("cls", "version", "items", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(cls: type, version: ProtocolVersion, items: list[Item], reason: str) -> None:
    assert reason == reason_of_refusal(cls, version, *items)


def test_fortigate_criteria_in_a_template_attribute_are_criteria() -> None:
    name = structure(0x420053, text(0x420055, "key"), enumerated(0x420054, 1))
    attribute = structure(0x420008, text(0x42000A, "Name"), name._replace(tag=0x42000B))

    inside = structured(locate.Request, V10, structure(0x420091, attribute))

    assert inside.criteria == structured(locate.Request, V10, attribute).criteria
    assert [c.value.name_value for c in inside.criteria] == ["key"]


def test_deleting_by_name_and_index_in_1_x_is_by_reference_in_2_x() -> None:
    comment = AttributeReference(attribute="object_groups")
    request = delete_attribute.Request(unique_identifier="1", reference=evolve(comment, attribute_index=2))

    assert over_the_wire(request, V14) == request
    assert over_the_wire(request, V20) == delete_attribute.Request(unique_identifier="1", reference=comment)


# --- names without their spaces (RULINGS 26) ---

OLD = [version for version in VERSIONS if version < ProtocolVersion(2, 0)]


def without_spaces(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items with every Attribute Name as ScyllaDB writes it."""

    def changed(item: Item) -> Item:
        if isinstance(item.value, tuple):
            return item._replace(value=without_spaces(item.value))
        is_name = item.tag == 0x42000A and isinstance(item.value, str)
        return item._replace(value=str(item.value).replace(" ", "")) if is_name else item

    return tuple(map(changed, items))


@pytest.mark.parametrize("version", OLD, ids=str)
def test_locate_and_get_attributes_take_names_without_spaces(version: ProtocolVersion) -> None:
    criteria = tuple(
        AttributeInstance(reference=AttributeReference(attribute=name), value=value)
        for name, value in (("object_type", ObjectType.SYMMETRIC_KEY), ("cryptographic_length", 128))
    )
    references = tuple(AttributeReference(attribute=name) for name in ("cryptographic_usage_mask", "state"))
    for request in (
        locate.Request(criteria=criteria, counts_items=version >= ProtocolVersion(1, 3)),
        get_attributes.Request(unique_identifier="1", references=references),
    ):
        items = CONVERTERS[version].get_unstructure_hook(type(request))(request)

        assert CONVERTERS[version].get_structure_hook(type(request))(without_spaces(items), type(request)) == request


@pytest.mark.parametrize("version", OLD, ids=str)
def test_elsewhere_a_name_without_spaces_is_none_of_the_standard_s(version: ProtocolVersion) -> None:
    request = add_attribute.Request(
        unique_identifier="1",
        new_attribute=AttributeInstance(
            reference=AttributeReference(attribute="cryptographic_length", attribute_index=0), value=128
        ),
    )
    items = CONVERTERS[version].get_unstructure_hook(add_attribute.Request)(request)

    with pytest.raises(KmipError) as refused:
        CONVERTERS[version].get_structure_hook(add_attribute.Request)(without_spaces(items), add_attribute.Request)
    assert refused.value.reason is ResultReason.INVALID_FIELD
