"""The one thread that writes: it gathers waiting changes into one transaction, so that many callers share one sync.

Each change runs inside a savepoint. A change that is refused (its versions do not match) undoes its savepoint and
nothing else. Nobody is answered, not even the refused, before the COMMIT has returned: what they saw may vanish with
it. If the transaction is gone after an error, all of it has failed and the connection is not trusted any more.

Each statement gives the interpreter lock away and has to wait for it again, behind the threads that serve. So changes
that can be written together are (`Joint`): a group of them costs about as many statements as one.
"""

import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Self, TypeVar

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange

T = TypeVar("T")
Change = Callable[[Any], T]
"""Does its writes on a cursor, and may raise ConcurrentChange; runs again only after all it did was undone."""

GROUP: Final = 256
"""Changes in one transaction at most."""

SLICE: Final = 0.002
PATIENCE: Final = 3
"""Seconds that a group which is not large enough yet waits for the next change to come, and how often at most."""

CARE_INTERVAL: Final = 1.0
"""Seconds until care that could not be finished is tried again."""

_log = logging.getLogger(__name__)


class Joint(ABC):
    """A change that may be written together with others of its kind.

    is_joint: whether this one may.
    """

    __slots__ = ()

    is_joint: bool

    @abstractmethod
    def __call__(self, cursor: Any) -> Any:
        """Write it by itself."""

    @abstractmethod
    def write_together(self, cursor: Any, changes: Sequence[Self]) -> list[Exception | None]:
        """Write several, this one among them; return why one was left out, in their order.

        Raises anything if they cannot be written together: nothing is kept then, and each is written by itself.
        """


class Handed(Generic[T]):
    """A change that was handed over, and what became of it: a `Commitment`.

    A bare lock instead of an Event: half of them are never waited for, and an Event costs ten times as much to make.
    """

    __slots__ = ("_callbacks", "_done", "_refused", "change", "error", "is_done", "value")

    def __init__(self, change: Change[T], refused: Callable[[BaseException], object] | None = None) -> None:
        self.change = change
        self.value: T | None = None
        self.error: BaseException | None = None
        self.is_done = False
        self._refused = refused
        self._callbacks: list[Callable[[], object]] = []
        self._done = threading.Lock()
        self._done.acquire()

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, in the writer's thread or here."""
        self._callbacks.append(callback)
        if self.is_done:
            self._call_back()

    def wait(self) -> None:
        """Return when the outcome is known."""
        with self._done:
            pass

    def result(self) -> T:
        """Return what the change returned, once that is on stable storage.  Raises what it was refused for."""
        self.wait()
        if self.error is not None:
            if self._refused is not None:
                self._refused(self.error)
            raise self.error
        return self.value  # type: ignore[return-value]  # there is one where there is no error

    def settle(self) -> None:
        """For the writer: the outcome is known."""
        self.is_done = True
        self._done.release()
        self._call_back()

    def _call_back(self) -> None:
        while self._callbacks:
            try:
                callback = self._callbacks.pop()
            except IndexError:  # the other thread was faster
                return
            callback()


class Writer:
    """Group commit on a connection of its own.

    open_connection: gives a driver connection in autocommit mode.  errors: the driver's classes of errors.
    with_each: takes part in every transaction, at its end; what it returns is called after the COMMIT.
    when_idle: takes care of the database while nobody waits; False if it wants to be called again soon.
    """

    def __init__(
        self,
        open_connection: Callable[[], Any],
        *,
        begin: str,
        in_transaction: Callable[[Any], bool],
        errors: tuple[type[Exception], ...],
        with_each: Callable[[Any], Callable[[], object]],
        when_idle: Callable[[Any], bool],
    ) -> None:
        self._open_connection = open_connection
        self._begin = begin
        self._in_transaction = in_transaction
        self._errors = errors
        self._with_each = with_each
        self._when_idle = when_idle
        self._connection: Any = open_connection()
        self._is_cared_for = True
        self._sizes = (0, 0)  # of the last two groups
        self._wanted = GROUP  # how many changes must wait to be enough for the next
        self._queue: queue.SimpleQueue[Handed[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._enough = threading.Condition(self._lock)
        self._closed = False
        self.groups = 0
        """Transactions committed; with the number of changes it tells how well they are gathered."""
        self._thread = threading.Thread(target=self._run, name="kmipd-writer", daemon=True)
        self._thread.start()

    def submit(self, change: Change[T]) -> T:
        """Run a change and return its result when it is on stable storage.

        Raises ConcurrentChange as the change does; KmipError (General Failure) if the store cannot write.
        """
        return self.hand_over(change).result()

    def hand_over(self, change: Change[T], refused: Callable[[BaseException], object] | None = None) -> Handed[T]:
        """Have a change run, and return at once.

        refused: called by whoever takes the result, before it is raised.
        Raises KmipError (General Failure) if the store is closed.
        """
        handed = Handed(change, refused)
        with self._lock:
            if self._closed:
                raise KmipError(ResultReason.GENERAL_FAILURE, "the store is closed")
            self._queue.put(handed)
            if self._queue.qsize() >= self._wanted:
                self._enough.notify()
        return handed

    @property
    def waiting(self) -> int:
        """How many changes wait for the next group."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
            self._enough.notify()
        self._thread.join()

    # --- the writer's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._gather()
            if group:
                self._commit(group)
                self._sizes = (self._sizes[1], len(group))
                for handed in group:
                    self._settle(handed)
                del group, handed  # their key bytes are not kept while the thread waits
            if self._queue.empty():
                self._idle()
        if self._connection is not None:
            self._connection.close()

    def _gather(self) -> tuple[list[Handed[Any]], bool]:
        """Wait for one change, and take with it all that have come meanwhile.  False: there will be no more."""
        group: list[Handed[Any]] = []
        try:
            handed = self._queue.get(timeout=None if self._is_cared_for else CARE_INTERVAL)
        except queue.Empty:
            return group, True
        if handed is not None:
            self._let_more_come()
        while handed is not None:
            group.append(handed)
            if len(group) == GROUP or self._queue.empty():
                return group, True
            handed = self._queue.get()
        return group, False

    @staticmethod
    def _settle(handed: Handed[Any]) -> None:
        try:
            handed.settle()
        except Exception:  # whoever is told must not end the one thread that writes
            _log.exception("the outcome of a change could not be told")

    def _let_more_come(self) -> None:
        """Wait while others are on their way: a group costs nearly the same whatever its size.

        Half of those who had a part in the last two groups are enough: the others are served meanwhile. Who is alone
        is never kept waiting. The thread sleeps until there are enough, since each time it wakes it wants the
        interpreter lock, and whoever serves pays for that.
        """
        wanted = sum(self._sizes) // 2 - 1
        if wanted < 1:
            return
        with self._enough:
            self._wanted = wanted
            patience = PATIENCE
            while patience and not self._closed and (waiting := self._queue.qsize()) < wanted:
                is_enough = self._enough.wait(SLICE)
                nobody_came = self._queue.qsize() == waiting
                patience = 0 if is_enough or nobody_came else patience - 1
            self._wanted = GROUP

    def _commit(self, group: list[Handed[Any]]) -> None:
        try:
            if self._connection is None:
                self._connection = self._open_connection()
            cursor = self._connection.cursor()
            cursor.execute(self._begin)
            for handed in self._apply_together(cursor, group):
                self._apply(cursor, handed)
            committed = self._with_each(cursor)
            cursor.execute("COMMIT")
            self.groups += 1
        except Exception as error:  # whatever it was, nobody may be told of success
            _log.error("a group of %d changes could not be committed: %s", len(group), error)
            self._abandon()
            for handed in group:
                handed.error = _failure(error)
        else:
            committed()

    def _apply_together(self, cursor: Any, group: list[Handed[Any]]) -> list[Handed[Any]]:
        """Apply those that can be written together, and return the rest.

        They come first: nobody in the group has been answered, so none of it came before another.
        """
        joint = [(handed, change) for handed in group if isinstance(change := handed.change, Joint) and change.is_joint]
        if len(joint) < 2:
            return group
        changes = [change for _, change in joint]
        try:
            errors = changes[0].write_together(cursor, changes)
        except Exception as error:
            if not self._in_transaction(self._connection):
                raise
            _log.debug("%d changes are written one by one: %s", len(joint), error)
            cursor.execute("ROLLBACK")
            cursor.execute(self._begin)
            return group
        for (handed, _), refusal in zip(joint, errors, strict=True):
            handed.error = refusal
        written = {id(handed) for handed, _ in joint}
        return [handed for handed in group if id(handed) not in written]

    def _apply(self, cursor: Any, handed: Handed[Any]) -> None:
        cursor.execute("SAVEPOINT change")
        try:
            handed.value = handed.change(cursor)
        except Exception as error:  # told to its own asker; the rest of the group goes on
            if not self._in_transaction(self._connection):
                raise
            cursor.execute("ROLLBACK TO change")
            is_ours = isinstance(error, ConcurrentChange | KmipError)
            handed.error = error if is_ours else _failure(error)
            if not is_ours:
                _log.error("a change could not be written", exc_info=not isinstance(error, self._errors))
        cursor.execute("RELEASE change")

    def _abandon(self) -> None:
        """Undo the transaction and let the connection go; the next group gets a fresh one."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._in_transaction(connection):
                connection.execute("ROLLBACK")
        except self._errors as error:
            _log.error("the transaction could not be undone: %s", error)
        try:
            connection.close()
        except self._errors as error:
            _log.error("the connection could not be closed: %s", error)

    def _idle(self) -> None:
        if self._connection is None:
            return
        try:
            self._is_cared_for = self._when_idle(self._connection)
        except self._errors as error:
            self._is_cared_for = False
            _log.warning("care of the database was put off: %s", error)


def _failure(error: BaseException) -> KmipError:
    failure = KmipError(ResultReason.GENERAL_FAILURE, "the store could not write; nothing was changed")
    failure.__cause__ = error
    return failure
