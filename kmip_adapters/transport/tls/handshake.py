"""The server side of one TLS handshake over memory buffers, and what the log says if it fails."""

import enum
import ssl
from typing import Final

from kmip_adapters.transport.tls.client_hello import LIMIT
from kmip_adapters.transport.tls.handshake_failures import NO_ANSWER, TIMED_OUT, cause, ended, explain, with_offer

PIECE: Final = 512
"""Bytes of a handshake that OpenSSL is given at a time. Its buffer keeps the size that it once had to have for as long
as the connection lasts, and few requests are longer than this; a client's certificates are."""


class Progress(enum.Enum):
    """Where a handshake is after a step."""

    WAITING = "for bytes of the client"
    COMPLETE = "both sides have finished"
    FAILED = "one side does not accept the other"


class Handshake:
    """Steps of one handshake.  `cause` and `failure` say why it failed, for counters and for the log.

    incoming: what `tls` reads from; while this lasts, bytes of the client get there by `take` alone.
    """

    __slots__ = ("_arrived", "_first_bytes", "_incoming", "_tls", "cause", "failure")

    def __init__(self, tls: ssl.SSLObject, incoming: ssl.MemoryBIO) -> None:
        self._tls = tls
        self._incoming = incoming
        self._arrived = b""  # not given to OpenSSL yet
        self._first_bytes = b""  # to say what the client had offered
        self.cause = ""
        self.failure = ""

    @property
    def has_begun(self) -> bool:
        """Whether the client has sent anything."""
        return bool(self._first_bytes)

    def take(self, data: memoryview) -> None:
        """Keep bytes of the client for the next step."""
        self._arrived += data
        room = LIMIT - len(self._first_bytes)
        if room > 0:
            self._first_bytes += data[:room]

    def step(self) -> Progress:
        """Go on with the bytes that have arrived; what is to be sent is in the outgoing buffer afterwards."""
        arrived, self._arrived = memoryview(self._arrived), b""
        progress = Progress.WAITING
        while progress is Progress.WAITING and arrived:
            self._incoming.write(arrived[:PIECE])
            arrived = arrived[PIECE:]
            progress = self._go_on()
        self._incoming.write(arrived)  # the first request may have come together with the end of the handshake
        return progress

    def _go_on(self) -> Progress:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return Progress.WAITING
        except ssl.SSLError as error:
            self.cause = cause(error)
            self.failure = f"TLS handshake failed: {explain(error, self._first_bytes, self._tls.context)}"
            return Progress.FAILED
        self._first_bytes = b""
        return Progress.COMPLETE

    def end_by_client(self) -> None:
        """Note that the client has left."""
        self.cause = NO_ANSWER
        self.failure = with_offer(f"TLS handshake failed: {ended(self._tls.context)}", self._first_bytes)

    def run_out_of_time(self) -> None:
        """Note that the client took too long."""
        self.cause = TIMED_OUT
        self.failure = with_offer("TLS handshake not finished in time", self._first_bytes)
