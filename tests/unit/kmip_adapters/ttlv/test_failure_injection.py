"""What goes wrong on purpose: to the right request, as often as was said, and with the right things done."""

import threading
import time

import pytest
from attrs import define, field

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.binary import decode
from kmip_adapters.ttlv.encodings.items import DecodingError
from kmip_adapters.ttlv.failure_injection import (
    GARBAGE,
    FailingService,
    HeldBack,
    InjectedFailure,
    Lost,
    PlannedFailures,
)
from kmip_core.engine import Engine
from kmip_core.enums import BatchErrorContinuationOption, Operation, ResultReason, ResultStatus, State
from kmip_core.errors import KmipError, invalid_message
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.operations import CATALOGUE, activate, get
from kmip_core.ports.steps import Pace, Wait
from kmip_core.ports.transport import Answer, ConnectionEnd, run_to_end
from kmip_core.structures import ProtocolVersion
from tests.builders import ALICE, a_service, a_symmetric_key, an_engine

V12 = ProtocolVersion(1, 2)
CODEC = Codec(CATALOGUE, [V12])

GET = RequestBatchItem(operation=Operation.GET, payload=get.Request(unique_identifier="key"))
ACTIVATE = RequestBatchItem(operation=Operation.ACTIVATE, payload=activate.Request(unique_identifier="key"))
REFUSAL = KmipError(ResultReason.ITEM_NOT_FOUND, "on purpose")


def frame(*items: RequestBatchItem) -> bytes:
    numbered = [
        RequestBatchItem(operation=item.operation, payload=item.payload, unique_batch_item_id=bytes([place]))
        for place, item in enumerate(items)
    ]
    header = RequestHeader(
        protocol_version=V12,
        batch_order_option=True,
        batch_error_continuation_option=BatchErrorContinuationOption.CONTINUE,
    )
    return CODEC.encode_request(RequestMessage(header=header, batch_items=tuple(numbered)))


@define
class Rehearsal:
    """A service over one key in memory, and what is planned for it."""

    engine: Engine = field(factory=lambda: an_engine(a_symmetric_key("key")))
    failures: PlannedFailures = field(factory=PlannedFailures)

    service: FailingService = field(init=False)

    @service.default
    def _service_of_the_engine(self) -> FailingService:
        return FailingService(a_service(self.engine, CODEC), self.failures)

    def plan(self, operation: Operation = Operation.GET, **what) -> None:
        self.failures.plan(InjectedFailure(operation=operation, **what))

    def answer(self, *items: RequestBatchItem) -> Answer:
        return run_to_end(self.service.open(frame(*items), ALICE))

    def items(self, *items: RequestBatchItem) -> tuple[ResponseBatchItem, ...]:
        answer = self.answer(*items)
        assert isinstance(answer, bytes)
        return CODEC.decode_response(answer).batch_items

    @property
    def state(self) -> State | None:
        with self.engine.services.storage.unit_of_work() as work:
            return work.find("key").attributes.state


@pytest.fixture
def rehearsal() -> Rehearsal:
    return Rehearsal()


def test_without_a_planned_failure_it_is_the_service_itself(rehearsal: Rehearsal) -> None:
    plain = a_service(rehearsal.engine, CODEC)

    assert rehearsal.answer(GET) == plain.open(frame(GET), ALICE).run()
    assert rehearsal.service.refuse(REFUSAL) == plain.refuse(REFUSAL)


def test_an_item_is_refused_and_not_performed(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, refusal=REFUSAL)

    (item,) = rehearsal.items(ACTIVATE)

    assert (item.result_status, item.result_reason) == (ResultStatus.OPERATION_FAILED, ResultReason.ITEM_NOT_FOUND)
    assert item.result_message == "on purpose"
    assert rehearsal.state is State.PRE_ACTIVE


def test_a_request_that_was_answered_before_is_refused_as_any_other(rehearsal: Rehearsal) -> None:
    for _ in range(3):  # its answer is given again by now
        assert rehearsal.items(GET)[0].result_reason is None
    rehearsal.plan(refusal=REFUSAL)

    assert [rehearsal.items(GET)[0].result_reason for _ in range(2)] == [REFUSAL.reason, None]


def test_only_the_next_request_with_the_operation_meets_it(rehearsal: Rehearsal) -> None:
    rehearsal.plan(refusal=REFUSAL)

    statuses = [rehearsal.items(item)[0].result_status for item in (ACTIVATE, GET, GET)]

    assert statuses == [ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED, ResultStatus.SUCCESS]
    assert rehearsal.failures.planned == ()


def test_each_item_of_a_batch_meets_one_of_its_own(rehearsal: Rehearsal) -> None:
    rehearsal.plan(refusal=REFUSAL)
    rehearsal.plan(refusal=invalid_message("also on purpose"))

    items = rehearsal.items(GET, ACTIVATE, GET, GET)

    assert [i.result_reason for i in items] == [ResultReason.ITEM_NOT_FOUND, None, ResultReason.INVALID_MESSAGE, None]


def test_a_lost_request_has_done_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, lost=Lost.REQUEST)

    assert rehearsal.answer(ACTIVATE) == ConnectionEnd()
    assert rehearsal.state is State.PRE_ACTIVE


def test_a_lost_answer_was_to_a_request_that_was_done(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, lost=Lost.ANSWER)

    assert rehearsal.answer(ACTIVATE) == ConnectionEnd()
    assert rehearsal.state is State.ACTIVE


def test_garbage_comes_instead_of_the_answer_to_what_was_done(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, garbage=b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert rehearsal.answer(ACTIVATE) == ConnectionEnd(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert rehearsal.state is State.ACTIVE


def test_the_usual_garbage_is_as_long_as_it_says_and_no_ttlv() -> None:
    assert len(GARBAGE) == 8 + int.from_bytes(GARBAGE[4:8])
    with pytest.raises(DecodingError):
        decode(GARBAGE)


def test_a_rehearsed_failure_keeps_the_pace_of_the_request(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, lost=Lost.ANSWER)
    rehearsal.plan(Operation.ACTIVATE, lost=Lost.REQUEST)

    paces = [rehearsal.service.open(frame(ACTIVATE), ALICE).pace for _ in range(2)]

    assert paces == [Pace.COMMITS, Pace.COMMITS]


def test_a_late_answer_is_something_that_its_job_waits_for(rehearsal: Rehearsal) -> None:
    rehearsal.plan(delay=0.05)
    job = rehearsal.service.open(frame(GET), ALICE)
    began = time.monotonic()
    outcome = job.run()
    while not (isinstance(outcome, Wait) and isinstance(outcome.pending, HeldBack)):
        assert isinstance(outcome, Wait)
        outcome.pending.wait()
        outcome = job.run()
    known = threading.Event()

    outcome.pending.add_done_callback(known.set)

    assert known.wait(120)
    assert time.monotonic() - began >= 0.05
    answer = job.run()
    assert isinstance(answer, bytes)
    assert CODEC.decode_response(answer).batch_items[0].result_status is ResultStatus.SUCCESS


def test_everything_is_done_before_an_answer_is_held_back_and_clearing_lets_it_go(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, delay=3_600)
    rehearsal.plan(refusal=REFUSAL)
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(rehearsal.answer(ACTIVATE)))
    waiting.start()
    while rehearsal.state is not State.ACTIVE:
        waiting.join(0.01)

    rehearsal.failures.clear()
    waiting.join(120)

    assert len(answers) == 1
    assert rehearsal.failures.planned == ()


def test_a_delay_goes_with_the_rest(rehearsal: Rehearsal) -> None:
    rehearsal.plan(Operation.ACTIVATE, delay=0.01, refusal=REFUSAL)
    rehearsal.plan(Operation.GET, delay=0.01, lost=Lost.REQUEST)

    (item,) = rehearsal.items(ACTIVATE)

    assert item.result_reason is ResultReason.ITEM_NOT_FOUND
    assert rehearsal.answer(GET) == ConnectionEnd()


def test_a_busy_server_declines_what_would_have_gone_wrong(rehearsal: Rehearsal) -> None:
    rehearsal.plan(delay=1.0)
    busy = KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "busy")

    declined = CODEC.decode_response(rehearsal.service.open(frame(GET), ALICE).decline(busy))

    assert declined.batch_items[0].result_message == "busy"


def test_bytes_that_are_no_message_meet_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.plan(lost=Lost.REQUEST)

    answer = run_to_end(rehearsal.service.open(frame(GET)[:-8], ALICE))

    assert isinstance(answer, bytes)
    assert len(rehearsal.failures.planned) == 1
