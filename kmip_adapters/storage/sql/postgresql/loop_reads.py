"""Reads of units of work that run on an event loop: sent together, and answered without a thread.

All reads that are begun in one turn of the loop go to the database in one write, as a pipeline of libpq; the loop sees
when their answers have come. A loop has two connections of its own: one for rows that are found by their keys, one for
searches, so that a search never keeps the others waiting. Nothing is tried again here: what fails, or cannot be begun,
is read by a thread, which knows how to wait for a database that restarts.

Statements that one unit of work sends together see one instant: a single one by itself, several in a transaction.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from kmip_adapters.storage.sql.postgresql.loop_line import PREPARED, Connects, Line, Read, Statement
from kmip_core.ports.storage import TakesLong

STATEMENTS: Final = 4
"""Statements of one unit of work at most: they are all sent again for each further one."""

BY_KEY_MILLISECONDS: Final = 1_000
SEARCH_MILLISECONDS: Final = 100
"""After how much time the database ends a statement; a thread then begins it again, with more time."""

SLOW_SECONDS: Final = 10.0
"""How long a search whose like was ended so, or a row that was large, is left to threads at once."""

LOCKED_SECONDS: Final = 1.0
"""How long statements that met a lock, or by keys took too long, are left to threads at once."""


class LoopReads:
    """The reads of all event loops of this process on one database. Each loop uses its own part."""

    def __init__(self, backend: Connects) -> None:
        self._backend = backend
        self._lines: dict[asyncio.AbstractEventLoop, tuple[Line, Line]] = {}
        self._is_closed = False
        self._threads = threading.local()  # long: the _Long of a thread
        self._slow: dict[object, float] = {}  # SQL of searches, and SQL with values, until when threads read them

    @property
    def may_wait(self) -> bool:
        """Whether the calling thread may wait: it runs no event loop, or does work that takes as long as it needs."""
        if asyncio._get_running_loop() is None:
            return True
        long: _Long | None = getattr(self._threads, "long", None)
        return long is not None and long.works > 0

    def begin_long(self) -> Callable[[], None]:
        """Let this thread wait, whatever it runs, until what is returned is called, by any thread."""
        try:
            long: _Long = self._threads.long
        except AttributeError:
            long = self._threads.long = _Long()
        long.works += 1
        return long.end

    def begin(self, statements: tuple[Statement, ...]) -> Read | None:
        """Begin to read on the event loop of this thread; None if it has none.

        Raises TakesLong if a thread must do it: there is no connection at this moment, or it would take long.
        """
        loop = asyncio._get_running_loop()
        if loop is None:
            return None
        if len(statements) > STATEMENTS:
            raise TakesLong("there are many statements")
        is_search = False
        for sql, values, is_one in statements:
            is_search = is_search or is_one
            if self._slow and (self._is_slow(sql) or (not is_one and self._is_slow((sql, values)))):
                raise TakesLong("its like has just taken long")
        lines = self._lines.get(loop)
        if lines is None:
            if self._is_closed:
                raise TakesLong("the store is closed")
            self._abandon_ended()
            lines = self._lines[loop] = (
                Line(loop, self._backend, BY_KEY_MILLISECONDS, self._note_slow),
                Line(loop, self._backend, SEARCH_MILLISECONDS, self._note_slow),
            )
        return lines[is_search].begin(statements)

    def close(self) -> None:
        """End the connections, from any thread."""
        self._is_closed = True
        for loop, lines in list(self._lines.items()):
            for line in lines:
                line.is_closed = True
                try:
                    loop.call_soon_threadsafe(line.reset)
                except RuntimeError:  # the loop has ended before
                    line.abandon()
        self._lines.clear()

    def _abandon_ended(self) -> None:
        """Close the connections of loops that have ended: a program may run one after another."""
        for loop in [one for one in list(self._lines) if one.is_closed()]:
            for line in self._lines.pop(loop, ()):
                line.abandon()

    def leave_to_threads(self, sql: str, values: tuple[Any, ...]) -> None:
        """Have threads read a large row for a while: the event loop would take its bytes, only to leave it to them."""
        self._leave([(sql, values)], SLOW_SECONDS)

    def _note_slow(self, read: Read, is_locked: bool) -> None:
        searches = [] if is_locked else [sql for sql, _, is_search in read.statements if is_search]
        if searches:
            self._leave(searches, SLOW_SECONDS)
        else:
            self._leave([sql for sql, _, _ in read.statements], LOCKED_SECONDS)

    def _leave(self, several: Sequence[object], seconds: float) -> None:
        if len(self._slow) >= PREPARED:
            self._slow.clear()
        until = time.monotonic() + seconds
        self._slow.update((one, until) for one in several)

    def _is_slow(self, one: object) -> bool:
        until = self._slow.get(one)
        if until is None:
            return False
        if time.monotonic() < until:
            return True
        self._slow.pop(one, None)  # the loop of another thread may be faster
        return False


class _Long:
    """How many units of work of one thread may take long."""

    __slots__ = ("works",)

    def __init__(self) -> None:
        self.works = 0

    def end(self) -> None:
        """Say that one has ended: in another thread than it began in where a batch has let others run."""
        self.works -= 1
