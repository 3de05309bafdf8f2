"""Something that will be over once, and what is called then: a `Pending` (kmip_core.ports.steps) of any thread."""

import threading
from collections.abc import Callable


class Occasion:
    """Not over yet; `end` ends it, from any thread."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` once it is over; at once if it is."""
        with self._lock:
            if not self._over.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def wait(self) -> None:
        """Return when it is over."""
        self._over.wait()

    def end(self) -> None:
        """Call back, and let the threads go on that wait; the second time nothing happens."""
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
