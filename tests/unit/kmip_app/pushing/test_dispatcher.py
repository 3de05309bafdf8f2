"""The dispatcher over memory, with clients that are functions: order, back-off, bounds, and who is served."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from attrs import define, evolve, field

from kmip_adapters.identity.credentials import GONE, CredentialAuthentication
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.system.clock import SteppableClock
from kmip_adapters.transport.refusals import Refusal
from kmip_adapters.ttlv.encodings import binary, items
from kmip_app.pushing.dispatcher import FIRST_PAUSE, LONGEST_PAUSE, PROVEN_FOR, Dispatcher
from kmip_app.pushing.limits import NoticeLimits
from kmip_core.attributes import AttributeReference
from kmip_core.engine import Engine
from kmip_core.enums import EndpointRole, Operation, ResultStatus
from kmip_core.operations import set_endpoint_role
from kmip_core.ports.transport import PeerLost, PeerRefused
from kmip_core.principal import Principal, Source
from kmip_core.structures import ProtocolVersion
from kmip_core.subscriptions import Announcer, Delivery, Notice, Subscription
from tests.builders import ALICE, BOB, NOW, VERSION, a_symmetric_key, an_engine
from tests.listening import CALLS, SUPPORTED, Client, answer_to

CHANGED = (AttributeReference(attribute="contact_information"),)


@define
class FakePeer:
    """A client in this process."""

    respond: Callable[[Any], bytes | None]
    principal: Principal = ALICE
    version: ProtocolVersion | None = VERSION
    is_open: bool = True
    frames: list[bytes] = field(factory=list)

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        self.frames.append(frame)
        answer = self.respond(CALLS.decode_request(frame)) if self.is_open else None
        if answer is None:
            raise PeerLost("the client did not answer in time")
        return answer

    def give_back(self, frame: bytes, is_accepted: Callable[[bytes], bool], seconds: float) -> bytes:
        answer = self.exchange(frame, seconds)
        self.is_open = not is_accepted(answer)
        return answer

    def close(self) -> None:
        self.is_open = False


class NoPool:
    """Runs deliveries at once, in this thread."""

    def submit(self, call: Callable[..., None], *arguments: Any) -> None:
        call(*arguments)

    def shutdown(self, **_: Any) -> None:
        """End."""


def unreachable(subscription: Subscription) -> Any:
    raise PeerLost(f"{subscription.url} cannot be reached")


@define
class Setting:
    clock: SteppableClock
    store: MemoryStorage
    engine: Engine
    dispatcher: Dispatcher
    refusals: list[Refusal]

    def notify(self, *numbers: int, subscriber: str = "alice", **fields: Any) -> None:
        given: dict[str, Any] = {
            "operation": Operation.NOTIFY,
            "unique_identifier": "key",
            "time": NOW,
            "changed": CHANGED,
        } | fields
        with self.store.unit_of_work() as work:
            work.notify(Notice(notice_id=f"{subscriber}{n}", subscriber=subscriber, **given) for n in numbers)
            work.commit()

    def delivery(self, name: str = "alice") -> Delivery:
        return next(one for one in self.store.deliveries() if one.name == name)


def setting(*subscriptions: Subscription, dial: Callable[[Subscription], Any] = unreachable, **limits: Any) -> Setting:
    clock, store = SteppableClock(NOW), MemoryStorage()
    objects = [a_symmetric_key(f"k{n}", contact_information=str(n)) for n in range(3)]
    engine = an_engine(a_symmetric_key(contact_information="c"), *objects, storage=store, clock=clock)
    for subscription in subscriptions:
        store.subscribe(subscription)
    dispatcher = Dispatcher(
        store=store,
        engine=engine,
        announcer=Announcer(),
        codec=CALLS,
        dial=dial,
        holder="here",
        limits=NoticeLimits(**limits),
        record=(refusals := list[Refusal]()).append,
    )
    dispatcher._pool = NoPool()  # type: ignore[assignment]
    return Setting(clock, store, engine, dispatcher, refusals)


LISTENS = Subscription(name="alice", url="tls://h:1")


def test_a_client_that_comes_gets_a_subscription_and_what_waits_in_its_order() -> None:
    made = setting()
    client = Client()
    made.dispatcher.take(FakePeer(client))
    made.dispatcher.look()
    assert made.store.subscriptions() == (Subscription(name="alice", by_client=True),)
    assert client.asked == [Operation.QUERY]
    for number in range(3):
        made.notify(number, unique_identifier=f"k{number}")

    made.dispatcher.look()

    assert [client.next()[1].unique_identifier for _ in range(3)] == ["k0", "k1", "k2"]
    assert made.store.pending_notices("alice", 9) == ()
    assert (made.delivery().delivered, made.delivery().seen_at) == (3, NOW)


LISTED: Final = (*SUPPORTED, Operation.SET_ENDPOINT_ROLE)


@pytest.mark.parametrize(
    ("hands_back", "operations", "is_asked"),
    [
        pytest.param(True, LISTED, True, id="ok"),
        pytest.param(False, LISTED, False, id="not wanted by the operator"),
        pytest.param(True, SUPPORTED, False, id="not listed by the client"),
    ],
)
def test_a_client_gets_its_connection_back_once_nothing_waits(
    hands_back: bool, operations: tuple[Operation, ...], is_asked: bool
) -> None:
    made = setting(Subscription(name="alice", by_client=True), hands_back=hands_back)
    client = Client(operations=operations)
    peer = FakePeer(client)
    made.notify(0, 1)
    made.dispatcher.take(peer)
    made.dispatcher.look()

    asked = [Operation.QUERY, Operation.NOTIFY, Operation.NOTIFY]
    assert client.asked == [*asked, Operation.SET_ENDPOINT_ROLE] if is_asked else asked
    assert peer.is_open is not is_asked
    made.notify(2)
    made.dispatcher.look()
    assert len(made.store.pending_notices("alice", 9)) == is_asked

    made.dispatcher.take(again := FakePeer(client))
    made.dispatcher.look()
    assert made.store.pending_notices("alice", 9) == ()
    assert again.is_open is not is_asked


def refusing(request: Any) -> bytes:
    if request.batch_items[0].operation is Operation.SET_ENDPOINT_ROLE:
        return answer_to(request, status=ResultStatus.OPERATION_FAILED)
    return Client(operations=LISTED)(request)


def staying_server(request: Any) -> bytes:
    if request.batch_items[0].operation is Operation.SET_ENDPOINT_ROLE:
        return answer_to(request, set_endpoint_role.Response(endpoint_role=EndpointRole.SERVER))
    return Client(operations=LISTED)(request)


def babbling(request: Any) -> bytes:
    if request.batch_items[0].operation is Operation.SET_ENDPOINT_ROLE:
        return b"no KMIP"
    return Client(operations=LISTED)(request)


@pytest.mark.parametrize("client", [refusing, staying_server, babbling])
def test_a_client_that_keeps_its_role_goes_on_getting_notices(client: Callable[[Any], bytes]) -> None:
    made = setting(Subscription(name="alice", by_client=True), hands_back=True)
    peer = FakePeer(client)
    made.dispatcher.take(peer)
    made.dispatcher.look()
    made.notify(0)
    made.dispatcher.look()

    assert peer.is_open
    assert made.delivery().delivered == 1


def test_a_client_that_listens_is_dialled_and_its_version_asked() -> None:
    client = Client(versions=(ProtocolVersion(9, 9), ProtocolVersion(1, 4)))
    peers: list[FakePeer] = []

    def dial(subscription: Subscription) -> FakePeer:
        peers.append(FakePeer(client, version=None))
        return peers[-1]

    made = setting(LISTENS, dial=dial)
    made.dispatcher.look()
    assert peers == []  # nothing waits
    made.notify(1)
    made.dispatcher.look()

    assert client.asked == [Operation.DISCOVER_VERSIONS, Operation.QUERY, Operation.NOTIFY]
    assert client.next()[1].attributes.contact_information == "c"
    assert not peers[0].is_open


@pytest.mark.parametrize("version", CALLS.versions, ids=str)
def test_a_request_of_the_server_has_the_header_fields_that_it_may_have(version: ProtocolVersion) -> None:
    """No Batch Order Option, Maximum Response Size, ...: they are not allowed (1.4 §5.1, §5.2)."""
    made, peer = setting(Subscription(name="alice", by_client=True)), FakePeer(Client(), version=version)
    made.dispatcher.take(peer)
    made.notify(1)
    made.dispatcher.look()
    made.dispatcher.look()

    assert len(peer.frames) == 2
    for frame in peer.frames:
        header = items.children(binary.decode(frame))[0]
        assert {items.tag_name(item.tag) for item in items.children(header)} <= {"Protocol Version", "Batch Count"}


def test_subscriptions_are_in_use_at_once_where_that_is_wanted() -> None:
    made = setting()
    made.store.subscribe(LISTENS)

    assert made.dispatcher.refresh() == made.dispatcher.announcer.subscriptions == (LISTENS,)


def test_failed_attempts_are_made_later_and_later_and_nothing_is_lost() -> None:
    made = setting(LISTENS)
    made.notify(1)
    pauses = []
    for _ in range(14):
        made.dispatcher.look()
        made.dispatcher.look()  # too early for another one
        pauses.append(made.delivery().again_at - made.clock.now())
        made.clock.seconds = made.delivery().again_at

    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    delivery = made.delivery()
    assert (delivery.pending, delivery.attempts, delivery.failure) == (1, 14, "tls://h:1 cannot be reached")


NONSENSE: dict[str, Callable[[Any], bytes | None]] = {
    "silence": lambda request: None,
    "no message": lambda request: b"\x42\x00\x7b\x01\x00\x00\x00\x00",
    "another operation": lambda request: answer_to(
        CALLS.decode_request(CALLS.encode_request(request)).__class__(
            header=request.header,
            batch_items=(request.batch_items[0].__class__(operation=Operation.PUT, payload=None),),
        )
    ),
    "a payload that it cannot have": lambda request: answer_to(request).replace(
        bytes.fromhex("42007F0500000004"), bytes.fromhex("42007F0200000004")
    ),
}


@pytest.mark.parametrize("respond", NONSENSE.values(), ids=list(NONSENSE))
def test_a_client_that_answers_nonsense_is_left_and_its_notices_stay(respond: Callable[[Any], bytes | None]) -> None:
    made = setting(Subscription(name="alice"))
    made.notify(1)
    peer = FakePeer(respond)
    made.dispatcher.take(peer)

    made.dispatcher.look()

    assert not peer.is_open
    assert (made.delivery().pending, made.delivery().attempts) == (1, 1)
    honest = Client()
    made.dispatcher.take(FakePeer(honest))
    made.dispatcher.look()
    assert honest.next()[0] is Operation.NOTIFY
    assert (made.delivery().pending, made.delivery().attempts, made.delivery().failure) == (0, 0, "")


def test_notices_answered_before_a_failure_are_not_sent_again() -> None:
    answered: list[str] = []

    def fails_at_third(request: Any) -> bytes | None:
        if request.batch_items[0].operation is not Operation.NOTIFY:
            return Client()(request)
        if len(answered) == 2:
            return None
        answered.append(request.batch_items[0].payload.unique_identifier)
        return answer_to(request)

    made = setting(Subscription(name="alice"))
    for number in range(3):
        made.notify(number, unique_identifier=f"k{number}")
    made.dispatcher.take(FakePeer(fails_at_third))
    made.dispatcher.look()

    assert answered == ["k0", "k1"]
    assert [one.unique_identifier for one in made.store.pending_notices("alice", 9)] == ["k2"]


@pytest.mark.parametrize(
    "client",
    [
        lambda request: answer_to(request, status=ResultStatus.OPERATION_FAILED),
        Client(operations=(Operation.PUT, Operation.QUERY)),
    ],
    ids=["refuses", "has no Notify"],
)
def test_a_notice_that_the_client_refuses_or_does_not_support_is_dropped(client: Callable[[Any], bytes]) -> None:
    made = setting(Subscription(name="alice"))
    made.notify(1)
    made.dispatcher.take(FakePeer(client))
    made.dispatcher.look()

    assert (made.delivery().pending, made.delivery().dropped, made.delivery().delivered) == (0, 1, 0)


def test_a_notice_of_an_object_that_the_client_may_not_read_is_dropped() -> None:
    made = setting(Subscription(name="bob"))
    made.notify(1, subscriber="bob")
    client = Client()
    made.dispatcher.take(FakePeer(client, principal=BOB))
    made.dispatcher.look()

    assert client.got.empty()
    assert made.delivery("bob").dropped == 1


def test_notices_of_a_client_that_is_not_proven_to_be_it_stay() -> None:
    made = setting(Subscription(name="alice"))
    made.notify(1)
    made.dispatcher.engine = an_engine(storage=made.store, authentication=CredentialAuthentication())
    made.dispatcher.take(FakePeer(Client(), principal=evolve(ALICE, source=Source.PASSWORD)))
    made.dispatcher.look()

    assert (made.delivery().pending, made.delivery().dropped) == (1, 0)
    assert GONE in made.delivery().failure


def test_a_password_that_was_shown_long_ago_is_asked_for_again() -> None:
    made, by_certificate = setting(), FakePeer(Client(), principal=BOB)
    by_password = FakePeer(Client(), principal=evolve(ALICE, source=Source.PASSWORD))
    made.dispatcher.take(by_password)
    made.dispatcher.take(by_certificate)
    made.dispatcher.look()
    made.clock.advance(PROVEN_FOR - 1)
    made.dispatcher.look()
    assert by_password.is_open

    made.clock.advance(1)
    made.dispatcher.look()

    assert (by_password.is_open, by_certificate.is_open) == (False, True)


def test_too_much_and_too_old_is_dropped_oldest_first() -> None:
    made = setting(LISTENS, queue=2, age=100.0)
    made.notify(1, 2, 3)
    made.dispatcher.look()
    assert [one.notice_id for one in made.store.pending_notices("alice", 9)] == ["alice2", "alice3"]
    made.clock.advance(101)
    made.dispatcher.look()

    assert (made.delivery().pending, made.delivery().dropped) == (0, 3)


def test_a_subscription_that_a_client_made_ends_once_it_stays_away() -> None:
    made = setting(Subscription(name="bob"), age=100.0)
    peer = FakePeer(Client())
    made.dispatcher.take(peer)
    made.dispatcher.look()
    made.clock.advance(200)
    made.dispatcher.look()
    assert len(made.store.subscriptions()) == 2  # it is still here
    peer.close()
    made.notify(1)
    made.dispatcher.look()  # finds that it has gone
    made.clock.advance(200)
    made.dispatcher.look()

    assert made.store.subscriptions() == (Subscription(name="bob"),)


def test_a_client_that_comes_again_takes_the_place_of_its_older_connection() -> None:
    made = setting()
    old, new = FakePeer(Client()), FakePeer(Client())
    made.dispatcher.take(old)
    made.dispatcher.look()
    made.dispatcher.take(new)
    made.dispatcher.look()

    assert (old.is_open, new.is_open) == (False, True)


def test_too_many_subscriptions_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_app.pushing.dispatcher.MAXIMUM_SUBSCRIPTIONS", 1)
    made = setting(Subscription(name="bob"))
    peer = FakePeer(Client())
    made.dispatcher.take(peer)
    made.dispatcher.look()

    assert [(told.principal, told.message) for told in made.refusals] == [
        ("alice", "too many clients have subscribed already")
    ]
    assert not peer.is_open
    assert len(made.store.subscriptions()) == 1


def test_a_client_whose_certificate_is_refused_leaves_a_record_and_one_that_is_away_does_not() -> None:
    def refused(subscription: Subscription) -> Any:
        raise PeerRefused("tls://h:1 has the certificate of another client")

    for dial, told in ((refused, ["tls://h:1 has the certificate of another client"]), (unreachable, [])):
        made = setting(LISTENS, dial=dial)
        made.notify(1)
        made.dispatcher.look()
        made.clock.advance(FIRST_PAUSE)
        made.dispatcher.look()

        assert [record.message for record in made.refusals] == told


def test_while_another_node_serves_a_client_this_one_does_not() -> None:
    made = setting(Subscription(name="alice"))
    made.notify(1)
    made.store.lease("push alice", "elsewhere", NOW, 60)
    client = Client()
    made.dispatcher.take(FakePeer(client))
    made.dispatcher.look()
    assert client.asked == []
    made.clock.advance(60)
    made.dispatcher.look()

    assert client.next()[0] is Operation.NOTIFY


def test_dates_are_announced_and_delivered() -> None:
    made = setting(Subscription(name="alice"))
    managed_object, content = a_symmetric_key("dated", activation_date=NOW + 5)
    with made.store.unit_of_work() as work:
        work.add(managed_object, content)
        work.commit()
    client = Client()
    made.dispatcher.take(FakePeer(client))
    made.dispatcher.look()
    made.clock.advance(5)
    made.dispatcher.look()
    made.dispatcher.look()

    assert client.next()[1].unique_identifier == "dated"


def test_it_ends_with_its_threads_and_connections() -> None:
    made = setting(Subscription(name="alice"))
    peer = FakePeer(Client())
    made.dispatcher.start()
    made.dispatcher.take(peer)
    made.dispatcher.close()

    assert not peer.is_open
    assert made.dispatcher._thread is not None
    assert not made.dispatcher._thread.is_alive()
