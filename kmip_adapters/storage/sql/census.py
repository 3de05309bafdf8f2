"""The census of an SQL store: one pass over the rows, without their attributes."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from kmip_adapters.storage.census import DAY, EXPIRY_DAYS, LIVE, Backlog, Census, backlog_of
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.settled_state import settled_state
from kmip_core.enums import ObjectType, ProcessingStage, State
from kmip_core.subscriptions import Delivery


@cache
def statement(dialect: Dialect) -> Prepared:
    """Return what counts rows by type, state at `now`, and days until they are deactivated."""
    expiring = ", ".join(
        f"sum(CASE WHEN deactivation_date > :now AND deactivation_date <= :now + {days * DAY} THEN 1 ELSE 0 END)"
        for days in EXPIRY_DAYS
    )
    # Grouped by its name: a database may not see that two texts with parameters are the same.
    return Prepared(
        f"""
        SELECT object_type, {settled_state()} AS settled, count(*), {expiring}
        FROM managed_objects GROUP BY object_type, settled
        """,
        dialect,
    )


def take_census(read: Callable[..., list[Any]], dialect: Dialect, now: int) -> Census:
    """Count all objects.  read: runs a statement, as `SqlStorage.read` does."""
    objects: dict[tuple[ObjectType, State | None], int] = {}
    expiring = dict.fromkeys(EXPIRY_DAYS, 0)
    for object_type, number, count, *terms in read(statement(dialect), now=now):
        state = State(number) if number else None
        objects[ObjectType(object_type), state] = int(count)
        if state in LIVE:
            for days, found in zip(EXPIRY_DAYS, terms, strict=True):
                expiring[days] += int(found or 0)
    return Census(objects=objects, expiring=expiring)


@cache
def stages(dialect: Dialect) -> Prepared:
    """Return what counts the submissions whose outcome was not fetched, by whether they have ended or are claimed."""
    return Prepared(
        """
        SELECT has_ended, CASE WHEN claimed_until > :now THEN 1 ELSE 0 END AS claimed, count(*)
        FROM submissions WHERE is_delivered = 0 GROUP BY has_ended, claimed
        """,
        dialect,
    )


def take_backlog(read: Callable[..., list[Any]], dialect: Dialect, deliveries: Iterable[Delivery], now: int) -> Backlog:
    """Count what waits.  read: as for `take_census`."""
    counts = dict.fromkeys(ProcessingStage, 0)
    for has_ended, is_claimed, count in read(stages(dialect), now=now):
        running = ProcessingStage.IN_PROCESS if is_claimed else ProcessingStage.SUBMITTED
        counts[ProcessingStage.COMPLETED if has_ended else running] += int(count)
    return backlog_of(counts, deliveries)
