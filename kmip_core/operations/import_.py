"""Import: a client brings an object with all its attributes, as Export gave it. KMIP 2.1 §6.1.25, 1.4 §4.41.

Who may set an attribute is not asked here: state, dates and history come with the object.
"""

from functools import partial
from typing import Final

from kmip_core import attribute_rules, creation_rules
from kmip_core.attributes import AttributeReference, Attributes, merge
from kmip_core.classes import frozen
from kmip_core.creation_rules import Constraint
from kmip_core.enums import KeyWrapType, ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError, invalid_attribute_value, invalid_field
from kmip_core.initial_attributes import complete
from kmip_core.lifecycle import GONE
from kmip_core.objects import Content, ManagedObject, SystemContent, Template, key_block_of
from kmip_core.operation import Cost, Group, Scope, Spec, names_new_object
from kmip_core.procedures import attribute_values, changing, creation, custody, wrapping
from kmip_core.rules import Admitted, Purpose

MAXIMUM_IDENTIFIER: Final = 255


@frozen(kw_only=True)
class Request:
    """object_type: from 2.0 on.  key_wrap_type: Not Wrapped has a wrapped key unwrapped before it is kept."""

    unique_identifier: str
    object_type: ObjectType | None = None
    replace_existing: bool | None = None
    key_wrap_type: KeyWrapType | None = None
    attributes: Attributes = Attributes()
    managed_object: Content | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: the one that was asked for."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Keep the object under its identifier.

    Raises KmipError: Object Already Exists, unless it may be replaced; Invalid Field if the object is missing or of
    another type; and as unwrapping does.
    """
    identifier = request.unique_identifier
    if not 0 < len(identifier) <= MAXIMUM_IDENTIFIER:
        raise invalid_field(f"a Unique Identifier has 1 to {MAXIMUM_IDENTIFIER} characters")
    content = request.managed_object
    if content is None:
        raise invalid_field("the object to import must be given")
    if request.object_type not in (None, content.object_type):
        raise invalid_field("the object is not of the Object Type that the request names")
    if request.key_wrap_type is KeyWrapType.NOT_WRAPPED:
        content = wrapping.unwrap_content(scope, content)
    block = key_block_of(content)
    attributes = request.attributes
    if block is not None and block.inner_attributes is not None:
        attributes = merge(block.inner_attributes, attributes)
    _check(scope, content, attributes)
    if isinstance(content, SystemContent):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "users, groups and credentials are created, not imported")
    _keep(request, scope, content, attributes)
    return Response(unique_identifier=identifier)


def _check(scope: Scope, content: Content, attributes: Attributes) -> None:
    """Refuse values that an attribute cannot have; who may set it is not asked."""
    if attributes.object_type not in (None, content.object_type):
        raise invalid_attribute_value("Object Type in the attributes is not the object's")
    attribute_rules.check_class(attributes, content.object_type)
    attribute_values.check_number(attributes, 0)
    attribute_values.check_dates(attributes)
    for field in ("names", "operation_policy_name"):
        reference = AttributeReference(attribute=field)
        values = attributes.values_of(reference)
        for place, value in enumerate(values):
            attribute_values.accepted(scope, reference, value, values[:place])


def _keep(request: Request, scope: Scope, content: Content, given: Attributes) -> None:
    digests = given.digests or creation.digests(scope, content)
    content, described = creation.split_key_described(content, given)
    has_content = given.state not in GONE
    where = partial(custody.choose, scope, given, replaced=given)  # as where it comes from, if that can be had here
    kept = custody.take_in(scope, content, where) if has_content else content
    if not isinstance(content, Template):
        described["protection_storage_mask"] = custody.stored_as(scope, kept)
    stored = kept if has_content else None
    attributes = complete(
        kept,
        given,
        unique_identifier=request.unique_identifier,
        now=scope.now,
        digests=digests,
        extractable=custody.may_leave(given.extractable, held=custody.is_held(kept)),
        **described,
    )
    creation_rules.check(scope.work.rules_for_new(Constraint), attributes, content.object_type)
    if scope.work.find(request.unique_identifier) is None and _may_be_chosen(scope, request.unique_identifier):
        new = ManagedObject(
            unique_identifier=request.unique_identifier,
            object_type=content.object_type,
            owner=scope.principal.name,
            attributes=attributes,
            has_content=has_content,
        )
        scope.work.add(new, stored)
        return
    replaced = _replaceable(scope, request.unique_identifier)
    if not request.replace_existing:
        raise _already_exists("an object has this Unique Identifier; ask for it to be replaced, or take another")
    present = replaced.managed_object
    if present.object_type is not content.object_type:
        raise invalid_field("an object is replaced by one of its own type only")
    if attributes.operation_policy_name != present.attributes.operation_policy_name:
        changing.check_policy_owner(scope, present)
    custody.forget_on_commit(scope, replaced)
    scope.work.save(present.changed(attributes, has_content=has_content, archived=False), stored)


def _may_be_chosen(scope: Scope, identifier: str) -> bool:
    """Return whether a client may give an object this identifier if it is free: one that could not be guessed.

    With one that could, a client would find out which objects of others there are: those of an imported PyKMIP
    database are called 1, 2, 3. Administrators bring such databases, and may choose any (RULINGS 32).
    """
    return (
        scope.services.identifiers.has_form(identifier)
        or scope.principal.name in scope.services.settings.administrators
    )


def _replaceable(scope: Scope, identifier: str) -> Admitted:
    """Return the object that is to be replaced.

    Raises KmipError (Object Already Exists): one text for a stranger's object, whatever it is, and for a free
    identifier that is not the client's to choose. The attempt is in the audit record: `admit` notes it.
    """
    try:
        return scope.admit(identifier, Purpose.CHANGE_ATTRIBUTES)
    except KmipError as error:
        present = scope.work.find(identifier)
        if present is not None and present.owner == scope.principal.name:
            raise
        raise _already_exists(NOT_TO_BE_CHOSEN) from error


NOT_TO_BE_CHOSEN: Final = "this Unique Identifier is not yours to choose; take a random UUID, or one of your objects"


def _already_exists(message: str) -> KmipError:
    return KmipError(ResultReason.OBJECT_ALREADY_EXISTS, message)


SPEC = Spec(
    operation=Operation.IMPORT,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.MAKES,
    cost=Cost.WORKS,
    placeholder=names_new_object,
)
