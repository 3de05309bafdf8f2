"""Submissions that a client names by their Asynchronous Correlation Value, and waiting for their outcome.

A value that is not the principal's own looks like one that there never was.
"""

from typing import Any, Final

from kmip_core import repetition
from kmip_core.enums import Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import ResponseBatchItem
from kmip_core.operation import Work
from kmip_core.ports.kept_items import KeptItems
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait
from kmip_core.ports.submissions import SubmissionWork
from kmip_core.principal import Principal
from kmip_core.services import EngineServices
from kmip_core.submissions import Submission

POLL_MILLISECONDS: Final = 1_000
"""How long Poll waits for an operation that has not ended, so that its client need not ask at once again."""

PROCESS_MILLISECONDS: Final = 300_000
"""How long Process, and a Poll after it, waits. What takes longer goes on; the answer says so."""

LOOK_AGAIN: Final = 200
BEGINNING: Final = 2_000
LOOK_SELDOM: Final = 1_000
"""Milliseconds after which the store is asked again for an outcome that another node may have brought: often in the
beginning, seldom later, since a thousand connections may wait for five minutes at the price of a request each."""


def own(work: Work | SubmissionWork, correlation_value: bytes, principal: Principal) -> Submission | None:
    """Return the principal's submission of this value; None if there is none, or it is another's."""
    found = work.submission(correlation_value)
    return found if found is not None and found.is_of(principal) else None


def unknown() -> KmipError:
    """Return the refusal of a correlation value that is not the principal's own, or no longer kept."""
    return KmipError(
        ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE,
        "no outstanding operation has this Asynchronous Correlation Value",
    )


def answer_to(submission: Submission, kept_items: KeptItems) -> ResponseBatchItem:
    """Return the answer that an operation has ended with, or that it is pending.

    Raises KmipError for a response that cannot be read any more.
    """
    outcome = submission.outcome
    if outcome is None:
        return pending(submission.operation, submission.correlation_value)
    payload: Any = None
    if outcome.payload:
        payload = kept_items.decode_payload(outcome.payload, submission.protocol_version)
    return ResponseBatchItem(
        operation=submission.operation,
        result_status=outcome.result_status,
        result_reason=outcome.result_reason,
        result_message=outcome.result_message,
        payload=payload,
        ephemeral=submission.ephemeral,
    )


def pending(
    operation: Operation | None, correlation_value: bytes, unique_batch_item_id: bytes | None = None
) -> ResponseBatchItem:
    """Return the answer that an operation is pending. KMIP 2.1 §8.6, §9.19."""
    return ResponseBatchItem(
        operation=operation,
        unique_batch_item_id=unique_batch_item_id,
        result_status=ResultStatus.OPERATION_PENDING,
        asynchronous_correlation_value=correlation_value,
    )


def wait_for(
    correlation_value: bytes, principal: Principal, services: EngineServices, pace: Pace, milliseconds: int
) -> Steps[None]:
    """Have a submission run without delay, and wait for its outcome so long; one that Process asked for, longer.

    Waits on the event loop, which needs no thread for that. For a value that is not the principal's own there is
    nothing to wait for.
    """
    runner = services.runner
    if runner is None:
        return
    is_hurried = False
    waited = 0
    while True:
        found = yield from repetition.reading(
            services.storage, lambda work: own(work, correlation_value, principal), pace
        )
        if found is None or found.has_ended:
            return
        if found.is_processed:
            milliseconds = max(milliseconds, PROCESS_MILLISECONDS)
        left = milliseconds - waited
        if left <= 0:
            return
        step = min(left, LOOK_AGAIN if waited < BEGINNING else LOOK_SELDOM)
        outcome = runner.wait(correlation_value, step)
        if not is_hurried:
            runner.hurry(found.batch, principal.name)
            is_hurried = True
        yield MoveTo(Pace.QUICK)
        yield Wait(outcome)
        yield MoveTo(pace)
        waited += step
