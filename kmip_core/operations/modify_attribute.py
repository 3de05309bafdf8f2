"""Modify Attribute: one attribute value of an object changes. KMIP 2.1 §6.1.34, 1.4 §4.15."""

from kmip_core.attributes import AttributeInstance
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """current_attribute: the value to change (2.x).  new_attribute: the new one; its index says which (1.x)."""

    unique_identifier: ObjectReference | None = None
    current_attribute: AttributeInstance | None = None
    new_attribute: AttributeInstance


@frozen(kw_only=True)
class Response:
    """new_attribute: as it is now, with its index."""

    unique_identifier: str
    new_attribute: AttributeInstance | None = None


def perform(request: Request, scope: Scope) -> Response:
    """Change the value; it keeps its index.

    Raises KmipError: Read Only Attribute, Attribute Not Found, Attribute Instance Not Found, Non Unique Name Attribute,
    Wrong Key Lifecycle State, Invalid Field.
    """
    modified = changing.modify(scope, scope.target, request.new_attribute, request.current_attribute)
    return Response(unique_identifier=scope.target.unique_identifier, new_attribute=modified)


SPEC = Spec(
    operation=Operation.MODIFY_ATTRIBUTE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_ATTRIBUTES),),
)
