"""Whole messages: which version answers, what is refused as a whole, and any bytes at all."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.encoding import ENCODINGS, Encoding
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import (
    ASYNCHRONOUS_INDICATOR,
    BATCH_COUNT,
    PROTOCOL_VERSION,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
)
from kmip_adapters.ttlv.standard import tables
from kmip_core.attributes import AttributeReference
from kmip_core.enums import AttestationType, ItemType, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError, not_found
from kmip_core.messages import (
    Nonce,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    failure,
)
from kmip_core.operations import CATALOGUE, activate, get_attributes
from kmip_core.structures import ProtocolVersion
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.builders import (
    ACTIVATE,
    CODEC,
    V10,
    V12,
    V14,
    V20,
    V21,
    V30,
    header,
    integer,
    request,
    structure,
    text,
    version_item,
    with_id,
)
from tests.unit.kmip_adapters.ttlv.strategies import batch_item_id, fields_to_refer_to, instances

VALUES_OF_ONE_CLIENT: dict[str, Any] = {
    "nonce": tuple(Nonce(nonce_id=name, nonce_value=bytes(32)) for name in (b"first", b"second")),
    "attestation_types": ((AttestationType.TPM_QUOTE,), (AttestationType.TPM_QUOTE, AttestationType.SAML_ASSERTION)),
    "server_hashed_password": (b"first", b"second"),
    "client_correlation_value": ("first", "second"),
    "server_correlation_value": ("first", "second"),
}

# --- refused as a whole -------------------------------------------------------------------------------------------

WHOLE = {
    "not a request": (lambda: CODEC.request_from(structure(0x42007B, header(), ACTIVATE)), V10),
    "no header": (lambda: request(ACTIVATE), V10),
    "nothing in it": (lambda: request(), V10),
    "a header that is no structure": (lambda: request(integer(REQUEST_HEADER, 1), ACTIVATE), V10),
    "no version": (lambda: request(structure(REQUEST_HEADER, integer(BATCH_COUNT, 1)), ACTIVATE), V10),
    "half a version": (
        lambda: request(structure(REQUEST_HEADER, structure(PROTOCOL_VERSION, integer(0x42006A, 1))), ACTIVATE),
        V10,
    ),
    "no batch count": (lambda: request(structure(REQUEST_HEADER, version_item((1, 2))), ACTIVATE), V12),
    "a batch count too high": (lambda: request(header(count=2), ACTIVATE), V12),
    "a batch count too low": (
        lambda: request(header(count=1), with_id(ACTIVATE, b"1"), with_id(ACTIVATE, b"2")),
        V12,
    ),
    "a batch count of 0": (lambda: request(header(count=0)), V12),
    "a negative batch count": (lambda: request(header(count=-1), ACTIVATE), V12),
    "a batch count that is text": (
        lambda: request(structure(REQUEST_HEADER, version_item((1, 2)), text(BATCH_COUNT, "1")), ACTIVATE),
        V12,
    ),
    "something else after the header": (lambda: request(header(), integer(BATCH_COUNT, 1)), V10),
    "a header field twice": (lambda: request(header((1, 4), *[integer(0x420050, 9)] * 2), ACTIVATE), V14),
    "a header field of the wrong type": (lambda: request(header((2, 0), text(0x420050, "9")), ACTIVATE), V20),
    "a boolean indicator in 2.x": (
        lambda: request(header((2, 0), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, True)), ACTIVATE),
        V20,
    ),
    "several items, one without an id": (lambda: request(header(count=2), with_id(ACTIVATE, b"1"), ACTIVATE), V12),
    "several items, the first without an id": (
        lambda: request(header((2, 1), count=2), ACTIVATE, with_id(ACTIVATE, b"1")),
        V21,
    ),
}


@pytest.mark.parametrize(("read", "version"), WHOLE.values(), ids=WHOLE)
def test_invalid_message_in_the_best_known_version(
    read: Callable[[], RequestMessage], version: ProtocolVersion
) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        read()

    assert refusal.value.reason is ResultReason.INVALID_MESSAGE
    assert version == refusal.value.version


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ((0, 9), V10),
        ((1, 5), V14),
        ((1, 99), V14),
        ((2, 2), V21),
        ((3, 1), V30),
        ((9, 9), V30),
        ((-1, 0), V10),
    ],
)
def test_a_version_that_is_not_spoken_is_answered_in_the_nearest(
    asked: tuple[int, int], answered: ProtocolVersion
) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        request(header(asked), ACTIVATE)

    answer = CODEC.decode_response(CODEC.encode_response(CODEC.refusal(refusal.value, 1)))
    assert answered == answer.header.protocol_version
    (item,) = answer.batch_items
    assert item.operation is None
    assert item.result_status is ResultStatus.OPERATION_FAILED
    expected = ResultReason.INVALID_MESSAGE if answered < V20 else ResultReason.UNSUPPORTED_PROTOCOL_VERSION
    assert expected is item.result_reason


def test_an_answer_in_a_version_that_is_not_spoken_is_refused() -> None:
    message = ResponseMessage(header=ResponseHeader(protocol_version=V12, time_stamp=1), batch_items=())
    item = CODEC.response_item(evolve(message, batch_items=(failure(not_found()),)))
    only_10 = Codec(CATALOGUE, [V10])

    with pytest.raises(KmipError, match=r"1\.2"):
        only_10.response_from(item)


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_response_is_the_encoding_of_its_item(version: ProtocolVersion) -> None:
    for time_stamp, correlation in ((1_700_000_000, None), (1_700_000_001, None), (1_700_000_001, "server's")):
        header = ResponseHeader(protocol_version=version, time_stamp=time_stamp, server_correlation_value=correlation)
        for count in (1, 2):
            item = ResponseBatchItem(operation=Operation.ACTIVATE, payload=activate.Response(unique_identifier="1"))
            message = ResponseMessage(header=header, batch_items=(item,) * count)

            assert binary.encode(CODEC.response_item(message)) == CODEC.encode_response(message)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize(
    "field", [field.name for field in fields(ResponseHeader) if field.name not in ("protocol_version", "time_stamp")]
)
def test_header_fields_for_one_client_reach_no_other_client(field: str, encoding: Encoding) -> None:
    codec, newest = Codec(CATALOGUE), tables.VERSIONS[-1]
    plain = ResponseHeader(protocol_version=newest, time_stamp=1_700_000_000)
    own, others = (evolve(plain, **{field: VALUES_OF_ONE_CLIENT[field][number]}) for number in (0, 1))
    item = ResponseBatchItem(operation=Operation.ACTIVATE, payload=activate.Response(unique_identifier="1"))

    for written in (own, plain, others, plain, own):
        frame = codec.encode_response(ResponseMessage(header=written, batch_items=(item,)), encoding)

        assert codec.decode_response(frame, encoding).header == written


# --- frames that are no TTLV --------------------------------------------------------------------------------------


def spoilt(version: tuple[int, int]) -> bytes:
    """A request whose last item says that it is longer than the message."""
    frame = bytearray(binary.encode(structure(REQUEST_MESSAGE, header(version), ACTIVATE)))
    frame[-9] = 0x7F
    return bytes(frame)


@pytest.mark.parametrize(
    ("asked", "answered", "reason"),
    [
        ((1, 0), V10, ResultReason.INVALID_MESSAGE),
        ((1, 4), V14, ResultReason.INVALID_MESSAGE),
        ((2, 0), V20, ResultReason.CODEC_ERROR),
        ((2, 1), V21, ResultReason.CODEC_ERROR),
        ((3, 0), V30, ResultReason.CODEC_ERROR),
    ],
)
def test_a_frame_that_is_no_ttlv_is_answered_in_the_version_that_it_begins_with(
    asked: tuple[int, int], answered: ProtocolVersion, reason: ResultReason
) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        CODEC.decode_request(spoilt(asked))

    answer = CODEC.decode_response(CODEC.encode_response(CODEC.refusal(refusal.value, 1)))
    assert answered == answer.header.protocol_version
    assert reason is answer.batch_items[0].result_reason


@pytest.mark.parametrize("place", [0, 8, 16, 20, 24, 28, 40, 44])
def test_a_frame_that_does_not_begin_as_requests_do_is_answered_in_the_oldest_version(place: int) -> None:
    frame = bytearray(spoilt((2, 1)))
    frame[place + 3] ^= 0x40

    with pytest.raises(UnreadableMessage) as refusal:
        CODEC.decode_request(bytes(frame))

    assert refusal.value.version == V10


def test_a_frame_too_short_for_a_version_is_answered_in_the_oldest_version() -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        CODEC.decode_request(spoilt((2, 1))[:48])

    assert refusal.value.version == V10


# --- any bytes ----------------------------------------------------------------------------------------------------


@settings(max_examples=rounds(100, nightly=300), deadline=None)
@given(data=st.binary(max_size=64), cut=st.integers(0, 200))
def test_any_bytes_are_read_or_refused_with_one_error(data: bytes, cut: int) -> None:
    whole = binary.encode(structure(REQUEST_MESSAGE, header(), ACTIVATE))
    damaged = whole[:cut] + data + whole[cut + len(data) :]
    try:
        read: RequestMessage | UnreadableMessage = CODEC.decode_request(damaged)
    except UnreadableMessage as refusal:
        read = refusal

    version = read.version if isinstance(read, UnreadableMessage) else read.header.protocol_version
    assert version in CODEC.versions


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_reference_to_any_attribute_is_read_as_it_was_written(version: ProtocolVersion) -> None:
    references = [AttributeReference(attribute=field) for field in fields_to_refer_to(version)]
    for reference in references:
        payload = get_attributes.Request(unique_identifier="an-identifier", references=(reference,))
        item = RequestBatchItem(operation=Operation.GET_ATTRIBUTES, payload=payload)
        message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))

        assert message == CODEC.decode_request(CODEC.encode_request(message))


DAMAGES = st.sampled_from(("flip", "insert", "cut out", "cut off", "repeat"))


def damaged(frame: bytes, how: str, at: int, data: bytes) -> bytes:
    """Return the frame damaged at a place, its own length mended, so that what is inside is read."""
    at %= len(frame)
    rest = {
        "flip": bytes([frame[at] ^ (data[0] or 1)]) + frame[at + 1 :],
        "insert": data + frame[at:],
        "cut out": frame[at + len(data) :],
        "cut off": b"",
        "repeat": frame[at - at % 8 : at - at % 8 + 8 * len(data)] + frame[at:],
    }[how]
    changed = frame[:at] + rest
    return changed[:4] + max(0, len(changed) - 8).to_bytes(4) + changed[8:]


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@settings(max_examples=rounds(30, nightly=100), suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    damages=st.lists(st.tuples(DAMAGES, st.integers(0, 2**16), st.binary(min_size=1, max_size=8)), min_size=1),
)
def test_a_damaged_message_of_any_operation_is_read_or_refused_with_one_error(
    version: ProtocolVersion, data: st.DataObject, damages: list[tuple[str, int, bytes]]
) -> None:
    spec = CATALOGUE[data.draw(st.sampled_from([o for o in CATALOGUE if is_spoken(o, version)]))]
    payload = data.draw(instances(spec.request, version))
    item = RequestBatchItem(operation=spec.operation, unique_batch_item_id=batch_item_id(version), payload=payload)
    message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))
    frame = CODEC.encode_request(message)
    assert message == CODEC.decode_request(frame)
    for how, at, octets in damages:
        frame = damaged(frame, how, at, octets)
    try:
        read: RequestMessage | UnreadableMessage = CODEC.decode_request(frame)
    except UnreadableMessage as refusal:
        read = refusal

    assert (read.version if isinstance(read, UnreadableMessage) else read.header.protocol_version) in CODEC.versions


def is_spoken(operation: Operation, version: ProtocolVersion) -> bool:
    return int(operation) in tables.enumeration_values("Operation", version)
