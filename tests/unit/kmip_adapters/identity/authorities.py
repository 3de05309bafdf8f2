"""Certificates of CAs for tests of identities."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_KEY = ec.generate_private_key(ec.SECP256R1())
_BEGIN = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def an_authority(name: str, by: str | None = None, is_ca: bool | None = True) -> x509.Certificate:
    """Return a certificate.  by: the CN of its issuer.  is_ca: what it says of itself; None for nothing."""
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, by or name))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_BEGIN + dt.timedelta(days=1))
    )
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    return builder.sign(_KEY, hashes.SHA256())
