"""kmipd as its users start it: SQLite in a data directory of its own, on a free port."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.load import Endpoint
from benchmarks.server import with_ready_file


def running_kmipd(
    arguments: Sequence[str] = (), directory: str = "{directory}/data"
) -> AbstractContextManager[Endpoint]:
    """Run `python -m kmip_app serve` with `arguments` added.  Raises ServerFailed.

    directory: its data directory; "{directory}" in it is a temporary one.
    """
    return with_ready_file(["-m", "kmip_app", "serve", "--data-dir", directory, "--port", "0", *arguments])


@contextlib.contextmanager
def running_nodes(arguments: Sequence[str], count: int) -> Iterator[Endpoint]:
    """Run `count` servers over the database that `arguments` name; each further one has a copy of the first's data."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(running_kmipd(arguments))
        data = Path(first.ca).parents[1]
        others = []
        for number in range(2, count + 1):
            copy = shutil.copytree(data, data.with_name(f"node{number}"), ignore=shutil.ignore_patterns("audit"))
            others.append(stack.enter_context(running_kmipd([*arguments, "--node_name", f"node{number}"], str(copy))))
        yield first.with_others(others)
