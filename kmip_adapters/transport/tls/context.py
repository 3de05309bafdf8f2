"""The TLS policy of the server: versions, suites, certificates, whose client certificates count."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509

FORWARD_SECRET_AEAD: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"  # noqa: S105  suites
"""Suites of TLS 1.2 offered when nobody names others; those of TLS 1.3 are all of this kind."""


class ServerContext(ssl.SSLContext):
    """A context of the server that knows for which names and addresses its certificates are good.

    names: as a log line shows them, for example `localhost` and `127.0.0.1`.
    """

    names: tuple[str, ...] = ()


def build_ssl_context(
    *,
    server_certificates: Sequence[tuple[Path, Path]],
    client_ca: Path,
    client_crl: Path | None = None,
    ciphers: str | None = None,
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    maximum_version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ServerContext:
    """Return a context for mutual TLS.

    server_certificates: (certificate chain, private key) in PEM; at most one of each key type (RSA, EC), so
        that suites of both kinds find theirs. Both paths may be the same file.
    client_ca: PEM; the only certificates that vouch for clients (the system's store is not read).
    client_crl: PEM; certificates that count no longer. One that has expired, or is not the CA's, lets nobody in.
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
        _load_server_certificate(context, certificate, key)
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
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load_server_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # An empty password makes an encrypted key an error instead of a question at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise ValueError(
            f"{certificate} and {key}: not a certificate in PEM with its private key: {_why(error)}"
        ) from error


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
