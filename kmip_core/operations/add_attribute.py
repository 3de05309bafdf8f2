"""Add Attribute: an object gets one more attribute value. KMIP 2.1 §6.1.2, 1.4 §4.14."""

from kmip_core.attributes import AttributeInstance
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """new_attribute: without an index, which the server gives."""

    unique_identifier: ObjectReference | None = None
    new_attribute: AttributeInstance


@frozen(kw_only=True)
class Response:
    """new_attribute: as it was added, with its index; some clients go on only if they see it (clients.md 16)."""

    unique_identifier: str
    new_attribute: AttributeInstance | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Add the value; what is there stays as it is.

    Raises KmipError: Read Only Attribute, Attribute Single Valued, Invalid Attribute, Non Unique Name Attribute, Wrong
    Key Lifecycle State, Server Limit Exceeded, Invalid Field.
    """
    added = changing.add(scope, scope.target, request.new_attribute)
    return Response(unique_identifier=scope.target.unique_identifier, new_attribute=added)


SPEC = Spec(
    operation=Operation.ADD_ATTRIBUTE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_ATTRIBUTES),),
)
