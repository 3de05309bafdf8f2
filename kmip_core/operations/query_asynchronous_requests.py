"""Query Asynchronous Requests: a client asks which of its operations have outcomes to fetch. KMIP 2.1 §6.1.41."""

from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.structures import AsynchronousRequest

_MICROSECONDS: Final = 1_000_000


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
    """Return the principal's requests whose outcome was not fetched yet; where both filters are given, both hold."""
    values, operations = set(request.asynchronous_correlation_values), set(request.operations)
    found = (
        submission
        for submission in scope.work.submissions_of(scope.principal.name)
        if submission.is_of(scope.principal)
        and (not values or submission.correlation_value in values)
        and (not operations or submission.operation in operations)
    )
    return Response(
        asynchronous_requests=tuple(
            AsynchronousRequest(
                asynchronous_correlation_value=submission.correlation_value,
                operation=submission.operation,
                submission_date=submission.submitted_at * _MICROSECONDS,
                processing_stage=submission.stage(scope.now),
            )
            for submission in found
        )
    )


SPEC = Spec(
    operation=Operation.QUERY_ASYNCHRONOUS_REQUESTS,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.WORKS,
    is_offered=lambda settings: settings.asynchronous_requests > 0,
)
