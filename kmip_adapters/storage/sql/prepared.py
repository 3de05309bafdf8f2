"""Statements compiled once and run on the driver's own cursors, which cost a tenth of SQLAlchemy's execution."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Dialect
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
