"""Object Class: which objects are the clients', and which the server's own. KMIP 3.0 §4.40, §6.1.32."""

from typing import Any

import pytest

from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.criteria import LocateQuery, conditions, of_classes
from kmip_core.enums import ObjectClass, ObjectClassMask, ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import CONTENT_CLASSES, SYSTEM_TYPES, class_of
from kmip_core.operations import (
    add_attribute,
    create,
    delete_attribute,
    export,
    get_attribute_list,
    get_attributes,
    import_,
    locate,
    modify_attribute,
)
from kmip_core.policy import Visibility
from tests.builders import NOW, a_symmetric_key, an_engine, an_instance, attributes_of, perform

REFERENCE = AttributeReference(attribute="object_class")
EVERY_CLASS = ObjectClassMask.USER | ObjectClassMask.SYSTEM


def found(mask: ObjectClassMask | None, *criteria: AttributeInstance) -> tuple[str, ...]:
    request = locate.Request(criteria=criteria, object_class_mask=mask)
    identifiers: tuple[str, ...] = perform(an_engine(a_symmetric_key()), Operation.LOCATE, request).unique_identifiers
    return identifiers


def reason_of(operation: Operation, request: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(a_symmetric_key()), operation, request)
    return refused.value.reason


def a_request(**attributes: Any) -> create.Request:
    usual = attributes_of(an_engine(a_symmetric_key()))
    return create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(
            cryptographic_algorithm=usual.cryptographic_algorithm,
            cryptographic_length=usual.cryptographic_length,
            cryptographic_usage_mask=usual.cryptographic_usage_mask,
            **attributes,
        ),
    )


@pytest.mark.parametrize("object_type", ObjectType)
def test_object_types_of_clients_are_of_class_user_and_others_of_class_system(object_type: ObjectType) -> None:
    assert object_type in CONTENT_CLASSES
    assert (class_of(object_type) is ObjectClass.SYSTEM) == (object_type in SYSTEM_TYPES)


@pytest.mark.parametrize("object_class", [None, ObjectClass.USER], ids=str)
def test_a_new_object_is_a_user_object(object_class: ObjectClass | None) -> None:
    engine = an_engine()
    made = perform(engine, Operation.CREATE, a_request(object_class=object_class)).unique_identifier

    assert attributes_of(engine, made).object_class is ObjectClass.USER


def test_a_key_is_not_made_as_a_system_object() -> None:
    assert reason_of(Operation.CREATE, a_request(object_class=ObjectClass.SYSTEM)) is (
        ResultReason.INVALID_ATTRIBUTE_VALUE
    )


def test_a_key_is_not_imported_as_a_system_object() -> None:
    exported = perform(an_engine(a_symmetric_key()), Operation.EXPORT, export.Request(unique_identifier="key"))
    request = import_.Request(
        unique_identifier="key",
        replace_existing=True,
        attributes=Attributes(object_class=ObjectClass.SYSTEM),
        managed_object=exported.managed_object,
    )

    assert reason_of(Operation.IMPORT, request) is ResultReason.INVALID_ATTRIBUTE_VALUE


def test_an_object_that_was_stored_without_its_class_has_one_all_the_same() -> None:
    engine = an_engine(a_symmetric_key())
    asked = get_attributes.Request(unique_identifier="key", references=(REFERENCE,))
    listed = get_attribute_list.Request(unique_identifier="key")

    assert attributes_of(engine).object_class is None
    assert perform(engine, Operation.GET_ATTRIBUTES, asked).attributes == Attributes(object_class=ObjectClass.USER)
    assert REFERENCE in perform(engine, Operation.GET_ATTRIBUTE_LIST, listed).references


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (
            Operation.ADD_ATTRIBUTE,
            add_attribute.Request(unique_identifier="key", new_attribute=an_instance("object_class", ObjectClass.USER)),
        ),
        (
            Operation.MODIFY_ATTRIBUTE,
            modify_attribute.Request(
                unique_identifier="key", new_attribute=an_instance("object_class", ObjectClass.SYSTEM)
            ),
        ),
        (
            Operation.DELETE_ATTRIBUTE,
            delete_attribute.Request(unique_identifier="key", reference=REFERENCE),
        ),
    ],
    ids=["add", "modify", "delete"],
)
def test_the_class_never_changes(operation: Operation, request_: Any) -> None:
    assert reason_of(operation, request_) is ResultReason.READ_ONLY_ATTRIBUTE


@pytest.mark.parametrize(
    ("mask", "identifiers"),
    [
        (None, ("key",)),
        (ObjectClassMask.USER, ("key",)),
        (EVERY_CLASS, ("key",)),
        (ObjectClassMask.SYSTEM, ()),
        (ObjectClassMask(0), ()),
        (ObjectClassMask(4), ()),
    ],
    ids=str,
)
def test_locate_finds_the_classes_of_the_mask(mask: ObjectClassMask | None, identifiers: tuple[str, ...]) -> None:
    assert found(mask) == identifiers


@pytest.mark.parametrize(
    ("classes", "identifiers"),
    [((ObjectClass.USER,), ("key",)), ((ObjectClass.SYSTEM,), ()), ((ObjectClass.USER, ObjectClass.SYSTEM), ())],
    ids=str,
)
def test_locate_finds_by_the_attribute(classes: tuple[ObjectClass, ...], identifiers: tuple[str, ...]) -> None:
    assert found(EVERY_CLASS, *(an_instance("object_class", each) for each in classes)) == identifiers


def test_system_objects_are_visible_where_they_are_asked_for() -> None:
    everyone = frozenset(("default", object_type) for object_type in ObjectType)
    query = LocateQuery(visibility=Visibility(owner="alice", owned=everyone, everyone=everyone), now=NOW)

    narrowed = of_classes(query, ObjectClassMask.SYSTEM).visibility
    assert narrowed.owned == narrowed.everyone == frozenset(("default", each) for each in SYSTEM_TYPES)
    assert of_classes(query, EVERY_CLASS) == query


def test_a_vendor_s_attribute_of_the_name_is_another_one() -> None:
    reference = AttributeReference(attribute="object_class", vendor_identification="acme")
    query = LocateQuery(
        criteria=(AttributeInstance(reference=reference, value=1),),
        visibility=Visibility(owner="alice", owned=frozenset(), everyone=frozenset()),
        now=NOW,
    )

    assert of_classes(query, EVERY_CLASS).criteria == query.criteria


def test_no_store_is_asked_for_the_class() -> None:
    with pytest.raises(KmipError) as refused:
        tuple(conditions((an_instance("object_class", ObjectClass.USER),)))

    assert refused.value.reason is ResultReason.INVALID_ATTRIBUTE
