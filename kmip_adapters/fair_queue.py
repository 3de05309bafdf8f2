"""Queues that no single identity can fill for the others: identities take turns, and share out the places of a pool."""

from collections import Counter, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class RotatingQueue(Generic[T]):
    """First in, first out for each key; the keys take turns.

    count: how many items wait; a field, for every change looks at it several times.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, deque[T]] = {}  # in the order of their turns
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def put(self, key: str, item: T) -> None:
        """Add an item."""
        self.count += 1
        waiting = self._by_key.get(key)
        if waiting is None:
            self._by_key[key] = deque((item,))
        else:
            waiting.append(item)

    def take(self) -> T:
        """Remove and return the oldest item of the key whose turn it is.  Raises LookupError if there is none."""
        for key in self._by_key:
            return self.take_of(key)
        raise LookupError("nothing waits")

    def take_of(self, key: str) -> T:
        """Remove and return the oldest item of `key`, whose turn is then over."""
        waiting = self._by_key.pop(key)
        item = waiting.popleft()
        self.count -= 1
        if waiting:
            self._by_key[key] = waiting  # behind the others
        return item

    def keys(self) -> tuple[str, ...]:
        """Return the keys that wait, in the order of their turns."""
        return tuple(self._by_key)

    def holds(self, key: str, item: T) -> bool:
        """Return whether an item of `key` waits."""
        return item in self._by_key.get(key, ())

    def count_of(self, key: str) -> int:
        """Return how many items of `key` wait."""
        return len(self._by_key.get(key, ()))


class FairPool(Generic[T]):
    """Work that waits for one of `places`, by identity; not safe for threads by itself.

    While others wait, an identity has a quarter of the places at most; alone it may have all but `reserve`, so that
    the next client need not wait for work of another client to end.
    """

    def __init__(self, places: int, *, reserve: int = 0) -> None:
        self._places = places
        self._alone = max(1, places - reserve)
        self._share = max(1, places // 4)
        self._waiting: RotatingQueue[T] = RotatingQueue()
        self._running: Counter[str] = Counter()
        self.running = 0

    @property
    def waiting(self) -> int:
        """How much work waits for a place."""
        return len(self._waiting)

    def waiting_of(self, key: str) -> int:
        """Return how much work of one identity waits."""
        return self._waiting.count_of(key)

    def running_of(self, key: str) -> int:
        """Return how many places one identity has."""
        return self._running.get(key, 0)

    def put(self, key: str, item: T) -> None:
        """Add work of an identity; `take` says when it has a place."""
        self._waiting.put(key, item)

    def begin(self, key: str) -> bool:
        """Give work of an identity a place at once, as `put` and `take` would; False if it has to be put."""
        if self._waiting.count or self.running >= self._places:
            return False
        running = self._running.get(key, 0)
        if running >= self._share and running >= self._alone:
            return False
        self._running[key] = running + 1
        self.running += 1
        return True

    def take(self) -> tuple[str, T] | None:
        """Give the next work a place and return it with its identity; None if nothing waits or nothing may begin."""
        if not self._waiting.count or self.running >= self._places:
            return None
        key = self._choose()
        if key is None:
            return None
        self._running[key] += 1
        self.running += 1
        return key, self._waiting.take_of(key)

    def give_back(self, key: str) -> None:
        """Free the place of an identity's work that has ended."""
        self.running -= 1
        running = self._running[key] - 1
        if running:
            self._running[key] = running
        else:
            del self._running[key]

    def _choose(self) -> str | None:
        """Return who is next: below its share, in turn; else who has least, if it leaves the reserve."""
        keys = self._waiting.keys()
        for key in keys:
            if self.running_of(key) < self._share:
                return key
        key = min(keys, key=self.running_of)
        return key if self.running_of(key) < self._alone else None
