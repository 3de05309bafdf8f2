"""Statements for many rows: every number of rows is written, in few statements, and repetition changes nothing."""

import sqlite3
from pathlib import Path

import pytest
from psycopg import connect
from sqlalchemy import Column, Dialect, Integer, MetaData, Table, bindparam, delete, insert
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import dialect

from kmip_adapters.storage.sql.allowances import AllowanceStatements
from kmip_adapters.storage.sql.leases import LeaseStatements
from kmip_adapters.storage.sql.notices import NoticeStatements
from kmip_adapters.storage.sql.prepared import (
    ITEMS_OF_AN_IN,
    LARGEST,
    SIZES,
    VALUES_OF_AN_INSERT,
    Prepared,
    PreparedRows,
    insertion,
    statements_for,
)
from kmip_adapters.storage.sql.rows import Statements
from kmip_adapters.storage.sql.rules import RuleStatements
from kmip_adapters.storage.sql.schedule import ScheduleStatements
from kmip_adapters.storage.sql.submissions import SubmissionStatements
from kmip_adapters.storage.sql.tickets import TicketStatements
from tests import postgresql

STATEMENTS = (
    AllowanceStatements,
    LeaseStatements,
    NoticeStatements,
    RuleStatements,
    ScheduleStatements,
    Statements,
    SubmissionStatements,
    TicketStatements,
)

_table = Table("t", MetaData(), Column("a", Integer, primary_key=True), Column("b", Integer))
_insertion = insertion(_table, ["a", "b"], dialect())
_removal = PreparedRows(delete(_table).where(_table.c.a.in_([bindparam("a")])), dialect(), row=ITEMS_OF_AN_IN, width=1)


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
    row = insert(_table).values({"a": bindparam("a"), "b": bindparam("b")}).inline()
    exact = PreparedRows(row, dialect(), row=VALUES_OF_AN_INSERT, width=2, fills_up=False)
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


def test_a_statement_that_takes_more_than_its_row_is_refused() -> None:
    both = delete(_table).where(_table.c.a == bindparam("a"), _table.c.b.in_([bindparam("b")]))

    with pytest.raises(ValueError, match="not all"):
        assert PreparedRows(both, dialect(), row=ITEMS_OF_AN_IN, width=1).sql


@pytest.mark.parametrize("of", [dialect(), psycopg.dialect(paramstyle="format")], ids=lambda of: of.name)
@pytest.mark.parametrize("made", STATEMENTS, ids=lambda made: made.__name__)
def test_every_statement_can_be_compiled(made: type, of: Dialect) -> None:
    statements = [each for each in vars(made(of)).values() if isinstance(each, Prepared | PreparedRows)]

    assert statements
    assert all(statement.sql for statement in statements)


def test_stores_in_one_dialect_share_their_statements_and_others_do_not() -> None:
    newer, older = psycopg.dialect(paramstyle="format"), psycopg.dialect(paramstyle="format")
    newer.server_version_info, older.server_version_info = (17, 0), (13, 0)
    first = statements_for(dialect(), Statements)

    assert statements_for(dialect(), Statements) is first
    assert first.find.sql == Statements(dialect()).find.sql
    assert len({id(statements_for(each, Statements)) for each in (dialect(), newer, older)}) == 3


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 40])
def test_on_postgresql_too_any_number_of_rows_is_written_and_those_that_are_there_are_not_counted(
    tmp_path: Path, count: int
) -> None:
    of_postgresql = insertion(_table, ["a", "b"], psycopg.dialect(paramstyle="format"))
    url = postgresql.url_for(tmp_path).replace("+psycopg", "", 1)
    rows = [(number, -number) for number in range(count)]
    with connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
        written = connection.cursor()
        assert of_postgresql.run(written, rows) == count
        assert of_postgresql.run(written, [*rows, (count, 7), (count, 8)]) == 1

        found = connection.execute("SELECT a, b FROM t ORDER BY a").fetchall()
    assert found == [*rows, (count, 7)]
