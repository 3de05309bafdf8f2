"""Decoded requests that are remembered by their bytes."""

from collections.abc import Callable

import pytest

from kmip_adapters.ttlv import repeats
from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.repeats import RepeatedRequests
from kmip_core.enums import CredentialType, KeyFormatType, Operation
from kmip_core.errors import KmipError
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    UsernameAndPassword,
)
from kmip_core.operations import CATALOGUE, encrypt, get
from kmip_core.ports.steps import Pace
from kmip_core.structures import ProtocolVersion

CODEC = Codec(CATALOGUE, [ProtocolVersion(1, 4)])
HEADER = RequestHeader(protocol_version=ProtocolVersion(1, 4))


class Decoded:
    """Decodes, and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, frame: bytes) -> RequestMessage:
        self.count += 1
        return CODEC.decode_request(frame)


def quick(request: RequestMessage) -> Pace:
    return Pace.QUICK


def a_frame(operation: Operation, payload: object, header: RequestHeader = HEADER) -> bytes:
    item = RequestBatchItem(operation=operation, payload=payload)
    return CODEC.encode_request(RequestMessage(header=header, batch_items=(item,)))


def a_get(name: str = "key") -> bytes:
    return a_frame(Operation.GET, get.Request(unique_identifier=name))


def test_the_same_bytes_are_decoded_once() -> None:
    decode = Decoded()
    requests = RepeatedRequests(decode, quick)

    assert requests.read(a_get()) == requests.read(a_get()) == (CODEC.decode_request(a_get()), Pace.QUICK, False)
    assert requests.read(a_get("another")) != requests.read(a_get())
    assert decode.count == 2


def test_the_pace_of_the_same_bytes_is_asked_once() -> None:
    paces = iter((Pace.BRIEF, Pace.SLOW))
    requests = RepeatedRequests(Decoded(), lambda request: next(paces))

    assert [requests.read(frame)[1] for frame in (a_get(), a_get(), a_get("another"))] == [
        Pace.BRIEF,
        Pace.BRIEF,
        Pace.SLOW,
    ]


@pytest.mark.parametrize("pace", Pace)
@pytest.mark.parametrize("is_one", [True, False])
def test_a_plain_read_is_known_when_it_is_asked_for_again_at_the_quick_pace(pace: Pace, is_one: bool) -> None:
    requests = RepeatedRequests(Decoded(), lambda request: pace, lambda request: is_one)

    found = [requests.read(frame)[2] for frame in (a_get(), a_get(), a_get("another"), a_get())]

    is_known = is_one and pace is Pace.QUICK
    assert found == [False, is_known, False, is_known]


def test_whether_it_is_a_plain_read_is_asked_once_and_only_for_what_comes_again() -> None:
    asked: list[RequestMessage] = []

    def note(request: RequestMessage) -> bool:
        asked.append(request)
        return True

    requests = RepeatedRequests(Decoded(), quick, note)
    for frame in (a_get("once"), a_get(), a_get(), a_get()):
        requests.read(frame)

    assert asked == [CODEC.decode_request(a_get())]


WITH_PASSWORD = RequestHeader(
    protocol_version=ProtocolVersion(1, 4),
    credentials=(
        Credential(
            credential_type=CredentialType.USERNAME_AND_PASSWORD,
            credential_value=UsernameAndPassword(username="me", password="secret"),
        ),
    ),
)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(lambda: a_frame(Operation.ENCRYPT, encrypt.Request(data=b"secret")), id="plain text"),
        pytest.param(lambda: a_frame(Operation.GET, get.Request(), WITH_PASSWORD), id="password"),
        pytest.param(lambda: a_get("k" * repeats.LONGEST), id="long"),
    ],
)
def test_requests_with_secrets_and_long_requests_are_not_kept(frame: Callable[[], bytes]) -> None:
    decode = Decoded()
    requests = RepeatedRequests(decode, quick)

    assert requests.read(frame()) == requests.read(frame())
    assert (decode.count, requests._known) == (2, {})


def test_the_longest_request_that_is_kept_has_512_bytes() -> None:
    requests = RepeatedRequests(Decoded(), quick)
    shortest = len(a_get(""))
    longest, longer = a_get("k" * (repeats.LONGEST - shortest)), a_get("k" * (repeats.LONGEST - shortest + 1))
    assert len(longest) == repeats.LONGEST < len(longer)

    requests.read(longer)
    requests.read(longest)

    assert list(requests._known) == [longest]


def test_a_request_with_an_item_that_cannot_be_read_is_not_kept() -> None:
    frame = bytearray(a_frame(Operation.GET, get.Request(unique_identifier="key", key_format_type=KeyFormatType.RAW)))
    frame[frame.index(bytes.fromhex("42004205")) + 8] = 0xFF  # its Key Format Type
    decode = Decoded()
    requests = RepeatedRequests(decode, quick)

    for _ in range(2):
        request, _, _ = requests.read(bytes(frame))
        assert isinstance(request.batch_items[0].payload, KmipError)

    assert (decode.count, requests._known) == (2, {})


def test_the_room_is_bounded() -> None:
    requests = RepeatedRequests(Decoded(), quick)
    for number in range(2 * repeats.MOST + 1):
        requests.read(a_get(str(number)))

        assert len(requests._known) <= repeats.MOST


def test_refusals_are_not_kept() -> None:
    decode = Decoded()
    requests = RepeatedRequests(decode, quick)
    for _ in range(2):
        with pytest.raises(UnreadableMessage):
            requests.read(b"\x42\x00\x78\x01\x00\x00\x00\x00")

    assert decode.count == 2
