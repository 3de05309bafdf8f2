"""Measures how late the event loop is: what it was asked to do at once, and when it did it."""

import threading
import time
from collections.abc import Callable
from typing import Final

EVERY: Final = 1.0  # seconds


class LoopLag:
    """Asks the loop for a sign of life each second, in a thread of its own, until `close`.

    call: has a function called on the loop as soon as it can; returns False if there is no loop.
    """

    def __init__(self, call: Callable[[Callable[[], None]], bool], now: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._now = now
        self._asked: float | None = None  # when the question that is not answered yet was put
        self._last = 0.0
        self._highest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kmip-loop-lag", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def seconds(self) -> float:
        """How late the loop was when it was last asked, or how long it has not answered by now."""
        asked = self._asked
        return self._last if asked is None else max(self._last, self._now() - asked)

    @property
    def highest(self) -> float:
        """The most that was measured since the start."""
        return max(self._highest, self.seconds)

    def ask(self) -> None:
        """Ask once, unless the last question is still open."""
        if self._asked is not None:
            return
        self._asked = asked = self._now()

        def answer() -> None:
            self._last = self._now() - asked
            self._highest = max(self._highest, self._last)
            self._asked = None

        if not self._call(answer):
            self._asked = None

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            self.ask()
