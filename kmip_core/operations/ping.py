"""Ping: a client asks whether the server is alive. KMIP 2.1 §6.1.36."""

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Scope, Spec


@frozen(kw_only=True)
class Request:
    """Nothing."""


@frozen(kw_only=True)
class Response:
    """Nothing: the answer is that there is one."""


def perform(request: Request, scope: Scope) -> Response:
    """Answer."""
    return Response()


SPEC = Spec(operation=Operation.PING, request=Request, response=Response, perform=perform, cost=Cost.READS)
