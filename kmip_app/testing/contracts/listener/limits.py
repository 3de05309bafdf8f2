"""Who a client is, and what one may not do: a refused client reads why, others are not disturbed, deadlines end it."""

import contextlib

import pytest

from kmip_app.testing.contracts.listener.service import FakeService, refusal, request, response
from kmip_app.testing.contracts.listener.support import Bench, Wanted, begun, serving, until
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Listener

NOT_KNOWN = KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "the client is not known here")


def test_the_service_is_told_who_asks(bench: Bench, listener: Listener) -> None:
    with bench.client(listener.port, "alice") as alice, bench.client(listener.port, "bob") as bob:
        for _ in range(3):
            alice.send(request(b"Q"))
            bob.send(request(b"Q"))
            assert bob.receive() == response(b"bob says Q")
            assert alice.receive() == response(b"alice says Q")


def test_a_refused_identity_gets_an_answer_and_the_connection_ends(bench: Bench, service: FakeService) -> None:
    with serving(bench, service, Wanted(identity_error=NOT_KNOWN)) as listener, bench.client(listener.port) as client:
        client.send(request(b"Q"))

        assert client.read_to_the_end() == (refusal(NOT_KNOWN), True)
    assert service.threads == []


def test_an_identity_with_too_many_connections_is_reported_so(bench: Bench, service: FakeService) -> None:
    with (
        serving(bench, service, Wanted(connections_per_identity=1)) as listener,
        bench.client(listener.port) as first,
    ):
        first.send(request(b"Q"))
        assert first.receive() == response(b"client says Q")
        with bench.client(listener.port) as second:
            second.send(request(b"Q"))
            assert second.receive()[8:].startswith(b"refused SERVER_LIMIT_EXCEEDED: ")
        with bench.client(listener.port, "another") as another:
            another.send(request(b"Q"))
            assert another.receive() == response(b"another says Q")
        first.send(request(b"Q"))
        assert first.receive() == response(b"client says Q")


def test_a_connection_that_ends_makes_room(bench: Bench, service: FakeService) -> None:
    with serving(bench, service, Wanted(connections_per_identity=1)) as listener:
        with bench.client(listener.port) as first:
            first.send(request(b"Q"))
            assert first.receive() == response(b"client says Q")

        def is_answered() -> bool:
            with bench.client(listener.port) as client:
                client.send(request(b"Q"))
                return client.receive() == response(b"client says Q")

        until(is_answered, "the place of a connection that has ended is not given to the next")


def test_a_slow_job_too_many_is_declined_and_the_connection_goes_on(bench: Bench, service: FakeService) -> None:
    with (
        serving(bench, service, Wanted(slow_at_once=1)) as listener,
        bench.client(listener.port) as first,
        bench.client(listener.port) as second,
    ):
        first.send(request(b"W"))
        begun(service)

        second.send(request(b"S"))
        assert second.receive()[8:].startswith(b"refused SERVER_LIMIT_EXCEEDED: ")
        second.send(request(b"Q"))
        assert second.receive() == response(b"client says Q")
        service.gate.set()
        assert first.receive() == response(b"client says W")


@pytest.mark.parametrize("waiting", [b"G", b"K", b"W"], ids=["in a thread", "committing", "in a slow thread"])
def test_a_request_that_waits_does_not_keep_others_from_being_served(
    bench: Bench, listener: Listener, service: FakeService, waiting: bytes
) -> None:
    with bench.client(listener.port) as first, bench.client(listener.port) as second:
        first.send(request(waiting), request(b"Q"))
        begun(service)

        second.send(request(b"C"))
        assert second.receive() == response(b"client says C")
        service.gate.set()
        assert first.receive() == response(b"client says " + waiting)
        assert first.receive() == response(b"client says Q")


def test_one_client_that_pipelines_much_is_served_in_turns(bench: Bench, listener: Listener) -> None:
    with bench.client(listener.port) as client, bench.client(listener.port) as other:
        client.send(*[request(b"Q")] * 1_000)
        other.send(request(b"Q"))

        assert other.receive() == response(b"client says Q")
        assert {client.receive() for _ in range(1_000)} == {response(b"client says Q")}


@pytest.mark.parametrize("body", [b"X", b"BX", b"CX", b"SX", b"Z"])
def test_a_fault_of_the_service_cuts_that_connection_only(bench: Bench, listener: Listener, body: bytes) -> None:
    with bench.client(listener.port) as other, bench.client(listener.port) as client:
        client.send(request(body))
        assert client.read_to_the_end()[0] == b""

        other.send(request(b"Q"))
        assert other.receive() == response(b"client says Q")


def test_a_request_that_is_never_finished_is_cut(bench: Bench, service: FakeService) -> None:
    with serving(bench, service, Wanted(message_seconds=0.2)) as listener, bench.client(listener.port) as client:
        with contextlib.suppress(ConnectionError):  # it may be over before all of this is sent
            client.send_half(request(bytes(100_000)))
        client.read_to_the_end()

    assert service.threads == []


def test_a_client_that_connects_and_says_nothing_is_cut(bench: Bench, service: FakeService) -> None:
    with (
        serving(bench, service, Wanted(handshake_seconds=0.2)) as listener,
        bench.silent(listener.port) as wait_for_the_end,
    ):
        wait_for_the_end()  # fails by a TimeoutError if it does not come

    assert service.threads == []


def test_a_connection_that_asks_nothing_ends_at_its_limit(bench: Bench, service: FakeService) -> None:
    with serving(bench, service, Wanted(idle_seconds=0.2)) as listener, bench.client(listener.port) as client:
        assert client.read_to_the_end() == (b"", True)


def test_a_connection_that_asks_nothing_more_ends_at_its_limit(bench: Bench, service: FakeService) -> None:
    with serving(bench, service, Wanted(idle_seconds=0.2)) as listener, bench.client(listener.port) as client:
        with contextlib.suppress(ConnectionError):  # the limit may be over before a slow machine sends it
            client.send(request(b"Q"))

        assert client.read_to_the_end()[0] in (response(b"client says Q"), b"")
