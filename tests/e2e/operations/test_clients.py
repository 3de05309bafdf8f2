"""Certificates of clients, from the first to the last day, beside a running server."""

import contextlib
import datetime as dt
import json
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_app.monitoring.probe import DISCOVER_VERSIONS
from kmip_app.pki import authority
from tests.e2e.dialogue import Dialogue
from tests.e2e.operations.conftest import Start, eventually
from tests.server import StartedServer, printed_with, run, running

WITHIN = 120  # seconds; a hang limit


def client(data: Path, verb: str, *arguments: str) -> str:
    done = run("client", verb, "--data-dir", str(data), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(data: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in json.loads(client(data, "list", "--json")):
        found.setdefault(row["name"], []).append(row)
    return found


def is_served(server: StartedServer, cert: Path, key: Path) -> bool:
    try:
        with TlsTtlvClient(server.host, server.port, server.ca, cert, key) as connection:
            return bool(connection.exchange(DISCOVER_VERSIONS))
    except OSError:
        return False


def a_request(tmp_path: Path, name: str) -> tuple[Path, Path]:
    """Return the files of a signing request and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / f"{name}.csr", tmp_path / f"{name}-own.key"
    files[0].write_bytes(request.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_a_client_is_added_listed_and_revoked_in_an_open_session(start: Start, tmp_path: Path) -> None:
    server, data, out = start(), tmp_path / "data", tmp_path / "alice"
    told = client(data, "add", "alice", "--out", str(out)).split()
    assert [Path(path).name for path in told] == ["alice.crt", "alice.key", "alice.pem", "ca.crt"]
    assert (out / "alice.key").stat().st_mode & 0o777 == (out / "alice.pem").stat().st_mode & 0o777 == 0o600
    with server.client(out / "alice.crt", out / "alice.key") as session:
        assert [row["state"] for row in listed(data)["alice"]] == ["valid"]
        assert client(data, "revoke", "alice").startswith("revoked ")
        session.socket.settimeout(WITHIN)
        with contextlib.suppress(ssl.SSLError):
            assert session.socket.recv(1) == b""  # the server ends it
    # Each worker looks at the list of revoked certificates once a second.
    eventually(lambda: not is_served(server, out / "alice.crt", out / "alice.key"), "it is refused everywhere")
    assert is_served(server, server.cert, server.key)  # others go on
    assert [row["state"] for row in listed(data)["alice"]] == ["revoked"]


def test_the_list_shows_when_a_client_was_last_seen(start: Start, tmp_path: Path) -> None:
    server = start()
    with Dialogue(server):
        eventually(lambda: bool(listed(tmp_path / "data")["client"][0]["last_seen"]), "it is noted")


def test_signing_requests_are_signed_and_renewed_for_the_same_key(start: Start, tmp_path: Path) -> None:
    server, data = start(), tmp_path / "data"
    csr, key = a_request(tmp_path, "appliance")
    cert = tmp_path / "appliance.crt"
    client(data, "sign-csr", str(csr), "--days", "10", "--out", str(cert))
    assert is_served(server, cert, key)

    renewed = tmp_path / "renewed.crt"
    renewed.write_text(client(data, "renew", "appliance"))
    assert is_served(server, renewed, key)
    old, new = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (cert, renewed))
    assert old.public_key() == new.public_key()
    assert (new.not_valid_after_utc - old.not_valid_after_utc) > dt.timedelta(days=700)


@pytest.mark.parametrize("name", ["a/b", ".x", "x" * 65])
def test_a_request_for_a_name_that_cannot_be_is_refused(start: Start, tmp_path: Path, name: str) -> None:
    start()
    csr, _ = a_request(tmp_path, "good")

    done = run("client", "sign-csr", "--data-dir", str(tmp_path / "data"), str(csr), "--name", name)

    assert done.returncode == 2
    assert "a client's name" in done.stderr


def test_bundles_for_every_product(start: Start, tmp_path: Path) -> None:
    server, data, out = start(), tmp_path / "data", tmp_path / "bob"
    client(data, "add", "bob", "--out", str(out))
    (out / "bob.pem").unlink()
    secret = tmp_path / "password"
    secret.write_text("for the keystore")
    secret.chmod(0o600)

    client(data, "bundle", "bob", "--out", str(out), "--password", f"file:{secret}")
    key, certificate, others = pkcs12.load_key_and_certificates((out / "bob.p12").read_bytes(), b"for the keystore")
    assert key is not None
    assert certificate is not None
    assert [one.subject for one in others] == [certificate.issuer]
    client(data, "bundle", "bob", "--out", str(out), "--format", "pem")
    assert is_served(server, out / "bob.pem", out / "bob.pem")
    client(data, "bundle", "bob", "--out", str(tmp_path / "files"), "--key", str(out / "bob.key"), "--format", "files")
    assert {path.name for path in (tmp_path / "files").iterdir()} == {"bob.crt", "bob.key", "ca.crt"}


def test_a_removed_client_is_revoked_and_not_listed(start: Start, tmp_path: Path) -> None:
    server, data, out = start(), tmp_path / "data", tmp_path / "carol"
    client(data, "add", "carol", "--out", str(out))
    client(data, "remove", "carol")

    assert "carol" not in listed(data)
    eventually(lambda: not is_served(server, out / "carol.crt", out / "carol.key"), "it is refused")


def test_the_ready_file_and_client_cert_name_the_bundle(start: Start, tmp_path: Path) -> None:
    server = start()
    ready = json.loads((tmp_path / "ready.json").read_text())
    assert is_served(server, Path(ready["pem"]), Path(ready["pem"]))

    done = run("client-cert", "dave", "--data-dir", str(tmp_path / "data"), "--out", str(tmp_path / "dave"))
    assert "kmipd client bundle" in done.stderr
    assert "dave" in listed(tmp_path / "data")


def test_the_authority_is_renewed_and_both_are_trusted(start: Start, tmp_path: Path) -> None:
    server, data = start(), tmp_path / "data"
    old_ca = tmp_path / "old-ca.crt"
    old_ca.write_bytes(server.ca.read_bytes())
    done = run("pki", "renew-ca", "--data-dir", str(data))
    assert done.returncode == 0, done.stderr
    assert server.ca.read_bytes().count(b"BEGIN CERTIFICATE") == 2

    assert is_served(server, server.cert, server.key)  # an old certificate, trusting the new file
    client(data, "add", "erin", "--out", str(tmp_path / "erin"))
    with TlsTtlvClient(  # a new certificate, trusting the old file
        server.host, server.port, old_ca, tmp_path / "erin" / "erin.crt", tmp_path / "erin" / "erin.key"
    ) as connection:
        assert connection.socket.getpeercert() is not None
    server.stop()
    assert is_served(start(), tmp_path / "erin" / "erin.crt", tmp_path / "erin" / "erin.key")


def test_an_authority_that_is_over_is_reported_with_the_remedy(tmp_path: Path) -> None:
    data = tmp_path / "data"
    authority.ensure_pki(data / "pki", now=dt.datetime(2010, 1, 1, tzinfo=dt.UTC), ca_key_bits=2_048)

    refused = run("serve", "--port", "0", "--data-dir", str(data))
    assert refused.returncode == 2
    assert "pki/ca.crt holds from 2009-12-31" in refused.stderr
    assert "kmipd pki renew-ca" in refused.stderr
    assert run("pki", "renew-ca", "--data-dir", str(data)).returncode == 0
    assert run("client", "add", "frank", "--data-dir", str(data), "--out", str(tmp_path)).returncode == 0


def test_server_certificates_are_renewed_in_the_running_server_and_the_end_of_others_warned_of(
    start: Start, tmp_path: Path
) -> None:
    """The first start makes certificates; they are replaced by ones with a tenth of their life left."""
    data = tmp_path / "data"
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=800)
    authority.ensure_pki(data / "pki", now=long_ago, ca_key_bits=2_048)
    before = (data / "pki" / "server-ec.crt").read_bytes()
    server = start()

    assert (data / "pki" / "server-ec.crt").read_bytes() != before
    with server.client() as connection:
        assert connection.socket.getpeercert() is not None


def test_the_end_of_ones_own_certificate_is_warned_of(start: Start, tmp_path: Path) -> None:
    pki = authority.ensure_pki(
        tmp_path / "own", now=dt.datetime.now(dt.UTC) - dt.timedelta(days=820), ca_key_bits=2_048
    )
    server = start("-c", str(pki.servers[0].certificate), "-k", str(pki.servers[0].key))

    told = printed_with(server.output, "put a new certificate there")
    assert "server-rsa.crt" in told
    assert "ends in 4 days" in told or "ends in 5 days" in told


def test_certificate_names_are_added(start: Start) -> None:
    server = start("--certificate-names", "kms.example, 192.0.2.7")
    with server.client() as connection:
        names = connection.socket.getpeercert()["subjectAltName"]  # type: ignore[index]

    assert {("DNS", "kms.example"), ("IP Address", "192.0.2.7"), ("DNS", "localhost")} <= set(names)


def test_an_issuing_authority_alone_is_trusted_for_what_it_issues(start: Start, tmp_path: Path) -> None:
    """ca_path holds an intermediate CA without its root: its clients come in, those of its siblings do not."""
    root_key, keys = ec.generate_private_key(ec.SECP256R1()), [ec.generate_private_key(ec.SECP256R1()) for _ in "ab"]
    issuing = [a_certificate(name, key, "root", root_key, is_ca=True) for name, key in zip("ab", keys, strict=True)]
    (tmp_path / "ca.crt").write_bytes(issuing[0].public_bytes(serialization.Encoding.PEM))
    server = start("--ca_path", str(tmp_path / "ca.crt"))
    server.ca = tmp_path / "data" / "pki" / "ca.crt"
    for name, key, is_let_in in (("a", keys[0], True), ("b", keys[1], False)):
        own = ec.generate_private_key(ec.SECP256R1())
        leaf = a_certificate(f"client of {name}", own, name, key, is_ca=False)
        files = tmp_path / f"{name}.pem"
        files.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + pem_of(own))
        assert is_served(server, files, files) is is_let_in, name


def a_certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, is_ca: bool
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_an_empty_hostname_listens_on_every_interface(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "server.conf"
    config.write_text("[server]\nhostname=\n")
    server = start("-f", str(config))

    assert server.host == "127.0.0.1"
    assert is_served(server, server.cert, server.key)
    listening = Path("/proc/net/tcp6").read_text() + Path("/proc/net/tcp").read_text()
    assert any(f" {address}:{server.port:04X} " in listening for address in ("0" * 8, "0" * 32))


def test_check_config_judges_dates(tmp_path: Path) -> None:
    pki = authority.ensure_pki(
        tmp_path / "own", now=dt.datetime.now(dt.UTC) - dt.timedelta(days=4_000), ca_key_bits=2_048
    )
    own = authority.ensure_pki(tmp_path / "pki", ca_key_bits=2_048)
    files = ("-c", str(own.servers[0].certificate), "-k", str(own.servers[0].key))

    done = run("check-config", "--data-dir", str(tmp_path / "data"), *files, "-a", str(pki.ca.certificate))

    assert done.returncode == 2
    assert "ca_path" in done.stderr
    assert "ended on" in done.stderr


def enrol(server: StartedServer, tmp_path: Path, token: str, csr: bytes, method: str = "POST", path: str = "/enrol"):
    """Return the status and the body."""
    context = ssl.create_default_context(cafile=server.ca)
    address = json.loads((tmp_path / "ready.json").read_text())["enrol"]
    connection = HTTPSConnection(address, timeout=WITHIN, context=context)
    connection.request(method, path, body=csr or None, headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    return response.status, response.read()


def test_a_token_is_redeemed_once_over_a_listener_of_its_own(start: Start, tmp_path: Path) -> None:
    server, data = start("--enrol-address", "127.0.0.1:0"), tmp_path / "data"
    csr, key = a_request(tmp_path, "appliance")
    token = client(data, "token", "appliance").strip()
    assert enrol(server, tmp_path, "x" * 32, csr.read_bytes())[0] == 403

    status, pem = enrol(server, tmp_path, token, csr.read_bytes())
    assert status == 200
    cert = tmp_path / "appliance.crt"
    cert.write_bytes(pem)
    assert is_served(server, cert, key)
    assert pem.endswith(server.ca.read_bytes())
    assert enrol(server, tmp_path, token, csr.read_bytes())[0] == 403  # it is used up
    assert listed(data)["appliance"][0]["state"] == "valid"
    trail = (data / "audit" / "main.jsonl").read_text()
    assert '"event":"Enrolled"' in trail
    assert '"event":"Enrolment refused"' in trail
    assert token not in trail + server.output.read_text() + (data / "clients" / "clients.json").read_text()


def test_an_appliance_waits_for_approval(start: Start, tmp_path: Path) -> None:
    server, data = start("--enrol-address", "127.0.0.1:0"), tmp_path / "data"
    csr, key = a_request(tmp_path, "san01")
    status, body = enrol(server, tmp_path, client(data, "token", "--approve").strip(), csr.read_bytes())
    request_id = json.loads(body)["request_id"]
    where = f"/enrol?request={request_id}"
    assert status == 202
    assert enrol(server, tmp_path, "", b"", "GET", where)[0] == 202
    assert [row["state"] for row in listed(data)["san01"]] == ["pending"]

    client(data, "sign-csr", "--pending", request_id[:10])
    status, pem = enrol(server, tmp_path, "", b"", "GET", where)
    assert status == 200
    (tmp_path / "san01.crt").write_bytes(pem)
    assert is_served(server, tmp_path / "san01.crt", key)
    assert enrol(server, tmp_path, "", b"", "GET", "/enrol?request=x")[0] == 404


def test_a_token_that_is_over_or_for_a_name_that_is_taken_is_refused(start: Start, tmp_path: Path) -> None:
    server, data = start("--enrol-address", "127.0.0.1:0"), tmp_path / "data"
    csr, _ = a_request(tmp_path, "late")
    over = client(data, "token", "--lifetime", "1").strip()
    eventually(lambda: enrol(server, tmp_path, over, b"no request")[1].find(b"not known, used up or over") > 0, "over")
    taken, _ = a_request(tmp_path, "client")
    for request in (taken.read_bytes(), b"no request"):
        status, body = enrol(server, tmp_path, client(data, "token").strip(), request)
        assert (status, b"error" in body) == (403, True)
    assert "late" not in listed(data)
    assert csr.exists()


@pytest.fixture(scope="module")
def enrolling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    """A server at which clients can enrol."""
    folder = tmp_path_factory.mktemp("enrolling")
    with running(folder, "--data-dir", str(folder / "data"), "--enrol-address", "127.0.0.1:0") as server:
        yield server


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /enrol HTTP/1.1\r\nContent-Length: 16385", 413),
        ("POST /enrol HTTP/1.1\r\nContent-Length: many", 413),
        ("POST /enrol HTTP/1.1", 413),
        ("POST /enrol HTTP/1.1\r\nX: " + "x" * 8_200, 431),
        ("POST /kmip HTTP/1.1\r\nContent-Length: 0", 405),
        ("DELETE /enrol HTTP/1.1", 405),
        ("GET /metrics HTTP/1.1", 404),
        ("POST /enrol HTTP/1.1\r\nContent-Length: 0", 403),
    ],
    ids=["too much", "no length", "without a length", "a long head", "KMIP", "DELETE", "metrics", "without a token"],
)
def test_enrolment_reads_no_more_than_a_request_needs_and_serves_nothing_else(
    enrolling: StartedServer, head: str, status: int
) -> None:
    host, _, port = json.loads((enrolling.output.parent / "ready.json").read_text())["enrol"].rpartition(":")
    context = ssl.create_default_context(cafile=enrolling.ca)
    with (
        socket.create_connection((host, int(port)), WITHIN) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        tls.sendall(f"{head}\r\n\r\n".encode())
        assert tls.recv(12) == f"HTTP/1.1 {status}".encode()


def test_there_is_no_enrolment_unless_it_is_wanted(start: Start, tmp_path: Path) -> None:
    start()

    assert "enrol" not in json.loads((tmp_path / "ready.json").read_text())
