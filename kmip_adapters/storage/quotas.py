"""How much of a store one owner may fill: the objects that it has, and their bytes as they are stored."""

from collections.abc import Callable
from typing import Final, Self

from attrs import field, validators

from kmip_core.classes import frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.makers import maker_of

GIB: Final = 1024 * 1024 * 1024

RESERVE: Final = 0.1
"""Part of its quota of bytes that an owner may go beyond it by changes of objects it has: a full quota must not keep a
client from reading a key, whose record may grow by that, or from the small changes that lead out of it."""


@frozen(kw_only=True)
class Quota:
    """What one owner may have in the store.

    objects: with those that are destroyed, whose attributes stay.  stored_bytes: of attributes and sealed contents.
    """

    objects: float = field(default=10_000_000, validator=validators.gt(0))
    stored_bytes: float = field(default=32 * GIB, validator=validators.gt(0))


QuotaOf = Callable[[str], Quota]
"""Looks up the quota of an owner; must not block."""


@frozen
class Holdings:
    """Objects of one owner, and their bytes; or by how much a change changes them."""

    objects: int = 0
    stored_bytes: int = 0

    def __add__(self, more: Self) -> "Holdings":
        return Holdings(self.objects + more.objects, self.stored_bytes + more.stored_bytes)

    def __bool__(self) -> bool:
        return self.objects != 0 or self.stored_bytes != 0


NOTHING: Final = Holdings()


@frozen
class Growth:
    """What one unit of work adds to the holdings of one owner.

    is_bound: False if the quota of bytes does not matter, because each changed object only comes into another state:
    revoking and destroying are never refused for want of room.
    """

    holdings: Holdings = NOTHING
    is_bound: bool = False

    @staticmethod
    def of_write(more: Holdings, *, changes_state: bool) -> "Growth":
        """Return that of one write.  changes_state: whether an object that was there comes into another state."""
        return _make_growth(more, more.stored_bytes > 0 and not changes_state)

    def with_write(self, more: Holdings, *, changes_state: bool) -> "Growth":
        """Return it with one more write."""
        return Growth(self.holdings + more, self.is_bound or (more.stored_bytes > 0 and not changes_state))


_make_growth: Final = maker_of(Growth)


def refusal(held: Holdings, growth: Growth, quota: Quota) -> KmipError | None:
    """Return why an owner that has `held` may not have more, None if it may.

    A quota that was lowered below what an owner has refuses what adds to it, and nothing else.
    """
    after = held + growth.holdings
    adds_objects = growth.holdings.objects > 0
    if adds_objects and after.objects > quota.objects:
        return _limit_exceeded(f"the owner has {held.objects:,} objects of {quota.objects:,.0f} that it may have")
    most = quota.stored_bytes if adds_objects else quota.stored_bytes * (1 + RESERVE)
    if growth.is_bound and growth.holdings.stored_bytes > 0 and after.stored_bytes > most:
        used = f"{held.stored_bytes:,} bytes of {quota.stored_bytes:,.0f}"
        return _limit_exceeded(f"the objects of the owner take {used} that they may take")
    return None


def _limit_exceeded(message: str) -> KmipError:
    return KmipError(ResultReason.SERVER_LIMIT_EXCEEDED, message)
