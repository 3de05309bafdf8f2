"""Allowances that grow back with time: what bounds how often something may be tried.

An allowance is one number under a key: the instant at which it will be whole again. Nothing has to run for it to grow.
"""

from typing import Protocol

from kmip_core.classes import frozen


@frozen
class Charge:
    """What one try takes.  Times are milliseconds since 1970-01-01 UTC, or of any clock that all who count share.

    key: whose allowance; at most 64 characters.  at_once: tries that a whole allowance has.
    milliseconds: in which one of them grows back.
    """

    key: str
    at_once: int
    milliseconds: int

    def left(self, whole_at: int, now: int) -> int:
        """Return how many tries are left of an allowance that is whole again at `whole_at`."""
        return self.at_once - min(self.at_once, -(-self._missing(whole_at, now) // self.milliseconds))

    def taken(self, whole_at: int, now: int) -> int:
        """Return when the allowance is whole again after one more try."""
        return now + self._missing(whole_at, now) + self.milliseconds

    def _missing(self, whole_at: int, now: int) -> int:
        """Return the milliseconds until it is whole; 0 for more than tries can have taken: a clock was set back."""
        missing = max(0, whole_at - now)
        return missing if missing <= 2 * self.at_once * self.milliseconds else 0


class Allowances(Protocol):
    """Allowances by key; one that was never charged, or has been forgotten, is whole. Re-entrant; may block."""

    def left(self, charges: tuple[Charge, ...], now: int) -> int:
        """Return how many tries are left of the allowance that has fewest.  Raises KmipError if that is not known."""
        ...

    def spend(self, charges: tuple[Charge, ...], now: int) -> int | None:
        """Take one try of each allowance, at once; of none where one has none left, and return None then.

        Otherwise returns how many are left of the one that has fewest. Of many that ask at once no more succeed than
        were left.  Raises KmipError if it cannot be counted.
        """
        ...

    def refund(self, charges: tuple[Charge, ...], now: int) -> None:
        """Put one try back into each.  Raises KmipError if it cannot be counted."""
        ...
