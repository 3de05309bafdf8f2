"""The one thread that writes: it gathers waiting changes into one transaction, so that many callers share one sync.

Each change runs inside a savepoint. A change that is refused (its versions do not match) undoes its savepoint and
nothing else. Nobody is answered, not even the refused, before the COMMIT has returned: what they saw may vanish with
it. If the transaction is gone after an error, all of it has failed and the connection is not trusted any more.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import define, field

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange

T = TypeVar("T")
Change = Callable[[Any], T]
"""Does its writes on a cursor, and may raise ConcurrentChange; runs again in no case."""

GROUP: Final = 256
"""Changes in one transaction at most."""

CARE_INTERVAL: Final = 1.0
"""Seconds until care that could not be finished is tried again."""

_log = logging.getLogger(__name__)


@define(eq=False)
class _Waiting:
    """A change and what became of it."""

    change: Change[Any]
    result: Any = None
    error: BaseException | None = None
    done: threading.Event = field(factory=threading.Event)


class Writer:
    """Group commit on a connection of its own.

    open_connection: gives a driver connection in autocommit mode.  errors: the driver's classes of errors.
    when_idle: takes care of the database while nobody waits; False if it wants to be called again soon.
    """

    def __init__(
        self,
        open_connection: Callable[[], Any],
        *,
        begin: str,
        in_transaction: Callable[[Any], bool],
        errors: tuple[type[Exception], ...],
        when_idle: Callable[[Any], bool],
    ) -> None:
        self._open_connection = open_connection
        self._begin = begin
        self._in_transaction = in_transaction
        self._errors = errors
        self._when_idle = when_idle
        self._connection: Any = open_connection()
        self._is_cared_for = True
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self.groups = 0
        """Transactions committed; with the number of changes it tells how well they are gathered."""
        self._thread = threading.Thread(target=self._run, name="kmipd-writer", daemon=True)
        self._thread.start()

    def submit(self, change: Change[T]) -> T:
        """Run a change and return its result when it is on stable storage.

        Raises ConcurrentChange as the change does; KmipError (General Failure) if the store cannot write.
        """
        waiting = _Waiting(change)
        with self._lock:
            if self._closed:
                raise KmipError(ResultReason.GENERAL_FAILURE, "the store is closed")
            self._queue.put(waiting)
        waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error
        result: T = waiting.result
        return result

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
        self._thread.join()

    # --- the writer's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._gather()
            if group:
                self._commit(group)
                for waiting in group:
                    waiting.done.set()
            if self._queue.empty():
                self._idle()
        if self._connection is not None:
            self._connection.close()

    def _gather(self) -> tuple[list[_Waiting], bool]:
        """Wait for one change, and take with it all that have come meanwhile.  False: there will be no more."""
        group: list[_Waiting] = []
        try:
            waiting = self._queue.get(timeout=None if self._is_cared_for else CARE_INTERVAL)
        except queue.Empty:
            return group, True
        while waiting is not None:
            group.append(waiting)
            if len(group) == GROUP or self._queue.empty():
                return group, True
            waiting = self._queue.get()
        return group, False

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            if self._connection is None:
                self._connection = self._open_connection()
            cursor = self._connection.cursor()
            cursor.execute(self._begin)
            for waiting in group:
                self._apply(cursor, waiting)
            cursor.execute("COMMIT")
            self.groups += 1
        except Exception as error:  # whatever it was, nobody may be told of success
            _log.error("a group of %d changes could not be committed: %s", len(group), error)
            self._abandon()
            for waiting in group:
                waiting.error = _failure(error)

    def _apply(self, cursor: Any, waiting: _Waiting) -> None:
        cursor.execute("SAVEPOINT change")
        try:
            waiting.result = waiting.change(cursor)
        except Exception as error:  # told to its own asker; the rest of the group goes on
            if not self._in_transaction(self._connection):
                raise
            cursor.execute("ROLLBACK TO change")
            is_ours = isinstance(error, ConcurrentChange | KmipError)
            waiting.error = error if is_ours else _failure(error)
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
