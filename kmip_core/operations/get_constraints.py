"""Get Constraints: a client asks what new objects must have. KMIP 2.1 §6.1.22."""

from kmip_core.classes import frozen
from kmip_core.creation_rules import Constraint
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Scope, Spec


@frozen(kw_only=True)
class Request:
    """Nothing."""


@frozen(kw_only=True)
class Response:
    """constraints: as they were set."""

    constraints: tuple[Constraint, ...]


def perform(request: Request, scope: Scope) -> Response:
    """Return the constraints, which hold for all clients and are no secret."""
    return Response(constraints=scope.work.rules_of(Constraint))


SPEC = Spec(operation=Operation.GET_CONSTRAINTS, request=Request, response=Response, perform=perform, cost=Cost.READS)
