"""How many objects a store holds, for its metrics."""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen

from kmip_core.enums import ObjectType, State
from kmip_core.lifecycle import settle
from kmip_core.objects import ManagedObject

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
