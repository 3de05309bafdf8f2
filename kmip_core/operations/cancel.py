"""Cancel: a client no longer wants an operation that is pending. KMIP 2.1 §6.1.5, 1.4 §4.27."""

from attrs import frozen

from kmip_core.enums import CancellationResult, Operation
from kmip_core.operation import Cost, Scope, Spec


@frozen(kw_only=True)
class Request:
    """asynchronous_correlation_value: of the operation, as its first answer had it."""

    asynchronous_correlation_value: bytes


@frozen(kw_only=True)
class Response:
    """asynchronous_correlation_value: that of the request.  cancellation_result: what came of it."""

    asynchronous_correlation_value: bytes
    cancellation_result: CancellationResult


def perform(request: Request, scope: Scope) -> Response:
    """Cancel the operation unless it has ended; Unavailable for a value that is not the principal's own."""
    return Response(
        asynchronous_correlation_value=request.asynchronous_correlation_value,
        cancellation_result=CancellationResult.UNAVAILABLE,
    )


SPEC = Spec(operation=Operation.CANCEL, request=Request, response=Response, perform=perform, cost=Cost.CHANGES)
