"""Work that may have to wait, and says so instead of waiting: generators that yield what they wait for.

Whoever drives such work chooses how: an event loop leaves it aside until the outcome is known, a thread of its own
just waits (`waited`). So the core stays synchronous, nothing is ever run twice, and no thread is kept by a commit.
"""

import enum
from collections.abc import Callable, Generator
from typing import Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class Pace(enum.Enum):
    """How long work may keep its thread between two waits, so that a transport can choose where to run it."""

    QUICK = "quick"  # microseconds: may run on an event loop
    COMMITS = "commits"  # as quick, and will wait for stable storage
    BRIEF = "brief"  # milliseconds of computing or waiting: wants a thread, of which there are many
    SLOW = "slow"  # seconds of computing: belongs in a small bounded pool
    REMOTE = "remote"  # another server is asked: wants a thread that nobody who works is waiting for


class Pending(Protocol):
    """Something whose outcome will be known."""

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, from any thread, when the outcome is known; at once if it is."""
        ...

    def wait(self) -> None:
        """Return when the outcome is known."""
        ...


Steps: TypeAlias = Generator[Pending | Pace, None, T]
"""Work in steps: it yields what must be known before it goes on, or the pace at which it wants to go on."""


def waited(steps: Steps[T]) -> T:
    """Return what the work returns, from a thread that may wait."""
    try:
        while True:
            awaited = next(steps)
            if not isinstance(awaited, Pace):
                awaited.wait()
    except StopIteration as end:
        result: T = end.value
        return result
