"""Statements, written as SQL once for every engine and run on the driver's own cursors.

A value is named with a colon before it: `WHERE owner = :owner`. Only what all engines understand is written; in what
they differ their `Dialect` says. Tests have every statement prepared by SQLite and by PostgreSQL.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor

S = TypeVar("S")

_made: Final[dict[tuple[object, ...], Any]] = {}


def statements_for(dialect: Dialect, make: Callable[[Dialect], S]) -> S:
    """Return the statements that `make` prepares, which every store of this process in the same dialect shares.

    make: a class of `Prepared` statements, none of which changes.
    """
    statements: S | None = _made.get((make, dialect.name))
    if statements is None:
        statements = _made.setdefault((make, dialect.name), make(dialect))
    return statements


PARAMETER: Final = re.compile(r":(\w+)")
"""The name of a value in a statement."""


class Prepared:
    """One statement.

    sql: as the driver takes it.
    """

    __slots__ = ("_names", "sql")

    def __init__(self, statement: str, dialect: Dialect) -> None:
        self._names: list[str] = PARAMETER.findall(statement)
        self.sql = PARAMETER.sub(dialect.placeholder, " ".join(statement.split()))

    def values(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return values by name in the order in which the statement takes them."""
        return tuple(map(values.__getitem__, self._names))

    def run(self, cursor: Cursor, values: Mapping[str, Any]) -> Cursor:
        """Execute on a cursor and return it."""
        cursor.execute(self.sql, self.values(values))
        return cursor


LARGEST: Final = 8_192
"""Values that one statement takes at most; every database takes that many."""

SIZES: Final = tuple(sorted({1, *(2 << power for power in range(12)), *(3 << power for power in range(12))}))
"""Rows that one statement takes: few sizes, so that few statements are kept, and little is filled up."""

ROWS: Final = ":rows"
"""Stands for all rows in a statement: `VALUES :rows`, or `IN (:rows)` where a row is one value."""

KEPT_BY_PSYCOPG: Final = 50
"""Values up to which psycopg keeps a statement that it has parsed. A longer one is parsed anew each time: to send the
one for a single row once for each row, in one round trip, then costs a third of that (16 rows of 24 values)."""


class PreparedRows:
    """A statement for any number of rows of values.

    statement: with `ROWS`, and no other values.  width: values of a row.
    is_pipelined: whether the statement for one row is sent for each of several where the driver does so at once.
    fills_up: whether a statement may be given a row several times, so that fewer sizes of it are needed.
    """

    def __init__(
        self, statement: str, dialect: Dialect, *, width: int, is_pipelined: bool = False, fills_up: bool = True
    ) -> None:
        self._before, self._after = " ".join(statement.split()).split(ROWS)
        values = ", ".join(width * [dialect.placeholder])
        self._row = values if width == 1 else f"({values})"
        self._width = width
        self._is_pipelined = is_pipelined and dialect.pipelines
        self._find_size = bisect_left if fills_up else _largest_within
        self._sizes = [size for size in SIZES if size * width <= LARGEST]
        self._statements: dict[int, str] = {}

    @property
    def sql(self) -> str:
        """The statement for one row as the driver takes it."""
        return self._prepare(1)

    def give(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> None:
        """Execute on a cursor for all rows; what they change is not looked at (`Backend.gathering`)."""
        if self._is_pipelined and len(rows) * self._width > KEPT_BY_PSYCOPG:
            cursor.executemany(self._prepare(1), rows)
            return
        for statement, values in self._portions(rows):
            cursor.execute(statement, values)

    def run(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> int:
        """Execute on a cursor for all rows, and return how many of them changed something."""
        if self._is_pipelined and len(rows) * self._width > KEPT_BY_PSYCOPG:
            cursor.executemany(self._prepare(1), rows)
            return cursor.rowcount
        changed = 0
        for statement, values in self._portions(rows):
            cursor.execute(statement, values)
            changed += cursor.rowcount
        return changed

    def fetch(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Execute a query on a cursor for all rows, and return what it finds."""
        found: list[Any] = []
        for statement, values in self._portions(rows):
            found += cursor.execute(statement, values).fetchall()
        return found

    def _portions(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield the statements for the rows, with their values."""
        at = 0
        while left := len(rows) - at:
            size = self._sizes[min(self._find_size(self._sizes, left), len(self._sizes) - 1)]
            part = rows[at : at + size]
            values = [value for row in part for value in row]
            values += (size - len(part)) * list(part[-1])  # fills the statement up
            yield self._statements.get(size) or self._prepare(size), values
            at += len(part)

    def _prepare(self, size: int) -> str:
        rows = ", ".join(size * [self._row])
        statement = self._statements[size] = self._before + rows + self._after
        return statement


def _largest_within(sizes: Sequence[int], left: int) -> int:
    """Return the place of the largest size that is not more than what is left."""
    return bisect_right(sizes, left) - 1


def numbers(values: Iterable[int]) -> str:
    """Return numbers as SQL, for `IN (...)`, in their order."""
    return ", ".join(f"{value:d}" for value in sorted(values))


def insertion(table: str, columns: Sequence[str], dialect: Dialect) -> PreparedRows:
    """Return the insertion of rows whose values are in the order of `columns`.

    A row that is there already, or given twice, changes nothing.
    """
    return PreparedRows(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES :rows ON CONFLICT DO NOTHING",
        dialect,
        width=len(columns),
        is_pipelined=True,
    )
