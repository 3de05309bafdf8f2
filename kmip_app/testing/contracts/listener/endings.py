"""A client that ends its side is answered and its connection ended at once: announced, or by a bare FIN."""

import threading

import pytest

from kmip_app.testing.contracts.listener.service import FakeService, request, response
from kmip_app.testing.contracts.listener.support import HANG, Bench, How, begun, until
from kmip_core.ports.transport import Listener

ENDS = pytest.mark.parametrize("how", ["announced", "bare"])


@ENDS
@pytest.mark.parametrize("pipelined", [0, 1, 20, 1_000])
def test_requests_before_the_end_of_the_stream_are_answered(
    bench: Bench, listener: Listener, how: How, pipelined: int
) -> None:
    with bench.client(listener.port) as client:
        client.send(*[request(b"Q")] * pipelined)
        client.end(how)

        assert client.read_to_the_end() == (response(b"client says Q") * pipelined, True)


@ENDS
@pytest.mark.parametrize("slow", [b"G", b"K", b"W"], ids=["in a thread", "committing", "in a slow thread"])
def test_a_request_in_progress_is_answered_before_the_end(
    bench: Bench, listener: Listener, service: FakeService, how: How, slow: bytes
) -> None:
    with bench.client(listener.port) as client:
        client.send(request(slow), request(b"Q"))
        begun(service)
        client.end(how)
        with bench.client(listener.port) as other:  # by now the listener has seen the end
            other.send(request(b"Q"))
            other.end(how)
            other.read_to_the_end()
        service.gate.set()

        assert client.read_to_the_end() == (response(b"client says " + slow) + response(b"client says Q"), True)


@ENDS
def test_a_long_answer_is_whole_before_the_end(bench: Bench, listener: Listener, how: How) -> None:
    with bench.client(listener.port) as client:
        client.send(request(b"L3000000"))
        client.end(how)

        assert client.read_to_the_end() == (response(bytes(3_000_000)), True)


@ENDS
def test_half_a_request_is_not_waited_for(bench: Bench, listener: Listener, service: FakeService, how: How) -> None:
    with bench.client(listener.port) as client:
        client.send_half(request(b"Q"))
        client.end(how)

        assert client.read_to_the_end() == (b"", True)
    assert service.threads == []


def test_both_ends_at_once_are_one_end(bench: Bench, listener: Listener, service: FakeService) -> None:
    with bench.client(listener.port) as client:
        client.send(request(b"G"))
        begun(service)
        client.end("announced")
        client.end("bare")
        service.gate.set()

        assert client.read_to_the_end() == (response(b"client says G"), True)


@ENDS
def test_a_stopping_listener_and_a_leaving_client_agree(
    bench: Bench, listener: Listener, service: FakeService, how: How
) -> None:
    with bench.client(listener.port) as client:
        client.send(request(b"G"))
        begun(service)
        client.end(how)
        stopping = threading.Thread(target=listener.stop, args=(HANG,))
        stopping.start()
        service.gate.set()

        assert client.read_to_the_end() == (response(b"client says G"), True)
    stopping.join(HANG)
    assert not stopping.is_alive()


def test_a_request_is_run_to_its_end_though_its_client_has_left(
    bench: Bench, listener: Listener, service: FakeService
) -> None:
    with bench.client(listener.port) as client:
        client.send(request(b"K"))
        begun(service)
    with bench.client(listener.port) as other:
        other.send(request(b"Q"))
        assert other.receive() == response(b"client says Q")
        service.gate.set()

        until(lambda: b"K" in service.finished, "the request was not run to its end")
        other.send(request(b"Q"))
        assert other.receive() == response(b"client says Q")
