"""Whether the server can do its work: what `/livez` and `/readyz` answer.

Each check returns nothing, or the reason why clients cannot be served, with the remedy where there is one. Results are
kept for a moment, so that a client of the listener cannot have the disk written at will.
"""

import datetime as dt
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from kmip_app.pki.validity import Validity
from kmip_core.classes import frozen

KEPT: Final = 2.0  # seconds
STUCK: Final = 10.0  # seconds without a turn of the event loop after which the process is to be restarted
PROBE_BYTES: Final = 4_096

Check = Callable[[], str | None]
"""Returns None if all is well, else why not."""


@frozen(kw_only=True)
class Report:
    """The checks by name; the value is None, or why it failed."""

    checks: Mapping[str, str | None]

    @property
    def is_good(self) -> bool:
        """Whether every check holds."""
        return all(reason is None for reason in self.checks.values())

    @property
    def reasons(self) -> list[str]:
        """What failed."""
        return [f"{name}: {reason}" for name, reason in self.checks.items() if reason is not None]

    def as_json(self) -> dict[str, object]:
        """Return what the listener answers."""
        return {
            "status": "ok" if self.is_good else "unavailable",
            "checks": {
                name: {"status": "ok"} if reason is None else {"status": "failed", "reason": reason}
                for name, reason in self.checks.items()
            },
        }


class Health:
    """Runs checks one after the other, at most once in `KEPT` seconds. Re-entrant."""

    def __init__(self, checks: Mapping[str, Check], now: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._now = now
        self._lock = threading.Lock()
        self._kept: tuple[float, Report] | None = None

    def report(self) -> Report:
        """Return how it is now, or was a moment ago; never raises."""
        with self._lock:
            now = self._now()
            if self._kept is None or now - self._kept[0] >= KEPT:
                self._kept = (now, Report(checks={name: _result(check) for name, check in self._checks.items()}))
            return self._kept[1]


def _result(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # whatever a disk or a database does to a check is what it is there to find
        return str(getattr(error, "message", "") or error) or type(error).__name__


def folder_takes_writes(folder: Path) -> str | None:
    """Check that a file can be written in `folder`."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".probe-") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
    except OSError as error:
        return f"{folder} cannot be written ({(error.strerror or str(error)).lower()}); make room or mend the disk"
    return None


def is_readable(path: Path) -> str | None:
    """Check that a file is there and may be read."""
    if os.access(path, os.R_OK):
        return None
    return f"{path} is missing or cannot be read; put it back from its copy"


def are_valid(validities: Callable[[], list[Validity]], now: Callable[[], dt.datetime]) -> Check:
    """Return the check that certificates and lists are within their dates."""

    def check() -> str | None:
        instant = now()
        return "; ".join(filter(None, (validity.problem(instant) for validity in validities()))) or None

    return check
