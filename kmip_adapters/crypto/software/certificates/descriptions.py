"""What a certificate says of itself: every attribute that follows from it, its key, its names and dates.

What pyca cannot read is not described, never refused: a client may keep what it likes. Names are read in
`certificate_names`.
"""

from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.x509.oid import SignatureAlgorithmOID

from kmip_adapters.crypto.software.certificates.names import alternative_names, name_parts
from kmip_adapters.crypto.software.certificates.x509 import UNREADABLE, parsed_certificate, public_key_of, seconds
from kmip_adapters.crypto.software.conversion import describe
from kmip_core.attributes import Attributes
from kmip_core.enums import CertificateType
from kmip_core.enums import DigitalSignatureAlgorithm as SignatureAlgorithm
from kmip_core.objects import Certificate
from kmip_core.ports.certificates import CertificateDescription
from kmip_core.structures import (
    CertificateIdentifier,
    CertificateIssuer,
    CertificateSubject,
    X509CertificateIdentifier,
    X509CertificateIssuer,
    X509CertificateSubject,
)


def describe_certificate(certificate: Certificate) -> CertificateDescription | None:
    """Return what the certificate says, None for one that pyca cannot read; see the port."""
    if certificate.certificate_type is not CertificateType.X_509:
        return None
    try:
        parsed = parsed_certificate(certificate)
        subject, issuer = parsed.subject.public_bytes(), parsed.issuer.public_bytes()
        key = public_key_of(parsed)
        found = None if key is None else describe(key)
        issuer_text = parsed.issuer.rfc4514_string()
        serial = _integer(parsed.serial_number)
        subject_names, subject_texts = alternative_names(parsed, x509.SubjectAlternativeName)
        issuer_names, issuer_texts = alternative_names(parsed, x509.IssuerAlternativeName)
        algorithm = _SIGNATURE_ALGORITHMS.get(parsed.signature_algorithm_oid)
        attributes = Attributes(
            cryptographic_algorithm=None if found is None else found.algorithm,
            cryptographic_length=None if found is None else found.length,
            certificate_type=CertificateType.X_509,
            certificate_length=len(certificate.certificate_value),
            x_509_certificate_identifier=X509CertificateIdentifier(
                issuer_distinguished_name=issuer, certificate_serial_number=serial
            ),
            x_509_certificate_subject=X509CertificateSubject(
                subject_distinguished_name=subject,
                subject_alternative_names=subject_names,
            ),
            x_509_certificate_issuer=X509CertificateIssuer(
                issuer_distinguished_name=issuer, issuer_alternative_names=issuer_names
            ),
            certificate_identifier=CertificateIdentifier(
                issuer=issuer_text, serial_number=_serial_text(parsed.serial_number)
            ),
            certificate_subject=CertificateSubject(
                certificate_subject_distinguished_name=parsed.subject.rfc4514_string(),
                certificate_subject_alternative_names=subject_texts,
            ),
            certificate_issuer=CertificateIssuer(
                certificate_issuer_distinguished_name=issuer_text,
                certificate_issuer_alternative_names=issuer_texts,
            ),
            certificate_attributes=name_parts(parsed),
            digital_signature_algorithms=() if algorithm is None else (algorithm,),
        )
        return CertificateDescription(
            attributes=attributes,
            public_key=key,
            subject=subject,
            issuer=issuer,
            not_before=seconds(parsed.not_valid_before_utc),
            not_after=seconds(parsed.not_valid_after_utc),
        )
    except UNREADABLE:
        return None


def _integer(number: int) -> bytes:
    """Return a DER INTEGER: what the official cases show as Certificate Serial Number (TC-CERTATTR-1-14)."""
    octets = number.to_bytes(number.bit_length() // 8 + 1, signed=True)
    return bytes((0x02, len(octets))) + octets


def _serial_text(number: int) -> str:
    """Return the serial number in hexadecimal, without leading zero bytes (TC-132, TC-134)."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8)).hex().upper()


_SIGNATURE_ALGORITHMS: Final[Mapping[x509.ObjectIdentifier, SignatureAlgorithm]] = {
    SignatureAlgorithmOID.RSA_WITH_MD5: SignatureAlgorithm.MD5_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA1: SignatureAlgorithm.SHA_1_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA224: SignatureAlgorithm.SHA_224_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA256: SignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA384: SignatureAlgorithm.SHA_384_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA512: SignatureAlgorithm.SHA_512_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA3_256: SignatureAlgorithm.SHA3_256_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA3_384: SignatureAlgorithm.SHA3_384_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSA_WITH_SHA3_512: SignatureAlgorithm.SHA3_512_WITH_RSA_ENCRYPTION,
    SignatureAlgorithmOID.RSASSA_PSS: SignatureAlgorithm.RSASSA_PSS,
    SignatureAlgorithmOID.DSA_WITH_SHA1: SignatureAlgorithm.DSA_WITH_SHA_1,
    SignatureAlgorithmOID.DSA_WITH_SHA224: SignatureAlgorithm.DSA_WITH_SHA224,
    SignatureAlgorithmOID.DSA_WITH_SHA256: SignatureAlgorithm.DSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: SignatureAlgorithm.ECDSA_WITH_SHA_1,
    SignatureAlgorithmOID.ECDSA_WITH_SHA224: SignatureAlgorithm.ECDSA_WITH_SHA224,
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: SignatureAlgorithm.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: SignatureAlgorithm.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: SignatureAlgorithm.ECDSA_WITH_SHA512,
}
"""What the standard has a name for; EdDSA and ML-DSA have none."""
