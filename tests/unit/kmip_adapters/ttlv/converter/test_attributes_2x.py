"""Attributes in 2.x: each under its tag, vendors' with their name, references by tag."""

import pytest

from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.enums import CryptographicAlgorithm, ItemType, State
from kmip_core.errors import KmipError
from kmip_core.operations import create, get_attribute_list, get_attributes, locate
from kmip_core.structures import CertificateAttributes, CustomAttribute, Name, ProtocolVersion, TypedValue

V20, V21 = ProtocolVersion(2, 0), ProtocolVersion(2, 1)
CONVERTERS = {version: make_converter(version) for version in (V20, V21)}

ATTRIBUTES, ATTRIBUTE, ATTRIBUTE_REFERENCE = 0x420125, 0x420008, 0x42013B
VENDOR, NAME, VALUE = 0x42009D, 0x42000A, 0x42000B
STATE, OBJECT_GROUP, ALGORITHM = 0x42008D, 0x420056, 0x420028
OBJECT_TYPE = Item(0x420057, ItemType.ENUMERATION, 2)
IDENTIFIER = Item(0x420094, ItemType.TEXT_STRING, "1")


def structure(tag: int, *items: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, items)


def text(tag: int, value: str) -> Item:
    return Item(tag, ItemType.TEXT_STRING, value)


def enumerated(tag: int, value: int) -> Item:
    return Item(tag, ItemType.ENUMERATION, value)


def vendor_attribute(vendor: str, name: str, value: Item) -> Item:
    return structure(ATTRIBUTE, text(VENDOR, vendor), text(NAME, name), value)


def created(*members: Item, version: ProtocolVersion = V20) -> Attributes:
    hook = CONVERTERS[version].get_structure_hook(create.Request)
    attributes: Attributes = hook((OBJECT_TYPE, structure(ATTRIBUTES, *members)), create.Request).attributes
    return attributes


def told(attributes: Attributes, version: ProtocolVersion = V20) -> tuple[Item, ...]:
    response = get_attributes.Response(unique_identifier="1", attributes=attributes)
    items = CONVERTERS[version].get_unstructure_hook(get_attributes.Response)(response)
    members: tuple[Item, ...] = items[1].value
    return members


def referred(*items: Item) -> tuple[AttributeReference, ...]:
    hook = CONVERTERS[V20].get_structure_hook(get_attributes.Request)
    references: tuple[AttributeReference, ...] = hook((IDENTIFIER, *items), get_attributes.Request).references
    return references


def test_each_attribute_stands_under_its_tag() -> None:
    members = (
        structure(0x420053, text(0x420055, "a"), enumerated(0x420054, 1)),
        enumerated(ALGORITHM, 3),
        text(OBJECT_GROUP, "g"),
        text(OBJECT_GROUP, "h"),
    )

    attributes = created(*members)

    assert attributes == Attributes(
        names=(Name(name_value="a"),),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        object_groups=("g", "h"),
    )
    assert told(attributes) == members


@pytest.mark.parametrize("vendor", ["x", "y", "Acme"])
def test_a_vendors_attribute_has_its_vendor_and_any_type(vendor: str) -> None:
    item = vendor_attribute(vendor, "Colour", Item(VALUE, ItemType.BOOLEAN, True))
    custom = CustomAttribute(
        vendor_identification=vendor, attribute_name="Colour", attribute_value=TypedValue(ItemType.BOOLEAN, True)
    )

    assert created(item) == Attributes(custom_attributes=(custom,))
    assert told(Attributes(custom_attributes=(custom,))) == (item,)


def test_certificate_attributes_are_one_item_each() -> None:
    parts = CertificateAttributes(certificate_subject_cn="EE", certificate_subject_os=("A", "B"))
    items = (text(0x420108, "EE"), text(0x420109, "A"), text(0x420109, "B"))

    assert told(Attributes(certificate_attributes=parts)) == items
    assert created(*items) == Attributes(certificate_attributes=parts)


REFUSED = {
    "an attribute of 1.x": ([text(0x42005D, "default")], "UNKNOWN_TAG"),
    "an attribute of a later version": ([Item(0x420172, ItemType.BOOLEAN, True)], "UNKNOWN_TAG"),
    "a tag that nobody defines": ([text(0x54007D, "x")], "UNKNOWN_TAG"),
    "a tag that is no attribute": ([text(0x42007D, "x")], "INVALID_MESSAGE"),
    "a value that nobody defines": ([enumerated(ALGORITHM, 0x7FFF)], "UNKNOWN_ENUMERATION"),
    "a single attribute twice": ([enumerated(ALGORITHM, 3)] * 2, "ATTRIBUTE_SINGLE_VALUED"),
    "a value of the wrong type": ([text(ALGORITHM, "AES")], "INVALID_MESSAGE"),
    "a vendor's attribute without value": (
        [structure(ATTRIBUTE, text(VENDOR, "x"), text(NAME, "a"))],
        "INVALID_MESSAGE",
    ),
    "a vendor's attribute without vendor": (
        [structure(ATTRIBUTE, text(NAME, "a"), Item(VALUE, ItemType.INTEGER, 1))],
        "INVALID_MESSAGE",
    ),
    "a vendor's attribute with a number as name": (
        [structure(ATTRIBUTE, text(VENDOR, "x"), Item(NAME, ItemType.INTEGER, 1))],
        "INVALID_MESSAGE",
    ),
    "a vendor's attribute with an index": (
        [structure(ATTRIBUTE, text(VENDOR, "x"), Item(0x420009, ItemType.INTEGER, 1))],
        "INVALID_MESSAGE",
    ),
    "a vendor's attribute that is no structure": ([text(ATTRIBUTE, "x")], "INVALID_MESSAGE"),
}


@pytest.mark.parametrize(("members", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(members: list[Item], reason: str) -> None:
    with pytest.raises(KmipError) as refusal:
        created(*members)

    assert reason == refusal.value.reason.name


def test_a_reference_is_a_tag_or_a_vendors_name() -> None:
    items = (
        enumerated(ATTRIBUTE_REFERENCE, STATE),
        structure(ATTRIBUTE_REFERENCE, text(VENDOR, "Acme"), text(NAME, "Colour")),
    )

    assert referred(*items) == (
        AttributeReference(attribute="state"),
        AttributeReference(attribute="Colour", vendor_identification="Acme"),
    )


def test_perconas_reference_is_wrapped_twice() -> None:
    item = structure(ATTRIBUTE_REFERENCE, enumerated(ATTRIBUTE_REFERENCE, STATE))

    assert referred(item) == (AttributeReference(attribute="state"),)


def test_a_reference_to_what_is_no_attribute_is_kept_by_its_name() -> None:
    references = referred(enumerated(ATTRIBUTE_REFERENCE, 0x42005D), enumerated(ATTRIBUTE_REFERENCE, 0x54ABCD))

    assert references == (
        AttributeReference(attribute="Operation Policy Name"),
        AttributeReference(attribute="0x54ABCD"),
    )


def test_the_list_of_attributes_refers_to_those_of_the_version() -> None:
    response = get_attribute_list.Response(
        unique_identifier="1",
        references=(
            AttributeReference(attribute="state"),
            AttributeReference(attribute="operation_policy_name"),
            AttributeReference(attribute="Colour", vendor_identification="x"),
        ),
    )

    items = CONVERTERS[V20].get_unstructure_hook(get_attribute_list.Response)(response)

    assert items == (
        IDENTIFIER,
        enumerated(ATTRIBUTE_REFERENCE, STATE),
        structure(ATTRIBUTE_REFERENCE, text(VENDOR, "x"), text(NAME, "Colour")),
    )


def test_criteria_may_repeat_an_attribute_for_a_range() -> None:
    dates = [Item(0x420039, ItemType.DATE_TIME, second) for second in (5, 9)]
    hook = CONVERTERS[V20].get_structure_hook(locate.Request)

    request = hook((structure(ATTRIBUTES, *dates, enumerated(STATE, 2)),), locate.Request)

    assert [(c.reference.attribute, c.value) for c in request.criteria] == [
        ("initial_date", 5),
        ("initial_date", 9),
        ("state", State.ACTIVE),
    ]


def test_parts_of_certificate_attributes_are_referred_to_one_by_one() -> None:
    items = (enumerated(ATTRIBUTE_REFERENCE, 0x420108), enumerated(ATTRIBUTE_REFERENCE, 0x420109))
    references = referred(*items)

    assert [r.attribute for r in references] == ["certificate_subject_cn", "certificate_subject_os"]
    response = get_attribute_list.Response(unique_identifier="1", references=references)
    assert CONVERTERS[V20].get_unstructure_hook(get_attribute_list.Response)(response) == (IDENTIFIER, *items)
