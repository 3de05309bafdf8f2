"""Clients that take and do not give: deaf ones, dripping ones, half-open ones; on both loops."""

import contextlib
import importlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.server import TlsTtlvServer
from tests.unit.kmip_adapters.transport.fakes import FakeService, a_server, request, response, throwaway_pki

HANG = 120.0  # seconds: what a test waits for before it says that something hangs


def a_context() -> ssl.SSLContext:
    pki = throwaway_pki()
    return client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)


def a_client(server: TlsTtlvServer) -> TlsTtlvClient:
    return TlsTtlvClient("127.0.0.1", server.port, context=a_context(), timeout=HANG)


@pytest.fixture(params=["asyncio", "uvloop"])
def loops(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param, reason="`pip install uvloop` makes this run")
    return str(request.param)


@contextlib.contextmanager
def serving(loops: str, service: FakeService | None = None, **limits: Any) -> Iterator[TlsTtlvServer]:
    new_loop = importlib.import_module(loops).new_event_loop
    with a_server(service, limits=TransportLimits(**limits), new_loop=new_loop) as server:
        yield server


def until(condition: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, why
        select.select([], [], [], 0.01)


def test_many_connections_are_accepted_in_one_turn(loops: str) -> None:
    """uvloop's own server accepts one connection in a turn of its loop."""
    service = FakeService()
    with serving(loops, service) as server, a_client(server) as busy, contextlib.ExitStack() as crowd:
        busy.socket.sendall(request(b"Q") * 200)
        for _ in range(150):
            crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), HANG))
        until(lambda: server.counters.connections_open == 151, "not all were accepted")
        assert server.counters.handshakes_open == 150
        assert {response(b"client says Q")} == {busy.receive() for _ in range(200)}


def test_half_open_connections_do_not_keep_a_client_out(loops: str) -> None:
    with serving(loops, max_connections=40) as server, contextlib.ExitStack() as crowd:
        for _ in range(100):
            crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), HANG))

        with a_client(server) as client:
            assert response(b"client says Q") == client.exchange(request(b"Q"))
        assert server.counters.connections_refused["unfinished_handshakes"] >= 90


def test_clients_that_do_not_read_are_given_up_early(loops: str) -> None:
    """What one identity's clients do not read is bounded by its budget, not by its connections."""
    service = FakeService()
    with (
        serving(loops, service, unsent_per_identity=3_000_000, write_stalled=HANG * 2) as server,
        contextlib.ExitStack() as crowd,
    ):
        for _ in range(12):
            deaf = crowd.enter_context(a_client(server))
            deaf.socket.sendall(request(b"L2000000"))
        shared = server._shared
        assert shared is not None
        until(lambda: shared.unsent.total >= 3_000_000, "nothing waits")
        for _ in range(20):
            select.select([], [], [], 0.01)

        assert shared.unsent.total < 3 * 2_000_000  # the budget, and one answer beyond it
        assert len(service.threads) <= 3


def test_requests_wait_for_the_budget_of_unsent_answers_and_go_on(loops: str) -> None:
    with (
        serving(loops, unsent_per_identity=1_000_000) as server,
        a_client(server) as slow,
        a_client(server) as other,
    ):
        other.exchange(request(b"Q"))  # reads the session ticket, too
        slow.socket.sendall(request(b"L3000000"))
        shared = server._shared
        assert shared is not None
        until(lambda: shared.unsent.total >= 1_000_000, "nothing waits")
        other.socket.sendall(request(b"Q"))
        assert select.select([other.socket], [], [], 0.2)[0] == []

        assert response(bytes(3_000_000)) == slow.receive()
        assert response(b"client says Q") == other.receive()
        until(lambda: shared.unsent.total == 0, "the budget was not freed")


def test_beyond_the_sum_of_unsent_answers_the_oldest_is_cut(loops: str) -> None:
    with (
        serving(loops, unsent_in_all=3_000_000, write_stalled=HANG * 2) as server,
        a_client(server) as first,
        a_client(server) as second,
    ):
        first.socket.sendall(request(b"L2500000"))
        shared = server._shared
        assert shared is not None
        until(lambda: shared.unsent.total >= 1_500_000, "nothing waits")
        second.socket.sendall(request(b"L2500000"))

        with pytest.raises(OSError):
            first.receive()
        assert response(bytes(2_500_000)) == second.receive()
        assert server.counters.connections_cut["unsent_in_all"] == 1


def test_an_answer_that_is_read_too_slowly_is_cut_though_something_is_read(loops: str) -> None:
    """64 KiB each period were enough to keep an answer of any length for hours."""
    with serving(loops, write_stalled=0.4, linger=0.2) as server, a_client(server) as client:
        client.socket.sendall(request(b"L15000000"))
        received, began = 0, time.monotonic()
        with contextlib.suppress(OSError):
            while received < 15_000_000:
                part = client.socket.recv(65_536)
                if not part:
                    break
                received += len(part)
                select.select([], [], [], 0.2)  # at this rate it would take 45 s
                assert time.monotonic() < began + HANG

        assert received < 15_000_000
        assert server.counters.connections_cut["write_timeout"] == 1


def has_received(server: TlsTtlvServer, size: int) -> bool:
    return server.counters.bytes_received >= size


def test_half_sent_requests_have_a_budget_in_which_the_oldest_gives_way(loops: str) -> None:
    half = request(bytes(900_000))[:-1]
    with serving(loops, half_sent_per_identity=2_000_000, message=HANG * 2) as server, contextlib.ExitStack() as crowd:
        clients = [crowd.enter_context(a_client(server)) for _ in range(4)]
        shared = server._shared
        assert shared is not None
        for number, client in enumerate(clients, 1):  # one after another, so that it is known who is the oldest
            client.socket.sendall(half)
            until(partial(has_received, server, number * len(half)), "not all has arrived")
        until(lambda: server.counters.connections_cut["half_sent_per_identity"] >= 2, "none gave way")

        assert shared.half_sent.total < 2_000_000
        clients[-1].socket.sendall(b"\0")
        assert clients[-1].receive().startswith(response(b"client says ")[:4])


def test_dripping_in_turns_does_not_move_the_deadline(loops: str) -> None:
    """Clients whose bytes wait for their turn again and again must not get more time by it."""
    with serving(loops, message=0.4, linger=0.2) as server, a_client(server) as drip, a_client(server) as busy:
        stop = threading.Event()

        def keep_busy() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    busy.socket.sendall(request(b"Q") * 50)
                    for _ in range(50):
                        busy.receive()

        worker = threading.Thread(target=keep_busy)
        worker.start()
        try:
            message, began = request(bytes(100_000)), time.monotonic()
            with contextlib.suppress(OSError):
                for byte in message:
                    drip.socket.sendall(bytes([byte]))
                    select.select([], [], [], 0.005)
                    assert time.monotonic() < began + HANG
        finally:
            stop.set()
            worker.join(HANG)

        assert server.counters.connections_cut["message_timeout"] == 1


def test_others_are_served_while_a_client_sends_a_byte_in_each_record(loops: str) -> None:
    with serving(loops) as server, a_client(server) as drip, a_client(server) as other:
        message = request(bytes(5_000))
        for byte in message[:-1]:
            drip.socket.sendall(bytes([byte]))
        for _ in range(20):
            assert response(b"client says Q") == other.exchange(request(b"Q"))
        drip.socket.sendall(message[-1:])

        assert response(b"client says " + bytes(5_000)) == drip.receive()


def test_counters_return_to_nothing_when_all_have_left(loops: str) -> None:
    with serving(loops) as server:
        with contextlib.ExitStack() as crowd:
            clients = [crowd.enter_context(a_client(server)) for _ in range(5)]
            for client in clients:
                client.exchange(request(b"Q"))
            assert server.counters.sessions_open == 5
            crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), HANG))
            clients[0].socket.sendall(request(b"Q")[:-1])
        counters = server.counters
        until(lambda: counters.connections_open == 0, "connections were not counted off")

        assert (counters.sessions_open, counters.handshakes_open) == (0, 0)
        assert counters.handshakes_completed == 5
        assert counters.requests == 5
        assert counters.bytes_sent > 0
        assert counters.bytes_received > 0
        shared = server._shared
        assert shared is not None
        assert shared.half_sent.total == shared.unsent.total == 0
        assert not shared.places._of_identity
        assert not shared.places._of_network
