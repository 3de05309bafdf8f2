"""A second place for records: syslog (RFC 5424) over a UNIX socket, TCP or TLS, or a command that reads lines.

Records wait in memory, a bounded number of them, while the other side is away; what does not fit is counted, and
reported once it is back. Requests never wait: the file is the trail, this is a copy.
"""

import contextlib
import errno
import logging
import os
import queue
import shlex
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import parse_qs, urlsplit

from kmip_adapters.audit.lines import record_text
from kmip_core.ports.audit import AuditRecord

LOG: Final = logging.getLogger(__name__)

WAITING: Final = 10_000  # records
RETRY: Final = 2.0  # seconds
TIMEOUT: Final = 10.0  # seconds
LAST_RECORDS: Final = 5.0  # seconds to deliver what waits at the end

PRIORITY: Final = 13 * 8 + 6  # facility log audit, severity informational (RFC 5424 §6.2.1)
PRIORITY_REFUSED: Final = 13 * 8 + 5  # notice


class Target(Protocol):
    """Where records go."""

    def open(self) -> None:
        """Connect.  Raises OSError."""
        ...

    def send(self, record: AuditRecord) -> None:
        """Deliver one.  Raises OSError."""
        ...

    def close(self) -> None:
        """Let go; never raises."""
        ...


class Syslog:
    """RFC 5424 messages; over streams with octet counting (RFC 6587, RFC 5425).

    url: `unix:/dev/log`, `tcp://HOST:PORT`, `tls://HOST:PORT`, the last with `?ca=FILE` for a CA of one's own.
    Raises ValueError.
    """

    def __init__(self, url: str, hostname: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"unix", "tcp", "tls"} or (parts.scheme == "unix") != (not parts.hostname):
            raise ValueError("write unix:/dev/log, tcp://HOST:PORT or tls://HOST:PORT")
        self._scheme = parts.scheme
        self._path = parts.path
        self._address = (parts.hostname or "", parts.port or (6514 if parts.scheme == "tls" else 601))
        self._ca = next(iter(parse_qs(parts.query).get("ca", [])), None)
        self._host = hostname or socket.gethostname() or "-"
        self._socket: socket.socket | None = None
        self._is_stream = True

    def open(self) -> None:
        """Connect.  Raises OSError."""
        self.close()
        if self._scheme == "unix":
            self._socket, self._is_stream = _unix(self._path)
            return
        plain = socket.create_connection(self._address, TIMEOUT)
        if self._scheme == "tcp":
            self._socket = plain
            return
        try:
            context = ssl.create_default_context(cafile=self._ca)
            self._socket = context.wrap_socket(plain, server_hostname=self._address[0])
        except BaseException:
            plain.close()
            raise

    def send(self, record: AuditRecord) -> None:
        """Deliver one.  Raises OSError."""
        if self._socket is None:
            self.open()
        message = self.message(record)
        if self._is_stream and self._scheme != "unix":
            message = b"%d %b" % (len(message), message)
        elif self._is_stream:
            message += b"\n"
        if self._socket is not None:
            self._socket.sendall(message)

    def message(self, record: AuditRecord) -> bytes:
        """Return the message of a record: its text is the record as JSON."""
        priority = PRIORITY if record.result is None else PRIORITY_REFUSED
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.time))
        host = "".join(c for c in self._host if "!" <= c <= "~")[:255] or "-"
        return f"<{priority}>1 {stamp} {host} kmipd {os.getpid()} audit - {record_text(record)}".encode("ascii")

    def close(self) -> None:
        """Let go."""
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()


def _unix(path: str) -> tuple[socket.socket, bool]:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        sock = socket.socket(socket.AF_UNIX, kind | socket.SOCK_CLOEXEC)
        sock.settimeout(TIMEOUT)
        try:
            sock.connect(path)
        except OSError as error:
            sock.close()
            if kind == socket.SOCK_STREAM or error.errno != errno.EPROTOTYPE:  # the other kind listens there
                raise
        else:
            return sock, kind == socket.SOCK_STREAM
    raise OSError("no kind of socket fits")


class Command:
    """A program that is started once, and again after it has ended, and reads records as JSON, one a line."""

    def __init__(self, command: str) -> None:
        """Raises ValueError for a text that is no command line."""
        self._words = shlex.split(command)
        if not self._words:
            raise ValueError("names no command")
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start it.  Raises OSError."""
        self.close()
        self._process = subprocess.Popen(self._words, stdin=subprocess.PIPE)  # noqa: S603  the operator's own command

    def send(self, record: AuditRecord) -> None:
        """Deliver one.  Raises OSError."""
        if self._process is None or self._process.poll() is not None:
            self.open()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(record_text(record).encode("ascii") + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End its input and wait a moment for it."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()


class Sink:
    """Hands records to a target in a thread of its own. Re-entrant."""

    def __init__(self, name: str, target: Target, now: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0
        self._name = name
        self._target = target
        self._now = now
        self._queue: queue.Queue[AuditRecord | None] = queue.Queue(WAITING)
        self._is_down = False
        self._closing: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"audit-{name}", daemon=True)
        self._thread.start()

    def append(self, record: AuditRecord) -> None:
        """Take a record, or count it as lost."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Deliver what waits, for a few seconds, and let go."""
        self._closing = self._now() + LAST_RECORDS
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=LAST_RECORDS)
        self._thread.join(LAST_RECORDS + TIMEOUT)

    def _run(self) -> None:
        while (record := self._queue.get()) is not None:
            while not self._deliver(record):
                if self._closing is not None and self._now() >= self._closing:
                    self._target.close()
                    return
                time.sleep(RETRY if self._closing is None else RETRY / 10)
        self._target.close()

    def _deliver(self, record: AuditRecord) -> bool:
        try:
            self._target.send(record)
        except OSError as error:
            self._target.close()
            if not self._is_down:
                LOG.error(
                    "audit records do not reach %s, and wait: %s", self._name, (error.strerror or str(error)).lower()
                )
            self._is_down = True
            return False
        if self._is_down:
            LOG.warning("audit records reach %s again; %d were lost meanwhile", self._name, self.lost)
        self._is_down = False
        return True
