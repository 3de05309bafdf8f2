"""Which backend a database URL names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backend import Backend, Options


def open_backend(url: str, options: Options) -> Backend:
    """Return the backend for a URL.  Raises StorageUnusable."""
    kind = url.partition(":")[0].partition("+")[0]
    if kind not in BACKENDS:
        raise StorageUnusable(f"databases of kind {kind} are not supported; use {' or '.join(BACKENDS)}")
    return BACKENDS[kind](url, options)


def _sqlite(url: str, options: Options) -> Backend:
    from kmip_adapters.storage.sql.sqlite import SqliteBackend

    path = url.partition(":///")[2]
    if path in ("", ":memory:") or "?" in path:  # options of a driver
        raise StorageUnusable("write the database as sqlite:////path/of/a/file; for one that forgets use --ephemeral")
    return SqliteBackend(Path(path), is_shared=options.is_shared)


def _postgresql(url: str, options: Options) -> Backend:
    try:
        from kmip_adapters.storage.sql.postgresql.backend import PostgresBackend
    except ImportError as error:
        raise StorageUnusable(
            f"PostgreSQL needs psycopg ({error}); install it with: pip install 'kmipd[postgresql]'"
        ) from error
    return PostgresBackend(url, options)


BACKENDS: Final[Mapping[str, Callable[[str, Options], Backend]]] = {"sqlite": _sqlite, "postgresql": _postgresql}
"""Kind of database to its backend, imported when it is needed: an engine's driver may not be installed."""
