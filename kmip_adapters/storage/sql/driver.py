"""What this room uses of a database driver's connections and cursors: the part of PEP 249 that all drivers share."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

Row: TypeAlias = tuple[Any, ...]
"""One row of a result, its values in the order of the statement's columns."""


class Cursor(Protocol):
    """Runs statements on one connection and gives their rows."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement has changed."""
        ...

    def execute(self, sql: str, values: Any = ..., /) -> Any:
        """Run one statement.  values: in the driver's own style, as `Prepared.values` gives them."""
        ...

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Any:
        """Run one statement for each of several rows of values."""
        ...

    def fetchone(self) -> Any:
        """Return the next row of the last statement, None after the last one."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows of the last statement that are left."""
        ...


class Connection(Protocol):
    """One session with the database, in autocommit mode: transactions begin and end by statements."""

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        ...

    def execute(self, sql: str, values: Any = ..., /) -> Any:
        """Run one statement on a new cursor, and return the cursor."""
        ...

    def close(self) -> None:
        """End the session; a transaction that is open is undone."""
        ...
