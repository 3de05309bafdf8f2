"""A store moves from one database to another, sealed as it is; what a start would do to its tables can be asked."""

import contextlib
import functools
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve
from psycopg.pq import TransactionStatus

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql import copying
from kmip_adapters.storage.sql.backend import Options
from kmip_adapters.storage.sql.backends import open_backend
from kmip_adapters.storage.sql.maintenance import verify
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app import cli
from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content, criterion, query
from kmip_core.ports.audit import AuditRecord
from kmip_core.settings import Settings
from tests import postgresql
from tests.builders import PlainHashing, an_engine, attributes_of
from tests.server import ROOT
from tests.unit.kmip_core.operations.test_system_objects import a_credential, a_user, changes, content_of

pytestmark = pytest.mark.long

ENGINES = ("sqlite", "postgresql")
MANY = 1_100  # more than two ranges


def url_of(engine: str, directory: Path) -> str:
    directory.mkdir(exist_ok=True)
    return f"sqlite:///{directory}/kmipd.sqlite" if engine == "sqlite" else postgresql.url_for(directory)


def open_store(url: str, key_file: Path) -> SqlStorage:
    return SqlStorage(url, functools.partial(EnvelopeSealer, KeyFile(key_file)))


def fill(url: str, key_file: Path) -> None:
    store = open_store(url, key_file)
    with store.unit_of_work() as work:
        for number in range(MANY):
            work.add(a_key(f"k{number}", names=(a_name(f"name {number}"),)), content())
        work.add(evolve(a_key("nul \0 and \\"), has_content=False), None)
        work.record(AuditRecord(record_id="record-1", time=1, principal="alice", event="Create"))
        work.commit()
    store.close()


def check(url: str, key_file: Path) -> None:
    store = open_store(url, key_file)
    assert verify(store, lambda done, in_all: None) == ()
    assert [record.record_id for record in store.pending_records()] == ["record-1"]
    with store.unit_of_work() as work:
        assert work.locate(query()).located_items == MANY + 1
        assert work.locate(query(criterion("names", a_name("name 7")))).unique_identifiers == ("k7",)
        found = work.find("k1099")
        assert found is not None
        assert content() == work.content(admitted(found))
        assert work.find("nul \0 and \\") is not None
    with store.unit_of_work() as work:  # numbers go on where they were
        work.add(a_key("new"), content())
        work.record(AuditRecord(record_id="record-2", time=1, principal="alice", event="Create"))
        work.commit()
    assert [record.record_id for record in store.pending_records()] == ["record-1", "record-2"]
    with store.unit_of_work() as work:
        assert work.locate(query(maximum_items=2)).unique_identifiers == ("new", "nul \0 and \\")
    store.close()


@pytest.mark.parametrize("target", ENGINES)
@pytest.mark.parametrize("source", ENGINES)
def test_a_store_is_copied_between_engines(
    tmp_path: Path, source: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    origin, to = url_of(source, tmp_path / "from"), url_of(target, tmp_path / "to")
    fill(origin, tmp_path / "root.key")

    assert cli.run(["store", "copy", "--from", origin, "--to", to]) == 0

    assert f"{MANY + 1} objects copied and compared" in capsys.readouterr().out
    check(to, tmp_path / "root.key")
    assert cli.run(["store", "copy", "--from", origin, "--to", to]) == 2
    assert "holds a store already" in capsys.readouterr().err


def test_users_their_credentials_and_links_are_copied(tmp_path: Path) -> None:
    origin, to, key_file = url_of("sqlite", tmp_path / "a"), url_of("sqlite", tmp_path / "b"), tmp_path / "root.key"
    store = open_store(origin, key_file)
    settings = Settings(administrators=frozenset({"alice"}))
    engine = an_engine(storage=store, passwords=PlainHashing(), settings=settings)
    credential = a_credential(engine)
    user = a_user(engine, credential=credential)
    before = attributes_of(engine, user), content_of(engine, credential), changes(engine)
    store.close()

    assert cli.run(["store", "copy", "--from", origin, "--to", to]) == 0

    copied = open_store(to, key_file)
    engine = an_engine(storage=copied, passwords=PlainHashing(), settings=settings)
    assert (attributes_of(engine, user), content_of(engine, credential), changes(engine)) == before
    assert before[2] == 2
    copied.close()


def is_open(connection: Any) -> bool:
    """Return whether a reader's connection of either engine was not closed."""
    if not isinstance(connection, sqlite3.Connection):
        return bool(connection.transaction_status != TransactionStatus.UNKNOWN)
    with contextlib.suppress(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")
        return True
    return False


def test_an_interrupted_copy_is_opened_by_no_server_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, to = url_of("sqlite", tmp_path / "from"), url_of("postgresql", tmp_path / "to")
    fill(origin, tmp_path / "root.key")

    def interrupt(done: int, in_all: int) -> None:
        if done > 600:
            raise KeyboardInterrupt

    opened: list[Any] = []

    def noted(open_reader: Callable[[], Any]) -> Any:
        opened.append(open_reader())
        return opened[-1]

    backends = [open_backend(url, Options()) for url in (origin, to)]
    for backend in backends:
        monkeypatch.setattr(backend, "open_reader", functools.partial(noted, backend.open_reader))
    with pytest.raises(KeyboardInterrupt):
        copying.copy_store(backends[0], backends[1], interrupt)
    assert len(opened) >= 2
    assert not any(is_open(connection) for connection in opened)
    for backend in backends:
        backend.close()
    sessions: list[psycopg.Connection] = []

    def connected(connect: Callable[..., psycopg.Connection], **parameters: Any) -> psycopg.Connection:
        sessions.append(connect(**parameters))
        return sessions[-1]

    monkeypatch.setattr(psycopg, "connect", functools.partial(connected, psycopg.connect))
    with pytest.raises(StorageUnusable, match="not whole"):
        open_store(to, tmp_path / "root.key")
    assert sessions
    assert all(session.closed for session in sessions)

    assert cli.run(["store", "copy", "--from", origin, "--to", to]) == 0

    written = int(capsys.readouterr().out.split("; ")[1].split()[0])
    assert written < 2 * MANY + 500
    check(to, tmp_path / "root.key")


def test_changes_made_during_a_copy_are_copied_by_the_next_run(tmp_path: Path) -> None:
    origin, to = url_of("sqlite", tmp_path / "from"), url_of("sqlite", tmp_path / "to")
    fill(origin, tmp_path / "root.key")
    changed: list[int] = []

    def change(done: int, in_all: int) -> None:
        if changed or done < MANY:
            return
        changed.append(done)
        store = open_store(origin, tmp_path / "root.key")
        with store.unit_of_work() as work:
            found = work.find("k5")
            assert found is not None
            work.save(evolve(found, attributes=evolve(found.attributes, names=(a_name("changed"),))))
            work.remove("k6")
            work.commit()
        store.close()

    backends = [open_backend(url, Options()) for url in (origin, to)]
    copied = copying.copy_store(backends[0], backends[1], change)
    assert set(copied.differs) >= {"managed_objects", "attribute_values"}
    again = copying.copy_store(backends[0], backends[1], lambda done, in_all: None)
    for backend in backends:
        backend.close()

    assert again.differs == ()
    assert 0 < again.written < 10
    store = open_store(to, tmp_path / "root.key")
    assert verify(store, lambda done, in_all: None) == ()
    with store.unit_of_work() as work:
        assert work.find("k6") is None
        assert work.locate(query(criterion("names", a_name("changed")))).unique_identifiers == ("k5",)
    store.close()


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        (["--from", "sqlite:///{d}/none.sqlite", "--to", "sqlite:///{d}/x"], "does not exist", 2),
        (["--from", "sqlite:///{d}/a", "--to", "sqlite:///{d}/a"], "one database", 2),
        (["--from", "mysql://h/d", "--to", "sqlite:///{d}/a"], "not supported", 2),
        (["--from", "postgresql+psycopg://u@127.0.0.1:1/d", "--to", "sqlite:///{d}/a"], "127.0.0.1", 3),
    ],
    ids=["no source", "the same", "kind", "unreachable"],
)
def test_a_copy_that_is_impossible_is_refused(
    tmp_path: Path, arguments: list[str], expected: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["store", "copy", *(each.format(d=tmp_path) for each in arguments)]) == code
    assert expected in capsys.readouterr().err


# --- migrate --------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "none.conf").write_text("[server]\n")
    monkeypatch.setenv("KMIPD_CONFIG_PATH", str(tmp_path / "none.conf"))
    (tmp_path / "data").mkdir(mode=0o700)
    for name in ("kmipd.sqlite", "root.key"):
        shutil.copyfile(ROOT / "tests" / "fixtures" / "schema-0002" / name, tmp_path / "data" / name)
        (tmp_path / "data" / name).chmod(0o600)
    return tmp_path / "data"


def revision(data: Path) -> Any:
    connection = sqlite3.connect(data / "kmipd.sqlite")
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    connection.close()
    return found


def test_migrate_check_says_what_a_start_would_do(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data-dir", str(data)]
    before = (data / "kmipd.sqlite").read_bytes()

    assert cli.run(["migrate", "--check", *arguments]) == 1
    assert f"schema 0002: a start brings it to schema {HISTORY.revision}" in capsys.readouterr().out
    assert (data / "kmipd.sqlite").read_bytes() == before

    assert cli.run(["migrate", *arguments]) == 0
    assert revision(data) == HISTORY.revision
    assert cli.run(["migrate", "--check", *arguments]) == 0
    assert "up to date" in capsys.readouterr().out


def test_a_database_without_tables_and_a_newer_one_are_distinguished(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["migrate", "--check", "--data-dir", str(tmp_path / "new")]) == 1
    assert "no tables yet" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()

    connection = sqlite3.connect(data / "kmipd.sqlite")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert cli.run(["migrate", "--check", "--data-dir", str(data)]) == 2
    assert "schema 9999" in capsys.readouterr().err


def test_a_database_server_is_asked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = url_of("postgresql", tmp_path / "data")
    arguments = ["--data-dir", str(tmp_path / "data"), "--database", url]

    assert cli.run(["migrate", "--check", *arguments]) == 1
    assert cli.run(["migrate", *arguments]) == 0
    assert cli.run(["migrate", "--check", *arguments]) == 0
    assert "no tables yet: now schema" in capsys.readouterr().out
