"""What one peer may cost: the numbers, and the care that its mistakes do not fill the log either."""

from typing import Any, Final

from attrs import field, frozen, validators

_positive: Any = validators.gt(0)  # for whole numbers and for seconds


@frozen(kw_only=True)
class TransportLimits:
    """Time and count limits of one server; times are seconds and hold to the accuracy of `sweep_interval`.

    handshake: from accept to the end of the TLS handshake.
    message: from the first to the last byte of one request.
    idle: between requests; None (default) never ends idle sessions, since clients pool connections.
    write_stalled: for a peer that does not read its answer, or less than 64 KiB of it in that time.
    linger: how long bytes that still arrive are thrown away after the last answer, so that no TCP reset
        overtakes it.
    committing: jobs of pace COMMITS that wait for stable storage at once; the next ones are begun when these are done.
    slow_queue: jobs of pace SLOW that may wait for one of `slow_threads`; one more is declined.
    remote_threads: how many requests may wait for another server at once; more wait for those, and nobody else does.
    inline_frame: bytes; a longer request is decoded in a thread, since decoding takes time in proportion: 16 KiB of
        small items are two milliseconds.
    """

    handshake: float = field(default=5.0, validator=_positive)
    message: float = field(default=15.0, validator=_positive)
    idle: float | None = field(default=None, validator=validators.optional(_positive))
    write_stalled: float = field(default=15.0, validator=_positive)
    linger: float = field(default=2.0, validator=_positive)
    max_connections: int = field(default=2_000, validator=_positive)
    connections_per_address: int = field(default=1_000, validator=_positive)
    handshakes_per_address: int = field(default=512, validator=_positive)
    connections_per_identity: int = field(default=1_000, validator=_positive)
    backlog: int = field(default=1_024, validator=_positive)
    committing: int = field(default=64, validator=_positive)
    brief_threads: int = field(default=32, validator=_positive)
    slow_threads: int = field(default=4, validator=_positive)
    slow_queue: int = field(default=64, validator=validators.ge(0))
    remote_threads: int = field(default=64, validator=_positive)
    inline_frame: int = field(default=16_384, validator=_positive)

    @property
    def sweep_interval(self) -> float:
        """How often deadlines are looked at: once a second, oftener if a limit is below four seconds."""
        times = [self.handshake, self.message, self.write_stalled, self.linger, self.idle or 4.0]
        return min(1.0, min(times) / 4)


class LineBudget:
    """Lets through a few log lines for each address and minute; the next one tells how many were not."""

    LINES: Final = 5
    PERIOD: Final = 60.0  # seconds
    ADDRESSES: Final = 1_024  # more than these at once share one budget, so that memory stays bounded

    def __init__(self, lines: int = LINES) -> None:
        self._lines = lines
        self._spent: dict[str, tuple[float, int]] = {}

    def take(self, address: str, now: float) -> int | None:
        """Return how many lines were held back before this one, or None if this one is to be, too."""
        if address not in self._spent and len(self._spent) >= self.ADDRESSES:
            self._spent = {who: entry for who, entry in self._spent.items() if now - entry[0] < self.PERIOD}
            if len(self._spent) >= self.ADDRESSES:
                address = ""
        since, count = self._spent.get(address, (now, 0))
        held_back = 0
        if now - since >= self.PERIOD:
            held_back = max(0, count - self._lines)
            since, count = now, 0
        self._spent[address] = (since, count + 1)
        return held_back if count < self._lines else None
