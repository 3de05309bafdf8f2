"""The time of day, and one that tests step."""

import time

from attrs import define


class SystemClock:
    """The operating system's clock."""

    def now(self) -> int:
        """Return seconds since 1970-01-01 UTC, rounded down: a date of this second has come."""
        return int(time.time())


@define
class SteppableClock:
    """A clock that stands still until it is told to go on; for tests and the pytest fixture.

    seconds: the time it shows, since 1970-01-01 UTC.
    """

    seconds: int = 1_800_000_000

    def now(self) -> int:
        """Return the time it was last set to."""
        return self.seconds

    def advance(self, seconds: int = 0, *, days: int = 0) -> int:
        """Go on (or back, if negative) and return the new time."""
        self.seconds += seconds + days * 86_400
        return self.seconds
