"""What the tests of listeners share, and what the author of an adapter writes for them: a Bench and a Client."""

import contextlib
import select
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Literal, Protocol

import pytest

from kmip_app.testing.contracts.listener.service import FakeService
from kmip_core.classes import frozen
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Listener, Service

HANG: Final = 120.0  # seconds: what a test waits for before it says that something hangs

How = Literal["announced", "bare"]
"""How a client ends its side: by a message of the transport that says so (close_notify in TLS), or by TCP's FIN alone.

Where the transport has no such message, both are a FIN."""


@frozen(kw_only=True)
class Wanted:
    """How the listener of a test is made; what is None is left as the adapter has it.

    port: that it binds; 0 for any free one.
    identity_error: what identifying any client raises.
    connections_per_identity: how many one client may have.
    slow_at_once: jobs of pace SLOW that run at once; one more is declined instead of waiting.
    message_seconds: from the first to the last byte of one request.
    handshake_seconds: until a client has connected and said who it is.
    idle_seconds: that a connection may stay without a request.
    """

    port: int = 0
    identity_error: KmipError | None = None
    connections_per_identity: int | None = None
    slow_at_once: int | None = None
    message_seconds: float | None = None
    handshake_seconds: float | None = None
    idle_seconds: float | None = None


class Client(Protocol):
    """One connection of a client.

    What waits raises TimeoutError after `HANG`, and another OSError where the connection is lost.
    """

    def send(self, *frames: bytes) -> None:
        """Send so many whole messages, together."""
        ...

    def send_octets(self, octets: bytes) -> None:
        """Send bytes as they are, where the listener expects a message."""
        ...

    def send_half(self, frame: bytes) -> None:
        """Send all of a message but its last byte."""
        ...

    def receive(self) -> bytes:
        """Return the next whole answer."""
        ...

    def end(self, how: How) -> None:
        """End this side of the connection; the other side can still be read."""
        ...

    def read_to_the_end(self) -> tuple[bytes, bool]:
        """Return the rest until the listener ends the connection, and whether it has ended as the transport wants it.

        The rest: the answers one behind the other, and bytes that are no answer as they are. A connection that was
        reset or cut has not ended as the transport wants it.
        """
        ...


class Bench(Protocol):
    """The adapter under test."""

    @property
    def nonsense(self) -> tuple[bytes, ...]:
        """Bytes with which no message begins, as a client would send them."""
        ...

    @property
    def refusal_of_nonsense(self) -> bytes:
        """What the client reads then, before the end."""
        ...

    def listener(self, service: Service, wanted: Wanted) -> Listener:
        """Return a listener on the loopback interface, not yet bound."""
        ...

    def client(self, port: int, name: str = "client") -> AbstractContextManager[Client]:
        """Connect a client that is identified by `name`, and return when it could send.

        Raises OSError if the listener does not take the connection.
        """
        ...

    def silent(self, port: int) -> AbstractContextManager[Callable[[], None]]:
        """Connect, and do not begin to say who the client is; what comes of it waits for the end of the connection."""
        ...


class Peer(Protocol):
    """What answers a stream of messages: a listener, or what needs none. Each call is a connection of its own."""

    @property
    def nonsense(self) -> tuple[bytes, ...]:
        """Bytes with which no message begins, as a client would send them."""
        ...

    @property
    def refusal_of_nonsense(self) -> bytes:
        """What the client reads then, before the end."""
        ...

    def send(self, frames: tuple[bytes, ...], answers: int) -> list[bytes]:
        """Send the messages; return so many answers."""
        ...

    def send_and_read_to_the_end(
        self, frames: tuple[bytes, ...], octets: bytes = b"", behind: tuple[bytes, ...] = ()
    ) -> bytes:
        """Send messages, bytes as they are, and messages; return all that comes before the end."""
        ...


@frozen
class BenchPeer:
    """The `Peer` that a listener is."""

    bench: Bench
    port: int

    @property
    def nonsense(self) -> tuple[bytes, ...]:
        """Bytes with which no message begins."""
        return self.bench.nonsense

    @property
    def refusal_of_nonsense(self) -> bytes:
        """What the client reads then."""
        return self.bench.refusal_of_nonsense

    def send(self, frames: tuple[bytes, ...], answers: int) -> list[bytes]:
        """Send the messages; return so many answers."""
        with self.bench.client(self.port) as client:
            client.send(*frames)
            return [client.receive() for _ in range(answers)]

    def send_and_read_to_the_end(
        self, frames: tuple[bytes, ...], octets: bytes = b"", behind: tuple[bytes, ...] = ()
    ) -> bytes:
        """Send messages, bytes as they are, and messages; return all that comes before the end."""
        with self.bench.client(self.port) as client:
            client.send(*frames)
            with contextlib.suppress(ConnectionError):  # the listener may have ended it by now
                client.send_octets(octets)
                client.send(*behind)
            return client.read_to_the_end()[0]


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@contextlib.contextmanager
def serving(bench: Bench, service: FakeService, wanted: Wanted | None = None) -> Iterator[Listener]:
    """Serve in a thread; afterwards let go what waits for the gate, and stop."""
    listener = bench.listener(service, wanted or Wanted())
    listener.serve_in_thread()
    try:
        yield listener
    finally:
        service.gate.set()
        listener.stop(HANG)


@pytest.fixture
def listener(bench: Bench, service: FakeService) -> Iterator[Listener]:
    with serving(bench, service) as running:
        yield running


@pytest.fixture
def peer(bench: Bench, listener: Listener) -> Peer:
    return BenchPeer(bench, listener.port)


def until(condition: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, why
        select.select([], [], [], 0.01)


def begun(service: FakeService) -> None:
    """Wait until a request that waits for the gate has begun."""
    assert service.begun.acquire(timeout=HANG)
