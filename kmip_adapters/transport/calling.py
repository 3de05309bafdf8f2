"""Requests that the server sends to a client, on a connection whose roles are swapped.

The connection lives on the loop; the thread that delivers waits for one answer at a time. KMIP 2.1 §6.1.54.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from typing import Final, Protocol

from kmip_core.ports.transport import PeerLost
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion

CLOSED: Final = "the connection has ended"
SILENT: Final = "the client did not answer in time"


class Callee(Protocol):
    """What is needed of the connection, on the loop's thread."""

    def call(self, frame: bytes) -> None:
        """Send a request; what it brings goes to `SwappedPeer.answered`, or `lost`."""
        ...

    def abort(self) -> None:
        """End the connection at once."""
        ...


class SwappedPeer:
    """A `Peer` (kmip_core.ports.transport) over a connection on the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Callee,
        principal: Principal,
        version: ProtocolVersion,
    ) -> None:
        self.principal = principal
        self.version: ProtocolVersion | None = version
        self._loop = loop
        self._connection = connection
        self._waiting: Future[bytes] | None = None
        self._is_accepted: Callable[[bytes], bool] | None = None  # once the connection is to be given back
        self._is_over = False

    @property
    def is_open(self) -> bool:
        """Whether a request could be sent: the connection stands, and was not given back."""
        return not self._is_over

    # From the thread that delivers

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """Send a request and return the answer.  Raises PeerLost; the connection has ended then."""
        return self._exchange(frame, seconds, None)

    def give_back(self, frame: bytes, is_accepted: Callable[[bytes], bool], seconds: float) -> bytes:
        """Exchange; after an answer that is accepted the connection serves the client again."""
        return self._exchange(frame, seconds, is_accepted)

    def _exchange(self, frame: bytes, seconds: float, is_accepted: Callable[[bytes], bool] | None) -> bytes:
        future: Future[bytes] = Future()
        self._post(lambda: self._begin(frame, future, is_accepted))
        try:
            return future.result(seconds)
        except NoAnswer:
            self.close()
            raise PeerLost(SILENT) from None

    def close(self) -> None:
        """End the connection, unless it was given back."""
        self._post(self._end)

    # On the loop

    def answered(self, frame: bytes) -> bool:
        """Take an answer; returns False if none was due."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return False
        self._is_over = self._is_accepted is not None and self._is_accepted(frame)
        if not waiting.done():
            waiting.set_result(frame)
        return True

    def lost(self) -> None:
        """Note that the connection has ended."""
        self._is_over = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(PeerLost(CLOSED))

    def _end(self) -> None:
        if not self._is_over:
            self._connection.abort()

    def _begin(self, frame: bytes, future: "Future[bytes]", is_accepted: Callable[[bytes], bool] | None) -> None:
        if self._is_over or self._waiting is not None:
            future.set_exception(PeerLost(CLOSED))
            return
        self._waiting, self._is_accepted = future, is_accepted
        self._connection.call(frame)

    def _post(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop has ended, and the connection with it
            raise PeerLost(CLOSED) from None
