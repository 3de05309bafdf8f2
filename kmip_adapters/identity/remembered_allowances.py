"""Allowances in the memory of one process; a restart makes them whole."""

import threading
from collections import OrderedDict
from typing import Final

from kmip_core.ports.allowances import Charge

REMEMBERED: Final = 16_384
"""Allowances that are kept at once, some 4 MiB.  The least recently used is dropped first: an attacker who wants one
dropped needs more of them than that gains tries, and no other client is refused for it."""


class RememberedAllowances:
    """An `Allowances`. Re-entrant; never blocks."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._whole_at: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def left(self, charges: tuple[Charge, ...], now: int) -> int:
        """Return how many tries are left."""
        with self._lock:
            return self._left(charges, now)

    def spend(self, charges: tuple[Charge, ...], now: int) -> int | None:
        """Take one try of each."""
        with self._lock:
            if self._left(charges, now) == 0:
                return None
            for charge in charges:
                self._keep(charge.key, charge.taken(self._whole_at.get(charge.key, now), now), now)
            return self._left(charges, now)

    def refund(self, charges: tuple[Charge, ...], now: int) -> None:
        """Put one try back into each."""
        with self._lock:
            for charge in charges:
                self._keep(charge.key, self._whole_at.get(charge.key, now) - charge.milliseconds, now)

    def _left(self, charges: tuple[Charge, ...], now: int) -> int:
        return min(charge.left(self._whole_at.get(charge.key, now), now) for charge in charges)

    def _keep(self, key: str, whole_at: int, now: int) -> None:
        self._whole_at.pop(key, None)
        if whole_at > now:
            self._whole_at[key] = whole_at
        if len(self._whole_at) > self._remembered:
            self._whole_at.popitem(last=False)
