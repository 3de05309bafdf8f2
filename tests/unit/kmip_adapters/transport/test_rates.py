"""Requests a second and seconds of slow work a minute."""

import contextlib
import select

import pytest
from attrs import define

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.rates import BURST_SECONDS, LOOK_AGAIN, Allowance, Rates
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from tests.unit.kmip_adapters.transport.fakes import FakeService, a_server, request, response, throwaway_pki

HANG = 120.0


@define
class Time:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def admitted(rates: Rates, identity: str, count: int) -> int:
    """Return how many of so many requests are admitted."""
    found = 0
    for _ in range(count):
        with contextlib.suppress(KmipError):
            rates.check_request(identity)
            found += 1
    return found


def test_an_identity_may_send_so_many_requests_a_second_after_a_burst() -> None:
    clock = Time()
    rates = Rates(lambda identity: Allowance(requests_per_second=10), clock)

    assert admitted(rates, "alice", 100) == 10 * BURST_SECONDS
    clock.now += 1.0
    assert admitted(rates, "alice", 100) == 10
    assert admitted(rates, "bob", 5) == 5


def test_less_than_one_request_a_second_is_possible() -> None:
    clock = Time()
    rates = Rates(lambda identity: Allowance(requests_per_second=0.5), clock)

    assert admitted(rates, "alice", 3) == 1
    clock.now += 1.0
    assert admitted(rates, "alice", 3) == 0
    clock.now += 1.0
    assert admitted(rates, "alice", 3) == 1


def test_slow_work_may_go_into_debt_and_waits_until_it_is_paid() -> None:
    clock = Time()
    rates = Rates(lambda identity: Allowance(slow_seconds_per_minute=60), clock)
    rates.check_slow("alice")
    rates.spend_slow("alice", 90.0)

    with pytest.raises(KmipError, match="more than 60 s of slow work a minute") as refused:
        rates.check_slow("alice")
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    rates.check_slow("bob")
    clock.now += 29.0
    with pytest.raises(KmipError):
        rates.check_slow("alice")
    clock.now += 2.0
    rates.check_slow("alice")


def test_a_changed_allowance_is_taken_up() -> None:
    clock = Time()
    allowances = {"alice": Allowance(requests_per_second=1)}
    rates = Rates(allowances.__getitem__, clock)
    admitted(rates, "alice", 10)
    allowances["alice"] = Allowance(requests_per_second=100)
    clock.now += LOOK_AGAIN + 1.0
    rates.check_request("alice")
    clock.now += 1.0

    assert admitted(rates, "alice", 500) >= 100


def test_identities_that_ask_no_more_are_forgotten_unless_they_are_in_debt() -> None:
    clock = Time()
    rates = Rates(lambda identity: Allowance(slow_seconds_per_minute=1), clock)
    for number in range(100):
        rates.check_request(f"client {number}")
    rates.spend_slow("client 0", 1_000.0)
    rates.sweep()
    assert len(rates._buckets) == 100
    clock.now += 61.0
    rates.sweep()

    assert set(rates._buckets) == {"client 0"}


# Over TLS


def a_client(port: int) -> TlsTtlvClient:
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    return TlsTtlvClient("127.0.0.1", port, context=context, timeout=HANG)


@pytest.mark.parametrize("body", [b"Q", b"Q" + bytes(70_000)], ids=["short", "long"])
def test_requests_beyond_the_rate_are_refused_and_the_connection_goes_on(body: bytes) -> None:
    allowance = Allowance(requests_per_second=2.0)
    with a_server(allowance_of=lambda identity: allowance) as server, a_client(server.port) as client:
        answers = [client.exchange(request(body)) for _ in range(8)]

        refused = [answer for answer in answers if b"refused SERVER_LIMIT_EXCEEDED: more than 2 requests" in answer]
        assert 1 <= len(refused) <= 4
        assert server.counters.requests_declined["requests_per_second"] == len(refused)
        select.select([], [], [], 0.7)
        assert client.exchange(request(b"Q")) == response(b"client says Q")


def test_slow_work_beyond_the_allowance_is_refused_and_the_rest_is_not() -> None:
    service = FakeService()
    allowance = Allowance(slow_seconds_per_minute=0.1)
    with a_server(service, allowance_of=lambda identity: allowance) as server, a_client(server.port) as client:
        client.socket.sendall(request(b"W"))
        assert service.begun.acquire(timeout=HANG)
        select.select([], [], [], 0.3)
        service.gate.set()
        assert client.receive() == response(b"client says W")

        assert b"refused SERVER_LIMIT_EXCEEDED: more than 0.1 s of slow work" in client.exchange(request(b"S"))
        assert client.exchange(request(b"Q")) == response(b"client says Q")
        assert server.counters.requests_declined["slow_seconds_per_minute"] == 1
