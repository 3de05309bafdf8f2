"""The time of day, one that tests step, and one that goes on and can be moved."""

import time
from collections.abc import Callable

from attrs import field

from kmip_core.classes import define


class SystemClock:
    """The operating system's clock."""

    def now(self) -> int:
        """Return seconds since 1970-01-01 UTC, rounded down: a date of this second has come."""
        return int(time.time())


@define
class SteppableClock:
    """A clock that stands still until a test moves it.

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


@define(eq=False)
class MovableClock:
    """The operating system's clock until a test sets it: it can be advanced, stopped and set right again.

    For servers that tests of a client start. It goes on by itself, because clients there send dates of the real time
    and wait for them to come.
    """

    _time: Callable[[], float] = field(default=time.time, kw_only=True)
    _ahead: int = field(default=0, init=False)  # seconds
    _stopped_at: int | None = field(default=None, init=False)

    def now(self) -> int:
        """Return the time it shows: whole seconds since 1970-01-01 UTC."""
        return (int(self._time()) if self._stopped_at is None else self._stopped_at) + self._ahead

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> int:
        """Go on by so much (back, if negative) and return the new time."""
        self._ahead += int(seconds + 60 * (minutes + 60 * (hours + 24 * days)))
        return self.now()

    def stop(self) -> int:
        """Stand still, so that dates can be compared exactly, and return the time; `advance` still moves it."""
        if self._stopped_at is None:
            self._stopped_at = int(self._time())
        return self.now()

    def reset(self) -> None:
        """Show the real time again, and go on."""
        self._ahead, self._stopped_at = 0, None
