"""Operations that are answered later, over real processes: restarts, kill -9, and a node that takes over.

KMIPD_CRASH_ROUNDS sets how often a server is killed in the midst of pending operations: 1,000 in a nightly run.
"""

import os
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from kmip_app.client import KmipClient, OperationFailed, Pending, requests
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BatchErrorContinuationOption,
    CancellationResult,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    ProcessingStage,
    ResultReason,
    State,
)
from kmip_core.operations import activate, create, get, locate
from kmip_core.structures import Name
from tests import postgresql
from tests.e2e.conftest import Start
from tests.e2e.test_nodes import start_two
from tests.rounds import rounds
from tests.server import Clients, StartedServer

ROUNDS: Final = int(os.environ.get("KMIPD_CRASH_ROUNDS", rounds(2, nightly=8)))
MESSAGES: Final = rounds(4, nightly=20)
ITEMS: Final = 50
HANG: Final = 240.0  # seconds; a hang limit, not a promise
NOT_BY_ITSELF: Final = ("--asynchronous-delay", "3600")


def connected(server: StartedServer, cert: Path | None = None, key: Path | None = None) -> KmipClient:
    return KmipClient(server.host, server.port, cert or server.cert, key or server.key, server.ca, version="2.1")


def a_key(name: str) -> create.Request:
    attributes = Attributes(
        names=(Name(name_value=name),),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    )
    return create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)


def count(client: KmipClient) -> int:
    return len(client.call(locate.Request()).unique_identifiers)


def test_pending_operations_survive_a_restart(start: Start) -> None:
    server = start(*NOT_BY_ITSELF)
    with connected(server) as client:
        made, activated = client.submit([a_key("later"), activate.Request()])
        assert count(client) == 0
    assert server.stop() == 0

    with connected(start(*NOT_BY_ITSELF)) as client:
        stages = [one.processing_stage for one in client.query_asynchronous_requests().asynchronous_requests]
        assert stages == [ProcessingStage.SUBMITTED] * 2
        key = client.wait_for(made, HANG).unique_identifier
        assert client.wait_for(activated, HANG).unique_identifier == key
        assert client.get_attributes(key).attributes.state is State.ACTIVE
        assert client.query_asynchronous_requests().asynchronous_requests == ()


def test_a_due_operation_is_run_without_a_request(start: Start) -> None:
    with connected(start("--asynchronous-delay", "0")) as client:
        (pending,) = client.submit([a_key("due")])
        end = time.monotonic() + HANG
        while (
            client.query_asynchronous_requests().asynchronous_requests[0].processing_stage
            is not ProcessingStage.COMPLETED
        ):
            assert time.monotonic() < end
            time.sleep(0.05)

        assert client.cancel(pending.asynchronous_correlation_value).cancellation_result is CancellationResult.COMPLETED


def test_a_client_cancels_processes_and_waits(start: Start, tmp_path: Path) -> None:
    server = start(*NOT_BY_ITSELF)
    clients = Clients(server.ca, tmp_path)
    with connected(server) as client, connected(server, clients.certificate("stranger"), clients.key) as stranger:
        canceled, hurried, failing = client.submit(
            [a_key("canceled"), a_key("hurried"), get.Request(unique_identifier="missing")],
            BatchErrorContinuationOption.CONTINUE,
        )
        value = canceled.asynchronous_correlation_value
        assert client.cancel(value).cancellation_result is CancellationResult.CANCELED
        with pytest.raises(OperationFailed) as refused:
            client.wait_for(canceled, HANG)
        assert refused.value.reason is ResultReason.OPERATION_CANCELED_BY_REQUESTER
        client.process(hurried.asynchronous_correlation_value)
        assert client.poll(hurried.asynchronous_correlation_value).unique_identifier
        with pytest.raises(OperationFailed) as refused:
            client.wait_for(failing, HANG)
        assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND

        for other in (value, b"", b"none", bytes(500_000)):  # a foreign value, and those that there never were
            assert stranger.cancel(other).cancellation_result is CancellationResult.UNAVAILABLE
            with pytest.raises(OperationFailed) as refused:
                stranger.poll(other)
            assert refused.value.reason is ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE
        assert stranger.query_asynchronous_requests().asynchronous_requests == ()


def test_long_work_is_pending_where_the_client_can_wait(start: Start) -> None:
    with connected(start("--asynchronous-after", "0")) as client:
        (pending,) = client.submit([requests.create_key_pair("RSA", 2048)], must=False)
        assert isinstance(pending, Pending)

        assert client.wait_for(pending, HANG).private_key_unique_identifier


def test_another_node_takes_over_what_a_dead_one_has_left(tmp_path: Path) -> None:
    url = postgresql.url_for(tmp_path)
    with ExitStack() as resources:
        first, second = start_two(tmp_path, url, resources)
        with connected(first) as client:
            (pending,) = client.submit([a_key("orphan")])
            client.close()
        first.kill()
        with connected(second, first.cert, first.key) as client:
            assert client.wait_for(pending, HANG).unique_identifier
            assert count(client) == 1


def test_pending_operations_live_through_kills_and_happen_once(start: Start) -> None:
    options = ("--asynchronous-delay", "0", "--logging_level", "WARNING")
    server = start(*options)
    pending: list[Pending] = []
    with connected(server) as client:
        for message in range(MESSAGES):
            names = [f"{message}-{item}" for item in range(ITEMS)]
            pending += client.submit(list(map(a_key, names)), BatchErrorContinuationOption.CONTINUE)
    for number in range(1, ROUNDS + 1):
        with connected(server) as client:
            end = time.monotonic() + HANG
            while count(client) < number * len(pending) // (ROUNDS + 2):
                assert time.monotonic() < end
                time.sleep(0.02)
        server.kill()
        server = start(*options)
    with connected(server) as client:
        made = [client.wait_for(one, HANG).unique_identifier for one in pending]
        found = client.call(locate.Request()).unique_identifiers

    assert Counter(made) == Counter(found)
    assert len(set(made)) == MESSAGES * ITEMS
