"""Readers' connections: a snapshot costs no statement of its own as long as one statement is all that is read.

Most requests read one row. A statement by itself sees one instant, so nothing is begun for it; when a second one comes,
a transaction begins, the first is repeated in it, and only if it gives the same rows do both belong to one instant. If
it does not, the unit of work must be run again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import psycopg
from psycopg import pq

from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.postgresql.gathered import GatheringCursor
from kmip_adapters.storage.sql.postgresql.watchdog import WatchedConnection

BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Unreachable(psycopg.OperationalError):
    """The database could not be reached for some seconds, or a moment ago; it is not asked again at once."""


class SnapshotMoved(psycopg.OperationalError):
    """What was read first has changed before a second statement was sent."""


class Retries(Protocol):
    """What a reader needs to try its first statement again."""

    def open_again(self) -> WatchedConnection:
        """Return a new connection.  Raises psycopg.Error."""
        ...

    def is_transient(self, error: BaseException) -> bool:
        """Whether another attempt may succeed."""
        ...

    def pauses(self, since: float | None = None) -> Iterator[float]:
        """Give the seconds to wait before each further attempt."""
        ...


class Rows:
    """The rows of a statement, which have all been read."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = iter(rows)

    def fetchall(self) -> list[Row]:
        """Return those that are left."""
        return list(self._rows)

    def fetchone(self) -> Row | None:
        """Return the next one."""
        return next(self._rows, None)


class Reader:
    """A connection that cannot write."""

    def __init__(self, connection: WatchedConnection, retries: Retries) -> None:
        self._connection = connection
        self._retries = retries
        self._first: tuple[str, Any, list[Row]] | None = None
        self._is_begun = False
        self._is_timed = False  # whether a limit is still set that was for an earlier statement
        self.limit: float | None = None

    @property
    def transaction_status(self) -> pq.TransactionStatus:
        """Whether a transaction is open."""
        return self._connection.transaction_status

    def execute(self, sql: str, values: Any = None) -> Any:
        """Run one statement of a snapshot.

        Raises Unreachable; SnapshotMoved; what else psycopg raises.
        """
        if not self._is_begun and self._first is None:
            rows = self._run_first(sql, values)
            self._first = sql, values, rows
            return Rows(rows)
        self.begin()
        if self._is_timed:
            self._is_timed = False
            self._connection.execute("SET LOCAL statement_timeout = 0")
        return self._limited(sql, values)

    @contextmanager
    def within(self, milliseconds: int) -> Iterator[None]:
        """Have the database end a statement inside the context that takes longer with QueryCanceled.

        The limit comes with the BEGIN and is taken back only if another statement follows: for most neither costs a
        round trip.
        """
        limit = f"SET LOCAL statement_timeout = {milliseconds:d}"
        if self._is_begun or self._first is not None:
            self.begin()
            self._connection.execute(limit)
        else:
            self._connection.execute_several(f"{BEGIN_READING}; {limit}")
            self._is_begun = True
        self._is_timed = False
        yield
        self._is_timed = True

    def begin(self) -> None:
        """Begin the transaction of the snapshot, if it is not begun yet."""
        if self._is_begun:
            return
        self._connection.execute(BEGIN_READING)
        self._is_begun = True
        if self._first is not None:
            sql, values, rows = self._first
            if self._connection.execute(sql, values).fetchall() != rows:
                raise SnapshotMoved("what was read has changed")

    def end(self) -> None:
        """End the snapshot.  Raises psycopg.Error for a connection that is of no use any more."""
        self._first = None
        if self._is_begun:
            self._is_begun = self._is_timed = False
            self._connection.execute("ROLLBACK")
        elif self._connection.transaction_status == pq.TransactionStatus.UNKNOWN:
            raise psycopg.OperationalError("the connection has ended")

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def cursor(self) -> Any:
        """Return a cursor, for what is no snapshot."""
        return GatheringCursor(self._connection)

    def _run_first(self, sql: str, values: Any) -> list[Row]:
        """Nothing depends on this connection yet: if it is lost, as after a restart, another one will do."""
        pauses: Iterator[float] | None = None
        while True:
            try:
                found: list[Row] = self._limited(sql, values).fetchall()
                return found
            except psycopg.Error as error:
                pauses = pauses or self._retries.pauses()
                self._replace(error, pauses)

    def _replace(self, error: psycopg.Error, pauses: Iterator[float]) -> None:
        while self._retries.is_transient(error):
            self._connection.close()
            pause = next(pauses, None)
            if pause is None:
                raise Unreachable(str(error)) from error
            time.sleep(pause)
            try:
                self._connection = self._retries.open_again()
                return
            except psycopg.Error as failure:
                error = failure
        raise error

    def _limited(self, sql: str, values: Any) -> Any:
        if self.limit is None:
            return self._connection.execute(sql, values)
        before, self._connection.limit = self._connection.limit, self.limit
        try:
            return self._connection.execute(sql, values)
        finally:
            self._connection.limit = before
