"""Get Attribute List: a client asks which attributes an object has. KMIP 2.1 §6.1.21, 1.4 §4.13."""

from kmip_core.attributes import AttributeReference
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import pykmip_attributes
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or None for the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """references: each attribute once, however many instances it has."""

    unique_identifier: str
    references: tuple[AttributeReference, ...]


def perform(request: Request, scope: Scope) -> Response:
    """Return the names of all attributes that have a value."""
    target = scope.target
    attributes = target.attributes
    if scope.services.settings.pykmip_compatible:
        attributes = pykmip_attributes.readable(attributes)
    return Response(unique_identifier=target.unique_identifier, references=attributes.references())


SPEC = Spec(
    operation=Operation.GET_ATTRIBUTE_LIST,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    is_plain_read=True,
    targets=(Target(purpose=Purpose.READ_ATTRIBUTES),),
)
