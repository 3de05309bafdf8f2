"""Set Attribute: an attribute gets its one value, whether it has one or not. KMIP 2.1 §6.1.51."""

from kmip_core.attributes import AttributeInstance
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """new_attribute: the value it shall have."""

    unique_identifier: ObjectReference | None = None
    new_attribute: AttributeInstance


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the object."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Add the value, or change the one that is there.

    Raises KmipError: Multi Valued Attribute if there are several; else as Add Attribute and Modify Attribute.
    """
    changing.put(scope, scope.target, request.new_attribute)
    return Response(unique_identifier=scope.target.unique_identifier)


SPEC = Spec(
    operation=Operation.SET_ATTRIBUTE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_ATTRIBUTES),),
)
