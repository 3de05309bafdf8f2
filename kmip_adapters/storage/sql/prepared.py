"""Statements compiled once and run on the driver's own cursors, which cost a tenth of SQLAlchemy's execution."""

from collections.abc import Callable, Mapping, Sequence
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

    def expect(self, names: list[str]) -> None:
        """Take the values of `in_order` for these names."""
        self._expected = names
        self._is_in_order = names == self._names

    def in_order(self, values: list[Any]) -> Any:
        """Return parameters in the driver's style.  values: in the order that `expect` was told."""
        return values if self._is_in_order else self.values(dict(zip(self._expected, values, strict=True)))

    def run(self, cursor: Any, values: Mapping[str, Any]) -> Any:
        """Execute on a cursor and return it."""
        cursor.execute(self.sql, self.values(values))
        return cursor


LARGEST: Final = 1_024
"""Values that one statement takes at most; every database takes that many."""


class PreparedRows:
    """A statement that takes many rows at once: a few sizes of it, so that any number of rows takes few statements.

    make: given the number of rows, returns the statement; its values are named by `parameter`.  width: values of a row.
    may_repeat: whether a row may be given twice, so that a size that is too large will do.
    """

    def __init__(self, make: Callable[[int], ClauseElement], width: int, dialect: Dialect, *, may_repeat: bool) -> None:
        self._make = make
        self._may_repeat = may_repeat
        self._dialect = dialect
        self._largest = 1 << (LARGEST // width).bit_length() - 1
        self._width = width
        self._prepared: dict[int, Prepared] = {}

    def run(self, cursor: Any, rows: Sequence[Sequence[Any]]) -> None:
        """Execute on a cursor for all rows."""
        at = 0
        while left := len(rows) - at:
            # Powers of two: as few sizes as digits.
            size = min(self._largest, 1 << (left - 1).bit_length() if self._may_repeat else 1 << left.bit_length() - 1)
            part = rows[at : at + size]
            values = [value for row in part for value in row]
            values += (size - len(part)) * list(part[-1])
            prepared = self._prepared.get(size) or self._prepare(size)
            cursor.execute(prepared.sql, prepared.in_order(values))
            at += len(part)

    def _prepare(self, size: int) -> Prepared:
        prepared = self._prepared[size] = Prepared(self._make(size), self._dialect)
        prepared.expect([parameter(number) for number in range(size * self._width)])
        return prepared


def parameter(number: int) -> str:
    """Return the name of the n-th value of a statement for many rows, counted row by row."""
    return f"v{number}"


def insertion(table: Table, columns: Sequence[str], dialect: Dialect, *, may_repeat: bool = False) -> PreparedRows:
    """Return the insertion of rows whose values are in the order of `columns`.

    may_repeat: take a row that is there already for done.
    """
    width = len(columns)

    def make(size: int) -> ClauseElement:
        rows = insert(table).values(
            [
                {name: bindparam(parameter(row * width + place)) for place, name in enumerate(columns)}
                for row in range(size)
            ]
        )
        return rows.on_conflict_do_nothing() if may_repeat else rows

    return PreparedRows(make, width, dialect, may_repeat=may_repeat)
