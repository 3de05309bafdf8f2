"""The one thread that writes: it gathers waiting tasks into one transaction, so that many callers share one sync.

Each task runs inside a savepoint. A task that is refused (its versions do not match) undoes its savepoint and nothing
else. No outcome is reported, not even a refusal, before the COMMIT has returned: what a task saw may vanish with it. If
the transaction is gone after an error, all of it has failed and the connection is closed; the whole group runs again
if the error was transient and there is time, else all its tasks fail.

Each statement gives the interpreter lock away and has to wait for it again, behind the threads that serve. So tasks
that can be written together are (`GroupableTask`): a group of them costs about as many statements as one.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from kmip_adapters.storage.sql.backend import Backend
from kmip_adapters.storage.sql.driver import Connection, Cursor
from kmip_adapters.storage.sql.submitted import GroupableTask, SubmittedTask, Task
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange

T = TypeVar("T")

GROUP: Final = 256
"""Tasks in one transaction at most."""

WAIT_SECONDS: Final = 0.002
"""How long a group that is not large enough yet waits for the next task."""

MAXIMUM_WAITS: Final = 3
"""How often a group waits for one more task."""

CLEAN_UP_INTERVAL: Final = 1.0
"""Seconds until a clean-up that could not be finished is tried again."""

NOTHING_CHANGED: Final = "the store could not write; nothing was changed"
OUTCOME_UNKNOWN: Final = "the store was lost while it wrote; look whether the change was made before repeating it"
"""What clients are told of a change that failed."""

AfterCommit = Callable[[Sequence[SubmittedTask[Any]], bytes, bytes], object]

_log = logging.getLogger(__name__)


class Writer:
    """Group commit on a connection of its own.

    with_each: takes part in every transaction, at its end; what it returns is called after the COMMIT.
    when_idle: maintains the database while no task waits; False if it must be called again soon.
    after_commit: called with a group that was committed, and with the state of the database before and after it where
    no other transaction was committed between these two.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        with_each: Callable[[Cursor], Callable[[], object]],
        when_idle: Callable[[Connection], bool],
        after_commit: AfterCommit | None = None,
    ) -> None:
        self._backend = backend
        self._after_commit = after_commit
        self._with_each = with_each
        self._when_idle = when_idle
        self._connection: Connection | None = backend.open_writer()
        self._in_doubt: tuple[list[SubmittedTask[Any]], Callable[[], object]] | None = None
        """The group whose COMMIT got no answer, and what to call if it was committed."""
        self._is_clean = True
        self._sizes = (0, 0)  # of the last two groups
        self._enough_tasks = GROUP  # how many tasks must wait to be enough for the next group
        self._queue: queue.SimpleQueue[SubmittedTask[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._enough = threading.Condition(self._lock)
        self._closed = False
        self.on_commit: Callable[[int, float], object] | None = None
        """Called in the writer's thread after each COMMIT with the number of tasks and the seconds, for metrics."""
        self.groups = 0
        """Transactions committed; with the number of tasks it shows how well they are gathered."""
        self._thread = threading.Thread(target=self._run, name="kmipd-writer", daemon=True)
        self._thread.start()

    def submit(self, task: Task[T]) -> T:
        """Run a task and return its result when it is on stable storage.

        Raises ConcurrentChange as the task does; KmipError (General Failure) if the store cannot write.
        """
        return self.hand_over(task).result()

    def hand_over(self, task: Task[T], refused: Callable[[BaseException], object] | None = None) -> SubmittedTask[T]:
        """Have a task run, and return at once.

        refused: called where the result is taken, before an error is raised there.
        Raises KmipError (General Failure) if the store is closed.
        """
        submitted = SubmittedTask(task, refused, time.monotonic())
        with self._lock:
            if self._closed:
                raise KmipError(ResultReason.GENERAL_FAILURE, "the store is closed")
            self._queue.put(submitted)
            if self._queue.qsize() >= self._enough_tasks:
                self._enough.notify()
        return submitted

    @property
    def waiting(self) -> int:
        """How many tasks wait for the next group."""
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
                for submitted in group:
                    self._settle(submitted)
                del group, submitted  # their key bytes are not kept while the thread waits
            if self._queue.empty():
                self._idle()
        if self._connection is not None:
            self._connection.close()

    def _gather(self) -> tuple[list[SubmittedTask[Any]], bool]:
        """Wait for one task, and take with it all that have come meanwhile.  False: there will be no more."""
        group: list[SubmittedTask[Any]] = []
        try:
            submitted = self._queue.get(timeout=None if self._is_clean else CLEAN_UP_INTERVAL)
        except queue.Empty:
            return group, True
        if submitted is not None:
            self._wait_for_more()
        while submitted is not None:
            group.append(submitted)
            if len(group) == GROUP or self._queue.empty():
                return group, True
            submitted = self._queue.get()
        return group, False

    @staticmethod
    def _settle(submitted: SubmittedTask[Any]) -> None:
        try:
            submitted.settle()
        except Exception:  # a callback must not end the one thread that writes
            _log.exception("the callback of a commit failed")

    def _wait_for_more(self) -> None:
        """Wait while other tasks are on their way: a group costs nearly the same whatever its size.

        Half of those who had a part in the last two groups are enough: the others are served meanwhile. A task that
        comes alone is never kept waiting. The thread sleeps until there are enough, since each time it wakes it needs
        the interpreter lock, and the threads that serve pay for that.
        """
        enough = sum(self._sizes) // 2 - 1
        if enough < 1:
            return
        with self._enough:
            self._enough_tasks = enough
            waits = MAXIMUM_WAITS
            while waits and not self._closed and (waiting := self._queue.qsize()) < enough:
                is_enough = self._enough.wait(WAIT_SECONDS)
                none_came = self._queue.qsize() == waiting
                waits = 0 if is_enough or none_came else waits - 1
            self._enough_tasks = GROUP

    def _commit(self, group: list[SubmittedTask[Any]]) -> None:
        """Write a group, again after transient errors; then each of its tasks has its value or its error."""
        pauses = self._backend.pauses(group[0].submitted_at)
        while (error := self._attempt(group)) is not None:
            pause = next(pauses, None) if self._backend.is_transient(error) else None
            if pause is None:
                is_unknown = self._in_doubt is not None and self._in_doubt[0] is group
                what = "is not known to be committed" if is_unknown else "could not be committed"
                _log.error("a group of %d changes %s: %s", len(group), what, error)
                for submitted in group:
                    submitted.error = _failure(error, OUTCOME_UNKNOWN if is_unknown else NOTHING_CHANGED)
                return
            _log.info("a group of %d changes is written again: %s", len(group), error)
            time.sleep(pause)

    def _attempt(self, group: list[SubmittedTask[Any]]) -> Exception | None:
        """Write a group; return what has failed: nothing of it has happened then, unless its COMMIT is in doubt."""
        try:
            if self._connection is None:
                self._connection = self._backend.open_writer()
            if self._in_doubt is not None and self._resolve_doubt(self._connection) is group:
                return None
            with self._backend.turn() as has_waited:
                if has_waited:
                    self._take_more(group)
                committed, seconds, before = self._write(self._connection, group)
                after = self._backend.state()
            if self.on_commit is not None:
                self.on_commit(len(group), seconds)
        except Exception as error:  # whatever it was, no task may succeed
            self._abandon()
            return error
        self.groups += 1
        committed()
        note = self._after_commit
        if note is not None and before and after and self._backend.commits_between(before, after) == 1:
            try:
                note(group, before, after)
            except Exception:  # it must not end the one thread that writes, nor fail what is committed
                _log.exception("what was committed could not be noted")
        return None

    def _write(
        self, connection: Connection, group: list[SubmittedTask[Any]]
    ) -> tuple[Callable[[], object], float, bytes | None]:
        """Write a group in one transaction.

        Returns what to call after it, the seconds of its COMMIT, and the state of the database that it has changed.
        """
        for submitted in group:
            submitted.error = None
        cursor = connection.cursor()
        self._backend.begin_writing(cursor)
        for submitted in self._apply_together(cursor, group):
            self._apply(cursor, submitted)
        committed = self._with_each(cursor)
        before = self._backend.state()  # no other process can commit before this one has
        self._in_doubt = group, committed
        begun = time.perf_counter()
        self._backend.commit(cursor)
        self._in_doubt = None
        return committed, time.perf_counter() - begun, before

    def _take_more(self, group: list[SubmittedTask[Any]]) -> None:
        """Take what has come while another process wrote into the group."""
        while len(group) < GROUP and not self._queue.empty():
            submitted = self._queue.get()
            if submitted is None:
                self._queue.put(None)  # the last one: it ends the thread at its next look
                return
            group.append(submitted)

    def _resolve_doubt(self, connection: Connection) -> list[SubmittedTask[Any]] | None:
        """Find out whether the group was committed whose COMMIT got no answer; return it if it was."""
        assert self._in_doubt is not None  # noqa: S101  for the type checker
        was_committed = self._backend.was_committed(connection)
        (group, committed), self._in_doubt = self._in_doubt, None
        if not was_committed:
            return None
        self.groups += 1
        committed()
        if any(submitted.is_done for submitted in group):
            _log.warning("%d changes that were answered with an error have been committed after all", len(group))
        return group

    def _apply_together(self, cursor: Cursor, group: list[SubmittedTask[Any]]) -> list[SubmittedTask[Any]]:
        """Apply those that can be written together, and return the rest.

        One that stands alone is applied so as well: it needs no savepoint, and all that it is judged by is read at
        once. That is seven statements for a Create, in three portions on PostgreSQL, and seven or eight for an
        Activate.

        They come first: no task of the group has its outcome yet, so none of them came before another.
        """
        groupable = [
            (submitted, task)
            for submitted in group
            if isinstance(task := submitted.task, GroupableTask) and task.is_groupable
        ]
        if not groupable:
            return group
        tasks = [task for _, task in groupable]
        try:
            with self._backend.gathering(cursor):
                errors = tasks[0].write_together(cursor, tasks)
        except Exception as error:
            if self._must_begin_again(error):
                raise
            _log.debug("%d changes are written one by one: %s", len(tasks), error)
            cursor.execute("ROLLBACK")
            self._backend.begin_writing(cursor)
            return group
        for (submitted, _), refusal in zip(groupable, errors, strict=True):
            submitted.error = refusal
        if len(groupable) == len(group):
            return []
        written = {id(submitted) for submitted, _ in groupable}
        return [submitted for submitted in group if id(submitted) not in written]

    def _apply(self, cursor: Cursor, submitted: SubmittedTask[Any]) -> None:
        cursor.execute("SAVEPOINT change")
        try:
            submitted.value = submitted.task(cursor)
        except Exception as error:  # of this task alone; the rest of the group goes on
            if self._must_begin_again(error):
                raise
            cursor.execute("ROLLBACK TO change")
            is_refusal = isinstance(error, ConcurrentChange | KmipError)
            submitted.error = error if is_refusal else _failure(error)
            if not is_refusal:
                _log.error("a change could not be written", exc_info=not isinstance(error, self._backend.errors))
        cursor.execute("RELEASE change")

    def _must_begin_again(self, error: Exception) -> bool:
        """Whether an error has ended the whole transaction, or must."""
        connection = self._connection
        return connection is None or not self._backend.in_transaction(connection) or self._backend.is_transient(error)

    def _abandon(self) -> None:
        """Undo the transaction and close the connection; the next attempt opens another one."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._backend.in_transaction(connection):
                connection.execute("ROLLBACK")
        except self._backend.errors as error:
            _log.info("the transaction could not be undone: %s", error)
        try:
            connection.close()
        except self._backend.errors as error:
            _log.info("the connection could not be closed: %s", error)

    def _idle(self) -> None:
        if self._connection is None:
            return
        try:
            self._is_clean = self._when_idle(self._connection)
        except self._backend.errors as error:
            self._is_clean = False
            _log.warning("the clean-up of the database was put off: %s", error)


def _failure(error: BaseException, text: str = NOTHING_CHANGED) -> KmipError:
    failure = KmipError(ResultReason.GENERAL_FAILURE, text)
    failure.__cause__ = error
    return failure
