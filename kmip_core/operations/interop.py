"""Interop: a tester says which test begins and ends. KMIP 2.1 §6.1.26.

"It SHALL NOT be available in a production server": it exists only where the setting `interop` is on.
"""

from kmip_core.classes import frozen
from kmip_core.enums import InteropFunction, Operation
from kmip_core.errors import not_supported
from kmip_core.operation import Cost, Scope, Spec


@frozen(kw_only=True)
class Request:
    """interop_identifier: the name of the test case, for the audit trail's reader."""

    interop_function: InteropFunction
    interop_identifier: str


@frozen(kw_only=True)
class Response:
    """Nothing."""


def perform(request: Request, scope: Scope) -> Response:
    """Take note.  Raises KmipError (Feature Not Supported) for Reset: no test may take other clients' keys away."""
    if request.interop_function is InteropFunction.RESET:
        raise not_supported("the server is not reset by clients; start one with --ephemeral for each test")
    return Response()


SPEC = Spec(
    operation=Operation.INTEROP,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    is_offered=lambda settings: settings.interop,
    evidence=lambda request: f"{request.interop_function.name} {request.interop_identifier}",
)
