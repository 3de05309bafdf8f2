"""A client that closes its side is answered and closed at once: with close_notify or a bare FIN, on both loops."""

import asyncio
import contextlib
import importlib
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from attrs import define, field

from kmip_adapters.transport.client import client_context
from kmip_adapters.transport.server import TlsTtlvServer
from tests.unit.kmip_adapters.transport.fakes import FakeService, a_server, request, response, throwaway_pki

HANG = 120.0  # seconds: what a test waits for before it says that something hangs
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest, service: FakeService) -> Iterator[TlsTtlvServer]:
    loops = pytest.importorskip(request.param, reason="`pip install uvloop` makes this run")
    with a_server(service, new_loop=loops.new_event_loop) as running:
        yield running


def a_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    context.minimum_version = context.maximum_version = version
    return context


@define
class HalfClosing:
    """A client that can close its side and go on reading, which Python's ssl sockets cannot."""

    port: int
    version: ssl.TLSVersion
    sock: socket.socket = field(init=False)
    tls: ssl.SSLObject = field(init=False)
    incoming: ssl.MemoryBIO = field(factory=ssl.MemoryBIO)
    outgoing: ssl.MemoryBIO = field(factory=ssl.MemoryBIO)

    def __enter__(self) -> "HalfClosing":
        self.tls = a_context(self.version).wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")
        self.sock = socket.create_connection(("127.0.0.1", self.port), HANG)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                self.incoming.write(self.sock.recv(65_536))
        self.sock.sendall(self.outgoing.read())
        return self

    def __exit__(self, *error: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        if data:
            self.tls.write(data)
        self.sock.sendall(self.outgoing.read())

    def close_side(self, how: str) -> None:
        if how == "FIN":
            self.sock.shutdown(socket.SHUT_WR)
        else:
            with contextlib.suppress(ssl.SSLError):  # it wants the answer at once
                self.tls.unwrap()
            self.send(b"")

    def read_to_the_end(self) -> tuple[bytes, bool]:
        """Return the answers, and whether close_notify came before the end."""
        received = b""
        while True:
            try:
                data = self.tls.read(65_536)
            except ssl.SSLWantReadError:
                more = self.sock.recv(65_536)
                if not more:
                    return received, False
                self.incoming.write(more)
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                return received, self.sock.recv(1) == b""
            received += data


ENDS = pytest.mark.parametrize("how", ["close_notify", "FIN"])
BY_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


@BY_VERSION
def test_a_client_that_waits_for_close_notify_gets_it(server: TlsTtlvServer, version: ssl.TLSVersion) -> None:
    with (
        socket.create_connection(("127.0.0.1", server.port), HANG) as plain,
        a_context(version).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(request(b"Q"))
        assert client.recv(1_000) == response(b"client says Q")

        rest = client.unwrap()  # sends close_notify and waits for the server's

        assert rest.recv(1) == b""


@BY_VERSION
def test_an_asyncio_client_ends_its_session_without_waiting(server: TlsTtlvServer, version: ssl.TLSVersion) -> None:
    async def converse() -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=a_context(version), ssl_shutdown_timeout=HANG
        )
        writer.write(request(b"Q"))
        expected = response(b"client says Q")
        assert await reader.readexactly(len(expected)) == expected
        writer.close()
        await writer.wait_closed()  # raises when the server never answers close_notify

    asyncio.run(asyncio.wait_for(converse(), HANG / 2))


@BY_VERSION
@ENDS
@pytest.mark.parametrize("pipelined", [0, 1, 20, 1_000])
def test_requests_before_the_end_of_the_stream_are_answered(
    server: TlsTtlvServer, version: ssl.TLSVersion, how: str, pipelined: int
) -> None:
    with HalfClosing(server.port, version) as client:
        client.send(request(b"Q") * pipelined)
        client.close_side(how)

        assert client.read_to_the_end() == (response(b"client says Q") * pipelined, True)


@BY_VERSION
@ENDS
@pytest.mark.parametrize("slow", [b"G", b"K", b"W"], ids=["in a thread", "committing", "in a slow thread"])
def test_a_request_in_progress_is_answered_before_the_end(
    server: TlsTtlvServer, service: FakeService, version: ssl.TLSVersion, how: str, slow: bytes
) -> None:
    with HalfClosing(server.port, version) as client:
        client.send(request(slow) + request(b"Q"))
        assert service.begun.acquire(timeout=HANG)
        client.close_side(how)
        with HalfClosing(server.port, version) as other:  # by now the loop has seen the end
            other.send(request(b"Q"))
            other.close_side(how)
            other.read_to_the_end()
        service.gate.set()

        assert client.read_to_the_end() == (response(b"client says " + slow) + response(b"client says Q"), True)


@BY_VERSION
@ENDS
def test_a_long_answer_is_whole_before_the_end(server: TlsTtlvServer, version: ssl.TLSVersion, how: str) -> None:
    with HalfClosing(server.port, version) as client:
        client.send(request(b"L3000000"))
        client.close_side(how)

        assert client.read_to_the_end() == (response(bytes(3_000_000)), True)


@BY_VERSION
@ENDS
def test_half_a_request_is_not_waited_for(server: TlsTtlvServer, version: ssl.TLSVersion, how: str) -> None:
    with HalfClosing(server.port, version) as client:
        client.send(request(b"Q")[:-1])
        client.close_side(how)

        assert client.read_to_the_end() == (b"", True)


@BY_VERSION
def test_both_ends_at_once_are_one_end(server: TlsTtlvServer, service: FakeService, version: ssl.TLSVersion) -> None:
    with HalfClosing(server.port, version) as client:
        client.send(request(b"G"))
        assert service.begun.acquire(timeout=HANG)
        client.close_side("close_notify")
        client.close_side("FIN")
        service.gate.set()

        assert client.read_to_the_end() == (response(b"client says G"), True)


@ENDS
def test_a_stopping_server_and_a_leaving_client_agree(service: FakeService, how: str) -> None:
    server = a_server(service)
    with server, HalfClosing(server.port, ssl.TLSVersion.TLSv1_3) as client:
        client.send(request(b"G"))
        assert service.begun.acquire(timeout=HANG)
        client.close_side(how)
        stopping = threading.Thread(target=server.stop, args=(HANG,))
        stopping.start()
        service.gate.set()

        assert client.read_to_the_end() == (response(b"client says G"), True)
        stopping.join(HANG)
        assert not stopping.is_alive()


def test_the_loops_are_those_of_the_product() -> None:
    """The fixture would skip one of them without a word if its name were wrong."""
    assert importlib.import_module("asyncio").new_event_loop is asyncio.new_event_loop
