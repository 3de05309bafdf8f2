"""Fields of attributes in 1.x: names with indices, one attribute, criteria."""

import pytest
from attrs import evolve

from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.attributes import AttributeReference
from kmip_core.enums import ItemType
from kmip_core.operations import delete_attribute, locate, modify_attribute
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import (
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
