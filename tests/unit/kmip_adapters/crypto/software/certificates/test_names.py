"""Names as certificates write them: kinds of strings, long names, alternative names of every kind."""

import datetime as dt
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from kmip_adapters.crypto.software.certificates.names import (
    PRINTABLE_STRING,
    UTF8_STRING,
    alternative_names,
    distinguished_name,
    name_parts,
    parsed_name,
)
from kmip_core.errors import KmipError
from kmip_core.structures import CertificateAttributes


def a_certificate(name: str, *alternatives: x509.GeneralName) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name.from_rfc4514_string(name)
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(dt.datetime(2026, 1, 1))
        .not_valid_after(dt.datetime(2027, 1, 1))
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, SHA256())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param("client 1", PRINTABLE_STRING, id="letters, digits and a space"),
        pytest.param("x" * 64, PRINTABLE_STRING, id="as long as a name may be"),
        pytest.param("a@b", UTF8_STRING, id="a sign that PrintableString has not"),
        pytest.param("Zoë", UTF8_STRING, id="beyond ASCII"),
    ],
)
def test_a_name_that_can_be_a_printable_string_is_one(value: str, kind: int) -> None:
    octets = value.encode()

    name = distinguished_name(f"O=ACME ACME ACME ACME ACME ACME ACME ACME ACME ACME ACME,CN={value}")

    assert bytes((kind, len(octets))) + octets in name
    assert parsed_name(name).get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == value


def test_bytes_that_are_no_name_are_refused() -> None:
    with pytest.raises(KmipError, match="not DER"):
        parsed_name(b"\x30\x03\x02\x01\x00")


def test_parts_that_have_attributes_are_returned_and_the_others_are_not() -> None:
    parts = name_parts(a_certificate("CN=root,CN=leaf,O=ACME,O=Unit,2.5.4.9=Street"))

    assert parts == CertificateAttributes(
        certificate_subject_cn="root",
        certificate_subject_os=("Unit", "ACME"),
        certificate_issuer_cn="root",
        certificate_issuer_os=("Unit", "ACME"),
    )


def test_alternative_names_of_every_kind_are_bytes_and_text_where_they_have_one() -> None:
    certificate = a_certificate(
        "CN=x",
        x509.DNSName("kmip.example"),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.DirectoryName(x509.Name.from_rfc4514_string("CN=other")),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"),
    )

    octets, texts = alternative_names(certificate, x509.SubjectAlternativeName)

    assert texts == ("kmip.example", "192.0.2.1", "CN=other", "1.2.3")
    assert octets[0] == b"\x82\x0ckmip.example"
    assert len(octets) == 5
    assert alternative_names(certificate, x509.IssuerAlternativeName) == ((), ())
