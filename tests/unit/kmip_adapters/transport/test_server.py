"""TLS, deadlines, limits and the end of the server; what every listener promises: tests/contract/test_listeners.py."""

import contextlib
import datetime as dt
import logging
import os
import queue
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.transport import shared as shared_things
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.outflow import PIECE
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_adapters.transport.tls.context import build_ssl_context
from kmip_app.pki.authority import Bundle, Pki, issue_client
from tests.unit.kmip_adapters.transport.fakes import (
    FakeService,
    a_server,
    request,
    response,
    throwaway_pki,
)

HOUR = dt.timedelta(hours=1)
HANG = 120.0  # seconds: what a test waits for before it says that something hangs


def a_context(pki: Pki | None = None, bundle: Bundle | None = None) -> ssl.SSLContext:
    ours = throwaway_pki()
    bundle = bundle or (pki or ours).client
    return client_context(ca=ours.ca.certificate, cert=bundle.certificate, key=bundle.key)


def a_bundle_for_servers_alone(pki: Pki, folder: Path) -> Bundle:
    """Return a certificate of our CA that is not for clients."""
    bundle = Bundle(certificate=folder / "server.crt", key=folder / "server.key")
    issuer = x509.load_pem_x509_certificate(pki.ca.certificate.read_bytes())
    issuer_key = serialization.load_pem_private_key(pki.ca.key.read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    certificate = (
        x509.CertificateBuilder(issuer.subject, name, key.public_key(), x509.random_serial_number(), now, now + HOUR)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(issuer_key, hashes.SHA256())  # type: ignore[arg-type]
    )
    bundle.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    bundle.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return bundle


def a_client(
    server: TlsTtlvServer, context: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None
) -> TlsTtlvClient:
    return TlsTtlvClient("127.0.0.1", server.port, context=context or a_context(), session=session, timeout=HANG)


class Heard(logging.Handler):
    """Log records of the transport, for waiting on."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put(record)

    def all(self) -> list[logging.LogRecord]:
        """Return the records so far."""
        return [self.records.get_nowait() for _ in range(self.records.qsize())]

    def wait_for(self, text: str) -> list[logging.LogRecord]:
        """Return the records up to the first that contains `text`."""
        seen = []
        end = time.monotonic() + HANG
        while True:
            seen.append(self.records.get(timeout=max(0.01, end - time.monotonic())))
            if text in seen[-1].getMessage():
                return seen


@pytest.fixture
def heard() -> Iterator[Heard]:
    log, handler = logging.getLogger("kmipd.transport"), Heard()
    level = log.level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


@pytest.fixture
def server() -> Iterator[TlsTtlvServer]:
    with a_server() as running:
        yield running


def above_debug(records: list[logging.LogRecord]) -> list[str]:
    """Return the lines but those on requests that took long, which are the machine's affair."""
    lines = [record.getMessage() for record in records if record.levelno > logging.DEBUG]
    return [line for line in lines if "held up all clients" not in line]


def reads_the_end(sock: socket.socket) -> bool:
    """True if the server has ended the connection, with or without close_notify, within the hang limit."""
    sock.settimeout(HANG)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


# Versions, suites, certificates


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_serve(server: TlsTtlvServer, version: ssl.TLSVersion) -> None:
    context = a_context()
    context.minimum_version = context.maximum_version = version

    with a_client(server, context) as client:
        assert version.name.replace("_", ".") == client.socket.version()
        assert response(b"client says Q") == client.exchange(request(b"Q"))


def test_tls_1_1_is_refused(heard: Heard) -> None:
    # Written by hand, since OpenSSL no longer offers it: version 3.2, suite TLS_RSA_WITH_AES_128_CBC_SHA.
    hello = bytes.fromhex("0302") + bytes(32) + bytes.fromhex("00 0002 002f 01 00")
    handshake = b"\x01" + len(hello).to_bytes(3) + hello
    with a_server() as server, socket.create_connection(("127.0.0.1", server.port), HANG) as sock:
        sock.sendall(bytes.fromhex("160301") + len(handshake).to_bytes(2) + handshake)

        alert = sock.recv(7, socket.MSG_WAITALL)
        assert bytes.fromhex("15 0302 0002 02 46") == alert  # fatal, protocol_version
        heard.wait_for("handshake failed: unsupported protocol")


@pytest.mark.parametrize("kind", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"])
def test_suites_of_both_key_types_find_their_certificate(server: TlsTtlvServer, kind: str) -> None:
    context = a_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(kind)

    with a_client(server, context) as client:
        assert kind == (client.socket.cipher() or ("",))[0]


def test_a_suite_without_forward_secrecy_is_refused(server: TlsTtlvServer) -> None:
    context = a_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256:AES128-SHA256")

    with pytest.raises(ssl.SSLError), a_client(server, context):
        pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("who", "why"),
    [
        pytest.param("nobody", "peer did not return a certificate", id="fail no certificate"),
        pytest.param("foreign", "client certificate: unable to get local issuer certificate", id="fail foreign CA"),
        pytest.param("server", "client certificate: unsuitable certificate purpose", id="fail certificate of a server"),
    ],
)
def test_other_clients_are_refused_with_one_line(
    heard: Heard, version: ssl.TLSVersion, who: str, why: str, tmp_path: Path
) -> None:
    if who == "nobody":
        context = client_context(ca=throwaway_pki().ca.certificate)
    elif who == "foreign":
        context = a_context(throwaway_pki("foreign"))
    else:
        context = a_context(bundle=a_bundle_for_servers_alone(throwaway_pki(), tmp_path))
    context.minimum_version = context.maximum_version = version

    with a_server() as server, pytest.raises(OSError), a_client(server, context) as client:
        client.exchange(request(b"Q"))

    records = heard.all()
    (line,) = above_debug(records)
    assert line.startswith(f"127.0.0.1: TLS handshake failed: {why}")
    assert "(the client offers TLS 1." in line
    assert not any(record.exc_info for record in records)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_with_its_client_certificate(server: TlsTtlvServer, version: ssl.TLSVersion) -> None:
    context = a_context()
    context.minimum_version = context.maximum_version = version
    with a_client(server, context) as first:
        first.exchange(request(b"Q"))  # reads the ticket of TLS 1.3, too
        session = first.socket.session

    with a_client(server, context, session) as second:
        assert response(b"client says Q") == second.exchange(request(b"Q"))
        assert second.socket.session_reused


def test_certificates_are_replaced_without_dropping_sessions(server: TlsTtlvServer, tmp_path: Path) -> None:
    others = throwaway_pki("foreign")
    both = tmp_path / "ca.crt"
    both.write_bytes(others.ca.certificate.read_bytes() + throwaway_pki().ca.certificate.read_bytes())
    with a_client(server) as old:
        old.exchange(request(b"Q"))  # its handshake is over for the server, too: else it would have to connect again
        server.replace_ssl_context(
            build_ssl_context(
                server_certificates=[(others.servers[1].certificate, others.servers[1].key)],
                client_ca=both,
            )
        )

        assert response(b"client says Q") == old.exchange(request(b"Q"))
        with pytest.raises(ssl.SSLError), a_client(server):
            pass
        renewed = client_context(ca=others.ca.certificate, cert=others.client.certificate, key=others.client.key)
        with a_client(server, renewed) as new:
            assert response(b"client says Q") == new.exchange(request(b"Q"))


def test_a_session_ends_with_its_certificate(tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's clock is put forward: a certificate that is good for seconds might not outlast its handshake."""
    bundle = issue_client(throwaway_pki(), "brief", tmp_path)
    end = x509.load_pem_x509_certificate(bundle.certificate.read_bytes()).not_valid_after_utc.timestamp()

    with a_server(limits=TransportLimits(linger=0.2)) as server:
        with a_client(server, a_context(bundle=bundle)) as client:
            assert response(b"brief says Q") == client.exchange(request(b"Q"))
            monkeypatch.setattr(shared_things, "time", SimpleNamespace(time=lambda: end - 1))
            for _ in range(20):  # some sweeps
                assert response(b"brief says Q") == client.exchange(request(b"Q"))
                select.select([], [], [], 0.01)
            monkeypatch.setattr(shared_things, "time", SimpleNamespace(time=lambda: end))
            assert reads_the_end(client.socket)

        heard.wait_for("the client certificate has expired")


# Records


@pytest.mark.parametrize("length", [1, 16_384 - 8], ids=["ok small", "ok 16 KiB"])
def test_an_answer_up_to_16_kib_is_one_record(server: TlsTtlvServer, length: int) -> None:
    context = a_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where only answers are application data
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", server.port), HANG) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65_536))
        tls.write(request(f"L{length}".encode()))
        sock.sendall(outgoing.read())
        raw = b""
        while len(raw) < 5 or len(raw) < 5 + int.from_bytes(raw[3:5]):
            raw += sock.recv(65_536)

    incoming.write(raw)
    assert raw[0] == 0x17  # application data
    assert response(bytes(length)) == tls.read(32_768)


# Deadlines

QUICKLY = TransportLimits(message=0.2, write_stalled=0.2, linger=0.2)


def test_a_silent_client_is_dropped(heard: Heard) -> None:
    with (
        a_server(limits=TransportLimits(handshake=0.2)) as server,
        socket.create_connection(("127.0.0.1", server.port)) as silent,
    ):
        assert reads_the_end(silent)

        heard.wait_for("TLS handshake not finished in time")


def test_a_half_sent_message_is_dropped_however_it_drips(heard: Heard) -> None:
    with a_server(limits=QUICKLY) as server, a_client(server) as client:
        client.socket.sendall(request(bytes(100_000))[:9])
        for _ in range(int(HANG / 0.05)):
            readable, _, _ = select.select([client.socket], [], [], 0.05)
            if readable:
                break
            with contextlib.suppress(OSError):
                client.socket.sendall(b"\0")

        assert reads_the_end(client.socket)
        heard.wait_for("did not send the rest of its request in time")


def test_a_client_that_does_not_read_is_dropped(heard: Heard) -> None:
    with a_server(limits=QUICKLY) as server, a_client(server) as client:
        client.socket.sendall(request(b"L15000000"))

        heard.wait_for("did not read its answer in time")
        with pytest.raises(OSError):
            client.receive()


def test_a_slow_reader_is_waited_for_as_long_as_it_makes_progress() -> None:
    with a_server(limits=TransportLimits(write_stalled=0.3)) as server, a_client(server) as client:
        client.socket.sendall(request(b"L20000000"))
        received = 0
        while received < 20_000_008:
            part = client.socket.recv(65_536)
            if received // 3_000_000 < (received + len(part)) // 3_000_000:
                select.select([], [], [], 0.15)  # the reader is slow: a second in all
            received += len(part)

        assert response(b"client says Q") == client.exchange(request(b"Q"))


def test_a_refused_identity_that_asks_nothing_is_dropped() -> None:
    identity = CertificateIdentity(source="san")
    with a_server(identity=identity, limits=QUICKLY) as server, a_client(server) as client:
        assert reads_the_end(client.socket)


def test_a_client_that_does_not_read_but_keeps_sending_is_not_read(heard: Heard) -> None:
    service = FakeService()
    with a_server(service, limits=QUICKLY) as server, a_client(server) as client:
        client.socket.sendall(request(b"L1000000") * 1_000)

        heard.wait_for("did not read its answer in time")
    assert len(service.threads) < 100  # what fits into the kernel's buffers, not what was asked


def test_an_idle_session_stays_unless_a_limit_is_set() -> None:
    with a_server(limits=QUICKLY) as server, a_client(server) as client:
        client.exchange(request(b"Q"))
        assert not select.select([client.socket], [], [], 0.8)[0]  # four times every other limit

        assert response(b"client says Q") == client.exchange(request(b"Q"))


# Peers and the log


def test_a_client_that_connects_and_leaves_is_no_news(heard: Heard) -> None:
    with a_server() as server:
        with a_client(server):
            pass
        with socket.create_connection(("127.0.0.1", server.port)):
            pass

    records = heard.all()
    assert len(records) >= 2
    assert above_debug(records) == []


def hello_of(context: ssl.SSLContext) -> bytes:
    """Return the ClientHello that a context would send."""
    sent = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.read()


def test_a_client_that_leaves_during_the_handshake_is_reported_with_its_offer(heard: Heard) -> None:
    with a_server() as server:
        with socket.create_connection(("127.0.0.1", server.port), HANG) as sock:
            sock.sendall(hello_of(a_context()))
            sock.recv(1)
        heard.wait_for(
            "127.0.0.1: TLS handshake failed: the client ended the connection, perhaps since it does not trust this "
            "server's certificate or knows the server by another name or address than the certificate's (good for "
            "localhost, 127.0.0.1, ::1) (the client offers TLS 1.3, TLS 1.2 with TLS_AES_256_GCM_SHA384 "
        )


def test_a_handshake_that_takes_too_long_is_reported_with_its_offer(heard: Heard) -> None:
    with (
        a_server(limits=TransportLimits(handshake=0.2)) as server,
        socket.create_connection(("127.0.0.1", server.port), HANG) as sock,
    ):
        sock.sendall(hello_of(a_context()))
        heard.wait_for("TLS handshake not finished in time (the client offers TLS 1.3, TLS 1.2 with ")


def test_no_tls_at_all_is_one_line_without_a_traceback(heard: Heard) -> None:
    with a_server() as server, socket.create_connection(("127.0.0.1", server.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")

        records = heard.wait_for("handshake failed")

    (line,) = above_debug(records)
    assert line.startswith("127.0.0.1: TLS handshake failed: http request: ")
    assert not any(record.exc_info for record in records)


@pytest.mark.parametrize("body", [b"X", b"BX", b"CX", b"SX", b"Z"])
def test_a_fault_of_the_service_is_logged_with_its_traceback(server: TlsTtlvServer, heard: Heard, body: bytes) -> None:
    with a_client(server) as client, pytest.raises(OSError):
        client.exchange(request(body))

    assert heard.wait_for("failed outside of the engine")[-1].exc_info


def test_bytes_that_are_no_tls_end_a_session(server: TlsTtlvServer, heard: Heard) -> None:
    with a_client(server) as client:
        client.exchange(request(b"Q"))
        os.write(client.socket.fileno(), b"no record of TLS")

        assert reads_the_end(client.socket)
    heard.wait_for("TLS failed")


# Where jobs run


@pytest.mark.parametrize(
    ("body", "thread"),
    [
        pytest.param(b"Q", "kmip-transport", id="ok quick on the loop"),
        pytest.param(b"B", "kmip-brief", id="ok brief"),
        pytest.param(b"S", "kmip-slow", id="ok slow"),
        pytest.param(b"Q" + bytes(70_000), "kmip-brief", id="ok quick but long"),
        pytest.param(b"S" + bytes(70_000), "kmip-slow", id="ok slow and long"),
    ],
)
def test_a_job_runs_where_its_pace_wants_it(body: bytes, thread: str) -> None:
    service = FakeService()
    with a_server(service) as server, a_client(server) as client:
        client.exchange(request(body))

    assert [thread] == [name.rstrip("-0123456789") for name in service.threads]


def test_a_job_goes_on_where_it_wants_to() -> None:
    service = FakeService()
    with a_server(service) as server, a_client(server) as client:
        client.exchange(request(b"R"))

    assert service.threads == ["kmip-transport", "kmip-remote-1", "kmip-slow-1"]


def test_a_job_that_commits_goes_on_on_the_loop() -> None:
    service = FakeService()
    with a_server(service) as server, a_client(server) as client:
        assert response(b"client says C") == client.exchange(request(b"C"))

    assert service.threads == ["kmip-transport", "kmip-transport"]


def test_commits_beyond_the_limit_begin_when_others_are_done_and_reads_go_on() -> None:
    service = FakeService()
    limits = TransportLimits(committing=1)
    with a_server(service, limits=limits) as server, a_client(server) as first, a_client(server) as second:
        first.socket.sendall(request(b"K1"))
        assert service.begun.acquire(timeout=HANG)
        second.socket.sendall(request(b"K2"))
        with a_client(server) as reader:
            for _ in range(10):
                assert response(b"client says Q") == reader.exchange(request(b"Q"))
        assert not service.begun.acquire(blocking=False)

        service.gate.set()
        assert response(b"client says K1") == first.receive()
        assert response(b"client says K2") == second.receive()


def test_a_place_for_a_commit_is_given_back_by_what_goes_wrong() -> None:
    service = FakeService()
    with a_server(service, limits=TransportLimits(committing=1)) as server:
        for _ in range(3):
            with a_client(server) as client, pytest.raises(OSError):
                client.exchange(request(b"CX"))
        with a_client(server) as client:
            assert response(b"client says C") == client.exchange(request(b"C"))


def test_a_job_that_has_begun_waits_for_a_slow_thread_instead_of_being_declined() -> None:
    service = FakeService()
    limits = TransportLimits(slow_threads=1, slow_queue=0)
    with a_server(service, limits=limits) as server, a_client(server) as first, a_client(server) as second:
        first.socket.sendall(request(b"W"))
        assert service.begun.acquire(timeout=HANG)

        second.socket.sendall(request(b"R"))  # goes on slowly after a while
        with a_client(server) as third:
            while not any(thread.startswith("kmip-remote") for thread in service.threads):
                assert response(b"client says Q") == third.exchange(request(b"Q"))
        service.gate.set()
        assert response(b"client says W") == first.receive()
        assert response(b"client says R") == second.receive()


def test_a_long_answer_is_not_encrypted_before_it_is_wanted() -> None:
    with a_server() as server, a_client(server) as client, a_client(server) as other:
        client.socket.sendall(request(b"L15000000"))
        for _ in range(10):
            assert response(b"client says Q") == other.exchange(request(b"Q"))
        shared = server._shared
        assert shared is not None
        connections: Any = list(shared.sessions)
        kept = [session._transport.get_write_buffer_size() for session in connections]

        assert max(kept) < 2 * PIECE
        assert response(bytes(15_000_000)) == client.receive()
        assert response(b"client says Q") == client.exchange(request(b"Q"))


# Limits on connections


@pytest.mark.parametrize("limit", ["max_connections", "connections_per_address"])
def test_a_connection_too_many_is_ended_and_room_is_made_by_those_that_leave(limit: str, heard: Heard) -> None:
    with a_server(limits=TransportLimits(**{limit: 1})) as server:
        with a_client(server) as client:
            client.exchange(request(b"Q"))  # its handshake is over for the server, too
            with socket.create_connection(("127.0.0.1", server.port)) as second:
                assert reads_the_end(second)
            assert response(b"client says Q") == client.exchange(request(b"Q"))
        heard.wait_for("too many connections")
        heard.wait_for("connection ended")

        with a_client(server) as client:
            assert response(b"client says Q") == client.exchange(request(b"Q"))


def test_too_many_unfinished_handshakes_of_an_address_do_not_end_its_sessions() -> None:
    with a_server(limits=TransportLimits(handshakes_per_address=1)) as server, a_client(server) as client:
        client.exchange(request(b"Q"))  # its handshake is over for the server, too
        with (
            socket.create_connection(("127.0.0.1", server.port)) as first,
            socket.create_connection(("127.0.0.1", server.port)) as second,
        ):
            assert reads_the_end(first)  # the oldest gives way
            assert select.select([second], [], [], 0.2)[0] == []
            assert response(b"client says Q") == client.exchange(request(b"Q"))


OUT_OF_DESCRIPTORS = """
import importlib, resource, sys
from tests.unit.kmip_adapters.transport.fakes import a_server, throwaway_pki
server = a_server(new_loop=importlib.import_module(sys.argv[1]).new_event_loop)
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
with server:
    print(server.port, throwaway_pki().directory, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("loops", ["asyncio", "uvloop"])
def test_the_server_says_that_descriptors_have_run_out_and_recovers(loops: str) -> None:
    pytest.importorskip(loops)
    child = subprocess.Popen(
        [sys.executable, "-c", OUT_OF_DESCRIPTORS, loops],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    hang = threading.Timer(HANG, child.kill)
    hang.start()
    try:
        assert child.stdout is not None
        assert child.stderr is not None
        port, directory = child.stdout.readline().split()
        pki = Path(directory)
        address = ("127.0.0.1", int(port))
        with contextlib.ExitStack() as crowd:
            for _ in range(60):
                crowd.enter_context(socket.create_connection(address, HANG))
            told = child.stderr.readline()
        context = client_context(ca=pki / "ca.crt", cert=pki / "client.crt", key=pki / "client.key")
        answer = None
        while answer is None and child.poll() is None:  # the places of the crowd become free one by one
            with contextlib.suppress(ConnectionError), TlsTtlvClient(*address, context=context, timeout=HANG) as client:
                answer = client.exchange(request(b"Q"))
        assert answer == response(b"client says Q")
    finally:
        hang.cancel()
        _, more = child.communicate(timeout=HANG)
    assert "no new connections for now: Too many open files; raise the limit" in told
    on_a_busy_machine = "held up all clients"  # the watchdog may say so at any time
    assert [line for line in more.splitlines() if on_a_busy_machine not in line] == []


# Start and stop


def test_a_taken_port_is_named(server: TlsTtlvServer) -> None:
    second = TlsTtlvServer(
        service=FakeService(),
        new_framer=server._new_framer,
        identify=CertificateIdentity(),
        ssl_context=server._ssl_context,
        port=server.port,
    )

    with pytest.raises(OSError, match=rf"127.0.0.1, port {server.port}: address already in use"):
        second.bind()


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(OSError, match=r"no\.such\.host\.invalid.*not known"):
        a_server(host="no.such.host.invalid").bind()


def test_a_name_with_several_addresses_serves_all_of_them_on_one_port() -> None:
    with (
        a_server(host="localhost") as server,
        TlsTtlvClient("localhost", server.port, context=a_context(), timeout=HANG) as client,
    ):
        assert response(b"client says Q") == client.exchange(request(b"Q"))
        ports = {sock.getsockname()[1] for sock in server._sockets}
        assert ports == {server.port}


def test_ipv6_serves() -> None:
    server = a_server(host="::1")
    try:
        server.bind()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")

    with server, TlsTtlvClient("::1", server.port, context=a_context(), timeout=HANG) as client:
        assert response(b"client says Q") == client.exchange(request(b"Q"))


def test_a_stop_while_the_loop_closes_the_sockets_is_a_stop() -> None:
    """Whoever stops a server that has just begun to serve in its thread does so at the same time as that thread."""
    server = a_server()
    server.bind()
    port = server.port
    for sock in server._sockets:  # as asyncio does on its own thread
        sock.close()

    server.stop()

    assert server.port == port > 0


UNTIL_SIGTERM = """
import signal, sys
from tests.unit.kmip_adapters.transport.fakes import a_server
server = a_server()
signal.signal(signal.SIGTERM, lambda number, frame: server.drain())
server.bind()
print(server.port, flush=True)
server.serve()
print("ended", flush=True)
"""


def test_a_signal_handler_may_ask_the_main_thread_to_stop() -> None:
    child = subprocess.Popen([sys.executable, "-c", UNTIL_SIGTERM], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with socket.create_connection(("127.0.0.1", int(child.stdout.readline())), HANG) as sock:
        sock.sendall(b"\x16")
        child.terminate()

        assert reads_the_end(sock)
        assert child.communicate(timeout=HANG) == ("ended\n", None)
    assert child.returncode == 0
