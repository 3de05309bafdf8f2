"""`kmipd cert` and `kmipd expiring`."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kmip_app.testing import KmipTestServer
from kmip_core.enums import CryptographicAlgorithm, CryptographicUsageMask
from kmip_core.objects import SymmetricKey
from tests.unit.kmip_app.cli.conftest import Shell

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(name: str, days: int) -> bytes:
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=90)).not_valid_after(now + dt.timedelta(days=days))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.crt"
    path.write_bytes(certificate("web.example", 400))
    return path


def test_a_certificate_comes_back_as_it_was(kmipd: Shell, file: Path) -> None:
    identifier = kmipd("cert", "register", file, "--name", "web")

    assert kmipd("cert", "get", identifier).encode() + b"\n" == file.read_bytes()
    assert kmipd.json("cert", "get", identifier)["subject"] == "CN=web.example"
    assert kmipd.json("cert", "show", identifier)["certificate_type"] == "X.509"
    assert kmipd("cert", "list").split("\t")[:3] == [identifier, "web", "CN=web.example"]
    assert kmipd("key", "list") == ""


def test_the_server_issues_and_checks_certificates(kmipd: Shell, tmp_path: Path) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")])
    request = x509.CertificateSigningRequestBuilder(subject).sign(KEY, hashes.SHA256())
    (tmp_path / "me.csr").write_bytes(request.public_bytes(Encoding.PEM))
    issued = kmipd("cert", "certify", "--request", tmp_path / "me.csr", "--name", "me")

    assert kmipd.json("cert", "show", issued)["subject"] == "CN=me"
    assert kmipd("cert", "validate", issued) == "valid"
    assert kmipd.json("cert", "validate", issued) == {"validity_indicator": "Valid"}


@pytest.mark.parametrize("version", ["1.4", "2.1"])
def test_a_certificate_for_a_public_key_of_the_server(kmipd: Shell, version: str) -> None:
    protocol = ("--kmip-version", version)
    _, public = kmipd("key", "pair", "--algorithm", "EC", "--curve", "P-256", *protocol).split("\t")
    issued = kmipd("cert", "certify", public, "--subject", "device", *protocol)

    assert kmipd.json("cert", "show", issued, *protocol)["subject"] == "CN=device"


def test_an_expired_certificate_is_not_valid(kmipd: Shell, tmp_path: Path) -> None:
    (tmp_path / "old.crt").write_bytes(certificate("old.example", -1))
    identifier = kmipd("cert", "register", tmp_path / "old.crt")
    code, out, _ = kmipd.code("cert", "validate", identifier)

    assert (code, out) == (1, "invalid\n")


def test_certificates_that_expire_soon_are_listed(
    kmipd: Shell, server: KmipTestServer, tmp_path: Path, file: Path
) -> None:
    (tmp_path / "soon.crt").write_bytes(certificate("soon.example", 10))
    soon = kmipd("cert", "register", tmp_path / "soon.crt")
    kmipd("cert", "register", file)
    (key,) = server.seed(_key(), names=["k"])
    ends = int(dt.datetime.now(dt.UTC).timestamp()) + 5 * 86_400 + 60
    _set_deactivation(kmipd, server, key, ends)

    rows = kmipd.json("expiring", "--within", "30d")
    assert [(row["unique_identifier"], row["days"]) for row in rows] == [(key, 5), (soon, 9)]
    assert kmipd("expiring", "--within", "1d") == ""
    assert [row["what"] for row in rows] == ["Deactivation Date", "certificate"]


@pytest.mark.parametrize("text", ["soon", "30 fortnights", "-1d", ""])
def test_a_length_of_time_must_be_one(kmipd: Shell, text: str) -> None:
    code, _, err = kmipd.code("expiring", "--within", text)

    assert code == 2
    assert "write for example 30d" in err


def test_no_certificate_is_named(kmipd: Shell, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    code, _, err = kmipd.code("cert", "register", tmp_path / "x")

    assert code == 2
    assert "no X.509 certificate" in err


def _key() -> SymmetricKey:
    return SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16), [CryptographicUsageMask.ENCRYPT])


def _set_deactivation(kmipd: Shell, server: KmipTestServer, key: str, seconds: int) -> None:
    from kmip_app.client import KmipClient
    from kmip_core.attributes import AttributeInstance, AttributeReference

    reference = AttributeReference(attribute="deactivation_date")
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca) as client:
        client.activate(key)
        client.add_attribute(key, new_attribute=AttributeInstance(reference=reference, value=seconds))
