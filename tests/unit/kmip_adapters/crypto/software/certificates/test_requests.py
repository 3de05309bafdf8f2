"""Certificate requests: what they may ask for, and what is refused before anything of them is believed."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_adapters.crypto.software.certificates.requests import MAXIMUM_REQUEST, read_request
from kmip_core.enums import CertificateRequestType, KeyFormatType, ResultReason
from kmip_core.errors import KmipError

PKCS_10, PEM = CertificateRequestType.PKCS_10, CertificateRequestType.PEM


def a_request(*extensions: x509.ExtensionType) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder(x509.Name.from_rfc4514_string("CN=asker"))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())


def test_a_request_says_key_subject_and_the_extensions_that_are_taken_over() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("kmip.example")])
    request = a_request(names, x509.BasicConstraints(ca=True, path_length=None))

    read = read_request(PKCS_10, request.public_bytes(Encoding.DER))

    assert read == read_request(PEM, request.public_bytes(Encoding.PEM))
    assert read.subject == request.subject.public_bytes()
    assert read.subject_alternative_name == names.public_bytes()
    assert read.extended_key_usage is None
    assert read.public_key.key_block.key_format_type is KeyFormatType.X_509


def tampered(request: bytes) -> bytes:
    return request.replace(b"asker", b"other")


@pytest.mark.parametrize(
    ("request_type", "request_value", "reason"),
    [
        pytest.param(PEM, a_request().public_bytes(Encoding.DER), ResultReason.INVALID_CSR, id="not of its type"),
        pytest.param(PKCS_10, bytes(MAXIMUM_REQUEST + 1), ResultReason.INVALID_CSR, id="too long"),
        pytest.param(
            PKCS_10,
            tampered(a_request().public_bytes(Encoding.DER)),
            ResultReason.INVALID_CSR,
            id="changed after it was signed",
        ),
        pytest.param(CertificateRequestType.CRMF, b"", ResultReason.FEATURE_NOT_SUPPORTED, id="CRMF"),
    ],
)
def test_refused(request_type: CertificateRequestType, request_value: bytes, reason: ResultReason) -> None:
    with pytest.raises(KmipError) as refused:
        read_request(request_type, request_value)

    assert refused.value.reason is reason
