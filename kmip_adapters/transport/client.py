"""The client side of TTLV over TLS: blocking, one exchange at a time, for the command line and for tests."""

import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self

HEADER: Final = 8  # bytes: tag (3), type (1), length (4)


class TlsTtlvClient:
    """One session with a KMIP server; a context manager that connects on entry.

    ca: PEM of the CA that vouches for the server. cert, key: PEM; both None to come without a certificate.
    timeout: seconds for connecting and for each send and receive. max_response: bytes that `exchange` takes
        at most.
    context: a prepared TLS context instead of ca, cert and key. session: one of an earlier connection, to
        resume. server_name: the name that the server's certificate must have; None for `host`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
        *,
        timeout: float = 30.0,
        max_response: int = 16 * 1024 * 1024,
        context: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
        server_name: str | None = None,
    ) -> None:
        self._address = (host, port)
        self._server_name = server_name or host
        self._timeout = timeout
        self._max_response = max_response
        self._context = context or client_context(ca=ca, cert=cert, key=key)
        self._session = session
        self._socket: ssl.SSLSocket | None = None

    @property
    def socket(self) -> ssl.SSLSocket:
        """The connected socket.  Raises ConnectionError if there is none."""
        if self._socket is None:
            raise ConnectionError("not connected")
        return self._socket

    def connect(self) -> None:
        """Connect and shake hands.  Raises OSError (or its kind ssl.SSLError) if that fails."""
        plain = socket.create_connection(self._address, self._timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._context.wrap_socket(plain, server_hostname=self._server_name, session=self._session)
        except BaseException:
            plain.close()
            raise

    def exchange(self, frame: bytes) -> bytes:
        """Send one whole message and return the whole answer."""
        self.socket.sendall(frame)
        return self.receive()

    def receive(self) -> bytes:
        """Return the next whole answer.  Raises ConnectionError for a half or too long one."""
        header = self._read(HEADER)
        length = int.from_bytes(header[4:])
        if length > self._max_response:
            raise ConnectionError(f"the server announces {length} bytes; at most {self._max_response} are taken")
        return header + self._read(length)

    def is_idle(self) -> bool:
        """Return whether the session is open and the server has sent nothing unasked, its end included."""
        if self._socket is None:
            return False
        self._socket.setblocking(False)
        try:
            self._socket.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        else:
            return False
        finally:
            self._socket.settimeout(self._timeout)

    def close(self) -> None:
        """End the session."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(min(count - len(parts), 65_536))
            if not part:
                raise ConnectionError("the server has closed the connection")
            parts += part
        return bytes(parts)

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def client_context(*, ca: Path | None, cert: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return a TLS context that checks the server's chain and name; `ca` None means the system's CAs."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # some distributions' Python offers older ones by default
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context
