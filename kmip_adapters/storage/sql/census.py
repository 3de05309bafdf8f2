"""The census of an SQL store: one pass over the rows, without their attributes."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Dialect, and_, bindparam, case, func, literal_column, select

from kmip_adapters.storage.census import DAY, EXPIRY_DAYS, LIVE, Backlog, Census, backlog_of
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.schema import managed_objects, submissions
from kmip_adapters.storage.sql.settled_state import settled_state
from kmip_core.enums import ObjectType, ProcessingStage, State
from kmip_core.subscriptions import Delivery


@cache
def statement(dialect: Dialect) -> Prepared:
    """Return what counts rows by type, state at `now`, and days until they are deactivated."""
    columns = managed_objects.c
    now = bindparam("now", type_=BigInteger)
    state = settled_state(columns, now)
    date = columns.deactivation_date
    terms = [
        func.sum(case((and_(date > now, date <= now + days * DAY), 1), else_=0)).label(f"within_{days}")
        for days in EXPIRY_DAYS
    ]
    return Prepared(
        select(columns.object_type, state.label("settled"), func.count().label("number"), *terms).group_by(
            columns.object_type,
            "settled",  # by its name: a database may not see that two texts with parameters are the same
        ),
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
    columns = submissions.c
    is_claimed = columns.claimed_until > bindparam("now", type_=BigInteger)
    claimed = case((is_claimed, literal_column("1")), else_=literal_column("0")).label("claimed")
    return Prepared(
        select(columns.has_ended, claimed, func.count())
        .where(columns.is_delivered == literal_column("0"))
        .group_by(columns.has_ended, "claimed"),
        dialect,
    )


def take_backlog(read: Callable[..., list[Any]], dialect: Dialect, deliveries: Iterable[Delivery], now: int) -> Backlog:
    """Count what waits.  read: as for `take_census`."""
    counts = dict.fromkeys(ProcessingStage, 0)
    for has_ended, is_claimed, count in read(stages(dialect), now=now):
        running = ProcessingStage.IN_PROCESS if is_claimed else ProcessingStage.SUBMITTED
        counts[ProcessingStage.COMPLETED if has_ended else running] += int(count)
    return backlog_of(counts, deliveries)
