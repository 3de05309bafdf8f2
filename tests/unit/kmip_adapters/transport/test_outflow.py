"""The sending side of a connection: answers in their order, long ones in pieces, and what a slow client must take."""

import ssl
from collections.abc import Callable

import pytest

from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.outflow import PIECE, PROGRESS, SHARE, Outflow
from kmip_adapters.transport.send_queue import LONGEST, SendQueue


class Wire:
    """The asyncio transport, as far as an outflow uses it, and TLS that encrypts nothing."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_aborted = False
        self.at_once = 1 << 30  # bytes that TLS takes by one call
        self.left = 0  # bytes that the client has not taken
        self.closes_badly = False
        self._pending = b""

    def write(self, octets: bytes | memoryview) -> int:
        taken = bytes(octets[: self.at_once])
        self._pending += taken
        return len(taken)

    def read(self) -> bytes:
        pending, self._pending = self._pending, b""
        return pending

    @property
    def pending(self) -> int:
        return len(self._pending)

    def unwrap(self) -> None:
        self._pending += b"goodbye"
        if self.closes_badly:
            raise ssl.SSLError("the client has not said goodbye")

    def abort(self) -> None:
        self.is_aborted = True


class Socket:
    """What takes the ciphertext of a `Wire`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def write(self, octets: bytes) -> None:
        self._wire.sent.append(octets)

    def get_write_buffer_size(self) -> int:
        return self._wire.left

    def abort(self) -> None:
        self._wire.abort()


class Loop:
    """An event loop, as far as a queue of answers uses it: nothing is run but by a test."""

    def call_soon(self, callback: Callable[[], object]) -> None: ...


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def queue() -> SendQueue:
    return SendQueue(Loop())  # type: ignore[arg-type]  # has what a queue uses


@pytest.fixture
def counters() -> TransportCounters:
    return TransportCounters()


@pytest.fixture
def outflow(wire: Wire, queue: SendQueue, counters: TransportCounters) -> Outflow:
    return Outflow(wire, wire, Socket(wire), counters, queue)  # type: ignore[arg-type]  # has what an outflow uses


@pytest.mark.parametrize(
    ("follow", "then"),
    [
        pytest.param(lambda outflow: outflow.send(b"more"), [b"more"], id="an answer"),
        pytest.param(lambda outflow: outflow.send_soon(b"more"), [b"more"], id="a short answer"),
        pytest.param(lambda outflow: outflow.send_soon(bytes(LONGEST + 1)), [bytes(LONGEST + 1)], id="a longer one"),
        pytest.param(lambda outflow: outflow.send(bytes(PIECE + 1)), [bytes(PIECE)], id="a long one"),
        pytest.param(Outflow.say_goodbye, [b"goodbye"], id="the end"),
    ],
)
def test_whatever_else_is_sent_goes_behind_the_answer_that_waits(
    outflow: Outflow, wire: Wire, queue: SendQueue, follow: Callable[[Outflow], object], then: list[bytes]
) -> None:
    outflow.send_soon(b"answer")
    assert wire.sent == []

    follow(outflow)
    assert wire.sent == [b"answer", *then]
    queue.send_all()
    assert wire.sent == [b"answer", *then]


@pytest.mark.parametrize(("length", "waits"), [(1, True), (LONGEST, True), (LONGEST + 1, False)])
def test_an_answer_of_one_record_waits_for_the_end_of_the_turn(
    outflow: Outflow, wire: Wire, queue: SendQueue, length: int, waits: bool
) -> None:
    assert outflow.send_soon(bytes(length))
    assert wire.sent == ([] if waits else [bytes(length)])

    queue.send_all()
    assert wire.sent == [bytes(length)]


def test_an_answer_that_was_sent_is_not_kept_for_the_next_turn(outflow: Outflow, wire: Wire, queue: SendQueue) -> None:
    for answer in (b"first", b"second"):
        outflow.send_soon(answer)
        queue.send_all()

    assert (wire.sent, outflow.kept) == ([b"first", b"second"], b"")


def test_an_answer_is_not_sent_on_a_connection_that_was_aborted(outflow: Outflow, wire: Wire, queue: SendQueue) -> None:
    outflow.send_soon(b"answer")
    outflow.abort()
    queue.send_all()

    assert (wire.sent, wire.is_aborted) == ([], True)


def test_a_long_answer_that_was_aborted_has_no_rest(outflow: Outflow, wire: Wire) -> None:
    outflow.send(bytes(PIECE + 1))
    outflow.abort()

    assert (outflow.has_rest, outflow.unsent, wire.is_aborted) == (False, 0, True)


def test_an_answer_of_one_piece_is_sent_by_one_write(outflow: Outflow, wire: Wire) -> None:
    assert outflow.send(bytes(PIECE))

    assert wire.sent == [bytes(PIECE)]
    assert (outflow.has_rest, outflow.unsent) == (False, 0)


def test_a_long_answer_is_sent_piece_by_piece(outflow: Outflow, wire: Wire, counters: TransportCounters) -> None:
    answer = bytes(range(256)) * (PIECE // 128) + b"end"
    assert not outflow.send(answer)
    assert (len(wire.sent), outflow.has_rest, outflow.unsent) == (1, True, PIECE + 3)

    wire.left = 100
    assert outflow.unsent == PIECE + 103  # what the kernel has not taken, and what is not encrypted

    outflow.send_piece()
    assert (len(wire.sent), outflow.has_rest) == (2, True)
    outflow.send_piece()
    assert (len(wire.sent), outflow.has_rest) == (3, False)
    assert b"".join(wire.sent) == answer
    assert counters.bytes_sent == len(answer)


@pytest.mark.parametrize("answer", [b"an answer", memoryview(b"an answer")], ids=["bytes", "piece"])
def test_what_tls_takes_in_parts_is_sent_whole_by_one_write(
    outflow: Outflow, wire: Wire, answer: bytes | memoryview
) -> None:
    wire.at_once = 4
    outflow.send(answer)  # type: ignore[arg-type]  # a piece of a long answer is a view

    assert wire.sent == [b"an answer"]


def test_what_tls_has_to_say_is_sent_and_nothing_else(
    outflow: Outflow, wire: Wire, counters: TransportCounters
) -> None:
    outflow.flush()
    assert wire.sent == []

    wire.write(b"ticket")
    outflow.flush()
    outflow.flush()
    assert (wire.sent, counters.bytes_sent) == ([b"ticket"], 6)


def test_a_client_that_says_no_goodbye_gets_one(outflow: Outflow, wire: Wire) -> None:
    wire.closes_badly = True
    outflow.say_goodbye()

    assert wire.sent == [b"goodbye"]


BIG = 2 * SHARE * PROGRESS  # bytes: the eighth part of it is more than `PROGRESS`


@pytest.mark.parametrize(
    ("owed", "due"),
    [
        pytest.param(1_000, 1_000, id="all of a little"),
        pytest.param(PROGRESS, PROGRESS, id="all of as much as is due"),
        pytest.param(PROGRESS + 1, PROGRESS, id="what is due"),
        pytest.param(BIG, BIG // SHARE, id="a share of very much"),
    ],
)
def test_a_slow_client_must_take_its_due(outflow: Outflow, wire: Wire, owed: int, due: int) -> None:
    for taken, expected in ((due - 1, False), (due, True)):
        wire.left = owed
        outflow.begin_waiting()
        wire.left = owed - taken

        assert outflow.has_progressed() is expected


def test_the_share_is_that_of_the_answer_as_it_was_at_first(outflow: Outflow, wire: Wire) -> None:
    """Else the last bytes would take very long."""
    wire.left = BIG
    outflow.begin_waiting()
    for left in (BIG - BIG // SHARE, BIG - 2 * (BIG // SHARE)):
        wire.left = left
        assert outflow.has_progressed()

    wire.left -= BIG // SHARE - 1
    assert not outflow.has_progressed()


def test_what_was_taken_before_does_not_count_again(outflow: Outflow, wire: Wire) -> None:
    wire.left = 10 * PROGRESS
    outflow.begin_waiting()
    wire.left = PROGRESS
    assert outflow.has_progressed()
    assert not outflow.has_progressed()

    wire.left = 0
    assert outflow.has_progressed()
    assert outflow.has_progressed()  # nothing is owed any more
