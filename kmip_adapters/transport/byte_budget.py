"""How many bytes connections may make the server hold, by identity and in all."""

from collections import Counter
from typing import Generic, TypeVar

H = TypeVar("H")


class ByteBudget(Generic[H]):
    """Bytes that holders (connections) have of one kind: answers not taken, or requests not complete.

    per_identity, in_all: bytes.
    """

    def __init__(self, per_identity: int, in_all: int) -> None:
        self._per_identity = per_identity
        self._in_all = in_all
        self._held: dict[str, dict[H, int]] = {}  # by identity; holders in the order in which they began
        self._of_identity: Counter[str] = Counter()
        self.total = 0

    def hold(self, identity: str, holder: H, count: int) -> None:
        """Note that a holder has `count` bytes now; 0 frees it."""
        holders = self._held.get(identity)
        if holders is None:
            if not count:
                return
            holders = self._held[identity] = {}
        change = count - holders.get(holder, 0)
        self.total += change
        self._of_identity[identity] += change
        if count:
            holders[holder] = count
        elif holders.pop(holder, None) is not None and not holders:
            del self._held[identity]
            del self._of_identity[identity]

    def is_spent_by(self, identity: str) -> bool:
        """Return whether an identity holds all that it may."""
        return identity in self._of_identity and self._of_identity[identity] >= self._per_identity

    def oldest_of_greatest(self) -> H | None:
        """Return who gives way if more is held than may be in all: the oldest holder of who holds most; else None."""
        if self.total <= self._in_all:
            return None
        return self.oldest_of(max(self._of_identity, key=self._of_identity.__getitem__))

    def oldest_of(self, identity: str) -> H | None:
        """Return the holder of an identity that began first."""
        return next(iter(self._held.get(identity, ())), None)
