"""Counts requests where they are answered, cheaply enough for every request.

Each thread has numbers of its own, so that counting takes no lock and loses nothing; a reader adds them up. Labels come
from the enumerations of the standard, so a client cannot make them grow.
"""

import logging
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Final, TypeVar

from attrs import field

from kmip_adapters.ttlv.service import Answering
from kmip_core.classes import define
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage, ResponseMessage
from kmip_core.plain_reads import GivenAnswer, PlainReading
from kmip_core.ports.steps import Pace, Steps
from kmip_core.principal import Principal
from kmip_core.standard_names import standard_name
from kmip_core.structures import ProtocolVersion

K = TypeVar("K")
V = TypeVar("V")

LOG: Final = logging.getLogger("kmipd.requests")

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of every duration."""

SUCCESS: Final = "Success"
SEVERAL: Final = "Batch"
"""The operation of a message that asks for several things, where its duration is counted."""


@define
class Durations:
    """A histogram of durations."""

    counts: list[int] = field(factory=lambda: [0] * (len(SECONDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper bound, how many were not longer), as OpenMetrics has it."""
        so_far, found = 0, []
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


@define
class Sizes:
    """A histogram of numbers of things."""

    BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    counts: list[int] = field(factory=lambda: [0] * 10)
    total: float = 0.0

    def add(self, size: int) -> None:
        """Count one."""
        self.counts[bisect_left(self.BOUNDS, size)] += 1
        self.total += size

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper bound, how many were not larger)."""
        so_far, found = 0, []
        for bound, count in zip((*map(str, map(float, self.BOUNDS)), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


@define
class _Numbers:
    """What one thread has counted."""

    requests: dict[tuple[Operation | None, ProtocolVersion, ResultReason | None], int] = field(factory=dict)
    durations: dict[Operation | None, Durations] = field(factory=dict)


class RequestNumbers:
    """Requests by operation, version and result, and how long messages took. Re-entrant."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._all: list[_Numbers] = []
        self._lock = threading.Lock()

    def add(self, message: RequestMessage, answer: ResponseMessage, seconds: float) -> None:
        """Count one message that was answered."""
        try:
            numbers = self._local.numbers
        except AttributeError:
            numbers = self._begin()
        version = message.header.protocol_version
        items, counted = answer.batch_items, numbers.requests
        operation = None
        for item in items:
            operation = item.operation
            key = (operation, version, item.result_reason)
            counted[key] = counted.get(key, 0) + 1
        if len(items) != 1:
            operation = None
        durations = numbers.durations.get(operation)
        if durations is None:
            durations = numbers.durations[operation] = Durations()
        durations.counts[bisect_left(SECONDS, seconds)] += 1
        durations.total += seconds

    def requests(self) -> Counter[tuple[int, int, int]]:
        """Return how many items there were by (operation, version as major * 256 + minor, reason); 0 for none."""
        found: Counter[tuple[int, int, int]] = Counter()
        for numbers in self._all:
            for (operation, version, reason), count in copied(numbers.requests).items():
                number = version.protocol_version_major * 256 + version.protocol_version_minor
                found[int(operation or 0), number, int(reason or 0)] += count
        return found

    def durations(self) -> dict[int, Durations]:
        """Return the durations of messages by their one operation, or under 0."""
        merged: dict[int, Durations] = {}
        for numbers in self._all:
            for operation, durations in copied(numbers.durations).items():
                into = merged.setdefault(int(operation or 0), Durations())
                into.counts = [a + b for a, b in zip(into.counts, durations.counts, strict=True)]
                into.total += durations.total
        return merged

    def _begin(self) -> _Numbers:
        numbers = self._local.numbers = _Numbers()
        with self._lock:
            self._all.append(numbers)
        return numbers


def copied(numbers: Mapping[K, V]) -> dict[K, V]:
    """Return a copy of what another thread may be changing."""
    while True:
        try:
            return dict(numbers)
        except RuntimeError:  # it grew meanwhile
            continue


@define
class ObservedEngine:
    """The engine, with every answer counted in `numbers` as it is given.

    slow: seconds from which a request leaves a line in the log; None for never.
    """

    engine: Answering
    numbers: RequestNumbers
    slow: float | None = None
    pace: Callable[[RequestMessage], Pace] = field(init=False, repr=False)
    """Where `steps` may begin: the engine's own function."""

    plain_reads: "CountedPlainReads | None" = field(init=False, repr=False)
    """What may be answered again; the engine's, counted."""

    @plain_reads.default
    def _plain_reads_of_the_engine(self) -> "CountedPlainReads | None":
        reads = self.engine.plain_reads
        return None if reads is None else CountedPlainReads(reads, self.numbers, self.slow)

    @pace.default
    def _pace_of_the_engine(self) -> Callable[[RequestMessage], Pace]:
        return self.engine.pace

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        """Give the answer as the engine does, and count it."""
        begun = perf_counter()
        answer = yield from self.engine.steps(message, principal, pace)
        seconds = perf_counter() - begun
        self.numbers.add(message, answer, seconds)
        if self.slow is not None and seconds >= self.slow:
            _tell_of_slow(message, principal, seconds)
        return answer

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        """Have the engine record a message that could not be read."""
        return self.engine.refuse_whole(error, principal)


class CountedPlainReads:
    """Plain reads, with every answer that is given again counted in `numbers`.

    slow: as for `ObservedEngine`; it is the record that may take long.
    """

    def __init__(self, reads: PlainReading, numbers: RequestNumbers, slow: float | None = None) -> None:
        self.includes = reads.includes
        self.basis = reads.basis  # the engine's own functions: each request calls them
        self.given = reads.given
        self._record_again = reads.record_again
        self._numbers = numbers
        self._slow = slow

    def record_again(self, given: GivenAnswer) -> bool:
        """Record and count an answer; False if it has to be worked out anew instead."""
        begun = perf_counter()
        if not self._record_again(given):
            return False
        seconds = perf_counter() - begun
        self._numbers.add(given.request, given.response, seconds)
        if self._slow is not None and seconds >= self._slow:
            _tell_of_slow(given.request, given.principal, seconds)
        return True


def _tell_of_slow(message: RequestMessage, principal: Principal, seconds: float) -> None:
    """Leave a line in the log: what, by whom, how long, and what the client calls it."""
    names = list(_names(message))
    what = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    called = message.header.client_correlation_value
    called = f"; client correlation value {called[:64]}" if called else ""
    by = f"client {principal.name} at {principal.address or 'unknown'}"
    LOG.warning("slow request: %s took %.3f s; %s%s", what, seconds, by, called)


def _names(message: RequestMessage) -> Iterator[str]:
    for item in message.batch_items:
        operation = item.operation
        yield standard_name(operation) if operation is not None else "unknown operation"
