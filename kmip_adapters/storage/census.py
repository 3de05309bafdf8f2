"""How many objects a store holds, and how much work waits in it, for its metrics."""

from collections.abc import Iterable, Mapping
from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import ObjectType, ProcessingStage, State
from kmip_core.lifecycle import settle
from kmip_core.objects import ManagedObject
from kmip_core.submissions import Submission
from kmip_core.subscriptions import Delivery

EXPIRY_DAYS: Final = (1, 7, 30)
DAY: Final = 86_400  # seconds
LIVE: Final = (State.PRE_ACTIVE, State.ACTIVE)
"""The states of objects whose Deactivation Date is still to come."""


@frozen(kw_only=True)
class Census:
    """objects: how many by type and state, the state being None where the type has none.

    expiring: how many will be deactivated by their date within so many days; the longer terms include the shorter.
    """

    objects: Mapping[tuple[ObjectType, State | None], int]
    expiring: Mapping[int, int]


def census_of(objects: Iterable[ManagedObject], now: int) -> Census:
    """Count objects one by one; `now` in seconds since 1970-01-01 UTC."""
    counts: dict[tuple[ObjectType, State | None], int] = {}
    expiring = dict.fromkeys(EXPIRY_DAYS, 0)
    for stored in objects:
        found = settle(stored.attributes, now)
        key = (stored.object_type, found.state)
        counts[key] = counts.get(key, 0) + 1
        date = found.deactivation_date
        if date is not None and found.state in LIVE:
            for days in EXPIRY_DAYS:
                expiring[days] += now < date <= now + days * DAY
    return Census(objects=counts, expiring=expiring)


@frozen(kw_only=True)
class Backlog:
    """What waits in a store.

    submissions: batch items that are answered later and whose outcome was not fetched, by their stage.
    notices: those that wait for a client.  retried: of them, those for clients that could not be reached.
    clients: those that are sent Notify and Put.  unreachable: of them, those that could not be reached at last.
    """

    submissions: Mapping[ProcessingStage, int]
    notices: int = 0
    retried: int = 0
    clients: int = 0
    unreachable: int = 0


def stages_of(submissions: Iterable[Submission], now: int) -> dict[ProcessingStage, int]:
    """Count submissions one by one."""
    counts = dict.fromkeys(ProcessingStage, 0)
    for one in submissions:
        if not one.is_delivered:
            counts[one.stage(now)] += 1
    return counts


def backlog_of(stages: Mapping[ProcessingStage, int], deliveries: Iterable[Delivery]) -> Backlog:
    """Return what waits, by the stages of submissions and how far deliveries are."""
    notices = retried = clients = unreachable = 0
    for one in deliveries:
        clients, notices = clients + 1, notices + one.pending
        if one.attempts:
            unreachable, retried = unreachable + 1, retried + one.pending
    return Backlog(submissions=stages, notices=notices, retried=retried, clients=clients, unreachable=unreachable)
