"""What one peer may cost: the numbers, and the care that its mistakes do not fill the log either."""

from typing import Any, Final

from attrs import field, validators

from kmip_core.classes import frozen

MIB: Final = 1024 * 1024
_positive: Any = validators.gt(0)  # for whole numbers and for seconds


@frozen(kw_only=True)
class TransportLimits:
    """Time and count limits of one server; times are seconds and hold to the accuracy of `sweep_interval`.

    handshake: from accept to the end of the TLS handshake.
    message: from the first to the last byte of one request.
    idle: between requests; None (default) never ends idle sessions, since clients pool connections.
    write_stalled: for a client that does not read its answer: it must take 64 KiB or an eighth of it in that time.
    linger: how long bytes that still arrive are thrown away after the last answer, so that no TCP reset
        overtakes it.
    work: seconds in threads for all items of one message; those that have not begun by then are refused.
    committing: jobs of pace COMMITS that wait for stable storage at once; the next ones are begun when these are done.
    decoding_threads: that decode requests longer than `inline_frame`.
    slow_queue: jobs of pace SLOW that may wait for one of `slow_threads`; one more is declined.
    remote_threads: how many requests may wait for another server at once; more of these wait, other requests do not.
    unsent_per_identity, unsent_in_all: bytes of answers that clients have not taken. An identity that has so many is
        served nothing more until it reads; beyond the sum the oldest of the identity that holds most is cut.
    half_sent_per_identity, half_sent_in_all: bytes of requests that are not complete; beyond them the oldest is cut.
    send_buffer: bytes of answers that the kernel keeps for a client, so that one that does not read stops early.
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
    work: float = field(default=60.0, validator=_positive)
    committing: int = field(default=64, validator=_positive)
    decoding_threads: int = field(default=2, validator=_positive)
    brief_threads: int = field(default=32, validator=_positive)
    slow_threads: int = field(default=4, validator=_positive)
    slow_queue: int = field(default=64, validator=validators.ge(0))
    remote_threads: int = field(default=64, validator=_positive)
    unsent_per_identity: int = field(default=64 * MIB, validator=_positive)
    unsent_in_all: int = field(default=256 * MIB, validator=_positive)
    half_sent_per_identity: int = field(default=32 * MIB, validator=_positive)
    half_sent_in_all: int = field(default=128 * MIB, validator=_positive)
    send_buffer: int = field(default=65_536, validator=_positive)
    inline_frame: int = field(default=16_384, validator=_positive)

    @property
    def unfinished_handshakes(self) -> int:
        """How many connections may have an unfinished handshake; then the oldest of these gives way."""
        return max(1, self.max_connections // 4)

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

    def spend(self, address: str, now: float) -> int | None:
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
