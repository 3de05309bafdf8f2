"""Short answers wait for each other: those of a turn of the loop are encrypted and sent together at its end.

Sending goes far into the kernel and wakes clients; after it the processor has to fetch our code and data anew. Between
two requests that cost the second one half of its time (docs/adr/0340-send-the-answers-of-a-turn-together.md).
"""

import asyncio
import logging
from typing import Final, Protocol

LOG: Final = logging.getLogger("kmipd.transport")

LONGEST: Final = 16_384  # bytes of an answer that waits: one TLS record; longer ones are sent at once
MOST: Final = 32  # answers that wait for each other: then clients can begin with their next requests


class Sender(Protocol):
    """What keeps an answer: the sending side of a connection."""

    def send_kept(self) -> None:
        """Send the answer that is kept, if it is there still."""
        ...

    def abort(self) -> None:
        """End the connection at once."""
        ...


class SendQueue:
    """The answers of one loop that wait for the end of its turn; touched on its thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Sender] = []

    def put(self, sender: Sender) -> None:
        """Have what a sender keeps sent when the turn ends, or as soon as enough wait."""
        if not self._waiting:
            self._loop.call_soon(self.send_all)  # after all arrivals of this turn, before the loop looks for new ones
        self._waiting.append(sender)
        if len(self._waiting) >= MOST:
            self.send_all()

    def send_all(self) -> None:
        """Send what waits."""
        waiting, self._waiting = self._waiting, []
        for sender in waiting:
            try:
                sender.send_kept()
            except Exception:  # of one connection; the others get their answers
                LOG.exception("an answer could not be sent")
                sender.abort()
