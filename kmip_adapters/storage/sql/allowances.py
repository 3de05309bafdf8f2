"""Allowances as facts of the database. The writer's transaction keeps other processes out while they are changed.

A value is the time at which the allowance is whole, in milliseconds, of twenty digits, so that it compares as text.
Whoever can write the database can make allowances whole; that gains guesses, and nothing else.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.fact_statements import FactStatements
from kmip_adapters.storage.sql.prepared import Prepared, statements_for
from kmip_core.classes import frozen
from kmip_core.ports.allowances import Charge

PREFIX: Final = "allowance:"
_AFTER: Final = "allowance;"  # comes after all names with the prefix


class AllowanceStatements:
    """The statements about allowances, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        self.of_one = statements_for(dialect, FactStatements)
        self._forget_whole = Prepared(
            "DELETE FROM facts WHERE name > :prefix AND name < :after AND value < :now", dialect
        )

    def spend(self, cursor: Cursor, *, charges: tuple[Charge, ...], now: int) -> int | None:
        """Take one try of each inside a transaction, and forget what is whole."""
        self._forget_whole.run(cursor, {"prefix": PREFIX, "after": _AFTER, "now": _text(now)})
        found = [self._whole_at(cursor, charge) for charge in charges]
        if not all(charge.left(found_at or now, now) for charge, found_at in zip(charges, found, strict=True)):
            return None
        left = []
        for charge, found_at in zip(charges, found, strict=True):
            whole_at = charge.taken(found_at or now, now)
            self._keep(cursor, charge, found_at, whole_at)
            left.append(charge.left(whole_at, now))
        return min(left)

    def refund(self, cursor: Cursor, *, charges: tuple[Charge, ...]) -> None:
        """Put one try back into each inside a transaction."""
        for charge in charges:
            found_at = self._whole_at(cursor, charge)
            if found_at is not None:  # else it is whole by now
                self._keep(cursor, charge, found_at, found_at - charge.milliseconds)

    def _whole_at(self, cursor: Cursor, charge: Charge) -> int | None:
        row = self.of_one.find.run(cursor, {"name": name_of(charge)}).fetchone()
        return None if row is None else whole_at_of(row[0])

    def _keep(self, cursor: Cursor, charge: Charge, found_at: int | None, whole_at: int) -> None:
        if found_at is None:
            self.of_one.add.run(cursor, {"name": name_of(charge), "value": _text(whole_at)})
        else:
            self.of_one.change.run(cursor, {"of_name": name_of(charge), "value": _text(whole_at)})


def name_of(charge: Charge) -> str:
    """Return the name of the fact."""
    return f"{PREFIX}{charge.key}"


def whole_at_of(value: str) -> int:
    """Return the time in a fact; 0, which is a whole allowance, for a value that none has written."""
    return int(value) if value.isdecimal() and len(value) == 20 else 0


def _text(instant: int) -> str:
    return f"{max(instant, 0):020}"


class Submit(Protocol):
    """What has a task write durably, and returns what it returned."""

    def __call__(self, task: Callable[[Cursor], int | None]) -> int | None: ...


@frozen
class StoredAllowances:
    """An `Allowances` that all processes on one database share; waits for commits."""

    statements: AllowanceStatements
    read: Callable[..., list[Row]]
    submit: Submit

    def left(self, charges: tuple[Charge, ...], now: int) -> int:
        """Return how many tries are left; reads one row for each."""
        return min(charge.left(self._whole_at(charge), now) for charge in charges)

    def spend(self, charges: tuple[Charge, ...], now: int) -> int | None:
        """Take one try of each, durably."""
        return self.submit(partial(self.statements.spend, charges=charges, now=now))

    def refund(self, charges: tuple[Charge, ...], now: int) -> None:
        """Put one try back into each, durably."""
        self.submit(partial(self.statements.refund, charges=charges))

    def _whole_at(self, charge: Charge) -> int:
        rows = self.read(self.statements.of_one.find, name=name_of(charge))
        return whole_at_of(rows[0][0]) if rows else 0
