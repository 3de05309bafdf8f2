"""Opening databases: new ones are made, foreign and newer ones refused in words that help."""

import functools
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateIndex

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql import sqlite
from kmip_adapters.storage.sql.columns import MANAGED_OBJECTS
from kmip_adapters.storage.sql.migration import HISTORY, upgrade
from kmip_adapters.storage.sql.postgresql import schema as postgresql_schema
from kmip_adapters.storage.sql.postgresql.revision import OURS
from kmip_adapters.storage.sql.schema import CONDITIONS, managed_objects, metadata
from kmip_adapters.storage.sql.storage import SqlStorage
from tools.generate_sqlite_tables import MODULE, module


def open_store(path: Path) -> SqlStorage:
    return SqlStorage(f"sqlite:///{path}", functools.partial(EnvelopeSealer, KeyFile(path.with_name("root.key"))))


def run(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_migrations_make_the_schema(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/kmipd.db")
    with engine.begin() as connection:
        upgrade(connection, HISTORY, None)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'attribute_values'").scalar_one()
    assert "WITHOUT ROWID" in made


def test_a_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    """To the letter, but for how SQLite quotes a table that was renamed."""
    open_store(tmp_path / "new.db").close()
    with create_engine(f"sqlite:///{tmp_path}/steps.db").begin() as connection:
        upgrade(connection, HISTORY, None)

    assert contents(tmp_path / "new.db") == contents(tmp_path / "steps.db")


def contents(path: Path) -> tuple[dict[tuple[str, str], str | None], list[tuple[str]]]:
    """Return the text of every table and index, and the revision that the database has."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        texts = {(kind, name): sql and " ".join(sql.replace('"', "").split()) for kind, name, sql in made}
        return texts, connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_the_statements_for_a_new_database_are_those_of_the_tables() -> None:
    assert MODULE.read_text("utf-8") == module(), "run: python -m tools.generate_sqlite_tables"


def test_postgresql_s_own_tables_are_known_by_their_names() -> None:
    assert {*metadata.tables, *postgresql_schema.locks.tables, postgresql_schema.alembic_version.name} == OURS


def test_the_columns_that_statements_name_are_those_of_the_table() -> None:
    assert tuple(column.name for column in managed_objects.columns) == MANAGED_OBJECTS


def test_the_newest_step_is_the_one_this_release_works_with() -> None:
    scripts = ScriptDirectory(str(Path(sqlite.__file__).parents[1] / "migrations"))

    assert scripts.get_current_head() == HISTORY.revision


def test_the_files_are_private(tmp_path: Path) -> None:
    store = open_store(tmp_path / "kmipd.db")

    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    store.close()


def test_the_settings_hold_on_every_connection(tmp_path: Path) -> None:
    store = open_store(tmp_path / "kmipd.db")
    reader = store.database.take()
    settings = {
        name: reader.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "busy_timeout", "query_only")
    }
    store.database.give_back(reader)
    store.close()

    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "query_only": 1,
    }


def test_a_newer_schema_is_refused_with_the_release_it_needs(tmp_path: Path) -> None:
    open_store(tmp_path / "kmipd.db").close()
    run(
        tmp_path / "kmipd.db",
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE facts SET value = '7.0' WHERE name = 'server_version'",
    )

    with pytest.raises(StorageUnusable, match=r"schema 9999.*needs kmipd 7\.0"):
        open_store(tmp_path / "kmipd.db")


def test_a_pykmip_database_is_refused_with_the_way_to_import_it(tmp_path: Path) -> None:
    run(
        tmp_path / "kmipd.db",
        "CREATE TABLE managed_objects (uid INTEGER PRIMARY KEY)",
        "CREATE TABLE managed_object_names (id INTEGER PRIMARY KEY)",
    )

    with pytest.raises(StorageUnusable, match="import-pykmip FILE"):
        open_store(tmp_path / "kmipd.db")


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    run(tmp_path / "kmipd.db", "CREATE TABLE recipes (name TEXT)")

    with pytest.raises(StorageUnusable, match="another program"):
        open_store(tmp_path / "kmipd.db")
    connection = sqlite3.connect(tmp_path / "kmipd.db")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    connection.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kmipd.db").write_text("dear diary, " * 100)

    with pytest.raises(StorageUnusable, match="cannot be opened"):
        open_store(tmp_path / "kmipd.db")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:////no/such/directory/kmipd.db"])
def test_a_database_that_cannot_last_is_refused(url: str) -> None:
    with pytest.raises(StorageUnusable):
        SqlStorage(url, lambda keys: pytest.fail("nothing may be sealed"))


@pytest.mark.parametrize("end", ["/kmipd.db", "kmipd.db", "///kmipd.db?timeout=3", "//host/kmipd.db"])
def test_a_url_that_is_not_the_place_of_a_file_is_refused_and_makes_none(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StorageUnusable, match="write the database as sqlite:////path/of/a/file"):
        SqlStorage(f"sqlite:{end}", lambda keys: pytest.fail("nothing may be sealed"))
    assert list(tmp_path.iterdir()) == []


def test_other_kinds_of_databases_are_refused() -> None:
    with pytest.raises(StorageUnusable, match="mysql"):
        SqlStorage("mysql://localhost/kmipd", lambda keys: pytest.fail("nothing may be sealed"))


def test_a_file_in_which_sqlite_alone_has_tables_is_empty(tmp_path: Path) -> None:
    run(
        tmp_path / "kmipd.db",
        "CREATE TABLE recipes (number INTEGER PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO recipes DEFAULT VALUES",
        "DROP TABLE recipes",  # sqlite_sequence stays
    )

    open_store(tmp_path / "kmipd.db").close()


def test_of_several_starts_at_once_one_makes_the_schema(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)
    opened: list[SqlStorage] = []

    def start() -> None:
        barrier.wait(120)
        opened.append(open_store(tmp_path / "kmipd.db"))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(opened) == 4
    for store in opened:
        store.close()


def test_a_start_waits_for_another_one_that_is_writing_a_new_file(tmp_path: Path) -> None:
    """SQLite gives up at once where a file without a write-ahead log has a writer, whatever its timeout."""
    other = sqlite3.connect(tmp_path / "kmipd.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.rollback)
    release.start()
    try:
        open_store(tmp_path / "kmipd.db").close()
    finally:
        release.join()
        other.close()


def test_both_kinds_of_database_have_the_conditions_of_indexes() -> None:
    partial = {str(index.name): index for index in managed_objects.indexes if index.name in CONDITIONS}

    for kind in (sqlite_dialect(), psycopg.dialect()):
        texts = {name: str(CreateIndex(index).compile(dialect=kind)) for name, index in partial.items()}
        assert {name: text.partition(" WHERE ")[2] for name, text in texts.items()} == CONDITIONS
