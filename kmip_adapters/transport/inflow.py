"""What comes from the client: TLS records are decrypted one at a time, as long as the connection has its turn."""

import ssl
from typing import Final

from kmip_adapters.transport.outflow import Outflow

RECORD: Final = 16_384  # bytes of plaintext that one TLS record carries at most
RECORDS_PER_TURN: Final = 64  # that are decrypted before others have their turn; they may carry a byte each


class Inflow:
    """The receiving side of one connection.

    has_ended: nothing more will come: the client has said so (close_notify), or what it sends is no TLS.
    failure: why, in the second case; else empty.
    """

    __slots__ = ("_incoming", "_outflow", "_tls", "failure", "has_ended")

    def __init__(self, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outflow: Outflow) -> None:
        self._tls = tls
        self._incoming = incoming
        self._outflow = outflow
        self.has_ended = False
        self.failure = ""

    def read(self) -> bytes:
        """Return the plaintext of the next record; empty if there is none yet, or `has_ended`."""
        if not self._incoming.pending:  # OpenSSL itself keeps nothing: RECORD is a whole record
            return b""
        try:
            data = self._tls.read(RECORD)
        except ssl.SSLWantReadError:  # part of a record, or one that is TLS's own business and may want an answer
            self._outflow.flush()
            return b""
        except ssl.SSLError as error:
            self.has_ended = True
            self.failure = f"TLS failed: {_reason(error)}"
            return b""
        if not data:
            self.has_ended = True
        return data


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
