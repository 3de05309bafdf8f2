"""The streams that wait for their next part: numbers, sizes, times."""

from typing import Any

import pytest
from attrs import frozen

from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.streams import Streams


@frozen
class Held:
    """A stream that keeps so much back."""

    held_bytes: int


def keep(streams: Streams, value: bytes, stream: Any = None, principal: str = "alice", now: int = 0) -> None:
    streams.keep(value, stream, principal, Operation.SIGN, "key", now)


def is_full(streams: Streams, stream: Any = None, principal: str = "alice") -> bool:
    try:
        keep(streams, b"one more", stream, principal)
    except KmipError as error:
        return error.reason is ResultReason.SERVER_LIMIT_EXCEEDED
    return False


def test_one_principal_has_fewer_than_all_together() -> None:
    streams = Streams(maximum=3, maximum_per_principal=2)
    keep(streams, b"1")
    keep(streams, b"2")

    assert is_full(streams)
    keep(streams, b"3", principal="bob")
    assert is_full(streams, principal="carol")


@pytest.mark.parametrize(
    ("principal", "held", "full"),
    [
        pytest.param("alice", 3, False, id="ok as much as one may"),
        pytest.param("alice", 4, True, id="fail more than one may"),
        pytest.param("bob", 8, False, id="ok as much as all may"),
        pytest.param("bob", 9, True, id="fail more than all may"),
    ],
)
def test_the_bytes_held_back_are_bounded(principal: str, held: int, full: bool) -> None:
    streams = Streams(maximum_bytes=15, maximum_bytes_per_principal=10)
    keep(streams, b"1", Held(7))

    assert is_full(streams, Held(held), principal) is full


def test_a_stream_is_taken_once_at_a_time() -> None:
    streams = Streams()
    keep(streams, b"1", "stream")

    assert streams.take(b"1", "alice", Operation.SIGN, "key", 0) == "stream"
    with pytest.raises(KmipError):
        streams.take(b"1", "alice", Operation.SIGN, "key", 0)


def test_a_forgotten_stream_is_gone_and_may_be_forgotten_again() -> None:
    streams = Streams()
    keep(streams, b"1")

    streams.forget(b"1")
    streams.forget(b"1")

    with pytest.raises(KmipError):
        streams.take(b"1", "alice", Operation.SIGN, "key", 0)


def test_a_correlation_value_of_another_process_is_known_by_its_mark() -> None:
    here, there = Streams(mark=b"aaaa"), Streams(mark=b"bbbb")
    value = there.name("unguessable")
    keep(there, value)

    assert value == b"bbbb.unguessable"
    with pytest.raises(KmipError, match="another node or worker") as refused:
        here.take(value, "alice", Operation.SIGN, "key", 0)
    assert refused.value.reason is ResultReason.INVALID_CORRELATION_VALUE


@pytest.mark.parametrize("value", [b"aaaa.gone", b"gone", b""], ids=["own mark", "no mark", "empty"])
def test_a_missing_stream_is_refused_with_all_possible_reasons(value: bytes) -> None:
    with pytest.raises(KmipError, match="no operation of yours"):
        Streams(mark=b"aaaa").take(value, "alice", Operation.SIGN, "key", 0)


def test_a_process_of_its_own_has_no_mark() -> None:
    assert Streams().name("unguessable") == b"unguessable"
    with pytest.raises(KmipError, match="no operation of yours"):
        Streams().take(b"bbbb.gone", "alice", Operation.SIGN, "key", 0)
