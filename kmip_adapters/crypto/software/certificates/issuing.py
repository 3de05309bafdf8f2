"""Certificates made and signed: for Certify and Re-certify, and for the server's own authorities.

Who may have which certificate is the core's to say (`kmip_core.procedures.certification`); here is how it looks in
X.509.
"""

from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from kmip_adapters.crypto.software.certificates.names import parsed_name
from kmip_adapters.crypto.software.certificates.x509 import (
    EARLIEST,
    LATEST,
    UNREADABLE,
    encoded,
    extension,
    instant,
    may_issue,
    parsed_certificate,
    seconds,
)
from kmip_adapters.crypto.software.keys import private_key, public_key
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import invalid_field
from kmip_core.objects import Certificate, PrivateKey
from kmip_core.ports.certificates import CertificateContents


def make_certificate(contents: CertificateContents, issuer: Certificate | None, issuer_key: PrivateKey) -> Certificate:
    """Return the signed certificate; see the port."""
    key: Any = private_key(issuer_key)
    subject_key: Any = public_key(contents.public_key)
    if not isinstance(key, _SIGNERS):
        raise invalid_field("the issuer's key cannot sign certificates")
    subject = parsed_name(contents.subject)
    authority = None if issuer is None else _checked_issuer(issuer, key)
    not_before, not_after = contents.not_before, contents.not_after
    if authority is not None:
        not_after = min(not_after, seconds(authority.not_valid_after_utc))
    if not EARLIEST <= not_before < not_after <= LATEST:
        raise invalid_field("the certificate would not be valid at any time: its end, or its issuer's, comes too early")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if authority is None else authority.subject)
        .public_key(subject_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(instant(not_before))
        .not_valid_after(instant(not_after))
        .add_extension(x509.BasicConstraints(ca=contents.is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject_key), critical=False)
        .add_extension(_authority_identifier(authority, key), critical=False)
    )
    usage = _key_usage(contents)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    for oid, value in (
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, contents.subject_alternative_name),
        (ExtensionOID.EXTENDED_KEY_USAGE, contents.extended_key_usage),
    ):
        if value is not None:
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    try:
        made = builder.sign(key, _signature_hash(key))
    except UNREADABLE:
        raise invalid_field("the certificate cannot be made of such a name, key and dates") from None
    return Certificate(certificate_value=made.public_bytes(Encoding.DER))


_SIGNERS: Final = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    dsa.DSAPrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
)


def _signature_hash(key: Any) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """Return the hash to sign with: as strong as the curve; EdDSA brings its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size <= 384 else hashes.SHA512()
    return hashes.SHA256()


def _checked_issuer(issuer: Certificate, key: Any) -> x509.Certificate:
    try:
        parsed = parsed_certificate(issuer)
        is_its_key = encoded(parsed.public_key()) == encoded(key.public_key())
    except UNREADABLE:
        raise invalid_field("the issuer's certificate cannot be read") from None
    if not is_its_key:
        raise invalid_field("the private key is not that of the issuer's certificate")
    if not may_issue(parsed, 0):
        raise invalid_field("the issuer's certificate does not say that it may sign certificates")
    return parsed


def _authority_identifier(authority: x509.Certificate | None, key: Any) -> x509.AuthorityKeyIdentifier:
    own = None if authority is None else extension(authority, x509.SubjectKeyIdentifier)
    if own is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _key_usage(contents: CertificateContents) -> x509.KeyUsage | None:
    """Return the Key Usage that a usage mask means; None if it means none of its bits."""
    mask = contents.usage
    if mask is None:
        mask = Mask.CERTIFICATE_SIGN | Mask.CRL_SIGN if contents.is_authority else Mask.SIGN | Mask.VERIFY
    if contents.is_authority:
        mask |= Mask.CERTIFICATE_SIGN
    bits = {
        "digital_signature": bool(mask & (Mask.SIGN | Mask.VERIFY)),
        "content_commitment": bool(mask & Mask.CONTENT_COMMITMENT),
        "key_encipherment": bool(mask & (Mask.WRAP_KEY | Mask.UNWRAP_KEY)),
        "data_encipherment": bool(mask & (Mask.ENCRYPT | Mask.DECRYPT)),
        "key_agreement": bool(mask & Mask.KEY_AGREEMENT),
        "key_cert_sign": bool(mask & Mask.CERTIFICATE_SIGN) and contents.is_authority,
        "crl_sign": bool(mask & Mask.CRL_SIGN),
    }
    if not any(bits.values()):
        return None
    return x509.KeyUsage(**bits, encipher_only=False, decipher_only=False)
