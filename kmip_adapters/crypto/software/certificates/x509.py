"""What every kind of work on certificates needs: parsing, keys, extensions, instants, and who may issue.

The bottom of the certificate modules; it knows none of them, and pyca's classes go no further up than `certificates`.
"""

import datetime as dt
from typing import Final, TypeVar

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmip_adapters.crypto.software import key_sizes, keys
from kmip_adapters.crypto.software.conversion import describe
from kmip_adapters.crypto.software.keys import ParsedPublicKey
from kmip_core.enums import KeyFormatType
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PublicKey

UNREADABLE: Final = (
    *keys.UNREADABLE,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What pyca raises for input that it cannot read."""

EARLIEST: Final = -631152000  # 1950-01-01, where UTCTime begins
LATEST: Final = 253402300799  # 9999-12-31 23:59:59, what RFC 5280 writes for "no end"

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def parsed_certificate(certificate: Certificate) -> x509.Certificate:
    """Return a certificate in DER or PEM as pyca's.  Raises one of `UNREADABLE`."""
    return x509.load_der_x509_certificate(key_sizes.checked_certificate(certificate.certificate_value))


def extension(parsed: x509.Certificate | x509.CertificateSigningRequest, kind: type[_Extension]) -> _Extension | None:
    """Return an extension's value, None if it is not there.  Raises one of `UNREADABLE`."""
    try:
        return parsed.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def public_key_of(parsed: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey | None:
    """Return the key as an object of its own, or None for a kind that is not known here."""
    try:
        key = parsed.public_key()
    except UNREADABLE:
        return None
    bare = PublicKey(
        key_block=KeyBlock(key_format_type=KeyFormatType.X_509, key_value=KeyValue(key_material=encoded(key)))
    )
    found = describe(bare)
    if found is None:
        return None
    block = evolve(bare.key_block, cryptographic_algorithm=found.algorithm, cryptographic_length=found.length)
    return evolve(bare, key_block=block)


def encoded(key: ParsedPublicKey) -> bytes:
    """Return a key as SubjectPublicKeyInfo: equal bytes, equal keys."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def seconds(moment: dt.datetime) -> int:
    """Return an instant in seconds since 1970."""
    return int(moment.timestamp())


def instant(at: int) -> dt.datetime:
    """Return the instant of so many seconds since 1970, EARLIEST to LATEST."""
    return _EPOCH + dt.timedelta(seconds=at)


def may_issue(certificate: x509.Certificate, depth: int) -> bool:
    """Return whether a certificate may be an issuer with `depth` other issuers below it. RFC 5280 §4.2.1.3, 4.2.1.9.

    A self-signed certificate without extensions is a root of the old kind (X.509 version 1) and may.
    """
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None:
        return len(certificate.extensions) == 0 and certificate.subject == certificate.issuer
    if not constraints.ca or (constraints.path_length is not None and depth > constraints.path_length):
        return False
    usage = extension(certificate, x509.KeyUsage)
    return usage is None or usage.key_cert_sign
