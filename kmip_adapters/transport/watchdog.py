"""Measures how late the event loop is, and names in the log the request that held it up.

What ran on the loop is measured where it runs (`held`). What ran in a thread can hold the loop up too, by keeping the
interpreter's lock: then a timer is late, and the requests that threads have in progress are named.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from kmip_adapters.transport.counters import TransportCounters

LIMIT: Final = 0.050  # seconds that one request may hold the loop
INTERVAL: Final = 0.050  # seconds between two looks at the clock

Log = Callable[[int, str, str], None]


class Watchdog:
    """Watches one loop; touched on its thread only.

    log: takes level, whose lines these are, and the text; it may hold some back.
    in_progress: gives what threads are doing now, in words.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        counters: TransportCounters,
        log: Log,
        in_progress: Callable[[], Iterable[str]],
    ) -> None:
        self._loop = loop
        self._counters = counters
        self._log = log
        self._in_progress = in_progress
        self._due = 0.0
        self._explained = 0.0  # seconds since the last look for which a request on the loop was named
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look at the clock."""
        self._due = self._loop.time() + INTERVAL
        self._timer = self._loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def held(self, seconds: float, who: str, what: str) -> None:
        """Note that a request kept the loop for longer than `LIMIT`."""
        self._explained += seconds
        self._counters.held_up += 1
        self._log(logging.WARNING, who, f"{what} held up all clients for {seconds * 1000:.0f} ms")

    def _look(self) -> None:
        now = self._loop.time()
        lag = self._counters.loop_lag
        lag.last = max(0.0, now - self._due)
        lag.total += lag.last
        lag.samples += 1
        lag.worst = max(lag.worst, lag.last)
        if lag.last > LIMIT:
            lag.over_limit += 1
            if lag.last - self._explained > LIMIT:
                names = ", ".join(self._in_progress())
                late = f"late by {lag.last * 1000:.0f} ms; in threads: {names or 'no request, so the machine is busy'}"
                self._log(logging.WARNING if names else logging.DEBUG, "event loop", late)
        self._explained = 0.0
        self.start()
