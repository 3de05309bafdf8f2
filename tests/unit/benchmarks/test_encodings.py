"""The benchmark of encodings asks for the same in each of them, and is answered."""

from typing import Any

from benchmarks.encodings import CASES, answer_of, message, rates_of
from kmip_app.testing import KmipTestServer
from kmip_core.enums import Operation, ResultStatus
from kmip_core.operations import get


def test_each_encoding_has_a_rate() -> None:
    with KmipTestServer() as server:
        container: Any = server._server.container
        service = container.plain_service()
        for operation, make in CASES.values():
            rates = rates_of(service, operation, make, ["none"], rounds=1, requests=2)
            assert rates.keys() == {"TTLV", "XML", "JSON"}
            assert all(rate > 0 for rate in rates.values())
        frame = service.codec.encode_request(message(Operation.GET, get.Request(unique_identifier="none")))
        (item,) = service.codec.decode_response(answer_of(service, frame)).batch_items
        assert item.result_status is ResultStatus.OPERATION_FAILED, "it is asked, and answers"
