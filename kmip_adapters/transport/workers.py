"""Threads that run work off the event loop, shared out fairly between identities."""

import threading
from collections.abc import Callable

from kmip_adapters.fair_queue import FairPool


class Workers:
    """A pool of at most `size` daemon threads, started when first needed.

    Leaner than concurrent.futures: nothing waits on a result here, and a thread that hangs in a commit or a
    token must not keep the process from ending. The queue has no bound of its own: the caller looks at `pending` first.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._pool: FairPool[Callable[[], object]] = FairPool(size, reserve=size // 4)
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._is_closing = False

    @property
    def queued(self) -> int:
        """How much work waits for a thread."""
        return self._pool.waiting

    @property
    def running(self) -> int:
        """How many threads work."""
        return self._pool.running

    @property
    def pending(self) -> int:
        """How much work was submitted and has not ended."""
        return self._pool.waiting + self._pool.running

    def pending_of(self, key: str) -> int:
        """Return how much work of one identity was submitted and has not ended."""
        with self._changed:
            return self._pool.waiting_of(key) + self._pool.running_of(key)

    def submit(self, key: str, work: Callable[[], object]) -> None:
        """Queue `work` of the identity `key`; it must not raise."""
        with self._changed:
            self._pool.put(key, work)
            if len(self._threads) < min(self.pending, self._size):
                name = f"{self._name}-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()
            else:
                self._changed.notify()

    def close(self) -> None:
        """Let every thread end after the work that was queued before; does not wait for them."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            key, work = taken
            work()
            del taken, work  # its answer and key bytes are not kept while the thread waits
            with self._changed:
                self._pool.give_back(key)

    def _take(self) -> tuple[str, Callable[[], object]] | None:
        with self._changed:
            while (taken := self._pool.take()) is None:
                if self._is_closing and not self._pool.waiting:
                    return None
                self._changed.wait()
            return taken
