"""Which backend a database URL names."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backend import Backend


def open_backend(url: str) -> Backend:
    """Return the backend for a URL as SQLAlchemy writes it.  Raises StorageUnusable."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageUnusable("the database is not named by a URL such as sqlite:////var/lib/kmipd/kmipd.db") from error
    kind = parsed.get_backend_name()
    if kind not in BACKENDS:
        raise StorageUnusable(f"databases of kind {kind} are not supported; use {' or '.join(BACKENDS)}")
    return BACKENDS[kind](parsed)


def _sqlite(url: URL) -> Backend:
    from kmip_adapters.storage.sql.sqlite import SqliteBackend

    return SqliteBackend(url)


BACKENDS: Final[Mapping[str, Callable[[URL], Backend]]] = {"sqlite": _sqlite}
"""Kind of database to its backend, imported when it is needed: an engine's driver may not be installed."""
