"""Work in steps: generators that yield what must happen before they can go on, instead of waiting for it themselves.

The caller decides how to wait: an event loop sets the work aside until the outcome is known, a thread blocks
(`run_blocking`). So the core stays synchronous, no step is run twice, and no thread is held by a commit.
"""

import enum
from collections.abc import Callable, Generator
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from kmip_core.classes import frozen

T = TypeVar("T")


class Pace(enum.Enum):
    """How long work may keep its thread between two waits, so that a transport can choose where to run it."""

    QUICK = "quick"  # microseconds: may run on an event loop
    COMMITS = "commits"  # as quick, and will wait for stable storage
    BRIEF = "brief"  # milliseconds of computing or waiting: needs a thread, of which there are many
    SLOW = "slow"  # seconds of computing: belongs in a small bounded pool
    REMOTE = "remote"  # another server is asked: needs a thread of a pool that other work does not share

    __hash__ = object.__hash__  # it is a key in tables that every request looks up; Enum's own runs in Python


SLOWER: Final = {Pace.QUICK: Pace.BRIEF, Pace.COMMITS: Pace.BRIEF, Pace.BRIEF: Pace.SLOW}
"""Where work goes on that takes longer than its pace allows."""


class Pending(Protocol):
    """An operation whose outcome will be known later, such as a commit."""

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, from any thread, when the outcome is known; at once if it is."""
        ...

    def wait(self) -> None:
        """Return when the outcome is known."""
        ...


@frozen
class Wait:
    """The work can go on once the outcome of `pending` is known."""

    pending: Pending


@frozen
class MoveTo:
    """The work must go on where `pace` is run."""

    pace: Pace


@frozen
class Pause:
    """Between two items of a message: others may run first, and what is left may be called off.

    The work goes on at once or later, where it is; a KmipError thrown into it fails the items that have not begun.
    """


Step: TypeAlias = Wait | MoveTo | Pause
Steps: TypeAlias = Generator[Step, None, T]
"""Work in steps; T is its result."""


def returning_to(pace: Pace, steps: Steps[T], begun: Step | None = None) -> Steps[T]:
    """Give the result of the work; if it has moved elsewhere, move to `pace` before.

    begun: what the work has yielded already, if it was begun.
    """
    moved_to = pace
    try:
        step = next(steps) if begun is None else begun
        while True:
            if isinstance(step, MoveTo):
                moved_to = step.pace
            yield step
            step = next(steps)
    except StopIteration as end:
        result: T = end.value
    if moved_to is not pace:
        yield MoveTo(pace)
    return result


def run_blocking(steps: Steps[T]) -> T:
    """Return the result of the work, from a thread that may block."""
    try:
        while True:
            step = next(steps)
            if isinstance(step, Wait):  # else it goes on here: this thread may be kept as long as any work takes
                step.pending.wait()
    except StopIteration as end:
        result: T = end.value
        return result


class TakesLong(Exception):
    """The work would take longer than the pace allows at which it was begun; nothing has happened."""


class AtPace(Protocol):
    """Has adapters know at which pace work is: one that would take longer raises TakesLong then."""

    def __call__(self, pace: Pace, call: Callable[..., T], /, *arguments: Any) -> T:
        """Return what a call returns, which waits for nothing, at a pace."""
        ...


def at_any_pace(_: Pace, call: Callable[..., T], /, *arguments: Any) -> T:
    """Leave adapters alone, for those of which none asks."""
    return call(*arguments)
