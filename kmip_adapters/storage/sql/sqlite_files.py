"""SQLite's database files as a whole: copying one that is in use, putting one in the place of another."""

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from kmip_adapters.storage.errors import StorageUnusable

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for a lock that another process holds; an error answer after that."""


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


def put_in_place(new: Path, database: Path, aside: Path) -> None:
    """Put the file `new` where a database is that no process uses, and keep that one as `aside` (its log beside it).

    A crash leaves the old database or the new one. Raises OSError.
    """
    _fold_log(database)
    for end in ("", "-wal", "-shm"):
        present = database.with_name(database.name + end)
        if present.exists():
            os.link(present, aside.with_name(aside.name + end))
    for end in ("-wal", "-shm"):  # a log that stayed would be taken for the new database's
        database.with_name(database.name + end).unlink(missing_ok=True)
    new.replace(database)
    sync(database.parent)


def sync(path: Path) -> None:
    """Return when a file, or what a directory lists, is on stable storage."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fold_log(database: Path) -> None:
    """Bring the log into its database, so that the database is whole without it; a broken one stays as it is."""
    if database.exists():
        with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
