"""KMIP in HTTP over TLS: what is served, what is refused and how, and clients that do HTTP badly; on both loops."""

import base64
import contextlib
import http.client
import importlib
import select
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.refusals import Refusal
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_core.messages import UsernameAndPassword
from tests.unit.kmip_adapters.transport.fakes import LONGEST, FakeService, a_server, request, response, throwaway_pki

HANG = 120.0  # seconds: what a test waits for before it says that something hangs
BINARY = {"Content-Type": "application/octet-stream"}
POST = b"POST /kmip HTTP/1.1\r\nHost: kmip\r\nContent-Type: application/octet-stream\r\n"


def a_context() -> ssl.SSLContext:
    pki = throwaway_pki()
    return client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest, service: FakeService) -> Iterator[TlsTtlvServer]:
    loops = pytest.importorskip(request.param, reason="`pip install uvloop` makes this run")
    with a_server(service, https_port=0, new_loop=loops.new_event_loop) as running:
        yield running


def connect(server: TlsTtlvServer) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", server.https_port, context=a_context(), timeout=HANG)


@contextlib.contextmanager
def raw(server: TlsTtlvServer) -> Iterator[ssl.SSLSocket]:
    assert server.https_port is not None
    with (
        socket.create_connection(("127.0.0.1", server.https_port), HANG) as plain,
        a_context().wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        yield sock


def posted(frame: bytes) -> bytes:
    return POST + f"Content-Length: {len(frame)}\r\n\r\n".encode() + frame


def answers(sock: ssl.SSLSocket, count: int) -> list[tuple[int, bytes]]:
    """Return status and body of so many responses."""
    found: list[Any] = []
    for _ in range(count):
        reader = http.client.HTTPResponse(sock, method="POST")
        # One response at a time: HTTPResponse would buffer the next one too.
        reader.fp.close()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = sock.recv(1)
            if not byte:
                return found
            head += byte
        lines = head.decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        body = b""
        while len(body) < length:
            part = sock.recv(length - len(body))
            assert part
            body += part
        found.append((int(lines[0].split()[1]), body))
    return found


def everything(sock: ssl.SSLSocket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while part := sock.recv(65_536):
            received += part
    return received


# What is served


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/json", "text/xml"])
@pytest.mark.parametrize("path", ["/kmip", "/kmip/2_1", "/kmip?trace=1", "https://kms.example:5697/kmip"])
def test_a_post_is_answered_in_its_content_type(server: TlsTtlvServer, content_type: str, path: str) -> None:
    with contextlib.closing(connect(server)) as client:
        client.request("POST", path, request(b"Q"), {"Content-Type": content_type})
        answer = client.getresponse()

        assert (answer.status, answer.read()) == (200, response(b"client says Q"))
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "header",
    [
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "text/xml;charset=UTF-8",
        "application/xml",
    ],
)
def test_parameters_and_spellings_of_content_types_are_understood(server: TlsTtlvServer, header: str) -> None:
    with contextlib.closing(connect(server)) as client:
        client.request("POST", "/kmip", request(b"Q"), {"Content-Type": header})

        assert client.getresponse().status == 200


def test_a_connection_is_kept(server: TlsTtlvServer) -> None:
    with contextlib.closing(connect(server)) as client:
        for _ in range(5):
            client.request("POST", "/kmip", request(b"Q"), BINARY)
            assert client.getresponse().read() == response(b"client says Q")

    assert server.counters.connections_accepted == 1


@pytest.mark.parametrize("size", [1_000, 1_000_000], ids=["small", "long"])
def test_chunked_bodies_are_put_together(server: TlsTtlvServer, size: int) -> None:
    frame = request(bytes(size))
    with contextlib.closing(connect(server)) as client:
        pieces = (frame[at : at + 997] for at in range(0, len(frame), 997))
        client.request("POST", "/kmip", pieces, BINARY, encode_chunked=True)

        assert client.getresponse().read() == response(b"client says " + bytes(size))


def test_a_client_that_expects_100_continue_gets_it(server: TlsTtlvServer) -> None:
    frame = request(b"Q")
    with raw(server) as sock:
        sock.sendall(POST + f"Content-Length: {len(frame)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert sock.recv(1_000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(frame)

        assert answers(sock, 1) == [(200, response(b"client says Q"))]


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1 with close"])
def test_a_connection_ends_after_the_answer_where_the_client_wants_it(server: TlsTtlvServer, version: str) -> None:
    frame = request(b"Q")
    head = POST.replace(b"HTTP/1.1", version[:8].encode())
    if "close" in version:
        head += b"Connection: close\r\n"
    with raw(server) as sock:
        sock.sendall(head + f"Content-Length: {len(frame)}\r\n\r\n".encode() + frame)

        assert everything(sock).endswith(response(b"client says Q"))


def test_basic_credentials_come_with_the_request_and_stay_with_it(server: TlsTtlvServer, service: FakeService) -> None:
    coded = base64.b64encode("älice:pass:wörd".encode()).decode()
    with contextlib.closing(connect(server)) as client:
        client.request("POST", "/kmip", request(b"Q"), BINARY | {"Authorization": f"Basic {coded}"})
        client.getresponse().read()
        assert service.credentials == [UsernameAndPassword(username="älice", password="pass:wörd")]
        client.request("POST", "/kmip", request(b"Q"), BINARY)
        client.getresponse().read()

    assert len(service.credentials) == 1


def test_both_ports_are_served_and_share_their_limits(service: FakeService) -> None:
    limits = TransportLimits(connections_per_identity=1)
    with a_server(service, https_port=0, limits=limits) as server, contextlib.closing(connect(server)) as client:
        client.request("POST", "/kmip", request(b"Q"), BINARY)
        assert client.getresponse().read() == response(b"client says Q")
        with TlsTtlvClient("127.0.0.1", server.port, context=a_context(), timeout=HANG) as bare:
            assert b"refused SERVER_LIMIT_EXCEEDED" in bare.exchange(request(b"Q"))


def test_https_is_off_by_default() -> None:
    with a_server() as server:
        assert server.https_port is None


# What is refused


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("POST", "/", "application/octet-stream", 404),
        ("GET", "/", "", 404),
        ("GET", "/kmip", "", 405),
        ("HEAD", "/kmip", "", 405),
        ("OPTIONS", "/kmip", "", 405),
        ("PUT", "/kmip", "application/octet-stream", 405),
        ("POST", "/kmip/", "application/octet-stream", 404),
        ("POST", "/kmip/1_4", "application/octet-stream", 404),
        ("POST", "/kmip/../kmip", "application/octet-stream", 404),
        ("POST", "/kmip", "", 415),
        ("POST", "/kmip", "text/plain", 415),
        ("POST", "/kmip", "application/json; charset=latin1", 415),
        ("POST", "/kmip", "application/x-www-form-urlencoded", 415),
    ],
)
def test_an_http_request_that_is_no_kmip_request_is_refused(
    server: TlsTtlvServer, service: FakeService, method: str, path: str, content_type: str, status: int
) -> None:
    with contextlib.closing(connect(server)) as client:
        body = None if method in {"GET", "HEAD", "OPTIONS"} else request(b"Q")
        client.request(method, path, body, {"Content-Type": content_type} if content_type else {})
        answer = client.getresponse()
        answer.read()

        assert answer.status == status
        if status == 405:
            assert answer.headers["Allow"] == "POST"
        if status == 415:
            assert "application/json" in answer.headers["Accept-Post"]
    assert service.threads == []


def test_a_refused_request_without_a_body_keeps_the_connection(server: TlsTtlvServer) -> None:
    with raw(server) as sock:
        sock.sendall(b"GET /kmip HTTP/1.1\r\nHost: kmip\r\n\r\n" + posted(request(b"Q")))

        (first, _), second = answers(sock, 2)
        assert (first, second) == (405, (200, response(b"client says Q")))


@pytest.mark.parametrize("how", ["announced", "chunked"])
def test_a_request_that_is_too_large_is_refused_before_it_is_all_here(server: TlsTtlvServer, how: str) -> None:
    with raw(server) as sock:
        if how == "announced":
            sock.sendall(POST + f"Content-Length: {LONGEST + 1}\r\n\r\n".encode())
        else:
            chunk = b"10000\r\n" + bytes(65_536) + b"\r\n"
            with contextlib.suppress(OSError):
                sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)

        assert everything(sock).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "header",
    ["Bearer abc", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"no colon").decode(), "Basic " + "QQ==" * 2_000],
    ids=["another scheme", "nothing", "not base64", "no colon", "too long"],
)
def test_credentials_of_another_kind_are_refused(server: TlsTtlvServer, service: FakeService, header: str) -> None:
    with contextlib.closing(connect(server)) as client:
        client.request("POST", "/kmip", request(b"Q"), BINARY | {"Authorization": header})
        answer = client.getresponse()

        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert service.threads == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: kmip\r\n\r\n", 404),
        (b"GET /kmip HTTP/1.1\r\nHost: kmip\r\n\r\n", 405),
        (POST + b"Authorization: Bearer abc\r\nContent-Length: 3\r\n\r\nabc", 401),
        (POST.replace(b"application/octet-stream", b"text/plain") + b"Content-Length: 3\r\n\r\nabc", 415),
        (POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 415),
        (POST + b"Expect: a miracle\r\nContent-Length: 3\r\n\r\nabc", 417),
        (POST + f"Content-Length: {LONGEST + 1}\r\n\r\n".encode(), 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20_000, 400),
        (b"no HTTP\r\n\r\n", 400),
    ],
    ids=["path", "method", "credentials", "content type", "compressed", "expectation", "size", "chunks", "no HTTP"],
)
def test_what_http_refuses_leaves_a_record(sent: bytes, status: int) -> None:
    records: list[Refusal] = []
    with a_server(https_port=0, record=records.append) as server, raw(server) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(sent)
        ((answered, _),) = answers(sock, 1)
        assert answered == status

    (record,) = records
    assert (record.address, record.principal) == ("127.0.0.1", "client")
    assert record.event == ("Unreadable bytes" if sent.startswith(b"no") else "HTTP request refused")
    assert "abc" not in record.message


def test_a_client_whose_certificate_is_refused_learns_why() -> None:
    identity = CertificateIdentity(source="san")
    with a_server(https_port=0, identity=identity) as server, contextlib.closing(connect(server)) as client:
        client.request("POST", "/kmip", request(b"Q"), BINARY)
        answer = client.getresponse()

        assert answer.status == 403
        assert b"refused AUTHENTICATION_NOT_SUCCESSFUL" in answer.read()


# Clients that do HTTP badly


@pytest.mark.parametrize(
    "sent",
    [
        b"\x42\x00\x78\x01\x00\x00\x00\x08" + bytes(8),
        b"\x00" * 100,
        b"POST\r\n\r\n",
        b"POST /kmip HTTP/9.9\r\nHost: a\r\n\r\n",
        b"POST /kmip HTTP/1.1\r\n\r\n",
        b"POST /kmip HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1e3\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab\r\n",
        POST + b"X: a\nb\r\n\x00: c\r\n\r\n",
        POST + b"X-\xff: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        POST + b"Expect: a miracle\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_bytes_that_are_no_http_are_refused_once_and_end_the_connection(
    server: TlsTtlvServer, service: FakeService, sent: bytes
) -> None:
    with raw(server) as sock:
        sock.sendall(sent)
        with contextlib.suppress(OSError):
            sock.sendall(b"\r\n\r\n" + posted(request(b"Q")))
        answer = everything(sock)

    assert answer == b"" or answer[:10] in {b"HTTP/1.1 4", b"HTTP/1.1 5"}
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert service.threads == []


def test_both_kinds_of_length_are_no_way_to_smuggle_a_request(server: TlsTtlvServer, service: FakeService) -> None:
    hidden = posted(request(b"hidden"))
    chunked = b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with raw(server) as sock:
        sock.sendall(POST + f"Content-Length: {len(chunked) + len(hidden)}\r\n".encode() + chunked + hidden)
        sock.settimeout(0.5)
        answer = b""
        with contextlib.suppress(OSError):
            while part := sock.recv(65_536):
                answer += part

    # h11 reads it as chunked (RFC 9112 section 6.3): what follows is a request of its own, answered as such.
    assert answer.count(b"HTTP/1.1 200") <= 2


def test_headers_without_end_are_not_kept(server: TlsTtlvServer) -> None:
    with raw(server) as sock:
        with contextlib.suppress(OSError):
            for _ in range(200):
                sock.sendall(b"X: " + b"a" * 1_000 + b"\r\n" if _ else POST)

        assert everything(sock).startswith(b"HTTP/1.1 431 ")


def test_chunks_of_a_byte_are_refused(server: TlsTtlvServer) -> None:
    with raw(server) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20_000)

        assert everything(sock).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("part", [POST[:20], POST + b"Content-Length: 100\r\n\r\nabc", POST])
def test_a_request_that_is_never_finished_is_cut(part: bytes) -> None:
    with a_server(https_port=0, limits=TransportLimits(message=0.3, linger=0.2)) as server, raw(server) as sock:
        sock.sendall(part)
        began = time.monotonic()
        everything(sock)

        assert time.monotonic() - began < HANG
        assert server.counters.connections_cut["message_timeout"] == 1


def test_a_client_that_pipelines_without_reading_is_not_served_any_more(
    server: TlsTtlvServer, service: FakeService
) -> None:
    with raw(server) as sock:
        sock.setblocking(False)
        data = posted(request(b"L1000000")) * 1_000
        with contextlib.suppress(ssl.SSLWantWriteError, BlockingIOError):
            sock.send(data)
        select.select([], [], [], 0.5)

    assert len(service.threads) < 50


def test_a_client_that_leaves_in_between_costs_nothing(server: TlsTtlvServer) -> None:
    for sent in (b"", POST[:10], POST + b"Content-Length: 100\r\n\r\nabc", posted(request(b"B")) * 3):
        with raw(server) as sock:
            sock.sendall(sent) if sent else None
    end = time.monotonic() + HANG
    while server.counters.connections_open and time.monotonic() < end:
        select.select([], [], [], 0.02)

    assert server.counters.connections_open == 0


def test_tls_without_http_on_the_port_of_ttlv_stays_ttlv(server: TlsTtlvServer) -> None:
    with TlsTtlvClient("127.0.0.1", server.port, context=a_context(), timeout=HANG) as client:
        assert response(b"client says Q") == client.exchange(request(b"Q"))
        client.socket.sendall(posted(request(b"Q")))
        assert b"refused INVALID_MESSAGE" in everything(client.socket)


def test_the_loops_are_there() -> None:
    assert importlib.import_module("asyncio")
