"""The server side of one TLS handshake over memory buffers, and what the log says if it fails."""

import enum
import ssl

from kmip_adapters.transport.tls.client_hello import LIMIT
from kmip_adapters.transport.tls.handshake_failures import NO_ANSWER, TIMED_OUT, cause, ended, explain, with_offer


class Progress(enum.Enum):
    """Where a handshake is after a step."""

    WAITING = "for bytes of the client"
    COMPLETE = "both sides have finished"
    FAILED = "one side does not accept the other"


class Handshake:
    """Steps of one handshake.  `cause` and `failure` say why it failed, for counters and for the log."""

    __slots__ = ("_first_bytes", "_tls", "cause", "failure")

    def __init__(self, tls: ssl.SSLObject) -> None:
        self._tls = tls
        self._first_bytes = b""  # to say what the client had offered
        self.cause = ""
        self.failure = ""

    @property
    def has_begun(self) -> bool:
        """Whether the client has sent anything."""
        return bool(self._first_bytes)

    def note(self, data: memoryview) -> None:
        """Keep the first bytes that arrive."""
        room = LIMIT - len(self._first_bytes)
        if room > 0:
            self._first_bytes += data[:room]

    def step(self) -> Progress:
        """Go on with the bytes that are in the buffer; what is to be sent is in the other one afterwards."""
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
