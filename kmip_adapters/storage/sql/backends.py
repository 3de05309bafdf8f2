"""Which backend a database URL names."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

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

    try:
        return SqliteBackend(make_url(url), is_shared=options.is_shared)
    except ArgumentError as error:
        raise StorageUnusable("write the database as sqlite:////path/of/a/file") from error


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
