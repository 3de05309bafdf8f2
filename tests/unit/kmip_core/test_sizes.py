"""Sizes of answers, and batches that stop where their answers no longer fit."""

from typing import Any, Final

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import BatchErrorContinuationOption, Operation, ResultReason, ResultStatus
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.objects import OpaqueObject
from kmip_core.operations import CATALOGUE, destroy, get, get_attributes, ping
from kmip_core.settings import Settings
from kmip_core.sizes import at_least
from kmip_core.structures import Name
from tests.builders import ALICE, VERSION, a_custom, an_engine, ask, stored
from tests.unit.kmip_core.operations.usable_keys import a_stored

CODEC: Final = Codec(CATALOGUE)
LARGE: Final = 10_000
CONTINUE, UNDO = BatchErrorContinuationOption.CONTINUE, BatchErrorContinuationOption.UNDO


def an_engine_with_room_for(answers: int) -> Engine:
    settings = Settings(maximum_response_size=answers * (LARGE + 200))
    return an_engine(a_stored(OpaqueObject(b"x" * LARGE), "large"), settings=settings)


GET: Final = (Operation.GET, get.Request(unique_identifier="large"))
DESTROY: Final = (Operation.DESTROY, destroy.Request(unique_identifier="large"))


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 0),
        (5, 8),
        (True, 8),
        (b"12345", 13),
        ("12345", 13),
        ((b"1", b"2"), 18),
        (Name(name_value="abc"), 8 + 11 + 8),
        (object(), 0),
    ],
    ids=lambda value: value.__class__.__name__,
)
def test_a_value_takes_at_least(value: Any, size: int) -> None:
    assert at_least(value) == size


@pytest.mark.parametrize("custom", [0, 1, 50])
def test_an_answer_is_not_smaller_than_it_is_said_to_be(custom: int) -> None:
    attributes = tuple(a_custom(f"ID {number}", "x" * 100) for number in range(custom))
    engine = an_engine(a_stored(OpaqueObject(b"x" * LARGE), "large", custom_attributes=attributes))
    request = get_attributes.Request(unique_identifier="large")
    item = RequestBatchItem(operation=Operation.GET_ATTRIBUTES, payload=request)
    message = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))

    answer = engine.handle(message, ALICE)

    assert at_least(answer.batch_items[0].payload) < len(CODEC.encode_response(answer))


def test_a_batch_stops_where_its_answers_no_longer_fit() -> None:
    answer = ask(an_engine_with_room_for(3), *[GET] * 10)

    reasons = [item.result_reason for item in answer.batch_items]
    assert reasons == [None] * 3 + [ResultReason.RESPONSE_TOO_LARGE]


def test_a_batch_of_attributes_stops_where_they_no_longer_fit() -> None:
    """A hundred answers with 4 MiB of attributes each were kept until all were there: 5 GiB."""
    texts = tuple(a_custom(f"ID {number}", "x" * 100) for number in range(LARGE // 100))
    settings = Settings(maximum_response_size=50_000)
    engine = an_engine(a_stored(OpaqueObject(b"o"), "large", custom_attributes=texts), settings=settings)
    item = (Operation.GET_ATTRIBUTES, get_attributes.Request(unique_identifier="large"))
    (first,) = ask(engine, item).batch_items
    size = at_least(first.payload)

    answer = ask(engine, *[item] * 20)

    assert size > LARGE  # each of the texts is counted
    reasons = [item.result_reason for item in answer.batch_items]
    assert reasons == [None] * (50_000 // size) + [ResultReason.RESPONSE_TOO_LARGE]


def test_items_after_one_without_room_are_not_done_even_if_the_batch_goes_on() -> None:
    engine = an_engine_with_room_for(1)

    answer = ask(engine, GET, GET, DESTROY, batch_error_continuation_option=CONTINUE)

    reasons = [item.result_reason for item in answer.batch_items]
    assert reasons == [None] + [ResultReason.RESPONSE_TOO_LARGE] * 2
    assert stored(engine, "large").has_content


def test_a_batch_that_can_be_undone_is_undone_if_its_answers_do_not_fit() -> None:
    engine = an_engine_with_room_for(1)

    answer = ask(engine, GET, GET, batch_error_continuation_option=UNDO)

    assert [item.result_status for item in answer.batch_items] == [
        ResultStatus.OPERATION_UNDONE,
        ResultStatus.OPERATION_FAILED,
    ]


def test_small_answers_fit_however_many() -> None:
    answer = ask(an_engine_with_room_for(1), *[(Operation.PING, ping.Request())] * 50)

    assert {item.result_status for item in answer.batch_items} == {ResultStatus.SUCCESS}


def test_absent_attributes_take_no_room() -> None:
    assert at_least(Attributes()) < 200
