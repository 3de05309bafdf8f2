"""`kmipd doctor`: each thing that can be wrong, made wrong, and found."""

import contextlib
import datetime as dt
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_app.testing import KmipTestServer
from tests.unit.kmip_app.cli.conftest import Shell, options_of

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def checks(shell: Shell, *words: str | Path) -> dict[str, tuple[str, str, str]]:
    """Return what was found: check -> result, text, remedy."""
    code, out, err = shell.code("doctor", *words, "--json")
    assert out, err
    report = json.loads(out)
    assert report["ok"] is (code == 0)
    assert code in (0, 1)
    return {one["check"]: (one["result"], one["text"], one.get("remedy", "")) for one in report["checks"]}


def client_files(
    server: KmipTestServer,
    folder: Path,
    *,
    eku: Any = ExtendedKeyUsageOID.CLIENT_AUTH,
    begins: dt.datetime = NOW - DAY,
    ends: dt.datetime = NOW + 365 * DAY,
) -> tuple[str, ...]:
    """Return options for a client certificate of the server's CA that is as it is wanted."""
    pki = server._pki
    ca = x509.load_pem_x509_certificate(pki.ca.certificate.read_bytes())
    ca_key = serialization.load_pem_private_key(pki.ca.key.read_bytes(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "patient")])
    builder = x509.CertificateBuilder(ca.subject, name, KEY.public_key(), x509.random_serial_number(), begins, ends)
    if eku is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([eku]), critical=False)
    certificate = builder.sign(ca_key, hashes.SHA256())  # type: ignore[arg-type]
    (folder / "p.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    (folder / "p.key").touch(0o600)
    pem = KEY.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "p.key").write_bytes(pem)
    return ("--cert", str(folder / "p.crt"), "--key", str(folder / "p.key"))


def test_a_good_connection_is_well(kmipd: Shell) -> None:
    found = checks(kmipd)

    assert {result for result, _, _ in found.values()} == {"ok"}
    assert list(found) == [
        *("CA", "private key", "client certificate", "address", "TCP", "TLS", "server certificate", "server name"),
        *("client authentication", "KMIP version", "clocks", "policy"),
    ]


@pytest.mark.parametrize("form", ["plain", "table"])
def test_people_read_it_too(kmipd: Shell, form: str) -> None:
    text = kmipd("doctor", "--format", form)
    assert "the server takes this client" in text

    code, out, _ = kmipd.code("doctor", "--format", form, "--server-name", "kms.example")
    assert code == 1
    assert "the certificate is not for kms.example; it has localhost" in out
    assert "--server-name" in out


def test_a_wrong_ca(kmipd: Shell) -> None:
    with KmipTestServer(own_ca=True) as other:
        result, text, remedy = checks(kmipd, "--ca", other.ca)["server certificate"]

    assert (result, "is not trusted" in text or "certificate" in text) == ("failed", True)
    assert "--ca" in remedy


def test_a_client_certificate_of_another_ca(kmipd: Shell) -> None:
    with KmipTestServer(own_ca=True) as other:
        found = checks(kmipd, "--cert", other.cert, "--key", other.key)

    result, _, remedy = found.get("client authentication") or found["TLS"]
    assert result == "failed"
    assert "CA" in remedy


def test_a_client_certificate_that_is_not_for_clients(kmipd: Shell, server: KmipTestServer, tmp_path: Path) -> None:
    found = checks(kmipd, *client_files(server, tmp_path, eku=ExtendedKeyUsageOID.SERVER_AUTH))

    assert found["client certificate"][0] == "failed"
    assert "clientAuth" in found["client certificate"][1]


def test_a_client_certificate_without_extended_key_usage(kmipd: Shell, server: KmipTestServer, tmp_path: Path) -> None:
    found = checks(kmipd, *client_files(server, tmp_path, eku=None))

    assert "has no Extended Key Usage" in found["client certificate"][1]
    result, text, remedy = found["client authentication"]
    assert (result, "clientAuth" in remedy) == ("failed", True), text


@pytest.mark.parametrize(
    ("begins", "ends", "text"),
    [
        pytest.param(NOW - 10 * DAY, NOW - DAY, "has expired", id="expired"),
        pytest.param(NOW + DAY, NOW + 10 * DAY, "is not valid yet", id="not yet valid"),
    ],
)
def test_a_client_certificate_that_is_not_valid_now(
    kmipd: Shell, server: KmipTestServer, tmp_path: Path, begins: dt.datetime, ends: dt.datetime, text: str
) -> None:
    result, said, _ = checks(kmipd, *client_files(server, tmp_path, begins=begins, ends=ends))["client certificate"]

    assert (result, text in said, "this machine has" in said) == ("failed", True, True)


def test_no_client_certificate(shell: Callable[..., Shell], server: KmipTestServer) -> None:
    found = checks(shell("--host", "localhost", "--port", server.port, "--ca", server.ca))

    assert found["client authentication"][0] == "failed"
    assert "--cert" in found["client authentication"][2]


def test_files_that_do_not_belong_together(kmipd: Shell, server: KmipTestServer, tmp_path: Path) -> None:
    key = client_files(server, tmp_path)[3]
    assert "is not the key of" in checks(kmipd, "--key", key)["private key"][1]
    (tmp_path / "empty").write_bytes(b"")
    for option, check in (("--ca", "CA"), ("--cert", "client certificate"), ("--key", "private key")):
        for path in (tmp_path / "nothing", tmp_path / "empty"):
            assert checks(kmipd, option, path)[check][0] == "failed"


def test_a_key_that_others_can_read(kmipd: Shell, server: KmipTestServer, tmp_path: Path) -> None:
    options = client_files(server, tmp_path)
    Path(options[3]).chmod(0o644)
    code, out, _ = kmipd.code("doctor", *options, "--format", "plain")

    assert code == 0
    assert f"chmod 600 {options[3]}" in out


def test_a_port_where_nothing_listens(kmipd: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert "nothing listens there" in checks(kmipd, "--port", str(port))["TCP"][2]


def test_a_host_that_does_not_exist(kmipd: Shell) -> None:
    assert checks(kmipd, "--host", "no-such-host.invalid")["address"][0] == "failed"


@contextlib.contextmanager
def plain_server(answer: bytes) -> Iterator[int]:
    """Listen without TLS and answer so to every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65_536)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def test_a_port_that_speaks_something_else(kmipd: Shell) -> None:
    with plain_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = checks(kmipd, "--port", str(port))

    assert "speaks no TLS" in found["TLS"][2]
    assert list(found)[-1] == "TLS"


def test_a_server_with_old_suites_alone(kmipd: Shell) -> None:
    with KmipTestServer(auth_suite="TLS1.2", tls_cipher_suites=["AES128-SHA"]) as old:
        found = checks(kmipd, *options_of(old))

    assert found["TLS"][0] == "failed"
    assert "TLS 1.2 with old suites" in found["TLS versions and suites"][1]


def test_versions_that_do_not_meet(kmipd: Shell) -> None:
    assert checks(kmipd, "--kmip-version", "9.9")["KMIP version"][0] == "failed"


def test_clocks_that_differ(kmipd: Shell, server: KmipTestServer) -> None:
    server.clock.advance(seconds=3_600)
    try:
        result, text, _ = checks(kmipd)["clocks"]
    finally:
        server.clock.reset()

    assert (result, "ahead" in text) == ("failed", True)


def test_a_policy_that_refuses(kmipd: Shell, server: KmipTestServer) -> None:
    server.fail_next("Locate", "Permission Denied", message="no")
    result, text, remedy = checks(kmipd)["policy"]

    assert (result, "Permission Denied" in text, "rights" in remedy) == ("failed", True, True)


def test_it_works_without_a_server_s_data(shell: Callable[..., Shell], home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = checks(shell("--port", port))

    assert found["CA"][0] == "failed"
    assert not home.exists()
