"""Frames however they arrive, and refusals at the first byte that shows them."""

import pytest

from kmip_adapters.ttlv.encodings.framing import RESPONSE_MESSAGE, FrameReader
from kmip_adapters.ttlv.encodings.items import DecodingError


def frame(body: bytes = bytes(16), start: str = "42 00 78 01") -> bytes:
    return bytes.fromhex(start) + len(body).to_bytes(4, "big") + body


def frames_of(reader: FrameReader) -> list[bytes]:
    return list(iter(reader.next_frame, None))


def test_a_frame_that_arrives_whole_is_returned_once() -> None:
    reader = FrameReader()
    reader.receive_data(frame())

    assert frames_of(reader) == [frame()]
    assert reader.held == 0


def test_a_frame_that_arrives_byte_by_byte_is_returned_with_its_last_byte() -> None:
    reader = FrameReader()
    for byte in frame()[:-1]:
        reader.receive_data(bytes([byte]))

        assert reader.next_frame() is None
        assert reader.held > 0
    reader.receive_data(frame()[-1:])

    assert reader.next_frame() == frame()


def test_several_frames_and_a_tail_in_one_chunk() -> None:
    reader = FrameReader()
    reader.receive_data(frame() + frame(b"") + frame(bytes(8)) + frame()[:5])

    assert frames_of(reader) == [frame(), frame(b""), frame(bytes(8))]
    assert reader.held > 0
    reader.receive_data(frame()[5:])
    assert frames_of(reader) == [frame()]


@pytest.mark.parametrize("rest", [b"", b"\x42", frame(), frame() + b"\x42\x00", frame() * 2])
def test_bytes_that_were_not_returned_can_be_taken_by_another_reader(rest: bytes) -> None:
    reader = FrameReader()
    reader.receive_data(frame() + rest)
    assert reader.next_frame() == frame()

    assert reader.take_rest() == rest
    assert (reader.held, reader.next_frame()) == (0, None)
    reader.receive_data(frame())
    assert reader.take_rest() == frame()


def test_a_new_reader_is_between_messages() -> None:
    reader = FrameReader()

    assert reader.held == 0
    assert reader.next_frame() is None


@pytest.mark.parametrize(
    "start",
    ["47", "42 01", "42 00 7B", "42 00 78 02", "42 00 78 01 00 00 00 01", "42 00 78 01 00 00 00 80"],
    ids=["GET of HTTP", "second byte", "a response", "no structure", "length not of 8", "too long"],
)
def test_bytes_that_cannot_begin_a_message_are_refused_at_the_first_wrong_one(start: str) -> None:
    reader = FrameReader(max_message_size=128)
    *right, wrong = bytes.fromhex(start)
    reader.receive_data(bytes(right))
    assert reader.next_frame() is None

    reader.receive_data(bytes([wrong]))
    for _ in range(2):  # and it stays refused
        with pytest.raises(DecodingError):
            reader.next_frame()


def test_the_largest_message_is_accepted_header_included() -> None:
    reader = FrameReader(max_message_size=128)
    reader.receive_data(frame(bytes(120)))

    assert reader.next_frame() == frame(bytes(120))


def test_a_client_expects_responses() -> None:
    reader = FrameReader(message_tag=RESPONSE_MESSAGE)
    reader.receive_data(frame(start="42 00 7B 01"))

    assert reader.next_frame() == frame(start="42 00 7B 01")
