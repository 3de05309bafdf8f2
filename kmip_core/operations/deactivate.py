"""Deactivate: an object is used for protection no longer. KMIP 3.0 §6.1.14."""

from kmip_core import lifecycle
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.errors import invalid_field
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose
from kmip_core.structures import DeactivationReason


@frozen(kw_only=True)
class Request:
    """deactivation_reason: Unspecified if left out.

    deactivation_date: seconds since 1970-01-01 UTC; now if left out.
    """

    unique_identifier: ObjectReference | None = None
    deactivation_reason: DeactivationReason | None = None
    deactivation_date: int | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the object that is now Deactivated."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Move the object from Active to Deactivated.

    Raises KmipError: Wrong Key Lifecycle State unless Active; Invalid Object Type for an Opaque Object; Invalid Field
    for a date that has not come, which Modify Attribute sets.
    """
    target, date = scope.target, request.deactivation_date
    changing.check_has_life_cycle(target, "deactivated")
    if date is not None and date > scope.now:
        raise invalid_field("the Deactivation Date has not come; Modify Attribute sets one in the future")
    reason = request.deactivation_reason or lifecycle.UNSPECIFIED
    attributes = lifecycle.deactivate(target.attributes, reason, scope.now if date is None else date)
    changing.save(scope, target.managed_object.changed(attributes))
    return Response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.DEACTIVATE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_STATE),),
)
