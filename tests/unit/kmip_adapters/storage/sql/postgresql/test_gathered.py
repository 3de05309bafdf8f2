"""The writer's cursor on PostgreSQL: what goes together, what is known of a statement, what follows a failure."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import pq

from kmip_adapters.storage.sql.backend import Options
from kmip_adapters.storage.sql.postgresql import gathered
from kmip_adapters.storage.sql.postgresql.backend import PostgresBackend
from kmip_adapters.storage.sql.postgresql.gathered import GatheringConnection, GatheringCursor
from kmip_adapters.storage.sql.storage import SqlStorage
from tests import postgresql
from tests.unit.kmip_adapters.storage.sql.postgresql.test_backend import open_store, present, put

pytestmark = pytest.mark.long

NUMBERS: Final = "SELECT generate_series(1, %s)"
ADD: Final = "INSERT INTO added VALUES (%s)"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[GatheringConnection]:
    backend = PostgresBackend(postgresql.url_for(tmp_path), Options())
    with closing(backend), closing(backend.connect()) as watched:
        watched.execute("CREATE TEMPORARY TABLE added (value bigint PRIMARY KEY)")
        yield GatheringConnection(watched)


@pytest.fixture
def portions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements went together, each time that any were sent."""
    sent: list[int] = []
    send = GatheringCursor.send

    def counting(self: GatheringCursor) -> None:
        if self._kept:
            sent.append(len(self._kept))
        send(self)

    monkeypatch.setattr(GatheringCursor, "send", counting)
    return sent


def test_a_new_object_is_written_in_three_portions(tmp_path: Path, portions: list[int]) -> None:
    store: SqlStorage = open_store(postgresql.url_for(tmp_path), tmp_path)
    with closing(store):
        put(store, "first")  # what the store needs itself, and statements that are not prepared yet
        portions.clear()
        put(store, "second")
        assert portions == [3, 3, 1]  # begin, lock and what is there; facts, index, object; commit
        assert present(store, "second")


def test_what_is_looked_at_sends_all_that_was_given_before(
    connection: GatheringConnection, portions: list[int]
) -> None:
    cursor = connection.cursor()
    with cursor.gathering():
        cursor.execute(ADD, (1,))
        cursor.executemany(ADD, [(2,), (3,)])
        assert portions == []
        assert cursor.rowcount == 2
        cursor.execute(NUMBERS, (3,))
        assert cursor.fetchone() == (1,)
        assert cursor.fetchall() == [(2,), (3,)]
        assert cursor.fetchone() is None
        cursor.execute(ADD, (4,))
    assert portions == [3, 1, 1]
    assert cursor.execute("SELECT count(*) FROM added").fetchall() == [(4,)]


def test_a_statement_outside_is_run_at_once(connection: GatheringConnection) -> None:
    cursor = connection.cursor()
    cursor.execute(ADD, (1,))
    with pytest.raises(psycopg.errors.UniqueViolation):
        cursor.execute(ADD, (1,))
    assert cursor.execute("DELETE FROM added").statusmessage == "DELETE 1"


def test_the_first_error_is_raised_and_nothing_after_it_was_run(connection: GatheringConnection) -> None:
    cursor = connection.cursor()
    cursor.keep(ADD, (1,))
    cursor.keep("SELECT 1 / %s", (0,))
    cursor.keep("SELECT nonsense")
    cursor.keep(ADD, (2,))
    with pytest.raises(psycopg.errors.DivisionByZero):
        cursor.send()
    assert cursor.execute("SELECT value FROM added").fetchall() == []  # all of it was one transaction
    for number in range(2):
        assert cursor.execute(ADD, (number,)).rowcount == 1


def test_a_transaction_that_is_to_begin_is_one(connection: GatheringConnection) -> None:
    cursor = connection.cursor()
    assert connection.transaction_status == pq.TransactionStatus.IDLE
    cursor.keep("BEGIN")
    assert connection.transaction_status == pq.TransactionStatus.INTRANS
    cursor.execute(ADD, (1,))
    assert connection.transaction_status == pq.TransactionStatus.INTRANS
    connection.execute("ROLLBACK")
    assert cursor.execute("SELECT value FROM added").fetchall() == []


def test_very_many_statements_are_prepared_anew(
    connection: GatheringConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "PREPARED", 3)
    cursor = connection.cursor()
    for number in (*range(10), *range(10)):
        assert cursor.execute(f"SELECT {number} + %s", (1,)).fetchone() == (number + 1,)
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()[0][0] <= 3


def test_more_than_buffers_hold_goes_both_ways(connection: GatheringConnection) -> None:
    cursor = connection.cursor()
    with cursor.gathering():
        kept = [cursor.keep("SELECT %s::text", ("x" * 1_000_000,)) for _ in range(20)]
    assert [len(cursor.rows_of(one)[0][0]) for one in kept] == 20 * [1_000_000]


def test_a_connection_that_is_lost_is_an_error(connection: GatheringConnection) -> None:
    cursor = connection.cursor()
    cursor.keep("SELECT pg_terminate_backend(pg_backend_pid())")
    cursor.keep("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        cursor.send()
    assert connection.transaction_status == pq.TransactionStatus.UNKNOWN


def test_a_transaction_that_was_never_to_be_committed_was_not(tmp_path: Path) -> None:
    url = postgresql.url_for(tmp_path)
    open_store(url, tmp_path).close()
    with closing(PostgresBackend(url, Options())) as backend, closing(backend.open_writer()) as writer:
        cursor = writer.cursor()
        backend.begin_writing(cursor)
        backend.commit(cursor)
        assert backend.was_committed(writer)
        backend.begin_writing(cursor)  # nothing of it is sent, so that the row has the number of the one before
        cursor.forget()
        assert not backend.was_committed(writer)
