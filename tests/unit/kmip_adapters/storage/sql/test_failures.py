"""When the disk or the database fails: an error answer, nothing half, reads go on, writes resume."""

import functools
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.pending import DONE, Done
from kmip_adapters.storage.sql.commit import Commit
from kmip_adapters.storage.sql.maintenance import verify
from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork
from kmip_adapters.storage.sql.versions import NewestVersions
from kmip_adapters.storage.sql.writer import Writer
from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


def open_store(directory: Path) -> SqlStorage:
    return SqlStorage(
        f"sqlite:///{directory}/kmipd.db", functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def put(store: SqlStorage, *identifiers: str) -> None:
    with store.unit_of_work() as work:
        for identifier in identifiers:
            work.add(a_key(identifier, names=(a_name(identifier),)), content())
        work.commit()


def present(store: SqlStorage, identifier: str) -> bool:
    with store.unit_of_work() as work:
        return work.find(identifier) is not None


# --- the n-th call fails --------------------------------------------------------------------------------------------


@define
class Faults:
    """Which statement of the writer fails, counted from the next."""

    countdown: int = -1
    ends_transaction: bool = False
    failed: str = ""

    def check(self, connection: sqlite3.Connection, statement: str) -> None:
        if self.countdown == 0:
            self.failed = statement
            if self.ends_transaction and connection.in_transaction:
                connection.execute("ROLLBACK")
        self.countdown -= 1
        if self.failed and self.countdown == -1:
            raise sqlite3.OperationalError("disk I/O error")


class FaultyCursor:
    def __init__(self, connection: Any, faults: Faults) -> None:
        self._cursor = connection.cursor()
        self._connection = connection
        self._faults = faults

    def execute(self, statement: str, values: Any = ()) -> Any:
        self._faults.check(self._connection, statement)
        return self._cursor.execute(statement, values)

    def executemany(self, statement: str, rows: Any) -> Any:
        self._faults.check(self._connection, statement)
        return self._cursor.executemany(statement, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class FaultyConnection:
    """A driver connection whose n-th statement fails."""

    def __init__(self, connection: Any, faults: Faults) -> None:
        self._connection = connection
        self._faults = faults

    def cursor(self) -> FaultyCursor:
        return FaultyCursor(self._connection, self._faults)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("ends_transaction", [False, True], ids=["transaction stays", "transaction is gone"])
def test_every_statement_may_fail_and_nothing_is_half_done(store: SqlStorage, ends_transaction: bool) -> None:
    put(store, "changed", "erased", "removed")
    faults = Faults(ends_transaction=ends_transaction)
    opened: list[object] = []

    class FaultyBackend(SqliteBackend):
        def open_writer(self) -> Any:
            opened.append(connection := FaultyConnection(super().open_writer(), faults))
            return connection

    assert store.path is not None
    backend = FaultyBackend(store.path)
    faulty = Writer(backend, with_each=lambda cursor: lambda: None, when_idle=lambda connection: True)
    # The unit of work collects; what it hands over is replayed through the faulty writer.
    handed: list[Callable[[Any], Any]] = []
    keep: Any = functools.partial(_keep, store, handed)
    services = evolve(store._services, hand_over=keep, versions=NewestVersions())
    with SqlUnitOfWork(services) as work:
        changed, erased = work.find("changed"), work.find("erased")
        assert changed is not None
        assert erased is not None
        work.save(evolve(changed, attributes=evolve(changed.attributes, names=(a_name("new name"),))), content(b"n"))
        work.save(evolve(erased, has_content=False))
        work.remove("removed")
        work.add(a_key("added", names=(a_name("added"),)), content())
        work.commit()
    (change,) = handed

    survived = 0
    reasons: set[ResultReason] = set()
    for number in range(100):
        faults.countdown, faults.failed = number, ""
        try:
            faulty.submit(change)
        except KmipError as error:
            reasons.add(error.reason)
            survived += 1
        else:
            break
        assert faults.failed
        assert [present(store, k) for k in ("changed", "erased", "removed", "added")] == [True, True, True, False]
        assert verify(store, lambda done, in_all: None) == ()
    faulty.close()

    assert not faults.failed
    assert reasons == {ResultReason.GENERAL_FAILURE}
    assert survived >= 10
    assert [present(store, k) for k in ("changed", "erased", "removed", "added")] == [True, True, False, True]
    assert verify(store, lambda done, in_all: None) == ()
    assert len(opened) > 1


def _keep(
    store: SqlStorage, handed: list[Callable[[Any], Any]], changes: Any, records: Any, checked_against: Any
) -> Done:
    """Keep a change instead of writing it."""
    handed.append(Commit(store._commit_services, changes, records, checked_against))
    return DONE


def test_a_lock_held_elsewhere_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, "k1")
    other = sqlite3.connect(tmp_path / "kmipd.db", isolation_level=None)
    store.submit(lambda cursor: cursor.execute("PRAGMA busy_timeout=50"))  # five seconds are long in a test
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(KmipError) as refused:
        put(store, "k2")
    assert refused.value.reason == ResultReason.GENERAL_FAILURE
    assert present(store, "k1")
    other.execute("ROLLBACK")
    other.close()
    put(store, "k2")
    assert present(store, "k2")
    store.close()


# --- a full disk ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=900k,mode=0700", "tmpfs", str(directory)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("a small disk needs root and mount")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def test_a_full_disk_refuses_writes_keeps_reads_and_recovers(small_disk: Path) -> None:
    store = open_store(small_disk)
    written: list[str] = []

    def fill() -> None:
        for number in range(10_000):
            put(store, f"k{number}", f"k{number}-pair")
            written.append(f"k{number}")

    with pytest.raises(KmipError) as refused:
        fill()
    assert refused.value.reason == ResultReason.GENERAL_FAILURE
    assert len(written) > 20

    for identifier in (*written, *(f"{each}-pair" for each in written)):
        with store.unit_of_work() as work:
            found = work.find(identifier)
            assert found is not None
            assert content() == work.content(admitted(found))
    assert not present(store, f"k{len(written)}")
    assert not present(store, f"k{len(written)}-pair")

    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    put(store, "after")
    assert present(store, "after")
    assert verify(store, lambda done, in_all: None) == ()
    store.close()
