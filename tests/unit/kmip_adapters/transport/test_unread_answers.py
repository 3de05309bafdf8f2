"""A client that takes its answers late: they are kept for it, in order, whatever the server does meanwhile."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from attrs import define, field

from kmip_adapters.transport.carriage import TtlvStream
from kmip_adapters.transport.client import client_context
from kmip_adapters.transport.connection import TlsConnection
from kmip_adapters.transport.shared import Shared
from tests.unit.kmip_adapters.transport.fakes import (
    FakeFramer,
    FakeService,
    a_server,
    request,
    response,
    throwaway_pki,
)


@define(eq=False)
class FullSocket:
    """An asyncio transport whose socket takes nothing as long as it `is_full`."""

    connection: TlsConnection
    is_full: bool = False
    is_closed: bool = False
    waiting: list[bytes] = field(factory=list)
    taken: list[bytes] = field(factory=list)

    def write(self, octets: bytes) -> None:
        if self.is_full:
            is_first = not self.waiting
            self.waiting.append(octets)
            if is_first:
                self.connection.pause_writing()
        else:
            self.taken.append(octets)

    def empty(self) -> None:
        """Have the client take what waits."""
        self.is_full = False
        self.taken += self.waiting
        self.waiting.clear()
        self.connection.resume_writing()

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.waiting))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def set_write_buffer_limits(self, high: int) -> None: ...
    def write_eof(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_extra_info(self, name: str) -> "FullSocket":
        return self

    def fileno(self) -> int:
        raise OSError("not a real one: nothing is unread in it")


@define(eq=False)
class Client:
    """One client of one connection, without a network."""

    connection: TlsConnection
    socket: FullSocket
    shared: Shared
    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    def ask(self, *bodies: bytes) -> None:
        """Send requests in one piece; they are served as far as they can be."""
        self.tls.write(b"".join(map(request, bodies)))
        self.deliver()

    def deliver(self) -> None:
        octets = self.outgoing.read()
        self.connection.get_buffer(len(octets))[: len(octets)] = octets
        self.connection.buffer_updated(len(octets))

    def answers(self) -> bytes:
        """Return what has been taken, decrypted, and a mark where the server has closed its side."""
        for octets in self.socket.taken:
            self.incoming.write(octets)
        self.socket.taken.clear()
        found = b""
        try:
            while data := self.tls.read(65_536):
                found += data
        except ssl.SSLWantReadError:
            return found
        except ssl.SSLZeroReturnError:
            pass
        return found + b"<closed>"


def with_a_client(act: Callable[[Client], Awaitable[None]]) -> None:
    """Act on a loop that goes on where `act`, a coroutine function, waits."""

    async def main() -> None:
        server = a_server(FakeService())
        shared = server._share(asyncio.get_running_loop(), lambda: None)
        connection = TlsConnection(shared, TtlvStream(FakeFramer(), FakeService()), "127.0.0.1")
        socket = FullSocket(connection)
        connection.connection_made(socket)  # type: ignore[arg-type]  # has what a connection uses
        pki = throwaway_pki()
        context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        client = Client(connection, socket, shared, tls, incoming, outgoing)
        for _ in range(3):
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                client.deliver()
                for octets in socket.taken:
                    incoming.write(octets)
                socket.taken.clear()
        client.deliver()
        await asyncio.sleep(0)
        assert client.answers() == b""
        await act(client)

    asyncio.run(asyncio.wait_for(main(), 120))


def answer(body: bytes) -> bytes:
    return response(b"client says " + body)


def test_an_answer_that_the_client_does_not_take_keeps_the_next_request_waiting() -> None:
    async def act(client: Client) -> None:
        client.socket.is_full = True
        client.ask(b"Q1", b"Q2", b"Q3")
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(client.socket.waiting) == 1  # one answer; the others are not even begun
        assert client.shared.counters.requests == 1

        client.socket.empty()
        for _ in range(10):
            await asyncio.sleep(0)
        assert client.answers() == answer(b"Q1") + answer(b"Q2") + answer(b"Q3")

    with_a_client(act)


def test_a_server_that_stops_waits_until_the_client_has_taken_its_answer() -> None:
    async def act(client: Client) -> None:
        client.socket.is_full = True
        client.ask(b"Q1")
        client.connection.drain()  # before the answer has left
        await asyncio.sleep(0)
        assert not client.socket.is_closed

        client.socket.empty()
        for _ in range(3):
            await asyncio.sleep(0)
        assert client.answers() == answer(b"Q1") + b"<closed>"
        assert client.socket.is_closed

    with_a_client(act)


def test_a_connection_that_is_aborted_before_its_answer_has_left_sends_nothing() -> None:
    async def act(client: Client) -> None:
        client.ask(b"Q1")
        client.connection.abort()
        await asyncio.sleep(0)
        assert client.socket.taken == []
        assert client.socket.is_closed

    with_a_client(act)
