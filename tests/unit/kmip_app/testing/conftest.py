"""A test server for the tests of a room, empty for each, and a client that speaks in values."""

from collections.abc import Iterator
from typing import Any

import pytest

from kmip_app.container import planned_codec
from kmip_app.testing import KmipTestServer
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.operations import MODULES
from kmip_core.structures import ProtocolVersion

V21 = ProtocolVersion(2, 1)


@pytest.fixture(scope="package")
def started() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.fixture
def server(started: KmipTestServer) -> KmipTestServer:
    started.reset()
    return started


def message(*requests: Any, version: ProtocolVersion = V21) -> bytes:
    """Return one request message for the operations that `requests` are of."""
    operations = {module.Request: module.SPEC.operation for module in MODULES}
    items = tuple(
        RequestBatchItem(operation=operations[type(request)], payload=request, unique_batch_item_id=bytes([place]))
        for place, request in enumerate(requests)
    )
    header = RequestHeader(protocol_version=version)
    return planned_codec().encode_request(RequestMessage(header=header, batch_items=items))


def ask(server: KmipTestServer, request: Any, client: str = "client") -> ResponseBatchItem:
    """Return the answer to one operation."""
    (item,) = planned_codec().decode_response(server.exchange(message(request), client)).batch_items
    return item
