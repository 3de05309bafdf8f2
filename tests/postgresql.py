"""A PostgreSQL of the tests' own: in a temporary directory, as an ordinary user, reached over a Unix socket.

KMIPD_TEST_DATABASE_URL names a server instead (any that speaks PostgreSQL's protocol, such as CockroachDB); each test
has a schema of its own there, made by its name. Without both, tests that need PostgreSQL are skipped and say so.
"""

import contextlib
import functools
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define

NAMED: Final = "KMIPD_TEST_DATABASE_URL"
_SHARED: Final = "KMIPD_TEST_SHARED_POSTGRESQL"
STARTS_WITHIN: Final = 120.0  # seconds; a hang limit


@functools.cache
def binaries() -> Path | None:
    """Return the folder with initdb and postgres, None where PostgreSQL is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    candidates = [*folders, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "postgres").exists()), None)


def need_postgresql() -> None:
    """Skip the test where there is none."""
    if os.environ.get(NAMED) is None and binaries() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql) and KMIPD_TEST_DATABASE_URL names none")


def _ordinary_user() -> dict[str, Any]:
    """Return what has a process run as an ordinary user: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    found = next(pwd.getpwnam(name) for name in ("postgres", "nobody") if _is_user(name))
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _is_user(name: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


@define
class Postgres:
    """A server in `directory`; `start` again after `stop` on the same data."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, *, disk: str | None = None, **settings: Any) -> "Postgres":
        """Make the files of a database server.

        disk: the size of a disk of its own, such as "96m"; only root can make one.  settings: its configuration.
        """
        folder = binaries()
        assert folder is not None
        directory = Path(tempfile.mkdtemp(prefix="kmipd-pg-", dir="/tmp"))  # a socket's path is short
        if disk is not None:
            mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", directory]
            if subprocess.run(mount, check=False, capture_output=True).returncode:
                directory.rmdir()
                pytest.skip("a disk of its own for PostgreSQL can only be made as root, with the right to mount")
        user = _ordinary_user()
        if user:
            os.chown(directory, user["user"], user["group"])
        subprocess.run(
            [
                folder / "initdb", "-D", directory / "data", "-U", "kmipd", "-A", "trust", "-E", "UTF8", "--no-locale",
                "-N",
            ],
            check=True, capture_output=True, cwd=directory, **user,
        )  # fmt: skip
        usual = {"fsync": "off", "listen_addresses": "''", "unix_socket_directories": f"'{directory}'"}
        with (directory / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in (usual | settings).items())
        return cls(directory)

    def start(self) -> None:
        """Return when it answers."""
        folder = binaries()
        assert folder is not None
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [folder / "postgres", "-D", self.directory / "data"],
                stdout=log, stderr=log, cwd=self.directory, **_ordinary_user(),
            )  # fmt: skip
        give_up = time.monotonic() + STARTS_WITHIN
        ask: list[str | Path] = [folder / "pg_isready", "-q", "-h", self.directory, "-U", "kmipd"]
        while subprocess.run(ask, check=False).returncode:
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < give_up, (self.directory / "log").read_text()
            time.sleep(0.02)

    @property
    def is_running(self) -> bool:
        """Whether the server process is there."""
        return self.process is not None and self.process.poll() is None

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End it at once, as if the machine had failed (SIGQUIT), or in order (SIGINT)."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            self.process.wait(STARTS_WITHIN)
            self.process = None

    def kill(self) -> None:
        """End all of its processes at once, stopped ones too, as a power cut does."""
        if self.process is not None:
            self.send(signal.SIGKILL)
            self.process.wait(STARTS_WITHIN)
            self.process = None

    def copy(self, name: str) -> "Postgres":
        """Make a standby of this server, which is running.  name: by which the primary knows it."""
        folder = binaries()
        assert folder is not None
        directory = Path(tempfile.mkdtemp(prefix="kmipd-pg-", dir="/tmp"))
        user = _ordinary_user()
        if user:
            os.chown(directory, user["user"], user["group"])
        source = f"host={self.directory} user=kmipd application_name={name}"
        subprocess.run(
            [folder / "pg_basebackup", "-d", source, "-D", directory / "data", "-R", "-X", "stream", "-c", "fast"],
            check=True, capture_output=True, cwd=directory, **user,
        )  # fmt: skip
        copied = Postgres(directory)
        copied._set(unix_socket_directories=f"'{directory}'", synchronous_standby_names="''", synchronous_commit="on")
        return copied

    def use(self, **settings: Any) -> None:
        """Change settings that take no restart, while it runs."""
        assert self.process is not None
        self._set(**settings)
        self.process.send_signal(signal.SIGHUP)

    def _set(self, **settings: Any) -> None:
        with (self.directory / "data" / "postgresql.conf").open("a") as file:  # of two lines the last one counts
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def send(self, number: int) -> None:
        """Send a signal to all of its processes, such as SIGSTOP: nothing answers any more."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (self.process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        if self.directory.is_mount():
            subprocess.run(["umount", "--lazy", self.directory], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def url(self) -> str:
        """How a store names it."""
        return f"postgresql+psycopg://kmipd@/postgres?host={self.directory}"


@contextlib.contextmanager
def running(*, disk: str | None = None, **settings: Any) -> Iterator[Postgres]:
    """Give a server of one's own, for tests that stop it.  The arguments are those of `Postgres.create`."""
    need_postgresql()
    if binaries() is None:
        pytest.skip("the server that KMIPD_TEST_DATABASE_URL names cannot be stopped by a test")
    server = Postgres.create(disk=disk, **settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def pooled(server: Postgres, mode: str) -> Iterator[str]:
    """Give the URL of a PgBouncer in front of a server, for as long as the block lasts.

    mode: "session", or "transaction", after which a connection may get another session of the database.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (apt-get install pgbouncer)")
    user = _ordinary_user()
    with tempfile.TemporaryDirectory(prefix="kmipd-pool-", dir="/tmp") as name:
        directory = Path(name)
        if user:
            os.chown(directory, user["user"], user["group"])
        settings = {
            "listen_addr": "", "unix_socket_dir": directory, "auth_type": "any", "pool_mode": mode,
            "logfile": directory / "log", "pidfile": directory / "pid",
        }  # fmt: skip
        lines = ["[databases]", f"* = host={server.directory} user=kmipd", "[pgbouncer]"]
        (directory / "ini").write_text("\n".join(lines + [f"{key} = {value}" for key, value in settings.items()]))
        process = subprocess.Popen(
            [program, "-q", directory / "ini"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
        )
        try:
            give_up = time.monotonic() + STARTS_WITHIN
            while not (directory / ".s.PGSQL.6432").exists():
                assert process.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < give_up, "PgBouncer did not begin to listen"
                time.sleep(0.02)
            yield f"postgresql+psycopg://kmipd@/postgres?host={directory}&port=6432"
        finally:
            process.kill()
            process.wait(STARTS_WITHIN)


@functools.cache
def _shared() -> Postgres:
    """Return the server that all tests of this process share; it ends with the process (see `stop_shared`)."""
    server = Postgres.create(max_connections=200)
    server.start()
    os.environ[_SHARED] = server.url  # for processes that a test starts
    return server


def stop_shared() -> None:
    """End the shared server, if it was started."""
    if _shared.cache_info().currsize:
        _shared().remove()


def url_for(directory: Path) -> str:
    """Return the URL of an empty store that belongs to a directory: a schema of its own on the shared server."""
    need_postgresql()
    base = os.environ.get(NAMED) or os.environ.get(_SHARED) or _shared().url
    schema = "t" + hashlib.sha256(str(directory).encode()).hexdigest()[:20]
    _create_schema(base, schema)
    return f"{base}{'&' if '?' in base else '?'}options=-csearch_path%3D{schema}"


@functools.cache
def _create_schema(base: str, schema: str) -> None:
    import psycopg

    with psycopg.connect(base.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
