"""Attacks over real connections on what outlives a request: swapped roles, tickets, submissions, pipelines."""

import contextlib
import json
import socket
from pathlib import Path
from typing import Any, Final

import pytest

from kmip_core.attributes import Attributes
from kmip_core.enums import (
    AsynchronousIndicator,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    EndpointRole,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import CATALOGUE, create, locate, login, logout, poll, set_endpoint_role
from kmip_core.structures import ProtocolVersion
from tests.e2e.conftest import Start
from tests.e2e.test_server_to_client import eventually, kmipd, new_client
from tests.e2e.test_tickets import CODEC, Asker
from tests.listening import WITHIN, Client, Swapped

V2_1: Final = ProtocolVersion(2, 1)
OPERATIONS: Final = {spec.request: operation for operation, spec in CATALOGUE.items()}
A_KEY: Final = create.Request(
    object_type=ObjectType.SYMMETRIC_KEY,
    attributes=Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    ),
)


def frame(*payloads: Any, **header: Any) -> bytes:
    items = tuple(
        RequestBatchItem(operation=OPERATIONS[type(each)], payload=each, unique_batch_item_id=bytes([number]))
        for number, each in enumerate(payloads)
    )
    message = RequestMessage(header=RequestHeader(protocol_version=V2_1, **header), batch_items=items)
    return CODEC.encode_request(message)


def keys_of(asker: Asker) -> tuple[str, ...]:
    found: tuple[str, ...] = asker.ask(Operation.LOCATE, locate.Request()).payload.unique_identifiers
    return found


def records(tmp_path: Path) -> list[dict[str, Any]]:
    lines = [line for path in (tmp_path / "data" / "audit").glob("*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line)["record"] for line in lines]


def test_a_request_behind_a_swap_of_roles_is_not_run(start: Start, tmp_path: Path) -> None:
    """What a client sends after it has become the server is an answer, or the end of the connection."""
    server = start()
    swap = set_endpoint_role.Request(endpoint_role=EndpointRole.CLIENT)
    for parts in ((frame(swap) + frame(A_KEY),), (frame(swap), frame(A_KEY), frame(A_KEY))):
        with server.client() as client, contextlib.suppress(OSError):
            client.socket.settimeout(WITHIN)
            for part in parts:
                client.socket.sendall(part)
            while client.socket.recv(65_536):
                pass

    assert keys_of(Asker(server)) == ()
    eventually(lambda: [one for one in records(tmp_path) if one["event"] == "Unreadable bytes"])


def test_a_revocation_ends_a_connection_whose_roles_are_swapped(start: Start, tmp_path: Path) -> None:
    server = start()
    cert, key = new_client(tmp_path, server, "listener")
    client = Client()
    with Swapped(server, client, cert, key) as swapped:
        eventually(lambda: Operation.QUERY in client.asked)
        kmipd(tmp_path, "client", "revoke", "listener")
        eventually(lambda: [one for one in records(tmp_path) if one["event"] == "Session ended"])
        connection: socket.socket = swapped._client.socket
        eventually(lambda: connection.fileno() < 0 or _is_over(connection))


def _is_over(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_ticket_that_was_given_back_stays_so_over_a_restart(start: Start, tmp_path: Path) -> None:
    server = start("--tickets", "bearer")
    owner = Asker(server)
    tickets = [owner.ask(Operation.LOGIN, login.Request(lease_time=600)).payload.ticket for _ in range(2)]
    owner.ask(Operation.LOGOUT, logout.Request(ticket=tickets[0]), tickets[0])
    server.kill()
    owner = Asker(start("--tickets", "bearer"))

    assert owner.ask(Operation.LOCATE, locate.Request(), tickets[0]).result_reason is ResultReason.INVALID_TICKET
    assert owner.ask(Operation.LOCATE, locate.Request(), tickets[1]).result_status is ResultStatus.SUCCESS


def test_a_client_that_is_revoked_while_the_server_is_down_has_nothing_run(start: Start, tmp_path: Path) -> None:
    server = start()
    cert, key = new_client(tmp_path, server, "leaving")
    with server.client(cert, key) as client:
        later = frame(A_KEY, asynchronous_indicator=AsynchronousIndicator.MANDATORY)
        (item,) = CODEC.decode_response(client.exchange(later)).batch_items
        assert item.result_status is ResultStatus.OPERATION_PENDING
        server.kill()  # before it is due
    kmipd(tmp_path, "client", "revoke", "leaving")
    server = start()

    def was_refused() -> bool:
        told = [one for one in records(tmp_path) if one["principal"] == "leaving"]
        return any(one.get("result") == "AUTHENTICATION_NOT_SUCCESSFUL" for one in told)

    eventually(was_refused)
    assert keys_of(Asker(server)) == ()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_of_a_pipeline_are_answered_in_order_around_one_that_is_answered_later(
    start: Start, tmp_path: Path, workers: str
) -> None:
    data = () if workers == "1" else ("--workers", workers)
    server = start(*data)
    with server.client() as client:
        client.socket.settimeout(WITHIN)
        later = frame(A_KEY, asynchronous_indicator=AsynchronousIndicator.MANDATORY)
        client.socket.sendall(frame(A_KEY) + later + frame(locate.Request()))
        answers = [CODEC.decode_response(client.receive()).batch_items[0] for _ in range(3)]
        value = answers[1].asynchronous_correlation_value
        assert value is not None
        assert [answer.operation for answer in answers] == [Operation.CREATE, Operation.CREATE, Operation.LOCATE]
        assert answers[2].payload.unique_identifiers == (answers[0].payload.unique_identifier,)
    with server.client() as another:  # of the same client, at whichever worker
        asked = frame(poll.Request(asynchronous_correlation_value=value))

        def made() -> Any:
            (answer,) = CODEC.decode_response(another.exchange(asked)).batch_items
            return answer.payload

        assert eventually(made).unique_identifier in keys_of(Asker(server))
