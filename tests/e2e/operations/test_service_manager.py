"""systemd's side of the server: notifications, watchdog, socket activation, folders, credentials."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_adapters.transport.client import TlsTtlvClient
from tests.e2e.operations.conftest import eventually
from tests.server import ROOT, command

WITHIN = 120.0  # seconds; a hang limit


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[socket.socket]:
    """What a service manager listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(WITHIN)
        yield sock


def heard(notices: socket.socket, state: str) -> str:
    while True:
        told = notices.recv(4_096).decode()
        if state in told.split("\n"):
            return told


@pytest.fixture
def started(tmp_path: Path, notices: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    folders = {}
    for name in ("STATE", "LOGS", "CREDENTIALS"):
        (tmp_path / name).mkdir()
        folders[f"{name}_DIRECTORY"] = str(tmp_path / name)
    (tmp_path / "CREDENTIALS" / "root").write_text("a passphrase that is long enough\n")
    process = subprocess.Popen(
        command("serve", "--port", "0", "--ready-file", str(tmp_path / "ready.json")),
        cwd=ROOT,
        env=os.environ
        | folders
        | {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "400000",
            "KMIPD_ROOT_KEY_PASSPHRASE": "credential:root",
        },
    )
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN) == 0


def test_the_service_manager_hears_of_everything(
    started: subprocess.Popen[bytes], notices: socket.socket, tmp_path: Path
) -> None:
    ready = heard(notices, "READY=1")
    assert "STATUS=serves KMIP on 127.0.0.1:" in ready
    heard(notices, "WATCHDOG=1")
    heard(notices, "WATCHDOG=1")  # again and again
    started.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in heard(notices, "RELOADING=1")
    heard(notices, "READY=1")
    started.send_signal(signal.SIGTERM)
    heard(notices, "STOPPING=1")
    assert started.wait(WITHIN) == 0  # a second signal might come when its handler is gone


def test_its_folders_and_credentials_are_used(
    started: subprocess.Popen[bytes], notices: socket.socket, tmp_path: Path
) -> None:
    heard(notices, "READY=1")

    assert (tmp_path / "STATE" / "kmipd.sqlite").exists()
    assert not (tmp_path / "STATE" / "root.key").exists()  # made of the credential
    assert "Starting connection service" in (tmp_path / "LOGS" / "kmipd.log").read_text()


ACTIVATED = """\
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sockets_that_are_handed_over_are_served(tmp_path: Path, notices: socket.socket, workers: str) -> None:
    ready = tmp_path / "ready.json"
    here = ("127.0.0.1", 0)
    with (
        socket.create_server(here) as kmip,
        socket.create_server(here) as admin,
        socket.create_server(here) as https,
    ):
        kmip_port, admin_port, https_port = (sock.getsockname()[1] for sock in (kmip, admin, https))
        words = command("serve", "--data-dir", str(tmp_path / "data"), "--ready-file", str(ready), "--workers", workers)
        handed = (admin.fileno(), kmip.fileno(), https.fileno())
        process = subprocess.Popen(
            [sys.executable, "-c", _DESCRIPTORS + ACTIVATED, *words[1:]],
            cwd=ROOT,
            env=os.environ
            | {"LISTEN_FDS": "3", "LISTEN_FDNAMES": "admin:kmip:https", "HANDED": ",".join(map(str, handed))}
            | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"},
            pass_fds=handed,
        )
        try:
            eventually(lambda: ready.exists() or process.poll() is not None, "it is ready")
            told = json.loads(ready.read_text())
            assert (told["port"], told["admin"]) == (kmip_port, f"127.0.0.1:{admin_port}")
            assert told["https_port"] == https_port
            assert f"MAINPID={process.pid}" in heard(notices, "READY=1")
            heard(notices, "WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            heard(notices, "RELOADING=1")
            heard(notices, "READY=1")
            with TlsTtlvClient("127.0.0.1", kmip_port, *(Path(told[name]) for name in ("ca", "cert", "key"))) as client:
                assert client.socket.getpeercert() is not None
        finally:
            process.terminate()
            assert process.wait(WITHIN) == 0
        heard(notices, "STOPPING=1")


_DESCRIPTORS = """\
import fcntl, os
away = [fcntl.fcntl(int(n), fcntl.F_DUPFD, 50) for n in os.environ.pop("HANDED").split(",")]
for place, number in enumerate(away, 3):
    os.dup2(number, place)
"""
