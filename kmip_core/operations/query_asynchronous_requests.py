"""Query Asynchronous Requests: a client asks which of its operations have outcomes to fetch. KMIP 2.1 §6.1.41."""

from attrs import frozen

from kmip_core.enums import Operation
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.structures import AsynchronousRequest


@frozen(kw_only=True)
class Request:
    """asynchronous_correlation_values, operations: what is reported; everything where they are left out."""

    asynchronous_correlation_values: tuple[bytes, ...] = ()
    operations: tuple[Operation, ...] = ()


@frozen(kw_only=True)
class Response:
    """asynchronous_requests: the principal's own, oldest first."""

    asynchronous_requests: tuple[AsynchronousRequest, ...] = ()


def perform(request: Request, scope: Scope) -> Response:
    """Return the principal's requests whose outcome was not fetched yet."""
    return Response()


SPEC = Spec(
    operation=Operation.QUERY_ASYNCHRONOUS_REQUESTS,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
)
