"""Statements compiled once and run on the driver's own cursors, which cost a tenth of SQLAlchemy's execution."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Dialect, Table, bindparam
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.expression import ClauseElement


class Prepared:
    """One statement: written with SQLAlchemy, so that it fits every database, and run with plain values."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._names: list[str] | None = getattr(compiled, "positiontup", None)

    def values(self, values: Mapping[str, Any]) -> Any:
        """Return parameters in the driver's style."""
        if self._constants:
            values = {**self._constants, **values}
        return values if self._names is None else [values[name] for name in self._names]

    def run(self, cursor: Any, values: Mapping[str, Any]) -> Any:
        """Execute on a cursor and return it."""
        cursor.execute(self.sql, self.values(values))
        return cursor


LARGEST: Final = 8_192
"""Values that one statement takes at most; every database takes that many."""

SIZES: Final = tuple(sorted({1, *(2 << power for power in range(12)), *(3 << power for power in range(12))}))
"""Rows that one statement takes: few sizes, so that few statements are kept, and little is filled up."""


class PreparedRows:
    """A statement for any number of rows, of which a row that is there already, or given twice, changes nothing.

    of_one: the statement for one row.  row: what its text says for a row; it is repeated.  width: values of a row.
    """

    def __init__(self, of_one: ClauseElement, dialect: Dialect, *, row: str, width: int) -> None:
        self._before, self._row, self._after = str(of_one.compile(dialect=dialect)).partition(row)
        if not self._row or "?" in self._before + self._after:
            raise ValueError(f"{row} is not all that the statement takes: {of_one}")
        self._sizes = [size for size in SIZES if size * width <= LARGEST]
        self._statements: dict[int, str] = {}

    def run(self, cursor: Any, rows: Sequence[Sequence[Any]]) -> int:
        """Execute on a cursor for all rows, and return how many of them changed something."""
        changed = at = 0
        while left := len(rows) - at:
            size = self._sizes[min(bisect_left(self._sizes, left), len(self._sizes) - 1)]
            part = rows[at : at + size]
            values = [value for row in part for value in row]
            values += (size - len(part)) * list(part[-1])  # fills the statement up
            cursor.execute(self._statements.get(size) or self._prepare(size), values)
            changed += cursor.rowcount
            at += len(part)
        return changed

    def _prepare(self, size: int) -> str:
        statement = self._statements[size] = self._before + ", ".join(size * [self._row]) + self._after
        return statement


def insertion(table: Table, columns: Sequence[str], dialect: Dialect) -> PreparedRows:
    """Return the insertion of rows whose values are in the order of `columns`; what is there already stays."""
    row = insert(table).values({name: bindparam(name) for name in columns}).on_conflict_do_nothing()
    return PreparedRows(row, dialect, row=f"({', '.join('?' * len(columns))})", width=len(columns))
