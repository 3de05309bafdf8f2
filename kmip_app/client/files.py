"""The files that a client names, made into a TLS context; one that cannot be used is named, with what is wrong."""

import ssl
from pathlib import Path

from kmip_adapters.transport.client import client_context
from kmip_app.client.errors import UnusableFile
from kmip_app.system_errors import reason_of


def context_of(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a TLS context as `client_context` does.  Raises UnusableFile."""
    try:
        return client_context(ca=ca, cert=cert, key=key)
    except (OSError, ValueError) as error:
        raise UnusableFile(_fault(ca, cert, key) or reason_of(error)) from error


def _fault(ca: Path | None, cert: Path | None, key: Path | None) -> str:
    """Return which file is wrong, and how; OpenSSL says neither. Empty if nothing is found."""
    from cryptography import x509  # only where something is wrong
    from cryptography.hazmat.primitives import serialization

    for path in filter(None, (ca, cert, key)):
        try:
            path.read_bytes()
        except OSError as error:
            return f"{path}: {reason_of(error)}"
    for path in filter(None, (ca, cert)):
        try:
            x509.load_pem_x509_certificates(path.read_bytes())
        except ValueError:
            return f"{path}: no certificate in PEM is in it"
    if cert is None:
        return ""
    place = key or cert
    try:
        private = serialization.load_pem_private_key(place.read_bytes(), None)
    except TypeError:
        return f"{place}: the private key has a passphrase"
    except ValueError:
        return f"{place}: no private key in PEM is in it" + ("; name the file that has it" if key is None else "")
    public = x509.load_pem_x509_certificate(cert.read_bytes()).public_key()
    return "" if public == private.public_key() else f"{place} is not the key of {cert}"
