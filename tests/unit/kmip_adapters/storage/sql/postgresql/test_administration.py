"""PostgreSQL as its administrators run it: timeouts of roles, no more connections, and poolers."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backend import Options
from kmip_adapters.storage.sql.postgresql import backend as postgresql_backend
from kmip_adapters.storage.sql.postgresql.backend import PostgresBackend
from kmip_adapters.storage.sql.postgresql.gathered import GatheringConnection
from kmip_adapters.storage.sql.postgresql.watchdog import WatchedConnection
from tests import postgresql
from tests.postgresql import Postgres
from tests.unit.kmip_adapters.storage.sql.postgresql.test_backend import (
    close_readers,
    open_store,
    present,
    put,
    refused_in_time,
)
from tests.unit.kmip_adapters.storage.sql.postgresql.test_loop_reads import EPOCH, ONE, answered

pytestmark = pytest.mark.long


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgresql.running(max_connections=12, superuser_reserved_connections=0) as running:
        yield running


def administer(url: str, *statements: str) -> list[Any]:
    """Run statements on a connection of their own, and return the first value of the last one."""
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return [] if cursor.description is None else cursor.fetchall()


# --- timeouts -------------------------------------------------------------------------------------------------------

GIVEN: Final = {
    "statement_timeout": "500ms",
    "lock_timeout": "500ms",
    "idle_in_transaction_session_timeout": "500ms",
    "idle_session_timeout": "500ms",
}
"""Timeouts that an administrator may give a role."""


def settings_of(connection: WatchedConnection | GatheringConnection) -> dict[str, str]:
    """Return what holds in a session of `GIVEN`, and end it."""
    with closing(connection):
        return {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in GIVEN}  # type: ignore[index]  # a row each


def test_timeouts_of_the_role_do_not_count(server: Postgres, tmp_path: Path) -> None:
    administer(server.url, *(f"ALTER ROLE kmipd SET {name} = '{value}'" for name, value in GIVEN.items()))
    with closing(open_store(server.url, tmp_path)) as store:
        put(store, "k")
        assert present(store, "k")
        time.sleep(1.5)  # all connections are idle for longer than the role's may be
        put(store, "l")
        assert present(store, "l")
        backend = store.backend
        assert isinstance(backend, PostgresBackend)
        none = dict.fromkeys(GIVEN, "0")
        assert settings_of(backend.connect()) == none  # an upgrade waits for other nodes, and its statements take long
        assert settings_of(backend.open_again()) == none | {"idle_in_transaction_session_timeout": "10min"}
        writing = {"idle_in_transaction_session_timeout": "4s", "lock_timeout": "2s"}
        assert settings_of(backend.open_writer()) == none | writing


def test_a_session_that_the_database_has_ended_as_idle_is_replaced(server: Postgres, tmp_path: Path) -> None:
    with closing(open_store(server.url, tmp_path)) as store:
        put(store, "before")
        assert present(store, "before")
        reader: Any = store.database._idle[0]
        for connection in (store.writer._connection, reader._connection):
            connection.execute("SET idle_session_timeout = '1ms'")
        time.sleep(0.2)

        put(store, "after")
        assert present(store, "after")


def test_what_an_engine_does_not_know_is_left_out_and_all_else_is_set(server: Postgres, tmp_path: Path) -> None:
    with closing(PostgresBackend(server.url, Options())) as backend:
        for _ in range(2):
            with closing(backend.connect({"no_such_setting": "1", "lock_timeout": "7000"})) as connection:
                assert connection.execute("SHOW lock_timeout").fetchone() == ("7s",)
                assert connection.execute("SHOW idle_session_timeout").fetchone() == ("0",)


# --- connections ----------------------------------------------------------------------------------------------------


@contextmanager
def no_connections_left(server: Postgres) -> Iterator[None]:
    """Take all connections that are left, and give them back."""
    with ExitStack() as taken:
        with suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(server.url.replace("+psycopg", "", 1)))
        yield


def test_while_no_further_connection_can_be_had_those_that_there_are_serve(server: Postgres, tmp_path: Path) -> None:
    with closing(open_store(server.url, tmp_path)) as store:
        put(store, "before")
        database = store.database
        reader = database.take()
        with no_connections_left(server):
            refused_in_time(lambda: present(store, "before"))  # the only connection to read on is in use
            database.give_back(reader)
            for _ in range(3):
                assert present(store, "before")
                put(store, f"at {time.monotonic()}")
            assert list(database._idle) == [reader]
        time.sleep(postgresql_backend.UNREACHABLE_SECONDS)  # until then no other is asked for
        second = database.take(), database.take()
        for one in second:
            database.give_back(one)


def test_a_change_that_waits_too_long_for_another_node_keeps_no_read_waiting(server: Postgres, tmp_path: Path) -> None:
    with closing(open_store(server.url, tmp_path)) as store:
        put(store, "before")
        assert present(store, "before")
        with psycopg.connect(server.url.replace("+psycopg", "", 1)) as other:
            other.execute("SELECT epoch FROM kmipd_lock WHERE id = 1 FOR UPDATE")
            refused_in_time(lambda: put(store, "while another writes"))
            assert present(store, "before")
            other.rollback()
        put(store, "after")


# --- passwords ------------------------------------------------------------------------------------------------------


def test_a_password_file_that_is_being_replaced_is_read_again(server: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("any")
    with closing(open_store(server.url, tmp_path, read_password=file.read_text)) as store:
        put(store, "before")
        close_readers(store)
        file.rename(tmp_path / "away")
        back = threading.Timer(0.3, (tmp_path / "away").rename, [file])
        back.start()
        assert present(store, "before")
        back.join()


# --- poolers --------------------------------------------------------------------------------------------------------


def test_a_pooler_by_session_is_as_good_as_the_database(server: Postgres, tmp_path: Path) -> None:
    with postgresql.pooled(server, "session") as url, closing(open_store(url, tmp_path)) as store:
        for number in range(10):  # psycopg prepares a statement that it has run five times
            put(store, f"k{number}")
            assert present(store, f"k{number}")

        reads: Any = store.backend.loop_reads
        read = asyncio.run(answered(reads, EPOCH, ONE))  # in a pipeline, over statements that it prepares itself
        assert read.rows(*ONE[:2]) == [(1,)]


def test_a_pooler_by_transaction_is_refused_at_the_start(server: Postgres, tmp_path: Path) -> None:
    open_store(server.url, tmp_path).close()
    with (
        postgresql.pooled(server, "transaction") as url,
        pytest.raises(StorageUnusable, match="pool_mode = session"),
    ):
        open_store(url, tmp_path).close()
