"""What the enrolment listener refuses, and to whom: anybody who reaches its port."""

import contextlib
import json
import logging
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_adapters.transport.refusals import Refusal
from kmip_app.configuration.addresses import Address
from kmip_app.monitoring.admin import CONNECTIONS, OF_AN_ADDRESS
from kmip_app.pki.authority import Pki, PkiError, ensure_pki
from kmip_app.pki.enrolment import Enrolment
from kmip_app.pki.registry import Registry

HANG = 120.0
TOO_LARGE = f"413 {HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase}: POST /enrol"  # Python 3.13 says it in other words


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("data") / "pki", hostnames=None)


@define
class Listening:
    """A listener, and what it has recorded."""

    pki: Pki
    enrolment: Enrolment
    records: list[Refusal] = field(factory=list)

    def plain(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.enrolment.port), HANG)

    def tls(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.pki.ca.certificate)
        context.check_hostname = False
        return context.wrap_socket(self.plain())

    def ask(self, text: bytes) -> bytes:
        with self.tls() as connection:
            connection.sendall(text)
            return connection.makefile("rb").read()

    def told(self, count: int = 1) -> list[str]:
        until(lambda: len(self.records) >= count, "nothing was recorded")
        return [record.message for record in self.records]


def until(condition: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, why
        select.select([], [], [], 0.01)


def a_context(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.servers[0].certificate, pki.servers[0].key)
    return context


@pytest.fixture
def listening(pki: Pki) -> Iterator[Listening]:
    records: list[Refusal] = []
    enrolment = Enrolment(
        Address("127.0.0.1", 0),
        Registry(pki),
        lambda: a_context(pki),
        lambda event, message="", address="": None,
        records.append,
        [],
    )
    enrolment.start()
    try:
        yield Listening(pki, enrolment, records)
    finally:
        enrolment.close()


def a_request(name: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM)


def post(body: bytes, token: str = "") -> bytes:
    head = f"POST /enrol HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (b"nonsense\r\n\r\n", 400, "400 Bad Request"),
        (post(b""), 403, "403 Forbidden: send the token"),
        (post(a_request("one"), "guessed"), 403, "403 Forbidden: the token is not known"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 404, "404 Not Found: GET /metrics"),
        (b"GET /enrol?request=guessed HTTP/1.1\r\n\r\n", 404, "404 Not Found: no such request"),
        (b"GET /enrol?request=%C3%A9 HTTP/1.1\r\n\r\n", 404, "404 Not Found: no such request"),
        (b"GET /\x1b[2J\n HTTP/1.1\r\n\r\n", 404, "404 Not Found: GET /\\x1b[2J\\n"),
        (b"GET /" + b"x" * 500 + b" HTTP/1.1\r\n\r\n", 404, "404 Not Found: GET /xxx"),
        (b"DELETE /enrol HTTP/1.1\r\n\r\n", 405, "405 Method Not Allowed: DELETE /enrol"),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413, TOO_LARGE),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 413, TOO_LARGE),
        (b"POST /enrol HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413, TOO_LARGE),
        (b"GET /enrol HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", 431, "431 Request Header Fields Too Large"),
    ],
    ids=[
        "no HTTP",
        "no token",
        "a guessed token",
        "another path",
        "a guessed identifier",
        "one in another alphabet",
        "a terminal's sequence",
        "a long path",
        "another method",
        "too long",
        "a power as length",
        "a length of many digits",
        "a long head",
    ],
)
def test_what_is_refused_leaves_a_record(
    listening: Listening, caplog: pytest.LogCaptureFixture, sent: bytes, status: int, text: str
) -> None:
    token = Registry(listening.pki).make_token("", 60, 1, needs_approval=True)
    listening.ask(post(a_request("somebody who waits"), token))  # identifiers are compared with that of one that waits
    with caplog.at_level(logging.WARNING):
        answer = listening.ask(sent)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    (told,) = listening.told()
    assert told.startswith(f"enrol_address: {text}")
    assert len(told) < 200
    (record,) = listening.records
    assert (record.event, record.address) == ("Enrolment refused", "127.0.0.1")
    assert [line.getMessage() for line in caplog.records] == [f"enrol_address: 127.0.0.1 is refused: {told[15:]}"]
    assert "guessed" not in caplog.text  # neither tokens nor identifiers


def no_tls(listening: Listening) -> None:
    with listening.plain() as connection:
        connection.sendall(b"GET /enrol HTTP/1.1\r\n\r\n")
        with contextlib.suppress(OSError):
            connection.recv(99)


def another_ca(listening: Listening) -> None:
    context = ssl.create_default_context()
    with listening.plain() as connection, contextlib.suppress(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")


def half_a_handshake(listening: Listening) -> None:
    with listening.plain() as connection:
        connection.sendall(b"\x16\x03\x01")


@pytest.mark.parametrize(
    ("fail", "cause"),
    [(no_tls, "not TLS"), (another_ca, "client refused the server"), (half_a_handshake, "client left")],
    ids=["no TLS", "another CA", "half a handshake"],
)
def test_a_handshake_that_fails_leaves_a_record(
    listening: Listening, fail: Callable[[Listening], None], cause: str
) -> None:
    fail(listening)

    assert listening.told() == [f"enrol_address: TLS handshake failed: {cause}"]


def test_a_request_that_does_not_arrive_in_time_leaves_a_record(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kmip_app.monitoring.admin.SECONDS", 0.2)
    with listening.tls() as connection:
        connection.sendall(b"GET /enrol")

        assert listening.told()[0].startswith("enrol_address: the request did not arrive in time")


def test_a_look_at_the_port_is_no_refusal(listening: Listening) -> None:
    listening.plain().close()
    listening.tls().close()
    assert listening.ask(b"GET /ca.crt HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")

    assert listening.records == []


def test_a_flood_leaves_one_record_at_once_and_one_for_the_rest(listening: Listening) -> None:
    for _ in range(20):
        listening.ask(b"GET /enrol?request=guessed HTTP/1.1\r\n\r\n")
    assert [record.count for record in listening.records] == [1]

    listening.enrolment.close()

    assert [record.count for record in listening.records] == [1, 19]


def test_half_open_connections_keep_nobody_out_and_are_bounded(listening: Listening) -> None:
    """They are counted before the handshake: else they would use up the descriptors of the whole server."""
    crowd = [listening.plain() for _ in range(CONNECTIONS + OF_AN_ADDRESS)]
    for one in crowd:
        one.sendall(b"\x16\x03\x01")
    assert listening.ask(b"GET /ca.crt HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")

    def still_open() -> int:
        readable, _, _ = select.select(crowd, [], [], 0)
        return len(crowd) - len(readable)

    until(lambda: still_open() <= OF_AN_ADDRESS, "they are not bounded")
    assert "enrol_address: unfinished request ended, a newer one needs its place" in listening.told()
    for one in crowd:
        one.close()


def test_a_list_that_has_not_changed_is_parsed_once(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(pki)
    token = registry.make_token("", 60, 1, needs_approval=True)
    parsed: list[str] = []
    loads = json.loads
    monkeypatch.setattr("kmip_app.pki.registry.json.loads", lambda text: parsed.append(text) or loads(text))
    for _ in range(50):
        with pytest.raises(Exception, match="no such request"):
            registry.answer_to("guessed")
        with pytest.raises(Exception, match="not known"):
            registry.redeem("guessed", b"", "")
    assert len(parsed) == 1

    Registry(pki).redeem(token, a_request("another"), "")  # by another process, as it were

    assert "another" in [one.name for one in registry.pending()]


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "../ca", "ca"], ids=ascii)
def test_a_name_that_no_client_can_have_does_not_wait_for_approval(pki: Pki, name: str) -> None:
    registry = Registry(pki)
    token = registry.make_token("", 60, 1, needs_approval=True)
    before = registry.pending()
    with pytest.raises(PkiError, match=r"name|ca is"):
        registry.redeem(token, a_request(name), "192.0.2.1")

    assert registry.pending() == before


def test_what_was_read_is_not_changed_by_a_change_that_fails(pki: Pki) -> None:
    registry = Registry(pki)
    registry.make_token("", 60, 1, needs_approval=False)
    before = registry.issued()
    with pytest.raises(Exception, match="no valid certificate"):
        registry.revoke("nobody")

    assert registry.issued() == before


def test_the_files_of_the_list_are_for_the_server_alone(pki: Pki) -> None:
    Registry(pki).make_token("", 60, 1, needs_approval=False)

    assert (Path(pki.directory).parent / "clients" / "clients.json").stat().st_mode & 0o777 == 0o600
