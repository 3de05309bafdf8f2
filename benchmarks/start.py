"""What kmipd costs before its first request, and what it keeps in memory afterwards.

    python -m benchmarks.start [--runs 5] [--connections 1000] [--requests 20000]

Times are seconds of processors, user and system, of the process that is measured, and the least of several runs: a
machine that is shared makes them longer, never shorter. The line of an interpreter that does nothing is the yardstick
for other machines. Memory is that of the server's process: resident, and the part that it shares with no other.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks import messages
from benchmarks.crowd import RUN
from benchmarks.load import Endpoint
from benchmarks.server import ROOT

IMPORTS: Final[Mapping[str, Sequence[str]]] = {
    "an interpreter that does nothing": ("-c", "pass"),
    "import kmip_core": ("-c", "import kmip_core"),
    "import kmip_core.engine, kmip_core.operations": ("-c", "import kmip_core.engine, kmip_core.operations"),
    "import kmip_app": ("-c", "import kmip_app"),
    "kmipd --version": ("-m", "kmip_app", "--version"),
}

MIB: Final = 1024
"""KiB in a MiB; /proc counts in KiB."""


@frozen
class Memory:
    """Of one process, in KiB.  private: what no other process shares."""

    resident: int
    private: int

    @classmethod
    def of(cls, pid: int) -> Memory:
        """Read it from /proc/PID/smaps_rollup, proc(5)."""
        lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        sizes = {line[0].rstrip(":"): int(line[1]) for line in lines}
        return cls(sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"])


@frozen
class Start:
    """A server that is ready.  seconds: of processors until then."""

    seconds: float
    memory: Memory
    endpoint: Endpoint


def processor_seconds_of_command(arguments: Sequence[str]) -> float:
    """Return what `python` with these arguments needs, user and system."""
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def processor_seconds_so_far(pid: int) -> float:
    """Return what the threads of a process have used; /proc/PID/stat would round it to hundredths of a second."""
    nanoseconds = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


@contextlib.contextmanager
def started(arguments: Sequence[str], program: Sequence[str] = ("-m", "kmip_app")) -> Iterator[Start]:
    """Run kmipd until the block ends."""
    with tempfile.TemporaryDirectory(prefix="start-") as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, *program, "serve", "--port", "0", "--ready-file", str(ready), *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"ended with {process.returncode}: {' '.join(command)}")
                time.sleep(0.002)
            seconds = processor_seconds_so_far(process.pid)
            yield Start(seconds, Memory.of(process.pid), Endpoint.read(ready))
        finally:
            process.terminate()
            process.wait()


def starts(runs: int) -> dict[str, tuple[float, Memory]]:
    """Return for each kind of start its least seconds and the memory after the last run."""
    least: dict[str, tuple[float, Memory]] = {}

    def note(kind: str, arguments: Sequence[str]) -> None:
        with started(arguments) as start:
            seconds, _ = least.get(kind, (math.inf, None))
            least[kind] = min(seconds, start.seconds), start.memory

    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="start-") as folder:
            data = ["--data-dir", f"{folder}/data"]
            note("first start", data)
            note("second start", data)
        note("start with --ephemeral", ["--ephemeral"])
    return least


def memory_of_connections(loop: str, count: int) -> float:
    """Return the KiB of resident memory that one of `count` idle connections takes, each after one request."""
    limits = ["--max_connections", str(2 * count + 8), "--connections_per_address", str(count + 8)]
    limits += ["--connections_per_identity", str(count + 8)]
    with started(["--ephemeral", *limits], ("-c", RUN[loop])) as start, contextlib.ExitStack() as open_ones:
        endpoint, exchange = start.endpoint, messages.discover_versions()
        context = endpoint.context()

        def connect() -> None:
            ask(open_ones.enter_context(endpoint.connect(context)), exchange)

        for _ in range(8):  # what the first ones bring about stays
            connect()
        before = Memory.of(endpoint.pid).resident
        for _ in range(count):
            connect()
        time.sleep(1.0)  # buffers are given back
        return (Memory.of(endpoint.pid).resident - before) / count


def memory_over_requests(count: int) -> list[tuple[int, Memory]]:
    """Return the memory after none, a tenth, half and all of `count` requests: Create, and nine times Get of that key.

    Keys stay in the store, on the disk.
    """
    measured = []
    with tempfile.TemporaryDirectory(prefix="start-") as folder, started(["--data-dir", folder]) as start:
        measured.append((0, start.memory))
        with start.endpoint.connect(start.endpoint.context()) as connection:
            for done in range(0, count, 10):
                answer = ask(connection, messages.create())
                identifier = messages.read_answer(answer).unique_identifiers[0]
                assert identifier is not None
                for _ in range(9):
                    ask(connection, messages.get(identifier))
                if done + 10 in (count // 10, count // 2, count):
                    measured.append((done + 10, Memory.of(start.endpoint.pid)))
    return measured


def ask(connection: ssl.SSLSocket, exchange: messages.Exchange) -> bytes:
    """Return one answer, checked."""
    connection.sendall(exchange.request)
    answer = b""
    while len(answer) < messages.HEADER_SIZE or len(answer) < messages.HEADER_SIZE + int.from_bytes(answer[4:8], "big"):
        answer += connection.recv(65_536)
    exchange.check(answer)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each command and start; the least counts")
    parser.add_argument("--connections", type=int, default=1_000, help="idle ones; 0: not measured")
    parser.add_argument("--requests", type=int, default=20_000, help="over which memory is looked at; 0: not measured")
    arguments = parser.parse_args()
    print("| | processor seconds |\n|---|---|", flush=True)
    for name, command in IMPORTS.items():
        print(
            f"| {name} | {min(processor_seconds_of_command(command) for _ in range(arguments.runs)):.3f} |", flush=True
        )
    found = starts(arguments.runs)
    for kind, (seconds, _) in found.items():
        print(f"| {kind} | {seconds:.2f} |")
    print("\n| | resident MiB | private MiB |\n|---|---|---|")
    for kind, (_, memory) in found.items():
        print(_memory_row(kind, memory), flush=True)
    if arguments.requests:
        for count, memory in memory_over_requests(arguments.requests):
            print(_memory_row(f"after {count:,} requests", memory), flush=True)
    if arguments.connections:
        print("\n| event loop | KiB for each idle connection |\n|---|---|")
        for loop in RUN:
            print(f"| {loop} | {memory_of_connections(loop, arguments.connections):.1f} |", flush=True)


def _memory_row(name: str, memory: Memory) -> str:
    return f"| {name} | {memory.resident / MIB:.1f} | {memory.private / MIB:.1f} |"


if __name__ == "__main__":
    main()
