"""kmipd as its users start it: SQLite in a data directory of its own, on a free port."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from benchmarks.load import Endpoint
from benchmarks.server import with_ready_file


def running_kmipd(arguments: Sequence[str] = ()) -> AbstractContextManager[Endpoint]:
    """Run `python -m kmip_app serve` with `arguments` added.  Raises ServerFailed."""
    command = ["-m", "kmip_app", "serve", "--data-dir", "{directory}/data", "--port", "0"]
    return with_ready_file([*command, *arguments])
