"""Where the log goes and how a line looks. Only our own loggers are touched: a host process keeps its logging.

Lines are PyKMIP's: `2026-11-23 11:41:44,259 - kmip.server - INFO - Server successfully bound ...`; as JSON they have
the same parts by name.
"""

import contextlib
import datetime as dt
import json
import logging
import os
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler, SysLogHandler
from pathlib import Path
from typing import Final, cast

from kmip_app.configuration.config import Configuration, StartError
from kmip_app.printable import printable

OURS: Final = ("kmip.server", "kmipd", "kmip_adapters", "kmip_app")
LINE: Final = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
DEFAULT_LOG: Final = Path("/var/log/pykmip/server.log")  # of PyKMIP; used by what takes its place
MAXIMUM_BYTES: Final = 1_000_000  # of one file, as PyKMIP has it
OLD_FILES: Final = 5


class LineFormatter(logging.Formatter):
    """PyKMIP's lines. What has several lines goes on indented: nothing a client sends begins a line of its own."""

    def __init__(self, *, is_zoned: bool = False) -> None:
        """is_zoned: write the time by ISO 8601 with its offset from UTC, instead of as PyKMIP does."""
        super().__init__(LINE)
        self._is_zoned = is_zoned

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the time of a line."""
        if not self._is_zoned:
            return super().formatTime(record, datefmt)
        return dt.datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback if there is one, without anything that a terminal would obey."""
        return "\n    ".join(map(printable, super().format(record).splitlines()))


class PrivateFile(RotatingFileHandler):
    """A rotated file that only its owner may read, those after the first rotation too.

    Where another program renames or removes it (logrotate), the next line begins a new file under the old name.
    """

    _is_reported = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, into a new file if the name no longer leads to the open one."""
        if self._is_renamed():
            self.reopen()
        super().emit(record)

    def put_aside(self) -> None:
        """Put the file aside if it is full, whichever process has filled it."""
        with cast(threading.RLock, self.lock):
            try:
                if 0 < self.maxBytes <= os.stat(self.baseFilename).st_size and os.path.isfile(self.baseFilename):
                    self.doRollover()
            except OSError as error:
                if not self._is_reported:
                    sys.stderr.write(f"kmipd: {self.baseFilename} cannot be put aside: {error.strerror}\n")
                self._is_reported = True

    def reopen(self) -> None:
        """Open the file by its name again; what cannot be opened is reported once, and tried again later."""
        with cast(threading.RLock, self.lock):
            if self.stream is not None:
                with contextlib.suppress(OSError):
                    self.stream.close()
                self.stream = cast(TextIOWrapper, None)  # as logging has it: emit opens it
        self._is_reported = False

    def _is_renamed(self) -> bool:
        stream = self.stream
        if stream is None:
            return False
        try:
            named, opened = os.stat(self.baseFilename), os.fstat(stream.fileno())
        except FileNotFoundError:
            return True
        except (OSError, ValueError):  # not to be looked at, or closed: the write itself says what is wrong
            return False
        return stat.S_ISREG(opened.st_mode) and (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino)

    def _open(self) -> TextIOWrapper:
        opened = open(  # noqa: SIM115  logging closes it
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )
        return cast(TextIOWrapper, opened)

    def close(self) -> None:
        """Close the file, also when what is left cannot be written."""
        with contextlib.suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell once that lines are lost, instead of a traceback for each of them."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and sys.stderr is not None:
            if not self._is_reported:
                sys.stderr.write(f"kmipd: {self.baseFilename} cannot be written: {error.strerror}\n")
            self._is_reported = True
        else:
            super().handleError(record)


class MessageFormatter(LineFormatter):
    """The message alone, for a journal that keeps time, level and logger itself."""

    def __init__(self) -> None:
        logging.Formatter.__init__(self, "%(message)s")


LOST: Final = "%d lines were lost before this one: what keeps the log did not take them"


class Journal(logging.Handler):
    """systemd's journal by its native protocol: fields of their own for level and logger.

    A journal that takes nothing loses lines, and holds nobody up: the event loop writes to it, too.
    """

    def __init__(self, path: Path) -> None:
        """Connect.  Raises OSError."""
        super().__init__()
        self._lost = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one entry."""
        try:
            if self._lost:
                self._send(_loss(self._lost))
                self._lost = 0
            self._send(record)
        except BlockingIOError:
            self._lost += 1
        except OSError:
            self.handleError(record)

    def _send(self, record: logging.LogRecord) -> None:
        message = self.format(record).encode()[:MAXIMUM_ENTRY]
        fields = {
            b"PRIORITY": str(PRIORITIES.get(record.levelno, 6)).encode(),
            b"SYSLOG_IDENTIFIER": b"kmipd",
            b"LOGGER": record.name.encode(),
        }
        entry = b"".join(b"%b=%b\n" % field for field in fields.items())
        entry += b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n"
        self._socket.send(entry, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Let go."""
        self._socket.close()
        super().close()


class Syslog(SysLogHandler):
    """A syslog on this machine, which loses lines that it does not take, as `Journal` does."""

    def __init__(self, path: str) -> None:
        """Connect.  Raises OSError."""
        self._lost = 0
        self.socket: socket.socket  # SysLogHandler's
        super().__init__(path, SysLogHandler.LOG_DAEMON)
        self.ident = f"kmipd[{os.getpid()}]: "

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one line, after one about those that were lost."""
        lost, self._lost = self._lost, 0
        if lost:
            super().emit(_loss(lost))
            if self._lost:  # that line was not taken either
                self._lost = lost
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Count what was not taken; anything else is told as always."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self._lost += 1
        else:
            super().handleError(record)

    def _connect_unixsocket(self, address: str) -> None:
        super()._connect_unixsocket(address)  # type: ignore[misc]  # connects again after each failure
        self.socket.setblocking(False)


def _loss(number: int) -> logging.LogRecord:
    return logging.LogRecord("kmip_app", logging.WARNING, __file__, 0, LOST, (number,), None)


JOURNAL: Final = Path("/run/systemd/journal/socket")
MAXIMUM_ENTRY: Final = 48_000  # bytes; what a datagram takes everywhere
PRIORITIES: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""Levels of syslog (RFC 5424 §6.2.1)."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def rotate() -> None:
    """Put aside our log files that are full: for a process whose workers write them."""
    for handler in {handler for name in OURS for handler in logging.getLogger(name).handlers}:
        if isinstance(handler, PrivateFile):
            handler.put_aside()


def attach(configuration: Configuration) -> Callable[[], None]:
    """Send our log where the configuration says, until the returned function is called.  Raises StartError."""
    handler = _handler(configuration)
    if isinstance(handler, PrivateFile) and configuration.worker is not None:
        handler.maxBytes = 0  # the supervisor puts full files aside: one process, or lines would be lost
    is_json = configuration.log_format == "json"
    handler.setFormatter(JsonFormatter() if is_json else LineFormatter(is_zoned=configuration.log_time == "zoned"))
    if isinstance(handler, Journal) and not is_json:
        handler.setFormatter(MessageFormatter())
    loggers = [logging.getLogger(name) for name in OURS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(configuration.logging_level)

    def detach() -> None:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()

    return detach


def reopen() -> None:
    """Open our log files by their names again, as after a rotation by another program."""
    for handler in {handler for name in OURS for handler in logging.getLogger(name).handlers}:
        if isinstance(handler, PrivateFile):
            handler.reopen()


def set_level(level: str) -> None:
    """Log from `level` on, while the server runs."""
    for name in OURS:
        logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """While inside, log nothing: for a command that tells everything itself."""
    handler = logging.NullHandler()  # without any, Python writes warnings to standard error
    for name in OURS:
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name in OURS:
            logging.getLogger(name).removeHandler(handler)


def is_writable(path: Path) -> bool:
    """Return whether a log could be kept at `path`; its folder is made for that."""
    try:
        _file_handler(path).close()
    except StartError:
        return False
    return True


def _handler(configuration: Configuration) -> logging.Handler:
    if configuration.log_path is not None:
        return _file_handler(configuration.log_path)
    target, _, place = configuration.log_target.partition(":")
    try:
        if target == "journald":
            return Journal(Path(place) if place else JOURNAL)
        if target == "syslog":
            return Syslog(place or "/dev/log")
    except OSError as error:
        raise StartError(f"log_target: {configuration.log_target} cannot be reached ({error.strerror})") from error
    return logging.StreamHandler(sys.stdout if target == "stdout" else sys.stderr)


def _file_handler(path: Path) -> PrivateFile:
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if path.is_file():  # of a link, or /dev/stdout, the rotation is to put aside the file and not the link
            path = path.resolve()
        return PrivateFile(path, maxBytes=MAXIMUM_BYTES, backupCount=OLD_FILES, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StartError(
            f"log_path: {path} cannot be written ({reason}); choose another or let this user write"
        ) from error
