"""What a request costs in counts, which no machine's mood can blur: Python calls and allocated blocks.

    python -m benchmarks.counts

One server is wired as `python -m kmip_app` wires it, on SQLite in a temporary directory, and asked in this process,
frame by frame, without sockets. Calls are those that `sys.setprofile` sees (Python functions and built-in ones); blocks
are what a request leaves allocated, by `sys.getallocatedblocks`. `LIMITS` are gates: a test fails when a request costs
more.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks import messages

ROUNDS: Final = 40

LIMITS: Final = {"Discover Versions": 202, "Get": 328, "Locate": 332, "Create": 555}
"""Operation -> Python calls for one request, with a tenth to spare over what was measured last."""


@frozen
class Count:
    """What one request costs on average: calls of functions, and blocks that are still allocated afterwards."""

    calls: float
    blocks: float


@contextmanager
def _ask() -> Iterator[Callable[[bytes], bytes]]:
    """Wire a server and yield what answers a frame."""
    from kmip_app.configuration.config import Configuration
    from kmip_app.container import build
    from kmip_core.ports.transport import run_to_end
    from kmip_core.principal import Principal, Source

    with tempfile.TemporaryDirectory() as folder:
        container = build(Configuration(data_directory=Path(folder), port=0))
        service = container.service()
        principal = Principal(name="benchmark", source=Source.CERTIFICATE)

        def ask(frame: bytes) -> bytes:
            answer = run_to_end(service.open(frame, principal))
            if not isinstance(answer, bytes):
                raise RuntimeError("the server failed on purpose")
            return answer

        try:
            yield ask
        finally:
            container.storage().close()
            container.audit().close()


def counts() -> dict[str, Count]:
    """Measure every operation of `LIMITS`."""
    with _ask() as ask:
        made = [messages.create(f"key {number}") for number in range(8)]
        keys = [messages.read_answer(ask(exchange.request)).unique_identifiers[0] for exchange in made]
        for key in keys:
            ask(messages.activate(key).request)
        frames = {
            "Discover Versions": messages.discover_versions().request,
            "Get": messages.get(keys[0]).request,
            "Locate": messages.locate("key 1", unique_identifier=keys[1]).request,
            "Create": messages.create("another").request,
        }
        return {name: _counted(ask, frame) for name, frame in frames.items()}


def _counted(ask: Callable[[bytes], bytes], frame: bytes) -> Count:
    for _ in range(10):  # caches are warm, plans are made
        ask(frame)
    calls = 0

    def note(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        if event in ("call", "c_call"):
            calls += 1

    gc.disable()
    before = sys.getallocatedblocks()
    sys.setprofile(note)
    try:
        for _ in range(ROUNDS):
            ask(frame)
    finally:
        sys.setprofile(None)
    after = sys.getallocatedblocks()
    gc.enable()
    return Count(calls / ROUNDS, (after - before) / ROUNDS)


def main() -> int:
    """Print the counts beside their limits; exit code 1 if one is over."""
    over = False
    for name, count in counts().items():
        over |= count.calls > LIMITS[name]
        print(f"{name:20} {count.calls:8.0f} calls (limit {LIMITS[name]:,}), {count.blocks:6.1f} blocks")
    return int(over)


if __name__ == "__main__":
    raise SystemExit(main())
