"""Backups of SQLite's database files; other engines have tools of their own."""

import sqlite3
from contextlib import closing
from pathlib import Path

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql import sqlite
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_adapters.storage.sql.sqlite_files import copy_database
from kmip_adapters.storage.sql.sqlite_schema import revision as revision_of


def backup(database: Path, path: Path) -> None:
    """Write a consistent copy of a database, which may be in use, to a new file.

    It is sealed as the original; the root key is neither needed nor in it. Raises StorageUnusable if the file is there
    already, or if the database is not ours.
    """
    if path.exists():
        raise StorageUnusable(f"{path} exists; name a new file for the backup")
    schema_of(database)
    copy_database(database, path)


def schema_of(database: Path) -> str:
    """Return the revision of an existing database.  Raises StorageUnusable for a newer one, or one that is not ours."""
    if not database.is_file():
        raise StorageUnusable(f"{database} does not exist; name a database file")
    try:
        with closing(sqlite.open_unchanged(database)) as connection:
            revision = revision_of(connection, HISTORY)
    except sqlite3.Error as error:
        raise StorageUnusable(f"{database} cannot be opened: {error}") from error
    if revision is None:
        raise StorageUnusable(f"{database} is empty; name a database of this server")
    return revision
