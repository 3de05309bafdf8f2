"""Faults of the server itself go to the log, under the correlation id in the answer to the client."""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

LOG: Final = logging.getLogger("kmipd.fault")
STACKS: Final = 5  # of one place in the code
LINES: Final = 60  # of all places
PERIOD: Final = 60.0  # seconds


class LoggedFaults:
    """Writes each fault with its call stack, and no values: locals may hold keys (R-LOG-1).  Re-entrant.

    A client that has found a fault can repeat it thousands of times a second and so roll everything else out of the
    log. So one place has a few stacks a minute and then a line each, and all places together have some lines.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._since = now()
        self._stacks: dict[tuple[str, str, int], int] = {}
        self._lines = 0

    def report(self, correlation_id: str, error: BaseException) -> None:
        """Keep one fault."""
        frames = traceback.extract_tb(error.__traceback__)
        kind = type(error).__name__
        place = (kind, frames[-1].filename, frames[-1].lineno or 0) if frames else (kind, "", 0)
        held_back, has_stack, has_line = self._spend(place)
        if held_back:
            LOG.error("%d faults before this one have no line", held_back)
        if not has_line:
            return
        # The text of an unforeseen exception can quote what it choked on, so only its type is logged.
        if has_stack:
            LOG.error("%s: %s\n%s", correlation_id, kind, "".join(traceback.format_list(frames)).rstrip())
        else:
            LOG.error("%s: %s, again at %s line %d", correlation_id, *place)

    def _spend(self, place: tuple[str, str, int]) -> tuple[int, bool, bool]:
        """Return how many had no line in the minute that is over, and whether this one has its stack, and a line."""
        with self._lock:
            now, held_back = self._now(), 0
            if now - self._since >= PERIOD:
                held_back = max(0, self._lines - LINES)
                self._since, self._lines = now, 0
                self._stacks.clear()
            self._lines += 1
            count = self._stacks[place] = self._stacks.get(place, 0) + 1
            return held_back, count <= STACKS, self._lines <= LINES
