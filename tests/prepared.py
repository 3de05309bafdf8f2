"""Commands of kmipd in processes of their own that need not import it: they fork from one that has.

Importing kmipd takes a second of a processor, most of what a command takes, and tests start hundreds of them. A child
has its own pid, environment, folder, standard streams and exit code; what it shares is only what was imported, and
what a process of kmipd works out once and keeps: codecs and the text of SQL statements. It ends as an interpreter does,
but does not tear down what it shares. With `--nightly` each command has an interpreter of its own, as users start it.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn, Protocol

from tests.rounds import NIGHTLY

_MESSAGE: Final = 1 << 17  # bytes of a request: arguments and environment


class Process(Protocol):
    """What tests ask of a process that they have started: a part of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.  Raises subprocess.TimeoutExpired."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        ...

    def kill(self) -> None:
        """End it at once, unless it has ended."""
        ...


class _Forked:
    """A child of the prepared process, which writes the pid and later the exit code into a pipe."""

    def __init__(self, arguments: Sequence[str], status: int) -> None:
        self._arguments = arguments
        self._status = os.fdopen(status, "rb", buffering=0)
        self._code: int | None = None
        self.pid = self._read()

    def poll(self) -> int | None:
        if self._code is None and select.select([self._status], [], [], 0)[0]:
            self._code = self._read()
            self._status.close()
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None and not select.select([self._status], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self) -> int:
        data = self._status.read(12)
        assert len(data) == 12, "the prepared process has ended"
        return int(data)


@functools.cache
def _prepared() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.prepared", str(theirs.fileno())],
            cwd=Path(__file__).parents[1],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    return ours, process


def stop_prepared() -> None:
    """End the prepared process, if it was started."""
    if _prepared.cache_info().currsize:
        control, process = _prepared()
        control.close()
        process.wait(120)


def start(arguments: Sequence[str], cwd: Path, stdout: IO[Any], stderr: IO[Any]) -> Process:
    """Start a command of kmipd; its standard input is empty."""
    if os.environ.get(NIGHTLY):
        return subprocess.Popen(
            [sys.executable, "-m", "kmip_app", *arguments],
            cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
        )  # fmt: skip
    request = {"arguments": list(arguments), "cwd": str(cwd), "environment": dict(os.environ)}
    read, write = os.pipe()
    with open(os.devnull, "rb") as nothing:
        descriptors = [nothing.fileno(), stdout.fileno(), stderr.fileno(), write]
        socket.send_fds(_prepared()[0], [json.dumps(request).encode()], descriptors)
    os.close(write)
    return _Forked(arguments, read)


# --- the prepared process ---------------------------------------------------------------------------------------------


def _import_everything() -> None:
    import importlib
    import pkgutil

    import kmip_app.cli

    for module in pkgutil.walk_packages(kmip_app.cli.__path__, "kmip_app.cli."):
        importlib.import_module(module.name)
    for name in ("alembic.command", "cryptography.hazmat.backends.openssl.backend", "kmip_app.server", "uvloop"):
        importlib.import_module(name)


def _work_out_what_is_kept() -> None:
    from kmip_adapters.sealing.envelope import EnvelopeSealer
    from kmip_adapters.sealing.key_file import KeyFile
    from kmip_adapters.storage.sql.storage import SqlStorage
    from kmip_adapters.ttlv.standard.versions import VERSIONS
    from kmip_app import container

    container.planned_codec(VERSIONS, False)
    container.planned_call_codec(VERSIONS)
    container.planned_key_values()
    with tempfile.TemporaryDirectory() as folder:
        key = KeyFile(Path(folder) / "root.key")
        SqlStorage(f"sqlite:///{folder}/kmipd.sqlite", lambda keys: EnvelopeSealer(key, keys)).close()


def _children(control: socket.socket) -> "tuple[dict[str, Any], list[int]] | None":
    """Fork for each request.  Returns in a child, with its request; in the prepared process when the tests end."""
    running: dict[int, int] = {}
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready = select.select([control.fileno(), ended], [], [])[0]
        if ended in ready:
            os.read(ended, 4096)
            for pid in list(running):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    _write(running[pid], os.waitstatus_to_exitcode(status))
                    os.close(running.pop(pid))
        if control.fileno() not in ready:
            continue
        data, descriptors, _, _ = socket.recv_fds(control, _MESSAGE, 4)
        if not data:
            return None
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (control.detach(), ended, wake, descriptors.pop(), *running.values()):
                os.close(descriptor)
            return json.loads(data), descriptors
        running[pid] = descriptors.pop()
        _write(running[pid], pid)
        for descriptor in descriptors:
            os.close(descriptor)


def _write(status: int, number: int) -> None:
    os.write(status, f"{number:12}".encode())


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    tempfile.tempdir = None  # of this environment
    sys.argv[:] = ["kmipd", *request["arguments"]]


def _end(code: object) -> NoReturn:
    """End as an interpreter does that was asked to exit with `code`, but leave memory to the operating system."""
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # an interpreter's end waits for threads so; no public call does
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(int(code or 0) & 0xFF)


if __name__ == "__main__":
    import gc

    _import_everything()
    _work_out_what_is_kept()
    assert threading.active_count() == 1  # a child has none but the thread that forks
    gc.collect()
    gc.freeze()
    if child := _children(socket.socket(fileno=int(sys.argv[1]))):
        _become(*child)
        from kmip_app.__main__ import main

        try:
            main()
        except SystemExit as asked:
            _end(asked.code)
        except Exception:  # as an interpreter does with one that nobody catches
            traceback.print_exc()
            _end(1)
        _end(0)
