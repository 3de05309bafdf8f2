"""The TLS policy of the server: versions, suites, certificates, whose client certificates count."""

import hashlib
import math
import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

REMEMBERED_CHAINS: Final = 65_536
"""Clients whose chains a context keeps; those that come later get no tickets."""

_DER: Final = 2  # _ssl.ENCODING_DER, of which Python 3.11 and 3.12 have no public name
_PEM_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_PEM_CRL: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)

FORWARD_SECRET_AEAD: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"  # noqa: S105  suites
"""Suites of TLS 1.2 offered when no others are named; those of TLS 1.3 are all of this kind."""


class ServerContext(ssl.SSLContext):
    """A context of the server that knows what OpenSSL does not tell of what was loaded.

    names: for which its certificates are good, as a log line shows them: for example `localhost` and `127.0.0.1`.
    lists_end: when the first of the revocation lists expires, in seconds since 1970.
    trust: a digest of the CAs and revocation lists.

    Each context has ticket keys of its own, made by OpenSSL: what another one issued, of this process before its files
    changed or of another worker or node, is not resumed.
    """

    names: tuple[str, ...] = ()
    lists_end: float = math.inf
    trust: bytes = b""

    def __init__(self, protocol: int) -> None:
        self._anchors: dict[bytes, x509.Certificate] = {}
        self._issuers: dict[bytes, tuple[bytes, ...]] = {}  # SHA-256 of a client's certificate -> the rest of its chain
        self._same: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}  # clients of one CA share what is kept of it
        self._judged: dict[bytes, bool] = {}  # CAs of chains -> whether a CA of this context issued them

    def note_anchors(self, authorities: bytes) -> None:
        """Note the CAs, in PEM, that OpenSSL trusts by the file that it has read."""
        self._anchors |= readable_certificates(authorities)  # one that is left out vouches for no session that is open

    def remember_chain(self, chain: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Keep the chain of a client, which OpenSSL does not have any more when the session is resumed.

        Returns it with the CAs that other clients of theirs have, so that these are in memory once.
        """
        issuers = chain[1:]
        if len(self._issuers) < REMEMBERED_CHAINS:
            issuers = self._issuers[_digest(chain[0])] = self._same.setdefault(issuers, issuers)
        if len(self._issuers) >= REMEMBERED_CHAINS:
            self.num_tickets = 0
            self.options |= ssl.OP_NO_TICKET
        return chain[0], *issuers

    def remembered_chain(self, leaf: bytes) -> tuple[bytes, ...]:
        """Return the chain of a client's certificate; none if it is not known here."""
        issuers = self._issuers.get(_digest(leaf))
        return () if issuers is None else (leaf, *issuers)

    def vouches_for(self, chain: tuple[bytes, ...]) -> bool:
        """Return whether a chain, which was verified once, still ends at a CA of this context.

        chain: certificates in DER, each issued by the next.
        """
        if any(der in self._anchors for der in chain):
            return True
        for issuer in chain[1:]:  # which many clients share
            if issuer not in self._judged:
                self._judged[issuer] = self._has_issued(issuer)
        return any(self._judged[issuer] for issuer in chain[1:]) or self._has_issued(chain[0])

    def _has_issued(self, der: bytes) -> bool:
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError:
            return False
        return any(_is_issued_by(certificate, anchor) for anchor in self._anchors.values())


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
        authorities = client_ca.read_bytes()
        lists = b"" if client_crl is None else client_crl.read_bytes()
    except OSError as error:
        raise ValueError(f"{error.filename}: cannot be read: {_why(error)}") from error
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
    if client_ca.read_bytes() != authorities or (client_crl is not None and client_crl.read_bytes() != lists):
        raise ValueError(f"{client_ca} or {client_crl}: has changed while it was read")
    context.note_anchors(authorities)
    context.trust = hashlib.sha256(authorities).digest() + hashlib.sha256(lists).digest()
    return context


def chain_of(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the certificates of the peer in DER that were verified, its own first.

    None if it has sent none, or if the session is resumed and its chain is not known any more.
    """
    leaf = tls.getpeercert(binary_form=True)
    if leaf is None:
        return ()
    context = tls.context
    if not isinstance(context, ServerContext):
        return (leaf,)
    if tls.session_reused:
        return context.remembered_chain(leaf)
    return context.remember_chain(verified_chain(tls) or (leaf,))


def readable_certificates(pem: bytes) -> dict[bytes, x509.Certificate]:
    """Return the certificates of a file by their DER.

    One that cannot be read is left out: OpenSSL decides what may be in the file.
    """
    found = {}
    for block in _PEM_CERTIFICATE.findall(pem.decode("latin-1")):
        with suppress(ValueError):
            der = ssl.PEM_cert_to_DER_cert(block)
            found[der] = x509.load_der_x509_certificate(der)
    return found


def end_of(chain: tuple[bytes, ...]) -> float:
    """Return when the first certificate of a chain, in DER, expires, in seconds since 1970."""
    return min((_end_of_certificate(der) for der in chain), default=math.inf)


@lru_cache(maxsize=1_024)
def _end_of_certificate(der: bytes) -> float:
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    except ValueError:  # OpenSSL has judged its dates in the handshake
        return math.inf


def lists_are_over(context: ssl.SSLContext, wall: float) -> bool:
    """Return whether a revocation list of a context has expired: it lets no client in, nor stay."""
    return bool(getattr(context, "lists_end", math.inf) <= wall)


def trust_alike(one: ssl.SSLContext, other: ssl.SSLContext) -> bool:
    """Return whether two contexts have the same CAs and revocation lists."""
    return one is other or getattr(one, "trust", b"") == getattr(other, "trust", b"")


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _digest(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def verified_chain(tls: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    """Return the certificates of the peer in DER that a full handshake has verified, its own first."""
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
