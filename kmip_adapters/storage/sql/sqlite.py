"""SQLite as a backend: its connections, transactions, budgets and schema."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.open_files import OpenFile, note_closed, note_connection, note_open
from kmip_adapters.storage.sql.dialects import SQLITE
from kmip_adapters.storage.sql.driver import Connection, Cursor
from kmip_adapters.storage.sql.migration import History, MakeSealer, refuse_upgrade
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.sqlite_files import BUSY_TIMEOUT, copy_database
from kmip_adapters.storage.sql.sqlite_schema import BEGIN_WRITING, is_current, revision
from kmip_adapters.storage.sql.turnstile import NoTurn, Turnstile
from kmip_adapters.storage.sql.wal_index import WalIndex, commits_between
from kmip_core.ports.storage import TakesLong

SETTINGS: Final = (
    "PRAGMA synchronous=FULL",  # a commit is on the disk when it returns
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",  # sorting never writes to the temporary directory
    "PRAGMA cell_size_check=ON",
)

BEGIN_READING: Final = "BEGIN"

_PER_MILLISECOND: Final = 10_000
"""Instructions of SQLite's machine, roughly: one is a step of a plan, such as going to the next row."""

_PORTION: Final = 1_000
"""Instructions after which they are counted."""

_INTEGRITY_CHECK: Final = Prepared("PRAGMA integrity_check", SQLITE)
"""Gives one row "ok", or one row for each fault of the file and its indexes."""


class SqliteBackend:
    """One database file, which is created with mode 0600 if it is missing.  Raises StorageUnusable if that fails.

    The driver's own transactions are off: they lose updates and let savepoints survive a rollback. Transactions begin
    by statements of ours.
    """

    blocking = False
    loop_reads = None
    dialect = SQLITE
    errors: tuple[type[Exception], ...] = (sqlite3.Error, NoTurn)
    tells_state = True
    longest_key = None
    pool_size = None

    def __init__(self, path: Path, *, is_shared: bool = False) -> None:
        """is_shared: whether other processes of the same server write to the file, with which this one takes turns."""
        _make_file(path)
        self.path = path
        self._turns = Turnstile(self.path) if is_shared else None
        self._open_file = note_open(self.path)
        self.state: Callable[[], bytes | None] = _unknown  # until a reader is open; called by every request
        self._keeper: sqlite3.Connection | None = None
        self.name = str(path)

    def revision(self, history: History) -> str | None:
        """Return the revision of the tables; reads the file without changing it."""
        with closing(open_unchanged(self.path)) as connection:
            return revision(connection, history)

    def open_schema(self, history: History, *, may_upgrade: bool, make_sealer: MakeSealer | None) -> None:
        """Create or upgrade the tables; a copy of an older database is kept beside it, as an upgrade cannot be undone.

        The copy is written over a connection of its own: SQLite copies nothing inside a transaction, and the
        upgrade's, which has not changed anything yet, keeps every other connection from changing anything.
        """

        def copy(revision: str) -> None:
            copy_database(self.path, self.path.with_name(f"{self.path.name}.schema-{revision}"))

        if is_current(self.connect, history):
            return
        from kmip_adapters.storage.sql import sqlite_upgrade  # loads SQLAlchemy and Alembic

        sqlite_upgrade.run(self.connect, copy if may_upgrade else refuse_upgrade, history, make_sealer)

    def open_reader(self) -> Connection:
        """Return a driver connection that cannot write.  Raises StorageUnusable as `WalIndex.of` does."""
        if self._keeper is None:
            self._look_at_index()
        connection = self.connect()
        connection.execute("PRAGMA query_only=ON")
        return connection

    def open_writer(self) -> Connection:
        """Return the driver connection of the writer, with a page cache that holds the upper parts of all indexes."""
        connection = self.connect()
        connection.execute("PRAGMA cache_size=-32768")  # KiB
        return connection

    def check_wait(self) -> None:
        """Let every thread wait: a file is at hand."""

    def begin_reading(self, connection: Connection, *, is_long: bool) -> None:
        """Begin a snapshot; the first statement takes it, however many there will be."""
        connection.execute(BEGIN_READING)

    def end_reading(self, connection: Connection) -> None:
        """End a snapshot."""
        connection.execute("COMMIT")

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Wait for a turn among the processes of one server; a single process has every turn."""
        if self._turns is None:
            yield False
            return
        with self._turns.turn() as has_waited:
            yield has_waited

    def commits_between(self, before: bytes, after: bytes) -> int:
        """Return what the WAL index counts."""
        return commits_between(before, after)

    def begin_writing(self, cursor: Cursor) -> None:
        """Begin a transaction with the file's write lock."""
        cursor.execute(BEGIN_WRITING)

    def gathering(self, cursor: Cursor) -> AbstractContextManager[None]:
        """Need nothing: statements do not wait for another process."""
        return nullcontext()

    def commit(self, cursor: Cursor) -> None:
        """Commit; synchronous=FULL has it on the disk."""
        cursor.execute("COMMIT")

    def in_transaction(self, connection: Any) -> bool:
        """Whether a transaction is open; SQLite ends it by itself on some errors (disk full, I/O error)."""
        return bool(connection.in_transaction)

    def is_transient(self, error: BaseException) -> bool:
        """Nothing is: SQLite has waited for its lock already, and no connection is lost."""
        return False

    def was_committed(self, connection: Connection) -> bool:
        """A COMMIT that fails has not happened."""
        return False

    def pauses(self, since: float | None = None) -> Iterator[float]:
        """Nothing is tried again."""
        return iter(())

    def within(self, connection: Any, milliseconds: int | None) -> AbstractContextManager[None]:
        """Have a read that takes more instructions than fit into that time raise TakesLong."""
        return _UNBOUNDED if milliseconds is None else _Within(connection, milliseconds)

    def clean_up(self, connection: Connection) -> bool:
        """Bring the log into the database and empty it, so that erased values are in neither.

        False if a reader still uses the log; it is not waited for, since no change could be written meanwhile.
        """
        connection.execute("PRAGMA busy_timeout=0")
        try:
            is_busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT * 1000:.0f}")
        return not is_busy

    def faults(self, read: Callable[..., list[Any]]) -> Iterator[str]:
        """Yield what is wrong with the file and its indexes."""
        for (found,) in read(_INTEGRITY_CHECK):
            if found != "ok":
                yield f"the database file: {found}"

    def close(self) -> None:
        """Take note that the file is no longer open."""
        self.state = _unknown
        if self._keeper is not None:
            self._keeper.close()
        note_closed(self._open_file)
        if self._turns is not None:
            self._turns.close()

    def _look_at_index(self) -> None:
        """Map the WAL index, and keep a connection open that does nothing else.

        All others may be closed after errors. SQLite then removes the index, and would go on with another one, or cut
        it off under the mapping: every other process may be the last one with the database open. With this connection
        none is, and the index stays the same file.
        """
        keeper = self.connect()
        try:
            keeper.execute("PRAGMA schema_version").fetchone()  # reads, so that there is an index
            index = WalIndex.of(self.path, self._open_file)
        except BaseException:
            keeper.close()
            raise
        self._keeper = keeper
        if index is not None:
            self.state = index.state

    def connect(self) -> sqlite3.Connection:
        """Return a new connection in autocommit mode, which one thread at a time may use."""
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT, factory=_Connection
        )
        note_connection(self._open_file)
        connection.open_file = self._open_file
        try:
            _use_log(connection)
            for setting in SETTINGS:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection


class _Connection(sqlite3.Connection):
    """A connection that keeps descriptors open, and so SQLite's locks: a reader may be in use when a backend closes."""

    open_file: OpenFile | None = None

    def close(self) -> None:
        super().close()
        open_file, self.open_file = self.open_file, None
        if open_file is not None:
            note_closed(open_file)


def _unknown() -> None:
    """Stand for the state of a database that cannot be looked at."""


def _make_file(path: Path) -> None:
    """Make a database file that is missing.  Raises StorageUnusable."""
    if not path.exists():
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # -wal and -shm inherit the mode
        except OSError as error:
            raise StorageUnusable(f"{path} cannot be made: {error.strerror}") from error


def open_unchanged(path: Path) -> sqlite3.Connection:
    """Return a connection that changes nothing in a file, not even its kind of journal."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _use_log(connection: sqlite3.Connection) -> None:
    """Have the file use a write-ahead log; SQLite itself does not wait for a writer of a file that has none yet."""
    give_up = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


class _Within:
    """A context manager without a generator, whose five calls every Locate would pay for."""

    __slots__ = ("_connection", "_milliseconds", "_portions")

    def __init__(self, connection: Any, milliseconds: int) -> None:
        self._connection = connection
        self._milliseconds = milliseconds
        self._portions = milliseconds * _PER_MILLISECOND // _PORTION

    def __enter__(self) -> None:
        self._connection.set_progress_handler(self._is_over, _PORTION)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.set_progress_handler(None, 0)
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise TakesLong(f"more than {self._milliseconds} ms of reading") from error

    def _is_over(self) -> bool:
        self._portions -= 1
        return self._portions < 0


_UNBOUNDED: Final = nullcontext()
