"""PostgreSQL when it is stopped, restarted, hung or in conflict: bounded errors, nothing lost, nothing twice."""

import functools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backend import Options
from kmip_adapters.storage.sql.maintenance import rotate_data_key, verify
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_adapters.storage.sql.postgresql import backend as postgresql_backend
from kmip_adapters.storage.sql.postgresql.backend import PostgresBackend
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork
from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content, criterion, query
from kmip_core.creation_rules import Constraint
from kmip_core.enums import ObjectType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange, TakesLong
from tests import postgresql
from tests.postgresql import Postgres
from tests.server import ROOT

pytestmark = pytest.mark.long

ANSWERS_WITHIN = 120.0  # seconds; the promise is five, the machine may be busy
"""Seconds in which a client has an answer, whatever the database does."""


def open_store(url: str, directory: Path, **options: Any) -> SqlStorage:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(url, make_sealer, options=Options(**options))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgresql.url_for(tmp_path)


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[SqlStorage]:
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgresql.running() as running:
        yield running


SERVES = """
import functools, sys
from pathlib import Path
sys.modules["sqlalchemy"] = sys.modules["alembic"] = None  # to import one of them fails
from tests.unit.kmip_adapters.storage.sql.postgresql.test_backend import open_store, present, put
store = open_store(sys.argv[1], Path(sys.argv[2]))
put(store, "new")
print(present(store, "before"), present(store, "new"))
store.close()
"""


def test_a_second_start_needs_no_sqlalchemy(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path)
    put(store, "before")
    store.close()

    done = subprocess.run(
        [sys.executable, "-c", SERVES, url, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == "True True\n", done.stderr


def put(store: SqlStorage, *identifiers: str) -> None:
    with store.unit_of_work() as work:
        for identifier in identifiers:
            work.add(a_key(identifier, names=(a_name(identifier),)), content())
        work.commit()


def present(store: SqlStorage, identifier: str) -> bool:
    with store.unit_of_work() as work:
        return work.find(identifier) is not None


def progress(done: int, in_all: int) -> None:
    assert done <= in_all


def refused_in_time(call: Callable[[], Any]) -> float:
    """Return the seconds that a refusal takes."""
    begun = time.monotonic()
    with pytest.raises(KmipError) as refused:
        call()
    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    return time.monotonic() - begun


def until_it_works(call: Callable[[], Any], seconds: float = 120.0) -> None:
    give_up = time.monotonic() + seconds
    while True:
        try:
            call()
            return
        except (KmipError, ConcurrentChange):
            assert time.monotonic() < give_up
            time.sleep(0.1)


# --- a database that is away ----------------------------------------------------------------------------------------


def test_a_stopped_database_is_an_error_in_time_and_service_comes_back(
    server: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(server.url, tmp_path)
    put(store, "before")
    server.stop()

    assert refused_in_time(lambda: put(store, "while it is away")) < ANSWERS_WITHIN
    assert refused_in_time(lambda: present(store, "before")) < ANSWERS_WITHIN
    assert "the store could not be read" in caplog.text
    assert "could not be committed" in caplog.text

    server.start()
    until_it_works(lambda: put(store, "after"))
    assert [present(store, name) for name in ("before", "while it is away", "after")] == [True, False, True]
    assert verify(store, progress) == ()
    store.close()


def test_a_restart_is_survived_without_an_error(server: Postgres, tmp_path: Path) -> None:
    store = open_store(server.url, tmp_path)
    put(store, "k0")
    for number in range(3):
        assert present(store, f"k{number}")  # leaves an idle connection, which the restart ends
        server.stop(signal.SIGINT)
        server.start()
        put(store, f"k{number + 1}")

    assert all(present(store, f"k{number}") for number in range(4))
    store.close()


def test_a_database_that_hangs_is_given_up_and_service_comes_back(server: Postgres, tmp_path: Path) -> None:
    store = open_store(server.url, tmp_path)
    put(store, "before")
    assert present(store, "before")
    server.send(signal.SIGSTOP)
    try:
        taken: list[float] = []

        def ask(call: Callable[[], Any]) -> None:
            taken.append(refused_in_time(call))

        calls = [lambda: present(store, "before"), lambda: put(store, "hung")] * 4
        threads = [threading.Thread(target=ask, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        server.send(signal.SIGCONT)

    assert len(taken) == len(calls)
    assert max(taken) < ANSWERS_WITHIN
    until_it_works(lambda: put(store, "after"))
    assert present(store, "before")
    store.close()


def test_a_start_without_a_database_says_so(server: Postgres, tmp_path: Path) -> None:
    server.stop()

    with pytest.raises(StorageUnusable, match="cannot be opened"):
        open_store(server.url, tmp_path)


# --- commits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_lost", [False, True], ids=["the answer is lost", "the commit is lost"])
def test_a_commit_without_an_answer_happens_once(
    store: SqlStorage, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    commit = store.backend.commit
    lost: list[int] = []

    def lose(cursor: Any) -> None:
        if not lost:
            lost.append(1)
            if not is_lost:
                commit(cursor)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        commit(cursor)

    monkeypatch.setattr(store.backend, "commit", lose)
    runs: list[int] = []

    def change(cursor: Any) -> None:
        runs.append(1)
        cursor.execute("INSERT INTO facts (name, value) VALUES ('once', 'x')")

    store.submit(change)

    assert len(runs) == (2 if is_lost else 1)
    assert store.database.fact("once") == "x"


def test_a_commit_that_stays_unknown_is_answered_so_and_found_out_later(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(server.url, tmp_path)
    commit = store.backend.commit

    def lose(cursor: Any) -> None:
        monkeypatch.setattr(store.backend, "commit", commit)
        commit(cursor)
        server.stop()
        raise psycopg.OperationalError("the connection was lost before the answer")

    monkeypatch.setattr(store.backend, "commit", lose)
    with pytest.raises(KmipError, match="look whether the change was made"):
        put(store, "unknown")
    server.start()
    until_it_works(lambda: put(store, "next"))

    assert present(store, "unknown")
    assert "have been committed after all" in caplog.text
    store.close()


def test_a_conflict_runs_the_whole_group_again(store: SqlStorage) -> None:
    runs: list[int] = []

    def conflict(cursor: Any) -> None:
        runs.append(1)
        cursor.execute("INSERT INTO facts (name, value) VALUES ('conflict', 'x')")
        if len(runs) < 3:
            raise psycopg.errors.SerializationFailure("as if another transaction had come first")

    store.submit(conflict)

    assert len(runs) == 3
    assert store.database.fact("conflict") == "x"


def test_two_nodes_write_one_after_the_other(url: str, tmp_path: Path) -> None:
    stores = [open_store(url, tmp_path) for _ in range(2)]

    def add(node: int) -> None:
        for number in range(40):
            put(stores[node], f"{node}-{number}")

    threads = [threading.Thread(target=add, args=(node,)) for node in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    with stores[0].unit_of_work() as work:
        assert work.locate(query()).located_items == 80
    assert verify(stores[1], progress) == ()
    for store in stores:
        store.close()


def test_a_writer_that_stops_in_its_transaction_does_not_keep_the_others(store: SqlStorage, url: str) -> None:
    backend = PostgresBackend(url, Options())
    stuck = backend.open_writer()
    cursor = stuck.cursor()
    backend.begin_writing(cursor)
    cursor.send()

    until_it_works(lambda: put(store, "after"))
    with pytest.raises(psycopg.Error):
        stuck.execute("COMMIT")
    stuck.close()
    backend.close()


def test_a_rolled_back_transaction_is_no_commit(url: str, store: SqlStorage) -> None:
    backend = PostgresBackend(url, Options())
    connection = backend.open_writer()
    cursor = connection.cursor()
    backend.begin_writing(cursor)
    with pytest.raises(psycopg.Error):
        cursor.execute("SELECT nonsense")

    with pytest.raises(psycopg.OperationalError, match="rolled back"):
        backend.commit(cursor)
    connection.close()
    backend.close()


def test_rules_and_data_keys_of_one_node_hold_on_the_other_at_once(url: str, tmp_path: Path) -> None:
    one, other = (open_store(url, tmp_path) for _ in range(2))
    rule = Constraint(object_types=(ObjectType.SYMMETRIC_KEY,))
    with other.unit_of_work() as work:
        assert work.rules_for_new(Constraint) == ()
        work.add(a_key("before"), content())
        work.commit()
    with one.unit_of_work() as work:
        work.save_rules(Constraint, (rule,))
        work.commit()
    rotate_data_key(one, progress)

    with other.unit_of_work() as work:
        assert work.rules_of(Constraint) == (rule,)
        before = work.find("before")
        assert before is not None
        assert content() == work.content(admitted(before))
    with other.unit_of_work() as work:  # it is checked against what was known here, and run again by the engine
        work.rules_for_new(Constraint)
        work.add(a_key("after"), content())
        with pytest.raises(ConcurrentChange):
            work.commit()
    for attempt in range(3):
        with other.unit_of_work() as work:
            assert work.rules_for_new(Constraint) == (rule,)
            work.add(a_key("after"), content())
            try:
                work.commit()
                break
            except ConcurrentChange:
                assert attempt < 2
    assert verify(one, progress) == ()
    assert present(one, "after")
    for store in (one, other):
        store.close()


def test_each_node_has_its_own_records_in_the_outbox(url: str, tmp_path: Path) -> None:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    stores = {name: SqlStorage(url, make_sealer, node=name) for name in ("a", "b")}
    for name, store in stores.items():
        with store.unit_of_work() as work:
            work.add(a_key(name), content())
            work.record(AuditRecord(record_id=f"record of {name}", time=1, principal="alice", event="Create"))
            work.commit()

    pending = {name: [record.record_id for record in store.pending_records()] for name, store in stores.items()}
    assert pending == {"a": ["record of a"], "b": ["record of b"]}
    heir = SqlStorage(url, make_sealer, node="c", takes_over=lambda node: node == "a")
    assert [record.record_id for record in heir.pending_records()] == ["record of a"]
    heir.close()
    for store in stores.values():
        store.close()


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_read_that_takes_longer_than_its_budget_goes_on_elsewhere(store: SqlStorage) -> None:
    put(store, "k1")
    with store.unit_of_work(Pace.BRIEF) as work:
        assert work.find("k1")
        assert isinstance(work, SqlUnitOfWork)
        reader = work._reader
        assert reader is not None
        with pytest.raises(TakesLong), store.backend.within(reader, 1):
            reader.execute("SELECT pg_sleep(30)")
        work._found.clear()
        assert work.find("k1")


def test_a_lost_connection_has_the_unit_of_work_run_again(store: SqlStorage) -> None:
    put(store, "k1")
    with store.unit_of_work() as work:
        assert work.find("k1")
        with pytest.raises(psycopg.Error):
            work._reader.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(ConcurrentChange):
            work.find("k2")
    assert present(store, "k1")


def statements_of(store: SqlStorage) -> list[str]:
    """Have every statement of readers that are opened from now on noted."""
    sent: list[str] = []
    open_again = store.backend.open_again  # type: ignore[attr-defined]

    def noting() -> Any:
        connection = open_again()
        execute, several = connection.execute, connection.execute_several

        def note(sql: str, values: Any = None) -> Any:
            sent.append(sql.split()[0])
            return execute(sql, values)

        def note_several(sql: str) -> None:
            sent.append(sql.split()[0])
            several(sql)

        connection.execute = note
        connection.execute_several = note_several
        return connection

    store.backend.open_again = noting  # type: ignore[attr-defined]
    return sent


def close_readers(store: SqlStorage) -> None:
    """Have the next unit of work connect anew, so that `statements_of` sees its statements."""
    while store.database._idle:
        store.database._idle.pop().close()


def test_one_row_is_read_by_one_statement(store: SqlStorage) -> None:
    put(store, "k1", "k2")
    close_readers(store)
    sent = statements_of(store)

    with store.unit_of_work(Pace.BRIEF) as work:
        found = work.find("k1")
        assert found is not None
        assert content() == work.content(admitted(found))
    assert sent == ["SELECT"]
    with store.unit_of_work(Pace.BRIEF) as work:
        assert work.find("k1")
        assert work.find("k2")
    assert sent[1:] == ["SELECT", "BEGIN", "SELECT", "SELECT", "ROLLBACK"]


def test_a_read_with_a_budget_costs_three_round_trips(store: SqlStorage) -> None:
    put(store, "k1")
    close_readers(store)
    sent = statements_of(store)
    for _ in range(10):  # a statement that is sent often is prepared, which several at once cannot be
        with store.unit_of_work(Pace.BRIEF) as work:
            assert work.locate(query()).unique_identifiers == ("k1",)
    assert sent == ["BEGIN", "SELECT", "ROLLBACK"] * 10


def test_the_limit_of_one_read_is_none_of_the_next(store: SqlStorage) -> None:
    put(store, "k1")
    with store.unit_of_work(Pace.BRIEF) as work:
        assert isinstance(work, SqlUnitOfWork)
        connection: Any = store.database.take()
        with store.backend.within(connection, 100):
            assert connection.execute("SHOW statement_timeout").fetchone() == ("100ms",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        with pytest.raises(TakesLong), store.backend.within(connection, 1):
            connection.execute("SELECT pg_sleep(30)")
        store.database.give_back(connection)


def test_a_second_statement_that_finds_the_first_changed_has_the_work_run_again(store: SqlStorage) -> None:
    put(store, "k1", "k2")
    with store.unit_of_work(Pace.BRIEF) as work:
        found = work.find("k1")
        assert found is not None
        with store.unit_of_work() as other:
            other.save(evolve(found, archived=True))
            other.commit()
        with pytest.raises(ConcurrentChange):
            work.find("k2")
    assert present(store, "k2")


def test_a_reader_cannot_write(store: SqlStorage) -> None:
    connection = store.database.take()
    with pytest.raises(psycopg.Error, match="read-only"):
        connection.execute("DELETE FROM facts")
    store.database.give_back(connection)


def test_no_more_connections_than_the_pool_has(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmip_adapters.storage.sql.database.WAIT_FOR_PLACE", 0.05)
    store = open_store(url, tmp_path, pool_size=2)
    put(store, "k1")

    with store.unit_of_work() as one, store.unit_of_work() as two:
        assert one.find("k1")
        assert two.find("k1")
        assert refused_in_time(lambda: present(store, "k1")) < ANSWERS_WITHIN
    assert present(store, "k1")
    store.close()


# --- texts ----------------------------------------------------------------------------------------------------------

TEXTS = ("nul \0 inside", "back\\slash", "\\0", "\\\\0", "ünïcode 🔑", "'; DROP TABLE facts; --", "%s %(a)s")


def test_every_text_is_kept_and_distinguished(store: SqlStorage) -> None:
    for text in TEXTS:
        key = a_key(text, names=(a_name(text),), operation_policy_name=text)
        with store.unit_of_work() as work:
            work.add(evolve(key, owner=text), content())
            work.commit()

    for text in TEXTS:
        with store.unit_of_work() as work:
            found = work.find(text)
            assert found is not None
            assert (found.unique_identifier, found.owner, found.attributes.operation_policy_name) == (text,) * 3
            assert content() == work.content(admitted(found))
    assert verify(store, progress) == ()


def test_a_text_that_no_index_takes_is_refused(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1", operation_policy_name="p" * (postgresql_backend.LONGEST_KEY + 1)), content())
        with pytest.raises(KmipError) as refused:
            work.commit()
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


# --- schema and maintenance -----------------------------------------------------------------------------------------


def test_of_several_starts_at_once_one_makes_the_schema(url: str, tmp_path: Path) -> None:
    barrier = threading.Barrier(4)
    opened: list[SqlStorage] = []

    def start() -> None:
        barrier.wait(120)
        opened.append(open_store(url, tmp_path))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(opened) == 4
    put(opened[0], "k1")
    assert all(present(store, "k1") for store in opened)
    for store in opened:
        store.close()


def test_an_interrupted_creation_is_finished_by_the_next_start(url: str, tmp_path: Path) -> None:
    open_store(url, tmp_path).close()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute("DELETE FROM facts")
        connection.execute("DROP TABLE outbox")
        connection.execute("DROP INDEX by_policy")

    store = open_store(url, tmp_path)

    put(store, "k1")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HISTORY.revision,)]
        indexes = connection.execute("SELECT indexname FROM pg_indexes WHERE indexname = 'by_policy'").fetchall()
    assert ("by_policy",) in indexes
    store.close()


def test_another_programs_tables_are_left_alone(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")

    with pytest.raises(StorageUnusable, match="another program"):
        open_store(url, tmp_path)


def test_a_store_is_found_wherever_on_the_search_path_its_tables_are(url: str, tmp_path: Path) -> None:
    with closing(open_store(url, tmp_path)) as store:
        put(store, "k1")
    before, path, schema = url.partition("-csearch_path%3D")
    nearer = f"{schema}_nearer"  # as one with the name of the user, which by default stands before `public`
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {nearer}")

    with closing(open_store(f"{before}{path}{nearer},{schema}", tmp_path)) as store:
        assert present(store, "k1")


def test_a_newer_schema_is_refused_with_the_release_it_needs(url: str, tmp_path: Path) -> None:
    open_store(url, tmp_path).close()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE facts SET value = '7.0' WHERE name = 'server_version'")

    with pytest.raises(StorageUnusable, match=r"schema 9999.*needs kmipd 7\.0"):
        open_store(url, tmp_path)


def test_data_keys_are_rotated_and_the_store_is_whole(store: SqlStorage) -> None:
    put(store, *(f"k{number}" for number in range(600)))

    assert rotate_data_key(store, progress) == 600
    assert verify(store, progress) == ()
    with store.unit_of_work() as work:
        assert work.locate(query(criterion("names", a_name("k7")))).unique_identifiers == ("k7",)


def test_the_password_is_read_at_each_connection(url: str, tmp_path: Path) -> None:
    read: list[str] = []

    def read_password() -> str:
        read.append("password")
        return "it is not asked for"

    store = open_store(url, tmp_path, read_password=read_password)
    before = len(read)
    store.backend.open_reader().close()
    assert len(read) == before + 1
    store.close()


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+asyncpg://user@host/db",
        "postgresql+psycopg2://user@host/db",
        "postgresql+psycopg://host/db?nonsense=1",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(StorageUnusable):
        PostgresBackend(text, Options())


def test_no_password_is_in_the_name_of_a_database() -> None:
    backend = PostgresBackend("postgresql+psycopg://user:secret@one:5432,two:5433/kmip?sslmode=verify-full", Options())

    assert backend.name == "kmip on one,two"
    assert "secret" not in repr(vars(backend).get("name"))
    backend.close()
