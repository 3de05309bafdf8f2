"""New certificates are taken up while the server runs; what does not fit changes nothing (R-TLS-5)."""

import datetime as dt
import logging
import os
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kmip_app import KmipServer
from kmip_app.pki.authority import Bundle, Pki, ensure_pki, issue_client
from kmip_app.pki.certificate_watch import CertificateWatch, RevokedCertificates

WITHIN = 120.0  # seconds; a hang limit


class Contexts:
    """Builds and takes contexts; `error` is what building comes to."""

    def __init__(self) -> None:
        self.built = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.error: Exception | None = None
        self.used: list[ssl.SSLContext] = []

    def build(self) -> ssl.SSLContext:
        if self.error is not None:
            raise self.error
        return self.built


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "server.crt"
    path.write_text("one")
    return path


@pytest.fixture
def contexts() -> Contexts:
    return Contexts()


@pytest.fixture
def watch(path: Path, contexts: Contexts) -> CertificateWatch:
    return CertificateWatch([path, path], contexts.build, contexts.used.append)


def test_unchanged_files_are_not_read_again(watch: CertificateWatch, contexts: Contexts) -> None:
    assert not watch.look()
    assert contexts.used == []


def test_a_change_is_used_once(watch: CertificateWatch, contexts: Contexts, path: Path) -> None:
    path.write_text("another")

    assert watch.look()
    assert not watch.look()
    assert contexts.used == [contexts.built]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("key values mismatch"), id="fail foreseen"),
        pytest.param(RuntimeError("a list that one parser takes and another does not"), id="fail unforeseen"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_reported_and_the_next_change_is_read(
    watch: CertificateWatch, contexts: Contexts, path: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    contexts.error = error
    path.write_text("another")
    with caplog.at_level(logging.ERROR, "kmip_app"):
        assert not watch.look()
    contexts.error = None
    os.utime(path, ns=(1, 1))

    assert watch.look()
    assert f"{path} changed, but not used: {error}" in caplog.text


def test_a_file_that_is_gone_changes_nothing(watch: CertificateWatch, contexts: Contexts, path: Path) -> None:
    contexts.error = FileNotFoundError(path)
    path.unlink()

    assert not watch.look()
    assert contexts.used == []


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("pki"))


@contextmanager
def session(server: KmipServer, pki: Pki, who: Bundle) -> Iterator[ssl.SSLSocket]:
    """Connect with TLS 1.2, where a refusal ends the handshake."""
    context = ssl.create_default_context(cafile=pki.ca.certificate)
    context.load_cert_chain(who.certificate, who.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        yield connection


def serial_served(server: KmipServer, pki: Pki, who: Bundle) -> int:
    """Return the serial number of the server's certificate."""
    with session(server, pki, who) as connection:
        der = connection.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der).serial_number


def test_a_running_server_shows_its_new_certificate(pki: Pki, tmp_path: Path) -> None:
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    for source, target in zip((pki.servers[0].certificate, pki.servers[0].key), (certificate, key), strict=True):
        shutil.copy(source, target)
    with KmipServer(
        port=0,
        certificate_path=certificate,
        key_path=key,
        ca_path=pki.ca.certificate,
        config_path=None,
        log_path=None,
        ephemeral=True,
    ) as server:
        before = serial_served(server, pki, pki.client)
        shutil.copy(pki.servers[1].certificate, certificate)
        shutil.copy(pki.servers[1].key, key)
        ends = time.monotonic() + WITHIN
        while serial_served(server, pki, pki.client) == before:
            assert time.monotonic() < ends, "the new certificate was not taken up"


def revocation_list(pki: Pki, path: Path, *revoked: Bundle, expired: bool = False) -> Path:
    """Write a list that the CA has signed."""
    ca_key = serialization.load_pem_private_key(pki.ca.key.read_bytes(), None)
    assert isinstance(ca_key, rsa.RSAPrivateKey)
    now = dt.datetime.now(dt.UTC)
    issued = now - dt.timedelta(days=2)
    issuer = x509.load_pem_x509_certificate(pki.ca.certificate.read_bytes()).subject
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(issued)
        .next_update(now + dt.timedelta(days=-1 if expired else 1))
    )
    for bundle in revoked:
        serial = x509.load_pem_x509_certificate(bundle.certificate.read_bytes()).serial_number
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(issued).build()
        )
    path.write_bytes(builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def test_the_session_of_a_client_ends_when_it_is_revoked(pki: Pki, tmp_path: Path) -> None:
    bob = issue_client(pki, "bob", tmp_path)
    crl = revocation_list(pki, tmp_path / "crl.pem")
    with (
        KmipServer(
            port=0,
            certificate_path=pki.servers[0].certificate,
            key_path=pki.servers[0].key,
            ca_path=pki.ca.certificate,
            crl_path=crl,
            config_path=None,
            log_path=None,
            ephemeral=True,
        ) as server,
        session(server, pki, bob) as revoked,
        session(server, pki, pki.client) as good,
    ):
        revocation_list(pki, crl, bob)

        assert revoked.recv(1) == b"", "the server closes the session within the refresh time"
        good.settimeout(0.2)
        with pytest.raises(TimeoutError):
            good.recv(1)


@pytest.mark.parametrize("expired", [False, True], ids=["ok in time", "fail expired"])
def test_a_revoked_client_is_refused_and_every_client_under_an_expired_list(
    pki: Pki, tmp_path: Path, expired: bool
) -> None:
    bob = issue_client(pki, "bob", tmp_path)
    crl = revocation_list(pki, tmp_path / "crl.pem", bob, expired=expired)
    with KmipServer(
        port=0,
        certificate_path=pki.servers[0].certificate,
        key_path=pki.servers[0].key,
        ca_path=pki.ca.certificate,
        crl_path=crl,
        config_path=None,
        log_path=None,
        ephemeral=True,
    ) as server:
        with pytest.raises(ssl.SSLError):
            serial_served(server, pki, bob)
        if expired:
            with pytest.raises(ssl.SSLError):
                serial_served(server, pki, pki.client)
        else:
            assert serial_served(server, pki, pki.client)


def test_revoked_certificates_are_known_by_issuer_and_number(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    issuer, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "One")]), dt.datetime.now(dt.UTC)
    entry = x509.RevokedCertificateBuilder().serial_number(0xA1).revocation_date(now).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer).last_update(now)
    made = builder.next_update(now + dt.timedelta(days=1)).add_revoked_certificate(entry).sign(key, hashes.SHA256())
    path = tmp_path / "lists.crl"
    revoked = RevokedCertificates(lambda: path)
    revoked.read()
    assert not revoked.has("CN=One", "a1")
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    revoked.read()

    assert revoked.has("CN=One", "a1")
    assert not revoked.has("CN=Two", "a1")
    assert not revoked.has("CN=One", "a2")
    assert not RevokedCertificates(lambda: None).has("CN=One", "a1")
