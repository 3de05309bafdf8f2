"""Delays that keep no thread waiting: one thread of this module calls back when they are over."""

import heapq
import itertools
import threading
import time
from typing import Final

from kmip_adapters.occasion import Occasion

IDLE_SECONDS: Final = 10.0  # after which the thread ends until the next delay


class ThreadedDelays:
    """`Delays` (kmip_core.ports.system); the thread begins with the first delay."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Occasion]] = []
        self._numbers = itertools.count()
        self._is_running = False

    def begin(self, milliseconds: int) -> Occasion:
        """Return a delay that begins now."""
        delay = Occasion()
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + milliseconds / 1000, next(self._numbers), delay))
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="kmip-delays", daemon=True).start()
            self._changed.notify()
        return delay

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._due and not self._changed.wait_for(lambda: self._due, IDLE_SECONDS):
                    self._is_running = False
                    return
                rest = self._due[0][0] - time.monotonic()
                if rest > 0:
                    self._changed.wait(rest)
                    continue
                delay = heapq.heappop(self._due)[2]
            delay.end()
