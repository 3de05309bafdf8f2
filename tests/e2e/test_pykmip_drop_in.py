"""Whoever runs PyKMIP's server changes one word: its file, its class, its command, as its users start them."""

import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from kmip.core import enums
from kmip.pie.client import ProxyKmipClient

from kmip_app import KmipServer
from kmip_app.configuration.config import StartError
from kmip_app.pki.authority import Pki, ensure_pki
from tests.server import ROOT

WITHIN = 120  # seconds; a hang limit
OF_THE_DOCUMENT = [
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
]
PINNED = ["AES128-SHA256", "AES256-SHA256", "ECDHE-ECDSA-AES256-SHA384"]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates as openssl would make them, from outside of the server."""
    return ensure_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def one_pem(pki: Pki) -> Path:
    path = pki.directory / "server.pem"
    path.write_bytes(pki.servers[0].key.read_bytes() + pki.servers[0].certificate.read_bytes())
    path.chmod(0o600)
    return path


@contextmanager
def client_of(pki: Pki, port: int) -> Iterator[ProxyKmipClient]:
    client = ProxyKmipClient(
        hostname="127.0.0.1",
        port=port,
        cert=str(pki.client.certificate),
        key=str(pki.client.key),
        ca=str(pki.ca.certificate),
        config_file="/dev/null",
    )
    with client:
        yield client


def use(pki: Pki, port: int) -> str:
    """Create, activate and get a key, as the first use of a server does; return its identifier."""
    with client_of(pki, port) as client:
        identifier = client.create(enums.CryptographicAlgorithm.AES, 256)
        client.activate(identifier)
        assert len(client.get(identifier).value) == 32
        return identifier


def own(tmp_path: Path) -> dict[str, Any]:
    """Keep a test's server away from the user's data directory."""
    return {"data_dir": str(tmp_path / "data")}


def test_the_example_of_the_document_starts_with_other_paths(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "server.conf").write_text("[server]\nhostname=0.0.0.0\nport=1\n")
    server = KmipServer(
        hostname="127.0.0.1",
        port=0,
        certificate_path=str(pki.servers[1].certificate),
        key_path=str(pki.servers[1].key),
        ca_path=str(pki.ca.certificate),
        auth_suite="Basic",
        config_path=str(tmp_path / "server.conf"),
        log_path=str(tmp_path / "log" / "server.log"),
        policy_path=str(tmp_path / "policies"),
        enable_tls_client_auth=True,
        tls_cipher_suites=OF_THE_DOCUMENT,
        logging_level="DEBUG",
        **own(tmp_path),
    )
    with server:
        port = server.port
        use(pki, port)

    log = (tmp_path / "log" / "server.log").read_text()
    assert "kmip.server - INFO - Starting connection service..." in log
    assert f"kmip.server - INFO - Server successfully bound socket handler to 127.0.0.1:{port}\n" in log
    assert "kmipd.transport - DEBUG - 127.0.0.1: TLSv1.2 ECDHE-ECDSA-AES256-SHA384" in log


def test_mongodb_starts_it_with_one_pem_and_no_file(pki: Pki, one_pem: Path, tmp_path: Path) -> None:
    server = KmipServer(
        hostname="localhost",
        port=0,
        certificate_path=str(one_pem),
        ca_path=str(pki.ca.certificate),
        config_path=None,
        auth_suite="TLS1.2",
        log_path=str(tmp_path / "pykmip.log"),
        database_path=str(tmp_path / "pykmip.db"),
        logging_level="DEBUG",
        **own(tmp_path),
    )
    with server:
        identifier = use(pki, server.port)
    again = KmipServer(
        port=0,
        certificate_path=one_pem,
        ca_path=pki.ca.certificate,
        config_path=None,
        database_path=tmp_path / "pykmip.db",
        log_path=None,
        **own(tmp_path),
    )
    with again, client_of(pki, again.port) as client:
        assert len(client.get(identifier).value) == 32


def test_it_serves_in_a_thread_of_a_test_until_it_is_stopped(pki: Pki, one_pem: Path, tmp_path: Path) -> None:
    server = KmipServer(
        port=0, certificate_path=one_pem, ca_path=pki.ca.certificate, config_path=None, log_path=None, ephemeral=True
    )
    server.start()
    thread = threading.Thread(target=server.serve)
    thread.start()
    use(pki, server.port)

    server.stop()
    thread.join(WITHIN)

    assert not thread.is_alive()


def test_serving_inside_a_block_waits_until_stop_is_called(pki: Pki, one_pem: Path) -> None:
    with KmipServer(
        port=0, certificate_path=one_pem, ca_path=pki.ca.certificate, config_path=None, log_path=None, ephemeral=True
    ) as server:
        use(pki, server.port)
        waiting = threading.Thread(target=server.serve)
        waiting.start()
        server.stop()
        waiting.join(WITHIN)

        assert not waiting.is_alive()


def test_a_server_can_be_started_again(pki: Pki, one_pem: Path, tmp_path: Path) -> None:
    server = KmipServer(
        port=0, certificate_path=one_pem, ca_path=pki.ca.certificate, config_path=None, log_path=None, **own(tmp_path)
    )
    with server:
        identifier = use(pki, server.port)
    with server, client_of(pki, server.port) as client:
        assert len(client.get(identifier).value) == 32


def test_servers_of_two_databases_run_side_by_side(
    pki: Pki, one_pem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test beds run ten of them, told apart by port and database_path only."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    common: dict[str, Any] = {
        "port": 0,
        "certificate_path": one_pem,
        "ca_path": pki.ca.certificate,
        "config_path": None,
        "log_path": None,
    }

    with (
        KmipServer(database_path=tmp_path / "one.db", **common) as one,
        KmipServer(database_path=tmp_path / "two.db", **common) as two,
    ):
        assert one.port != two.port

    assert (tmp_path / "one.db.kmipd" / "root.key").exists()
    assert not (tmp_path / "home").exists()


def test_a_server_that_was_never_served_stops_too(pki: Pki, one_pem: Path) -> None:
    server = KmipServer(
        port=0, certificate_path=one_pem, ca_path=pki.ca.certificate, config_path=None, log_path=None, ephemeral=True
    )
    server.start()

    server.stop()
    server.stop()

    assert server.port == 0


def test_all_that_is_wrong_with_the_arguments_is_reported_at_once() -> None:
    with pytest.raises(StartError) as caught:
        KmipServer(port=70_000, auth_suite="TLS1.1", ca_path="/no/such", config_path=None, log_path=None)

    assert str(caught.value).startswith("the configuration has 3 problems")


def test_an_unknown_argument_is_an_error() -> None:
    with pytest.raises(TypeError, match="KmipServer\\(\\) has no setting hostnme"):
        KmipServer(hostnme="x", config_path=None, log_path=None)


def test_a_self_signed_certificate_is_its_own_ca(tmp_path: Path) -> None:
    """VMware's test beds do so, without the extended key usage of clients."""
    authority = trustme.CA()
    certificate, key = tmp_path / "self.pem", tmp_path / "self.key"
    # trustme's CA certificate is self-signed; the client shows the same one, as these test beds do.
    authority.cert_pem.write_to_path(certificate)
    authority.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    server = KmipServer(
        port=0,
        certificate_path=certificate,
        key_path=key,
        ca_path=certificate,
        enable_tls_client_auth=False,
        identity_source="subject",
        config_path=None,
        log_path=None,
        ephemeral=True,
    )
    with server:
        client = ProxyKmipClient(
            "127.0.0.1", server.port, str(certificate), str(key), str(certificate), config_file="/dev/null"
        )
        with client:
            assert client.create(enums.CryptographicAlgorithm.AES, 128)


@pytest.mark.parametrize("suite", PINNED)
def test_a_client_pinned_to_a_suite_of_the_document_gets_in(suite: str) -> None:
    with KmipServer(
        port=0, config_path=None, log_path=None, ephemeral=True, tls_cipher_suites=" ".join(OF_THE_DOCUMENT)
    ) as server:
        assert agreed(server, suite) == ("TLSv1.2", suite)


@pytest.mark.parametrize(
    "suite", ["AES128-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
)
def test_old_clients_get_in_with_the_suite_named_tls_1_2(suite: str) -> None:
    with KmipServer(port=0, config_path=None, log_path=None, ephemeral=True, auth_suite="TLS1.2") as server:
        assert agreed(server, suite) == ("TLSv1.2", suite)


def test_a_failed_handshake_is_one_line_with_what_was_offered(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with (
        KmipServer(port=0, config_path=None, log_path=log, ephemeral=True, auth_suite="TLS1.3") as server,
        pytest.raises(ssl.SSLError),
    ):
        agreed(server, "AES128-SHA256")

    (line,) = [line for line in log.read_text().splitlines() if "handshake failed" in line]
    assert line.endswith(
        "127.0.0.1: TLS handshake failed: unsupported protocol: this server takes TLS 1.3; see auth_suite "
        "(the client offers TLS 1.2 with AES128-SHA256)"
    )


def agreed(server: KmipServer, suite: str) -> tuple[str | None, str]:
    """Connect with one suite only; return the version and suite that were agreed."""
    pki = server.server.pki
    context = ssl.create_default_context(cafile=pki.ca.certificate)
    context.load_cert_chain(pki.client.certificate, pki.client.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return connection.version(), (connection.cipher() or ("",))[0]


def conf(tmp_path: Path, pki: Pki, **more: str) -> Path:
    path = tmp_path / "server.conf"
    settings = {
        "hostname": "127.0.0.1",
        "port": "0",
        "certificate_path": str(pki.servers[0].certificate),
        "key_path": str(pki.servers[0].key),
        "ca_path": str(pki.ca.certificate),
        "auth_suite": "TLS1.2",
        "enable_tls_client_auth": "False",
        "tls_cipher_suites": "\n    AES128-SHA256\n    AES256-SHA256\n    ECDHE-RSA-AES256-SHA384",
        "database_path": str(tmp_path / "kmip.db"),
    }
    path.write_text("[server]\n" + "".join(f"{key}={value}\n" for key, value in (settings | more).items()))
    return path


def test_ceph_starts_the_command_with_a_file_and_a_log(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    log = tmp_path / "log" / "server.log"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kmip_app.cli.pykmip_server"),
            *("-f", str(conf(tmp_path, pki, policy_path=str(tmp_path / "policy")))),
            *("-l", str(log), "--data-dir", str(tmp_path / "data"), "--ready-file", str(tmp_path / "ready.json")),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "serves KMIP on" in line:
                port = int(line.rpartition(":")[2])
                break
        use(pki, port)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN) == 0
    process.stdout.close()

    text = log.read_text()
    assert "Starting connection service..." in text
    assert f"Server successfully bound socket handler to 127.0.0.1:{port}" in text


def test_the_command_says_what_is_wrong_with_its_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "kmip_app.cli.pykmip_server",
            "-f",
            str(tmp_path / "none.conf"),
            "-l",
            str(tmp_path / "l"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == (
        f"kmipd-pykmip-server: {tmp_path / 'none.conf'}: the configuration file does not exist; "
        "correct the path or create it\n"
    )
