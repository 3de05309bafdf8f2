"""An object with links, written by a client of one version and read by one of another: every kind, every pair."""

from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.ttlv.converter.attributes_3x import TAG_NAMES
from kmip_adapters.ttlv.standard import tables
from kmip_core.attributes import AttributeReference, Attributes
from kmip_core.engine import Engine
from kmip_core.enums import LinkType, Operation, ResultStatus
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import (
    add_attribute,
    delete_attribute,
    get_attribute_list,
    get_attributes,
    locate,
    modify_attribute,
)
from kmip_core.structures import Link, NameReference, ObjectReference, ProtocolVersion
from tests.builders import ALICE, a_symmetric_key, an_engine, an_instance, attributes_of, faults_of
from tests.unit.kmip_adapters.ttlv.builders import CODEC, V12, V21, V30

OLDER: Final = tuple(version for version in tables.VERSIONS if version < V30)


def kinds_of(version: ProtocolVersion) -> frozenset[LinkType]:
    """The kinds of links that the tables of a version have."""
    if version < V30:
        values = tables.enumeration_values("LinkType", version)
        return frozenset(kind for kind in LinkType if int(kind) in values)
    names = {kind: TAG_NAMES.get(kind) or kind.name.replace("_", " ").title() for kind in LinkType}
    by_name = {tables.squashed(tag.name) for tag in tables._tags() if tag.is_in(version)}
    return frozenset(kind for kind, name in names.items() if tables.squashed(name) in by_name)


def a_link(kind: LinkType, target: ObjectReference = "other") -> Link:
    return Link(link_type=kind, linked_object_identifier=target)


def over_the_wire(engine: Engine, version: ProtocolVersion, operation: Operation, request: Any) -> Any:
    """Ask as a client of the version does, in its bytes, and return the payload that it reads in the answer."""
    message = RequestMessage(
        header=RequestHeader(protocol_version=version),
        batch_items=(RequestBatchItem(operation=operation, payload=request),),
    )
    answer = engine.handle(CODEC.decode_request(CODEC.encode_request(message)), ALICE)
    (item,) = CODEC.decode_response(CODEC.encode_response(answer)).batch_items
    assert item.result_status is ResultStatus.SUCCESS, item.result_message
    assert not faults_of(engine)
    return item.payload


def links_as_read(engine: Engine, version: ProtocolVersion) -> tuple[Link, ...]:
    request = get_attributes.Request(unique_identifier="key")
    attributes: Attributes = over_the_wire(engine, version, Operation.GET_ATTRIBUTES, request).attributes
    return attributes.links


def written(engine: Engine, version: ProtocolVersion, link: Link) -> None:
    """Add a link as the version says it: one of Link, or an attribute of its kind."""
    name = "links" if version < V30 else link.link_type.name.lower()
    request = add_attribute.Request(unique_identifier="key", new_attribute=an_instance(name, link))
    over_the_wire(engine, version, Operation.ADD_ATTRIBUTE, request)


def test_the_tables_have_the_kinds() -> None:
    assert kinds_of(V30) == frozenset(LinkType)
    assert len(kinds_of(V21)) == 14
    assert LinkType.CERTIFICATE_LINK in kinds_of(V12)


@pytest.mark.parametrize(
    ("writer", "kind"),
    [(writer, kind) for writer in tables.VERSIONS for kind in LinkType if kind in kinds_of(writer)],
    ids=lambda value: value.name if isinstance(value, LinkType) else str(value),
)
def test_a_link_of_one_version_is_read_by_every_other(kind: LinkType, writer: ProtocolVersion) -> None:
    engine = an_engine(a_symmetric_key("key"))
    written(engine, writer, a_link(kind))

    for reader in tables.VERSIONS:
        read = links_as_read(engine, reader)
        assert read == ((a_link(kind),) if kind in kinds_of(reader) else ()), reader
    assert attributes_of(engine).links == (a_link(kind),)


@pytest.mark.parametrize("kind", LinkType)
def test_links_by_name_are_left_out_of_older_versions_and_kept_in_the_store(kind: LinkType) -> None:
    engine = an_engine(a_symmetric_key("key"))
    by_name = a_link(kind, NameReference("n"))
    written(engine, V30, by_name)
    is_group = kind is LinkType.GROUP_LINK

    for reader in OLDER:
        assert links_as_read(engine, reader) == ()
        listed = over_the_wire(
            engine, reader, Operation.GET_ATTRIBUTE_LIST, get_attribute_list.Request(unique_identifier="key")
        ).references
        assert (AttributeReference(attribute="object_groups") in listed) is is_group
    kept = attributes_of(engine)
    assert (kept.object_groups, kept.links) == ((("n",), ()) if is_group else ((), (by_name,)))


@pytest.mark.parametrize("version", OLDER, ids=str)
def test_an_older_client_changes_its_links_and_loses_none_that_it_does_not_see(version: ProtocolVersion) -> None:
    hidden = (a_link(LinkType.NEXT_LINK, NameReference("n")), a_link(LinkType.CREDENTIAL_LINK))
    seen, new = a_link(LinkType.CERTIFICATE_LINK), a_link(LinkType.CERTIFICATE_LINK, "new")
    engine = an_engine(a_symmetric_key("key", links=(hidden[0], seen, hidden[1])))
    request = get_attributes.Request(unique_identifier="key")
    (instance,) = (
        one
        for one in over_the_wire(engine, version, Operation.GET_ATTRIBUTES, request).attributes.instances()
        if one.reference.attribute == "links"
    )
    by_index = version < ProtocolVersion(2, 0)
    number = instance.reference.attribute_index if by_index else None
    current = None if by_index else an_instance("links", seen)

    change = modify_attribute.Request(
        unique_identifier="key", current_attribute=current, new_attribute=an_instance("links", new, number)
    )
    over_the_wire(engine, version, Operation.MODIFY_ATTRIBUTE, change)
    assert attributes_of(engine).links == (hidden[0], new, hidden[1])

    delete = delete_attribute.Request(
        unique_identifier="key",
        current_attribute=None if by_index else an_instance("links", new),
        reference=AttributeReference(attribute="links", attribute_index=number) if by_index else None,
    )
    over_the_wire(engine, version, Operation.DELETE_ATTRIBUTE, delete)
    assert attributes_of(engine).links == hidden


@pytest.mark.parametrize("version", [version for version in OLDER if version >= ProtocolVersion(2, 0)], ids=str)
def test_an_older_client_deletes_all_links_that_it_sees_and_no_other(version: ProtocolVersion) -> None:
    hidden = (a_link(LinkType.NEXT_LINK, NameReference("n")), a_link(LinkType.CREDENTIAL_LINK))
    seen = (a_link(LinkType.CERTIFICATE_LINK), a_link(LinkType.PREVIOUS_LINK))
    engine = an_engine(a_symmetric_key("key", links=(hidden[0], seen[0], hidden[1], seen[1])))
    delete = delete_attribute.Request(unique_identifier="key", reference=AttributeReference(attribute="links"))

    over_the_wire(engine, version, Operation.DELETE_ATTRIBUTE, delete)
    assert attributes_of(engine).links == hidden
    with pytest.raises(AssertionError, match="the object has no Link"):
        over_the_wire(engine, version, Operation.DELETE_ATTRIBUTE, delete)


@pytest.mark.parametrize("version", OLDER, ids=str)
def test_an_object_group_is_the_link_to_a_group_by_name(version: ProtocolVersion) -> None:
    engine = an_engine(a_symmetric_key("key"))
    group = an_instance("object_groups", "g")
    over_the_wire(
        engine,
        version,
        Operation.ADD_ATTRIBUTE,
        add_attribute.Request(unique_identifier="key", new_attribute=group),
    )
    asked = get_attributes.Request(unique_identifier="key", references=(AttributeReference(attribute="group_link"),))

    told = over_the_wire(engine, V30, Operation.GET_ATTRIBUTES, asked).attributes
    assert told.links_of(LinkType.GROUP_LINK) == (a_link(LinkType.GROUP_LINK, NameReference("g")),)
    found = over_the_wire(engine, V30, Operation.LOCATE, locate.Request(criteria=(group,)))
    assert found.unique_identifiers == ("key",)

    by_name = an_instance("group_link", a_link(LinkType.GROUP_LINK, NameReference("h")))
    request = modify_attribute.Request(
        unique_identifier="key",
        current_attribute=an_instance("group_link", a_link(LinkType.GROUP_LINK, NameReference("g"))),
        new_attribute=by_name,
    )
    over_the_wire(engine, V30, Operation.MODIFY_ATTRIBUTE, request)
    read = over_the_wire(engine, version, Operation.GET_ATTRIBUTES, evolve(asked, references=())).attributes
    assert read.object_groups == ("h",)
