"""Operations that are answered later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.storage.memory import MemoryStorage, MemoryUnitOfWork
from kmip_adapters.storage.pending import Done
from kmip_adapters.system.identifiers import SequentialIdentifiers
from kmip_core import deferral
from kmip_core.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    Ephemeral,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
    State,
)
from kmip_core.errors import KmipError, invalid_message
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import NO_ATTRIBUTES
from kmip_core.operations import (
    activate,
    archive,
    check,
    create,
    create_key_pair,
    get,
    locate,
    ping,
    poll,
    process,
    query,
    recover,
    rng_retrieve,
)
from kmip_core.operations import cancel as cancel_module
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange, TakesLong
from kmip_core.settings import Settings
from kmip_core.submissions import Held, Outcome, Submission
from tests.builders import (
    ALICE,
    BOB,
    NOW,
    VERSION,
    RememberedFaults,
    a_symmetric_key,
    an_engine,
    ask,
    attributes_of,
    clock_of,
    perform,
    storage_of,
    stored,
)
from tests.later import MANDATORY, OPTIONAL, HandRunner, an_engine_with_runner, polled, submitted

GET = (Operation.GET, get.Request(unique_identifier="key"))
PING = (Operation.PING, ping.Request())
QUERY = (Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))
ARCHIVE = (Operation.ARCHIVE, archive.Request(unique_identifier="key"))
RECOVER = (Operation.RECOVER, recover.Request(unique_identifier="key"))
LOCATE = (Operation.LOCATE, locate.Request())
ACTIVATE = (Operation.ACTIVATE, activate.Request(unique_identifier="key"))
MISSING = (Operation.ACTIVATE, activate.Request(unique_identifier="missing"))
UNREADABLE: tuple[Operation, Any] = (Operation.GET, invalid_message("no"))
CREATE = (
    Operation.CREATE,
    create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=NO_ATTRIBUTES.but(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        ),
    ),
)
PLACEHOLDER_ACTIVATE = (Operation.ACTIVATE, activate.Request())
PLACEHOLDER_GET = (Operation.GET, get.Request())
KEY_PAIR = (
    Operation.CREATE_KEY_PAIR,
    create_key_pair.Request(
        common_attributes=NO_ATTRIBUTES.but(
            cryptographic_algorithm=CryptographicAlgorithm.RSA, cryptographic_length=2048
        ),
        private_key_attributes=NO_ATTRIBUTES.but(cryptographic_usage_mask=CryptographicUsageMask.SIGN),
        public_key_attributes=NO_ATTRIBUTES.but(cryptographic_usage_mask=CryptographicUsageMask.VERIFY),
    ),
)
PENDING = ResultStatus.OPERATION_PENDING
SUCCESS = ResultStatus.SUCCESS
FAILED = ResultStatus.OPERATION_FAILED
STOP, CONTINUE, UNDO = (
    BatchErrorContinuationOption.STOP,
    BatchErrorContinuationOption.CONTINUE,
    BatchErrorContinuationOption.UNDO,
)


def state_of(engine: Any, identifier: str = "key") -> State | None:
    return attributes_of(engine, identifier).state


def statuses(answer: Any) -> list[ResultStatus]:
    return [item.result_status for item in answer.batch_items]


# --- what is answered later -----------------------------------------------------------------------------------------


def test_mandatory_has_every_item_answered_later() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())
    values = submitted(engine, PING, GET, QUERY)

    assert len(set(values)) == 3
    assert state_of(engine) is State.PRE_ACTIVE


def test_mandatory_is_refused_where_nothing_runs_later() -> None:
    answer = ask(an_engine(), PING, asynchronous_indicator=MANDATORY)

    assert [item.result_reason for item in answer.batch_items] == [ResultReason.FEATURE_NOT_SUPPORTED]


def test_a_server_that_answers_nothing_later_answers_at_once_where_it_may() -> None:
    assert statuses(ask(an_engine(), PING, asynchronous_indicator=OPTIONAL)) == [SUCCESS]


def test_without_an_indicator_nothing_is_answered_later() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())

    assert statuses(ask(engine, ARCHIVE, RECOVER, KEY_PAIR)) == [SUCCESS] * 3


@pytest.mark.parametrize("request_", [ARCHIVE, LOCATE], ids=["Archive", "Locate"])
def test_operations_that_official_cases_poll_for_are_pending_where_the_client_can_wait(request_: Any) -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())
    (item,) = ask(engine, request_, asynchronous_indicator=OPTIONAL).batch_items

    assert item.result_status is PENDING
    assert item.operation is request_[0]
    assert (runner.wakes, runner.waits) == (1, [])
    assert polled(engine, item.asynchronous_correlation_value or b"").result_status is SUCCESS


def test_work_that_is_short_is_answered_at_once_where_the_client_can_wait() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())

    assert statuses(ask(engine, GET, PING, asynchronous_indicator=OPTIONAL)) == [SUCCESS] * 2
    assert runner.ended == []


def test_long_work_is_answered_at_once_if_it_ends_soon_enough() -> None:
    engine, runner = an_engine_with_runner()
    answer = ask(engine, KEY_PAIR, PLACEHOLDER_GET, PING, asynchronous_indicator=OPTIONAL)

    assert statuses(answer) == [SUCCESS] * 3
    assert answer.batch_items[1].payload.object_type is ObjectType.PRIVATE_KEY
    assert [item.unique_batch_item_id for item in answer.batch_items] == [b"1", b"2", b"3"]
    assert len(runner.ended) == 3
    with engine.services.storage.unit_of_work() as work:  # nothing is left of it
        assert work.submission(runner.ended[0]) is None


class SlowStorage(MemoryStorage):
    """Reads on threads that may take long alone: the caller runs an event loop, and holds it up."""

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        if pace is not Pace.SLOW:
            raise TakesLong
        return super().unit_of_work(pace)


def test_what_is_answered_later_is_kept_and_collected_where_the_store_may_be_read() -> None:
    engine, _ = an_engine_with_runner(storage=SlowStorage())

    assert statuses(ask(engine, KEY_PAIR, asynchronous_indicator=OPTIONAL)) == [SUCCESS]


def test_long_work_is_pending_when_it_takes_longer() -> None:
    engine, runner = an_engine_with_runner(runner=HandRunner(is_slow=True), settings=Settings(asynchronous_after=500))
    (item,) = ask(engine, KEY_PAIR, asynchronous_indicator=OPTIONAL).batch_items

    assert item.result_status is PENDING
    assert (sum(runner.waits), item.operation) == (500, Operation.CREATE_KEY_PAIR)
    assert runner.run_due() == 1
    assert polled(engine, item.asynchronous_correlation_value or b"").payload.private_key_unique_identifier


def test_of_a_long_batch_the_answers_that_are_there_come_at_once() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key(), runner=HandRunner(is_slow=True))

    def run_first() -> None:  # as if a node had died after it
        (batch,) = storage_of(engine).claim("there", NOW, NOW + 1, 1)
        with engine.services.storage.unit_of_work() as work:
            first, _ = work.submissions_of_batch(batch)
            kept = engine.services.kept_items.encode_payload(
                Operation.ACTIVATE, activate.Response(unique_identifier="key"), VERSION
            )
            work.save_submission(first.ended(Outcome(result_status=SUCCESS, payload=kept)))
            work.commit()

    runner.meanwhile = run_first
    first, second = ask(engine, ACTIVATE, KEY_PAIR, asynchronous_indicator=OPTIONAL).batch_items

    assert (first.result_status, first.payload.unique_identifier) == (SUCCESS, "key")
    assert (second.result_status, second.unique_batch_item_id) == (PENDING, b"2")


def test_at_once_items_after_a_failed_one_have_no_answer() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())

    assert statuses(ask(engine, MISSING, KEY_PAIR, asynchronous_indicator=OPTIONAL)) == [FAILED]
    assert statuses(
        ask(engine, MISSING, KEY_PAIR, asynchronous_indicator=OPTIONAL, batch_error_continuation_option=CONTINUE)
    ) == [FAILED, SUCCESS]


def test_an_unreadable_item_is_refused_at_once() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())
    answers = ask(
        engine, UNREADABLE, GET, asynchronous_indicator=MANDATORY, batch_error_continuation_option=CONTINUE
    ).batch_items

    assert [item.result_status for item in answers] == [FAILED, PENDING]
    assert [item.unique_batch_item_id for item in answers] == [b"1", b"2"]


def test_after_a_refusal_nothing_more_is_submitted() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())

    assert statuses(ask(engine, PING, UNREADABLE, GET, asynchronous_indicator=MANDATORY)) == [PENDING, FAILED]


def test_poll_itself_is_answered_at_once_whatever_the_indicator() -> None:
    engine, _ = an_engine_with_runner()
    (value,) = submitted(engine, PING)
    request = (Operation.POLL, poll.Request(asynchronous_correlation_value=value))
    answers = ask(engine, request, PING, asynchronous_indicator=MANDATORY).batch_items

    assert [item.result_status for item in answers] == [SUCCESS, PENDING]


def test_a_batch_undone_as_a_whole_is_done_at_once_if_an_item_cannot_be_deferred() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())
    answer = ask(engine, ACTIVATE, UNREADABLE, asynchronous_indicator=MANDATORY, batch_error_continuation_option=UNDO)

    assert statuses(answer) == [ResultStatus.OPERATION_UNDONE, FAILED]
    assert state_of(engine) is State.PRE_ACTIVE


def test_a_submission_needs_no_thread_for_long_work() -> None:
    engine, _ = an_engine_with_runner()
    item = RequestBatchItem(operation=KEY_PAIR[0], payload=KEY_PAIR[1])

    def pace(**header: Any) -> Pace:
        return engine.pace(
            RequestMessage(header=RequestHeader(protocol_version=VERSION, **header), batch_items=(item,))
        )

    assert (pace(), pace(asynchronous_indicator=MANDATORY)) == (Pace.SLOW, Pace.BRIEF)


# --- how it is run --------------------------------------------------------------------------------------------------


def test_a_submission_is_run_when_it_is_due_and_polled_for() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())
    (value,) = submitted(engine, ACTIVATE)

    assert runner.run_due() == 0
    clock_of(engine).advance(2)
    assert runner.run_due() == 1
    assert state_of(engine) is State.ACTIVE
    answer = polled(engine, value)
    assert (answer.operation, answer.result_status) == (Operation.ACTIVATE, SUCCESS)
    assert answer.payload == activate.Response(unique_identifier="key")
    assert (answer.unique_batch_item_id, answer.asynchronous_correlation_value) == (b"1", None)


def test_poll_begins_what_is_not_due() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())
    (value,) = submitted(engine, ACTIVATE)

    assert polled(engine, value).result_status is SUCCESS
    assert state_of(engine) is State.ACTIVE


def test_poll_says_pending_of_what_has_not_ended() -> None:
    engine, runner = an_engine_with_runner(runner=HandRunner(is_slow=True))
    (value,) = submitted(engine, PING)
    answer = polled(engine, value)

    assert (answer.operation, answer.result_status) == (Operation.POLL, PENDING)
    assert (answer.asynchronous_correlation_value, answer.payload) == (value, None)
    assert sum(runner.waits) == 1_000


def test_a_poll_that_finds_nothing_does_not_stop_its_batch() -> None:
    engine, _ = an_engine_with_runner(runner=HandRunner(is_slow=True))
    values = submitted(engine, PING, PING)
    requests = [(Operation.POLL, poll.Request(asynchronous_correlation_value=value)) for value in values]

    assert statuses(ask(engine, *requests)) == [PENDING, PENDING]


def test_a_failure_is_polled_as_it_would_have_been_answered() -> None:
    engine, _ = an_engine_with_runner()
    (at_once,) = ask(engine, MISSING).batch_items
    (value,) = submitted(engine, MISSING)

    assert polled(engine, value) == at_once


def test_an_outcome_can_be_polled_for_again_until_it_expires() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())
    (value,) = submitted(engine, GET)
    first = polled(engine, value)

    assert polled(engine, value) == first
    clock_of(engine).advance(60)
    assert storage_of(engine).expire(engine.services.clock.now()) == 1
    assert polled(engine, value).result_reason is ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


def test_items_of_a_batch_know_what_those_before_have_made() -> None:
    engine, _ = an_engine_with_runner()
    values = submitted(engine, CREATE, PLACEHOLDER_ACTIVATE, PLACEHOLDER_GET)
    made, activated, got = (polled(engine, value).payload.unique_identifier for value in values)

    assert made == activated == got
    assert state_of(engine, made) is State.ACTIVE


def test_a_batch_goes_on_where_a_node_has_died() -> None:
    engine, _ = an_engine_with_runner(runner=HandRunner(dies=True))
    values = submitted(engine, CREATE, PLACEHOLDER_ACTIVATE)
    with pytest.raises(SystemExit):
        engine.services.runner.run(_batch_of(engine, values[0]))
    made = polled(engine, values[0]).payload.unique_identifier

    assert state_of(engine, made) is State.PRE_ACTIVE
    assert polled(engine, values[1]).payload.unique_identifier == made
    assert state_of(engine, made) is State.ACTIVE


def _batch_of(engine: Any, value: bytes) -> str:
    with engine.services.storage.unit_of_work() as work:
        found = work.submission(value)
    assert found is not None
    batch: str = found.batch
    return batch


def test_a_batch_goes_on_after_an_item_that_had_failed() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key(), runner=HandRunner(is_slow=True))
    values = submitted(
        engine, (Operation.LOCATE, locate.Request()), MISSING, GET, batch_error_continuation_option=CONTINUE
    )
    batch = _batch_of(engine, values[0])
    with engine.services.storage.unit_of_work() as work:
        second = work.submission(values[1])
        assert second is not None
        work.save_submission(second.ended(Outcome(result_status=FAILED, result_reason=ResultReason.OBJECT_NOT_FOUND)))
        work.commit()
    runner.run(batch)

    assert [polled(engine, value).result_status for value in values] == [SUCCESS, FAILED, SUCCESS]


@pytest.mark.parametrize(
    ("option", "expected", "state"),
    [(STOP, FAILED, State.PRE_ACTIVE), (CONTINUE, SUCCESS, State.ACTIVE)],
)
def test_a_failed_item_stops_its_batch_or_not(
    option: BatchErrorContinuationOption, expected: ResultStatus, state: State
) -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())
    values = submitted(engine, MISSING, ACTIVATE, batch_error_continuation_option=option)

    assert polled(engine, values[1]).result_status is expected
    assert state_of(engine) is state
    assert runner.ended == values


def test_a_batch_with_undo_is_done_whole_or_not_at_all() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key())
    good = submitted(engine, ACTIVATE, GET, batch_error_continuation_option=UNDO)
    bad = submitted(
        engine,
        (Operation.ARCHIVE, archive.Request(unique_identifier="key")),
        MISSING,
        GET,
        batch_error_continuation_option=UNDO,
    )

    assert [polled(engine, value).result_status for value in good] == [SUCCESS, SUCCESS]
    assert [polled(engine, value).result_status for value in bad] == [ResultStatus.OPERATION_UNDONE, FAILED, FAILED]
    assert not stored(engine).archived


def test_an_item_is_run_with_the_time_of_its_run() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())
    submitted(engine, ACTIVATE)
    clock_of(engine).advance(100)
    runner.run_due()

    assert stored(engine).attributes.activation_date == NOW + 100


def test_an_ephemeral_answer_stays_so() -> None:
    engine, _ = an_engine_with_runner()
    item = RequestBatchItem(
        operation=Operation.RNG_RETRIEVE,
        ephemeral=Ephemeral.DATA,
        payload=rng_retrieve.Request(data_length=8),
    )
    header = RequestHeader(protocol_version=VERSION, asynchronous_indicator=MANDATORY)
    (answer,) = engine.handle(RequestMessage(header=header, batch_items=(item,)), ALICE).batch_items
    ended = polled(engine, answer.asynchronous_correlation_value or b"")

    assert (ended.ephemeral, ended.payload.data) == (Ephemeral.DATA, b"")


def test_an_item_that_another_node_has_done_is_not_done_again() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())
    values = submitted(engine, ACTIVATE, ARCHIVE)
    batch = _batch_of(engine, values[0])
    steps = engine.run_submitted(batch)
    runner.run(batch)  # the other node
    before = stored(engine).version
    for _ in steps:
        pass

    assert stored(engine).version == before
    assert [polled(engine, value).result_status for value in values] == [SUCCESS, SUCCESS]


class InterruptingIdentifiers(SequentialIdentifiers):
    """Something happens once, the next time an identifier is made: in the middle of an item."""

    meanwhile: Callable[[], object] | None = None

    def new(self) -> str:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().new()


def test_of_two_nodes_that_run_one_batch_one_does_the_work() -> None:
    identifiers = InterruptingIdentifiers()
    engine, runner = an_engine_with_runner(identifiers=identifiers)
    (value,) = submitted(engine, CREATE)
    batch = _batch_of(engine, value)
    identifiers.meanwhile = lambda: runner.run(batch)
    runner.run(batch)

    assert perform(engine, *LOCATE).unique_identifiers == (polled(engine, value).payload.unique_identifier,)


def test_an_operation_canceled_while_it_runs_has_no_effect() -> None:
    identifiers, audit = InterruptingIdentifiers(), MemoryTrail()
    engine, runner = an_engine_with_runner(a_symmetric_key(), identifiers=identifiers, audit=audit)
    values = submitted(engine, ACTIVATE, ARCHIVE)
    cancel = (Operation.CANCEL, cancel_module.Request(asynchronous_correlation_value=values[0]))
    identifiers.meanwhile = lambda: perform(engine, *cancel)
    runner.run(_batch_of(engine, values[0]))

    assert state_of(engine) is State.PRE_ACTIVE
    assert [polled(engine, value).result_reason for value in values] == [
        ResultReason.OPERATION_CANCELED_BY_REQUESTER,
        ResultReason.GENERAL_FAILURE,  # Stop: as after any other failure
    ]
    assert not stored(engine).archived


def test_of_a_batch_with_undo_nothing_happens_once_a_part_is_canceled() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key())
    values = submitted(engine, ACTIVATE, ARCHIVE, batch_error_continuation_option=UNDO)
    perform(engine, Operation.CANCEL, cancel_module.Request(asynchronous_correlation_value=values[1]))
    runner.run(_batch_of(engine, values[0]))

    assert [polled(engine, value).result_status for value in values] == [FAILED, FAILED]
    assert (state_of(engine), stored(engine).archived) == (State.PRE_ACTIVE, False)


def test_a_batch_that_is_not_there_any_more_is_not_run() -> None:
    _, runner = an_engine_with_runner()
    runner.run("none")

    assert runner.ended == []


def test_a_batch_that_ends_the_process_again_and_again_is_given_up() -> None:
    faults = RememberedFaults()
    engine, runner = an_engine_with_runner(a_symmetric_key(), faults=faults)
    (value,) = submitted(engine, ACTIVATE)
    clock_of(engine).advance(2)
    for number in range(deferral.MAXIMUM_CLAIMS + 1):
        now = engine.services.clock.now() + number
        (batch,) = storage_of(engine).claim("here", now, now + 1, 1)
    runner.run(batch)

    assert polled(engine, value).result_reason is ResultReason.GENERAL_FAILURE
    assert state_of(engine) is State.PRE_ACTIVE
    assert len(faults.errors) == 1


def test_while_the_store_cannot_write_a_batch_is_left_for_later() -> None:
    class Unwritable(MemoryStorage):
        is_broken = False

        def _commit(self, *given: Any) -> None:
            if self.is_broken:
                raise KmipError(ResultReason.GENERAL_FAILURE, "no room")
            super()._commit(*given)

    storage = Unwritable()
    engine, runner = an_engine_with_runner(a_symmetric_key(), storage=storage)
    (value,) = submitted(engine, ACTIVATE)
    storage.is_broken = True
    with pytest.raises(KmipError, match="no room"):
        runner.run(_batch_of(engine, value))
    storage.is_broken = False

    assert polled(engine, value).result_status is SUCCESS


def test_a_kept_request_that_cannot_be_read_fails() -> None:
    engine, _ = an_engine_with_runner()
    (value,) = submitted(engine, PING)
    with engine.services.storage.unit_of_work() as work:
        found = work.submission(value)
        assert found is not None
        work.save_submission(evolve(found, request=b"\x00" * 8))
        work.commit()

    assert polled(engine, value).result_status is FAILED


# --- limits and evidence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [Settings(asynchronous_requests=2), Settings(asynchronous_bytes=300)],
    ids=["number", "bytes"],
)
def test_the_pending_operations_of_one_identity_are_limited(settings: Settings) -> None:
    engine, _ = an_engine_with_runner(settings=settings)
    values = submitted(engine, PING, PING)
    (refused,) = ask(engine, PING, asynchronous_indicator=MANDATORY).batch_items

    assert refused.result_reason is ResultReason.SERVER_LIMIT_EXCEEDED
    submitted(engine, PING, principal=BOB)
    assert [polled(engine, value).result_status for value in values] == [SUCCESS, SUCCESS]
    submitted(engine, PING, PING)  # what was delivered makes room


def test_a_limit_holds_for_those_who_submit_at_once() -> None:
    engine, _ = an_engine_with_runner(settings=Settings(asynchronous_requests=1))
    begun = engine.services.storage.unit_of_work

    class Interrupted:
        """Another request is submitted after this one has counted what is kept."""

        def __init__(self, work: Any) -> None:
            self._work = work

        def held_by(self, owner: str) -> Held:
            held: Held = self._work.held_by(owner)
            engine.services.storage.unit_of_work = begun  # type: ignore[method-assign]
            submitted(engine, PING)
            return held

        def __getattr__(self, name: str) -> Any:
            return getattr(self._work, name)

    @contextmanager
    def interrupted(pace: Pace = Pace.SLOW) -> Iterator[Any]:
        with begun(pace) as work:
            yield Interrupted(work)

    engine.services.storage.unit_of_work = interrupted  # type: ignore[method-assign]
    (refused,) = ask(engine, PING, asynchronous_indicator=MANDATORY).batch_items

    assert refused.result_reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_an_answer_that_is_too_large_to_be_kept_has_not_happened() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key(), settings=Settings(asynchronous_bytes=2_000))
    (value,) = submitted(engine, (Operation.RNG_RETRIEVE, rng_retrieve.Request(data_length=3_000)))

    assert polled(engine, value).result_reason is ResultReason.RESPONSE_TOO_LARGE


def test_a_submission_and_its_run_leave_evidence() -> None:
    audit = MemoryTrail()
    engine, _ = an_engine_with_runner(a_symmetric_key(), audit=audit)
    (value,) = submitted(engine, ACTIVATE, client_correlation_value="mine")
    polled(engine, value)

    assert [(r.event, r.message, r.principal) for r in audit.records] == [
        ("ACTIVATE", deferral.SUBMITTED, "alice"),
        ("ACTIVATE", "", "alice"),
        ("POLL", "", "alice"),
    ]
    assert [r.client_correlation_value for r in audit.records[:2]] == ["mine", "mine"]
    assert engine.services.outbox.pending_records() == ()


# --- conflicts and waiting --------------------------------------------------------------------------------------------


class Contended(MemoryStorage):
    """Refuses so many commits of submissions: others were first."""

    conflicts = 0

    def _commit(self, pending: Any, *given: Any) -> None:
        if self.conflicts and pending.submissions:
            self.conflicts -= 1
            raise ConcurrentChange("submission")
        super()._commit(pending, *given)


class Overtaken(MemoryStorage):
    """A store that so many units of work which look for submissions cannot read on, as PostgreSQL where it is lost."""

    times = 0

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> MemoryUnitOfWork:
        return OvertakenWork(self, pace)


class OvertakenWork(MemoryUnitOfWork):
    def submission(self, correlation_value: bytes) -> Submission | None:
        self._read_on()
        return super().submission(correlation_value)

    def submissions_of_batch(self, batch: str) -> tuple[Submission, ...]:
        self._read_on()
        return super().submissions_of_batch(batch)

    def _read_on(self) -> None:
        storage: Any = self._storage
        if storage.times:
            storage.times -= 1
            raise ConcurrentChange


class Interfering(HandRunner):
    """Something happens at the end of each submission."""

    at_end: Callable[[], object] = staticmethod(lambda: None)

    def has_ended(self, correlation_value: bytes) -> None:
        super().has_ended(correlation_value)
        self.at_end()


@pytest.mark.parametrize(
    ("conflicts", "expected"), [(0, SUCCESS), (1, SUCCESS), (deferral.ATTEMPTS, PENDING)], ids=["none", "one", "many"]
)
def test_an_answer_that_cannot_be_collected_is_left_for_a_poll(conflicts: int, expected: ResultStatus) -> None:
    storage, runner = Contended(), Interfering()
    engine, _ = an_engine_with_runner(storage=storage, runner=runner)
    runner.at_end = lambda: setattr(storage, "conflicts", conflicts)

    assert statuses(ask(engine, KEY_PAIR, asynchronous_indicator=OPTIONAL)) == [expected]


def test_what_cannot_be_read_on_is_read_again() -> None:
    storage = Overtaken()
    engine, runner = an_engine_with_runner(a_symmetric_key(), storage=storage)
    first, second = submitted(engine, ACTIVATE, MISSING)

    batch = _batch_of(engine, first)
    storage.times = 5
    runner.run(batch)
    assert storage.times == 0

    storage.times = 5
    assert polled(engine, first).result_status is SUCCESS
    assert storage.times == 0
    assert polled(engine, second).result_reason is ResultReason.OBJECT_NOT_FOUND


def test_a_poll_of_a_store_that_never_reads_on_is_refused() -> None:
    storage = Overtaken()
    engine, _ = an_engine_with_runner(storage=storage)
    (value,) = submitted(engine, PING)

    storage.times = 1 << 30

    answer = polled(engine, value)
    assert (answer.result_reason, answer.result_message) == (
        ResultReason.GENERAL_FAILURE,
        "others keep changing the object; try again",
    )


class Unreadable(HandRunner):
    """Nothing can be waited for: the store cannot be read."""

    def wait(self, correlation_value: bytes, milliseconds: int) -> Done:
        raise KmipError(ResultReason.GENERAL_FAILURE, "the store could not be read")


@pytest.mark.parametrize(
    ("operation", "request_", "expected"),
    [(Operation.POLL, poll.Request, PENDING), (Operation.PROCESS, process.Request, SUCCESS)],
    ids=["Poll", "Process"],
)
def test_what_cannot_be_waited_for_is_answered_at_once(operation: Any, request_: Any, expected: ResultStatus) -> None:
    engine, _ = an_engine_with_runner(runner=Unreadable(is_slow=True))
    (value,) = submitted(engine, PING)

    assert statuses(ask(engine, (operation, request_(asynchronous_correlation_value=value)))) == [expected]


def test_a_submission_that_expires_while_it_is_waited_for_is_unknown() -> None:
    runner = Interfering()
    engine, _ = an_engine_with_runner(runner=runner)
    runner.at_end = lambda: storage_of(engine).expire(NOW + 1_000_000)
    (item,) = ask(engine, KEY_PAIR, asynchronous_indicator=OPTIONAL).batch_items

    assert item.result_reason is ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


def test_a_failure_is_kept_in_spite_of_conflicts() -> None:
    storage = Contended()
    engine, runner = an_engine_with_runner(storage=storage)
    (value,) = submitted(engine, MISSING)
    storage.conflicts = deferral.ATTEMPTS
    runner.run(_batch_of(engine, value))
    storage.conflicts = 1  # what could not be kept is run again

    assert polled(engine, value).result_reason is ResultReason.OBJECT_NOT_FOUND


def test_a_submission_that_always_meets_others_is_refused() -> None:
    engine, _ = an_engine_with_runner(storage=Contended())
    engine.services.storage.conflicts = deferral.ATTEMPTS  # type: ignore[attr-defined]

    assert statuses(ask(engine, PING, asynchronous_indicator=MANDATORY)) == [FAILED]
    assert statuses(ask(engine, PING, asynchronous_indicator=MANDATORY)) == [PENDING]


class Later:
    """A commitment whose outcome is not known at once."""

    is_done = False

    def __init__(self, done: Any) -> None:
        self._done = done

    def wait(self) -> None:
        """Return at once: a test has no time."""

    def result(self) -> None:
        self._done.result()


class LateStorage(MemoryStorage):
    """Each commit has to be waited for."""

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        with super().unit_of_work(pace) as work:
            hand_over = work.hand_over
            work.hand_over = lambda: Later(hand_over())  # type: ignore[assignment,method-assign,return-value]
            yield work


def test_commits_are_waited_for() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key(), storage=LateStorage())
    good, bad = submitted(engine, ACTIVATE), submitted(engine, MISSING)

    assert [polled(engine, value).result_status for value in (*good, *bad)] == [SUCCESS, FAILED]


def test_after_a_refusal_of_the_first_item_nothing_is_submitted() -> None:
    engine, _ = an_engine_with_runner()

    assert statuses(ask(engine, UNREADABLE, PING, asynchronous_indicator=MANDATORY)) == [FAILED]


def test_an_unreadable_poll_is_refused() -> None:
    engine, _ = an_engine_with_runner()

    assert statuses(ask(engine, (Operation.POLL, invalid_message("no")))) == [FAILED]


def test_without_a_runner_nothing_is_run() -> None:
    assert list(an_engine().run_submitted("batch")) == []


def test_a_batch_that_goes_on_knows_that_a_failed_check_empties_the_placeholder() -> None:
    engine, runner = an_engine_with_runner(a_symmetric_key(), runner=HandRunner(is_slow=True))
    check_ = (Operation.CHECK, check.Request(unique_identifier="missing"))
    values = submitted(engine, CREATE, check_, PLACEHOLDER_GET, batch_error_continuation_option=CONTINUE)
    batch = _batch_of(engine, values[0])
    with engine.services.storage.unit_of_work() as work:
        created, checked, _ = work.submissions_of_batch(batch)
        payload = create.Response(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="key")
        kept = engine.services.kept_items.encode_payload(Operation.CREATE, payload, VERSION)
        work.save_submission(created.ended(Outcome(result_status=SUCCESS, payload=kept)))
        work.save_submission(checked.ended(Outcome(result_status=FAILED, result_reason=ResultReason.OBJECT_NOT_FOUND)))
        work.commit()
    runner.run(batch)

    assert polled(engine, values[2]).result_reason is ResultReason.ITEM_NOT_FOUND
