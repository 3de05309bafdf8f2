"""Certificate requests (PKCS#10, in DER or PEM): what they ask for, once their signature proves possession of the key.

Nothing of a request is trusted before that; what it may ask for is `SigningRequest`'s fields and no more.
"""

from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kmip_adapters.crypto.software import key_sizes
from kmip_adapters.crypto.software.certificates.x509 import UNREADABLE, extension, public_key_of
from kmip_core.enums import CertificateRequestType, ResultReason
from kmip_core.errors import KmipError, not_supported
from kmip_core.ports.certificates import SigningRequest

MAXIMUM_REQUEST: Final = 64 * 1024


def read_request(request_type: CertificateRequestType, request: bytes) -> SigningRequest:
    """Return what a request asks for; see the port."""
    if len(request) > MAXIMUM_REQUEST:
        raise _invalid_request(f"a certificate request may have {MAXIMUM_REQUEST} bytes at most")
    if request_type not in (CertificateRequestType.PKCS_10, CertificateRequestType.PEM):
        raise not_supported("certificate requests are read as PKCS#10 or PEM")
    try:
        if request.startswith(key_sizes.PEM) is not (request_type is CertificateRequestType.PEM):
            raise ValueError("the other encoding")
        parsed = x509.load_der_x509_csr(key_sizes.checked_request(request))
        key = public_key_of(parsed)
        is_proved = _proves_possession(parsed)
        subject = parsed.subject.public_bytes()
        names = _octets(parsed, x509.SubjectAlternativeName)
        purposes = _octets(parsed, x509.ExtendedKeyUsage)
    except UNREADABLE:
        raise _invalid_request("the certificate request cannot be read as its type") from None
    if key is None:
        raise _invalid_request("the certificate request is for a kind of key that is not known here")
    if not is_proved:
        raise _invalid_request("the signature of the certificate request is not by its key")
    return SigningRequest(public_key=key, subject=subject, subject_alternative_name=names, extended_key_usage=purposes)


def _proves_possession(request: x509.CertificateSigningRequest) -> bool:
    """Return whether the request's own key signed it; with SHA-1 as well, which pyca refuses (TC-134).

    A collision gains a client nothing here: what is signed is the client's own request.
    """
    if request.is_signature_valid:
        return True
    key, algorithm = request.public_key(), request.signature_hash_algorithm
    if not isinstance(algorithm, hashes.SHA1):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(request.signature, request.tbs_certrequest_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(request.signature, request.tbs_certrequest_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _octets(parsed: x509.CertificateSigningRequest, kind: type[x509.ExtensionType]) -> bytes | None:
    value = extension(parsed, kind)
    return None if value is None else value.public_bytes()


def _invalid_request(message: str) -> KmipError:
    return KmipError(ResultReason.INVALID_CSR, message)
