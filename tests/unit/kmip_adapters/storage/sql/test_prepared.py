"""Statements for many rows: every number of rows is written, in few statements, and repetition changes nothing."""

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import connect

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql import census
from kmip_adapters.storage.sql.allowances import AllowanceStatements
from kmip_adapters.storage.sql.dialects import POSTGRESQL, SQLITE, Dialect
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.generations import GenerationStatements
from kmip_adapters.storage.sql.holdings import HoldingStatements
from kmip_adapters.storage.sql.leases import LeaseStatements
from kmip_adapters.storage.sql.notices import NoticeStatements
from kmip_adapters.storage.sql.prepared import (
    KEPT_BY_PSYCOPG,
    LARGEST,
    SIZES,
    Prepared,
    PreparedRows,
    insertion,
    statements_for,
)
from kmip_adapters.storage.sql.rows import Statements
from kmip_adapters.storage.sql.rules import RuleStatements
from kmip_adapters.storage.sql.schedule import ScheduleStatements
from kmip_adapters.storage.sql.sqlite_tables import TABLES
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.submissions import SubmissionStatements
from kmip_adapters.storage.sql.tickets import TicketStatements
from tests import postgresql

STATEMENTS = (
    AllowanceStatements,
    LeaseStatements,
    NoticeStatements,
    RuleStatements,
    FactStatements,
    GenerationStatements,
    HoldingStatements,
    ScheduleStatements,
    Statements,
    SubmissionStatements,
    TicketStatements,
)

_insertion = insertion("t", ["a", "b"], SQLITE)
_removal = PreparedRows("DELETE FROM t WHERE a IN (:rows)", SQLITE, width=1)


class CountingCursor(sqlite3.Cursor):
    """Remembers its statements."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.statements: list[str] = []

    def execute(self, sql: str, parameters: object = ()) -> "CountingCursor":
        """Run one."""
        self.statements.append(sql)
        return super().execute(sql, parameters)  # type: ignore[arg-type]  # as wide as sqlite3's


@pytest.fixture
def cursor() -> CountingCursor:
    """A cursor on an empty table."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
    return connection.cursor(CountingCursor)


def kept(cursor: sqlite3.Cursor) -> list[tuple[int, int]]:
    return cursor.connection.execute("SELECT a, b FROM t ORDER BY a").fetchall()


@pytest.mark.parametrize("count", [1, 5, 63, LARGEST // 2 + 1, LARGEST + 7])
def test_no_row_is_given_twice_where_that_is_not_allowed(cursor: CountingCursor, count: int) -> None:
    exact = PreparedRows("INSERT INTO t (a, b) VALUES :rows", SQLITE, width=2, fills_up=False)
    rows = [(number, -number) for number in range(count)]

    assert exact.run(cursor, rows) == count

    assert kept(cursor) == rows


@pytest.mark.parametrize("count", [*range(1, 70), LARGEST // 2 - 1, LARGEST // 2, LARGEST // 2 + 1, LARGEST + 7])
def test_any_number_of_rows_is_written(cursor: CountingCursor, count: int) -> None:
    rows = [(number, -number) for number in range(count)]

    assert _insertion.run(cursor, rows) == count

    assert kept(cursor) == rows
    assert len(cursor.statements) == 1 + count // (LARGEST // 2 + 1)


def test_no_rows_are_no_statement(cursor: CountingCursor) -> None:
    assert _insertion.run(cursor, []) == 0
    assert cursor.statements == []


def test_hundreds_of_numbers_of_rows_are_a_few_statements(cursor: CountingCursor) -> None:
    for count in range(1, 400):
        _insertion.run(cursor, [(number, 0) for number in range(count)])

    assert len(set(cursor.statements)) == len([size for size in SIZES if size <= 512])


def test_a_row_that_is_there_stays_and_is_not_counted(cursor: CountingCursor) -> None:
    _insertion.run(cursor, [(1, 10), (2, 20)])

    assert _insertion.run(cursor, [(2, 99), (3, 30), (3, 31)]) == 1

    assert kept(cursor) == [(1, 10), (2, 20), (3, 30)]


def test_rows_are_removed_together(cursor: CountingCursor) -> None:
    _insertion.run(cursor, [(number, 0) for number in range(10)])

    assert _removal.run(cursor, [(1,), (2,), (2,), (77,), (5,)]) == 3

    assert [a for a, _ in kept(cursor)] == [0, 3, 4, 6, 7, 8, 9]


def test_a_query_finds_rows_for_all_values(cursor: CountingCursor) -> None:
    many = 2 * LARGEST + 1
    _insertion.run(cursor, [(number, -number) for number in range(many)])
    query = PreparedRows("SELECT a FROM t WHERE b IN (:rows)", SQLITE, width=1, fills_up=False)
    cursor.statements.clear()

    assert sorted(query.fetch(cursor, [(-number,) for number in range(many)])) == [(number,) for number in range(many)]
    assert len(cursor.statements) > 1


class NotingCursor:
    """Notes what it is given: each statement with its values, and what is sent for each of several rows."""

    rowcount = 1

    def __init__(self) -> None:
        self.executed: list[tuple[str, int]] = []
        self.sent_for_each: list[tuple[str, int]] = []

    def execute(self, sql: str, values: Sequence[object]) -> None:
        self.executed.append((sql, len(values)))

    def executemany(self, sql: str, rows: Sequence[object]) -> None:
        self.sent_for_each.append((sql, len(rows)))
        self.rowcount = len(rows)


@pytest.mark.parametrize("fills_up", [True, False])
@pytest.mark.parametrize("width", [1, 2, 3, 24])
def test_no_statement_takes_more_values_than_databases_do(width: int, fills_up: bool) -> None:
    cursor = NotingCursor()
    statement = PreparedRows("INSERT INTO t VALUES :rows", SQLITE, width=width, fills_up=fills_up)

    statement.run(cursor, (2 * LARGEST // width) * [width * (0,)])  # type: ignore[arg-type]  # has what is used of it

    largest = max(values for _, values in cursor.executed)
    assert all(sql.count("?") == values for sql, values in cursor.executed)
    assert LARGEST * 2 // 3 < largest <= LARGEST


@pytest.mark.parametrize(("rows", "is_sent_for_each"), [(1, False), (25, False), (26, True)])
def test_what_psycopg_would_parse_anew_each_time_is_sent_for_each_row(rows: int, is_sent_for_each: bool) -> None:
    cursor = NotingCursor()
    statement = insertion("t", ["a", "b"], POSTGRESQL)
    assert KEPT_BY_PSYCOPG == 25 * 2

    changed = statement.run(cursor, rows * [(1, 2)])  # type: ignore[arg-type]  # has what is used of it

    if is_sent_for_each:
        assert (cursor.sent_for_each, cursor.executed, changed) == ([(statement.sql, rows)], [], rows)
    else:
        assert (cursor.sent_for_each, len(cursor.executed)) == ([], 1)
    assert statement.sql == "INSERT INTO t (a, b) VALUES (%s, %s) ON CONFLICT DO NOTHING"


@pytest.mark.parametrize(("dialect", "is_pipelined"), [(SQLITE, True), (SQLITE, False), (POSTGRESQL, False)])
def test_others_are_sent_for_all_rows_at_once(dialect: Dialect, is_pipelined: bool) -> None:
    cursor = NotingCursor()
    statement = PreparedRows("INSERT INTO t VALUES :rows", dialect, width=2, is_pipelined=is_pipelined)

    statement.run(cursor, 100 * [(1, 2)])  # type: ignore[arg-type]  # has what is used of it

    assert (cursor.sent_for_each, len(cursor.executed)) == ([], 1)


def test_a_row_of_one_value_stands_alone() -> None:
    assert PreparedRows("DELETE FROM t WHERE a IN (:rows)", SQLITE, width=1).sql == "DELETE FROM t WHERE a IN (?)"


def test_statements_are_made_once_for_a_dialect() -> None:
    made: list[str] = []

    def make(dialect: Dialect) -> list[str]:
        made.append(dialect.name)
        return [dialect.name]

    first = statements_for(SQLITE, make)

    assert statements_for(SQLITE, make) is first
    assert statements_for(POSTGRESQL, make) == [POSTGRESQL.name]
    assert made == [SQLITE.name, POSTGRESQL.name]


def test_values_come_in_the_order_in_which_the_statement_names_them(cursor: CountingCursor) -> None:
    statement = Prepared("SELECT :second - :first, :second", SQLITE)

    assert statement.run(cursor, {"first": 1, "second": 5, "other": 7}).fetchone() == (4, 5)


def texts_of(dialect: Dialect) -> Iterator[str]:
    """Yield every statement as the driver takes it, those that take several rows with one and with three."""
    made: list[object] = [make(dialect) for make in STATEMENTS]
    for group in made:
        for each in vars(group).values():
            if isinstance(each, PreparedRows):
                yield each.sql
                yield each._prepare(3)
            elif isinstance(each, Prepared):
                yield each.sql
    yield from (census.statement(dialect).sql, census.stages(dialect).sql)


def test_sqlite_takes_every_statement() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in TABLES:
            connection.execute(table)
        for text in texts_of(SQLITE):
            connection.execute(f"EXPLAIN {text}", text.count("?") * [None])


@pytest.mark.long
def test_postgresql_takes_every_statement(tmp_path: Path) -> None:
    """Numbers have the type of numbers for it; of other values it finds the type."""
    url = postgresql.url_for(tmp_path)
    SqlStorage(url, functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))).close()
    with connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        for number, text in enumerate(texts_of(POSTGRESQL)):
            first, *rest = text.split("%s")
            numbered = "".join(f"${place}{part}" for place, part in enumerate(rest, 1))
            connection.execute(f"PREPARE s{number} AS {first}{numbered}")


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 40])
def test_on_postgresql_too_any_number_of_rows_is_written_and_those_that_are_there_are_not_counted(
    tmp_path: Path, count: int
) -> None:
    of_postgresql = insertion("t", ["a", "b"], POSTGRESQL)
    url = postgresql.url_for(tmp_path).replace("+psycopg", "", 1)
    rows = [(number, -number) for number in range(count)]
    with connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
        written = connection.cursor()
        assert of_postgresql.run(written, rows) == count
        assert of_postgresql.run(written, [*rows, (count, 7), (count, 8)]) == 1

        found = connection.execute("SELECT a, b FROM t ORDER BY a").fetchall()
    assert found == [*rows, (count, 7)]
