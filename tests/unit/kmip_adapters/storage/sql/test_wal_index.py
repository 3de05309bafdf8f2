"""The state of a database by the header of its WAL index, and the locks that looking at it must not lose."""

import errno
import mmap
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.open_files import is_open_here, note_closed, note_open
from kmip_adapters.storage.sql.driver import Connection
from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_adapters.storage.sql.wal_index import HEADER, VERSION, WalIndex, commits_between


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def backend(path: Path) -> Iterator[SqliteBackend]:
    with closing(SqliteBackend(path)) as found:
        yield found


@pytest.fixture
def writer(backend: SqliteBackend) -> Iterator[Connection]:
    with closing(backend.open_writer()) as connection:
        connection.execute("CREATE TABLE kept (value)")
        yield connection


@pytest.fixture
def reader(backend: SqliteBackend, writer: Connection) -> Iterator[Connection]:
    with closing(backend.open_reader()) as connection:
        yield connection


def elsewhere(path: Path, statement: str) -> None:
    """Run a statement as another process does."""
    program = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute({statement!r}); c.commit(); c.close()"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_state_stays_while_nothing_is_committed(backend: SqliteBackend, reader: Connection) -> None:
    state = backend.state()
    assert state is not None

    reader.execute("SELECT * FROM kept").fetchall()

    assert backend.state() == state


def test_every_commit_changes_the_state(backend: SqliteBackend, writer: Connection, reader: Connection) -> None:
    states = [backend.state()]
    for value in range(200):
        writer.execute("INSERT INTO kept VALUES (?)", (value,))
        states.append(backend.state())

    assert None not in states
    assert len(set(states)) == len(states)


def test_a_commit_of_another_process_changes_it(backend: SqliteBackend, reader: Connection, path: Path) -> None:
    state = backend.state()

    elsewhere(path, "INSERT INTO kept VALUES (1)")

    assert backend.state() != state


def test_a_commit_after_the_log_was_emptied_changes_it(
    backend: SqliteBackend, writer: Connection, reader: Connection
) -> None:
    states = set()
    for _ in range(3):
        writer.execute("INSERT INTO kept VALUES (1)")
        states.add(backend.state())
        assert backend.clean_up(writer)

    assert len(states) == 3


def test_what_is_rolled_back_or_only_begun_changes_nothing(
    backend: SqliteBackend, writer: Connection, reader: Connection
) -> None:
    state = backend.state()
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("PRAGMA cache_size=10")  # pages go to the log before the commit
    for _ in range(100):
        writer.execute("INSERT INTO kept VALUES (?)", (bytes(2_000),))

    assert backend.state() == state
    writer.execute("ROLLBACK")

    assert reader.execute("SELECT count(*) FROM kept").fetchone()[0] == 0


def test_two_copies_that_differ_are_no_state(path: Path) -> None:
    path.touch()
    shm = path.with_name(f"{path.name}-shm")
    header = VERSION + bytes(HEADER - len(VERSION))
    shm.write_bytes(header + header)
    open_file = note_open(path)
    index = WalIndex.of(path, open_file)
    assert index is not None
    assert index.state() == header + header

    with shm.open("r+b") as file:
        file.seek(HEADER + 8)  # the second copy is written first
        file.write(b"\1")

    assert index.state() is None
    note_closed(open_file)


@pytest.mark.parametrize("content", [None, b"", VERSION, bytes(2 * HEADER)], ids=["none", "empty", "short", "other"])
def test_an_index_of_another_format_is_not_looked_at(path: Path, content: bytes | None) -> None:
    path.touch()
    if content is not None:
        path.with_name(f"{path.name}-shm").write_bytes(content)
    open_file = note_open(path)

    assert WalIndex.of(path, open_file) is None
    note_closed(open_file)


LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)  # what says that the index is in use
    except BlockingIOError:
        sys.exit(3)
"""


def is_locked(path: Path) -> bool:
    shm = path.with_name(f"{path.name}-shm")
    return subprocess.run([sys.executable, "-c", LOCKED, str(shm)], check=False, timeout=120).returncode == 3


def test_the_locks_of_sqlite_stay_until_the_last_backend_of_a_file_is_closed(path: Path) -> None:
    first, second = (SqliteBackend(path) for _ in range(2))
    readers = [one.open_reader() for one in (first, second)]
    assert None not in (first.state(), second.state())
    assert is_locked(path)

    readers.pop(0).close()
    first.close()

    assert first.state() is None
    assert second.state() is not None
    assert is_locked(path)
    readers.pop().close()
    second.close()


def test_the_index_stays_the_same_file_while_connections_come_and_go(backend: SqliteBackend, path: Path) -> None:
    with closing(backend.open_writer()) as writer, closing(backend.open_reader()):
        writer.execute("CREATE TABLE kept (value)")
    state = backend.state()
    assert state is not None
    assert is_locked(path)

    elsewhere(path, "INSERT INTO kept VALUES (1)")  # and is the last one there but for us

    assert is_locked(path)
    assert backend.state() not in (None, state)


def test_an_index_for_which_there_is_no_memory_ends_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SqliteBackend(path)) as backend:
        monkeypatch.setattr(mmap, "mmap", Mock(side_effect=OSError(errno.ENOMEM, "no memory")))

        with pytest.raises(StorageUnusable, match="no memory"):
            backend.open_reader()


def test_an_index_that_is_not_looked_at_is_opened_once(backend: SqliteBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "mmap", Mock(side_effect=ValueError("it is too short")))
    with closing(backend.open_reader()):
        before = opened()
    with closing(backend.open_reader()):
        assert backend.state() is None

        assert opened() == before


def opened() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_reader_in_use_reads_on_when_the_backend_is_closed(path: Path) -> None:
    before, backend = opened(), SqliteBackend(path)
    with closing(backend.open_writer()) as writer:
        writer.execute("CREATE TABLE kept (value)")
        writer.cursor().executemany("INSERT INTO kept VALUES (?)", ((bytes(2_000),) for _ in range(1_000)))
    with closing(backend.open_reader()) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM kept").fetchone() == (1_000,)

        backend.close()
        elsewhere(path, "DELETE FROM kept")
        elsewhere(path, "VACUUM")

        assert is_locked(path)
        assert reader.execute("SELECT sum(length(value)) FROM kept").fetchone() == (2_000_000,)
        assert is_open_here(path)
    assert not is_open_here(path)
    assert opened() == before


def test_no_descriptor_stays_open(path: Path) -> None:
    before = opened()
    for _ in range(3):
        with closing(SqliteBackend(path)) as backend, closing(backend.open_reader()):
            assert backend.state() is not None

    assert opened() == before


def test_commits_between_two_states_are_counted(
    backend: SqliteBackend, writer: Connection, reader: Connection, path: Path
) -> None:
    def known() -> bytes:
        state = backend.state()
        assert state is not None
        return state

    first = known()
    writer.execute("INSERT INTO kept VALUES (1)")
    second = known()
    elsewhere(path, "INSERT INTO kept VALUES (2)")
    third = known()
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO kept VALUES (3)")
    inside = known()
    writer.execute("ROLLBACK")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    emptied = known()
    writer.execute("INSERT INTO kept VALUES (4)")

    assert commits_between(first, second) == 1
    assert commits_between(second, third) == 1
    assert commits_between(first, third) == 2
    assert third == inside
    assert third != emptied
    assert commits_between(third, emptied) == 0
    assert commits_between(emptied, known()) == 1


def test_a_count_of_commits_that_begins_anew_is_one_more() -> None:
    before, after = bytearray(2 * HEADER), bytearray(2 * HEADER)
    before[8:12] = b"\xff\xff\xff\xff"

    assert commits_between(bytes(before), bytes(after)) == 1


def test_a_transaction_larger_than_the_cache_is_one_commit(
    backend: SqliteBackend, writer: Connection, reader: Connection
) -> None:
    writer.execute("PRAGMA cache_size=10")
    before = backend.state()
    assert before is not None
    writer.execute("BEGIN IMMEDIATE")
    for _ in range(200):
        writer.execute("INSERT INTO kept VALUES (zeroblob(4000))")
    assert backend.state() == before
    writer.execute("COMMIT")
    after = backend.state()
    assert after is not None

    assert commits_between(before, after) == 1
