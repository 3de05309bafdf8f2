"""Links as attributes of their kinds: each is read, replaced and listed by itself; older versions number all links."""

import pytest

from kmip_core.attribute_rules import RULES, is_multiple, rule_of
from kmip_core.attributes import LINK_KINDS, LINKS, AttributeReference, Attributes
from kmip_core.enums import LinkType
from kmip_core.structures import Link

PARENT, CERTIFICATE = (AttributeReference(attribute=name) for name in ("parent_link", "certificate_link"))


def a_link(kind: LinkType, identifier: str) -> Link:
    return Link(link_type=kind, linked_object_identifier=identifier)


P1, P2, P3 = (a_link(LinkType.PARENT_LINK, identifier) for identifier in ("1", "2", "3"))
CERT = a_link(LinkType.CERTIFICATE_LINK, "c")
LINKED = Attributes(links=(P1, CERT, P2))


def test_a_kind_has_the_links_of_that_kind() -> None:
    assert LINKED.values_of(PARENT) == (P1, P2)
    assert LINKED.values_of(CERTIFICATE) == (CERT,)
    assert LINKED.values_of(AttributeReference(attribute="child_link")) == ()


@pytest.mark.parametrize(
    ("values", "links", "indices"),
    [
        ((P1, P2), (P1, CERT, P2), (0, 1, 2)),
        ((P2,), (CERT, P2), (1, 2)),
        ((P1, P3), (P1, CERT, P3), (0, 1, 3)),
        ((), (CERT,), (1,)),
    ],
    ids=["nothing changes", "one goes", "one is replaced", "all go"],
)
def test_replacing_a_kind_leaves_the_others_with_their_numbers(
    values: tuple[Link, ...], links: tuple[Link, ...], indices: tuple[int, ...]
) -> None:
    changed = LINKED.with_values(PARENT, values)

    assert links == changed.links
    assert indices == changed.indices_of(LINKS)


def test_the_first_link_of_a_kind_is_number_0() -> None:
    attributes = Attributes().with_one_more(CERTIFICATE, CERT)

    assert (attributes.links, attributes.indices_of(LINKS)) == ((CERT,), (0,))


def test_a_list_of_attributes_has_each_kind_once() -> None:
    assert LINKED.references() == (PARENT, CERTIFICATE)


def test_an_attribute_of_a_vendor_may_be_called_like_a_kind() -> None:
    custom = AttributeReference(attribute="parent_link", vendor_identification="x")

    assert LINKED.values_of(custom) == ()
    assert LINKED.with_values(custom, ()) == LINKED


@pytest.mark.parametrize("name", LINK_KINDS)
def test_each_kind_has_the_rule_of_links(name: str) -> None:
    assert rule_of(AttributeReference(attribute=name)) is RULES["links"]


def test_an_object_has_several_links_of_some_kinds_only() -> None:
    several = {name for name in LINK_KINDS if is_multiple(AttributeReference(attribute=name))}

    assert several == {
        "credential_link",
        "derived_key_link",
        "group_link",
        "joined_split_key_parts_link",
        "parent_link",
    }
