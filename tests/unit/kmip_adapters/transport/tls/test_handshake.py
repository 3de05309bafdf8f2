"""Steps of a handshake: what is in memory afterwards, and that no byte of the client is lost."""

import ssl
from typing import cast

import pytest

from kmip_adapters.transport.tls.context import ServerContext, build_ssl_context
from kmip_adapters.transport.tls.handshake import PIECE, Handshake, Progress
from tests.unit.kmip_adapters.transport.fakes import throwaway_pki


class MeasuredBuffer:
    """Hands bytes on to OpenSSL's buffer, and remembers the most that this held, for which it keeps the room."""

    def __init__(self) -> None:
        self.buffer = ssl.MemoryBIO()
        self.most = 0

    def write(self, data: memoryview) -> int:
        """Take bytes."""
        count = self.buffer.write(data)
        self.most = max(self.most, self.buffer.pending)
        return count


class Server:
    """The server's side."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = MeasuredBuffer(), ssl.MemoryBIO()
        self.tls = CONTEXT.wrap_bio(self.incoming.buffer, self.outgoing, server_side=True)
        self.handshake = Handshake(self.tls, cast(ssl.MemoryBIO, self.incoming))


def a_context() -> ServerContext:
    pki = throwaway_pki()
    servers = [(server.certificate, server.key) for server in pki.servers]
    return build_ssl_context(server_certificates=servers, client_ca=pki.ca.certificate)


CONTEXT = a_context()


def shake_hands(server: Server, step: int) -> None:
    """Have a client connect that sends `step` bytes at a time, and its first data with the end of the handshake."""
    pki = throwaway_pki()
    context = ssl.create_default_context(cafile=pki.ca.certificate)
    context.load_cert_chain(pki.client.certificate, pki.client.key)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    has_finished, progress = False, Progress.WAITING
    while progress is Progress.WAITING:
        if not has_finished:
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            else:
                has_finished = True
                client.write(b"the first request")
        sent = outgoing.read()
        for at in range(0, len(sent), step):
            piece = memoryview(sent)[at : at + step]
            if progress is Progress.COMPLETE:
                server.incoming.write(piece)
                continue
            server.handshake.take(piece)
            progress = server.handshake.step()
        incoming.write(server.outgoing.read())
    assert progress is Progress.COMPLETE


def test_a_long_flight_of_the_client_leaves_no_large_buffer() -> None:
    server = Server()

    shake_hands(server, step=1 << 16)

    assert server.incoming.most <= PIECE


@pytest.mark.parametrize("step", [PIECE - 1, PIECE, PIECE + 1, 1 << 16])
def test_a_request_that_comes_with_the_end_of_the_handshake_is_read_after_it(step: int) -> None:
    server = Server()

    shake_hands(server, step)

    assert server.tls.read(100) == b"the first request"


def test_a_step_without_bytes_waits() -> None:
    assert Server().handshake.step() is Progress.WAITING


def test_bytes_that_are_no_handshake_end_it() -> None:
    server = Server()

    server.handshake.take(memoryview(b"GET / HTTP/1.1\r\n\r\n" * 100))

    assert server.handshake.step() is Progress.FAILED
    assert server.handshake.failure


def test_connections_of_one_ca_have_its_certificate_once() -> None:
    context = a_context()
    one, other = (context.remember_chain((leaf, bytes(bytearray(b"of the CA")))) for leaf in (b"one", b"other"))

    assert (one, other) == ((b"one", b"of the CA"), (b"other", b"of the CA"))
    assert one[1] is other[1]
