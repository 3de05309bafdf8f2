"""One server with certificates of the operator's CA: the age of its trail, warnings, names of clients, syslog."""

import datetime as dt
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path

import pytest
from attrs import evolve, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.e2e.dialogue import Dialogue
from tests.e2e.operations.conftest import eventually
from tests.server import StartedServer, printed_with, run, running

WITHIN = 120  # seconds; a hang limit
NAMES: dict[str, tuple[x509.GeneralName, ...]] = {
    "all three": (x509.DNSName("host.example"), x509.RFC822Name("ops@example.org")),
    "name of a host": (x509.DNSName("other.example"),),
    "common name": (),
}
"""The common name of each client, and its alternative names."""


class Authority:
    """A CA of an operator's own, whose certificates last as many days as a test wants."""

    def __init__(self, folder: Path, days: int) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")])
        self._key = ec.generate_private_key(ec.SECP256R1())
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = self._write("authority", self._name, self._key, days, (basic,))

    def issue(self, name: str, alternatives: tuple[x509.GeneralName, ...], days: int) -> Path:
        """Return a certificate whose key is beside it."""
        key = ec.generate_private_key(ec.SECP256R1())
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
        extensions: list[x509.ExtensionType] = [x509.BasicConstraints(ca=False, path_length=None), purposes]
        extensions += [x509.SubjectAlternativeName(alternatives)] if alternatives else []
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        path = self._write(name, subject, key, days, tuple(extensions))
        content = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.with_suffix(".key").write_bytes(content)
        path.with_suffix(".key").chmod(0o600)
        return path

    def _write(
        self,
        name: str,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        days: int,
        extensions: tuple[x509.ExtensionType, ...],
    ) -> Path:
        now = dt.datetime.now(dt.UTC)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=days, hours=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(issuer, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        path = self._folder / f"{name}.crt"
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path


class TlsSyslog:
    """A receiver of RFC 5425: messages with counted octets over TLS."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.messages: list[bytes] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the end of the connection and close."""
        self._thread.join(WITHIN)
        self._listening.close()

    def _receive(self) -> None:
        plain, _ = self._listening.accept()
        with self._context.wrap_socket(plain, server_side=True) as connection, connection.makefile("rb") as stream:
            while (length := b"".join(iter(lambda: stream.read(1).strip(), b""))).isdigit():
                self.messages.append(stream.read(int(length)))


@frozen
class Scene:
    """The server, its files, its clients' certificates, and what syslog got."""

    server: StartedServer
    folder: Path
    clients: dict[str, Path]
    syslog: TlsSyslog

    def dialogue(self, name: str) -> Dialogue:
        """Return a session of a client."""
        certificate = self.clients[name]
        return Dialogue(evolve(self.server, cert=certificate, key=certificate.with_suffix(".key")))

    def audit(self, verb: str, *arguments: str) -> str:
        """Return what a command of the audit trail prints."""
        done = run("audit", verb, "--data-dir", str(self.folder / "data"), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("dates")
    authority = Authority(folder, days=20)
    here = (x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost"))
    certificate, receiver = (authority.issue(name, here, days=5) for name in ("server", "syslog"))
    syslog = TlsSyslog(receiver)
    arguments = {
        "--certificate_path": certificate,
        "--key_path": certificate.with_suffix(".key"),
        "--ca_path": authority.certificate,
        "--data-dir": folder / "data",
        "--admin-address": "127.0.0.1:0",
        "--identity-source": "email dns cn",
        "--audit-file-age": "1",
        "--audit-syslog": f"tls://127.0.0.1:{syslog.port}?ca={authority.certificate}",
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    clients = {name: authority.issue(name, alternatives, days=20) for name, alternatives in NAMES.items()}
    with running(folder, *words) as server:
        yield Scene(evolve(server, ca=authority.certificate), folder, clients, syslog)
    syslog.close()


def test_the_first_source_that_a_certificate_has_names_the_client(scene: Scene) -> None:
    made = {}
    for name in NAMES:
        with scene.dialogue(name) as client:
            made[client.create(name)] = name

    shown = [json.loads(line) for line in scene.audit("show", "--json", "--operation", "Create").splitlines()]
    found = {
        made[one["unique_identifiers"][0]]: one["principal"] for one in shown if one["unique_identifiers"][0] in made
    }
    assert found == {"all three": "ops@example.org", "name of a host": "other.example", "common name": "common name"}


def test_the_end_of_certificates_is_warned_of_in_log_metric_and_status(scene: Scene) -> None:
    address = json.loads((scene.folder / "ready.json").read_text())["admin"]
    connection = HTTPConnection(address, timeout=WITHIN)
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    status = run("status", "--address", address).stdout

    for kind, name, days in (("server", "server", 5), ("ca", "authority", 20)):
        path = re.escape(str(scene.folder / f"{name}.crt"))
        printed = printed_with(scene.server.output, f"{name}.crt: ")
        assert re.search(rf"WARNING - {path}: CN=\w+ ends in {days} days, on \d{{4}}-", printed), printed
        sample = re.search(
            rf'kmipd_certificate_days_left{{kind="{kind}",path="{path}",serial="\w+"}} ([\d.]+)', metrics
        )
        assert sample is not None
        assert days < float(sample[1]) < days + 1
        assert re.search(rf"{kind} +{days}\.\d+ days left +{path}", status), status


def test_a_file_of_the_trail_is_set_aside_by_age_and_the_chain_goes_on(scene: Scene) -> None:
    folder = scene.folder / "data" / "audit"
    made = 0
    with scene.dialogue("common name") as client:

        def are_set_aside() -> bool:
            nonlocal made
            client.create(f"by age {made}")
            made += 1
            return len(list(folder.glob("main.*.jsonl"))) >= 2

        eventually(are_set_aside, "two files are set aside")

    assert scene.audit("verify").startswith("whole: main ")
    shown = [json.loads(line) for line in scene.audit("export", "--format", "jsonl").splitlines()]
    assert [one["sequence"] for one in shown] == list(range(1, len(shown) + 1))
    oldest, second = sorted(folder.glob("main.*.jsonl"))[:2]
    last, first = (json.loads(path.read_text().splitlines()[at]) for path, at in ((oldest, -1), (second, 0)))
    assert (first["sequence"], first["previous"]) == (last["sequence"] + 1, last["hash"])


def test_records_go_to_syslog_over_tls(scene: Scene) -> None:
    with scene.dialogue("all three") as client:
        identifier = client.create("over TLS")

    def of_it() -> list[bytes]:
        return [message for message in scene.syslog.messages if identifier.encode() in message]

    eventually(lambda: bool(of_it()), "the record has arrived")
    form = rb"<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ kmipd \d+ audit - (\{.*\})"
    found = re.fullmatch(form, of_it()[0])
    assert found is not None
    record = json.loads(found[1])
    assert (record["operation"], record["principal"]) == ("CREATE", "ops@example.org")
