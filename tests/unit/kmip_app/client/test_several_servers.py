"""Several real servers, of which some stop, and connections that are kept: alike for both kinds of client."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from kmip_app.client import AsyncKmipClient, KmipClient, OutcomeUnknown, ServerUnreachable
from kmip_app.testing import KmipTestServer
from kmip_app.testing.failing import Drop
from kmip_core.enums import Operation
from kmip_core.structures import ProtocolVersion


class Awaited:
    """An AsyncKmipClient whose methods are called as those of a KmipClient."""

    def __init__(self, runner: asyncio.Runner, client: AsyncKmipClient) -> None:
        self._runner = runner
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return (lambda *words, **more: self._runner.run(found(*words, **more))) if callable(found) else found


Make = Callable[..., Any]
Pair = tuple[KmipTestServer, KmipTestServer]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make a client of servers, in their order."""
    with ExitStack() as ending:
        runner = ending.enter_context(asyncio.Runner()) if request.param == "async" else None

        def client(*servers: KmipTestServer, **more: Any) -> Any:
            first = servers[0]
            options: dict[str, Any] = {"cert": first.cert, "key": first.key, "ca": first.ca, "timeout": 60.0} | more
            addresses = [(server.host, server.port) for server in servers]
            if runner is None:
                blocking = KmipClient(servers=addresses, **options)
                ending.callback(blocking.close)
                return blocking
            waiting = Awaited(runner, AsyncKmipClient(servers=addresses, **options))
            ending.callback(waiting.close)
            return waiting

        yield client


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two servers with stores of their own, and one CA."""
    with KmipTestServer() as first, KmipTestServer() as second:
        yield first, second


@pytest.fixture
def servers(pair: Pair) -> Pair:
    for server in pair:
        server.reset()
    return pair


@contextmanager
def stopped(server: KmipTestServer) -> Iterator[None]:
    """Stop a server, and keep its port from every other one until it serves again, with an empty store."""
    server.stop()
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((server.host, server.port))
        yield
    server.start()


def place(server: KmipTestServer) -> str:
    return f"{server.host}:{server.port}"


def done(server: KmipTestServer, operation: Operation) -> int:
    """Return how often a server performed an operation."""
    return sum(record.operation is operation for record in server.requests)


def test_the_next_server_takes_over_and_stays(make: Make, servers: Pair) -> None:
    first, second = servers
    client = make(first, second)
    client.create("AES", 128)
    assert client.server == place(first)
    with stopped(first):
        client.create("AES", 128)  # changes something, and goes on: nothing had been sent to the server that stopped
        assert client.server == place(second)
    client.create("AES", 128)

    assert client.server == place(second)  # it serves, so nothing is changed back
    assert done(second, Operation.CREATE) == 2
    with stopped(second):
        client.create("AES", 128)
        assert (client.server, done(first, Operation.CREATE)) == (place(first), 1)


def test_a_question_that_is_lost_goes_to_the_next_server(make: Make, servers: Pair) -> None:
    first, second = servers
    client = make(first, second)
    first.fail_next("Locate", drop="answer")

    assert client.locate().unique_identifiers == ()

    assert client.server == place(second)
    assert done(second, Operation.LOCATE) == 1


def test_an_answer_that_takes_too_long_is_a_lost_one(make: Make, servers: Pair) -> None:
    first, second = servers
    client = make(first, second)
    client.open()
    silent = make(first, second, timeout=1.0, version="2.1", retries=0)
    first.fail_next("Locate", delay=60.0)

    with pytest.raises(OutcomeUnknown, match=place(first)):
        silent.locate()

    assert client.locate().unique_identifiers == ()
    assert client.server == place(first)  # which is only slow with one of its clients


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_change_that_may_have_been_done_is_not_sent_elsewhere(make: Make, servers: Pair, lost: Drop) -> None:
    first, second = servers
    client = make(first, second)
    first.fail_next("Create", drop=lost)

    with pytest.raises(OutcomeUnknown):
        client.create("AES", 128)

    assert done(second, Operation.CREATE) == 0
    assert done(first, Operation.CREATE) == (lost == "answer")
    client.create("AES", 128)
    assert done(first, Operation.CREATE) + done(second, Operation.CREATE) == 1 + (lost == "answer")


def test_each_server_is_spoken_to_in_its_version(make: Make, servers: Pair) -> None:
    _, newer = servers
    with KmipTestServer(versions="1.0,1.1,1.2") as older:
        client = make(older, newer)
        client.open()
        assert client.protocol_version == ProtocolVersion(1, 2)
        with stopped(older):
            client.query(query_functions=["Query Operations"])
            assert client.protocol_version == ProtocolVersion(2, 1)


def test_every_server_is_named_when_none_can_be_reached(make: Make, servers: Pair) -> None:
    client = make(*servers)
    client.open()
    with stopped(servers[0]), stopped(servers[1]), pytest.raises(ServerUnreachable) as caught:
        client.create("AES", 128)

    assert {failure.server for failure in caught.value.failures} == {place(server) for server in servers}
    assert client.create("AES", 128).unique_identifier  # the client is as good as new


def test_one_connection_serves_all_requests(make: Make, servers: Pair) -> None:
    first, _ = servers
    client = make(first)
    for _ in range(20):
        client.query(query_functions=["Query Operations"])

    assert len({record.address for record in first.requests if record.operation is Operation.QUERY}) == 1


def test_threads_share_a_connection(servers: Pair) -> None:
    first, _ = servers
    together = threading.Barrier(4)
    with KmipClient(first.host, first.port, first.cert, first.key, first.ca, timeout=60.0) as client:

        def ask(number: int) -> list[bool]:
            together.wait(120)
            made = [client.create("AES", 128, name=f"{number}-{n}").unique_identifier for n in range(5)]
            return [client.locate(f"{number}-{n}").unique_identifiers == (made[n],) for n in range(5)]

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, range(4)))

    assert answers == [[True] * 5] * 4
