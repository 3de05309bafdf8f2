"""Poll, Cancel, Process and Query Asynchronous Requests."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core import rights
from kmip_core.enums import (
    CancellationResult,
    Operation,
    ProcessingStage,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import KmipError
from kmip_core.operations import cancel, log, offered, ping, poll, process, query, query_asynchronous_requests
from kmip_core.settings import Settings
from kmip_core.structures import AsynchronousRequest
from tests.builders import ALICE, BOB, NOW, an_engine, clock_of, perform, storage_of
from tests.later import HandRunner, an_engine_with_runner, polled, submitted

PING = (Operation.PING, ping.Request())
LOG = (Operation.LOG, log.Request(log_message="later"))
QUERY = (Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))
UNREADABLE = (Operation.QUERY, query.Request(query_functions=()))
LIMITED = evolve(
    ALICE, rights=rights.Rights(rights=(rights.Right(operations=rights.Operations(operations=tuple(Operation))),))
)
"""Alice with a ticket that was delegated to her."""


def canceled(engine: Any, value: bytes, principal: Any = ALICE) -> CancellationResult:
    request = cancel.Request(asynchronous_correlation_value=value)
    answer = perform(engine, Operation.CANCEL, request, principal)
    assert answer.asynchronous_correlation_value == value
    found: CancellationResult = answer.cancellation_result
    return found


def reported(engine: Any, principal: Any = ALICE, **filters: Any) -> list[AsynchronousRequest]:
    request = query_asynchronous_requests.Request(**filters)
    answer = perform(engine, Operation.QUERY_ASYNCHRONOUS_REQUESTS, request, principal)
    return list(answer.asynchronous_requests)


def processed(engine: Any, value: bytes, principal: Any = ALICE) -> None:
    perform(engine, Operation.PROCESS, process.Request(asynchronous_correlation_value=value), principal)


def refusal_of(engine: Any, operation: Operation, value: bytes, principal: Any = ALICE) -> tuple[ResultReason, str]:
    module: Any = {Operation.POLL: poll, Operation.PROCESS: process}[operation]
    with pytest.raises(KmipError) as refused:
        perform(engine, operation, module.Request(asynchronous_correlation_value=value), principal)
    return refused.value.reason, refused.value.message


# --- whose they are ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [Operation.POLL, Operation.PROCESS])
@pytest.mark.parametrize("with_runner", [True, False])
def test_an_unknown_correlation_value_is_refused(operation: Operation, with_runner: bool) -> None:
    engine = an_engine_with_runner()[0] if with_runner else an_engine()

    assert refusal_of(engine, operation, b"none")[0] is ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


@pytest.mark.parametrize("principal", [BOB, LIMITED], ids=["another", "the same with fewer rights"])
def test_a_foreign_correlation_value_looks_like_a_missing_one(principal: Any) -> None:
    engine, runner = an_engine_with_runner()
    (value,) = submitted(engine, PING)

    for operation in (Operation.POLL, Operation.PROCESS):
        assert refusal_of(engine, operation, value, principal) == refusal_of(engine, operation, b"none", principal)
    assert canceled(engine, value, principal) is canceled(engine, b"none", principal) is CancellationResult.UNAVAILABLE
    assert reported(engine, principal) == []
    assert (runner.ended, runner.waits) == ([], [])  # it was not hurried either
    assert polled(engine, value).result_status is ResultStatus.SUCCESS


def test_a_ticket_may_fetch_what_was_submitted_under_it() -> None:
    engine, _ = an_engine_with_runner()
    (value,) = submitted(engine, PING, principal=LIMITED)

    assert polled(engine, value, LIMITED).result_status is ResultStatus.SUCCESS
    assert polled(engine, value).result_status is ResultStatus.SUCCESS  # and so may its owner


# --- Cancel -----------------------------------------------------------------------------------------------------------


def test_cancel_keeps_what_has_not_ended_from_happening() -> None:
    engine, runner = an_engine_with_runner()
    (value,) = submitted(engine, PING)

    assert canceled(engine, value) is CancellationResult.CANCELED
    assert canceled(engine, value) is CancellationResult.CANCELED
    clock_of(engine).advance(2)
    assert runner.run_due() == 0
    assert polled(engine, value).result_reason is ResultReason.OPERATION_CANCELED_BY_REQUESTER


def test_cancel_says_how_an_operation_has_ended() -> None:
    engine, _ = an_engine_with_runner()
    good, bad = submitted(engine, PING), submitted(engine, UNREADABLE)
    for value in (*good, *bad):
        processed(engine, value)

    assert canceled(engine, good[0]) is CancellationResult.COMPLETED
    assert canceled(engine, bad[0]) is CancellationResult.FAILED
    assert polled(engine, good[0]).result_status is ResultStatus.SUCCESS


def test_a_begun_operation_that_acts_outside_of_the_store_cannot_be_canceled() -> None:
    engine, _ = an_engine_with_runner()
    (value,), (other,) = submitted(engine, LOG), submitted(engine, LOG)
    clock_of(engine).advance(2)
    now = engine.services.clock.now()
    assert storage_of(engine).claim("there", now, now + 15, 1)

    assert canceled(engine, value) is CancellationResult.UNABLE_TO_CANCEL
    assert canceled(engine, other) is CancellationResult.CANCELED
    clock_of(engine).advance(15)  # who had begun it is gone
    assert canceled(engine, value) is CancellationResult.CANCELED


# --- Process ----------------------------------------------------------------------------------------------------------


def test_after_process_poll_never_finds_an_operation_pending() -> None:
    engine, _ = an_engine_with_runner()
    (value,) = submitted(engine, PING)
    processed(engine, value)

    assert reported(engine)[0].processing_stage is ProcessingStage.COMPLETED
    assert polled(engine, value).result_status is ResultStatus.SUCCESS


def test_process_twice_or_too_late_is_refused() -> None:
    engine, runner = an_engine_with_runner(runner=HandRunner(is_slow=True))
    (value,) = submitted(engine, PING)
    processed(engine, value)

    assert sum(runner.waits) == 300_000  # it takes longer than any request
    assert refusal_of(engine, Operation.PROCESS, value)[0] is ResultReason.DUPLICATE_PROCESS_REQUEST
    assert runner.run_due() == 1  # Process has made it due
    assert refusal_of(engine, Operation.PROCESS, value)[0] is ResultReason.DUPLICATE_PROCESS_REQUEST


def test_a_poll_after_process_waits_as_long_as_process() -> None:
    engine, runner = an_engine_with_runner(runner=HandRunner(is_slow=True))
    (value,) = submitted(engine, PING)
    processed(engine, value)
    runner.waits.clear()
    polled(engine, value)

    assert sum(runner.waits) == 300_000


# --- Query Asynchronous Requests --------------------------------------------------------------------------------------


def test_outstanding_operations_are_reported_with_their_stage() -> None:
    engine, runner = an_engine_with_runner(runner=HandRunner(is_slow=True))
    (first,), (second,), (third,) = (submitted(engine, each) for each in (PING, QUERY, PING))
    clock_of(engine).advance(2)
    now = engine.services.clock.now()
    (batch,) = storage_of(engine).claim("here", now, now + 15, 1)
    runner.run(batch)
    storage_of(engine).claim("there", now, now + 15, 1)

    assert reported(engine) == [
        AsynchronousRequest(
            asynchronous_correlation_value=value,
            operation=operation,
            submission_date=NOW * 1_000_000,
            processing_stage=stage,
        )
        for value, operation, stage in (
            (first, Operation.PING, ProcessingStage.COMPLETED),
            (second, Operation.QUERY, ProcessingStage.IN_PROCESS),
            (third, Operation.PING, ProcessingStage.SUBMITTED),
        )
    ]


def test_a_fetched_or_canceled_operation_is_not_outstanding() -> None:
    engine, _ = an_engine_with_runner()
    (fetched,), (ended,), (left,) = (submitted(engine, PING) for _ in range(3))
    polled(engine, fetched)
    canceled(engine, ended)

    assert [one.asynchronous_correlation_value for one in reported(engine)] == [left]


def test_both_filters_hold_where_both_are_given() -> None:
    engine, _ = an_engine_with_runner()
    (one,), (two,) = submitted(engine, PING), submitted(engine, QUERY)

    def found(**filters: Any) -> list[bytes]:
        return [each.asynchronous_correlation_value for each in reported(engine, **filters)]

    assert found() == [one, two]
    assert found(asynchronous_correlation_values=(two, b"none")) == [two]
    assert found(operations=(Operation.PING, Operation.GET)) == [one]
    assert found(asynchronous_correlation_values=(two,), operations=(Operation.PING,)) == []


def test_a_server_that_answers_everything_at_once_does_not_offer_them() -> None:
    of_submissions = {
        Operation.POLL,
        Operation.CANCEL,
        Operation.PROCESS,
        Operation.QUERY_ASYNCHRONOUS_REQUESTS,
    }

    assert of_submissions <= set(offered(Settings()))
    assert not of_submissions & set(offered(Settings(asynchronous_requests=0)))
