"""What is counted of requests: items by operation, version and result; durations of messages by their one operation."""

from kmip_app.monitoring.observation import RequestNumbers
from kmip_core.enums import Operation, ResultReason, ResultStatus
from kmip_core.messages import RequestHeader, RequestMessage, ResponseBatchItem, ResponseHeader, ResponseMessage
from kmip_core.structures import ProtocolVersion

VERSION = ProtocolVersion(2, 1)


def add(numbers: RequestNumbers, *items: tuple[Operation | None, ResultReason | None]) -> None:
    answered = tuple(
        ResponseBatchItem(operation=operation, result_status=ResultStatus.SUCCESS, result_reason=reason)
        for operation, reason in items
    )
    header = ResponseHeader(protocol_version=VERSION, time_stamp=0)
    request = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=())
    numbers.add(request, ResponseMessage(header=header, batch_items=answered), 0.001)


def test_items_are_counted_by_operation_and_result_and_messages_of_several_under_none() -> None:
    numbers, get, missing = RequestNumbers(), Operation.GET, ResultReason.OBJECT_NOT_FOUND
    add(numbers, (get, None))
    add(numbers, (get, missing))
    add(numbers, (Operation.CREATE, None), (get, None))
    add(numbers, (None, missing))

    version = 2 * 256 + 1
    assert numbers.requests() == {
        (int(get), version, 0): 2,
        (int(get), version, int(missing)): 1,
        (int(Operation.CREATE), version, 0): 1,
        (0, version, int(missing)): 1,
    }
    assert {operation: sum(one.counts) for operation, one in numbers.durations().items()} == {int(get): 2, 0: 2}
