"""Attributes of 3.0: names are text, and each kind of link is an attribute."""

from typing import Any

import pytest

from kmip_adapters.ttlv.converter.attributes_3x import _tag
from kmip_adapters.ttlv.encodings.items import Item, children
from kmip_core.attributes import LINK_KINDS, AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import ItemType, LinkType, NameType, ResultReason, RotateNameType, UniqueIdentifier
from kmip_core.errors import KmipError
from kmip_core.operations import (
    add_attribute,
    create,
    delete_attribute,
    get_attribute_list,
    get_attributes,
    locate,
    query,
)
from kmip_core.structures import Link, Name, NameReference, ObjectReference, ProtocolVersion, RotateName
from tests.unit.kmip_adapters.ttlv.builders import CONVERTERS, V14, V21, V30, over_the_wire, structure, structured

NEW_ATTRIBUTE, ATTRIBUTES, ATTRIBUTE_REFERENCE = 0x42013D, 0x420125, 0x42013B
OF_A_KEY = Item(0x420057, ItemType.ENUMERATION, 2)
IDENTIFIER = Item(0x420094, ItemType.IDENTIFIER, "1")


def written(value: Any, version: Any = V30) -> tuple[Item, ...]:
    items: tuple[Item, ...] = CONVERTERS[version].get_unstructure_hook(type(value))(value)
    return items


def attribute_items(attributes: Attributes) -> tuple[Item, ...]:
    (_, item) = written(get_attributes.Response(unique_identifier="1", attributes=attributes))
    return children(item)


def test_a_name_is_text() -> None:
    attributes = Attributes(
        names=(Name(name_value="a"), Name(name_value="b", name_type=NameType.URI)),
        rotate_name=RotateName(rotate_name_value="r", rotate_name_type=RotateNameType.UNINTERPRETED_TEXT_STRING),
    )

    assert [
        Item(0x420053, ItemType.TEXT_STRING, "a"),
        Item(0x420053, ItemType.TEXT_STRING, "b"),
        Item(0x42016F, ItemType.TEXT_STRING, "r"),
    ] == list(attribute_items(attributes))


def test_a_name_is_looked_for_whatever_its_type() -> None:
    request = structured(locate.Request, V30, structure(ATTRIBUTES, Item(0x420053, ItemType.TEXT_STRING, "a")))

    (criterion,) = request.criteria
    assert (criterion.value.name_value, criterion.value.name_type) == ("a", None)


@pytest.mark.parametrize("kind", LinkType)
def test_each_kind_of_link_has_a_tag_and_comes_back(kind: LinkType) -> None:
    attributes = Attributes(links=(Link(link_type=kind, linked_object_identifier="2"),))

    assert (Item(_tag(kind).code, ItemType.REFERENCE, "2"),) == attribute_items(attributes)
    answer = get_attributes.Response(unique_identifier="1", attributes=attributes)
    assert answer == over_the_wire(answer, V30)


@pytest.mark.parametrize("kind", [kind for kind in LinkType if kind > 0x420000])
@pytest.mark.parametrize("version", [V14, V21], ids=str)
def test_a_kind_that_older_versions_lack_is_left_out_there(kind: LinkType, version: Any) -> None:
    links = (
        Link(link_type=kind, linked_object_identifier="2"),
        Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier="3"),
    )
    answer = get_attributes.Response(unique_identifier="1", attributes=Attributes(links=links))

    assert links[1:] == over_the_wire(answer, version).attributes.links


TARGETS: list[tuple[ItemType, int | str, ObjectReference]] = [
    (ItemType.REFERENCE, "2", "2"),
    (ItemType.IDENTIFIER, "2", "2"),
    (ItemType.NAME_REFERENCE, "n", NameReference("n")),
    (ItemType.ENUMERATION, UniqueIdentifier.CREATE, UniqueIdentifier.CREATE),
    (ItemType.INTEGER, -1, -1),
]


@pytest.mark.parametrize("kind", LinkType)
@pytest.mark.parametrize(("item_type", "value", "target"), TARGETS, ids=[one[0].name for one in TARGETS])
def test_a_link_of_each_kind_names_an_object_in_each_way(
    item_type: ItemType, value: int | str, target: ObjectReference, kind: LinkType
) -> None:
    item = Item(_tag(kind).code, item_type, value)
    link = Link(link_type=kind, linked_object_identifier=target)
    is_group = kind is LinkType.GROUP_LINK and item_type is ItemType.NAME_REFERENCE

    attributes = structured(create.Request, V30, OF_A_KEY, structure(ATTRIBUTES, item)).attributes
    assert attributes == (Attributes(object_groups=("n",)) if is_group else Attributes(links=(link,)))

    request = structured(add_attribute.Request, V30, IDENTIFIER, structure(NEW_ATTRIBUTE, item))
    assert request.new_attribute == AttributeInstance(
        reference=AttributeReference(attribute=kind.name.lower()), value=link
    )
    assert request == over_the_wire(request, V30)
    written_as = ItemType.REFERENCE if item_type is ItemType.IDENTIFIER else item_type
    assert Item(_tag(kind).code, written_as, value) == children(written(request)[1])[0]


@pytest.mark.parametrize("item_type", [ItemType.TEXT_STRING, ItemType.BYTE_STRING, ItemType.LONG_INTEGER])
def test_a_link_is_of_no_other_type(item_type: ItemType) -> None:
    value: Any = {ItemType.BYTE_STRING: b"2", ItemType.LONG_INTEGER: 2}.get(item_type, "2")

    with pytest.raises(KmipError, match="must be a Reference"):
        structured(get_attributes.Response, V30, IDENTIFIER, structure(ATTRIBUTES, Item(0x420190, item_type, value)))


@pytest.mark.parametrize("kind", [kind for kind in LinkType if kind < 0x420000])
@pytest.mark.parametrize("version", [version for version in CONVERTERS if version < V30], ids=str)
def test_a_link_by_name_is_left_out_of_older_versions(version: ProtocolVersion, kind: LinkType) -> None:
    links = (
        Link(link_type=kind, linked_object_identifier=NameReference("n")),
        Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier="3"),
    )
    answer = get_attributes.Response(unique_identifier="1", attributes=Attributes(links=links))

    assert links[1:] == over_the_wire(answer, version).attributes.links


@pytest.mark.parametrize(("item_type", "value", "target"), TARGETS[3:], ids=["ENUMERATION", "INTEGER"])
def test_a_link_of_2_1_names_what_the_batch_has_returned(
    item_type: ItemType, value: int, target: ObjectReference
) -> None:
    link = structure(0x42004A, Item(0x42004B, ItemType.ENUMERATION, 0x101), Item(0x42004C, item_type, value))
    new = structure(NEW_ATTRIBUTE, link)

    request = structured(add_attribute.Request, V21, Item(0x420094, ItemType.TEXT_STRING, "1"), new)
    assert request.new_attribute.value == Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=target)
    assert request == over_the_wire(request, V21)


def test_an_object_group_is_a_group_that_is_linked_by_its_name() -> None:
    attributes = Attributes(object_groups=("g",))

    assert (Item(0x4201B3, ItemType.NAME_REFERENCE, "g"),) == attribute_items(attributes)
    mixed = Attributes(object_groups=("g",), links=(Link(link_type=LinkType.GROUP_LINK, linked_object_identifier="2"),))
    answer = get_attributes.Response(unique_identifier="1", attributes=mixed)
    assert answer == over_the_wire(answer, V30)


def test_a_new_link_is_an_attribute_of_its_kind() -> None:
    link = Item(0x420190, ItemType.REFERENCE, "2")

    request = structured(add_attribute.Request, V30, IDENTIFIER, structure(NEW_ATTRIBUTE, link))
    assert request.new_attribute == AttributeInstance(
        reference=AttributeReference(attribute="certificate_link"),
        value=Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier="2"),
    )
    assert request == over_the_wire(request, V30)


def test_a_link_is_deleted_by_the_tag_of_its_kind() -> None:
    named = Item(ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, 0x420190)

    request = structured(delete_attribute.Request, V30, IDENTIFIER, named)
    assert request.reference == AttributeReference(attribute="certificate_link")
    assert request == over_the_wire(request, V30)


def test_a_list_of_attributes_has_kinds_in_3_0_and_one_link_before() -> None:
    references = tuple(AttributeReference(attribute=name) for name in ("state", "certificate_link", "parent_link"))
    answer = get_attribute_list.Response(unique_identifier="1", references=references)

    assert [item.value for item in written(answer)[1:]] == [0x42008D, 0x420190, 0x420195]
    assert [item.value for item in written(answer, V21)[1:]] == [0x42008D, 0x42004A]
    assert [item.value for item in written(answer, V14)[1:]] == ["State", "Link"]


def test_every_kind_of_link_has_a_reference() -> None:
    references = tuple(AttributeReference(attribute=name) for name in LINK_KINDS)
    answer = get_attribute_list.Response(unique_identifier="1", references=references)

    assert references == over_the_wire(answer, V30).references


def test_custom_attributes_and_the_rest_are_as_in_2_1() -> None:
    request = structured(
        create.Request,
        V30,
        Item(0x420057, ItemType.ENUMERATION, 2),
        structure(ATTRIBUTES, Item(0x420028, ItemType.ENUMERATION, 3), Item(0x42002A, ItemType.INTEGER, 128)),
    )

    assert request == over_the_wire(request, V30) == over_the_wire(request, V21)


def test_query_by_groups_names_them() -> None:
    request = query.Request(query_functions=(), object_groups=("g",))

    (groups,) = [item for item in written(request) if item.type is ItemType.STRUCTURE]
    assert (Item(0x4201B3, ItemType.NAME_REFERENCE, "g"),) == groups.value


@pytest.mark.parametrize("version", [version for version in CONVERTERS if version < V30], ids=str)
@pytest.mark.parametrize("reference", [NameReference("n"), UniqueIdentifier.CREATE, -1], ids=["name", "last", "index"])
def test_an_object_is_not_named_in_a_way_that_the_version_lacks(
    version: ProtocolVersion, reference: ObjectReference
) -> None:
    request = delete_attribute.Request(unique_identifier=reference)
    if version >= ProtocolVersion(2, 0) and not isinstance(reference, NameReference):
        assert written(request, version)
        return
    with pytest.raises(KmipError, match="in a way that KMIP") as refused:
        written(request, version)
    assert refused.value.reason is ResultReason.FEATURE_NOT_SUPPORTED
