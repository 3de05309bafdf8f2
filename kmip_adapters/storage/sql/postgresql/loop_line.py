"""One connection of one event loop: reads are queued, sent together as a pipeline of libpq, and answered by the loop.

It connects in a thread of its own. What it cannot send, or what fails, it says of the read, and tries nothing again.
"""

import asyncio
import logging
import os
import re
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer

from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.postgresql.watchdog import WatchedConnection
from kmip_core.ports.storage import TakesLong

ROWS: Final = 1_000
"""Rows of one statement at most: to convert them takes a millisecond of the loop, or two."""

STALLED_SECONDS: Final = 0.02
"""Without an answer, after which a connection takes no more reads until one has come; threads do them meanwhile."""

LOCK_MILLISECONDS: Final = 50
"""How long a statement waits at most for a table that is locked, as while another node upgrades the schema."""

REOPEN_SECONDS: Final = 1.0
"""Between two attempts to connect."""

PREPARED: Final = 256
"""Statements that one connection keeps prepared; there are fewer unless clients search in very many ways."""

BEGIN: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
END: Final = b"ROLLBACK"
_CANCELED: Final = "57014"
_LOCKED: Final = "55P03"

_PLACEHOLDER: Final = re.compile(r"%(s|%)")

Statement = tuple[str, tuple[Any, ...], bool]
"""SQL as psycopg takes it, its values, and whether it is a search."""

Dumped = tuple[str, tuple[int, ...], Sequence[Any], Any]
"""SQL, and the types, bytes and formats of its values."""

_log = logging.getLogger(__name__)


class Read:
    """What one unit of work reads; a `Pending` (kmip_core.ports.steps)."""

    __slots__ = ("_callbacks", "_found", "_line", "has_failed", "is_done", "sent", "statements")

    def __init__(self, line: "Line", statements: tuple[Statement, ...], sent: list[Dumped]) -> None:
        self._line = line
        self.sent = sent
        self.statements = statements
        self.is_done = False
        self.has_failed = False
        self._found: list[list[Row]] = []
        self._callbacks: list[Callable[[], object]] = []

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[Row] | None:
        """Return what a statement has found, None for one that was not sent.

        Raises TakesLong if the read has failed.
        """
        if self.has_failed:
            raise TakesLong("it must be read by a thread")
        for (sent, its_values, _), rows in zip(self.statements, self._found, strict=True):
            if sent == sql and its_values == values:
                return rows
        return None

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """On the loop: call `callback` once the read is done."""
        if self.is_done:
            callback()
        else:
            self._callbacks.append(callback)

    def wait(self) -> None:
        """Return once the read is done, from the thread of its loop, for a caller that holds the loop up."""
        while not self.is_done:
            self._line.go_on()

    def take(self, rows: list[Row]) -> None:
        """Take what the next statement has found."""
        self._found.append(rows)

    def end(self, *, has_failed: bool) -> None:
        """Say that all statements have been answered, or that they never will be."""
        self.is_done = True
        self.has_failed = has_failed
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


class Connects(Protocol):
    """What the reads of loops need of the backend."""

    def open_for_loop(self, milliseconds: int, lock_milliseconds: int) -> WatchedConnection:
        """Return a connection whose statements end after so many milliseconds, or so many of waiting for a lock.

        Raises psycopg.Error.
        """
        ...


class Line:
    """One connection of one loop; used on the loop's thread alone, but for `is_closed` and `abandon`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        backend: Connects,
        milliseconds: int,
        note_slow: Callable[[Read, bool], None],
    ) -> None:
        self._loop = loop
        self._backend = backend
        self._milliseconds = milliseconds
        self._note_slow = note_slow
        self._connection: WatchedConnection | None = None
        self._is_opening = False
        self._reopen_at = 0.0
        self.is_closed = False
        self._queued: list[Read] = []
        self._sent: deque[tuple[Read | None, bool]] = deque()
        """What is to be answered: a read and whether it is its last statement; None for what finds no rows."""
        self._results: list[Any] = []
        self._answered_at = 0.0  # when the last answer was there whole, or the first was begun to be waited for
        self._is_writing = False  # whether the loop says when more can be sent
        self._has_broken = False
        self._prepared: dict[tuple[str, tuple[int, ...]], bytes] = {}

    def begin(self, statements: tuple[Statement, ...]) -> Read:
        """Queue a read for this turn of the loop.  Raises TakesLong."""
        if self._connection is None:
            self._open()
            raise TakesLong("there is no connection yet")
        if self._sent and time.monotonic() - self._answered_at > STALLED_SECONDS:
            raise TakesLong("another read takes long")
        try:
            sent = [self._dumped(sql, values) for sql, values, _ in statements]
        except (psycopg.Error, ArithmeticError, TypeError, ValueError) as error:
            raise TakesLong("a thread says what is wrong with a value") from error
        read = Read(self, statements, sent)
        if not self._queued:
            self._loop.call_soon(self._send)
        self._queued.append(read)
        return read

    def go_on(self) -> None:
        """Send what is queued, and wait until something is answered."""
        self._send()
        if self._connection is not None:
            answers = select.poll()
            answers.register(self._socket, select.POLLIN)
            answers.poll(100)
            self._receive()

    # --- connecting -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Connect, which may take seconds, in a thread of its own."""
        if self._is_opening or self.is_closed or time.monotonic() < self._reopen_at:
            return
        self._is_opening = True
        try:
            threading.Thread(target=self._connect, name="kmipd-connects", daemon=True).start()
        except RuntimeError as error:  # there are too many threads
            _log.info("no connection for the event loop: %s", error)
            self._opened(None)

    def _connect(self) -> None:
        connection: WatchedConnection | None = None
        try:
            connection = self._backend.open_for_loop(self._milliseconds, LOCK_MILLISECONDS)
        except (psycopg.Error, OSError) as error:
            _log.debug("no connection for the event loop: %s", error)
        try:
            self._loop.call_soon_threadsafe(self._opened, connection)
        except RuntimeError:  # the loop has ended meanwhile
            if connection is not None:
                connection.close()

    def _opened(self, connection: WatchedConnection | None) -> None:
        self._is_opening = False
        self._reopen_at = time.monotonic() + REOPEN_SECONDS
        if connection is None:
            return
        if self.is_closed:
            connection.close()
            return
        raw = connection.driver_connection
        try:
            raw.pgconn.enter_pipeline_mode()
            raw.pgconn.nonblocking = 1
            self._socket = os.dup(raw.fileno())  # libpq closes its own as soon as the database is gone
        except (psycopg.Error, OSError) as error:  # without it no answer would be seen
            _log.warning("reads are left to threads: %s", getattr(error, "strerror", None) or error)
            connection.close()
            return
        self._connection, self._pgconn, self._transformer = connection, raw.pgconn, Transformer(raw)
        self._prepared.clear()
        self._loop.add_reader(self._socket, self._receive)

    def reset(self) -> None:
        """End the connection; what was to be read is read by threads."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._loop.remove_reader(self._socket)
            if self._is_writing:
                self._loop.remove_writer(self._socket)
                self._is_writing = False
            os.close(self._socket)
            connection.waits_no_more()
            connection.close()
        reads = [read for read, is_last in self._sent if read is not None and is_last] + self._queued
        self._sent.clear()
        self._queued = []
        self._results = []
        for read in reads:
            read.end(has_failed=True)

    def abandon(self) -> None:
        """End the connection of a loop that has ended, from any thread."""
        connection, self._connection = self._connection, None
        if connection is not None:
            os.close(self._socket)
            connection.close()

    # --- sending ----------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        queued, connection = self._queued, self._connection
        if not queued or connection is None:
            return
        if not self._sent:
            self._answered_at = time.monotonic()
        try:
            several = [read for read in queued if len(read.statements) > 1]
            if len(several) < len(queued):
                for read in queued:
                    if len(read.statements) == 1:
                        self._send_statement(read, read.sent[0], is_last=True)
                self._synchronize()
            for read in several:
                self._send_transaction(read)
            self._queued = []
            connection.waits()
            self._flush()
        except psycopg.Error as error:
            _log.info("a read could not be sent: %s", error)
            self._queued = queued
            self._sent = deque(one for one in self._sent if one[0] not in queued)
            self.reset()

    def _send_transaction(self, read: Read) -> None:
        self._send_plain(BEGIN)
        last = len(read.statements) - 1
        for number, statement in enumerate(read.sent):
            self._send_statement(read, statement, is_last=number == last)
        self._synchronize()
        self._send_plain(END)  # after the end of what a failure leaves out
        self._synchronize()

    def _dumped(self, sql: str, values: tuple[Any, ...]) -> Dumped:
        transformer = self._transformer
        given = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        return sql, tuple(transformer.types or ()), given, transformer.formats

    def _send_statement(self, read: Read, statement: Dumped, *, is_last: bool) -> None:
        sql, types, given, formats = statement
        name = self._prepared.get((sql, types)) or self._prepare(sql, types)
        self._pgconn.send_query_prepared(name, given, formats)
        self._sent.append((read, is_last))

    def _prepare(self, sql: str, types: tuple[int, ...]) -> bytes:
        if len(self._prepared) >= PREPARED:
            self._send_plain(b"DEALLOCATE ALL")
            self._prepared.clear()
        name = b"loop_%d" % len(self._prepared)
        self._pgconn.send_prepare(name, numbered(sql).encode(), types)
        self._sent.append((None, False))
        self._prepared[sql, types] = name
        return name

    def _send_plain(self, sql: bytes) -> None:
        self._pgconn.send_query_params(sql, None)
        self._sent.append((None, False))

    def _synchronize(self) -> None:
        self._pgconn.pipeline_sync()
        self._sent.append((None, True))

    def _flush(self) -> None:
        if self._connection is None:
            return
        try:
            has_more = self._pgconn.flush()
        except psycopg.Error:
            self.reset()
            return
        if bool(has_more) is not self._is_writing:
            self._is_writing = bool(has_more)
            if has_more:
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)

    # --- receiving --------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        pgconn, results = self._pgconn, self._results
        ended: list[Read] = []
        try:
            pgconn.consume_input()
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    if not results:
                        break
                    self._take(results.pop(), ended)
                elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                    self._sent.popleft()
                else:
                    results[:] = [result]
        except (psycopg.Error, IndexError) as error:  # or an answer to nothing
            _log.info("the connection of the event loop has ended: %s", error)
            self.reset()
        else:
            if self._connection is not None:
                if not self._sent:
                    self._connection.waits_no_more()
                elif ended:
                    self._connection.waits()
        for read in ended:
            read.end(has_failed=read.has_failed)
        if any(read.has_failed for read in ended):
            self._look_after_failure()

    def _take(self, result: Any, ended: list[Read]) -> None:
        """Take the result of the statement that was sent before all others that have none yet."""
        read, is_last = self._sent.popleft()
        self._answered_at = time.monotonic()
        status = result.status
        if status == pq.ExecStatus.TUPLES_OK and read is not None:
            self._take_rows(read, result)
        elif status != pq.ExecStatus.COMMAND_OK:
            self._note_failure(read, result)
        if read is not None and is_last:
            ended.append(read)

    def _take_rows(self, read: Read, result: Any) -> None:
        if result.ntuples > ROWS:
            read.has_failed = True
            self._note_slow(read, False)
            return
        try:
            self._transformer.set_pgresult(result)
            read.take(self._transformer.load_rows(0, result.ntuples, tuple))
        except (psycopg.Error, ValueError):
            read.has_failed = True  # a thread says what is wrong with a row

    def _note_failure(self, read: Read | None, result: Any) -> None:
        if read is None:
            self._has_broken = True  # what was to be prepared is not
        else:
            read.has_failed = True
        if result.status == pq.ExecStatus.PIPELINE_ABORTED:
            return  # something before it has failed
        state = result.error_field(pq.DiagnosticField.SQLSTATE)
        state = None if state is None else state.decode()
        if state in (_CANCELED, _LOCKED):
            if read is not None:
                self._note_slow(read, state == _LOCKED)
            return
        _log.info("a read is left to threads: %s", result.error_message.decode(errors="replace").strip())
        self._has_broken = True  # a statement may have been prepared for other tables

    def _look_after_failure(self) -> None:
        if self._has_broken:
            self._has_broken = False
            self.reset()


def numbered(sql: str) -> str:
    """Return a statement with its values numbered, as the database itself takes it."""
    numbers = iter(range(1, sql.count("%s") + 1))
    return _PLACEHOLDER.sub(lambda found: "%" if found[1] == "%" else f"${next(numbers)}", sql)
