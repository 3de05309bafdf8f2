"""Attributes in 1.x: names, indices, typed values, templates."""

from typing import Any

import pytest

from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.encodings.items import Item, children
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.enums import CryptographicAlgorithm, ItemType, KeyFormatType, LinkType, NameType, State
from kmip_core.errors import KmipError
from kmip_core.operations import create, get_attribute_list, get_attributes
from kmip_core.structures import (
    CertificateAttributes,
    CustomAttribute,
    Link,
    Name,
    ProtocolVersion,
    TypedValue,
    X509CertificateSubject,
)

V10, V12, V14 = (ProtocolVersion(*v) for v in ((1, 0), (1, 2), (1, 4)))
CONVERTERS = {version: make_converter(version) for version in (V10, V12, V14)}

ATTRIBUTE, INDEX, NAME, VALUE = 0x420008, 0x420009, 0x42000A, 0x42000B
TEMPLATE_ATTRIBUTE = 0x420091
OBJECT_TYPE = Item(0x420057, ItemType.ENUMERATION, 2)
IDENTIFIER = Item(0x420094, ItemType.TEXT_STRING, "1")


def structure(tag: int, *items: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, items)


def text(tag: int, value: str) -> Item:
    return Item(tag, ItemType.TEXT_STRING, value)


def attribute(name: str, item_type: ItemType, value: Any, index: int | None = None) -> Item:
    numbered = () if index is None else (Item(INDEX, ItemType.INTEGER, index),)
    return structure(ATTRIBUTE, text(NAME, name), *numbered, Item(VALUE, item_type, value))


def created(*members: Item, version: ProtocolVersion = V12) -> Attributes:
    hook = CONVERTERS[version].get_structure_hook(create.Request)
    request = hook((OBJECT_TYPE, structure(TEMPLATE_ATTRIBUTE, *members)), create.Request)
    attributes: Attributes = request.attributes
    return attributes


def told(attributes: Attributes, version: ProtocolVersion = V12) -> tuple[Item, ...]:
    response = get_attributes.Response(unique_identifier="1", attributes=attributes)
    items: tuple[Item, ...] = CONVERTERS[version].get_unstructure_hook(get_attributes.Response)(response)
    return items[1:]


def answered(*members: Item, version: ProtocolVersion = V12) -> Attributes:
    hook = CONVERTERS[version].get_structure_hook(get_attributes.Response)
    attributes: Attributes = hook((IDENTIFIER, *members), get_attributes.Response).attributes
    return attributes


def names_of(items: tuple[Item, ...]) -> list[Any]:
    return [children(item)[0].value for item in items]


def name_value(value: str) -> tuple[Item, ...]:
    return (text(0x420055, value), Item(0x420054, ItemType.ENUMERATION, 1))


def test_a_value_is_typed_by_the_attribute_that_is_named() -> None:
    attributes = created(
        attribute("Cryptographic Algorithm", ItemType.ENUMERATION, 3),
        attribute("Cryptographic Length", ItemType.INTEGER, 256),
        attribute("Name", ItemType.STRUCTURE, name_value("a"), 0),
        attribute("Name", ItemType.STRUCTURE, name_value("b"), 1),
    )

    assert attributes == Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        names=(Name(name_value="a"), Name(name_value="b")),
    )


def test_names_of_templates_stand_beside_the_attributes() -> None:
    attributes = created(structure(0x420053, *name_value("template")))

    expected = Name(name_value="template", name_type=NameType.UNINTERPRETED_TEXT_STRING)
    assert attributes == Attributes(template_names=(expected,))


@pytest.mark.parametrize(("prefix", "vendor"), [("x-", "x"), ("y-", "y")])
def test_custom_attributes_have_a_prefix_and_any_type(prefix: str, vendor: str) -> None:
    item = attribute(f"{prefix}Product", ItemType.INTERVAL, 5)
    custom = CustomAttribute(
        vendor_identification=vendor, attribute_name="Product", attribute_value=TypedValue(ItemType.INTERVAL, 5)
    )

    assert created(item) == Attributes(custom_attributes=(custom,))
    assert told(Attributes(custom_attributes=(custom,))) == (item,)


def test_a_custom_structure_is_kept_as_it_came() -> None:
    item = attribute("x-Parts", ItemType.STRUCTURE, (text(0x420055, "deep"), structure(0x540001)))

    assert told(created(item)) == (item,)


REFUSED = {
    "a name that is neither standard nor custom": ([attribute("Colour", ItemType.TEXT_STRING, "red")], "INVALID_FIELD"),
    "an attribute of a later version": ([attribute("Comment", ItemType.TEXT_STRING, "c")], "INVALID_FIELD"),
    "an attribute that is younger than its tag": (
        [attribute("Key Format Type", ItemType.ENUMERATION, 1)],
        "INVALID_FIELD",
    ),
    "a value of the wrong type": ([attribute("Cryptographic Length", ItemType.TEXT_STRING, "256")], "INVALID_FIELD"),
    "a structure with the wrong parts": ([attribute("Name", ItemType.STRUCTURE, ())], "INVALID_FIELD"),
    "a single attribute twice": (
        [attribute("Cryptographic Length", ItemType.INTEGER, 256)] * 2,
        "ATTRIBUTE_SINGLE_VALUED",
    ),
    "a negative index": ([attribute("Name", ItemType.STRUCTURE, name_value("a"), -1)], "INVALID_FIELD"),
    "something else in the template": ([text(NAME, "Name")], "INVALID_FIELD"),
    "no name": ([structure(ATTRIBUTE, Item(VALUE, ItemType.INTEGER, 1))], "INVALID_MESSAGE"),
    "no value": ([structure(ATTRIBUTE, text(NAME, "State"))], "INVALID_MESSAGE"),
    "two names": ([structure(ATTRIBUTE, text(NAME, "State"), text(NAME, "State"))], "INVALID_MESSAGE"),
    "a name that is no text": ([structure(ATTRIBUTE, Item(NAME, ItemType.INTEGER, 1))], "INVALID_MESSAGE"),
    "an attribute that is no structure": ([text(ATTRIBUTE, "State")], "INVALID_MESSAGE"),
}


@pytest.mark.parametrize(("members", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(members: list[Item], reason: str) -> None:
    with pytest.raises(KmipError) as refusal:
        created(*members)

    assert reason == refusal.value.reason.name


def test_an_index_is_written_only_when_it_is_not_0() -> None:
    attributes = Attributes(object_groups=("a", "b", "c"))

    assert told(attributes) == (
        attribute("Object Group", ItemType.TEXT_STRING, "a"),
        attribute("Object Group", ItemType.TEXT_STRING, "b", 1),
        attribute("Object Group", ItemType.TEXT_STRING, "c", 2),
    )


def test_numbers_of_instances_survive_a_deletion() -> None:
    reference = AttributeReference(attribute="object_groups")
    attributes = Attributes().with_values(reference, ("a", "c"), (0, 2))

    items = told(attributes)

    assert items[1] == attribute("Object Group", ItemType.TEXT_STRING, "c", 2)
    assert answered(*items) == attributes


def test_attributes_that_the_version_does_not_define_are_not_returned() -> None:
    subject = X509CertificateSubject(subject_distinguished_name=b"s")
    attributes = Attributes(
        state=State.ACTIVE, comment="c", x_509_certificate_subject=subject, key_format_type=KeyFormatType.RAW
    )

    assert names_of(told(attributes, V10)) == ["State"]
    assert names_of(told(attributes, V12)) == ["X.509 Certificate Subject", "State"]


def test_a_vendors_attribute_of_2_0_has_no_name_in_1_x() -> None:
    custom = CustomAttribute(
        vendor_identification="Acme", attribute_name="A", attribute_value=TypedValue(ItemType.BOOLEAN, True)
    )

    assert told(Attributes(custom_attributes=(custom,))) == ()


def test_names_are_spelled_as_the_standard_spells_them() -> None:
    attributes = Attributes(compromise_date=1, pkcs_12_friendly_name="p")

    assert told(attributes, V14) == (
        attribute("Compromise Date", ItemType.DATE_TIME, 1),
        attribute("PKCS#12 Friendly Name", ItemType.TEXT_STRING, "p"),
    )


def test_certificate_attributes_are_one_attribute_each_in_1_4() -> None:
    parts = CertificateAttributes(certificate_subject_cn="EE", certificate_issuer_ous=("A", "B"))
    attributes = Attributes(certificate_attributes=parts)

    items = told(attributes, V14)

    assert items == (
        attribute("Certificate Subject CN", ItemType.TEXT_STRING, "EE"),
        attribute("Certificate Issuer OU", ItemType.TEXT_STRING, "A"),
        attribute("Certificate Issuer OU", ItemType.TEXT_STRING, "B", 1),
    )
    assert answered(*items, version=V14) == attributes
    assert told(attributes, V12) == ()


def test_get_attributes_keeps_an_undefined_name() -> None:
    hook = CONVERTERS[V12].get_structure_hook(get_attributes.Request)

    request = hook((IDENTIFIER, text(NAME, "Colour"), text(NAME, "x-Foo"), text(NAME, "State")), get_attributes.Request)

    assert request.references == (
        AttributeReference(attribute="Colour"),
        AttributeReference(attribute="Foo", vendor_identification="x"),
        AttributeReference(attribute="state"),
    )
    written = CONVERTERS[V12].get_unstructure_hook(get_attributes.Request)(request)
    assert [item.value for item in written[1:]] == ["Colour", "x-Foo", "State"]


def test_the_list_of_attributes_names_those_of_the_version() -> None:
    response = get_attribute_list.Response(
        unique_identifier="1",
        references=(AttributeReference(attribute="state"), AttributeReference(attribute="comment")),
    )

    items = CONVERTERS[V12].get_unstructure_hook(get_attribute_list.Response)(response)

    assert items == (IDENTIFIER, text(NAME, "State"))


def test_values_that_a_version_does_not_have_are_left_out() -> None:
    links = (
        Link(link_type=LinkType.WRAPPING_KEY_LINK, linked_object_identifier="2"),
        Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="3"),
    )
    attributes = Attributes(links=links, cryptographic_algorithm=CryptographicAlgorithm.CHACHA20_POLY1305)

    (item,) = told(attributes)

    assert [children(part)[0].value for part in children(item) if part.tag == VALUE] == [LinkType.PUBLIC_KEY_LINK]
    assert [part.value for part in children(item) if part.tag == INDEX] == [1]
    assert answered(item).links == links[1:]
    assert len(told(attributes, V14)) == 2
