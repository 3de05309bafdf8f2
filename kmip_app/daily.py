"""What a running server does by itself every day, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from kmip_core.classes import define

LOG: Final = logging.getLogger("kmip_app")

DAY: Final = 86_400.0
TICK: Final = 1.0  # seconds


@define
class _Task:
    name: str
    work: Callable[[], object]
    every: float
    due: float


class Routine:
    """Does its tasks at the start and again whenever their time has passed, one after the other, until `close`."""

    def __init__(self, now: Callable[[], float] = time.monotonic, name: str = "kmip-routine") -> None:
        self._now = now
        self._tasks: list[_Task] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def add(self, name: str, work: Callable[[], object], every: float = DAY, first: float = 0.0) -> None:
        """Have `work` done `first` seconds from now, then `every` so many; before `start`."""
        self._tasks.append(_Task(name, work, every, self._now() + first))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Do nothing more; waits for a task in progress, for a while."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def do_due(self) -> None:
        """Do what is due now."""
        for task in self._tasks:
            if task.due <= self._now() and not self._stop.is_set():
                task.due = self._now() + task.every
                try:
                    task.work()
                except Exception:  # the others, and tomorrow's, are done all the same
                    LOG.exception("%s failed", task.name)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.do_due()
            self._stop.wait(TICK)
