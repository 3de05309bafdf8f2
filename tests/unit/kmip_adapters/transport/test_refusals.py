"""Evidence of what the transport refuses: the first at once, the rest in sums."""

import ast
import contextlib
import os
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import fields

from kmip_adapters import transport
from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.rates import Allowance
from kmip_adapters.transport.refusals import AT_ONCE, KEYS, PERIOD, Refusal, Refusals
from kmip_adapters.transport.session import NO_REFUSAL
from tests.unit.kmip_adapters.transport.fakes import a_server, request, throwaway_pki

HANG = 120.0


def a_refusal(address: str = "192.0.2.1", message: str = "why") -> Refusal:
    return Refusal(event="Handshake failed", address=address, message=message)


def test_the_first_is_recorded_at_once_and_the_rest_as_a_sum() -> None:
    records: list[Refusal] = []
    refusals = Refusals(records.append)
    for number in range(1_000):
        refusals.note("version", "192.0.2.1", a_refusal(message=f"why {number}"), now=100.0)
    refusals.sweep(100.0 + PERIOD / 2)
    assert [record.count for record in records] == [1]

    refusals.sweep(100.0 + PERIOD)

    assert [(record.count, record.message) for record in records] == [(1, "why 0"), (999, "why 999")]
    refusals.sweep(100.0 + 2 * PERIOD)
    assert refusals._seen == {}


def test_causes_and_networks_are_distinguished() -> None:
    records: list[Refusal] = []
    refusals = Refusals(records.append)
    for cause, network in (("version", "a"), ("suite", "a"), ("version", "b")):
        refusals.note(cause, network, a_refusal(network), now=0.0)

    assert len(records) == 3


def test_a_flood_from_many_networks_leaves_few_records_and_loses_none() -> None:
    records: list[Refusal] = []
    refusals = Refusals(records.append)
    for number in range(10 * KEYS):
        refusals.note("version", f"network {number}", a_refusal(f"address {number}"), now=0.0)

    assert len(records) == AT_ONCE
    assert len(refusals._seen) <= KEYS + 1
    refusals.sweep(PERIOD)
    assert sum(record.count for record in records) == 10 * KEYS


def test_refusals_of_the_transport_are_recorded() -> None:
    records: list[Refusal] = []
    pki = throwaway_pki()
    with a_server(record=records.append, identity=CertificateIdentity(source="san")) as server:
        with socket.create_connection(("127.0.0.1", server.port), HANG) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.recv(100)
        without = client_context(ca=pki.ca.certificate)
        with (
            contextlib.suppress(OSError),
            TlsTtlvClient("127.0.0.1", server.port, context=without, timeout=HANG) as client,
        ):
            client.exchange(request(b"Q"))
        context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
        with TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client:
            client.exchange(request(b"Q"))

    assert [(record.event, record.address) for record in records] == [
        ("Handshake failed", "127.0.0.1"),
        ("Handshake failed", "127.0.0.1"),
        ("Session refused", "127.0.0.1"),
    ]
    assert "http request" in records[0].message
    assert "peer did not return a certificate" in records[1].message


def test_bytes_that_are_no_message_and_requests_beyond_the_rate_are_recorded() -> None:
    records: list[Refusal] = []
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    allowance = Allowance(requests_per_second=0.001)
    with (
        a_server(record=records.append, allowance_of=lambda identity: allowance) as server,
        TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client,
    ):
        answers = [client.exchange(request(b"Q")) for _ in range(3)]
        assert b"SERVER_LIMIT_EXCEEDED" in answers[-1]
        client.socket.sendall(b"no message")
        assert b"INVALID_MESSAGE" in client.receive()

    assert [(record.event, record.principal) for record in records][:1] == [("Request declined", "client")]
    assert ("Unreadable bytes", "client") in [(record.event, record.principal) for record in records]


def test_a_connection_beyond_the_limit_is_recorded() -> None:
    records: list[Refusal] = []
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    with (
        a_server(record=records.append, limits=TransportLimits(max_connections=1)) as server,
        TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client,
    ):
        client.exchange(request(b"Q"))
        with socket.create_connection(("127.0.0.1", server.port), HANG) as another:
            assert another.recv(1) == b""

    assert [(record.event, record.address) for record in records] == [("Connection refused", "127.0.0.1")]


def broken_record(client: TlsTtlvClient) -> None:
    """Send, under TLS, what is no record of it."""
    os.write(client.socket.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))


@pytest.mark.parametrize(
    ("misbehave", "event", "limits"),
    [
        (lambda client: client.socket.sendall(request(bytes(99))[:-1]), "Connection cut", {"message": 0.2}),
        (lambda client: client.socket.sendall(request(b"L15000000")), "Connection cut", {"write_stalled": 0.2}),
        (
            lambda client: client.socket.sendall(request(bytes(900_000))[:-1]),
            "Connection cut",
            {"half_sent_per_identity": 400_000},
        ),
        (
            lambda client: client.socket.sendall(request(b"L15000000")),
            "Connection cut",
            {"unsent_in_all": 1_000_000},
        ),
        (broken_record, "Unreadable bytes", {}),
    ],
    ids=["half a request", "an answer that is not read", "too much of a request", "too much unread", "no TLS any more"],
)
def test_a_session_that_is_ended_for_what_its_client_does_is_recorded(
    misbehave: Callable[[TlsTtlvClient], None], event: str, limits: dict[str, Any]
) -> None:
    records: list[Refusal] = []
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    with (
        a_server(record=records.append, limits=TransportLimits(**limits)) as server,
        TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client,
    ):
        client.exchange(request(b"Q"))
        with contextlib.suppress(OSError):  # it may be cut while it still sends
            misbehave(client)
        end = time.monotonic() + HANG
        while not records:
            assert time.monotonic() < end, "nothing was recorded"
            select.select([], [], [], 0.01)

    assert [(record.event, record.address, record.principal) for record in records] == [(event, "127.0.0.1", "client")]


def test_a_handshake_that_gives_way_is_recorded() -> None:
    records: list[Refusal] = []
    with a_server(record=records.append, limits=TransportLimits(max_connections=4)) as server:
        crowd = [socket.create_connection(("127.0.0.1", server.port), HANG) for _ in range(2)]
        assert crowd[0].recv(1) == b""
        for one in crowd:
            one.close()

    assert "Connection refused" in {record.event for record in records}


def test_a_session_without_a_request_is_no_refusal() -> None:
    records: list[Refusal] = []
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    with (
        a_server(record=records.append, limits=TransportLimits(idle=0.2)) as server,
        TlsTtlvClient("127.0.0.1", server.port, context=context, timeout=HANG) as client,
    ):
        assert client.socket.recv(1) == b""
        assert server.counters.connections_cut[NO_REFUSAL] == 1

    assert records == []


def test_nothing_is_counted_as_refused_without_a_record() -> None:
    """Every counter by cause is raised by `Shared.refuse`, which records; but for the one reason that is no refusal."""
    by_cause = {each.name for each in fields(TransportCounters) if each.type == Counter[str]}
    alone = []
    for path in sorted(Path(transport.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript):
                counter = node.target.value
                if isinstance(counter, ast.Attribute) and counter.attr in by_cause:
                    alone.append(ast.unparse(node.target.slice))

    assert len(by_cause) == 5
    assert alone == ["NO_REFUSAL"]
