"""What is sent for a notice, on the engine over memory: read with the client's rights, when it is sent."""

from typing import Any

import pytest

from kmip_adapters.audit.memory import MemoryTrail
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.system.clock import SteppableClock
from kmip_core import delivering
from kmip_core.attributes import AttributeReference
from kmip_core.calls import CATALOGUE, notify, put
from kmip_core.delivering import announce_dates, request_for
from kmip_core.engine import Engine
from kmip_core.enums import Operation, PutFunction, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.operations import activate, destroy, re_key
from kmip_core.subscriptions import Announcer, Notice, Subscription
from tests.builders import ALICE, BOB, NOW, VERSION, a_name, a_symmetric_key, an_engine, attributes_of, perform

CONTACT = AttributeReference(attribute="contact_information")


def a_notice(**fields: Any) -> Notice:
    given: dict[str, Any] = {
        "operation": Operation.NOTIFY,
        "unique_identifier": "key",
        "time": NOW,
        "subscriber": "alice",
    }
    return Notice(notice_id="1", **given | fields)


def refusal(engine: Engine, notice: Notice, principal: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        request_for(notice, engine, principal, VERSION)
    return caught.value.reason


def test_a_notification_has_the_present_values_and_the_last_change_date() -> None:
    engine = an_engine(a_symmetric_key(contact_information="c", comment="not asked"))

    request = request_for(a_notice(changed=(CONTACT,)), engine, ALICE, VERSION)

    assert isinstance(request, notify.Request)
    assert request.unique_identifier == "key"
    assert request.attributes.present() == ["contact_information", "last_change_date"]


def test_deleted_attributes_are_named() -> None:
    engine = an_engine(a_symmetric_key())

    request = request_for(a_notice(deleted=(CONTACT,)), engine, ALICE, VERSION)

    assert (request.deleted, request.attributes.present()) == ((CONTACT,), ["last_change_date"])


def test_a_notice_that_names_nothing_brings_everything() -> None:
    engine = an_engine(a_symmetric_key(comment="c"))

    request = request_for(a_notice(), engine, ALICE, VERSION)

    assert {"comment", "state", "last_change_date"} <= set(request.attributes.present())


def test_the_client_gets_only_what_it_may_read_and_there_is_evidence() -> None:
    trail = MemoryTrail()
    engine = an_engine(a_symmetric_key(), audit=trail)

    assert refusal(engine, a_notice(changed=(CONTACT,)), BOB) is ResultReason.OBJECT_NOT_FOUND
    (record,) = trail.records
    assert (record.principal, record.operation) == ("bob", Operation.GET_ATTRIBUTES)
    assert record.client_correlation_value == delivering.CORRELATION


def test_a_key_is_pushed_with_its_attributes_and_is_not_fresh_any_more() -> None:
    engine = an_engine(a_symmetric_key(fresh=True, names=(a_name("n"),)))

    request = request_for(a_notice(operation=Operation.PUT), engine, ALICE, VERSION)

    assert isinstance(request, put.Request)
    assert (request.put_function, request.replaced_unique_identifier) == (PutFunction.NEW, None)
    assert request.managed_object.key_block.material == bytes(16)
    assert (request.attributes.fresh, request.attributes.names) == (True, (a_name("n"),))
    assert attributes_of(engine).fresh is False


def test_a_replacement_says_what_it_replaces() -> None:
    engine = an_engine(a_symmetric_key())

    request = request_for(a_notice(operation=Operation.PUT, replaced="old"), engine, ALICE, VERSION)

    assert (request.put_function, request.replaced_unique_identifier) == (PutFunction.REPLACE, "old")


@pytest.mark.parametrize("attributes", [{"sensitive": True}, {"extractable": False}], ids=str)
def test_no_key_is_pushed_that_could_not_be_fetched(attributes: dict[str, Any]) -> None:
    engine = an_engine(a_symmetric_key(**attributes))

    assert refusal(engine, a_notice(operation=Operation.PUT), ALICE) in (
        ResultReason.SENSITIVE,
        ResultReason.NOT_EXTRACTABLE,
    )


@pytest.mark.parametrize("operation", [Operation.NOTIFY, Operation.PUT], ids=lambda each: each.name)
def test_no_client_sends_what_servers_send(operation: Operation) -> None:
    with pytest.raises(KmipError, match="sent by servers"):
        CATALOGUE[operation].perform(None, None)  # type: ignore[arg-type]


# --- what a batch queues ----------------------------------------------------------------------------------------------


def subscribed(*objects: Any, limit: int = 100, **parts: Any) -> tuple[Engine, MemoryStorage]:
    storage, announcer = MemoryStorage(), Announcer(limit=limit)
    subscription = Subscription(name="alice", put=("own",), own_changes=True)
    storage.subscribe(subscription)
    engine = an_engine(*objects, storage=storage, announcer=announcer, **parts)
    announcer.use((subscription,))
    return engine, storage


def waiting(storage: MemoryStorage) -> list[tuple[str, str]]:
    return [(one.operation.name, one.unique_identifier) for one in storage.pending_notices("alice", 100)]


def test_a_change_queues_its_notice_and_a_refusal_none() -> None:
    engine, storage = subscribed(a_symmetric_key())

    perform(engine, Operation.ACTIVATE, activate.Request(unique_identifier="key"))
    with pytest.raises(KmipError):
        perform(engine, Operation.DESTROY, destroy.Request(unique_identifier="key"))

    assert waiting(storage) == [("NOTIFY", "key")]
    (notice,) = storage.pending_notices("alice", 100)
    assert AttributeReference(attribute="state") in notice.changed


def test_a_re_key_pushes_the_new_and_notifies_of_the_old() -> None:
    engine, storage = subscribed(a_symmetric_key(names=(a_name("n"),)))

    new = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier="key")).unique_identifier

    assert sorted(waiting(storage)) == sorted([("NOTIFY", "key"), ("PUT", new)])
    pushed = next(one for one in storage.pending_notices("alice", 9) if one.operation is Operation.PUT)
    assert pushed.replaced == "key"


def test_reading_queues_nothing() -> None:
    engine, storage = subscribed(a_symmetric_key())

    attributes_of(engine)

    assert waiting(storage) == []


# --- dates ------------------------------------------------------------------------------------------------------------


def dated(engine: Engine, storage: MemoryStorage) -> int:
    announcer = engine.services.announcer
    assert announcer is not None
    return announce_dates(engine, announcer, storage, storage)


def test_a_state_that_a_date_has_brought_is_announced_once() -> None:
    clock = SteppableClock(NOW)
    begins = a_symmetric_key("begins", activation_date=NOW + 10)
    ends = a_symmetric_key("ends", State.ACTIVE, activation_date=NOW - 9, deactivation_date=NOW + 20)
    engine, storage = subscribed(begins, ends, a_symmetric_key("over", activation_date=NOW - 5), clock=clock)

    assert dated(engine, storage) == 0  # what was before is history
    clock.advance(10)
    assert dated(engine, storage) == 1
    assert dated(engine, storage) == 0
    clock.advance(100)
    assert dated(engine, storage) == 1

    assert waiting(storage) == [("NOTIFY", "begins"), ("NOTIFY", "ends")]
    request = request_for(storage.pending_notices("alice", 9)[1], engine, ALICE, VERSION)
    assert request.attributes.state is State.DEACTIVATED


def test_a_time_that_is_still_to_come_keeps_no_date_from_being_announced() -> None:
    clock = SteppableClock(NOW)
    engine, storage = subscribed(a_symmetric_key("begins", activation_date=NOW + 10), clock=clock)
    storage.note_announced(1 << 50)

    assert dated(engine, storage) == 0
    clock.advance(10)
    assert dated(engine, storage) == 1


def test_many_dates_are_announced_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_core.delivering.PIECE", 2)
    clock = SteppableClock(NOW)
    engine, storage = subscribed(*(a_symmetric_key(f"k{n}", activation_date=NOW + 1) for n in range(5)), clock=clock)
    dated(engine, storage)
    clock.advance(1)

    assert dated(engine, storage) == 5
    assert dated(engine, storage) == 0


def test_no_change_and_no_date_queues_more_than_may_wait() -> None:
    clock = SteppableClock(NOW)
    dated_keys = [a_symmetric_key(f"k{n}", activation_date=NOW + 1) for n in range(5)]
    engine, storage = subscribed(a_symmetric_key(), *dated_keys, clock=clock, limit=3)
    dated(engine, storage)
    clock.advance(1)

    assert dated(engine, storage) == 5
    assert waiting(storage) == [("NOTIFY", "k2"), ("NOTIFY", "k3"), ("NOTIFY", "k4")]
    perform(engine, Operation.ACTIVATE, activate.Request(unique_identifier="key"))
    assert waiting(storage) == [("NOTIFY", "k3"), ("NOTIFY", "k4"), ("NOTIFY", "key")]
    assert storage.deliveries()[0].overflowed == 3


def test_an_object_that_has_gone_meanwhile_is_passed_over() -> None:
    class Stale:
        def state_changes(self, *_: int) -> Any:
            from kmip_core.ports.schedule import Scheduled

            return (Scheduled(1, "gone", "alice"),)

    engine, storage = subscribed()
    storage.note_announced(NOW - 1)

    assert announce_dates(engine, Announcer(), Stale(), storage) == 0  # type: ignore[arg-type]
    assert storage.announced_until() == NOW
