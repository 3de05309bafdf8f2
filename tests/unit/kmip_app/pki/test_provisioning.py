"""New certificates for old ones, by the built-in CA."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from kmip_app.pki.authority import Pki, ensure_pki, issue_client
from kmip_app.pki.provisioning import RegistryProvisioning
from kmip_app.pki.registry import REVOKED, VALID, Registry
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("data") / "pki", hostnames=None)


def a_client(pki: Pki, tmp_path: Path, name: str) -> x509.Certificate:
    bundle = issue_client(pki, name, tmp_path / name)
    certificate = x509.load_pem_x509_certificate(bundle.certificate.read_bytes())
    Registry(pki).note(certificate, name)
    return certificate


def serial_of(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def a_request(key: Any, name: str = "anything") -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.DER)


def refusal(call: Any, *arguments: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        call(*arguments)
    return caught.value.reason


def states(pki: Pki, name: str) -> list[str]:
    return [one.state for one in Registry(pki).issued() if one.name == name]


def test_a_request_is_certified_under_the_old_identity_whatever_name_it_has(pki: Pki, tmp_path: Path) -> None:
    old = a_client(pki, tmp_path, "first")
    provisioning, key = RegistryProvisioning(lambda: pki), ec.generate_private_key(ec.SECP256R1())

    made = x509.load_der_x509_certificate(provisioning.certify(serial_of(old), a_request(key, "administrator")))

    assert made.subject == old.subject
    assert made.public_key() == key.public_key()
    assert states(pki, "first") == [VALID]
    provisioning.replace(serial_of(old), made.public_bytes(Encoding.DER))
    assert states(pki, "first") == [REVOKED, VALID]
    crl = x509.load_pem_x509_crl(Registry(pki).crl.read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(old.serial_number) is not None
    assert refusal(provisioning.certify, serial_of(old), a_request(key)) is ResultReason.PERMISSION_DENIED


def test_a_key_of_the_server_is_certified(pki: Pki, tmp_path: Path) -> None:
    old = a_client(pki, tmp_path, "second")
    octets = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )

    made = x509.load_der_x509_certificate(RegistryProvisioning(lambda: pki).certify_key(serial_of(old), octets))

    assert made.subject == old.subject


def hosts_of(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(one.value) for one in names]


def usages_of(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


@pytest.mark.parametrize("host", ["client.example", "10.0.0.7"])
def test_a_client_that_listens_goes_on_with_a_new_certificate(pki: Pki, tmp_path: Path, host: str) -> None:
    bundle = issue_client(pki, f"listens on {host}", tmp_path / "listens", listens_on=host)
    old = x509.load_pem_x509_certificate(bundle.certificate.read_bytes())
    Registry(pki).note(old, f"listens on {host}")
    provisioning, key = RegistryProvisioning(lambda: pki), ec.generate_private_key(ec.SECP256R1())

    provisioned = x509.load_der_x509_certificate(provisioning.certify(serial_of(old), a_request(key)))
    renewed = Registry(pki).renew(f"listens on {host}")

    for made in (provisioned, renewed):
        assert hosts_of(made) == hosts_of(old) == [host]
        assert usages_of(made) == usages_of(old) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}


def test_a_client_that_does_not_listen_gets_no_certificate_of_a_server(pki: Pki, tmp_path: Path) -> None:
    a_client(pki, tmp_path, "comes by itself")

    renewed = Registry(pki).renew("comes by itself")

    assert usages_of(renewed) == {ExtendedKeyUsageOID.CLIENT_AUTH}
    with pytest.raises(x509.ExtensionNotFound):
        hosts_of(renewed)


def test_bytes_that_are_no_certificate_request_are_refused(pki: Pki, tmp_path: Path) -> None:
    old = serial_of(a_client(pki, tmp_path, "third"))
    provisioning = RegistryProvisioning(lambda: pki)
    whole = a_request(ec.generate_private_key(ec.SECP256R1()))
    small = a_request(rsa.generate_private_key(65_537, 1_024))

    for request in (b"", b"nonsense", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), small):
        assert refusal(provisioning.certify, old, request) is ResultReason.INVALID_CSR


def test_unknown_certificates_get_no_others(pki: Pki) -> None:
    request = a_request(ec.generate_private_key(ec.SECP256R1()))

    assert refusal(RegistryProvisioning(lambda: pki).certify, "abc", request) is ResultReason.PERMISSION_DENIED


def test_a_certificate_that_a_client_brings_must_be_its_own_and_valid(pki: Pki, tmp_path: Path) -> None:
    old, other = a_client(pki, tmp_path, "fourth"), a_client(pki, tmp_path, "fifth")
    provisioning = RegistryProvisioning(lambda: pki)
    key = ec.generate_private_key(ec.SECP256R1())
    good = provisioning.certify(serial_of(old), a_request(key))
    now = dt.datetime.now(dt.UTC)
    forged = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )

    provisioning.check(serial_of(old), good)
    for bad in (b"nonsense", old.public_bytes(Encoding.DER), other.public_bytes(Encoding.DER),
                forged.public_bytes(Encoding.DER)):  # fmt: skip
        assert refusal(provisioning.check, serial_of(old), bad) is ResultReason.INVALID_FIELD
    provisioning.replace(serial_of(old), good)
    provisioning.replace(serial_of(old), good)
    assert states(pki, "fourth") == [REVOKED, VALID]
