"""Whose turn it is on the event loop: handshakes first, then requests, a few milliseconds of each, then the others.

asyncio and uvloop call every connection that has bytes, one after another. Without a bound, a hundred clients that
pipeline would keep a new client waiting until each of them has been served. Here a turn of the loop serves requests for
`REQUESTS_SECONDS` at most; the connections that come later in it are queued, and those that wait for their first
request go before those that have had one and have more. Within a queue identities (of handshakes: addresses) rotate.
"""

import asyncio
import time
from typing import Final, Protocol

from kmip_adapters.fair_queue import RotatingQueue

HANDSHAKES_SECONDS: Final = 0.005  # of a turn, for handshakes that had to wait
REQUESTS_SECONDS: Final = 0.010  # of a turn, for requests
BACKLOG_SECONDS: Final = 0.005  # of these, for clients that have been served and have more


class Turn(Protocol):
    """A connection that waits for its turn."""

    @property
    def identity(self) -> str:
        """Whose requests these are, or whence they come."""
        ...

    def take_turn(self) -> None:
        """Go on: at most one request, one piece of an answer or one step of a handshake."""
        ...


class Turns:
    """The turns of one loop; touched on its thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handshakes: RotatingQueue[Turn] = RotatingQueue()
        self._first: RotatingQueue[Turn] = RotatingQueue()
        self._backlog: RotatingQueue[Turn] = RotatingQueue()
        self._window = 0.0  # when the present window of time began
        self.latest = 0.0  # when work was last done in it
        self._is_scheduled = False

    def has_time(self) -> bool:
        """Return whether work that has just arrived may be done now; otherwise it must be queued.

        Costs no visit of the loop: a window of time that is used up only makes one arrival wait for the next turn.
        """
        now = time.perf_counter()
        if now - self.latest > 0.001:  # the loop has slept meanwhile
            if self._is_scheduled:
                return False
            self._window = now
        self.latest = now
        return now - self._window < REQUESTS_SECONDS

    def queue_handshake(self, turn: Turn) -> None:
        """Have a handshake gone on with in the next turn of the loop."""
        self._handshakes.put(turn.identity, turn)
        self._schedule()

    def queue(self, turn: Turn, *, is_backlog: bool) -> None:
        """Have a connection served in a later turn of the loop.

        is_backlog: it has been served and has more.
        """
        (self._backlog if is_backlog else self._first).put(turn.identity, turn)
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._is_scheduled = False
        self._window = began = time.perf_counter()
        self.latest = began
        while self._handshakes:
            self._handshakes.take().take_turn()
            if time.perf_counter() - began > HANDSHAKES_SECONDS:
                break
        began = time.perf_counter()
        for queue, seconds in ((self._first, REQUESTS_SECONDS), (self._backlog, BACKLOG_SECONDS)):
            # One round at most: what is queued meanwhile belongs to the next turn, even if nothing else waits.
            for _ in range(len(queue)):
                if time.perf_counter() - began > seconds:
                    break
                queue.take().take_turn()
        self.latest = time.perf_counter()
        if self._handshakes or self._first or self._backlog:
            self._schedule()
