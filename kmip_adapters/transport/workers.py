"""Threads that run work off the event loop."""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """A pool of at most `size` daemon threads, started when first needed.

    Leaner than concurrent.futures: nobody waits on a result here, and a thread that hangs in a commit or a
    token must not keep the process from ending. The queue has no bound of its own: whoever submits looks at
    `pending`.
    """

    def __init__(self, name: str, size: int) -> None:
        self.pending = 0  # submitted and not finished
        self._name = name
        self._size = size
        self._queue: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._counting = threading.Lock()

    def submit(self, work: Callable[[], object]) -> None:
        """Queue `work`, which must not raise."""
        with self._counting:
            self.pending += 1
            if len(self._threads) < min(self.pending, self._size):
                name = f"{self._name}-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()
        self._queue.put(work)

    def close(self) -> None:
        """Let every thread end after the work that was queued before; does not wait for them."""
        for _ in self._threads:
            self._queue.put(None)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            del work  # its answer and key bytes are not kept while the thread waits
            with self._counting:
                self.pending -= 1
