"""What transports promise for a stream of messages: whole answers, in order, and an end after nonsense."""

from collections.abc import Iterator
from typing import Protocol

import pytest
from attrs import define

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_adapters.transport.in_process import InProcessTransport
from kmip_core.principal import Principal
from tests.unit.kmip_adapters.transport.fakes import (
    FakeFramer,
    FakeService,
    a_server,
    request,
    response,
    throwaway_pki,
)


class Peer(Protocol):
    def send(self, data: bytes, answers: int) -> list[bytes]:
        """Send `data` on a new connection; return so many answers."""
        ...

    def send_and_read_to_the_end(self, data: bytes) -> bytes:
        """Send `data` on a new connection; return all that comes before the server ends it."""
        ...


@define
class InProcessPeer:
    transport: InProcessTransport

    def send(self, data: bytes, answers: int) -> list[bytes]:
        received, found = self.transport.exchange(data), []
        while received:
            length = 8 + int.from_bytes(received[4:8])
            found.append(received[:length])
            received = received[length:]
        assert answers == len(found)
        return found

    def send_and_read_to_the_end(self, data: bytes) -> bytes:
        return self.transport.exchange(data)


@define
class TlsPeer:
    port: int

    def _client(self) -> TlsTtlvClient:
        pki = throwaway_pki()
        return TlsTtlvClient(
            "127.0.0.1", self.port, pki.ca.certificate, pki.client.certificate, pki.client.key, timeout=120
        )

    def send(self, data: bytes, answers: int) -> list[bytes]:
        with self._client() as client:
            client.socket.sendall(data)
            return [client.receive() for _ in range(answers)]

    def send_and_read_to_the_end(self, data: bytes) -> bytes:
        with self._client() as client:
            client.socket.sendall(data)
            received = b""
            while part := client.socket.recv(65_536):
                received += part
            return received


@pytest.fixture(scope="module", params=["in process", "TLS", "TLS on uvloop"])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    if request.param == "TLS":
        with a_server() as server:
            yield TlsPeer(server.port)
    elif request.param == "TLS on uvloop":
        uvloop = pytest.importorskip("uvloop", reason="`pip install uvloop` makes this run")
        with a_server(new_loop=uvloop.new_event_loop) as server:
            yield TlsPeer(server.port)
    else:
        yield InProcessPeer(
            InProcessTransport(FakeService(), new_framer=FakeFramer, principal=Principal(name="client"))
        )


@pytest.mark.parametrize(
    "pace",
    [b"Q", b"C", b"S", b"R"],
    ids=["ok quick", "ok commits", "ok slow", "ok quick that has to commit"],
)
def test_a_message_of_any_pace_is_answered(peer: Peer, pace: bytes) -> None:
    assert peer.send(request(pace + b"1"), 1) == [response(b"client says " + pace + b"1")]


def test_pipelined_messages_are_answered_in_order_whatever_their_pace(peer: Peer) -> None:
    bodies = [b"QCSR"[n % 4 : n % 4 + 1] + str(n).encode() for n in range(100)]

    answers = peer.send(b"".join(map(request, bodies)), 100)

    assert [response(b"client says " + body) for body in bodies] == answers


@pytest.mark.parametrize("length", [0, 1, 16_376, 16_377, 65_528, 65_529, 1 << 20])
def test_a_message_of_any_length_is_answered_whole(peer: Peer, length: int) -> None:
    body = bytes(length)

    assert peer.send(request(body), 1) == [response(b"client says " + body)]


def test_an_answer_of_many_records_arrives_whole(peer: Peer) -> None:
    assert peer.send(request(b"L5000000"), 1) == [response(bytes(5_000_000))]


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="fail no TTLV"),
        pytest.param(bytes.fromhex("42007801 7fffffff"), id="fail too long"),
        pytest.param(bytes(8) + bytes(1 << 20), id="fail with much behind it"),
    ],
)
def test_bytes_that_are_no_message_are_answered_once_and_end_the_connection(peer: Peer, nonsense: bytes) -> None:
    received = peer.send_and_read_to_the_end(request(b"Q1") + nonsense + request(b"Q2"))

    good = response(b"client says Q1")
    assert good == received[: len(good)]
    assert response(b"refused INVALID_MESSAGE: not the beginning of a message") == received[len(good) :]


@pytest.mark.parametrize(
    "pace", [b"Q", b"B", b"C", b"S", b"R"], ids=["ok quick", "ok brief", "ok commits", "ok slow", "ok later slow"]
)
@pytest.mark.parametrize("words", [b"", b"no TTLV"], ids=["ok none", "ok some"])
def test_last_words_are_sent_instead_of_an_answer_and_end_the_connection(peer: Peer, pace: bytes, words: bytes) -> None:
    received = peer.send_and_read_to_the_end(request(b"Q1") + request(pace + b"!" + words) + request(b"Q2"))

    assert received == response(b"client says Q1") + words
