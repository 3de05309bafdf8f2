"""Tasks for the writer, and what becomes of them."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, Self, TypeVar

from kmip_adapters.storage.sql.driver import Cursor

T = TypeVar("T")
Task = Callable[[Cursor], T]
"""Does its writes on a cursor, and may raise ConcurrentChange; runs again only after all it did was undone."""


class GroupableTask:
    """A task that may be written together with others of its kind.

    It is no abstract class: each task is asked whether it is one, which those answer by calls in Python.
    is_groupable: whether this one may.
    """

    __slots__ = ()

    is_groupable: bool

    def __call__(self, cursor: Cursor) -> Any:
        """Write it by itself."""
        raise NotImplementedError

    def write_together(self, cursor: Cursor, tasks: Sequence[Self]) -> list[Exception | None]:
        """Write several, this one among them; return why one was left out, in their order.

        Raises any exception if they cannot be written together: nothing is kept then, and each is written by itself.
        """
        raise NotImplementedError


class SubmittedTask(Generic[T]):
    """A task that was handed over to the writer, and its outcome: a `Commitment`."""

    __slots__ = ("_callbacks", "_refused", "error", "is_done", "submitted_at", "task", "value")

    def __init__(
        self, task: Task[T], refused: Callable[[BaseException], object] | None = None, submitted_at: float = 0.0
    ) -> None:
        self.task = task
        self.value: T | None = None
        self.error: BaseException | None = None
        self.is_done = False
        self.submitted_at = submitted_at
        self._refused = refused
        self._callbacks: list[Callable[[], object]] = []

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, in the writer's thread or here."""
        self._callbacks.append(callback)
        if self.is_done:
            self._call_back()

    def wait(self) -> None:
        """Return when the outcome is known.

        The lock is made here: whoever serves on an event loop is called back instead. A bare lock, since an Event costs
        ten times as much to make.
        """
        if self.is_done:
            return
        done = threading.Lock()
        done.acquire()
        self.add_done_callback(done.release)
        with done:
            pass

    def result(self) -> T:
        """Return what the task returned, once that is on stable storage.  Raises what it was refused for."""
        if not self.is_done:
            self.wait()
        if self.error is not None:
            if self._refused is not None:
                self._refused(self.error)
            raise self.error
        return self.value  # type: ignore[return-value]  # there is one where there is no error

    def settle(self) -> None:
        """For the writer: the outcome is known."""
        self.is_done = True
        self._call_back()

    def _call_back(self) -> None:
        while self._callbacks:
            try:
                callback = self._callbacks.pop()
            except IndexError:  # the other thread was faster
                return
            callback()
