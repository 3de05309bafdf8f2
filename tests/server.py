"""A server as its users start it: a process of its own, told apart by its pid, ended with the block."""

import atexit
import contextlib
import datetime as dt
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import define
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_app.pki.authority import ensure_pki
from kmip_app.pki.own_names import certificate_names
from tests import prepared

ROOT: Final = Path(__file__).resolve().parents[1]
READY_WITHIN: Final = 120.0  # seconds; a hang limit, not a promise
STOP_WITHIN: Final = 120.0
RUN_WITHIN: Final = 120.0
TICK: Final = 0.02


class ServerFailed(AssertionError):
    """A server that did not start or did not end; the text holds what it printed."""


@define
class StartedServer:
    """A running server and where a client reaches it; cert and key are its first client's."""

    process: prepared.Process
    output: Path
    host: str
    port: int
    ca: Path
    cert: Path
    key: Path

    def client(self, cert: Path | None = None, key: Path | None = None) -> TlsTtlvClient:
        """Return a client that connects on entry, as the first client unless told otherwise."""
        return TlsTtlvClient(self.host, self.port, self.ca, cert or self.cert, key or self.key)

    def stop(self) -> int:
        """End it as an operator does, and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does, with all processes that it has started."""
        others = descendants(self.process.pid)
        self._end(signal.SIGKILL)
        for process in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerFailed(f"still alive {STOP_WITHIN} s after {number.name}: {printed(self.output)}") from None


workers: int = int(os.environ.get("KMIPD_TEST_WORKERS", "1"))
"""How many processes each server is.  A test module that sets it puts it back."""


def _with_workers(directory: Path, arguments: Sequence[str]) -> Sequence[str]:
    """Have several processes serve; they share a data directory where one process would keep nothing."""
    if workers == 1 or "--workers" in arguments:
        return arguments
    kept = ("--data-dir", str(directory / "data"))
    given = [word for one in arguments for word in (kept if one == "--ephemeral" else (one,))]
    return [*given, "--workers", str(workers)]


@functools.cache
def _made_pki() -> Path:
    """Return a folder with what a first start makes in `pki`: its RSA keys take longer than all the rest of a start."""
    folder = Path(tempfile.mkdtemp(prefix="kmipd-pki-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ensure_pki(folder / "pki", hostnames=certificate_names("127.0.0.1", ()))
    return folder / "pki"


def _put_pki(arguments: Sequence[str]) -> None:
    """Where a server will find no data directory, give it one with a PKI, which it then uses as its own."""
    if "--data-dir" in arguments:
        data = Path(arguments[arguments.index("--data-dir") + 1])
        if not data.exists():
            data.mkdir(mode=0o700, parents=True)
            shutil.copytree(_made_pki(), data / "pki")


def start(directory: Path, *arguments: str, makes_pki: bool = False) -> StartedServer:
    """Start `serve` with `arguments` on any free port and wait until it is ready.

    directory: takes the ready file and what is printed, `output.log`.
    makes_pki: whether a first start makes CA, keys and certificates; else it finds those that servers of tests share.
    """
    arguments = tuple(_with_workers(directory, arguments))
    if not makes_pki:
        _put_pki(arguments)
    ready_file = directory / "ready.json"
    ready_file.unlink(missing_ok=True)
    output = directory / "output.log"
    with output.open("ab") as stream:
        words = ("serve", "--port", "0", "--ready-file", str(ready_file), *arguments)
        process = prepared.start(words, ROOT, stream, stream)
    for _ in range(int(READY_WITHIN / TICK)):
        if ready_file.exists():
            told = json.loads(ready_file.read_text())
            paths = {name: Path(told.get(name, "not given out")) for name in ("ca", "cert", "key")}
            return StartedServer(process=process, output=output, host=told["host"], port=told["port"], **paths)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TICK)
            break
    process.kill()
    process.wait()
    raise ServerFailed(f"did not get ready: {printed(output)}")


@contextlib.contextmanager
def running(directory: Path, *arguments: str, makes_pki: bool = False) -> Iterator[StartedServer]:
    """Start a server and end it with the block; see `start`."""
    server = start(directory, *arguments, makes_pki=makes_pki)
    try:
        yield server
    finally:
        server.stop()


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command of kmipd to its end, with an empty standard input."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = prepared.start(arguments, cwd, stdout, stderr)
        try:
            code = process.wait(RUN_WITHIN)
        finally:
            process.kill()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read().decode(), stderr.read().decode())


def command(*arguments: str) -> Sequence[str]:
    """Return the command line of kmipd with this interpreter."""
    return [sys.executable, "-m", "kmip_app", *arguments]


def printed_with(output: Path, text: str) -> str:
    """Return what was printed, once `text` is in it: a greeting comes after the ready file."""
    give_up = time.monotonic() + READY_WITHIN
    while text not in (told := output.read_text(errors="replace")):
        if time.monotonic() > give_up:
            raise ServerFailed(f"did not print {text!r}: {printed(output)}")
        time.sleep(TICK)
    return told


def descendants(process: int) -> list[int]:
    """Return the processes that a process, or one of them, has started."""
    found: list[int] = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def printed(output: Path) -> str:
    """Return the end of what a server has printed."""
    return output.read_text(errors="replace")[-4000:]


class Clients:
    """Certificates for any number of clients from the built-in CA: one key for all, for RSA keys take their time."""

    def __init__(self, ca: Path, directory: Path) -> None:
        self._directory = directory
        self._issuer = x509.load_pem_x509_certificate(ca.read_bytes())
        ca_key = serialization.load_pem_private_key(ca.with_suffix(".key").read_bytes(), None)
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise TypeError(f"{ca.with_suffix('.key')} cannot sign certificates")
        self._ca_key = ca_key
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.key = directory / "clients.key"
        self.key.write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.key.chmod(0o600)

    def certificate(self, name: str) -> Path:
        """Return a new certificate for the identity `name`."""
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._issuer.subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca_key.public_key()), critical=False
            )
            .sign(self._ca_key, hashes.SHA256())
        )
        path = self._directory / f"{name.replace('/', '-')}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path
