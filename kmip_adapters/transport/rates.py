"""How much one identity may ask of the server: requests a second, and seconds of slow work a minute.

Both are token buckets: what is not used is saved up for a while (`BURST_SECONDS`, a minute), so that a client may be
busy at times. Slow work is charged when it has ended, so a bucket may be in debt; no new work begins until it is paid.
"""

import time
from collections.abc import Callable
from typing import Final

from attrs import field, validators

from kmip_core.classes import define, frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError

BURST_SECONDS: Final = 2.0  # of requests that may come at once after a pause
MINUTE: Final = 60.0
LOOK_AGAIN: Final = 5.0  # seconds after which an identity's allowance is looked up again


@frozen(kw_only=True)
class Allowance:
    """What one identity may use.

    requests_per_second: messages.  slow_seconds_per_minute: in the threads of slow work, all of them together.
    """

    requests_per_second: float = field(default=20_000, validator=validators.gt(0))
    slow_seconds_per_minute: float = field(default=240, validator=validators.gt(0))

    @property
    def burst(self) -> float:
        """How many requests may come at once after a pause."""
        return max(1.0, self.requests_per_second * BURST_SECONDS)


@define
class _Bucket:
    """What an identity has left, as of `at`."""

    allowance: Allowance
    looked_up: float
    at: float
    requests: float
    slow_seconds: float

    @property
    def is_full(self) -> bool:
        """Whether nothing is known of the identity that a new bucket would not have."""
        allowance = self.allowance
        return self.requests >= allowance.burst and self.slow_seconds >= allowance.slow_seconds_per_minute

    def refill(self, now: float) -> None:
        passed, self.at = now - self.at, now
        most = self.allowance.requests_per_second
        self.requests = min(self.allowance.burst, self.requests + passed * most)
        most = self.allowance.slow_seconds_per_minute
        self.slow_seconds = min(most, self.slow_seconds + passed * most / MINUTE)


class Rates:
    """The buckets of all identities; touched on the loop's thread only.

    allowance_of: looks an identity up; must not block.
    """

    def __init__(self, allowance_of: Callable[[str], Allowance], now: Callable[[], float] = time.monotonic) -> None:
        self._allowance_of = allowance_of
        self._now = now
        self._buckets: dict[str, _Bucket] = {}

    def check_request(self, identity: str) -> None:
        """Count a request.  Raises KmipError (Server Limit Exceeded) if there are too many."""
        bucket = self._buckets.get(identity)
        if bucket is None or bucket.requests < 1.0:  # else the clock need not be asked
            bucket = self._bucket(identity)
        if bucket.requests < 1.0:
            most = bucket.allowance.requests_per_second
            raise _limit_exceeded(f"more than {most:g} requests a second; send fewer")
        bucket.requests -= 1.0

    def check_slow(self, identity: str) -> None:
        """Raise KmipError (Server Limit Exceeded) if an identity has used up its seconds of slow work."""
        bucket = self._bucket(identity)
        if bucket.slow_seconds <= 0.0:
            most = bucket.allowance.slow_seconds_per_minute
            raise _limit_exceeded(f"more than {most:g} s of slow work a minute; try again later")

    def spend_slow(self, identity: str, seconds: float) -> None:
        """Charge an identity for slow work that has ended."""
        self._bucket(identity).slow_seconds -= seconds

    def sweep(self) -> None:
        """Fill the buckets; forget identities whose buckets are full, and look the others' allowances up again."""
        for identity in tuple(self._buckets):
            if self._bucket(identity).is_full:
                del self._buckets[identity]

    def _bucket(self, identity: str) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(identity)
        if bucket is None:
            allowance = self._allowance_of(identity)
            bucket = _Bucket(allowance, now, now, allowance.burst, allowance.slow_seconds_per_minute)
            self._buckets[identity] = bucket
            return bucket
        if now - bucket.looked_up > LOOK_AGAIN:
            bucket.allowance, bucket.looked_up = self._allowance_of(identity), now
        bucket.refill(now)
        return bucket


def _limit_exceeded(message: str) -> KmipError:
    return KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, message)
