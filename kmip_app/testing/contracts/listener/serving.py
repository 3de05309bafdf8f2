"""The life of a listener: it is bound, serves, drains and stops."""

import threading

import pytest

from kmip_app.testing.contracts.listener.service import FakeService, request, response
from kmip_app.testing.contracts.listener.support import HANG, Bench, Client, Wanted, begun
from kmip_core.ports.transport import Listener


def ask(bench: Bench, port: int) -> bytes:
    with bench.client(port) as client:
        client.send(request(b"Q"))
        return client.receive()


def assert_no_client_is_taken(bench: Bench, port: int) -> None:
    with pytest.raises(OSError) as refused:
        ask(bench, port)
    assert not isinstance(refused.value, TimeoutError)  # the client learns it, instead of waiting in vain


def test_the_port_is_known_once_it_is_bound(bench: Bench, service: FakeService) -> None:
    listener = bench.listener(service, Wanted())
    assert listener.port == 0

    listener.bind()
    port = listener.port
    listener.bind()

    assert listener.port == port > 0
    listener.stop(HANG)


def test_a_taken_port_is_named(bench: Bench, listener: Listener) -> None:
    second = bench.listener(FakeService(), Wanted(port=listener.port))

    with pytest.raises(OSError, match=rf"\b{listener.port}\b"):
        second.bind()


def test_a_listener_serves_in_the_thread_that_asks_for_it_until_it_is_drained(
    bench: Bench, service: FakeService
) -> None:
    listener = bench.listener(service, Wanted())
    listener.bind()
    thread = threading.Thread(target=listener.serve, daemon=True)
    thread.start()
    with bench.client(listener.port) as client:
        client.send(request(b"Q"))
        assert client.receive() == response(b"client says Q")

        listener.drain(HANG)

        assert client.read_to_the_end() == (b"", True)
    thread.join(HANG)
    assert not thread.is_alive()
    assert_no_client_is_taken(bench, listener.port)


def test_a_listener_that_is_drained_before_it_serves_ends_at_once(bench: Bench, service: FakeService) -> None:
    listener = bench.listener(service, Wanted())
    listener.bind()
    listener.drain(HANG)

    thread = threading.Thread(target=listener.serve, daemon=True)
    thread.start()
    thread.join(HANG)

    assert not thread.is_alive()
    assert_no_client_is_taken(bench, listener.port)


def keep_one_busy(busy: Client, idle: Client, service: FakeService) -> None:
    """Have the first client wait for an answer, and the second one for nothing; both are served."""
    idle.send(request(b"Q"))
    assert idle.receive() == response(b"client says Q")
    busy.send(request(b"G"))
    begun(service)


def test_stop_finishes_the_request_in_progress_and_refuses_new_ones(
    bench: Bench, listener: Listener, service: FakeService
) -> None:
    with bench.client(listener.port) as busy, bench.client(listener.port) as idle:
        keep_one_busy(busy, idle, service)
        stopping = threading.Thread(target=listener.stop, args=(HANG,))
        stopping.start()
        assert idle.read_to_the_end() == (b"", True)
        assert_no_client_is_taken(bench, listener.port)

        service.gate.set()

        assert busy.read_to_the_end() == (response(b"client says G"), True)
        stopping.join(HANG)
        assert not stopping.is_alive()


def test_stop_waits_no_longer_than_its_time_limit(bench: Bench, listener: Listener, service: FakeService) -> None:
    with bench.client(listener.port) as busy:
        busy.send(request(b"G"))
        begun(service)

        listener.stop(0.1)  # the gate stays closed

        assert busy.read_to_the_end()[0] == b""


def test_a_drain_that_is_asked_for_again_with_less_time_cuts_what_is_left(
    bench: Bench, listener: Listener, service: FakeService
) -> None:
    with bench.client(listener.port) as busy, bench.client(listener.port) as idle:
        keep_one_busy(busy, idle, service)
        listener.drain(HANG)
        assert idle.read_to_the_end() == (b"", True)

        listener.drain(0.1)

        assert busy.read_to_the_end()[0] == b""


def test_a_stopped_listener_may_be_stopped_again(bench: Bench, listener: Listener) -> None:
    listener.stop(HANG)
    listener.stop(HANG)

    assert_no_client_is_taken(bench, listener.port)
