"""Where the log goes and how a line looks. Only our own loggers are touched: a host process keeps its logging.

Lines are PyKMIP's: `2026-11-23 11:41:44,259 - kmip.server - INFO - Server successfully bound ...`; as JSON they have
the same parts by name.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from kmip_app.config import Configuration, StartError

OURS: Final = ("kmip.server", "kmipd", "kmip_adapters", "kmip_app")
LINE: Final = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
DEFAULT_LOG: Final = Path("/var/log/pykmip/server.log")  # of PyKMIP; used by what takes its place
MAXIMUM_BYTES: Final = 1_000_000  # of one file, as PyKMIP has it
OLD_FILES: Final = 5


class LineFormatter(logging.Formatter):
    """PyKMIP's lines. A message of several lines goes on indented: nothing a client sends begins a line of its own."""

    def __init__(self) -> None:
        super().__init__(LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line, without a traceback that may follow it."""
        return "\n    ".join(super().formatMessage(record).replace("\x1b", "\\x1b").splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


def attach(configuration: Configuration) -> Callable[[], None]:
    """Send our log where the configuration says, until the returned function is called.  Raises StartError."""
    handler: logging.Handler
    if configuration.log_path is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = _file_handler(configuration.log_path)
    handler.setFormatter(JsonFormatter() if configuration.log_format == "json" else LineFormatter())
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


def is_writable(path: Path) -> bool:
    """Return whether a log could be kept at `path`; its folder is made for that."""
    try:
        _file_handler(path).close()
    except StartError:
        return False
    return True


def _file_handler(path: Path) -> RotatingFileHandler:
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return RotatingFileHandler(path, maxBytes=MAXIMUM_BYTES, backupCount=OLD_FILES, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StartError(
            f"log_path: {path} cannot be written ({reason}); choose another or let this user write"
        ) from error
