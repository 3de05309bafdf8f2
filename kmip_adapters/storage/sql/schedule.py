"""What is due by dates, found by the partial indexes that `schema` declares for it."""

from collections.abc import Callable
from heapq import merge

from kmip_adapters.storage.sql.columns import ROTATES, TO_BE_ACTIVATED, TO_BE_DEACTIVATED
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Row
from kmip_adapters.storage.sql.prepared import Prepared, numbers
from kmip_core.lifecycle import WITHOUT_LIFE_CYCLE
from kmip_core.ports.schedule import Scheduled
from kmip_core.rotation_rules import ROTATED

Read = Callable[..., list[Row]]


class ScheduleStatements:
    """The statements of the schedule, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        def due(*conditions: str) -> Prepared:
            # "+ 0" keeps a planner from walking through the whole table in the order: few rows are due.
            return Prepared(
                f"""
                SELECT sequence, unique_identifier, owner FROM managed_objects
                WHERE {" AND ".join(conditions)} AND sequence > :after
                ORDER BY sequence + 0 LIMIT :rows
                """,
                dialect,
            )

        def within(date: str) -> str:
            return f"{date} > :after_time AND {date} <= :until AND object_type NOT IN ({numbers(WITHOUT_LIFE_CYCLE)})"

        self._rotated = due(
            ROTATES,
            "rotate_interval > 0",
            "initial_date <= :now - rotate_interval",
            f"object_type IN ({numbers(ROTATED)})",
        )
        self._activated = due(TO_BE_ACTIVATED, within("activation_date"))
        self._deactivated = due(TO_BE_DEACTIVATED, within("deactivation_date"))

    def due_for_rotation(self, read: Read, now: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return what is to be rotated."""
        return tuple(Scheduled(*row) for row in read(self._rotated, now=now, after=after, rows=limit))

    def state_changes(self, read: Read, after_time: int, until: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return whose state dates have changed; an object for which both dates have come stands once."""
        values = {"after_time": after_time, "until": until, "after": after, "rows": limit}
        rows = merge(read(self._activated, **values), read(self._deactivated, **values))
        found = dict.fromkeys(Scheduled(*row) for row in rows)
        return tuple(found)[:limit]
