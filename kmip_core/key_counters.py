"""What this process remembers of keys in use: encryptions that may still be made, and decryptions that failed.

Both are bounded in number; what is forgotten costs a commit, or a moment's patience, and no safety.
"""

from typing import Final

from attrs import field

from kmip_core.classes import define

MAXIMUM_KEYS: Final = 100_000
FREE_FAILURES: Final = 8
"""Failed decryptions under a key that are answered at once: a client with a wrong key gives up before."""

SLOWING: Final = 5  # milliseconds more for each further failure
MAXIMUM_DELAY: Final = 250  # milliseconds
HALVED_AFTER: Final = 60  # seconds in which a count of failures falls to its half


@define
class EncryptionCounts:
    """How many encryptions of each key have been counted in the store and not been made yet."""

    _left: dict[str, int] = field(factory=dict, init=False, repr=False)

    def take(self, key: str) -> bool:
        """Take one, if there is one."""
        left = self._left.get(key, 0)
        if left:
            self._left[key] = left - 1
        return left > 0

    def add(self, key: str, number: int) -> None:
        """Add encryptions that the store has counted."""
        if key not in self._left and len(self._left) >= MAXIMUM_KEYS:
            self._left.pop(next(iter(self._left)), None)
        self._left[key] = self._left.get(key, 0) + number


@define
class DecryptionFailures:
    """Failed decryptions by key: an attacker who uses the server as a padding oracle has to fail thousands of times."""

    _noted: dict[str, tuple[float, int]] = field(factory=dict, init=False, repr=False)  # key -> number, at

    def note(self, key: str, now: int) -> int:
        """Count a failure and return for how many milliseconds its answer is to be delayed."""
        number, at = self._noted.pop(key, (0.0, now))
        number = number / 2 ** ((now - at) / HALVED_AFTER) + 1
        if len(self._noted) >= MAXIMUM_KEYS:
            self._noted.pop(next(iter(self._noted)), None)
        self._noted[key] = number, now
        return max(0, min(MAXIMUM_DELAY, int(SLOWING * (number - FREE_FAILURES))))
