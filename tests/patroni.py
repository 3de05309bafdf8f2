"""Two PostgreSQL servers that Patroni keeps: a primary and a synchronous standby, with etcd as the third voice.

All of it runs on loopback, from a temporary directory, as an ordinary user. PostgreSQL refuses root, and an interpreter
in root's home cannot be read by another user, so root starts it in a user namespace where it is not root.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field

from tests import postgresql

STARTS_WITHIN: Final = 120.0  # seconds; a hang limit
TAKES_OVER_WITHIN: Final = 120.0
ASKS_AGAIN: Final = 5.0  # seconds after which one question is given up and asked again
_AS_NO_ROOT: Final = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def need_patroni() -> None:
    """Skip the test where Patroni, etcd or PostgreSQL is missing."""
    if postgresql.binaries() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed (apt-get install etcd-server)")
    if importlib.util.find_spec("patroni") is None:
        pytest.skip("Patroni is not installed (pip install 'patroni[etcd3]')")
    if os.geteuid() == 0 and subprocess.run([*_AS_NO_ROOT, "true"], check=False, capture_output=True).returncode:
        pytest.skip("root may not make a user namespace here, and PostgreSQL does not run as root")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _start(log: Path, *command: str | Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that `_kill` ends what it has started, too."""
    before = _AS_NO_ROOT if os.geteuid() == 0 else ()
    with log.open("ab") as output:
        return subprocess.Popen([*before, *command], stdout=output, stderr=output, start_new_session=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its descendants at once."""
    for pid in (*_descendants(process.pid), process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(STARTS_WITHIN)


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            yield from _descendants(child)
            yield child


@define
class Member:
    """One PostgreSQL with the Patroni that keeps it."""

    folder: Path
    port: int
    api_port: int
    process: subprocess.Popen[bytes]

    def is_synchronous(self) -> bool:
        """Tell whether Patroni has written down that this member is the synchronous standby."""
        asked = f"http://127.0.0.1:{self.api_port}/synchronous"
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(asked, timeout=ASKS_AGAIN) as answer,
        ):  # 503 is an error, too
            return answer.status == 200
        return False

    def kill(self) -> None:
        """End Patroni and PostgreSQL at once, as a machine that fails does."""
        postmaster = self._postmaster()  # Patroni starts it apart from itself
        _kill(self.process)
        if postmaster is not None:
            for pid in (*_descendants(postmaster), postmaster):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _postmaster(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
        return None


@define
class Cluster:
    """Members by name, the one that takes writes first asked for."""

    folder: Path
    etcd: subprocess.Popen[bytes]
    etcd_port: int
    members: list[Member] = field(factory=list)

    @property
    def url(self) -> str:
        """How a store names both: it works with the one that takes writes."""
        hosts = ",".join(str(member.folder) for member in self.members)
        ports = ",".join(str(member.port) for member in self.members)
        return f"postgresql+psycopg://kmipd@/postgres?host={hosts}&port={ports}&target_session_attrs=read-write"

    def primary(self) -> Member:
        """Return the member that takes writes."""
        give_up = time.monotonic() + TAKES_OVER_WITHIN
        while True:
            for member in self.members:
                if self._ask(member, "SELECT NOT pg_is_in_recovery()") == "t":
                    return member
            assert time.monotonic() < give_up, self.logs()
            time.sleep(0.1)

    def wait_for_standby(self, standby: Member) -> None:
        """Return once the standby may take over.

        PostgreSQL calls it synchronous some seconds before Patroni has written so to etcd; a primary that dies in
        between has no successor.
        """
        give_up = time.monotonic() + STARTS_WITHIN
        while not standby.is_synchronous():
            assert time.monotonic() < give_up, self.logs()
            time.sleep(0.1)

    def logs(self) -> str:
        """Return the end of every log."""
        return "\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        """End all processes and remove the files."""
        for member in self.members:
            member.kill()
        _kill(self.etcd)
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, name: str) -> Member:
        """Start one more member; the first makes the database, the next copies it."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        port, api = _free_ports(2)
        settings = folder / "patroni.yml"
        settings.write_text(json.dumps(_settings(name, folder, port, api, self.etcd_port)))  # JSON is YAML
        started = _start(self.folder / f"{name}.log", sys.executable, "-m", "patroni", settings)
        self.members.append(Member(folder, port, api, started))
        return self.members[-1]

    def _ask(self, member: Member, query: str) -> str | None:
        folder = postgresql.binaries()
        assert folder is not None
        command: list[str | Path] = [
            folder / "psql",
            "-h",
            member.folder,
            "-p",
            str(member.port),
            "-U",
            "kmipd",
            "-Atc",
            query,
        ]
        done = subprocess.run([*command, "postgres"], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None


def _settings(name: str, folder: Path, port: int, api: int, etcd_port: int) -> dict[str, Any]:
    return {
        "scope": "kmipd",
        "name": name,
        "restapi": {"listen": f"127.0.0.1:{api}", "connect_address": f"127.0.0.1:{api}"},
        "etcd3": {"hosts": f"127.0.0.1:{etcd_port}"},
        "bootstrap": {
            "dcs": {
                "ttl": 20,  # seconds until a primary that is gone is given up; Patroni allows no less
                "loop_wait": 1,
                "retry_timeout": 3,
                "synchronous_mode": True,
                "postgresql": {"use_pg_rewind": False},
            },
            "initdb": [{"encoding": "UTF8"}, "no-locale", {"auth": "trust"}, "no-sync"],
        },
        "postgresql": {
            "listen": f"127.0.0.1:{port}",
            "connect_address": f"127.0.0.1:{port}",
            "data_dir": str(folder / "data"),
            "bin_dir": str(postgresql.binaries()),
            "pgpass": str(folder / "pgpass"),
            "authentication": {"superuser": {"username": "kmipd"}, "replication": {"username": "copier"}},
            "parameters": {"unix_socket_directories": str(folder), "fsync": "off", "max_connections": 50},
            "pg_hba": [
                "local all all trust",
                "host all all 127.0.0.1/32 trust",
                "host replication all 127.0.0.1/32 trust",
            ],
        },
    }


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """Give a cluster of two members, the standby of which is synchronous."""
    need_patroni()
    folder = Path(tempfile.mkdtemp(prefix="kmipd-ha-", dir="/tmp"))  # a socket's path is short
    client, peer = _free_ports(2)
    etcd = _start(
        folder / "etcd.log", "etcd", "--data-dir", folder / "etcd",
        "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
        "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
        "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--unsafe-no-fsync",
    )  # fmt: skip
    cluster = Cluster(folder, etcd, client)
    try:
        cluster.add("one")
        cluster.primary()
        cluster.wait_for_standby(cluster.add("two"))
        yield cluster
    finally:
        cluster.stop()
