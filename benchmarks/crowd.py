"""How long good clients wait beside a crowd: 20 that pipeline and do not read, 50 that drip bytes, 200 that are idle.

Measures a fresh connection (TCP, full TLS handshake with client certificate, one Discover Versions) and a kept one (one
Discover Versions at a time), each with and without the crowd, on asyncio's loop and uvloop's, and of PyKMIP on request.

    python -m benchmarks.crowd [--seconds 5] [--loops asyncio,uvloop] [--pykmip]

Aims beside the crowd: fresh p99 below 100 ms, kept p99 below 20 ms. PyKMIP's fresh p99 was 419 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import ssl
import time
from contextlib import AbstractContextManager
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import messages
from benchmarks.figures import percentile
from benchmarks.load import Endpoint
from benchmarks.pykmip_server import running_pykmip
from benchmarks.server import with_ready_file

DEAF: Final = 20
DRIPPING: Final = 50
IDLE: Final = 200
DRIP_EVERY: Final = 0.05  # seconds between two bytes of one client, each in a record of its own
FRESH_EVERY: Final = 0.05  # seconds between two fresh connections
KEPT_EVERY: Final = 0.005
PIPELINED: Final = 200  # requests in one write

RUN: Final = {
    "asyncio": "import runpy, sys; sys.modules['uvloop'] = None; runpy.run_module('kmip_app', run_name='__main__')",
    "uvloop": "import uvloop, runpy; runpy.run_module('kmip_app', run_name='__main__')",
}


class Crowd:
    """The crowd of one server, in a process of its own until the block ends."""

    def __init__(self, endpoint: Endpoint, *, idle: int = IDLE) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop, self._is_there = context.Event(), context.Event()
        arguments = (endpoint, idle, self._is_there, self._stop)
        self._process = context.Process(target=_bother, args=arguments, daemon=True)

    def __enter__(self) -> None:
        self._process.start()
        if not self._is_there.wait(60.0):
            raise RuntimeError("the crowd could not connect")

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._process.join(20.0)
        if self._process.is_alive():
            self._process.kill()


def _bother(endpoint: Endpoint, idle: int, is_there, stop) -> None:
    context = endpoint.context()
    frame = messages.query().request
    quiet = [endpoint.connect(context) for _ in range(idle)]
    dripping = [endpoint.connect(context) for _ in range(DRIPPING)]
    deaf = {endpoint.connect(context): b"" for _ in range(DEAF)}
    for connection in (*dripping, *deaf):
        connection.setblocking(False)
    is_there.set()
    at, next_drip = 0, time.monotonic()
    while not stop.is_set():
        for connection in tuple(deaf):
            try:
                connection.send(frame * PIPELINED)
            except (ssl.SSLWantWriteError, BlockingIOError):
                continue
            except OSError:  # cut: it comes again
                del deaf[connection]
                with contextlib.suppress(OSError):
                    deaf[again := endpoint.connect(context)] = b""
                    again.setblocking(False)
        if time.monotonic() >= next_drip:
            next_drip += DRIP_EVERY
            for number, connection in enumerate(dripping):
                try:
                    connection.send(frame[at % len(frame) :][:1])
                except (ssl.SSLWantWriteError, BlockingIOError):
                    continue
                except OSError:
                    with contextlib.suppress(OSError):
                        dripping[number] = endpoint.connect(context)
                        dripping[number].setblocking(False)
            at += 1
            if not at % len(frame):
                _read_all(dripping)
        time.sleep(0.002)
    for connection in (*quiet, *dripping, *deaf):
        connection.close()


def _read_all(connections: list[ssl.SSLSocket]) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):
            while connection.recv(65_536):
                pass


def measure(endpoint: Endpoint, seconds: float) -> tuple[list[float], list[float]]:
    """Return the times of fresh connections and of exchanges on a kept one, in seconds, sorted."""
    context, exchange = endpoint.context(), messages.discover_versions()
    fresh: list[float] = []
    kept: list[float] = []
    with endpoint.connect(context) as connection:
        end = time.monotonic() + seconds
        next_fresh = time.monotonic()
        while time.monotonic() < end:
            began = time.perf_counter()
            _ask(connection, exchange)
            kept.append(time.perf_counter() - began)
            if time.monotonic() >= next_fresh:
                next_fresh = time.monotonic() + FRESH_EVERY
                began = time.perf_counter()
                with endpoint.connect(context) as newcomer:
                    _ask(newcomer, exchange)
                fresh.append(time.perf_counter() - began)
            time.sleep(KEPT_EVERY)
    return sorted(fresh), sorted(kept)


def _ask(connection: ssl.SSLSocket, exchange: messages.Exchange) -> None:
    connection.sendall(exchange.request)
    answer = b""
    while len(answer) < 8 or len(answer) < 8 + int.from_bytes(answer[4:8]):
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError("the server has ended the connection")
        answer += part
    exchange.check(answer)


def _kmipd(loop: str) -> AbstractContextManager[Endpoint]:
    return with_ready_file(["-c", RUN[loop], "serve", "--data-dir", "{directory}/data", "--port", "0"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one run")
    parser.add_argument("--loops", default="asyncio,uvloop", help="event loops of kmipd")
    parser.add_argument("--pykmip", action="store_true", help="measure PyKMIP, too")
    arguments = parser.parse_args()
    table = Table(
        "server", "crowd", "fresh p50 ms", "fresh p99 ms", "kept p50 ms", "kept p99 ms", "kept worst", box=box.SIMPLE
    )
    servers: dict[str, AbstractContextManager[Endpoint]] = {
        f"kmipd, {loop}": _kmipd(loop) for loop in arguments.loops.split(",")
    }
    if arguments.pykmip:
        servers["PyKMIP"] = running_pykmip()
    for name, server in servers.items():
        with server as endpoint:
            for title, crowd in (("none", contextlib.nullcontext()), ("all", Crowd(endpoint))):
                with crowd:
                    time.sleep(1.0)
                    fresh, kept = measure(endpoint, arguments.seconds)
                row = [1000 * percentile(times, percent) for times in (fresh, kept) for percent in (50, 99)]
                table.add_row(name, title, *(f"{each:.1f}" for each in (*row, 1000 * kept[-1])))
    Console().print(table)


if __name__ == "__main__":
    main()
