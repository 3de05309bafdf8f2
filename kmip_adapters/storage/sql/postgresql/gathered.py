"""The writer's connection: what a group of changes writes is sent together, as a pipeline of libpq.

Each time the writer waits for the database it gives the interpreter's lock away, and has to wait for that, too. So a
statement of which nothing is looked at is kept until one is looked at, or until the group is complete.
"""

import select
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import errors, pq
from psycopg.adapt import PyFormat, Transformer

from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.postgresql.loop_line import numbered
from kmip_adapters.storage.sql.postgresql.watchdog import WatchedConnection

PREPARED: Final = 256
"""Statements that the connection keeps prepared; there are fewer unless groups have very many sizes."""


class Statement:
    """One statement that was sent, or is kept.  result: of libpq, once it was sent."""

    __slots__ = ("formats", "result", "sql", "types", "values")

    def __init__(self, sql: str, types: tuple[int, ...], values: Sequence[Any], formats: Any) -> None:
        self.sql = sql
        self.types = types
        self.values = values
        self.formats = formats
        self.result: Any = None

    def take(self, result: Any) -> None:
        """Take what the database has answered."""
        self.result = result


class GatheringConnection:
    """A watched connection with one cursor."""

    def __init__(self, connection: WatchedConnection) -> None:
        connection.driver_connection.prepare_threshold = None  # the cursor prepares, and forgets all of it at once
        self._connection = connection
        self._cursor = GatheringCursor(connection)
        self.execute = connection.execute

    @property
    def transaction_status(self) -> pq.TransactionStatus:
        """Whether a transaction is open, or will be with what is kept."""
        return pq.TransactionStatus.INTRANS if self._cursor.keeps else self._connection.transaction_status

    def cursor(self) -> "GatheringCursor":
        """Return the cursor."""
        return self._cursor

    def close(self) -> None:
        """End the session."""
        self._connection.close()


class GatheringCursor:
    """A cursor that sends statements together."""

    def __init__(self, connection: WatchedConnection) -> None:
        raw = connection.driver_connection
        self._connection = connection
        self._pgconn = raw.pgconn
        self._encoding = raw.info.encoding
        self._transformer = Transformer(raw)
        self._prepared: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._names = 0
        self._kept: list[Statement] = []
        self._last: list[Statement] = []  # what was run last, for each row of values that it was run with
        self._rows: Iterator[Row] | None = None
        self._is_gathering = False

    @property
    def keeps(self) -> bool:
        """Whether statements are kept that were not sent."""
        return bool(self._kept)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Keep statements inside the context until one is looked at; all have been run at its end."""
        self._is_gathering = True
        try:
            yield
            self.send()
        finally:
            self._is_gathering = False

    def execute(self, sql: str, values: Any = ()) -> "GatheringCursor":
        """Run one statement, with others if it is inside `gathering`."""
        self.keep(sql, values)
        if not self._is_gathering:
            self.send()
        return self

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        """Run one statement for each of several rows."""
        self._rows = None
        self._last = [self._keep(sql, row) for row in rows]
        if not self._is_gathering:
            self.send()

    def keep(self, sql: str, values: Any = ()) -> Statement:
        """Have a statement run before the next one that is looked at, or was not kept."""
        self._rows = None
        statement = self._keep(sql, values)
        self._last = [statement]
        return statement

    def rows_of(self, statement: Statement) -> list[Row]:
        """Return what a statement has found."""
        self.send()
        self._transformer.set_pgresult(statement.result)
        return self._transformer.load_rows(0, statement.result.ntuples, tuple)

    @property
    def rowcount(self) -> int:
        """Rows that the last statement has changed."""
        self.send()
        return sum(statement.result.command_tuples or 0 for statement in self._last)

    @property
    def statusmessage(self) -> str:
        """What the database says that the last statement has done."""
        self.send()
        return (self._last[-1].result.command_status or b"").decode()

    def fetchone(self) -> Row | None:
        """Return the next row of the last statement."""
        return next(self._found(), None)

    def fetchall(self) -> list[Row]:
        """Return the rows of the last statement that are left."""
        return list(self._found())

    def forget(self) -> None:
        """Keep nothing of what was given before, as when a transaction begins."""
        self._kept.clear()
        self._last = []
        self._rows = None

    def _keep(self, sql: str, values: Any) -> Statement:
        transformer = self._transformer
        given = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        statement = Statement(sql, tuple(transformer.types or ()), given, transformer.formats)
        self._kept.append(statement)
        return statement

    def _found(self) -> Iterator[Row]:
        if self._rows is None:
            self._rows = iter(self.rows_of(self._last[-1]))
        return self._rows

    # --- the pipeline -----------------------------------------------------------------------------------------------

    def send(self) -> None:
        """Run what is kept, in its order.  Raises the error of the first that fails; none after it has run then."""
        kept, self._kept = self._kept, []
        if not kept:
            return
        pgconn, connection = self._pgconn, self._connection
        connection.waits()
        pgconn.enter_pipeline_mode()
        try:
            sent: list[Statement | None] = []
            for statement in kept:
                key = statement.sql, statement.types
                name = self._prepared.get(key)
                if name is None:
                    name = self._prepare(key, sent)
                pgconn.send_query_prepared(name, statement.values, statement.formats)
                sent.append(statement)
            pgconn.pipeline_sync()
            self._receive(sent)
        except psycopg.Error:
            self._prepared.clear()  # some were not prepared; those that were have names that are not given again
            raise
        finally:
            connection.waits_no_more()
            with suppress(psycopg.Error):  # of a connection that is lost
                pgconn.exit_pipeline_mode()

    def _prepare(self, key: tuple[str, tuple[int, ...]], sent: list[Statement | None]) -> bytes:
        sql, types = key
        if len(self._prepared) >= PREPARED:
            self._pgconn.send_query_params(b"DEALLOCATE ALL", None)
            sent.append(None)
            self._prepared.clear()
        self._names += 1
        name = b"gathered_%d" % self._names
        self._pgconn.send_prepare(name, numbered(sql).encode(), types)
        sent.append(None)
        self._prepared[key] = name
        return name

    def _receive(self, sent: list[Statement | None]) -> None:
        """Take the results of what was sent.  Raises the first error."""
        pgconn = self._pgconn
        waiting = select.poll()
        failed: Any = None
        number = 0
        is_over = False
        while not is_over:
            has_more = pgconn.flush()
            waiting.register(pgconn.socket, select.POLLIN | (select.POLLOUT if has_more else 0))
            waiting.poll()
            pgconn.consume_input()
            while not is_over and not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    number += 1
                elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                    is_over = True
                elif result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
                    if (statement := sent[number]) is not None:
                        statement.take(result)
                elif failed is None:
                    failed = result
        if failed is not None:
            raise errors.error_from_result(failed, encoding=self._encoding)
