"""What is due by dates, found by the partial indexes that `schema` declares for it."""

from collections.abc import Callable
from heapq import merge
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Dialect, bindparam, literal_column, select, text

from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.schema import ROTATES, TO_BE_ACTIVATED, TO_BE_DEACTIVATED, managed_objects
from kmip_core.lifecycle import WITHOUT_LIFE_CYCLE
from kmip_core.ports.schedule import Scheduled
from kmip_core.rotation_rules import ROTATED

Read = Callable[..., list[Row]]

_o: Final = managed_objects.c
# Written so, the order does not make a planner walk through the whole table in it: few rows are due.
_ORDER: Final[ColumnElement[Any]] = _o.sequence + literal_column("0")


class ScheduleStatements:
    """The statements of the schedule, compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        def due(where: str, *conditions: ColumnElement[bool]) -> Prepared:
            return Prepared(
                select(_o.sequence, _o.unique_identifier, _o.owner)
                .where(text(where), *conditions, _o.sequence > bindparam("after"))
                .order_by(_ORDER)
                .limit(bindparam("rows")),
                dialect,
            )

        def within(column: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
            return (
                column > bindparam("after_time", type_=BigInteger),
                column <= bindparam("until", type_=BigInteger),
                _o.object_type.not_in([literal_column(str(int(each))) for each in sorted(WITHOUT_LIFE_CYCLE)]),
            )

        now = bindparam("now", type_=BigInteger)
        self._rotated = due(
            ROTATES,
            _o.rotate_interval > literal_column("0"),
            _o.initial_date <= now - _o.rotate_interval,
            _o.object_type.in_([literal_column(str(int(each))) for each in sorted(ROTATED)]),
        )
        self._activated = due(TO_BE_ACTIVATED, *within(_o.activation_date))
        self._deactivated = due(TO_BE_DEACTIVATED, *within(_o.deactivation_date))

    def due_for_rotation(self, read: Read, now: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return what is to be rotated."""
        return tuple(Scheduled(*row) for row in read(self._rotated, now=now, after=after, rows=limit))

    def state_changes(self, read: Read, after_time: int, until: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return whose state dates have changed; an object for which both dates have come stands once."""
        values = {"after_time": after_time, "until": until, "after": after, "rows": limit}
        rows = merge(read(self._activated, **values), read(self._deactivated, **values))
        found = dict.fromkeys(Scheduled(*row) for row in rows)
        return tuple(found)[:limit]
