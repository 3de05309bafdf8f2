"""Fields of attributes in 2.x: New Attribute holds one; references have no index."""

import pytest

from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.attributes import AttributeInstance, AttributeReference
from kmip_core.operations import modify_attribute
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import (
    V12,
    V20,
    V21,
    over_the_wire,
    reason_of_refusal,
    structure,
    text,
)

NEW_ATTRIBUTE = 0x42013D

REFUSED = {
    "a new attribute that is two": (
        modify_attribute.Request,
        V20,
        [structure(NEW_ATTRIBUTE, text(0x4200FD, "a"), text(0x4200FC, "b"))],
        "INVALID_MESSAGE",
    ),
    "a new attribute that is none": (modify_attribute.Request, V20, [structure(NEW_ATTRIBUTE)], "INVALID_MESSAGE"),
}


@pytest.mark.parametrize(("cls", "version", "items", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(cls: type, version: ProtocolVersion, items: list[Item], reason: str) -> None:
    assert reason == reason_of_refusal(cls, version, *items)


def test_modify_attribute_answers_with_the_attribute_in_1_x_alone() -> None:
    value = AttributeInstance(reference=AttributeReference(attribute="object_groups", attribute_index=1), value="g")
    response = modify_attribute.Response(unique_identifier="1", new_attribute=value)

    assert over_the_wire(response, V12) == response
    assert over_the_wire(response, V21) == modify_attribute.Response(unique_identifier="1")
