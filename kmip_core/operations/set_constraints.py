"""Set Constraints: an administrator says what new objects must have. KMIP 2.1 §6.1.52."""

from kmip_core.classes import frozen
from kmip_core.creation_rules import Constraint
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Group, Scope, Spec
from kmip_core.procedures import administration


@frozen(kw_only=True)
class Request:
    """constraints: all that hold from now on; none takes them away."""

    constraints: tuple[Constraint, ...] = ()


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """Replace all constraints.

    Raises KmipError: Permission Denied unless the principal is an administrator; Invalid Field if there are too many.
    """
    administration.check_administrator(scope)
    administration.check_number(request.constraints)
    scope.work.save_rules(Constraint, request.constraints)
    return Response()


SPEC = Spec(
    operation=Operation.SET_CONSTRAINTS,
    request=Request,
    response=Response,
    perform=perform,
    group=Group.SETS_RULES,
    cost=Cost.CHANGES,
    evidence=lambda request: f"{len(request.constraints)} constraints",
)
