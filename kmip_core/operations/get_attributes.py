"""Get Attributes: a client asks what an object is. KMIP 2.1 §6.1.20, 1.4 §4.12."""

from attrs import evolve

from kmip_core.attributes import AttributeReference, Attributes, custom_reference
from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.errors import invalid_message
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.procedures import pykmip_attributes
from kmip_core.rules import Purpose
from kmip_core.structures import CustomAttribute


@define(kw_only=True)
class Request:
    """references: which attributes; empty for all."""

    unique_identifier: ObjectReference | None = None
    references: tuple[AttributeReference, ...] = ()


@define(kw_only=True)
class Response:
    """attributes: those that were asked for and have a value."""

    unique_identifier: str
    attributes: Attributes


def perform(request: Request, scope: Scope) -> Response:
    """Return the attributes; one that the object, or the standard, does not have is left out (clients.md 14).

    Raises KmipError (Invalid Message) for an attribute named twice.
    """
    references = request.references
    if len(set(references)) != len(references):
        raise invalid_message("an attribute must not be named more than once")
    target = scope.target
    attributes = only(target.attributes, references) if references else without_default_policy(target.attributes)
    if not references and scope.services.settings.pykmip_compatible:
        attributes = pykmip_attributes.readable(attributes)
    return Response(unique_identifier=target.unique_identifier, attributes=attributes)


def without_default_policy(attributes: Attributes) -> Attributes:
    """Return all attributes, but for the default policy: no official case expects it unless it is asked for by name."""
    if attributes.operation_policy_name == DEFAULT_POLICY:
        return evolve(attributes, operation_policy_name=None)
    return attributes


def only(attributes: Attributes, references: tuple[AttributeReference, ...]) -> Attributes:
    """Return the attributes reduced to those named, with their instance numbers."""
    wanted = dict.fromkeys(evolve(reference, attribute_index=None) for reference in references)
    customs: dict[AttributeReference, list[CustomAttribute]] = {}
    for custom in attributes.custom_attributes:  # looked through once, however many are named
        customs.setdefault(custom_reference(custom), []).append(custom)
    chosen = Attributes()
    for reference in wanted:
        if reference.vendor_identification is None and (values := attributes.values_of(reference)):
            chosen = chosen.with_values(reference, values)
    return chosen.but(
        custom_attributes=tuple(custom for reference in wanted for custom in customs.get(reference, ())),
        sparse_indices=tuple(entry for entry in attributes.sparse_indices if entry[0] in wanted),
    )


SPEC = Spec(
    operation=Operation.GET_ATTRIBUTES,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    is_plain_read=True,
    targets=(Target(purpose=Purpose.READ_ATTRIBUTES),),
)
