"""How far a long command is, on standard error: a bar on a terminal; elsewhere a plain line now and then.

The first line comes after QUIET seconds, so that what is quick prints nothing into the logs of a job.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")

QUIET: Final = 2.0  # seconds
EVERY: Final = 10.0  # seconds between two lines

Report = Callable[[int, int | None], None]
"""Takes how many are done, and how many there are, where that is known."""


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """Give a function that is called as often as the work likes."""
    if not sys.stderr.isatty():
        yield _Lines(label).report
        return
    from rich.console import Console  # not wanted where nothing is drawn
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, in_all: bar.update(task, completed=done, total=in_all)


def counted(label: str, items: Iterable[T], in_all: int | None = None) -> Iterator[T]:
    """Yield the items, and say how many are done."""
    with progress(label) as report:
        for number, item in enumerate(items):
            report(number, in_all)
            yield item


@contextmanager
def working(label: str) -> Iterator[None]:
    """Say that work goes on of which nothing can be counted."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(label):
            yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_say_until, args=(over, label), name="kmipd-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _say_until(over: threading.Event, label: str) -> None:
    begun = time.monotonic()
    pause = QUIET
    while not over.wait(pause):
        _say(f"{label}: {time.monotonic() - begun:.0f} s so far")
        pause = EVERY


class _Lines:
    """Prints a line when the time for one has come."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._due = time.monotonic() + QUIET

    def report(self, done: int, in_all: int | None) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + EVERY
            _say(f"{self._label}: {done:,}" if in_all is None else f"{self._label}: {done:,} of {in_all:,}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
