"""Answers that are sent together: all of them, in order, at the end of a turn, and none for the failure of another."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

import pytest
from attrs import define

from kmip_adapters.transport.client import client_context
from kmip_adapters.transport.send_queue import MOST, SendQueue
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


def test_answers_that_wait_for_each_other_have_one_turn_scheduled() -> None:
    class Loop:
        scheduled = 0

        def call_soon(self, callback: Callable[[], object]) -> None:
            self.scheduled += 1

    loop = Loop()
    queue = SendQueue(loop)  # type: ignore[arg-type]  # has what a queue uses
    for name in "abc":
        queue.put(Keeper(name, []))
    assert loop.scheduled == 1

    queue.send_all()
    queue.put(Keeper("d", []))
    assert loop.scheduled == 2
