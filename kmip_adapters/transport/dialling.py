"""Connections that the server opens to clients which listen: TLS with the server's own certificate and the clients' CA.

The client is the one whose identity its certificate says; its host name proves nothing. An answer has a deadline as a
whole, however slowly its bytes drip, and a largest size.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kmip_adapters.transport.connected_client import Identify
from kmip_adapters.transport.tls.context import ServerContext, verified_chain
from kmip_core.errors import KmipError
from kmip_core.ports.transport import Framer, PeerLost, PeerRefused
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion

SCHEME: Final = "tls"
PIECE: Final = 65_536


class DialledPeer:
    """A `Peer` (kmip_core.ports.transport) over a connection that the server has opened."""

    version: ProtocolVersion | None = None
    is_open = True  # it is used at once, and then closed

    def __init__(self, connection: ssl.SSLSocket, principal: Principal, framer: Framer) -> None:
        self.principal = principal
        self._socket = connection
        self._framer = framer

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """Send a request and return the answer.  Raises PeerLost; the connection has ended then."""
        deadline = time.monotonic() + seconds
        try:
            unsent = memoryview(frame)
            while unsent:
                self._wait_until(deadline)
                unsent = unsent[self._socket.send(unsent[:PIECE]) :]
            while (answer := self._framer.next_frame()) is None:
                self._wait_until(deadline)
                data = self._socket.recv(PIECE)
                if not data:
                    raise PeerLost("the client has closed the connection")
                self._framer.receive_data(data)
            return answer
        except TimeoutError:
            self.close()
            raise PeerLost("the client did not answer in time") from None
        except KmipError as error:
            self.close()
            raise PeerLost(f"the client sent no KMIP answer: {error.message}") from error
        except OSError as error:
            self.close()
            raise PeerLost(f"the connection failed: {_why(error)}") from error

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._socket.close()

    def _wait_until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


def dial(
    url: str,
    name: str,
    context: ssl.SSLContext,
    identify: Identify,
    framer: Framer,
    seconds: float,
) -> DialledPeer:
    """Connect to the client `name` at "tls://host:port".

    seconds: for the connection, and again for the handshake.  framer: cuts its answers.
    Raises PeerLost if it cannot be reached; PeerRefused if its certificate is not good, or is another client's.
    """
    host, port = address_of(url)
    try:
        plain = socket.create_connection((host, port), seconds)
    except OSError as error:
        raise PeerLost(f"{url} cannot be reached: {_why(error)}") from error
    try:
        plain.settimeout(seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = context.wrap_socket(plain)
    except OSError as error:
        plain.close()
        kind = PeerRefused if isinstance(error, ssl.SSLCertVerificationError) else PeerLost
        raise kind(f"the TLS handshake with {url} failed: {_why(error)}") from error
    try:
        principal = identify(connection.getpeercert(binary_form=True), f"{host}:{port}", verified_chain(connection))
        if principal.name != name:
            raise PeerRefused(f"{url} has the certificate of another client")
    except KmipError as error:
        connection.close()
        raise PeerRefused(f"the certificate of {url} is refused: {error.message}") from error
    except PeerLost:
        connection.close()
        raise
    return DialledPeer(connection, principal, framer)


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of "tls://host:port".  Raises ValueError for anything else."""
    parts = urlsplit(url)
    port = parts.port
    if parts.scheme != SCHEME or not parts.hostname or port is None:
        raise ValueError(f"{url!r} is not where a client listens; write tls://HOST:PORT")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{url!r} says more than where a client listens; write tls://HOST:PORT")
    return parts.hostname, port


def dialling_context(
    *,
    server_certificates: Iterable[tuple[Path, Path]],
    key_passphrase: bytes,
    client_ca: Path,
    client_crl: Path | None,
    ciphers: str | None,
) -> ssl.SSLContext:
    """Return a TLS context for connections to clients, who are judged as when they come by themselves.

    Raises OSError, which ssl.SSLError is a kind of, for files that cannot be used.
    """
    context = ServerContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # the identity in the certificate is checked instead
    context.verify_mode = ssl.CERT_REQUIRED
    if ciphers is not None:
        context.set_ciphers(ciphers)
    for certificate, key in server_certificates:
        context.load_cert_chain(certificate, key, password=key_passphrase)
    context.load_verify_locations(cafile=client_ca)
    if client_crl is not None:
        context.load_verify_locations(cafile=client_crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return error.strerror or str(error) or type(error).__name__
