"""Answers that are given again: to whom, for how long, and how many."""

from typing import Any

import pytest
from attrs import define, evolve, field

from kmip_adapters.ttlv import known_answers
from kmip_adapters.ttlv.known_answers import KnownAnswers
from kmip_core.enums import Operation
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.operations import discover_versions, get
from kmip_core.plain_reads import Basis, GivenAnswer
from kmip_core.ports.audit import AuditRecord
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion

VERSION = ProtocolVersion(2, 1)
ALICE = Principal(name="alice")
ANSWER = b"an answer with a key"


def a_request(operation: Operation = Operation.GET) -> RequestMessage:
    payload = get.Request() if operation is Operation.GET else discover_versions.Request()
    item = RequestBatchItem(operation=operation, payload=payload)
    return RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))


@define
class FakeReads:
    """Plain reads over a basis that the test changes."""

    second: int = 1
    is_known: bool = True
    keeps: bool = True
    records: bool = True
    recorded: list[GivenAnswer] = field(factory=list)

    def includes(self, message: RequestMessage) -> bool:
        return True

    def basis(self) -> Basis | None:
        return (self.second, b"state", "policies") if self.is_known else None

    def given(
        self, request: RequestMessage, response: ResponseMessage, principal: Principal, before: Basis
    ) -> GivenAnswer | None:
        operation = request.batch_items[0].operation
        record = AuditRecord(record_id="1", time=self.second, principal=principal.name, event="", operation=operation)
        answer = GivenAnswer(basis=before, principal=principal, request=request, response=response, record=record)
        return answer if self.keeps else None

    def record_again(self, given: GivenAnswer) -> bool:
        if self.records:
            self.recorded.append(given)
        return self.records


def ask(
    answers: KnownAnswers,
    frame: bytes = b"frame",
    principal: Principal = ALICE,
    operation: Operation = Operation.GET,
    answer: bytes = ANSWER,
) -> bytes | None:
    """Return an answer that is given again; None if it was worked out, and kept if it is to be."""
    found = answers.look_up(frame, principal)
    if isinstance(found, bytes):
        return found
    if found is not None:
        item = ResponseBatchItem(operation=operation)
        header = ResponseHeader(protocol_version=VERSION, time_stamp=1)
        found(a_request(operation), ResponseMessage(header=header, batch_items=(item,)), answer)
    return None


@pytest.mark.parametrize("operation", [Operation.GET, Operation.DISCOVER_VERSIONS])
def test_an_answer_is_given_again_and_recorded_each_time(operation: Operation) -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)

    assert [ask(answers, operation=operation) for _ in range(3)] == [None, ANSWER, ANSWER]
    assert len(reads.recorded) == 2


def test_it_is_given_to_nobody_else_nor_to_another_request() -> None:
    answers = KnownAnswers(FakeReads())
    ask(answers)

    assert ask(answers, principal=evolve(ALICE, name="bob")) is None
    assert ask(answers, frame=b"another") is None


def test_it_is_worked_out_again_once_it_rests_on_something_else() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    ask(answers)
    reads.second += 1

    assert ask(answers) is None


def test_the_newer_answer_is_given() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    ask(answers)
    ask(answers)
    reads.second += 1

    assert [ask(answers, answer=b"newer") for _ in range(2)] == [None, b"newer"]


def test_nothing_is_given_again_where_there_is_no_basis() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    ask(answers)
    reads.is_known = False

    assert [answers.look_up(b"frame", ALICE) for _ in range(2)] == [None, None]


def test_an_answer_that_cannot_be_recorded_is_worked_out() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    ask(answers)
    reads.records = False

    assert answers.look_up(b"frame", ALICE) is None


def test_what_is_not_to_be_kept_is_worked_out_each_time() -> None:
    answers = KnownAnswers(FakeReads(keeps=False))

    assert [ask(answers) for _ in range(3)] == [None] * 3


def test_an_answer_of_an_older_basis_is_not_kept_beside_newer_ones() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    keep_late = answers.look_up(b"frame", ALICE)
    assert callable(keep_late)
    reads.second += 1
    ask(answers, frame=b"another")

    header = ResponseHeader(protocol_version=VERSION, time_stamp=1)
    keep_late(a_request(), ResponseMessage(header=header, batch_items=()), ANSWER)

    assert [key[0] for key in answers._kept] == [b"another"]


def kept_bytes(answers: KnownAnswers) -> list[bytes]:
    return [kept.octets for kept in answers._kept.values() if kept is not None]


def test_an_answer_with_a_key_is_kept_encrypted() -> None:
    answers = KnownAnswers(FakeReads())
    ask(answers)
    ask(answers, frame=b"again")

    first, second = kept_bytes(answers)
    assert ANSWER not in first
    assert first != second
    assert ANSWER.decode() not in repr(answers)


def test_a_long_answer_is_not_kept() -> None:
    answers = KnownAnswers(FakeReads())
    longest = bytes(known_answers.LONGEST)

    assert [ask(answers, b"longest", answer=longest) for _ in range(2)] == [None, longest]
    assert [ask(answers, b"longer", answer=longest + b"1") for _ in range(2)] == [None, None]


def test_the_room_is_bounded() -> None:
    answers = KnownAnswers(FakeReads())
    for number in range(known_answers.MOST + 10):
        ask(answers, frame=str(number).encode(), operation=Operation.DISCOVER_VERSIONS)

    assert len(answers._kept) == known_answers.MOST
    assert ask(answers, frame=b"0") == ANSWER


def test_what_is_asked_for_once_in_a_second_is_kept_no_more() -> None:
    """To keep an answer costs something; where it is for nothing, it is only noted that there was a request."""
    reads = FakeReads()
    answers = KnownAnswers(reads)
    for _ in range(3):
        ask(answers)
        reads.second += 1
    ask(answers)

    assert kept_bytes(answers) == []
    assert [ask(answers) for _ in range(2)] == [None, ANSWER]  # the second request of this second, and the third


def test_what_was_given_often_in_an_earlier_second_is_kept_no_more_either() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    for _ in range(5):
        ask(answers)
    for _ in range(2):
        reads.second += 1
        ask(answers)

    assert kept_bytes(answers) == []


def test_it_is_kept_at_once_again_when_it_is_asked_for_often() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    for _ in range(3):
        ask(answers)
        reads.second += 1
    for _ in range(4):
        ask(answers)
    reads.second += 1

    assert [ask(answers) for _ in range(2)] == [None, ANSWER]


def test_the_requests_that_are_noted_are_bounded() -> None:
    reads = FakeReads()
    answers = KnownAnswers(reads)
    ask(answers)
    reads.second += 1
    ask(answers)
    reads.second += 1
    for number in range(known_answers.MOST + 10):
        ask(answers, frame=str(number).encode())

    assert kept_bytes(answers) == []
    assert len(answers._kept) == known_answers.MOST


def test_answers_of_clients_that_are_gone_belong_to_nobody_else() -> None:
    """A number that Python gives to another object afterwards must not lead to the answer."""
    answers = KnownAnswers(FakeReads())
    for number in range(200):
        principal: Any = Principal(name=f"client {number}")
        assert ask(answers, principal=principal, answer=str(number).encode()) is None
        del principal
