"""Evidence of what a batch did, undid or could not do, and what it gives away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    BlockCipherMode,
    Operation,
    ResultReason,
    ResultStatus,
    State,
    UsageLimitsUnit,
)
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operation import Cost
from kmip_core.operations import CATALOGUE, activate, add_attribute, encrypt, get, ping
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import Pace, Pause
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters, UsageLimits
from tests.builders import (
    ALICE,
    BOB,
    NOW,
    VERSION,
    a_symmetric_key,
    an_engine,
    an_instance,
    ask,
    attributes_of,
    the_only,
)
from tests.unit.kmip_core.test_engine import FullStorage

CONTINUE, UNDO = BatchErrorContinuationOption.CONTINUE, BatchErrorContinuationOption.UNDO
GET_KEY = (Operation.GET, get.Request(unique_identifier="key"))
MISSING = (Operation.GET, get.Request(unique_identifier="none"))
PING = (Operation.PING, ping.Request())
ACTIVATE = (Operation.ACTIVATE, activate.Request(unique_identifier="key"))


def test_an_undone_item_gives_away_nothing_and_leaves_evidence() -> None:
    limits = UsageLimits(usage_limits_total=1, usage_limits_count=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    engine = an_engine(a_symmetric_key(state=State.ACTIVE, usage_limits=limits))
    parameters = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    used = encrypt.Request(unique_identifier="key", cryptographic_parameters=parameters, data=bytes(16))

    answer = ask(engine, (Operation.ENCRYPT, used), GET_KEY, MISSING, batch_error_continuation_option=UNDO)

    assert [item.result_status for item in answer.batch_items] == [ResultStatus.OPERATION_UNDONE] * 2 + [
        ResultStatus.OPERATION_FAILED
    ]
    assert [item.payload for item in answer.batch_items] == [None] * 3
    records = engine.services.audit.records  # type: ignore[attr-defined]
    assert [(r.operation, r.unique_identifiers) for r in records] == [
        (Operation.ENCRYPT, ("key",)),
        (Operation.GET, ("key",)),
        (Operation.GET, ("none",)),
    ]
    assert [r.message for r in records[:2]] == ["undone with the batch"] * 2


def test_a_request_for_an_object_of_another_leaves_evidence_of_it() -> None:
    engine = an_engine(a_symmetric_key())

    ask(engine, GET_KEY, principal=BOB)

    (record,) = engine.services.audit.records  # type: ignore[attr-defined]
    assert (record.principal, record.unique_identifiers) == ("bob", ("key",))


@pytest.mark.parametrize("option", [CONTINUE, UNDO])
def test_a_commit_that_cannot_be_leaves_evidence(option: BatchErrorContinuationOption) -> None:
    storage = FullStorage(0)
    engine = an_engine(a_symmetric_key(), storage=storage)
    storage.times = 1

    comment = add_attribute.Request(unique_identifier="key", new_attribute=an_instance("comment", "seen"))
    ask(engine, ACTIVATE, (Operation.ADD_ATTRIBUTE, comment), batch_error_continuation_option=option)

    records = engine.services.audit.records  # type: ignore[attr-defined]
    assert [r.event for r in records] == ["ACTIVATE", "ADD_ATTRIBUTE"]
    assert all(r.result is not None for r in records)


class FullTrail(MemoryTrail):
    """A trail that takes no more records."""

    def append(self, record: AuditRecord) -> None:
        raise KmipError(ResultReason.GENERAL_FAILURE, "the audit trail cannot be written")


@pytest.mark.parametrize("option", [CONTINUE, UNDO])
def test_a_committed_item_that_cannot_reach_the_trail_fails_and_its_evidence_waits(
    option: BatchErrorContinuationOption,
) -> None:
    engine = an_engine(a_symmetric_key(), audit=FullTrail())
    comment = add_attribute.Request(unique_identifier="key", new_attribute=an_instance("comment", "seen"))

    items = (ACTIVATE, (Operation.ADD_ATTRIBUTE, comment))
    answer = ask(engine, *items, batch_error_continuation_option=option)

    assert [item.result_status for item in answer.batch_items] == [ResultStatus.OPERATION_FAILED] * 2
    assert attributes_of(engine).state is State.ACTIVE
    waiting = engine.services.outbox.pending_records()
    assert [(record.event, record.result) for record in waiting] == [("ACTIVATE", None), ("ADD_ATTRIBUTE", None)]


class ClosedStorage(MemoryStorage):
    """Cannot begin a unit of work once it is closed."""

    is_closed = False

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        if self.is_closed:
            raise KmipError(ResultReason.GENERAL_FAILURE, "the store is closed")
        with super().unit_of_work(pace) as work:
            yield work


@pytest.mark.parametrize("option", [BatchErrorContinuationOption.STOP, BatchErrorContinuationOption.UNDO])
def test_a_unit_of_work_that_cannot_begin_fails_its_first_item_and_is_recorded(
    option: BatchErrorContinuationOption,
) -> None:
    storage = ClosedStorage()
    engine = an_engine(storage=storage)
    storage.is_closed = True

    item = the_only(ask(engine, PING, PING, batch_error_continuation_option=option))

    assert (item.operation, item.result_message) == (Operation.PING, "the store is closed")
    (record,) = engine.services.audit.records  # type: ignore[attr-defined]
    assert (record.operation, record.result) == (Operation.PING, ResultReason.GENERAL_FAILURE)


@pytest.mark.parametrize(
    ("header", "items"),
    [({"asynchronous_indicator": AsynchronousIndicator.MANDATORY}, 1), ({}, 101), ({"time_stamp": NOW - 3_600}, 1)],
    ids=["asynchronous", "too many items", "time stamp"],
)
def test_a_request_that_is_refused_as_a_whole_leaves_a_record(header: dict[str, Any], items: int) -> None:
    trail = MemoryTrail()
    engine = an_engine(audit=trail, settings=Settings(check_time_stamp=True, maximum_batch_items=100))

    answer = ask(engine, *[(Operation.PING, ping.Request())] * items, **header)

    assert answer.batch_items[0].result_status is ResultStatus.OPERATION_FAILED
    (record,) = trail.records
    assert (record.event, record.principal) == ("Request refused", ALICE.name)
    assert record.result is answer.batch_items[0].result_reason


def test_a_message_that_could_not_be_read_leaves_a_record() -> None:
    engine = an_engine()
    error = KmipError(ResultReason.INVALID_MESSAGE, "no such version")

    assert engine.refuse_whole(error, ALICE) is error
    (record,) = engine.services.audit.records  # type: ignore[attr-defined]
    assert (record.event, record.principal, record.address) == ("Request refused", ALICE.name, ALICE.address)
    assert (record.operation, record.result, record.message) == (None, error.reason, error.message)


def test_a_message_that_could_neither_be_read_nor_recorded_is_answered_so() -> None:
    engine = an_engine(audit=FullTrail())

    told = engine.refuse_whole(KmipError(ResultReason.INVALID_MESSAGE, "no such version"), ALICE)

    assert told.reason is ResultReason.GENERAL_FAILURE


def test_items_that_are_called_off_fail_and_are_recorded() -> None:
    slow = {**CATALOGUE, Operation.PING: evolve(CATALOGUE[Operation.PING], cost=Cost.COMPUTES)}
    engine = an_engine(catalogue=slow)
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION, batch_error_continuation_option=CONTINUE),
        batch_items=tuple(RequestBatchItem(operation=operation, payload=payload) for operation, payload in [PING] * 3),
    )
    steps = engine.steps(message, ALICE)

    assert next(steps) == Pause()  # between the first item and the second
    with pytest.raises(StopIteration) as end:
        steps.throw(KmipError(ResultReason.GENERAL_FAILURE, "the client has left"))

    messages = [item.result_message for item in end.value.value.batch_items]
    assert messages == [None, "the client has left", "the client has left"]
    assert [record.message for record in engine.services.audit.records][1:] == messages[1:]  # type: ignore[attr-defined]
