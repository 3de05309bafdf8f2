"""Certificates that are odd in one place are described by the others; none of them is a fault of the server."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_adapters.crypto.software.certificates.descriptions import describe_certificate
from kmip_core.enums import CertificateType
from kmip_core.objects import Certificate

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd")])
_BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def a_certificate(*extensions: tuple[str, bytes]) -> bytes:
    """Return a certificate in DER with extensions as they are, by object identifier."""
    key = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(
        issuer_name=_NAME, subject_name=_NAME, public_key=key.public_key(),
        serial_number=7, not_valid_before=_BEGIN, not_valid_after=_BEGIN + dt.timedelta(days=9),
    )  # fmt: skip
    for identifier, value in extensions:
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier(identifier), value)
        builder = builder.add_extension(odd, critical=False)
    return builder.sign(key, None).public_bytes(Encoding.DER)


def assert_described(value: bytes) -> None:
    told = describe_certificate(Certificate(certificate_type=CertificateType.X_509, certificate_value=value))
    assert told is not None
    assert told.attributes.certificate_attributes is not None
    assert told.attributes.certificate_attributes.certificate_subject_cn == "odd"
    assert told.not_before == _BEGIN.timestamp()


def test_an_unknown_extension_is_in_nobodys_way() -> None:
    assert_described(a_certificate(("1.2.3.4", b"\x05\x00")))


@pytest.mark.parametrize("tag", [0xA3, 0xA5], ids=["x400Address", "ediPartyName"])
@pytest.mark.parametrize("extension", ["2.5.29.17", "2.5.29.18"], ids=["subject", "issuer"])
def test_a_kind_of_alternative_name_that_pyca_does_not_know_is_left_out(extension: str, tag: int) -> None:
    assert_described(a_certificate((extension, bytes((0x30, 0x02, tag, 0x00)))))


def test_an_extension_that_stands_twice_is_left_out() -> None:
    once = a_certificate(("1.2.3.4", b"\x05\x00"), ("1.2.3.5", b"\x05\x00"))
    twice = once.replace(bytes((0x06, 0x03, 0x2A, 0x03, 0x05)), bytes((0x06, 0x03, 0x2A, 0x03, 0x04)))

    assert once != twice
    assert_described(twice)
