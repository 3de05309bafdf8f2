"""The dispatcher: takes notices from the queue to the clients, in order, a bounded number of clients at a time.

It looks every half second, in a thread of its own; a client's delivery runs in one of a few threads. Neither the event
loop nor a client's own requests wait for it. A client that cannot be reached, or answers nonsense, is tried again later
and later; what is too much or too old for it is dropped, and counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Protocol

from attrs import evolve, field

from kmip_adapters.transport.refusals import Refusal
from kmip_adapters.ttlv.codec import Codec
from kmip_app.pushing.limits import NoticeLimits
from kmip_app.pushing.session import Session
from kmip_core.classes import define
from kmip_core.delivering import announce_dates, request_for
from kmip_core.engine import Engine
from kmip_core.enums import ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.ports.leases import CLOCKS_APART, Leases
from kmip_core.ports.notices import NoticeQueue
from kmip_core.ports.schedule import Schedule
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.ports.transport import Peer, PeerLost, PeerRefused, SwappedConnection
from kmip_core.principal import Source
from kmip_core.subscriptions import MAXIMUM_SUBSCRIPTIONS, Announcer, Delivery, Notice, Subscription

LOG: Final = logging.getLogger("kmip_app.pushing")

EVERY: Final = 0.5
IDLE_EVERY: Final = 1.0
"""Seconds between two looks; the second while no client has subscribed."""

CLIENTS_AT_ONCE: Final = 8
PIECE: Final = 50
"""Notices that are read, and forgotten, at once; so many may be sent a second time after a crash."""

RUN: Final = 1_000
"""Notices that one run sends; others come first then."""

FIRST_PAUSE: Final = 5
LONGEST_PAUSE: Final = 3_600
"""Seconds until a delivery that failed is tried again: doubled each time."""

PROVEN_FOR: Final = 3_600
"""Seconds for which a password that came with Set Endpoint Role holds: other requests show theirs each time."""

TRIM_EVERY: Final = 60
DATES_LEASE: Final = "announcing dates"
LEASE_SECONDS: Final = 60
RENEWED_AFTER: Final = 20
"""Seconds of a lease, which a killed server leaves behind, and after which it is renewed while work goes on."""


def _no_record(refusal: Refusal) -> None:
    """Keep nothing: in tests."""


class Store(NoticeQueue, Schedule, Leases, Protocol):
    """What is needed of the store."""


@define(kw_only=True)
class Dispatcher:
    """Delivers notices.

    engine: the engine of clients' requests.  codec: of `kmip_core.calls`.
    dial: connects to a client that listens; raises PeerLost.  holder: this node and process, for leases.
    record: takes evidence of clients that are refused, from any thread.
    """

    store: Store
    engine: Engine
    announcer: Announcer
    codec: Codec
    dial: Callable[[Subscription], Peer]
    holder: str
    limits: NoticeLimits = field(factory=NoticeLimits)
    record: Callable[[Refusal], None] = _no_record
    _arrived: deque[SwappedConnection] = field(factory=deque, init=False)
    _peers: dict[str, SwappedConnection] = field(factory=dict, init=False)
    _unmet: set[str] = field(factory=set, init=False)  # clients that have arrived, and were not asked anything
    _arrived_at: dict[str, int] = field(factory=dict, init=False)
    _busy: set[str] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _reading: threading.Lock = field(factory=threading.Lock, init=False)
    _wake: threading.Event = field(factory=threading.Event, init=False)
    _is_over: bool = field(default=False, init=False)
    _trimmed_at: int = field(default=0, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _pool: ThreadPoolExecutor | None = field(default=None, init=False)

    def take(self, peer: SwappedConnection) -> None:
        """Take a client that has swapped the roles of its connection; from any thread, returns at once."""
        self._arrived.append(peer)
        self._wake.set()

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._pool = ThreadPoolExecutor(CLIENTS_AT_ONCE, thread_name_prefix="kmip-push")
        self._thread = threading.Thread(target=self._run, name="kmip-dispatcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End: what was not answered stays in the queue."""
        self._is_over = True
        self._wake.set()
        with self._lock:
            peers = list(self._peers.values())
        for peer in (*peers, *self._arrived):
            with suppress(PeerLost):
                peer.close()
        if self._thread is not None:
            self._thread.join(self.limits.answer)
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def look(self) -> None:
        """Do once what is to be done.  Raises KmipError if the store cannot be used."""
        self._unmet |= self._welcome(self.store.subscriptions())
        subscriptions = self.refresh()
        if not subscriptions:
            return
        now = self.engine.services.clock.now()
        self._announce_dates(now)
        must_trim = now - self._trimmed_at >= TRIM_EVERY
        self._trimmed_at = now if must_trim else self._trimmed_at
        self._end_old_proofs()
        by_name = {one.name: one for one in subscriptions}
        for delivery in self.store.deliveries():
            subscription = by_name.get(delivery.name)
            if subscription is None or self._is_over:
                continue
            if must_trim or delivery.pending > self.limits.queue:
                delivery = self._trim(delivery, now)
                self._end_if_left(subscription, delivery, now)
            is_new = delivery.name in self._unmet
            if ((delivery.pending and delivery.again_at <= now) or is_new) and self._begin(subscription):
                self._unmet.discard(delivery.name)

    def refresh(self) -> tuple[Subscription, ...]:
        """Announce changes to the clients that have subscribed by now, and return them; from any thread.

        Raises KmipError if the store cannot be used.
        """
        with self._reading:  # what one thread has read is in use before another one reads
            subscriptions = self.store.subscriptions()
            self.announcer.use(subscriptions)
        return subscriptions

    # Clients

    def _welcome(self, subscriptions: tuple[Subscription, ...]) -> set[str]:
        """Note clients that have come by themselves; return their names."""
        names = {one.name for one in subscriptions}
        arrived: set[str] = set()
        while self._arrived:
            peer = self._arrived.popleft()
            name = peer.principal.name
            if name not in names:
                if len(names) >= MAXIMUM_SUBSCRIPTIONS:
                    LOG.warning("%s swaps roles, and too many clients have subscribed already", name)
                    self._refuse(peer.principal.address, name, "too many clients have subscribed already")
                    peer.close()
                    continue
                self.store.subscribe(Subscription(name=name, by_client=True))
                names.add(name)
            with self._lock:
                before = self._peers.get(name)
                self._peers[name] = peer
                self._arrived_at[name] = self.engine.services.clock.now()
            if before is not None:
                with suppress(PeerLost):
                    before.close()
            arrived.add(name)
        return arrived

    def _trim(self, delivery: Delivery, now: int) -> Delivery:
        gone = self.store.trim_notices(delivery.name, self.limits.queue, now - int(self.limits.age))
        if not gone:
            return delivery
        LOG.warning("%d notices for %s were too many or too old and are dropped", gone, delivery.name)
        delivery = evolve(delivery, pending=delivery.pending - gone, dropped=delivery.dropped + gone)
        self.store.settle_notices(delivery, ())
        return delivery

    def _end_if_left(self, subscription: Subscription, delivery: Delivery, now: int) -> None:
        """End a subscription that a client has made for itself, once it has stayed away as long as a notice waits."""
        if subscription.by_client and delivery.seen_at and now - delivery.seen_at > self.limits.age:
            with self._lock:
                if delivery.name in self._peers or delivery.name in self._busy:
                    return
            self.store.unsubscribe(delivery.name)

    def _end_old_proofs(self) -> None:
        """End connections on which a password was shown so long ago that it may be another one by now."""
        before = self.engine.services.clock.now() - PROVEN_FOR
        with self._lock:
            old = [
                peer
                for name, peer in self._peers.items()
                if peer.principal.source is Source.PASSWORD and self._arrived_at[name] <= before
            ]
        for peer in old:
            with suppress(PeerLost):
                peer.close()

    def _announce_dates(self, now: int) -> None:
        since = self.store.announced_until()
        if since is not None and now <= since <= now + CLOCKS_APART:
            return
        if since is not None and not self.store.state_changes(since, now, 0, 1) and now - since < TRIM_EVERY:
            return  # nothing to announce, and no need to write that down each time
        if self.store.lease(DATES_LEASE, self.holder, now, LEASE_SECONDS):
            try:
                announce_dates(self.engine, self.announcer, self.store, self.store)
            except ConcurrentChange:
                LOG.debug("dates are announced at the next look")

    # Deliveries

    def _begin(self, subscription: Subscription) -> bool:
        """Begin a delivery; returns whether it could be begun."""
        name = subscription.name
        with self._lock:
            peer = self._peers.get(name)
            if peer is not None and not peer.is_open:
                peer = None
                del self._peers[name], self._arrived_at[name]
            if name in self._busy or (peer is None and subscription.url is None) or self._pool is None:
                return False
            self._busy.add(name)
        self._pool.submit(self._deliver, subscription, peer)
        return True

    def _deliver(self, subscription: Subscription, peer: SwappedConnection | None) -> None:
        """In a thread of the pool: send what waits for one client."""
        name, lease = subscription.name, f"push {subscription.name}"
        try:
            now = self.engine.services.clock.now()
            if not self.store.lease(lease, self.holder, now, LEASE_SECONDS):
                return  # another node is at it
            try:
                # As it is now: another run may have ended since the look.
                for delivery in self.store.deliveries():
                    if delivery.name == name:
                        self._send(subscription, delivery, peer)
            finally:
                self.store.give_up(lease, self.holder)
        except KmipError as error:
            LOG.warning("notices for %s stay in the queue: %s", name, error.message)
        except Exception:  # the thread is needed for others
            LOG.exception("the delivery to %s failed", name)
        finally:
            with self._lock:
                self._busy.discard(name)

    def _send(self, subscription: Subscription, delivery: Delivery, peer: SwappedConnection | None) -> None:
        clock, sent = self.engine.services.clock, 0
        leased_at = clock.now()
        begun: Peer | None = peer
        done: list[str] = []
        try:
            if begun is None:
                begun = self.dial(subscription)
            session = Session(begun, self.codec, self.limits.answer)
            session.begin()
            delivery = evolve(delivery, attempts=0, again_at=0, failure="", seen_at=clock.now())
            self.store.settle_notices(delivery, ())
            while sent < RUN and not self._is_over:
                notices = self.store.pending_notices(delivery.name, PIECE)
                for notice in notices:
                    if clock.now() - leased_at > RENEWED_AFTER:
                        leased_at = clock.now()
                        if not self.store.lease(f"push {delivery.name}", self.holder, leased_at, LEASE_SECONDS):
                            break  # this node stood still, and another one is at it
                    delivery = self._send_one(session, notice, delivery)
                    done.append(notice.notice_id)
                self.store.settle_notices(delivery, tuple(done))
                is_whole = len(done) == PIECE
                done, sent = [], sent + len(notices)
                if not is_whole:
                    break
            if peer is None:
                begun.close()
            elif self.limits.hands_back and not self.store.pending_notices(delivery.name, 1):
                session.give_back(peer)
        except PeerLost as error:
            self._lose(subscription.name, begun)
            if self._is_over:
                return
            pause = min(FIRST_PAUSE << min(delivery.attempts, 16), LONGEST_PAUSE)
            failed = evolve(
                delivery, attempts=delivery.attempts + 1, again_at=clock.now() + pause, failure=str(error)[:200]
            )
            self.store.settle_notices(failed, tuple(done))
            if not delivery.attempts:
                LOG.warning("%s cannot be notified: %s", subscription.name, error)
                if isinstance(error, PeerRefused):
                    self._refuse(subscription.url or "", subscription.name, str(error))

    def _refuse(self, address: str, name: str, text: str) -> None:
        self.record(Refusal(event="Client not notified", address=address, message=text, principal=name))

    def _send_one(self, session: Session, notice: Notice, delivery: Delivery) -> Delivery:
        """Send one notice, or drop it; returns how far the delivery is.  Raises PeerLost."""
        dropped = evolve(delivery, dropped=delivery.dropped + 1)
        if not session.supports(notice.operation):
            return dropped
        try:
            payload = request_for(notice, self.engine, session.peer.principal, session.version)
        except KmipError as error:
            if error.reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL:
                raise PeerLost(f"the client must prove who it is: {error.message}") from error
            LOG.info("a notice for %s is dropped: %s", notice.subscriber, error.message)
            return dropped
        answer = session.ask(notice.operation, payload)
        if answer.result_status is not ResultStatus.SUCCESS:
            LOG.info("%s refuses a notice: %s", notice.subscriber, answer.result_reason)
            return dropped
        return evolve(delivery, delivered=delivery.delivered + 1, delivered_at=self.engine.services.clock.now())

    def _lose(self, name: str, peer: Peer | None) -> None:
        if peer is None:
            return
        with suppress(PeerLost):
            peer.close()
        with self._lock:
            if self._peers.get(name) is peer:
                del self._peers[name], self._arrived_at[name]

    def _run(self) -> None:
        while not self._is_over:
            try:
                self.look()
            except KmipError as error:  # the store is sealed, or away
                LOG.debug("nothing is delivered: %s", error.message)
            except Exception:  # a bug in one look must not end the deliveries to all clients
                LOG.exception("a look at the queue failed")
            self._wake.wait(EVERY if self.announcer.subscriptions else IDLE_EVERY)
            self._wake.clear()
