"""The listeners of kmipd as the contract suite wants them: TTLV in TLS and HTTPS, with clients that speak with them."""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from attrs import define, field, frozen

from kmip_adapters.transport.client import client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_app.pki.authority import Bundle, issue_client
from kmip_app.testing.contracts.listener.service import RESPONSE, FakeService, request, response
from kmip_app.testing.contracts.listener.support import HANG, How, Wanted
from kmip_core.ports.transport import Listener, Service
from kmip_core.principal import Principal
from tests.unit.kmip_adapters.transport.fakes import LONGEST, a_server, throwaway_pki

NO_MESSAGES: Final = (
    b"GET / HTTP/1.1\r\n\r\n",
    bytes.fromhex("42007801 7fffffff"),  # too long
    bytes(8) + bytes(1 << 20),  # with much behind it
)
REFUSAL_OF_NONSENSE: Final = response(b"refused INVALID_MESSAGE: not the beginning of a message")
POST: Final = (
    b"POST /kmip HTTP/1.1\r\nHost: kmip\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
)

NewLoop = Callable[[], asyncio.AbstractEventLoop]


@functools.cache
def bundle_of(name: str) -> Bundle:
    """Return the certificate of a client, issued once."""
    pki = throwaway_pki()
    return pki.client if name == "client" else issue_client(pki, name, pki.directory)


class Carriage(Protocol):
    """How messages travel inside TLS, as the client sees it."""

    @property
    def nonsense(self) -> tuple[bytes, ...]:
        """Bytes with which no message begins, as a client would send them."""
        ...

    @property
    def refusal_of_nonsense(self) -> bytes:
        """What the client reads then, before the end."""
        ...

    def wrap(self, frame: bytes) -> bytes:
        """Return a message as it is sent."""
        ...

    def unwrap(self, received: bytes) -> tuple[bytes, int] | None:
        """Return the first answer and how many bytes it took; None if it is not complete, or no answer at all."""
        ...

    def listener(self, server: TlsTtlvServer) -> Listener:
        """Return the listener that a server is for these messages."""
        ...

    def ports(self, port: int) -> tuple[int, int | None]:
        """Return the port of TTLV and that of HTTPS of a server that has `port` for these messages."""
        ...


@frozen
class OverTtlv:
    """A message is sent as it is."""

    nonsense: tuple[bytes, ...] = NO_MESSAGES
    refusal_of_nonsense: bytes = REFUSAL_OF_NONSENSE

    def wrap(self, frame: bytes) -> bytes:
        return frame

    def unwrap(self, received: bytes) -> tuple[bytes, int] | None:
        length = 8 + int.from_bytes(received[4:8])
        if not received.startswith(RESPONSE) or len(received) < length:
            return None
        return received[:length], length

    def listener(self, server: TlsTtlvServer) -> Listener:
        return server

    def ports(self, port: int) -> tuple[int, int | None]:
        return port, None


@frozen
class OverHttps:
    """A message is the body of a POST, and its answer that of the response."""

    nonsense: tuple[bytes, ...] = (
        request(b"TTLV alone") + b"\r\n\r\n",
        b"POST\r\n\r\n",
        POST % -1,
        bytes(100),
    )
    refusal_of_nonsense: bytes = b"what arrived is not HTTP as it should be"

    def wrap(self, frame: bytes) -> bytes:
        return POST % len(frame) + frame

    def unwrap(self, received: bytes) -> tuple[bytes, int] | None:
        head, found, rest = received.partition(b"\r\n\r\n")
        if not found or not head.startswith(b"HTTP/1.1 "):
            return None
        lines = head.lower().split(b"\r\n")
        (length,) = (int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        return (rest[:length], len(head) + 4 + length) if len(rest) >= length else None

    def listener(self, server: TlsTtlvServer) -> Listener:
        return HttpsListener(server)

    def ports(self, port: int) -> tuple[int, int | None]:
        return 0, port


@frozen
class HttpsListener:
    """The listener of HTTPS that a server is beside that of TTLV."""

    server: TlsTtlvServer

    @property
    def port(self) -> int:
        return self.server.https_port or 0

    def bind(self) -> None:
        self.server.bind()

    def serve(self) -> None:
        self.server.serve()

    def serve_in_thread(self) -> None:
        self.server.serve_in_thread()

    def drain(self, seconds: float) -> None:
        self.server.drain(seconds)

    def stop(self, seconds: float) -> None:
        self.server.stop(seconds)


@define
class TlsClient:
    """A `Client` that can close its side and go on reading, which Python's ssl sockets cannot."""

    sock: socket.socket
    carriage: Carriage
    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    received: bytearray = field(factory=bytearray)

    @classmethod
    def connect(cls, sock: socket.socket, carriage: Carriage, context: ssl.SSLContext) -> "TlsClient":
        """Do the handshake."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = cls(
            sock, carriage, context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1"), incoming, outgoing
        )
        while True:
            try:
                client.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client._flush()
                if not client._hear():
                    raise ConnectionAbortedError("the server has ended the connection in the handshake") from None
        client._flush()
        return client

    def _flush(self) -> None:
        self.sock.sendall(self.outgoing.read())

    def _hear(self) -> bool:
        """Take what arrives; return False at the end of TCP."""
        data = self.sock.recv(65_536)
        self.incoming.write(data)
        return data != b""

    def _write(self, octets: bytes) -> None:
        if octets:
            self.tls.write(octets)
            self._flush()

    def _read(self) -> bool | None:
        """Take more of the answers; return True if some came, False after close_notify, None if TCP ended alone."""
        while True:
            try:
                data = self.tls.read(65_536)
            except ssl.SSLWantReadError:
                if not self._hear():
                    return None
            except ssl.SSLZeroReturnError:
                return False
            else:
                self.received += data
                return data != b""

    def send(self, *frames: bytes) -> None:
        self._write(b"".join(map(self.carriage.wrap, frames)))

    def send_octets(self, octets: bytes) -> None:
        self._write(octets)

    def send_half(self, frame: bytes) -> None:
        self._write(self.carriage.wrap(frame)[:-1])

    def receive(self) -> bytes:
        while (answer := self._next()) is None:
            if not self._read():
                raise ConnectionAbortedError("the server has ended the connection")
        return answer

    def _next(self) -> bytes | None:
        found = self.carriage.unwrap(bytes(self.received))
        if found is None:
            return None
        answer, taken = found
        del self.received[:taken]
        return answer

    def end(self, how: How) -> None:
        if how == "bare":
            self.sock.shutdown(socket.SHUT_WR)
        else:
            with contextlib.suppress(ssl.SSLError):  # it wants the answer at once
                self.tls.unwrap()
            self._flush()

    def read_to_the_end(self) -> tuple[bytes, bool]:
        is_announced: bool
        try:
            while more := self._read():
                pass
            is_announced = more is False and self.sock.recv(1) == b""
        except ConnectionError:
            is_announced = False
        answers = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        return b"".join((*answers, self.received)), is_announced


@frozen
class TlsBench:
    """A `Bench` of the server of kmipd."""

    carriage: Carriage
    version: ssl.TLSVersion
    new_loop: NewLoop

    @property
    def nonsense(self) -> tuple[bytes, ...]:
        return self.carriage.nonsense

    @property
    def refusal_of_nonsense(self) -> bytes:
        return self.carriage.refusal_of_nonsense

    def listener(self, service: Service, wanted: Wanted) -> Listener:
        given: dict[str, Any] = {
            "connections_per_identity": wanted.connections_per_identity,
            "slow_threads": wanted.slow_at_once,
            "slow_queue": None if wanted.slow_at_once is None else 0,
            "message": wanted.message_seconds,
            "handshake": wanted.handshake_seconds,
            "idle": wanted.idle_seconds,
        }

        def refuse(certificate: bytes | None, address: str, chain: tuple[bytes, ...]) -> Principal:
            assert wanted.identity_error is not None
            raise wanted.identity_error

        assert isinstance(service, FakeService)
        port, https_port = self.carriage.ports(wanted.port)
        server = a_server(
            service,
            identity=None if wanted.identity_error is None else refuse,
            limits=TransportLimits(**{name: value for name, value in given.items() if value is not None}),
            new_loop=self.new_loop,
            maximum_https_body=8 + LONGEST,
            port=port,
            https_port=https_port,
        )
        return self.carriage.listener(server)

    @contextlib.contextmanager
    def client(self, port: int, name: str = "client") -> Iterator[TlsClient]:
        bundle = bundle_of(name)
        context = client_context(ca=throwaway_pki().ca.certificate, cert=bundle.certificate, key=bundle.key)
        context.minimum_version = context.maximum_version = self.version
        with socket.create_connection(("127.0.0.1", port), HANG) as sock:
            yield TlsClient.connect(sock, self.carriage, context)

    @contextlib.contextmanager
    def silent(self, port: int) -> Iterator[Callable[[], None]]:
        with socket.create_connection(("127.0.0.1", port), HANG) as sock:

            def read_to_the_end() -> None:
                with contextlib.suppress(ConnectionError):
                    while sock.recv(65_536):
                        pass

            yield read_to_the_end
