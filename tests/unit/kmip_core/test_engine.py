"""The engine: batches, the ID placeholder, undoing, faults and evidence."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.policy.static import StaticPolicies
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.pending import Done
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.admission import RECORDED_LENGTH
from kmip_core.attributes import Attributes
from kmip_core.criteria import LocateQuery
from kmip_core.engine import Engine
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    Ephemeral,
    HashingAlgorithm,
    NameType,
    ObjectType,
    Operation,
    PKCS11Function,
    QueryFunction,
    ResultReason,
    ResultStatus,
    State,
    UniqueIdentifier,
    UsageLimitsUnit,
)
from kmip_core.errors import AnsweredRefusal, KmipError, invalid_field
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseMessage,
    UsernameAndPassword,
)
from kmip_core.operation import Cost, Scope, Spec, Target
from kmip_core.operations import (
    CATALOGUE,
    activate,
    add_attribute,
    check,
    create,
    create_key_pair,
    derive_key,
    destroy,
    get,
    get_attributes,
    hash,
    locate,
    ping,
    pkcs_11,
    query,
    rng_retrieve,
)
from kmip_core.pacing import SHORT_BATCH
from kmip_core.policy import BUILT_IN, OperationPolicy, Permission
from kmip_core.ports.steps import MoveTo, Pace, Pause, Wait
from kmip_core.ports.storage import ConcurrentChange, ReadBegun, TakesLong
from kmip_core.repetition import ATTEMPTS
from kmip_core.rights import ObjectGroups, Objects, Right, Rights
from kmip_core.rules import Purpose
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters, Name, NameReference, UsageLimits
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
    faults_of,
    perform,
    records_of,
    stored,
    the_only,
)

SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
CONTINUE, STOP, UNDO = BatchErrorContinuationOption
CREATE = (
    Operation.CREATE,
    create.Request(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        ),
    ),
)
GET = (Operation.GET, get.Request())
GET_KEY = (Operation.GET, get.Request(unique_identifier="key"))
MISSING = (Operation.GET, get.Request(unique_identifier="none"))
ACTIVATE = (Operation.ACTIVATE, activate.Request(unique_identifier="key"))
PING = (Operation.PING, ping.Request())


def statuses(answer: ResponseMessage) -> list[ResultStatus]:
    return [item.result_status for item in answer.batch_items]


def a_message(*items: tuple[Operation | None, Any]) -> RequestMessage:
    return RequestMessage(
        header=RequestHeader(protocol_version=VERSION),
        batch_items=tuple(RequestBatchItem(operation=o, payload=p) for o, p in items),
    )


def a_catalogue(**changes: Any) -> dict[Operation, Spec]:
    """Return the catalogue with a Ping that does something else."""
    return {**CATALOGUE, Operation.PING: evolve(CATALOGUE[Operation.PING], **changes)}


# --- headers --------------------------------------------------------------------------------------------------------


def test_the_answer_says_the_version_and_the_time() -> None:
    header = ask(an_engine(), PING).header

    assert (header.protocol_version, header.time_stamp) == (VERSION, NOW)


def test_items_are_answered_in_order_under_their_numbers() -> None:
    answer = ask(an_engine(a_symmetric_key()), PING, GET_KEY)

    assert [(i.operation, i.unique_batch_item_id) for i in answer.batch_items] == [
        (Operation.PING, b"1"),
        (Operation.GET, b"2"),
    ]


def test_a_batch_that_is_too_long_is_refused_before_it_begins() -> None:
    engine = an_engine(a_symmetric_key(), settings=Settings(maximum_batch_items=1))

    item = the_only(ask(engine, ACTIVATE, PING))

    assert item.result_reason is ResultReason.INVALID_MESSAGE
    assert attributes_of(engine).state is State.PRE_ACTIVE


def test_a_batch_has_a_thousand_items_at_most_unless_set_otherwise() -> None:
    longest = ask(an_engine(), *[PING] * 1_000)
    item = the_only(ask(an_engine(), *[PING] * 1_001))

    assert {each.result_status for each in longest.batch_items} == {ResultStatus.SUCCESS}
    assert len(longest.batch_items) == 1_000
    assert (item.result_reason, item.result_message) == (
        ResultReason.INVALID_MESSAGE,
        "a batch may have 1000 items at most",
    )


def test_a_request_to_be_answered_later_is_refused() -> None:
    item = the_only(ask(an_engine(), PING, asynchronous_indicator=AsynchronousIndicator.MANDATORY))

    assert item.result_reason is ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("judged", "stamp", "status"),
    [
        pytest.param(True, NOW + 60, ResultStatus.SUCCESS, id="ok in time"),
        pytest.param(True, None, ResultStatus.SUCCESS, id="ok without"),
        pytest.param(False, 0, ResultStatus.SUCCESS, id="ok not judged"),
        pytest.param(True, NOW + 61, ResultStatus.OPERATION_FAILED, id="fail ahead"),
        pytest.param(True, NOW - 61, ResultStatus.OPERATION_FAILED, id="fail behind"),
    ],
)
def test_time_stamps_are_judged_where_that_is_wanted(judged: bool, stamp: int | None, status: ResultStatus) -> None:
    engine = an_engine(settings=Settings(check_time_stamp=judged))

    assert the_only(ask(engine, PING, time_stamp=stamp)).result_status is status


# --- pace -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "pace"),
    [
        ((), Pace.QUICK),
        ((PING,), Pace.QUICK),
        ((PING, CREATE), Pace.COMMITS),
        (((None, KmipError(ResultReason.INVALID_MESSAGE, "?")),), Pace.QUICK),
        (((Operation.CREATE, KmipError(ResultReason.INVALID_FIELD, "?")),), Pace.QUICK),
    ],
)
def test_a_message_is_as_slow_as_its_slowest_item(items: Any, pace: Pace) -> None:
    assert an_engine().pace(a_message(*items)) is pace


def test_the_pace_may_depend_on_the_request() -> None:
    engine = an_engine(catalogue=a_catalogue(cost=lambda request: Cost.COMPUTES))

    assert engine.pace(a_message(PING)) is Pace.SLOW


class RemoteStorage(MemoryStorage):
    """One that may wait for another machine."""

    blocking = True


def test_units_of_work_wait_for_a_store_on_another_machine_by_themselves() -> None:
    pace = an_engine(storage=RemoteStorage()).pace
    assert pace(a_message(PING)) is Pace.QUICK
    assert pace(a_message(ACTIVATE)) is Pace.COMMITS
    assert pace(a_message(PING, PING)) is Pace.QUICK
    slow = (Operation.CREATE_KEY_PAIR, create_key_pair.Request())
    assert pace(a_message(PING, slow)) is Pace.SLOW


@pytest.mark.parametrize("items", [(PING,), (PING, PING)], ids=["one item", "two"])
def test_what_may_ask_a_store_on_another_machine_before_a_unit_of_work_needs_a_thread(items: tuple[Any, ...]) -> None:
    credentials = (
        Credential(
            credential_type=CredentialType.USERNAME_AND_PASSWORD,
            credential_value=UsernameAndPassword(username="alice", password="secret"),
        ),
    )
    plain = a_message(*items)
    with_password = evolve(plain, header=evolve(plain.header, credentials=credentials))
    attested = Settings(attested_operations=frozenset({Operation.GET}))

    assert an_engine(storage=RemoteStorage()).pace(with_password) is Pace.BRIEF
    assert an_engine(storage=RemoteStorage(), settings=attested).pace(plain) is Pace.BRIEF
    assert an_engine().pace(with_password) is Pace.QUICK


class ReadLater:
    """A read that a store has begun.  find: how often it must be begun until all is read."""

    def __init__(self, storage: "BeginningStorage", left: int) -> None:
        self._storage = storage
        self._left = left

    def unit_of_work(self, pace: Pace) -> Any:
        return self._storage.begun(pace, self._left)


class BeginningStorage(MemoryStorage):
    """Begins reads on the thread of an event loop.  times: for one unit of work; None if threads must do it."""

    blocking = True

    def __init__(self, times: int | None = 1) -> None:
        super().__init__()
        self._times = times

    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Any:
        return self.begun(pace, self._times)

    @contextmanager
    def begun(self, pace: Pace, left: int | None) -> Iterator[Any]:
        with super().unit_of_work(pace) as work:
            yield _Beginning(work, self, left) if pace in (Pace.QUICK, Pace.COMMITS) else work


class _Beginning:
    def __init__(self, work: Any, storage: BeginningStorage, left: int | None) -> None:
        self._work = work
        self._storage = storage
        self._left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def find(self, unique_identifier: str) -> Any:
        if self._left is None:
            raise TakesLong
        if self._left:
            read: Any = ReadLater(self._storage, self._left - 1)
            raise ReadBegun(read)
        return self._work.find(unique_identifier)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("option", [STOP, UNDO])
def test_a_read_that_was_begun_is_waited_for_where_the_work_is(
    times: int, option: BatchErrorContinuationOption
) -> None:
    trail = MemoryTrail()
    engine = an_engine(a_symmetric_key(fresh=True), storage=BeginningStorage(times), audit=trail)

    awaited, answer = driven(engine, GET_KEY, PING, batch_error_continuation_option=option)

    assert [type(step.pending) for step in awaited if isinstance(step, Wait)] == [ReadLater] * times
    assert not any(isinstance(step, MoveTo) for step in awaited)
    assert statuses(answer) == [ResultStatus.SUCCESS] * 2
    assert [record.operation for record in trail.records] == [Operation.GET, Operation.PING]


def test_a_read_that_cannot_be_begun_is_left_to_a_thread() -> None:
    awaited, answer = driven(an_engine(a_symmetric_key(), storage=BeginningStorage(None)), GET_KEY)

    assert awaited == [MoveTo(Pace.BRIEF)]
    assert statuses(answer) == [ResultStatus.SUCCESS]


def test_an_application_begins_and_ends_once_however_often_its_batch_is_begun() -> None:
    engine = an_engine(a_symmetric_key(fresh=True), storage=BeginningStorage(1))
    of_alice: Any = engine.services.applications

    def run(request: pkcs_11.Request) -> pkcs_11.Response:
        _, answer = driven(engine, (Operation.PKCS_11, request), GET_KEY, batch_error_continuation_option=UNDO)
        assert statuses(answer) == [ResultStatus.SUCCESS] * 2
        found: pkcs_11.Response = answer.batch_items[0].payload
        return found

    begun = run(pkcs_11.Request(pkcs_11_function=PKCS11Function.C_INITIALIZE, pkcs_11_input_parameters=b"\1"))
    assert list(of_alice._by_value) == [begun.correlation_value]

    run(pkcs_11.Request(pkcs_11_function=PKCS11Function.C_FINALIZE, correlation_value=begun.correlation_value))
    assert not of_alice._by_value


@pytest.mark.parametrize(("number", "pace"), [(SHORT_BATCH, Pace.QUICK), (SHORT_BATCH + 1, Pace.BRIEF)])
def test_many_quick_items_are_not_quick_together(number: int, pace: Pace) -> None:
    assert an_engine().pace(a_message(*[PING] * number)) is pace


class LateStorage(MemoryStorage):
    """Tells only who waits what became of a commit."""

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        with super().unit_of_work(pace) as work:
            yield _Late(work)


class _Late:
    def __init__(self, work: Any) -> None:
        self._work = work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def hand_over(self) -> Any:
        return _Unknown(self._work)


class _Unknown:
    is_done = False

    def __init__(self, work: Any) -> None:
        self._work = work

    def result(self) -> None:
        self._work.commit()


def test_every_commit_is_waited_for_and_nothing_else_is() -> None:
    engine = an_engine(a_symmetric_key(fresh=True), storage=LateStorage())

    awaited, answer = driven(engine, PING, GET_KEY, GET_KEY, ACTIVATE, PING)

    commits = [step for step in awaited if step != Pause()]  # the key was fresh once, and was activated
    assert [isinstance(each, Wait) and type(each.pending) for each in commits] == [_Unknown, _Unknown]
    assert statuses(answer) == [ResultStatus.SUCCESS] * 5


def test_hooks_are_not_called_while_the_outcome_of_the_commit_is_unknown() -> None:
    done: list[str] = []

    def perform(request: Any, scope: Scope) -> Any:
        scope.work.save(evolve(scope.admit("key", Purpose.CHANGE_STATE).managed_object, archived=True))
        scope.hooks.on_commit.append(lambda: done.append("done"))
        scope.hooks.on_rollback.append(lambda: done.append("not"))
        return ping.Response()

    for storage, expected in ((LateStorage(), []), (MemoryStorage(), ["done"])):
        done.clear()
        engine = an_engine(a_symmetric_key(), storage=storage, catalogue=a_catalogue(perform=perform))
        steps = engine.steps(a_message(PING), ALICE)
        next(steps, None)
        steps.close()  # as a server does that is told to stop at once

        assert done == expected


def test_a_commit_whose_outcome_is_unknown_is_neither_recorded_nor_visible() -> None:
    engine = an_engine(a_symmetric_key(fresh=True), storage=LateStorage())
    steps = engine.steps(a_message(ACTIVATE), ALICE)

    next(steps)

    assert engine.services.audit.records == ()  # type: ignore[attr-defined]
    assert attributes_of(engine).state is State.PRE_ACTIVE


# --- batches --------------------------------------------------------------------------------------------------------


def test_stop_leaves_out_what_comes_after_a_failure() -> None:
    answer = ask(an_engine(), MISSING, PING, batch_error_continuation_option=STOP)

    assert statuses(answer) == [ResultStatus.OPERATION_FAILED]


def test_continue_goes_on_after_a_failure() -> None:
    answer = ask(an_engine(), MISSING, PING, batch_error_continuation_option=CONTINUE)

    assert statuses(answer) == [ResultStatus.OPERATION_FAILED, ResultStatus.SUCCESS]


def test_undo_takes_back_what_was_done_and_says_what_it_was() -> None:
    engine = an_engine(a_symmetric_key())

    undone, failed = ask(engine, ACTIVATE, MISSING, batch_error_continuation_option=UNDO).batch_items

    assert undone.result_status is ResultStatus.OPERATION_UNDONE
    assert undone.payload == activate.Response(unique_identifier="key")
    assert failed.result_reason is ResultReason.OBJECT_NOT_FOUND
    assert attributes_of(engine).state is State.PRE_ACTIVE


def test_undo_without_a_failure_does_everything_at_once() -> None:
    engine = an_engine(a_symmetric_key())
    comment = add_attribute.Request(unique_identifier="key", new_attribute=an_instance("comment", "seen"))

    answer = ask(engine, ACTIVATE, (Operation.ADD_ATTRIBUTE, comment), batch_error_continuation_option=UNDO)

    assert statuses(answer) == [ResultStatus.SUCCESS] * 2
    assert (attributes_of(engine).state, attributes_of(engine).comment) == (State.ACTIVE, "seen")


def test_undo_of_one_item_is_that_item() -> None:
    assert statuses(ask(an_engine(), PING, batch_error_continuation_option=UNDO)) == [ResultStatus.SUCCESS]


def test_an_operation_that_this_server_does_not_have_fails_alone() -> None:
    answer = ask(an_engine(), (Operation.PUT, None), (None, None), PING, batch_error_continuation_option=CONTINUE)

    assert [i.result_reason for i in answer.batch_items] == [ResultReason.OPERATION_NOT_SUPPORTED] * 2 + [None]


def test_a_payload_that_could_not_be_read_fails_alone() -> None:
    refusal = KmipError(ResultReason.INVALID_FIELD, "no such thing")

    item, _ = ask(an_engine(), (Operation.GET, refusal), PING, batch_error_continuation_option=CONTINUE).batch_items

    assert (item.result_reason, item.result_message) == (ResultReason.INVALID_FIELD, "no such thing")


# --- references -----------------------------------------------------------------------------------------------------


def test_a_new_object_becomes_the_id_placeholder() -> None:
    made, got = ask(an_engine(), CREATE, GET).batch_items

    assert got.payload.unique_identifier == made.payload.unique_identifier


def test_the_id_placeholder_can_be_named() -> None:
    placeholder = get.Request(unique_identifier=UniqueIdentifier.ID_PLACEHOLDER)

    made, got = ask(an_engine(), CREATE, (Operation.GET, placeholder)).batch_items

    assert got.payload.unique_identifier == made.payload.unique_identifier


def test_the_id_placeholder_does_not_outlive_its_batch() -> None:
    engine = an_engine()
    ask(engine, CREATE)

    assert the_only(ask(engine, GET)).result_reason is ResultReason.ITEM_NOT_FOUND


def test_the_last_object_that_an_operation_has_made_can_be_named() -> None:
    named = get.Request(unique_identifier=UniqueIdentifier.CREATE)

    _, second, _, got = ask(an_engine(), CREATE, CREATE, PING, (Operation.GET, named)).batch_items

    assert got.payload.unique_identifier == second.payload.unique_identifier


def test_an_object_that_no_operation_of_the_batch_has_made_is_missing() -> None:
    named = get.Request(unique_identifier=UniqueIdentifier.REGISTER)

    _, got = ask(an_engine(), CREATE, (Operation.GET, named)).batch_items

    assert got.result_reason is ResultReason.OBJECT_NOT_FOUND


@pytest.mark.parametrize("named", UniqueIdentifier)
def test_every_enumerator_of_an_object_is_resolved_or_missing(named: UniqueIdentifier) -> None:
    got = the_only(ask(an_engine(), (Operation.GET, get.Request(unique_identifier=named))))

    assert got.result_reason in (ResultReason.OBJECT_NOT_FOUND, ResultReason.ITEM_NOT_FOUND)


def named(name: str, identifier: str, **more: Any) -> Any:
    return a_symmetric_key(identifier, names=(Name(name_value=name, name_type=NameType.URI),), **more)


GET_BY_NAME = (Operation.GET, get.Request(unique_identifier=NameReference("n")))


def test_an_object_is_found_by_its_name_whatever_the_type_of_the_name() -> None:
    engine = an_engine(named("n", "1"), named("other", "2"))

    assert the_only(ask(engine, GET_BY_NAME)).payload.unique_identifier == "1"


def test_a_name_stands_for_what_the_principal_may_see() -> None:
    engine = an_engine(named("n", "1", owner="bob"), named("n", "2"))

    assert the_only(ask(engine, GET_BY_NAME)).payload.unique_identifier == "2"


def test_a_name_of_several_objects_is_refused() -> None:
    audit = MemoryTrail()
    engine = an_engine(named("n", "1"), named("n", "2"), audit=audit)

    assert the_only(ask(engine, GET_BY_NAME)).result_reason is ResultReason.NON_UNIQUE_NAME_ATTRIBUTE
    assert audit.records[-1].unique_identifiers == ("n",)


def test_a_name_of_nothing_is_missing() -> None:
    assert the_only(ask(an_engine(), GET_BY_NAME)).result_reason is ResultReason.OBJECT_NOT_FOUND


@pytest.mark.parametrize("name", ["n", "twice", "none"])
@pytest.mark.parametrize(
    "right",
    [Right(objects=Objects(unique_identifiers=("4",))), Right(object_groups=ObjectGroups(object_groups=("g",)))],
    ids=["by identifier", "by group"],
)
def test_a_ticket_reveals_no_names_outside_its_rights(name: str, right: Right) -> None:
    engine = an_engine(
        named("n", "1"), named("twice", "2"), named("twice", "3"), named("own", "4", object_groups=("g",))
    )
    bearer = evolve(ALICE, rights=Rights(rights=(right,)))

    def by_name(text: str) -> Any:
        request = get.Request(unique_identifier=NameReference(text))
        return the_only(engine.handle(a_message((Operation.GET, request)), bearer))

    assert by_name(name).result_reason is ResultReason.NOT_AUTHORISED
    assert by_name("own").payload.unique_identifier == "4"


def test_a_destroyed_object_is_found_where_no_other_has_its_name() -> None:
    destroyed = named("n", "1", state=State.DESTROYED)

    alone = the_only(ask(an_engine(destroyed), GET_BY_NAME))
    beside = the_only(ask(an_engine(destroyed, named("n", "2")), GET_BY_NAME))
    assert alone.result_reason is ResultReason.OBJECT_DESTROYED
    assert beside.payload.unique_identifier == "2"


@pytest.mark.parametrize("option", [Ephemeral.EMPTY, Ephemeral.UNIQUE_IDENTIFIER])
def test_the_engine_leaves_other_values_of_ephemeral_to_the_codec(option: Ephemeral) -> None:
    item = RequestBatchItem(operation=Operation.GET, ephemeral=option, payload=GET_KEY[1])
    message = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))

    answer = the_only(an_engine(a_symmetric_key()).handle(message, ALICE))
    assert (answer.ephemeral, answer.payload.unique_identifier) == (option, "key")


@pytest.mark.parametrize(("index", "which"), [(0, 0), (1, 1), (-1, 1), (-2, 0)])
def test_an_index_counts_what_the_batch_has_returned(index: int, which: int) -> None:
    *made, got = ask(an_engine(), CREATE, CREATE, (Operation.GET, get.Request(unique_identifier=index))).batch_items

    assert got.payload.unique_identifier == made[which].payload.unique_identifier


def test_an_index_beyond_what_the_batch_has_returned_is_refused() -> None:
    _, got = ask(an_engine(), CREATE, (Operation.GET, get.Request(unique_identifier=1))).batch_items

    assert got.result_reason is ResultReason.INVALID_FIELD


def test_everything_that_locate_found_can_be_counted() -> None:
    engine = an_engine(a_symmetric_key("1"), a_symmetric_key("2"))
    last = get.Request(unique_identifier=-1)

    _, got = ask(engine, (Operation.LOCATE, locate.Request()), (Operation.GET, last)).batch_items

    assert got.payload.unique_identifier == "1"


def test_a_failed_check_empties_the_id_placeholder() -> None:
    sign = check.Request(cryptographic_usage_mask=CryptographicUsageMask.SIGN)

    *_, got = ask(
        an_engine(), CREATE, (Operation.CHECK, sign), GET, batch_error_continuation_option=CONTINUE
    ).batch_items

    assert got.result_reason is ResultReason.ITEM_NOT_FOUND


def test_another_failure_leaves_the_id_placeholder() -> None:
    *_, got = ask(an_engine(), CREATE, MISSING, GET, batch_error_continuation_option=CONTINUE).batch_items

    assert got.result_status is ResultStatus.SUCCESS


# --- admission ------------------------------------------------------------------------------------------------------


def test_a_missing_object_and_a_foreign_one_look_alike() -> None:
    engine = an_engine(a_symmetric_key())

    missing, foreign = (the_only(ask(engine, item, principal=BOB)) for item in (MISSING, GET_KEY))

    assert (missing.result_reason, missing.result_message) == (foreign.result_reason, foreign.result_message)
    assert missing.result_reason is ResultReason.OBJECT_NOT_FOUND


def test_a_client_with_some_permission_is_refused_as_not_permitted() -> None:

    rows = {ObjectType.SYMMETRIC_KEY: {Operation.GET_ATTRIBUTES: Permission.ALLOW_ALL}}
    policies = {**BUILT_IN, "shown": OperationPolicy(name="shown", preset=rows)}
    engine = an_engine(a_symmetric_key(operation_policy_name="shown"), policy=StaticPolicies(policies))

    assert the_only(ask(engine, GET_KEY, principal=BOB)).result_reason is ResultReason.PERMISSION_DENIED


def test_an_optional_target_may_be_absent() -> None:
    targets = (Target(field="wanted", purpose=Purpose.READ_CONTENT, optional=True),)

    @frozen(kw_only=True)
    class Wish:
        wanted: str | None = None

    def echo(request: Any, scope: Any) -> Any:
        return ping.Response() if not scope.targets else destroy.Response(unique_identifier="key")

    engine = an_engine(a_symmetric_key(), catalogue=a_catalogue(request=Wish, targets=targets, perform=echo))

    assert perform(engine, Operation.PING, Wish()) == ping.Response()
    assert perform(engine, Operation.PING, Wish(wanted="key")) == destroy.Response(unique_identifier="key")


def test_several_objects_may_be_named_at_once() -> None:
    spec = CATALOGUE[derive_key.SPEC.operation]

    def list_them(request: Any, scope: Any) -> Any:
        names = ",".join(t.unique_identifier for t in scope.targets["unique_identifiers"])
        return destroy.Response(unique_identifier=names)

    @frozen(kw_only=True)
    class Several:
        unique_identifiers: tuple[str, ...]

    targets = (Target(field="unique_identifiers", purpose=Purpose.READ_ATTRIBUTES),)
    assert spec.targets[0].field == targets[0].field
    engine = an_engine(
        a_symmetric_key("1"),
        a_symmetric_key("2"),
        catalogue=a_catalogue(request=Several, targets=targets, perform=list_them),
    )

    answer = perform(engine, Operation.PING, Several(unique_identifiers=("2", "1")))

    assert answer.unique_identifier == "2,1"


def test_dates_are_settled_before_an_object_is_judged() -> None:
    engine = an_engine(a_symmetric_key(activation_date=NOW - 1))

    assert the_only(ask(engine, ACTIVATE)).result_reason is ResultReason.WRONG_KEY_LIFECYCLE_STATE


def test_an_object_may_have_a_reason_of_its_own_for_being_missing() -> None:
    reasons = {ResultReason.OBJECT_NOT_FOUND: ResultReason.WRAPPING_OBJECT_NOT_FOUND}
    targets = (Target(purpose=Purpose.READ_CONTENT, reasons=reasons),)
    engine = an_engine(a_symmetric_key(archived=True), catalogue=a_catalogue(request=get.Request, targets=targets))

    for identifier, reason in (
        ("none", ResultReason.WRAPPING_OBJECT_NOT_FOUND),
        ("key", ResultReason.OBJECT_ARCHIVED),
    ):
        item = the_only(ask(engine, (Operation.PING, get.Request(unique_identifier=identifier))))
        assert item.result_reason is reason


def test_usage_is_charged_before_a_request_is_performed() -> None:
    limits = UsageLimits(usage_limits_total=2, usage_limits_count=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    targets = (Target(purpose=Purpose.READ_CONTENT),)
    spend = a_catalogue(request=get.Request, targets=targets, amount=lambda request: (1, 16), cost=Cost.CHANGES)
    engine = an_engine(a_symmetric_key(usage_limits=limits), catalogue=spend)
    request = get.Request(unique_identifier="key")

    first, second = ask(engine, (Operation.PING, request), (Operation.PING, request)).batch_items

    assert first.result_status is ResultStatus.SUCCESS
    assert second.result_reason is ResultReason.USAGE_LIMIT_EXCEEDED
    assert attributes_of(engine).usage_limits == evolve(limits, usage_limits_count=0)


# --- pace -----------------------------------------------------------------------------------------------------------


class SlowStorage(MemoryStorage):
    """Finds the key named "key" at some pace only.  begun: the paces of its units of work."""

    def __init__(self, needs: Pace) -> None:
        super().__init__()
        self.needs = needs
        self.begun: list[Pace] = []

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        self.begun.append(pace)
        with super().unit_of_work(pace) as work:
            yield _Slow(work, takes_long=list(Pace).index(pace) < list(Pace).index(self.needs))


class _Slow:
    def __init__(self, work: Any, takes_long: bool) -> None:
        self._work, self._takes_long = work, takes_long

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def find(self, unique_identifier: str) -> Any:
        if self._takes_long and unique_identifier == "key":
            raise TakesLong(unique_identifier)
        return self._work.find(unique_identifier)


def driven(engine: Engine, *items: Any, **header: Any) -> tuple[list[Any], ResponseMessage]:
    """Return what the engine has waited for, and its answer."""
    message = a_message(*items)
    steps = engine.steps(evolve(message, header=evolve(message.header, **header)), ALICE)
    awaited = []
    while True:
        try:
            awaited.append(next(steps))
        except StopIteration as end:
            return awaited, end.value


@pytest.mark.parametrize(
    ("needs", "paces"),
    [(Pace.QUICK, []), (Pace.BRIEF, [Pace.BRIEF]), (Pace.SLOW, [Pace.BRIEF, Pace.SLOW])],
)
@pytest.mark.parametrize("option", [STOP, UNDO])
def test_a_batch_moves_once_to_the_pace_that_its_storage_needs(
    needs: Pace, paces: list[Pace], option: BatchErrorContinuationOption
) -> None:
    engine = an_engine(a_symmetric_key(), storage=SlowStorage(needs))

    awaited, answer = driven(engine, PING, GET_KEY, GET_KEY, batch_error_continuation_option=option)

    moves = [step for step in awaited if step != Pause()]
    assert moves == [MoveTo(pace) for pace in paces]  # once a message, not once an item
    assert statuses(answer) == [ResultStatus.SUCCESS] * 3
    assert len(engine.services.audit.records) == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("option", [STOP, UNDO])
def test_an_item_done_before_a_move_is_done_once(option: BatchErrorContinuationOption) -> None:
    storage = SlowStorage(Pace.SLOW)
    engine = an_engine(a_symmetric_key(), storage=storage)

    _, answer = driven(engine, CREATE, GET_KEY, GET, batch_error_continuation_option=option)

    assert statuses(answer) == [ResultStatus.SUCCESS] * 3
    with storage.unit_of_work() as work:
        assert (
            len(work.locate(LocateQuery(visibility=StaticPolicies().visibility(ALICE), now=NOW)).unique_identifiers)
            == 2
        )


def test_a_message_that_is_slow_anyway_is_not_hurried() -> None:
    storage = SlowStorage(Pace.SLOW)
    engine = an_engine(a_symmetric_key(), storage=storage, catalogue=a_catalogue(cost=Cost.COMPUTES))

    awaited, _ = driven(engine, PING, GET_KEY)

    assert awaited == [Pause()]
    assert set(storage.begun) == {Pace.SLOW}


@pytest.mark.parametrize(("option", "count"), [(STOP, 2), (CONTINUE, 4)])
def test_items_that_have_not_begun_can_be_called_off(option: BatchErrorContinuationOption, count: int) -> None:
    engine = an_engine(a_symmetric_key(), catalogue=a_catalogue(cost=Cost.COMPUTES))
    message = a_message(PING, PING, PING, PING)
    header = evolve(message.header, batch_error_continuation_option=option)
    steps = engine.steps(evolve(message, header=header), ALICE)
    assert next(steps) == Pause()

    with pytest.raises(StopIteration) as end:
        steps.throw(KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "enough"))

    answer = end.value.value
    assert statuses(answer) == [ResultStatus.SUCCESS] + [ResultStatus.OPERATION_FAILED] * (count - 1)
    assert {item.result_message for item in answer.batch_items[1:]} == {"enough"}
    records = engine.services.audit.records  # type: ignore[attr-defined]
    assert [record.result for record in records] == [None] + [ResultReason.SERVER_LIMIT_EXCEEDED] * (count - 1)


def test_a_batch_that_is_undone_as_a_whole_pauses_between_its_items_and_can_be_called_off() -> None:
    """Nothing of it has happened then, and all that was attempted says so."""
    storage = MemoryStorage()
    engine = an_engine(storage=storage, catalogue=a_catalogue(cost=Cost.COMPUTES))
    message = a_message(PING, CREATE, PING, CREATE)
    header = evolve(message.header, batch_error_continuation_option=UNDO)
    steps = engine.steps(evolve(message, header=header), ALICE)
    assert [next(steps), next(steps)] == [Pause()] * 2

    with pytest.raises(StopIteration) as end:
        steps.throw(KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, "enough"))

    answer = end.value.value
    assert statuses(answer) == [ResultStatus.OPERATION_FAILED] * 2
    with storage.unit_of_work() as work:
        seen = StaticPolicies().visibility(ALICE)
        assert work.locate(LocateQuery(visibility=seen, now=NOW)).unique_identifiers == ()


def test_a_batch_that_is_undone_as_a_whole_may_be_left_at_a_pause() -> None:
    storage = MemoryStorage()
    engine = an_engine(storage=storage, catalogue=a_catalogue(cost=Cost.COMPUTES))
    message = a_message(CREATE, PING)
    header = evolve(message.header, batch_error_continuation_option=UNDO)
    steps = engine.steps(evolve(message, header=header), ALICE)
    next(steps)
    steps.close()

    with storage.unit_of_work() as work:
        seen = StaticPolicies().visibility(ALICE)
        assert work.locate(LocateQuery(visibility=seen, now=NOW)).unique_identifiers == ()


# --- competition ----------------------------------------------------------------------------------------------------


class CompetingStorage(MemoryStorage):
    """Lets somebody else be faster `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        with super().unit_of_work(pace) as work:
            yield _Competing(work, self)


class _Competing:
    def __init__(self, work: Any, storage: CompetingStorage) -> None:
        self._work, self._storage = work, storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def hand_over(self) -> Any:
        if self._work.has_writes and self._storage.times > 0:
            self._storage.times -= 1
            return Done(ConcurrentChange())
        return self._work.hand_over()


def a_contested_engine(times: int) -> Engine:
    storage = CompetingStorage(0)
    engine = an_engine(a_symmetric_key(), storage=storage)
    storage.times = times
    return engine


@pytest.mark.parametrize("option", [STOP, UNDO])
def test_a_unit_of_work_that_lost_is_run_again(option: BatchErrorContinuationOption) -> None:
    engine = a_contested_engine(3)

    answer = ask(engine, ACTIVATE, PING, batch_error_continuation_option=option)

    assert statuses(answer) == [ResultStatus.SUCCESS] * 2
    assert attributes_of(engine).state is State.ACTIVE


@pytest.mark.parametrize("option", [STOP, UNDO])
def test_a_unit_of_work_that_keeps_losing_gives_up(option: BatchErrorContinuationOption) -> None:
    engine = a_contested_engine(ATTEMPTS)

    item, *_ = ask(engine, ACTIVATE, PING, batch_error_continuation_option=option).batch_items

    assert item.result_reason is ResultReason.GENERAL_FAILURE
    assert attributes_of(engine).state is State.PRE_ACTIVE


def test_a_rerun_leaves_only_what_happened_in_the_batch() -> None:
    first = get.Request(unique_identifier=0)

    made, got = ask(a_contested_engine(2), CREATE, (Operation.GET, first)).batch_items

    assert got.payload.unique_identifier == made.payload.unique_identifier


class FullStorage(CompetingStorage):
    """Cannot write any more once `times` is set."""

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        with MemoryStorage.unit_of_work(self, pace) as work:
            yield _Full(work, self)


class _Full(_Competing):
    def hand_over(self) -> Any:
        if self._work.has_writes and self._storage.times:
            return Done(KmipError(ResultReason.GENERAL_FAILURE, "the disk is full"))
        return self._work.hand_over()


@pytest.mark.parametrize(("option", "answers"), [(CONTINUE, 2), (UNDO, 2)])
def test_a_commit_that_cannot_be_fails_what_it_spoke_of(option: BatchErrorContinuationOption, answers: int) -> None:
    storage = FullStorage(0)
    engine = an_engine(storage=storage)
    storage.times = 1

    items = ask(engine, CREATE, GET, batch_error_continuation_option=option).batch_items

    assert len(items) == answers
    assert items[0].result_message == "the disk is full"
    assert items[1].result_status is ResultStatus.OPERATION_FAILED  # nothing was made that could be got


# --- faults and evidence --------------------------------------------------------------------------------------------


def test_a_fault_of_the_server_is_logged_and_its_text_is_not_sent() -> None:
    def fail(request: Any, scope: Any) -> Any:
        raise ZeroDivisionError("secret")

    engine = an_engine(catalogue=a_catalogue(perform=fail))

    item = the_only(ask(engine, PING))

    assert item.result_reason is ResultReason.GENERAL_FAILURE
    assert "secret" not in (item.result_message or "")
    assert [type(error) for error in engine.services.faults.errors] == [ZeroDivisionError]  # type: ignore[attr-defined]
    (record,) = engine.services.audit.records  # type: ignore[attr-defined]
    assert record.record_id in (item.result_message or "")


def test_every_item_leaves_a_record() -> None:
    engine = an_engine(a_symmetric_key())
    read = (Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier="key"))

    ask(engine, ACTIVATE, read, MISSING)

    assert [(r.event, r.unique_identifiers, r.result) for r in engine.services.audit.records] == [  # type: ignore[attr-defined]
        ("ACTIVATE", ("key",), None),
        ("GET_ATTRIBUTES", ("key",), None),
        ("GET", ("none",), ResultReason.OBJECT_NOT_FOUND),
    ]
    assert {r.principal for r in engine.services.audit.records} == {"alice"}  # type: ignore[attr-defined]


def test_a_record_names_what_was_made() -> None:
    engine = an_engine()

    made = perform(engine, *CREATE).unique_identifier

    assert engine.services.audit.records[0].unique_identifiers == (made,)  # type: ignore[attr-defined]


def test_an_unknown_operation_is_recorded_as_a_request() -> None:
    engine = an_engine()

    ask(engine, (None, None))

    assert [r.event for r in engine.services.audit.records] == ["request"]  # type: ignore[attr-defined]


def test_a_change_and_its_record_are_committed_together() -> None:
    class SilentTrail(MemoryTrail):
        """Loses every record."""

        def append(self, record: Any) -> None:
            pass

    storage = MemoryStorage()
    engine = an_engine(a_symmetric_key(), storage=storage, outbox=_Forgetful(storage), audit=SilentTrail())

    ask(engine, ACTIVATE)

    assert [r.event for r in storage.pending_records()] == ["ACTIVATE"]


class _Forgetful:
    """An outbox that nobody empties."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.pending_records = storage.pending_records

    def acknowledge(self, record_id: str) -> None:
        """Do not."""


def test_an_acknowledged_record_leaves_the_outbox() -> None:
    engine = an_engine(a_symmetric_key())

    ask(engine, ACTIVATE)

    assert engine.services.outbox.pending_records() == ()


def test_without_evidence_nothing_is_answered() -> None:
    audit = MemoryTrail()
    engine = an_engine(audit=audit)
    audit.close()

    question = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
    items = ask(engine, PING, (Operation.QUERY, question)).batch_items

    assert [i.result_reason for i in items] == [ResultReason.GENERAL_FAILURE] * 2
    assert all(i.payload is None for i in items)


def test_the_new_object_belongs_to_the_client() -> None:
    engine = an_engine()

    made = the_only(ask(engine, CREATE, principal=BOB)).payload.unique_identifier

    assert stored(engine, made).owner == "bob"


# --- what a message asks of its answer ------------------------------------------------------------------------------


def test_a_client_that_sends_a_correlation_value_gets_one_and_the_trail_has_both() -> None:
    audit = MemoryTrail()
    engine = an_engine(a_symmetric_key(), audit=audit)

    answers = [ask(engine, ACTIVATE, PING, client_correlation_value=value).header for value in ("c", "")]

    told = [header.server_correlation_value for header in answers]
    assert len(set(told) - {None, ""}) == 2
    assert [header.client_correlation_value for header in answers] == [None, None]
    kept = [(r.client_correlation_value, r.server_correlation_value) for r in audit.records]
    assert kept == [("c", told[0]), ("", told[0]), ("", told[1])]  # once in a message


def test_a_long_correlation_value_is_cut_in_the_trail() -> None:
    audit = MemoryTrail()

    ask(an_engine(audit=audit), PING, client_correlation_value="x" * 9_000)
    ask(
        an_engine(audit=audit),
        PING,
        client_correlation_value="y" * 9_000,
        asynchronous_indicator=AsynchronousIndicator.MANDATORY,
    )

    assert [record.client_correlation_value for record in audit.records] == ["x" * 64, "y" * 64]


def test_a_client_that_sends_no_correlation_value_gets_none() -> None:
    # PyKMIP's client and libkmip read a header field by field.
    audit = MemoryTrail()

    header = ask(an_engine(audit=audit), PING, server_correlation_value="s").header

    assert (header.client_correlation_value, header.server_correlation_value) == (None, None)
    assert audit.records[0].server_correlation_value == ""


@pytest.mark.parametrize(
    ("operation", "payload", "data"),
    [
        (Operation.HASH, hash.Request(cryptographic_parameters=SHA_256, data=b"abc"), None),
        (Operation.RNG_RETRIEVE, rng_retrieve.Request(data_length=8), b""),
    ],
    ids=["optional data", "data that must be there"],
)
def test_an_ephemeral_item_leaves_out_its_data(operation: Operation, payload: Any, data: bytes | None) -> None:
    engine = an_engine()
    item = RequestBatchItem(operation=operation, ephemeral=Ephemeral.DATA, payload=payload)
    message = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))

    answer = the_only(engine.handle(message, ALICE))
    told = perform(engine, operation, payload)

    assert (answer.result_status, answer.payload.data) == (ResultStatus.SUCCESS, data)
    assert told.data


def test_an_ephemeral_item_without_data_answers_as_ever() -> None:
    engine = an_engine(a_symmetric_key())
    item = RequestBatchItem(operation=ACTIVATE[0], ephemeral=Ephemeral.DATA, payload=ACTIVATE[1])
    message = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))

    assert the_only(engine.handle(message, ALICE)).payload.unique_identifier == "key"


def test_the_trail_has_no_more_of_an_identifier_than_an_object_may_have() -> None:
    engine = an_engine()

    ask(engine, (Operation.GET, get.Request(unique_identifier=10_000 * "x")))

    (record,) = records_of(engine)
    assert record.unique_identifiers == (RECORDED_LENGTH * "x",)


# --- refusals that are answered in a payload ------------------------------------------------------------------------


def refusing_after_a_change(request: ping.Request, scope: Scope) -> ping.Response:
    """Collect a change, and refuse the request in the answer of a success, as PKCS#11 has it."""
    found = scope.work.find("key")
    assert found is not None
    scope.work.save(evolve(found, attributes=found.attributes.but(comment="changed")))
    raise AnsweredRefusal(ResultReason.INVALID_FIELD, "no", ping.Response())


def test_a_refusal_that_is_answered_commits_nothing_and_is_recorded_as_a_refusal() -> None:
    engine = an_engine(a_symmetric_key(), catalogue=a_catalogue(perform=refusing_after_a_change))

    assert the_only(ask(engine, PING)).result_status is ResultStatus.SUCCESS

    assert attributes_of(engine).comment is None
    assert [record.result for record in records_of(engine)] == [ResultReason.INVALID_FIELD]


def test_a_refusal_that_is_answered_undoes_the_items_before_it_and_those_after_it_are_not_begun() -> None:
    engine = an_engine(a_symmetric_key(), catalogue=a_catalogue(perform=refusing_after_a_change))

    answer = ask(engine, ACTIVATE, PING, GET_KEY, batch_error_continuation_option=UNDO)

    assert statuses(answer) == [ResultStatus.OPERATION_UNDONE, ResultStatus.SUCCESS]
    assert stored(engine).attributes.state is State.PRE_ACTIVE


def test_items_after_a_refusal_that_is_answered_are_performed() -> None:
    """The client reads a success."""
    engine = an_engine(a_symmetric_key(), catalogue=a_catalogue(perform=refusing_after_a_change))

    answer = ask(engine, PING, ACTIVATE, batch_error_continuation_option=STOP)

    assert statuses(answer) == [ResultStatus.SUCCESS, ResultStatus.SUCCESS]
    assert stored(engine).attributes.state is State.ACTIVE
    assert stored(engine).attributes.comment is None


# --- on a store that lasts ------------------------------------------------------------------------------------------


def test_undo_leaves_a_database_as_it_was(tmp_path: Path) -> None:
    store = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    engine = an_engine(a_symmetric_key(), storage=store)
    before = stored(engine)

    answer = ask(engine, ACTIVATE, CREATE, MISSING, batch_error_continuation_option=UNDO)

    assert statuses(answer) == [
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_FAILED,
    ]
    assert stored(engine) == before
    assert perform(engine, Operation.LOCATE, locate.Request()).unique_identifiers == ("key",)
    ask(engine, ACTIVATE, CREATE, batch_error_continuation_option=UNDO)
    store.close()
    again = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    with again.unit_of_work() as work:
        kept = work.find("key")
    again.close()
    assert kept is not None
    assert kept.attributes.state is State.ACTIVE


class InterruptedStorage(MemoryStorage):
    """A storage whose first reads are interrupted, as by the restart of a database.  left: how many still are."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    @contextmanager
    def unit_of_work(self, pace: Pace = Pace.SLOW) -> Iterator[Any]:
        with super().unit_of_work(pace) as work:
            yield _Interrupted(work, self)


class _Interrupted:
    def __init__(self, work: Any, storage: InterruptedStorage) -> None:
        self._work, self._storage = work, storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def find(self, unique_identifier: str) -> Any:
        if self._storage.left:
            self._storage.left -= 1
            raise ConcurrentChange("the read was interrupted")
        return self._work.find(unique_identifier)


@pytest.mark.parametrize("option", [STOP, UNDO])
def test_a_read_that_was_interrupted_is_done_again(option: BatchErrorContinuationOption) -> None:
    storage = InterruptedStorage(left=0)
    engine = an_engine(a_symmetric_key(), storage=storage)
    storage.left = 2

    _, answer = driven(engine, GET_KEY, GET_KEY, batch_error_continuation_option=option)

    assert statuses(answer) == [ResultStatus.SUCCESS] * 2
    assert not faults_of(engine)


def test_an_item_that_cannot_be_read_is_refused_each_time_by_an_error_of_its_own() -> None:
    unread = invalid_field("the Key Format Type is none")
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION),
        batch_items=(RequestBatchItem(operation=Operation.GET, payload=unread),),
    )
    engine = an_engine()

    for _ in range(3):
        assert the_only(engine.handle(message, ALICE)).result_message == unread.message

    assert unread.__traceback__ is None
