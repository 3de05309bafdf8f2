"""Poll, Cancel, Process and Query Asynchronous Requests."""

import pytest

from kmip_core.enums import CancellationResult, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import cancel, poll, process, query_asynchronous_requests
from tests.builders import an_engine, perform


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (Operation.POLL, poll.Request(asynchronous_correlation_value=b"none")),
        (Operation.PROCESS, process.Request(asynchronous_correlation_value=b"none")),
    ],
)
def test_an_unknown_correlation_value_is_refused(operation: Operation, request_: object) -> None:
    with pytest.raises(KmipError) as refused:
        perform(an_engine(), operation, request_)

    assert refused.value.reason is ResultReason.INVALID_ASYNCHRONOUS_CORRELATION_VALUE


def test_cancel_says_unavailable_of_an_unknown_correlation_value() -> None:
    answer = perform(an_engine(), Operation.CANCEL, cancel.Request(asynchronous_correlation_value=b"none"))

    assert answer == cancel.Response(
        asynchronous_correlation_value=b"none", cancellation_result=CancellationResult.UNAVAILABLE
    )


def test_nothing_is_reported_where_nothing_is_outstanding() -> None:
    answer = perform(
        an_engine(), Operation.QUERY_ASYNCHRONOUS_REQUESTS, query_asynchronous_requests.Request(operations=())
    )

    assert answer.asynchronous_requests == ()
