"""Every refusal leaves a record, at each entrance of the server; and looks, probes and scrapes leave none."""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.operations.conftest import eventually
from tests.server import StartedServer, running

WITHIN: Final = 120.0  # seconds; a hang limit
ENTRANCES: Final = ("kmip", "https", "enrol", "admin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    """A server with every entrance there is."""
    folder = tmp_path_factory.mktemp("entrances")
    words = ("--https-port", "0", "--enrol-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0")
    with running(folder, "--data-dir", str(folder / "data"), *words) as started:
        yield started


def port_of(server: StartedServer, entrance: str) -> int:
    ready = json.loads((server.output.parent / "ready.json").read_text())
    ports = {"kmip": ready["port"], "https": ready["https_port"]}
    return int(ports[entrance] if entrance in ports else ready[entrance].rpartition(":")[2])


def connected(server: StartedServer, entrance: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(server, entrance)), WITHIN)


def over_tls(server: StartedServer, entrance: str, *, with_certificate: bool = True) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=server.ca)
    context.check_hostname = False
    if with_certificate and entrance != "enrol":
        context.load_cert_chain(server.cert, server.key)
    return context.wrap_socket(connected(server, entrance))


def records(server: StartedServer) -> list[dict[str, str]]:
    trail = sorted((Path(server.output.parent) / "data" / "audit").glob("*.jsonl"))  # each worker has a chain
    lines = [line for path in trail for line in path.read_text().splitlines()]
    return [json.loads(line)["record"] for line in lines if line.endswith("}")]


def refused(server: StartedServer, event: str, text: str) -> None:
    """Wait for the record of a refusal."""

    def is_there() -> bool:
        found = [one for one in records(server) if one["event"] == event and text in one["message"]]
        return any(one["address"] == "127.0.0.1" for one in found)

    eventually(is_there, f"a record {event}: {text}")


@pytest.mark.parametrize("entrance", ["kmip", "https", "enrol"])
def test_bytes_that_are_no_tls(server: StartedServer, entrance: str) -> None:
    with connected(server, entrance) as plain, contextlib.suppress(OSError):
        plain.sendall(b"\x42\x00\x78\x01\x00\x00\x00\x08\r\n\r\n")
        plain.recv(100)

    refused(server, *{"enrol": ("Enrolment refused", "not TLS")}.get(entrance, ("Handshake failed", "not TLS")))


@pytest.mark.parametrize("entrance", ["kmip", "https"])
def test_a_client_without_a_certificate(server: StartedServer, entrance: str) -> None:
    with over_tls(server, entrance, with_certificate=False) as client, contextlib.suppress(OSError):
        client.sendall(b"\x42")
        client.recv(100)

    refused(server, "Handshake failed", "the client sent no certificate")


_KMIP: Final = "Unreadable bytes", "sent no KMIP message"
_HTTPS: Final = "HTTP request refused"
_ENROL: Final = "Enrolment refused"


@pytest.mark.parametrize(
    ("entrance", "sent", "event", "text"),
    [
        ("kmip", b"GET / HTTP/1.1\r\n\r\n", *_KMIP),
        ("kmip", b"\x42\x00\x78\x01\x7f\xff\xff\xff", "Unreadable bytes", ""),
        ("kmip", b"\x42\x00\x78\x01\x00\x00\x00\x00", "Request refused", ""),
        ("https", b"no HTTP\r\n\r\n", *_KMIP),
        ("https", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", _HTTPS, "404"),
        ("https", b"GET /kmip HTTP/1.1\r\nHost: h\r\n\r\n", _HTTPS, "405"),
        ("https", b"POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", _HTTPS, "415"),
        ("https", b"POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n", _HTTPS, "415"),
        ("enrol", b"no HTTP\r\n\r\n", _ENROL, "400"),
        ("enrol", b"POST /enrol HTTP/1.1\r\nContent-Length: 0\r\n\r\n", _ENROL, "403"),
        ("enrol", b"GET /enrol?request=guessed HTTP/1.1\r\n\r\n", _ENROL, "404"),
        ("enrol", b"PUT /enrol HTTP/1.1\r\n\r\n", _ENROL, "405"),
        ("enrol", b"POST /enrol HTTP/1.1\r\n\r\n", _ENROL, "413"),
        ("enrol", b"GET / HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", _ENROL, "431"),
    ],
)
def test_what_is_no_request(server: StartedServer, entrance: str, sent: bytes, event: str, text: str) -> None:
    with over_tls(server, entrance) as client, contextlib.suppress(OSError):
        client.sendall(sent)
        client.recv(100)

    refused(server, event, text)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_look_at_the_port_leaves_none(server: StartedServer, entrance: str) -> None:
    before = {one["record_id"] for one in records(server)}
    connected(server, entrance).close()
    test_bytes_that_are_no_tls(server, "kmip")  # is looked at after it, and recorded or counted

    told = [one["message"] for one in records(server) if one["record_id"] not in before]
    assert [text for text in told if "client left" in text or "ended the connection" in text] == []


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /nothing HTTP/1.1\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\n\r\n",
        b"no\r\n\r\n",
    ],
    ids=["a probe", "another path", "another method", "no HTTP"],
)
def test_probes_and_scrapes_leave_none(server: StartedServer, sent: bytes) -> None:
    """The admin listener keeps nothing from anybody, so it refuses nothing: docs/operate/audit.md."""
    before = {one["record_id"] for one in records(server)}
    with connected(server, "admin") as probe:
        probe.sendall(sent)
        assert probe.makefile("rb").read().startswith(b"HTTP/1.1 ")

    added = [one for one in records(server) if one["record_id"] not in before]
    assert [one for one in added if one["event"] != "Store"] == []
