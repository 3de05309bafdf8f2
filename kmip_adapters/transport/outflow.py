"""What goes to the client: answers are encrypted piece by piece, and what it does not read is held back."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.send_queue import LONGEST, SendQueue

PIECE: Final = 262_144  # bytes of a long answer that are encrypted before others have their turn; a millisecond or two
PROGRESS: Final = 65_536  # bytes that a slow client must take each `write_stalled` seconds, or all of it,
SHARE: Final = (
    8  # or the eighth part of what it has been owed at first: so no answer takes longer than eight times that
)

_NOTHING: Final = memoryview(b"")


class Outflow:
    """The sending side of one connection: a `Sender`.

    kept: an answer that waits for the end of the turn; else empty.
    """

    __slots__ = ("_counters", "_outgoing", "_owed", "_owed_first", "_queue", "_rest", "_tls", "_transport", "kept")

    def __init__(
        self,
        tls: ssl.SSLObject,
        outgoing: ssl.MemoryBIO,
        transport: asyncio.Transport,
        counters: TransportCounters,
        queue: SendQueue,
    ) -> None:
        self._tls = tls
        self._outgoing = outgoing
        self._transport = transport
        self._counters = counters
        self._queue = queue
        self.kept = b""
        self._rest = _NOTHING  # of an answer, not encrypted yet
        self._owed = self._owed_first = 0  # bytes, when progress was judged last, and when the answer began to wait

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken, as far as this process holds them."""
        return self._transport.get_write_buffer_size() + len(self._rest)

    @property
    def has_rest(self) -> bool:
        """Whether part of an answer is not encrypted yet."""
        return bool(self._rest)

    def send_soon(self, answer: bytes) -> bool:
        """Send an answer as `send` does, a short one together with the others of this turn."""
        if self.kept or len(answer) > LONGEST:
            return self.send(answer)
        self.kept = answer
        self._queue.put(self)
        return True

    def send_kept(self) -> None:
        """Send the answer that waits for the end of the turn, if one does."""
        if self.kept:
            kept, self.kept = self.kept, b""
            self._encrypt(kept)

    def send(self, answer: bytes) -> bool:
        """Send an answer by one write, so as one record up to 16 KiB: some clients read it by two reads.

        Returns False if it is a long one, of which only the first piece was sent: `send_piece` sends the next.
        """
        if self.kept:
            self.send_kept()
        if len(answer) <= PIECE:
            self._encrypt(answer)
            return True
        self._rest = memoryview(answer)
        self.send_piece()
        return False

    def send_piece(self) -> None:
        """Send the next piece of a long answer; what the client does not take yet is not encrypted either."""
        piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
        self._encrypt(piece)

    def flush(self) -> None:
        """Send what TLS itself has to say: handshake messages, tickets, alerts."""
        if self._outgoing.pending:
            self._write(self._outgoing.read())

    def say_goodbye(self) -> None:
        """Send close_notify."""
        self.send_kept()
        with suppress(ssl.SSLError):  # it wants the client's close_notify, for which we do not wait
            self._tls.unwrap()
        self.flush()

    def abort(self) -> None:
        """End the connection at once; what waits is not sent."""
        self.kept, self._rest = b"", _NOTHING
        self._transport.abort()

    def begin_waiting(self) -> None:
        """Note what the client is owed, to judge by `has_progressed`."""
        self._owed = self._owed_first = self.unsent

    def has_progressed(self) -> bool:
        """Return whether the client has taken its due since this was asked last."""
        due = min(self._owed, max(PROGRESS, self._owed_first // SHARE))
        is_enough = self._owed - self.unsent >= due
        self._owed = self.unsent
        return is_enough

    def _encrypt(self, octets: bytes | memoryview) -> None:
        sent = self._tls.write(octets)
        while sent < len(octets):
            sent += self._tls.write(octets[sent:])
        self._write(self._outgoing.read())

    def _write(self, ciphertext: bytes) -> None:
        self._counters.bytes_sent += len(ciphertext)
        self._transport.write(ciphertext)
