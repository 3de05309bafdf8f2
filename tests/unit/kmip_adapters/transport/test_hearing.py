"""What a client answers while the roles are swapped: one answer to each request, and nothing else."""

import ssl
from collections.abc import Callable
from typing import Any, cast

import pytest

from kmip_adapters.transport.calling import SwappedPeer
from kmip_adapters.transport.hearing import Heard, Hearing
from kmip_adapters.transport.inflow import RECORDS_PER_TURN, Inflow
from kmip_adapters.ttlv.encodings.framing import RESPONSE_MESSAGE, FrameReader

ANSWER = bytes.fromhex("42007b0100000008") + bytes(8)
REQUEST = bytes.fromhex("4200780100000008") + bytes(8)


class Records:
    """An SSL object whose peer has sent these records; an error is raised where one stands."""

    def __init__(self, *records: bytes | ssl.SSLError) -> None:
        self.records = list(records)

    @property
    def pending(self) -> int:
        return len(self.records)

    def read(self, size: int) -> bytes:
        record = self.records.pop(0)
        if isinstance(record, ssl.SSLError):
            raise record
        return record

    def flush(self) -> None:
        """Send nothing."""


class Asked:
    """A peer that was asked so many times, and gives the connection back after the last answer if it should."""

    def __init__(self, times: int, *, gives_back: bool = False) -> None:
        self.times, self.gives_back = times, gives_back
        self.frames: list[bytes] = []

    @property
    def is_open(self) -> bool:
        return not (self.gives_back and self.times == 0)

    def answered(self, frame: bytes) -> bool:
        self.times -= 1
        self.frames.append(frame)
        return self.times >= 0


def no_tls() -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL] bad record")
    error.reason = "BAD_RECORD"
    return error


def hearing(records: Records, asked: Asked) -> Hearing:
    inflow = Inflow(cast(Any, records), cast(Any, records), cast(Any, records))
    return Hearing(cast(SwappedPeer, asked), FrameReader(1_024, RESPONSE_MESSAGE), inflow)


def test_an_answer_reaches_who_has_asked() -> None:
    asked = Asked(1)

    assert hearing(Records(ANSWER[:5], ANSWER[5:]), asked).hear() is Heard.ALL
    assert asked.frames == [ANSWER]


def test_what_comes_behind_the_last_answer_is_the_next_request() -> None:
    heard = hearing(Records(ANSWER + REQUEST), Asked(1, gives_back=True))

    assert heard.hear() is Heard.GIVEN_BACK
    assert heard.take_rest() == REQUEST


def test_others_have_their_turn_before_the_rest_of_many_records() -> None:
    records = Records(*[ANSWER] * RECORDS_PER_TURN)

    assert hearing(records, Asked(RECORDS_PER_TURN)).hear() is Heard.TURN_ENDED
    assert records.pending


@pytest.mark.parametrize(
    ("records", "outcome", "failure"),
    [
        (lambda: Records(b""), Heard.CLOSED, ""),
        (lambda: Records(ANSWER), Heard.FAILED, "sent an answer to no request"),
        (lambda: Records(REQUEST), Heard.FAILED, "sent no KMIP answer"),
        (lambda: Records(no_tls()), Heard.FAILED, "TLS failed: bad record"),
        (lambda: Records(ssl.SSLWantReadError()), Heard.ALL, ""),
    ],
    ids=["close_notify", "unasked", "a request", "no TLS", "part of a record"],
)
def test_anything_else_ends_the_connection(records: Callable[[], Records], outcome: Heard, failure: str) -> None:
    heard = hearing(records(), Asked(0))

    assert heard.hear() is outcome
    assert heard.failure.startswith(failure)
    assert bool(heard.failure) == bool(failure)
