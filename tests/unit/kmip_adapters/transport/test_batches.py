"""Messages of many items in threads: budgets, clients that leave, and others that wait."""

import contextlib
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from kmip_adapters.transport import runner
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_app.pki.authority import issue_client
from kmip_app.testing.contracts.listener.service import FakeJob
from kmip_core.enums import ResultReason
from kmip_core.messages import UsernameAndPassword
from kmip_core.ports.steps import Pace
from kmip_core.principal import Principal
from tests.unit.kmip_adapters.transport.fakes import FakeService, a_server, request, response, throwaway_pki

HANG = 120.0  # seconds: what a test waits for before it says that something hangs
LONG = 20_000  # bytes; such a message is decoded in a thread


def a_client(server: TlsTtlvServer) -> TlsTtlvClient:
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    return TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG)


@contextlib.contextmanager
def serving(service: FakeService, **limits: Any) -> Iterator[TlsTtlvServer]:
    with a_server(service, limits=TransportLimits(**limits)) as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end
        select.select([], [], [], 0.01)


def test_a_batch_is_answered_after_its_last_item() -> None:
    service = FakeService()
    service.item_may_end.release(3)
    with serving(service) as server, a_client(server) as client:
        assert client.exchange(request(b"I3")) == response(b"all items")


def test_the_rest_of_a_batch_is_called_off_when_its_client_has_left() -> None:
    service = FakeService()
    with serving(service) as server:
        with a_client(server) as client:
            client.socket.sendall(request(b"I100"))
            assert service.begun.acquire(timeout=HANG)
        until(lambda: server.counters.connections_open == 0)
        service.item_may_end.release(2)

        until(lambda: bool(service.called_off))
        assert service.called_off[0].reason is ResultReason.OPERATION_CANCELED_BY_REQUESTER
        assert service.begun.acquire(blocking=False) is False  # no further item was begun


def test_one_message_has_a_budget_for_all_its_items() -> None:
    service = FakeService()
    with serving(service, work=0.2) as server, a_client(server) as client:
        client.socket.sendall(request(b"I100"))
        assert service.begun.acquire(timeout=HANG)
        select.select([], [], [], 0.3)
        service.item_may_end.release(1)

        assert client.receive()[8:].startswith(b"refused SERVER_LIMIT_EXCEEDED: the request has used 0.2 s")
        assert client.exchange(request(b"Q")) == response(b"client says Q")


def test_a_long_batch_lets_others_run_between_its_items() -> None:
    service = FakeService()
    with serving(service, slow_threads=1) as server, a_client(server) as long, a_client(server) as other:
        long.socket.sendall(request(b"I3"))
        assert service.begun.acquire(timeout=HANG)
        other.socket.sendall(request(b"S"))
        until(lambda: server._shared is not None and server._shared.runner._has_queue(Pace.SLOW))
        select.select([], [], [], runner.QUANTUM + 0.05)
        service.item_may_end.release(1)

        assert other.receive() == response(b"client says S")  # though two items are left
        service.item_may_end.release(2)
        assert long.receive() == response(b"all items")


@pytest.mark.parametrize(
    ("limits", "hogging", "body"),
    [({}, b"W", b"S"), ({"brief_threads": 4}, b"G", b"B")],
    ids=["slow", "brief"],
)
def test_one_client_cannot_take_all_threads_from_another(
    limits: dict[str, int], hogging: bytes, body: bytes, tmp_path: Path
) -> None:
    """The hog sends more requests than there are threads, and hangs up."""
    service = FakeService()
    other = issue_client(throwaway_pki(), "other", tmp_path)
    with serving(service, **limits) as server:
        hogs = [a_client(server) for _ in range(8)]
        for hog in hogs:
            hog.connect()
            hog.socket.sendall(request(hogging))
        for _ in range(3):  # of the four threads
            assert service.begun.acquire(timeout=HANG)
        for hog in hogs:
            hog.close()
        context = client_context(ca=throwaway_pki().ca.certificate, cert=other.certificate, key=other.key)
        with TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client:
            assert client.exchange(request(body)) == response(b"other says " + body)
        service.gate.set()


def test_one_client_cannot_fill_the_queue_of_slow_work_for_another(tmp_path: Path) -> None:
    service = FakeService()
    other = issue_client(throwaway_pki(), "other", tmp_path)
    with serving(service, slow_threads=1, slow_queue=7) as server, contextlib.ExitStack() as crowd:
        hogs = [crowd.enter_context(a_client(server)) for _ in range(12)]
        for hog in hogs:
            hog.socket.sendall(request(b"W"))
        assert service.begun.acquire(timeout=HANG)
        until(lambda: server.counters.requests_declined["slow_queue"] == 6)  # six have a place, of eight
        context = client_context(ca=throwaway_pki().ca.certificate, cert=other.certificate, key=other.key)
        with TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client:
            client.socket.sendall(request(b"S"))
            service.gate.set()
            assert client.receive() == response(b"other says S")


@define
class SlowlyReading(FakeService):
    """A service that decodes each long message only once it may."""

    may_read: threading.Event = field(factory=threading.Event)
    reads: set[str] = field(factory=set)

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> FakeJob:
        if len(frame) > LONG:
            self.reads.add(threading.current_thread().name)
            assert self.may_read.wait(HANG)
        return super().open(frame, principal, credentials)


def test_long_messages_of_many_clients_are_decoded_by_two_threads() -> None:
    service = SlowlyReading()
    message = b"Q" + bytes(LONG)
    with serving(service) as server, contextlib.ExitStack() as crowd:
        clients = [crowd.enter_context(a_client(server)) for _ in range(6)]
        for client in clients:
            client.socket.sendall(request(message))
        counters = server.counters
        until(lambda: counters.queued.get("decoding", 0) + counters.running.get("decoding", 0) == 6)

        assert 1 <= counters.running["decoding"] <= 2
        with a_client(server) as other:
            assert other.exchange(request(b"Q")) == response(b"client says Q")
        service.may_read.set()
        assert {client.receive() for client in clients} == {response(b"client says " + message)}
    assert 1 <= len(service.reads) <= 2
