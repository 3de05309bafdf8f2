"""PyKMIP 0.11 in a virtual environment of its own, with its database in a temporary directory."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import platformdirs

from benchmarks import certificates
from benchmarks.load import Endpoint
from benchmarks.server import running

REQUIREMENT: Final = "pykmip==0.11.0"

_CONFIGURATION: Final = """\
[server]
hostname=127.0.0.1
port={port}
certificate_path={directory}/server.crt
key_path={directory}/server.key
ca_path={directory}/ca.crt
auth_suite=TLS1.2
policy_path={directory}/policy
database_path={directory}/pykmip.database
"""


def python_with_pykmip() -> Path:
    """The interpreter of the cached environment; makes it and installs PyKMIP there the first time."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory = Path(platformdirs.user_cache_dir("kmipd-benchmarks")) / f"pykmip-0.11.0-python{version}"
    python = directory / "bin" / "python"
    complete = directory / "complete"
    if not complete.exists():
        venv.create(directory, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", REQUIREMENT], check=True)
        complete.touch()
    return python


@contextlib.contextmanager
def running_pykmip(python: Path | None = None) -> Iterator[Endpoint]:
    """Run PyKMIP's server under `python`, or under an environment made for it.  Raises ServerFailed."""
    python = python or python_with_pykmip()
    with tempfile.TemporaryDirectory(prefix="benchmark-pykmip-") as name:
        directory = Path(name)
        certificates.make(directory)
        (directory / "policy").mkdir()
        port = _free_port()
        configuration = directory / "server.conf"
        configuration.write_text(_CONFIGURATION.format(port=port, directory=directory))
        log = directory / "server.log"
        command = [str(python), "-m", "kmip.services.server.server", "-f", str(configuration), "-l", str(log)]
        # Not patient: a stop takes it 11 seconds and there is nothing to keep.
        with running(command, directory=directory, is_ready=lambda: _listens(port), patient=False, files=[log]) as pid:
            yield Endpoint(
                host="127.0.0.1",
                port=port,
                ca=str(directory / "ca.crt"),
                cert=str(directory / "client.crt"),
                key=str(directory / "client.key"),
                pid=pid,
                version=REQUIREMENT,
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
