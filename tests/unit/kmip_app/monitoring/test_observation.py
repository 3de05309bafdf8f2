"""What is counted of requests: items by operation, version and result; durations of messages by their one operation."""

import pytest
from attrs import define

from kmip_app.monitoring.observation import CountedPlainReads, ObservedEngine, RequestNumbers
from kmip_core.enums import Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.operations import get
from kmip_core.plain_reads import Basis, GivenAnswer, PlainReading
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import Pace, Steps
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion

VERSION = ProtocolVersion(2, 1)


def add(numbers: RequestNumbers, *items: tuple[Operation | None, ResultReason | None]) -> None:
    answered = tuple(
        ResponseBatchItem(operation=operation, result_status=ResultStatus.SUCCESS, result_reason=reason)
        for operation, reason in items
    )
    header = ResponseHeader(protocol_version=VERSION, time_stamp=0)
    request = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=())
    numbers.add(request, ResponseMessage(header=header, batch_items=answered), 0.001)


def test_items_are_counted_by_operation_and_result_and_messages_of_several_under_none() -> None:
    numbers, get, missing = RequestNumbers(), Operation.GET, ResultReason.OBJECT_NOT_FOUND
    add(numbers, (get, None))
    add(numbers, (get, missing))
    add(numbers, (Operation.CREATE, None), (get, None))
    add(numbers, (None, missing))

    version = 2 * 256 + 1
    assert numbers.requests() == {
        (int(get), version, 0): 2,
        (int(get), version, int(missing)): 1,
        (int(Operation.CREATE), version, 0): 1,
        (0, version, int(missing)): 1,
    }
    assert {operation: sum(one.counts) for operation, one in numbers.durations().items()} == {int(get): 2, 0: 2}


@define
class FakeReads:
    """Plain reads of which one can be recorded again, or cannot."""

    records: bool

    def includes(self, message: RequestMessage) -> bool:
        return True

    def basis(self) -> Basis | None:
        return None

    def given(
        self, request: RequestMessage, response: ResponseMessage, principal: Principal, before: Basis
    ) -> GivenAnswer | None:
        return None

    def record_again(self, given: GivenAnswer) -> bool:
        return self.records


def an_answer() -> GivenAnswer:
    operation = Operation.GET
    item = RequestBatchItem(operation=operation, payload=get.Request())
    header = ResponseHeader(protocol_version=VERSION, time_stamp=0)
    return GivenAnswer(
        basis=(0, b"", ""),
        principal=Principal(name="alice"),
        request=RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,)),
        response=ResponseMessage(header=header, batch_items=(ResponseBatchItem(operation=operation),)),
        record=AuditRecord(record_id="1", time=0, principal="alice", event="GET"),
    )


@pytest.mark.parametrize(("records", "count"), [(True, 1), (False, 0)])
def test_an_answer_that_is_given_again_is_counted_once_it_is_recorded(records: bool, count: int) -> None:
    numbers = RequestNumbers()

    assert CountedPlainReads(FakeReads(records), numbers).record_again(an_answer()) is records

    assert sum(numbers.requests().values()) == count
    assert sum(sum(one.counts) for one in numbers.durations().values()) == count


@pytest.mark.parametrize(("slow", "lines"), [(0.0, ["slow request: Get took"]), (1e6, []), (None, [])])
def test_an_answer_that_is_given_again_slowly_leaves_a_line(
    slow: float | None, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It is the record that may take long."""
    CountedPlainReads(FakeReads(True), RequestNumbers(), slow).record_again(an_answer())

    assert [message[:22] for message in caplog.messages] == lines


@define
class FakeEngine:
    """An engine that is asked for its plain reads alone."""

    plain_reads: PlainReading | None

    def pace(self, message: RequestMessage) -> Pace:
        return Pace.QUICK

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        raise NotImplementedError

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        raise NotImplementedError


def test_an_engine_that_is_observed_counts_what_it_answers_again(caplog: pytest.LogCaptureFixture) -> None:
    numbers = RequestNumbers()
    reads = ObservedEngine(FakeEngine(FakeReads(True)), numbers, slow=0.0).plain_reads

    assert reads is not None
    assert reads.record_again(an_answer())
    assert (sum(numbers.requests().values()), len(caplog.messages)) == (1, 1)
    assert ObservedEngine(FakeEngine(None), numbers).plain_reads is None
