"""The listening side of a client: what it answers by itself, and what waits for the runner."""

import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.ttlv.codec import Codec
from kmip_app.conformance.listening import Listener, operation_of, succeeded, unique_identifier
from kmip_app.testing import KmipTestServer
from kmip_core.attributes import Attributes
from kmip_core.calls import CATALOGUE, notify
from kmip_core.enums import Operation, QueryFunction, ResultReason, ResultStatus
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem, ResponseMessage
from kmip_core.operations import discover_versions, query
from kmip_core.structures import ProtocolVersion

CODEC = Codec(CATALOGUE)
V1_0, V1_4, V2_1 = ProtocolVersion(1, 0), ProtocolVersion(1, 4), ProtocolVersion(2, 1)
NOTIFY = notify.Request(unique_identifier="key", attributes=Attributes(last_change_date=1))


@pytest.fixture(scope="module")
def server() -> Iterator[KmipTestServer]:
    """A server, for its certificates."""
    with KmipTestServer() as server:
        yield server


@pytest.fixture
def listener(server: KmipTestServer) -> Iterator[Listener]:
    mine = server.client_certificate("listener")
    with Listener(ca=Path(mine.ca), cert=Path(mine.cert), key=Path(mine.key), patience=10.0) as listener:
        yield listener


@pytest.fixture
def connection(server: KmipTestServer, listener: Listener) -> Iterator[TlsTtlvClient]:
    """A server that calls it; the certificate of another client serves as well."""
    files = server.client_certificate()
    context = client_context(ca=Path(files.ca), cert=Path(files.cert), key=Path(files.key))
    with TlsTtlvClient("127.0.0.1", listener.port, context=context) as connection:
        yield connection


def frame(operation: Operation, payload: object, version: ProtocolVersion = V1_4) -> bytes:
    item = RequestBatchItem(operation=operation, payload=payload)
    return CODEC.encode_request(RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,)))


def asked(
    connection: TlsTtlvClient, operation: Operation, payload: object, version: ProtocolVersion = V1_4
) -> tuple[ResponseMessage, ResponseBatchItem]:
    message = CODEC.decode_response(connection.exchange(frame(operation, payload, version)))
    (item,) = message.batch_items
    return message, item


def test_it_says_what_it_can(connection: TlsTtlvClient, listener: Listener) -> None:
    listener.begin("1.4")
    _, item = asked(connection, Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))

    assert set(item.payload.operations) == {
        Operation.QUERY,
        Operation.DISCOVER_VERSIONS,
        Operation.NOTIFY,
        Operation.PUT,
    }


def test_it_speaks_the_version_of_the_case(connection: TlsTtlvClient, listener: Listener) -> None:
    listener.begin("1.4")
    request = discover_versions.Request(protocol_versions=(V2_1, V1_4, V1_0))
    message, item = asked(connection, Operation.DISCOVER_VERSIONS, request, V2_1)

    assert message.header.protocol_version == V1_4
    assert item.payload.protocol_versions == (V1_4,)


def test_a_client_of_1_0_discovers_nothing_and_shows_its_version(connection: TlsTtlvClient, listener: Listener) -> None:
    listener.begin("1.0")
    message, item = asked(connection, Operation.DISCOVER_VERSIONS, discover_versions.Request(), V2_1)

    assert message.header.protocol_version == V1_0
    assert item.result_reason is ResultReason.OPERATION_NOT_SUPPORTED


def test_a_request_between_cases_succeeds(connection: TlsTtlvClient) -> None:
    _, item = asked(connection, Operation.NOTIFY, NOTIFY)

    assert item.result_status is ResultStatus.SUCCESS


def test_a_request_during_a_case_waits_for_the_runner(connection: TlsTtlvClient, listener: Listener) -> None:
    listener.begin("1.4")
    connection.socket.sendall(frame(Operation.NOTIFY, NOTIFY))
    call = listener.take()

    assert operation_of(call.request) is Operation.NOTIFY
    assert call.unique_identifier == unique_identifier(call.request) == "key"
    assert connection.is_idle()
    call.answer(succeeded(call.request))
    (item,) = CODEC.decode_response(connection.receive()).batch_items
    assert item.result_status is ResultStatus.SUCCESS


def test_a_request_that_waits_at_the_end_of_a_case_succeeds(connection: TlsTtlvClient, listener: Listener) -> None:
    listener.begin("1.4")
    connection.socket.sendall(frame(Operation.NOTIFY, NOTIFY))
    listener.end()

    (item,) = CODEC.decode_response(connection.receive()).batch_items
    assert item.result_status is ResultStatus.SUCCESS


def test_a_server_that_sends_nothing_is_not_waited_for_without_end(server: KmipTestServer) -> None:
    mine = server.client_certificate("listener")
    with Listener(ca=Path(mine.ca), cert=Path(mine.cert), key=Path(mine.key), patience=0.01) as listener:
        with pytest.raises(RuntimeError):
            listener.take()
        listener.begin("1.4")
        with pytest.raises(TimeoutError, match="has sent nothing"):
            listener.take()


def test_a_connection_without_certificate_or_message_is_ended(
    server: KmipTestServer, listener: Listener, connection: TlsTtlvClient
) -> None:
    connection.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.socket.recv(100) == b""
    context = ssl.create_default_context(cafile=server.ca)
    context.check_hostname = False

    def strange() -> None:
        with closing(TlsTtlvClient("127.0.0.1", listener.port, context=context)) as stranger:
            stranger.connect()
            stranger.exchange(frame(Operation.NOTIFY, NOTIFY))

    with pytest.raises(OSError):
        strange()
