"""Cancel: a client no longer wants an operation that is pending. KMIP 2.1 §6.1.5, §11.7, 1.4 §4.27."""

from attrs import evolve

from kmip_core.classes import frozen
from kmip_core.enums import CancellationResult, Operation, ResultStatus
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.procedures import polling
from kmip_core.submissions import CANNOT_BE_TAKEN_BACK, Submission, canceled


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
    """Cancel the operation unless it has ended: what is under way cannot be committed then.

    Unavailable for a value that is not the principal's own; Unable to Cancel what has begun and has effects outside
    of the store. The outcome of what has ended is no longer reported as outstanding.
    """
    found = polling.own(scope.work, request.asynchronous_correlation_value, scope.principal)
    return Response(
        asynchronous_correlation_value=request.asynchronous_correlation_value,
        cancellation_result=CancellationResult.UNAVAILABLE if found is None else _cancel(found, scope),
    )


def _cancel(found: Submission, scope: Scope) -> CancellationResult:
    if found.outcome is None:
        if found.operation in CANNOT_BE_TAKEN_BACK and found.is_claimed(scope.now):
            return CancellationResult.UNABLE_TO_CANCEL
        ended = evolve(found.ended(canceled()), is_canceled=True)
        scope.work.save_submission(ended.delivered(scope.now))
        return CancellationResult.CANCELED
    if not found.is_delivered:
        scope.work.save_submission(found.delivered(scope.now))
    if found.is_canceled:
        return CancellationResult.CANCELED
    if found.outcome.result_status is ResultStatus.SUCCESS:
        return CancellationResult.COMPLETED
    return CancellationResult.FAILED


SPEC = Spec(
    operation=Operation.CANCEL,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.WORKS,
    is_offered=lambda settings: settings.asynchronous_requests > 0,
)
