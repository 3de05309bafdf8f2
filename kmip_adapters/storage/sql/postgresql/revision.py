"""What tables a database has, before any are made or upgraded (`schema`, which needs SQLAlchemy)."""

from typing import Any, Final

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.migration import History, revision_of
from kmip_adapters.storage.sql.postgresql.watchdog import WatchedConnection

OURS: Final = frozenset(
    {
        "alembic_version",
        "attribute_values",
        "data_keys",
        "facts",
        "kmipd_lock",
        "kmipd_writers",
        "leases",
        "managed_objects",
        "notices",
        "outbox",
        "submissions",
        "subscriptions",
    }
)
"""The tables that this release makes; a test compares them with `schema`."""

_TABLES: Final = """
    SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.pg_table_is_visible(c.oid) AND n.nspname <> 'pg_catalog' AND c.relkind IN ('r', 'p')
"""
"""Those that statements find: they need not be in the first schema of the search path, where new ones are made."""


def revision(connection: WatchedConnection, history: History) -> str | None:
    """Return the schema's revision, None for a database that is empty or has not been created to the end.

    Raises StorageUnusable for a database of a newer release or of another program.
    """

    def first_value(query: str) -> Any:
        row = connection.execute(query).fetchone()
        return None if row is None else row[0]

    tables = {name for (name,) in connection.execute(_TABLES).fetchall()}
    if {"alembic_version", "attribute_values"} <= tables:
        if first_value("SELECT version_num FROM alembic_version") is None:
            return None
        return revision_of(tables, first_value, history)
    if tables <= OURS:
        return None
    raise StorageUnusable(
        "this database has tables of another program; name an empty database, or a schema of its own in the URL"
        " (?options=-csearch_path%3Dkmipd)"
    )


def check_encoding(connection: WatchedConnection) -> None:
    """Raise StorageUnusable for a database that does not take every character."""
    encoding = connection.execute("SHOW server_encoding").fetchone()[0]  # type: ignore[index]  # SHOW gives a row
    if encoding.upper() not in ("UTF8", "UTF-8"):
        raise StorageUnusable(f"the database's encoding is {encoding}; create it with ENCODING 'UTF8'")


def check_sessions(one: WatchedConnection, other: WatchedConnection) -> None:
    """Raise StorageUnusable where two connections that are open have not each a session of its own.

    A pooler by transaction hands on what was set for a session, and the statements that were prepared in it.
    """
    found = [_session_of(connection) for connection in (one, other, one, other)]
    has_own = found[0] != found[1] and found[:2] == found[2:]
    if found[0] > 0 and not has_own:  # engines without processes say -1
        raise StorageUnusable(
            "a connection pooler gives each transaction another session of the database; have it pool by session"
            " (PgBouncer: pool_mode = session), or name the database itself"
        )


def _session_of(connection: WatchedConnection) -> int:
    """Return the number of the process that serves a connection at this moment."""
    number: int = connection.execute("SELECT pg_backend_pid()").fetchone()[0]  # type: ignore[index]  # always a row
    return number
