"""One worker as the supervisor sees it: its process, and a channel over which the two talk.

The channel is a pair of sockets that no other process has. If the supervisor is gone the worker finds its end closed,
finishes its requests and ends; so does the supervisor find out that a worker is gone, whatever has ended it.
"""

import itertools
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

from kmip_app.workers.messages import Answer, Order, Pulse, Request

LOG: Final = logging.getLogger("kmip_app")

CONTEXT: Final = get_context("forkserver")
"""Workers are copies of a process that has imported everything and opened nothing: they start at once and share memory.

The supervisor itself has threads, and a copy of it would have their locks (ADR 0191).
"""

CONTEXT.set_forkserver_preload(["kmip_app.workers.nursery"])


def serve(
    order: Order, channel: Connection, listening: Mapping[str, Sequence[socket.socket]], lock: Connection
) -> None:
    """Be a worker; in its process."""
    from kmip_app.workers.worker import run

    raise SystemExit(run(order, channel, listening, lock))


class WorkerProcess:
    """The process of a worker, from its start to its end.

    note: called in a thread of its own with each message that is no answer, and with None at the end.
    """

    def __init__(
        self,
        order: Order,
        listening: Mapping[str, Sequence[socket.socket]],
        lock: Connection,
        note: "Callable[[WorkerProcess, Any], None]",
    ) -> None:
        """Start it.  Raises OSError.

        listening: sockets by what they are for.  lock: the descriptor of the data directory's lock.
        """
        self.number = order.configuration.worker or 0
        self.begun = self.pulse_at = time.monotonic()
        self.lag = 0.0
        self.is_ready = False
        self._note = note
        self._numbers = itertools.count()
        self._pending: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._is_over = False
        ours, theirs = CONTEXT.Pipe()
        self._channel: Connection = ours
        self._process = CONTEXT.Process(
            target=serve, args=(order, theirs, listening, lock), name=f"worker {self.number}"
        )
        try:
            self._process.start()
        finally:
            theirs.close()
        threading.Thread(target=self._listen, name=f"kmip-worker-{self.number}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid or 0

    @property
    def silent(self) -> float:
        """For how many seconds it has not shown that its event loop turns."""
        return max(self.lag, time.monotonic() - self.pulse_at)

    def tell(self, name: str, *arguments: Any) -> "Future[Any]":
        """Have the worker do something; the future has its answer, or ConnectionError if it ends before."""
        future: Future[Any] = Future()
        with self._lock:
            number = next(self._numbers)
            if not self._is_over:
                self._pending[number] = future
                try:
                    self._channel.send(Request(number, name, arguments))
                except OSError:  # it is ending: the listening thread finds that too
                    del self._pending[number]
                else:
                    return future
        future.set_exception(ConnectionError(f"worker {self.number} has ended"))
        return future

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, seconds: float | None = None) -> int:
        """Return its exit code, negative for a signal.  Raises TimeoutError."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"worker {self.number} has not ended")
        return int(code)

    def _listen(self) -> None:
        while True:
            try:
                message = self._channel.recv()
            except (EOFError, OSError):
                break
            if isinstance(message, Answer):
                with self._lock:
                    future = self._pending.pop(message.number, None)
                if future is not None:
                    future.set_result(message.value)
            else:
                if isinstance(message, Pulse):
                    self.lag, self.pulse_at = message.lag, time.monotonic()
                self._note(self, message)
        with self._lock:
            self._is_over = True
            pending, self._pending = list(self._pending.values()), {}
        for future in pending:
            future.set_exception(ConnectionError(f"worker {self.number} has ended"))
        self._channel.close()
        self._note(self, None)
