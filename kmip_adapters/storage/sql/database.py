"""The reading side of a database: connections that wait for the next reader, snapshots, statements."""

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kmip_adapters.storage.sql import locate
from kmip_adapters.storage.sql.backend import Backend
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Connection, Row
from kmip_adapters.storage.sql.known_reads import KnownReads
from kmip_adapters.storage.sql.notices import NoticeStatements
from kmip_adapters.storage.sql.prepared import Prepared, statements_for
from kmip_adapters.storage.sql.rows import Statements
from kmip_adapters.storage.sql.rules import RuleStatements
from kmip_adapters.storage.sql.tickets import TicketStatements
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError

IDLE_READERS: Final = 16
"""Connections that are kept for the next reader; each of SQLite's holds a page cache of 2 MiB at most."""

WAIT_FOR_PLACE: Final = 2.0
"""Seconds that a unit of work waits for a connection."""

_log = logging.getLogger(__name__)


class Database:
    """Readers' connections and statements of one database. Re-entrant."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.errors = backend.errors
        self.statements = statements_for(backend.dialect, Statements)
        self.rule_statements = statements_for(backend.dialect, RuleStatements)
        self.notice_statements = statements_for(backend.dialect, NoticeStatements)
        self.ticket_statements = statements_for(backend.dialect, TicketStatements)
        self.located = functools.lru_cache(locate.SHAPES)(self._located)
        self.counted = functools.lru_cache(locate.SHAPES)(self._counted)
        self.refused_rows = 0
        """Reads that found a row that was changed in the database."""
        self.known = KnownReads(backend)
        self.loop_reads = backend.loop_reads
        self._idle: deque[Connection] = deque()
        self._closed = False
        self._places = None if backend.pool_size is None else threading.Semaphore(backend.pool_size)

    @property
    def dialect(self) -> Dialect:
        """How the database takes its statements."""
        return self.backend.dialect

    def take(self, *, is_long: bool = False) -> Connection:
        """Return a reader with a snapshot begun.

        is_long: as for `Backend.begin_reading`.

        Raises KmipError (General Failure) if the store is closed or the database cannot be reached.
        """
        pauses: Iterator[float] | None = None
        while True:
            if self._closed:
                raise KmipError(ResultReason.GENERAL_FAILURE, "the store is closed")
            reader: Connection | None = None
            try:
                try:
                    reader = self._idle.pop()
                except IndexError:
                    reader = self.backend.open_reader()
                self.backend.begin_reading(reader, is_long=is_long)
            except self.errors as error:
                if reader is not None:
                    self._close(reader)
                if pauses is None:
                    pauses = self.backend.pauses()
                pause = next(pauses, None) if self.backend.is_transient(error) else None
                if pause is None:
                    raise unreadable(error) from error
                time.sleep(pause)
            else:
                return reader

    def give_back(self, reader: Connection) -> None:
        """End a snapshot and keep the connection for the next."""
        try:
            self.backend.end_reading(reader)
        except self.errors:
            self._close(reader)
            return
        if self._closed or len(self._idle) >= IDLE_READERS:
            self._close(reader)
        else:
            self._idle.append(reader)

    def lend(self, *, is_long: bool) -> Connection:
        """Return a reader as `take` does to a unit of work, of which so many may have one at once.

        Raises KmipError (General Failure) also if too many have.
        """
        if self._places is None:
            return self.take(is_long=is_long)
        if not self._places.acquire(timeout=WAIT_FOR_PLACE):
            _log.error("all %d connections for units of work have been in use for seconds", self.backend.pool_size)
            raise KmipError(ResultReason.GENERAL_FAILURE, "the store is busy; try again")
        try:
            return self.take(is_long=is_long)
        except BaseException:
            self._free_place()
            raise

    def take_back(self, reader: Connection) -> None:
        """Take the reader of a unit of work, and end its snapshot."""
        self.give_back(reader)
        if self._places is not None:
            self._free_place()

    def _free_place(self) -> None:
        if self._places is not None:
            self._places.release()

    def read(self, statement: Prepared, **values: Any) -> list[Row]:
        """Return all rows of a statement, read in a snapshot of its own."""
        with self.snapshot(is_long=False) as read:
            return read(statement, **values)

    @contextmanager
    def snapshot(self, *, is_long: bool = True) -> Iterator[Callable[..., list[Row]]]:
        """Give a `read` all of whose statements see one instant; erased values are not removed until it ends."""
        connection = self.take(is_long=is_long)

        def read(statement: Prepared, **values: Any) -> list[Row]:
            try:
                rows: list[Row] = connection.execute(statement.sql, statement.values(values)).fetchall()
            except self.errors as error:
                raise unreadable(error) from error
            return rows

        try:
            yield read
        finally:
            self.give_back(connection)

    def fact(self, name: str) -> str | None:
        """Return what the database says of itself under a name."""
        rows = self.read(self.statements.of_one_fact.find, name=name)
        return rows[0][0] if rows else None

    def facts(self, beginning: str) -> dict[str, str]:
        """Return what the database says of itself under names that begin so."""
        return dict(row for row in self.read(self.statements.facts) if row[0].startswith(beginning))

    def close(self) -> None:
        """Close the connections that are idle; those in use are closed when they are given back."""
        self._closed = True
        while self._idle:
            self._close(self._idle.pop())

    def _close(self, reader: Connection) -> None:
        try:
            reader.close()
        except self.errors as error:
            _log.debug("a connection could not be closed: %s", error)

    def _located(self, shape: locate.Shape) -> Prepared:
        return Prepared(locate.identifiers(shape, self.dialect), self.dialect)

    def _counted(self, shape: locate.Shape) -> Prepared:
        return Prepared(locate.count(shape, self.dialect), self.dialect)


def unreadable(error: BaseException) -> KmipError:
    """Return the refusal for a read that failed, which is logged."""
    _log.error("the store could not be read: %s", error)
    return KmipError(ResultReason.GENERAL_FAILURE, "the store could not be read")
