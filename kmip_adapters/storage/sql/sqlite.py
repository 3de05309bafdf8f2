"""All that is SQLite's own: files, connections, transactions, checkpoints."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from kmip_adapters.storage.errors import StorageUnusable
from kmip_core.ports.storage import TakesLong

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for a lock that another process holds; an error answer after that."""

_SETTINGS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a commit is on the disk when it returns
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",  # sorting never writes to the temporary directory
    "PRAGMA cell_size_check=ON",
)


def make_engine(url: URL) -> Engine:
    """Return the engine for a database file, which is made with mode 0600 if it is missing.

    The driver's own transactions are off: they lose updates and let savepoints survive a rollback. `BEGIN` is said by
    whoever means it, and for SQLAlchemy's own work (migrations) by the event below.
    """
    if not url.database or url.database == ":memory:":
        raise StorageUnusable("SQLite needs a file; for a store that forgets use --ephemeral")
    path = Path(url.database)
    if not path.exists():
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # -wal and -shm inherit the mode
        except OSError as error:
            raise StorageUnusable(f"{path} cannot be made: {error.strerror}") from error
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT},
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _set_up(connection: Any, _: Any) -> None:
    for setting in _SETTINGS:
        connection.execute(setting)


def look_into(path: Path) -> Engine:
    """Return an engine that changes nothing of a file, not even its kind of journal."""
    return create_engine(f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true", poolclass=NullPool)


def open_reader(engine: Engine) -> Any:
    """Return a driver connection that cannot write."""
    connection = _detached(engine)
    connection.execute("PRAGMA query_only=ON")
    return connection


def open_writer(engine: Engine) -> Any:
    """Return the driver connection of the writer, with a page cache that holds the upper parts of all indexes."""
    connection = _detached(engine)
    connection.execute("PRAGMA cache_size=-32768")  # KiB
    return connection


def _detached(engine: Engine) -> Any:
    fairy = engine.raw_connection()
    connection = fairy.driver_connection
    fairy.detach()  # ours to close; the pool forgets it
    return connection


INTEGRITY_CHECK: Final = text("PRAGMA integrity_check")
"""Gives one row "ok", or one row for each fault of the file and its indexes."""

BEGIN_READING: Final = "BEGIN"
BEGIN_WRITING: Final = "BEGIN IMMEDIATE"


@contextmanager
def within(connection: Any, instructions: int) -> Iterator[None]:
    """Have a read that takes more instructions of SQLite's machine than that raise TakesLong.

    Ten thousand are a millisecond, more or less: an instruction is a step of a plan, such as going to the next row.
    """
    left = instructions // _PORTION

    def is_over() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(is_over, _PORTION)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TakesLong(f"more than {instructions} instructions") from error
    finally:
        connection.set_progress_handler(None, 0)


_PORTION: Final = 1_000
"""Instructions after which they are counted."""


def in_transaction(connection: Any) -> bool:
    """Whether a transaction is open; SQLite ends it by itself on some errors (disk full, I/O error)."""
    return bool(connection.in_transaction)


def copy_database(source: Path, target: Path) -> None:
    """Write a consistent copy of a database, which may be in use, to `target`: all of it or nothing, mode 0600.

    A file that is there already is replaced.  Raises StorageUnusable.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # mode=rw: a log that a crash has left beside the source is brought in, a missing source is not made.
        uri = f"{source.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT)) as connection:
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute("VACUUM INTO ?", (str(part),))
        sync(part)
        part.replace(target)
        sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StorageUnusable(f"{source} could not be copied to {target}: {reason}") from error
    finally:
        part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Return when a file, or what a directory lists, is on stable storage."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget_erased(connection: Any) -> bool:
    """Bring the log into the database and empty it, so that erased values are in neither.

    False if a reader still looks at the log; it is not waited for, since nobody could write meanwhile.
    """
    connection.execute("PRAGMA busy_timeout=0")
    try:
        is_busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT * 1000:.0f}")
    return not is_busy
