"""The tables of a SQLite database: what revision they have, and how new ones are made."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from kmip_adapters.storage.sql.migration import HISTORY, SERVER_VERSION, History, revision_of
from kmip_adapters.storage.sql.sqlite_tables import TABLES

Connect = Callable[[], sqlite3.Connection]

BEGIN_WRITING: Final = "BEGIN IMMEDIATE"

_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
"""All tables but SQLite's own."""


def is_current(connect: Connect, history: History) -> bool:
    """Return whether a database has the newest schema, which one without tables is given.

    Raises StorageUnusable for a database of a newer release or of another program.
    """
    with closing(connect()) as connection:
        return revision(connection, history) == history.revision or (history == HISTORY and _create(connection))


def revision(connection: sqlite3.Connection, history: History) -> str | None:
    """Return the revision of the tables, None if there are none.  Raises StorageUnusable as `is_current` does."""

    def first_value(query: str) -> Any:
        row = connection.execute(query).fetchone()
        return None if row is None else row[0]

    tables = connection.execute(_TABLES).fetchall()
    return revision_of([name for (name,) in tables], first_value, history)


def _create(connection: sqlite3.Connection) -> bool:
    """Make the tables of `HISTORY`, the same to the letter as its steps make; False if there are older ones."""
    connection.execute(BEGIN_WRITING)
    try:
        present = revision(connection, HISTORY)  # again, now that no other process can make them
        if present is not None:
            return present == HISTORY.revision
        for table in TABLES:
            connection.execute(table)
        connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HISTORY.revision,))
        connection.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (SERVER_VERSION, HISTORY.release))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return True
