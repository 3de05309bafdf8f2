"""Links by name and within a batch: kept as they were given, followed when they are used, found in every spelling."""

from typing import Any, Final

import pytest
from attrs import evolve

from kmip_core.attributes import LINK_KINDS, AttributeInstance, AttributeReference, Attributes
from kmip_core.creation_rules import DefaultsInformation, ObjectDefaults
from kmip_core.criteria import MAXIMUM_ALTERNATIVES
from kmip_core.engine import Engine
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
    UniqueIdentifier,
)
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey
from kmip_core.operations import (
    add_attribute,
    create,
    create_key_pair,
    delete_attribute,
    export,
    get_attribute_list,
    get_attributes,
    import_,
    locate,
    modify_attribute,
    query,
    re_key_key_pair,
    register,
    set_attribute,
    set_defaults,
)
from kmip_core.procedures import linked_objects
from kmip_core.settings import Settings
from kmip_core.structures import Link, NameReference, ObjectReference
from tests.builders import (
    ALICE,
    BOB,
    a_name,
    a_symmetric_key,
    an_engine,
    an_instance,
    ask,
    attributes_of,
    faults_of,
    perform,
)

KINDS: Final = tuple(LinkType)
ANY_TYPE: Final = tuple(kind for kind in LinkType if kind not in linked_objects.TYPES)
"""Kinds whose links may lead to a key."""


def a_link(target: ObjectReference, kind: LinkType = LinkType.NEXT_LINK) -> Link:
    return Link(link_type=kind, linked_object_identifier=target)


def a_key(name: str, **attributes: Any) -> Any:
    return a_symmetric_key(name, **attributes)


def linking(engine: Engine, kind: LinkType, *targets: ObjectReference, identifier: str = "key") -> None:
    """Give an object links in the way of 3.0."""
    for target in targets:
        instance = an_instance(kind.name.lower(), a_link(target, kind))
        request = add_attribute.Request(unique_identifier=identifier, new_attribute=instance)
        perform(engine, Operation.ADD_ATTRIBUTE, request)


def found(engine: Engine, link: Link, principal: Any = ALICE) -> tuple[str, ...]:
    request = locate.Request(criteria=(an_instance("links", link),))
    identifiers: tuple[str, ...] = perform(engine, Operation.LOCATE, request, principal).unique_identifiers
    return identifiers


# --- kept as given ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_by_name_is_kept_and_told_as_it_was_given(kind: LinkType) -> None:
    """Whether or not there is such an object: the target of a link need not exist. KMIP 3.0 §4.35."""
    engine = an_engine(a_key("key"))
    linking(engine, kind, NameReference("later"))
    reference = AttributeReference(attribute=kind.name.lower())
    asked = get_attributes.Request(unique_identifier="key", references=(reference,))

    told = perform(engine, Operation.GET_ATTRIBUTES, asked).attributes

    assert told.values_of(reference) == (a_link(NameReference("later"), kind),)
    listed = perform(engine, Operation.GET_ATTRIBUTE_LIST, get_attribute_list.Request(unique_identifier="key"))
    by_name = AttributeReference(attribute="object_groups")
    assert (by_name if kind is LinkType.GROUP_LINK else reference) in listed.references


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_by_name_is_changed_and_deleted_by_its_value(kind: LinkType) -> None:
    engine = an_engine(a_key("key"))
    attribute = kind.name.lower()
    old, new = (an_instance(attribute, a_link(NameReference(name), kind)) for name in ("old", "new"))
    linking(engine, kind, NameReference("old"))

    changed = modify_attribute.Request(unique_identifier="key", current_attribute=old, new_attribute=new)
    perform(engine, Operation.MODIFY_ATTRIBUTE, changed)
    assert attributes_of(engine).values_of(new.reference) == (new.value,)

    request = delete_attribute.Request(unique_identifier="key", current_attribute=new)
    perform(engine, Operation.DELETE_ATTRIBUTE, request)
    assert attributes_of(engine).values_of(new.reference) == ()
    assert (attributes_of(engine).links, attributes_of(engine).object_groups) == ((), ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_link_is_refused_where_there_can_be_one_however_the_first_is_said(kind: LinkType) -> None:
    engine = an_engine(a_key("key"))
    linking(engine, kind, NameReference("a"))
    request = add_attribute.Request(
        unique_identifier="key", new_attribute=an_instance(kind.name.lower(), a_link("b", kind))
    )
    several = kind.name.lower() in {
        "credential_link",
        "derived_key_link",
        "group_link",
        "joined_split_key_parts_link",
        "parent_link",
    }
    if several:
        perform(engine, Operation.ADD_ATTRIBUTE, request)
        assert len(attributes_of(engine).links_of(kind)) == 2
        return
    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.ADD_ATTRIBUTE, request)
    assert refused.value.reason is ResultReason.ATTRIBUTE_SINGLE_VALUED


def test_groups_by_name_and_by_identifier_are_one_attribute() -> None:
    engine = an_engine(a_key("key", object_groups=("g", "h")))
    linking(engine, LinkType.GROUP_LINK, "id")
    reference = AttributeReference(attribute="group_link")
    values = attributes_of(engine).values_of(reference)

    assert [one.linked_object_identifier for one in values] == [NameReference("g"), NameReference("h"), "id"]

    put = set_attribute.Request(unique_identifier="key", new_attribute=an_instance("group_link", values[0]))
    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.SET_ATTRIBUTE, put)
    assert refused.value.reason is ResultReason.MULTI_VALUED_ATTRIBUTE

    asked = get_attributes.Request(unique_identifier="key", references=(reference,))
    told = perform(engine, Operation.GET_ATTRIBUTES, asked).attributes
    assert (told.object_groups, told.links) == (("g", "h"), (a_link("id", LinkType.GROUP_LINK),))

    replaced = modify_attribute.Request(
        unique_identifier="key",
        current_attribute=an_instance("group_link", values[0]),
        new_attribute=an_instance("group_link", a_link("other", LinkType.GROUP_LINK)),
    )
    perform(engine, Operation.MODIFY_ATTRIBUTE, replaced)
    assert attributes_of(engine).object_groups == ("h",)
    assert attributes_of(engine).indices_of(AttributeReference(attribute="object_groups")) == (1,)
    assert {one.linked_object_identifier for one in attributes_of(engine).links} == {"id", "other"}

    delete = delete_attribute.Request(unique_identifier="key", reference=reference)
    perform(engine, Operation.DELETE_ATTRIBUTE, delete)
    assert (attributes_of(engine).object_groups, attributes_of(engine).links) == ((), ())


def test_links_by_name_go_out_and_come_in_with_the_object() -> None:
    links = tuple(a_link(NameReference(f"n{kind}"), kind) for kind in KINDS if kind is not LinkType.GROUP_LINK)
    engine = an_engine(a_key("key", links=links, object_groups=("g",)))
    gone = perform(engine, Operation.EXPORT, export.Request(unique_identifier="key"))
    request = import_.Request(
        unique_identifier="copy",
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=gone.attributes,
        managed_object=gone.managed_object,
    )

    perform(engine, Operation.IMPORT, request)

    assert attributes_of(engine, "copy").links == links
    assert attributes_of(engine, "copy").object_groups == ("g",)


# --- within a batch ---------------------------------------------------------------------------------------------------

A_KEY: Final = create.Request(
    object_type=ObjectType.SYMMETRIC_KEY,
    attributes=Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    ),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("target", "place"),
    [(UniqueIdentifier.ID_PLACEHOLDER, 1), (UniqueIdentifier.CREATE, 1), (0, 0), (-1, 1), (-2, 0)],
    ids=["placeholder", "the last one created", "the first one", "the last one", "the last but one"],
)
def test_a_link_to_what_the_batch_has_returned_is_kept_by_identifier(
    target: ObjectReference, place: int, kind: LinkType
) -> None:
    engine = an_engine(a_key("key"))
    instance = an_instance(kind.name.lower(), a_link(target, kind))
    linked = add_attribute.Request(unique_identifier="key", new_attribute=instance)

    answer = ask(engine, (Operation.CREATE, A_KEY), (Operation.CREATE, A_KEY), (Operation.ADD_ATTRIBUTE, linked))

    made = [item.payload.unique_identifier for item in answer.batch_items]
    assert attributes_of(engine).links == (a_link(made[place], kind),)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (UniqueIdentifier.ID_PLACEHOLDER, ResultReason.ITEM_NOT_FOUND),
        (UniqueIdentifier.CREATE, ResultReason.OBJECT_NOT_FOUND),
        (0, ResultReason.INVALID_FIELD),
        (-1, ResultReason.INVALID_FIELD),
    ],
    ids=["placeholder", "the last one created", "the first one", "the last one"],
)
def test_a_link_to_what_the_batch_has_not_returned_is_refused(target: ObjectReference, reason: ResultReason) -> None:
    engine = an_engine()
    described = evolve(A_KEY, attributes=evolve(A_KEY.attributes, links=(a_link(target),)))

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.CREATE, described)
    assert refused.value.reason is reason


def test_a_whole_family_is_made_in_one_batch() -> None:
    engine = an_engine()
    to_first = evolve(A_KEY, attributes=evolve(A_KEY.attributes, links=(a_link(-1, LinkType.PREVIOUS_LINK),)))
    criterion = an_instance("links", a_link(0, LinkType.PREVIOUS_LINK))

    answer = ask(
        engine,
        (Operation.CREATE, A_KEY),
        (Operation.CREATE, to_first),
        (Operation.LOCATE, locate.Request(criteria=(criterion,))),
    )

    first, second, located = (item.payload for item in answer.batch_items)
    assert located.unique_identifiers == (second.unique_identifier,)
    assert attributes_of(engine, second.unique_identifier).links == (
        a_link(first.unique_identifier, LinkType.PREVIOUS_LINK),
    )


def test_links_deep_in_a_request_are_settled_as_well() -> None:
    """Attributes stand in Key Values and in defaults, too, and nothing else than identifiers and names is stored."""
    engine = an_engine(settings=Settings(administrators=frozenset({"alice"})))
    inner = Attributes(links=(a_link(UniqueIdentifier.CREATE),))
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=bytes(16), attributes=inner),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
    )
    registered = register.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        managed_object=SymmetricKey(key_block=block),
        attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT),
    )
    defaults = ObjectDefaults(object_type=ObjectType.SECRET_DATA, attributes=inner)
    setting = set_defaults.Request(defaults_information=DefaultsInformation(object_defaults=(defaults,)))

    answer = ask(engine, (Operation.CREATE, A_KEY), (Operation.REGISTER, registered), (Operation.SET_DEFAULTS, setting))

    assert [item.result_status for item in answer.batch_items] == [ResultStatus.SUCCESS] * 3
    first, second, _ = (item.payload for item in answer.batch_items)
    assert attributes_of(engine, second.unique_identifier).links == (a_link(first.unique_identifier),)
    told = perform(engine, Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_DEFAULTS_INFORMATION,)))
    (row,) = told.defaults_information.object_defaults
    assert row.attributes.links == (a_link(first.unique_identifier),)


# --- followed when used -----------------------------------------------------------------------------------------------


def a_pair(engine: Engine, name: str) -> tuple[str, str]:
    request = create_key_pair.Request(
        common_attributes=Attributes(
            names=(a_name(name),),
            cryptographic_algorithm=CryptographicAlgorithm.RSA,
            cryptographic_length=2048,
        ),
        private_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
        public_key_attributes=Attributes(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
    )
    made = perform(engine, Operation.CREATE_KEY_PAIR, request)
    return made.private_key_unique_identifier, made.public_key_unique_identifier


def renamed(engine: Engine, identifier: str, name: str) -> None:
    request = set_attribute.Request(unique_identifier=identifier, new_attribute=an_instance("names", a_name(name)))
    perform(engine, Operation.SET_ATTRIBUTE, request)


def test_a_link_by_name_leads_to_the_object_that_has_the_name_when_it_is_followed() -> None:
    """Both halves have one name, and the kind of the link says which is meant."""
    engine = an_engine()
    private, public = a_pair(engine, "pair")
    link = an_instance("public_key_link", a_link(NameReference("pair"), LinkType.PUBLIC_KEY_LINK))
    perform(engine, Operation.SET_ATTRIBUTE, set_attribute.Request(unique_identifier=private, new_attribute=link))
    request = re_key_key_pair.Request(private_key_unique_identifier=private)

    renamed(engine, public, "elsewhere")
    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.RE_KEY_KEY_PAIR, request)
    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND

    renamed(engine, public, "pair")
    new = perform(engine, Operation.RE_KEY_KEY_PAIR, request)
    (replacement,) = attributes_of(engine, public).links_of(LinkType.REPLACEMENT_OBJECT_LINK)
    assert replacement.linked_object_identifier == new.public_key_unique_identifier


def test_a_name_of_several_objects_leads_nowhere() -> None:
    engine = an_engine()
    private, _ = a_pair(engine, "pair")
    a_pair(engine, "pair")
    link = an_instance("public_key_link", a_link(NameReference("pair"), LinkType.PUBLIC_KEY_LINK))
    perform(engine, Operation.SET_ATTRIBUTE, set_attribute.Request(unique_identifier=private, new_attribute=link))

    with pytest.raises(KmipError) as refused:
        perform(engine, Operation.RE_KEY_KEY_PAIR, re_key_key_pair.Request(private_key_unique_identifier=private))
    assert refused.value.reason is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE


# --- links as criteria ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ANY_TYPE)
def test_locate_finds_links_by_the_object_to_which_they_lead(kind: LinkType) -> None:
    engine = an_engine(
        a_key("target", names=(a_name("one"), a_name("two"))),
        a_key("other", names=(a_name("three"),)),
        a_key("by identifier", links=(a_link("target", kind),)),
        a_key("by name", links=(a_link(NameReference("one"), kind),)),
        a_key("by another name", links=(a_link(NameReference("two"), kind),)),
        a_key("elsewhere", links=(a_link(NameReference("three"), kind),)),
        a_key("of another kind", links=(a_link("target", LinkType.CERTIFICATE_LINK),)),
    )
    leading = {"by identifier", "by name", "by another name"}

    for target in ("target", NameReference("one"), NameReference("two")):
        assert set(found(engine, a_link(target, kind))) == leading, target
    assert found(engine, a_link(NameReference("three"), kind)) == ("elsewhere",)
    assert found(engine, a_link("other", kind)) == ("elsewhere",)
    assert not faults_of(engine)


@pytest.mark.parametrize("kind", linked_objects.TYPES)
def test_a_kind_that_leads_to_certain_types_is_not_led_astray_by_names_of_others(kind: LinkType) -> None:
    engine = an_engine(
        a_key("target", names=(a_name("one"),)),
        a_key("by identifier", links=(a_link("target", kind),)),
        a_key("by name"),
    )
    linking(engine, kind, NameReference("one"), identifier="by name")

    assert found(engine, a_link("target", kind)) == ("by identifier",)
    by_name = a_link(NameReference("one"), kind)
    criterion = an_instance("object_groups", "one") if kind is LinkType.GROUP_LINK else an_instance("links", by_name)
    located = perform(engine, Operation.LOCATE, locate.Request(criteria=(criterion,)))
    assert located.unique_identifiers == ("by name",)


def test_locate_compares_what_leads_nowhere_by_its_text() -> None:
    engine = an_engine(
        a_key("twin", names=(a_name("same"),)),
        a_key("sibling", names=(a_name("same"),)),
        a_key("by ambiguous name", links=(a_link(NameReference("same")),)),
        a_key("by missing name", links=(a_link(NameReference("missing")),)),
        a_key("by missing identifier", links=(a_link("missing"),)),
    )

    assert found(engine, a_link(NameReference("same"))) == ("by ambiguous name",)
    assert found(engine, a_link("twin")) == ()
    assert found(engine, a_link(NameReference("missing"))) == ("by missing name",)
    assert found(engine, a_link("missing")) == ("by missing identifier",)


def test_locate_tells_nobody_of_the_names_of_others_objects() -> None:
    engine = an_engine(
        a_key("secret", names=(a_name("plan"),)),
        a_key("bob's by name", owner="bob", links=(a_link(NameReference("plan")),)),
        a_key("bob's by identifier", owner="bob", links=(a_link("secret"),)),
    )

    assert found(engine, a_link(NameReference("plan")), BOB) == ("bob's by name",)
    assert found(engine, a_link("secret"), BOB) == ("bob's by identifier",)


def test_locate_with_a_link_to_an_object_of_very_many_names_is_refused() -> None:
    most = MAXIMUM_ALTERNATIVES - 2
    engine = an_engine(
        a_key("many", names=tuple(a_name(str(number)) for number in range(most))),
        a_key("too many", names=tuple(a_name(f"t{number}") for number in range(most + 1))),
        a_key("key", links=(a_link(NameReference(str(most - 1))),)),
    )

    assert found(engine, a_link("many")) == ("key",)
    with pytest.raises(KmipError) as refused:
        found(engine, a_link("too many"))
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_a_part_of_a_link_is_looked_for_as_before() -> None:
    engine = an_engine(
        a_key("target", names=(a_name("one"),)),
        a_key("by identifier", links=(a_link("target"),)),
        a_key("by name", links=(a_link(NameReference("one")),)),
    )
    of_any_kind: Any = None

    assert found(engine, Link(link_type=of_any_kind, linked_object_identifier="target")) == ("by identifier",)
    assert set(found(engine, Link(link_type=LinkType.NEXT_LINK, linked_object_identifier=of_any_kind))) == {
        "by identifier",
        "by name",
    }
    custom = AttributeInstance(
        reference=AttributeReference(attribute="links", vendor_identification="x"),
        value=an_instance("x-links", "target").value,
    )
    assert perform(engine, Operation.LOCATE, locate.Request(criteria=(custom,))).unique_identifiers == ()


def test_every_kind_has_an_attribute() -> None:
    assert set(LINK_KINDS.values()) == set(KINDS)
