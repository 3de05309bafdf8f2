"""Statements compiled once and run on the driver's own cursors, which cost a tenth of SQLAlchemy's execution."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeVar

from sqlalchemy import Compiled, Dialect, Table, bindparam
from sqlalchemy import insert as sql_insert
from sqlalchemy.sql.expression import ClauseElement

from kmip_adapters.storage.sql.driver import Cursor

S = TypeVar("S")

_made: Final[dict[tuple[object, ...], Any]] = {}


def statements_for(dialect: Dialect, make: Callable[[Dialect], S]) -> S:
    """Return the statements that `make` compiles, which every store of this process in the same dialect shares.

    make: a class of `Prepared` statements, none of which changes.
    """
    key = (make, dialect.name, dialect.driver, dialect.paramstyle, dialect.server_version_info)
    statements: S | None = _made.get(key)
    if statements is None:
        statements = _made.setdefault(key, make(dialect))
    return statements


class Prepared:
    """One statement: written with SQLAlchemy, so that it fits every database, and run with plain values.

    It is compiled when it is run first: a start runs a dozen of a hundred.
    """

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        self._statement = statement
        self._dialect = dialect

    @cached_property
    def sql(self) -> str:
        """The statement as the driver takes it."""
        return str(self._compiled)

    @cached_property
    def _constants(self) -> Mapping[str, Any]:
        return {name: value for name, value in self._compiled.params.items() if value is not None}

    @cached_property
    def _names(self) -> list[str] | None:
        return getattr(self._compiled, "positiontup", None)

    @cached_property
    def _compiled(self) -> Compiled:
        return self._statement.compile(dialect=self._dialect)

    def values(self, values: Mapping[str, Any]) -> Any:
        """Return parameters in the driver's style."""
        if self._constants:
            values = {**self._constants, **values}
        return values if self._names is None else tuple(map(values.__getitem__, self._names))

    def run(self, cursor: Cursor, values: Mapping[str, Any]) -> Cursor:
        """Execute on a cursor and return it."""
        cursor.execute(self.sql, self.values(values))
        return cursor


LARGEST: Final = 8_192
"""Values that one statement takes at most; every database takes that many."""

SIZES: Final = tuple(sorted({1, *(2 << power for power in range(12)), *(3 << power for power in range(12))}))
"""Rows that one statement takes: few sizes, so that few statements are kept, and little is filled up."""

VALUES_OF_AN_INSERT: Final = re.compile(r"(?<= VALUES )\(.*\)")
ITEMS_OF_AN_IN: Final = re.compile(r"(?<= IN \()[^()]+(?=\))")
"""What stands for one row in the text of a statement."""


KEPT_BY_PSYCOPG: Final = 50
"""Values up to which psycopg keeps a statement that it has parsed. A longer one is parsed anew each time: to send the
one for a single row once for each row, in one round trip, then costs a third of that (16 rows of 24 values)."""


class PreparedRows:
    """A statement for any number of rows, compiled when it is run first.

    of_one: the statement for one row.  row: finds what its text has for a row, which is repeated; all parameters
    belong to it.  width: values of a row.  end: what follows the statement.
    is_sent_many_times: whether the statement for one row is sent for each of several where the driver does so at once.
    fills_up: whether a statement may be given a row several times, so that fewer sizes of it are needed.
    """

    def __init__(
        self,
        of_one: ClauseElement,
        dialect: Dialect,
        *,
        row: re.Pattern[str],
        width: int,
        end: str = "",
        is_sent_many_times: bool = False,
        fills_up: bool = True,
    ) -> None:
        self._find_size = bisect_left if fills_up else _largest_within
        self._sends_many = is_sent_many_times and dialect.driver == "psycopg"
        self._of_one, self._dialect, self._pattern = of_one, dialect, row
        self._sizes = [size for size in SIZES if size * width <= LARGEST]
        self._width = width
        self._end = end
        self._statements: dict[int, str] = {}

    @property
    def sql(self) -> str:
        """The statement for one row as the driver takes it.  Raises ValueError if it takes more than the row."""
        return self._prepare(1)

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        """What is before the values of a row, the values of one, and what is after them."""
        compiled = self._of_one.compile(dialect=self._dialect)
        found = self._pattern.search(str(compiled))
        if found is None or len(compiled.params) != self._width:
            raise ValueError(f"a row is not all that the statement takes: {compiled}")
        return compiled.string[: found.start()], found[0], compiled.string[found.end() :] + self._end

    def run(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> int:
        """Execute on a cursor for all rows, and return how many of them changed something."""
        if self._sends_many and len(rows) * self._width > KEPT_BY_PSYCOPG:
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
        before, row, after = self._parts
        statement = self._statements[size] = before + ", ".join(size * [row]) + after
        return statement


def _largest_within(sizes: Sequence[int], left: int) -> int:
    """Return the place of the largest size that is not more than what is left."""
    return bisect_right(sizes, left) - 1


def insertion(table: Table, columns: Sequence[str], dialect: Dialect) -> PreparedRows:
    """Return the insertion of rows whose values are in the order of `columns`.

    A row that is there already, or given twice, changes nothing.
    """
    row = sql_insert(table).values({name: bindparam(name) for name in columns}).inline()  # inline: nothing is returned
    ordered = [column.name for column in table.columns if column.name in columns]
    if ordered != list(columns):
        raise ValueError(f"the columns of {table.name} are written in the order of the table: {ordered}")
    return PreparedRows(
        row,
        dialect,
        row=VALUES_OF_AN_INSERT,
        width=len(columns),
        end=" ON CONFLICT DO NOTHING",
        is_sent_many_times=True,
    )
