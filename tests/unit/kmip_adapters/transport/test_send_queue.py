"""Answers that are sent together: all of them, in order, at the end of a turn, and none for the failure of another."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

import pytest
from attrs import define

from kmip_adapters.transport.client import client_context
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.outflow import PIECE, Outflow
from kmip_adapters.transport.send_queue import LONGEST, MOST, SendQueue
from tests.unit.kmip_adapters.transport.fakes import a_server, request, response, throwaway_pki


@define
class Keeper:
    """A `Sender` that writes down what is asked of it."""

    name: str
    log: list[str]
    fails: bool = False

    def send_kept(self) -> None:
        if self.fails:
            raise ssl.SSLError("the client has sent an alert")
        self.log.append(self.name)

    def abort(self) -> None:
        self.log.append(f"{self.name} aborted")


def in_one_turn(act: Callable[[SendQueue], None]) -> None:
    """Act in a turn of a loop, and let it end."""

    async def main() -> None:
        act(SendQueue(asyncio.get_running_loop()))
        await asyncio.sleep(0)

    asyncio.run(main())


def test_answers_are_sent_in_their_order_when_the_turn_ends() -> None:
    log: list[str] = []

    def act(queue: SendQueue) -> None:
        for name in "abc":
            queue.put(Keeper(name, log))
        assert log == []

    in_one_turn(act)

    assert log == ["a", "b", "c"]


def test_many_answers_do_not_wait_for_the_end_of_the_turn() -> None:
    log: list[str] = []

    def act(queue: SendQueue) -> None:
        for number in range(MOST + 1):
            queue.put(Keeper(str(number), log))
        assert len(log) == MOST

    in_one_turn(act)

    assert log == [str(number) for number in range(MOST + 1)]


def test_an_answer_that_cannot_be_sent_ends_its_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []

    def act(queue: SendQueue) -> None:
        for keeper in (Keeper("a", log), Keeper("b", log, fails=True), Keeper("c", log)):
            queue.put(keeper)

    with caplog.at_level(logging.ERROR, "kmipd.transport"):
        in_one_turn(act)

    assert log == ["a", "b aborted", "c"]
    assert "an answer could not be sent" in caplog.text


class Wire:
    """The asyncio transport, as far as an outflow uses it, and TLS that encrypts nothing."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_aborted = False
        self._pending = b""

    def write(self, octets: bytes | memoryview) -> int:
        self._pending += bytes(octets)
        return len(octets)

    def read(self) -> bytes:
        pending, self._pending = self._pending, b""
        return pending

    @property
    def pending(self) -> int:
        return len(self._pending)

    def unwrap(self) -> None:
        self._pending += b"goodbye"

    def abort(self) -> None:
        self.is_aborted = True


class Socket:
    """What takes the ciphertext of a `Wire`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def write(self, octets: bytes) -> None:
        self._wire.sent.append(octets)

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self._wire.abort()


def an_outflow(queue: SendQueue) -> tuple[Outflow, Wire]:
    wire = Wire()
    return Outflow(wire, wire, Socket(wire), TransportCounters(), queue), wire  # type: ignore[arg-type]  # has what an outflow uses


def test_whatever_else_is_sent_goes_behind_the_answer_that_waits() -> None:
    followers: tuple[tuple[Callable[[Outflow], object], list[bytes]], ...] = (
        (lambda outflow: outflow.send(b"more"), [b"more"]),
        (lambda outflow: outflow.send_soon(b"more"), [b"more"]),
        (lambda outflow: outflow.send_soon(bytes(LONGEST + 1)), [bytes(LONGEST + 1)]),
        (lambda outflow: outflow.send(bytes(PIECE + 1)), [bytes(PIECE)]),
        (Outflow.say_goodbye, [b"goodbye"]),
    )
    for follow, then in followers:

        def act(queue: SendQueue, follow: Callable[[Outflow], object] = follow, then: list[bytes] = then) -> None:
            outflow, wire = an_outflow(queue)
            outflow.send_soon(b"answer")
            assert wire.sent == []
            follow(outflow)
            assert wire.sent == [b"answer", *then]

        in_one_turn(act)


def test_an_answer_is_not_sent_on_a_connection_that_was_aborted() -> None:
    def act(queue: SendQueue) -> None:
        outflow, wire = an_outflow(queue)
        outflow.send_soon(b"answer")
        outflow.abort()
        queue.send_all()
        assert (wire.sent, wire.is_aborted) == ([], True)

    in_one_turn(act)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_requests_that_come_together_are_each_answered_in_their_order(loop: str) -> None:
    loops = pytest.importorskip(loop, reason="`pip install uvloop` makes this run")
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    bodies = [f"Q{number}".encode() for number in range(3)]
    with a_server(new_loop=loops.new_event_loop) as server:
        clients = []
        for _ in range(MOST + 8):
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=120)
            clients.append(context.wrap_socket(plain, server_hostname="127.0.0.1"))
        for client in clients:
            client.sendall(b"".join(map(request, bodies)))
        for client in clients:
            wanted = b"".join(response(b"client says " + body) for body in bodies)
            received = b""
            while len(received) < len(wanted):
                data = client.recv(65_536)
                assert data, "the server has ended the connection"
                received += data
            assert received == wanted
            client.close()
