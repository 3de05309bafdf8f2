"""The TLS policy of the server: versions, suites, certificates, whose client certificates count."""

import math
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509

REMEMBERED_CHAINS: Final = 4_096
_DER: Final = 2  # _ssl.ENCODING_DER, of which Python 3.11 and 3.12 have no public name
_PEM_CRL: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)

FORWARD_SECRET_AEAD: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"  # noqa: S105  suites
"""Suites of TLS 1.2 offered when no others are named; those of TLS 1.3 are all of this kind."""


class ServerContext(ssl.SSLContext):
    """A context of the server that knows what OpenSSL does not tell of what was loaded.

    names: for which its certificates are good, as a log line shows them: for example `localhost` and `127.0.0.1`.
    lists_end: when the first of the revocation lists expires, in seconds since 1970.
    """

    names: tuple[str, ...] = ()
    lists_end: float = math.inf

    def __init__(self, protocol: int) -> None:
        self._chains: dict[bytes, tuple[bytes, ...]] = {}

    def remember_chain(self, chain: tuple[bytes, ...]) -> None:
        """Keep the chain of a client, which OpenSSL does not have any more when the session is resumed."""
        if len(self._chains) >= REMEMBERED_CHAINS:
            self._chains.clear()  # rare enough that a cleverer choice would not pay
        self._chains[chain[0]] = chain

    def remembered_chain(self, leaf: bytes) -> tuple[bytes, ...]:
        """Return the chain of a client's certificate, at least that certificate."""
        return self._chains.get(leaf, (leaf,))


def build_ssl_context(
    *,
    server_certificates: Sequence[tuple[Path, Path]],
    key_passphrase: bytes = b"",
    client_ca: Path,
    client_crl: Path | None = None,
    ciphers: str | None = None,
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    maximum_version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ServerContext:
    """Return a context for mutual TLS.

    server_certificates: (certificate chain, private key) in PEM; at most one of each key type (RSA, EC), so
        that suites of both kinds find theirs. Both paths may be the same file.
    key_passphrase: of private keys that are encrypted.
    client_ca: PEM; the only certificates that vouch for clients (the system's store is not read).
    client_crl: PEM; lists of revoked certificates, one of each CA in the clients' chains. One that has expired or is
        missing lets no client in.
    ciphers: TLS 1.2 suites as an OpenSSL cipher string; None offers AEAD suites with forward secrecy only.
    Raises ValueError that names the file or the string that cannot be used.
    """
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum_version
    context.maximum_version = maximum_version
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_SINGLE_ECDH_USE
    )
    # Resumption with client certificates needs a session ID context, or clients like Veeam fail (clients.md
    # rule 21): Python's ssl sets one on every context. A resumed session brings the certificate along, so
    # that the connection judges its dates and identity anew. One ticket a handshake is enough: each
    # resumption hands out the next.
    context.num_tickets = 1
    try:
        context.set_ciphers(ciphers or FORWARD_SECRET_AEAD)
    except ssl.SSLError as error:
        raise ValueError(f"none of the TLS cipher suites is known: {ciphers}") from error
    for certificate, key in server_certificates:
        _load_server_certificate(context, certificate, key, key_passphrase)
    names = (name for certificate, _ in server_certificates for name in _names_in(certificate))
    context.names = tuple(dict.fromkeys(names))
    try:
        context.load_verify_locations(cafile=client_ca)
    except OSError as error:
        raise ValueError(f"{client_ca}: cannot be read as the client CA in PEM: {_why(error)}") from error
    if client_crl is not None:
        try:
            context.load_verify_locations(cafile=client_crl)
        except OSError as error:
            raise ValueError(f"{client_crl}: cannot be read as a revocation list in PEM: {_why(error)}") from error
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        context.lists_end = _end_of_lists(client_crl)
    # An issuing CA whose root is not in the file vouches for what it issues, and its siblings do not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def chain_of(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates of the peer in DER that were verified, its own first; none if it has sent none."""
    leaf = tls.getpeercert(binary_form=True)
    if leaf is None:
        return ()
    context = tls.context
    if not isinstance(context, ServerContext) or context.lists_end == math.inf:
        return (leaf,)
    if tls.session_reused:
        return context.remembered_chain(leaf)
    chain = _verified_chain(tls) or (leaf,)
    context.remember_chain(chain)
    return chain


def _verified_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    inner = tls if hasattr(tls, "get_verified_chain") else getattr(tls, "_sslobj", None)  # public from Python 3.13 on
    found = inner.get_verified_chain() if inner is not None else None
    return tuple(one if isinstance(one, bytes) else one.public_bytes(_DER) for one in found or ())


def _load_server_certificate(context: ssl.SSLContext, certificate: Path, key: Path, passphrase: bytes) -> None:
    try:
        # An empty password makes an encrypted key an error instead of a question at the terminal.
        context.load_cert_chain(certificate, key, password=passphrase)
    except OSError as error:
        raise ValueError(
            f"{certificate} and {key}: not a certificate in PEM with its private key: {_why(error)}"
        ) from error


def _end_of_lists(path: Path) -> float:
    """Return when the first of the revocation lists of a file expires.  Raises ValueError."""
    ends = []
    for block in _PEM_CRL.findall(path.read_bytes()):
        try:
            ends.append(x509.load_pem_x509_crl(block).next_update_utc)
        except ValueError as error:
            raise ValueError(f"{path}: cannot be read as a revocation list in PEM: {error}") from error
    return min((end.timestamp() for end in ends if end is not None), default=math.inf)


def _names_in(certificate: Path) -> list[str]:
    """Return the names and addresses that clients find in a server certificate, none if it cannot be read."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:  # clients look nowhere else today: RFC 9525 section 2
        return []
    except (OSError, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return []
    names = alternative.get_values_for_type(x509.DNSName)
    return names + [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]


def _why(error: OSError) -> str:
    """Say what was wrong without OpenSSL's source lines."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no PEM").replace("_", " ").lower()
    return error.strerror or str(error)
