"""A load generator: pre-encoded requests, one outstanding per connection, every answer checked.

One epoll loop per process over non-blocking TLS sockets: measured at 19 microseconds of processor time per
request, so that two undisturbed processes could ask for 100,000/s. Blocking sockets with a thread each cost
20 microseconds at 4 connections, memory BIOs 19.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import itertools
import json
import math
import multiprocessing
import os
import select
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final, TypeVar

from attrs import Factory, define, evolve, fields, frozen

from benchmarks import messages
from benchmarks.figures import Figures, figures_of
from benchmarks.messages import HEADER_SIZE, Exchange, read_answer

PATIENCE: Final = 60.0  # seconds without any answer before a run is given up
WARM_UP: Final = 0.5  # seconds of load before the clock starts
MAXIMUM_COUNT: Final = 2_000_000  # answers in one run; bounds the memory of the latencies
_RECEIVE_SIZE: Final = 65_536
_Share = TypeVar("_Share")


@frozen(kw_only=True)
class Endpoint:
    """Where a server listens and what its client needs: the content of a ready file.

    others: further nodes of the same server, which share its certificate authority; connections are spread over all.
    """

    host: str
    port: int
    ca: str
    cert: str
    key: str
    pid: int
    version: str
    others: tuple[Endpoint, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Endpoint:
        content = json.loads(path.read_text())
        return cls(**{field.name: content[field.name] for field in fields(cls) if field.name != "others"})

    def with_others(self, others: Sequence[Endpoint]) -> Endpoint:
        return evolve(self, others=tuple(others))

    def node(self, number: int) -> Endpoint:
        """The node for the connection of that number."""
        return (self, *self.others)[number % (1 + len(self.others))]

    def processor_seconds(self) -> float:
        """What the server's processes have used so far, user and system: those of its process groups."""
        groups = {self.pid, *(other.pid for other in self.others)}
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # one that has ended meanwhile
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[_PROCESS_GROUP]) in groups:
                    ticks += int(fields[_USER]) + int(fields[_SYSTEM])
        return ticks / os.sysconf("SC_CLK_TCK")

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.cert, self.key)
        return context

    def connect(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """A full handshake: no session is ever offered for resumption."""
        plain = socket.create_connection((self.host, self.port), timeout=PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname=self.host)


_PROCESS_GROUP, _USER, _SYSTEM = 2, 11, 12
"""Fields of /proc/PID/stat after the name of the command, proc(5)."""


@frozen(kw_only=True)
class Plan:
    """What to send.  `exchanges` are asked for in turn, each connection starting at another one."""

    exchanges: tuple[Exchange, ...]
    connections: int = 4
    processes: int = 2
    seconds: float = 3.0
    warm_up: float = WARM_UP
    maximum_count: int = MAXIMUM_COUNT
    reconnect: bool = False  # a new connection with a full handshake for every request


def run(endpoint: Endpoint, plan: Plan) -> Figures:
    """Put `plan` on the server.  Raises RuntimeError if any answer was wrong or missing."""
    processes = min(plan.processes, plan.connections)
    spawn = multiprocessing.get_context("spawn")  # fork would copy the progress display's threads and locks
    barrier = spawn.Barrier(processes + 1)
    workers = []
    for index in range(processes):
        connections = range(index, plan.connections, processes)
        receiver, sender = spawn.Pipe(duplex=False)
        worker = spawn.Process(target=_work, args=(endpoint, plan, connections, barrier, sender), daemon=True)
        worker.start()
        sender.close()
        workers.append((worker, receiver))
    used = _processor_seconds(endpoint, plan, barrier)
    latencies = array.array("d")
    seconds = 0.0
    failures = []
    for worker, receiver in workers:
        try:
            outcome = receiver.recv()
        except EOFError:
            outcome = "a worker ended without a result"
        if isinstance(outcome, str):
            failures.append(outcome)
        else:
            latencies.frombytes(outcome[0])
            seconds = max(seconds, outcome[1])
        worker.join()
    if failures:
        # A worker that fails breaks the barrier for the others; theirs is not the cause.
        raise RuntimeError(min(failures, key=lambda text: "BrokenBarrierError" in text))
    return figures_of(latencies, seconds, used)


def _processor_seconds(endpoint: Endpoint, plan: Plan, barrier: Barrier) -> float:
    """What the server uses while answers are counted: without the handshakes and the warm-up."""
    with contextlib.suppress(threading.BrokenBarrierError):  # a worker failed, and says why
        barrier.wait(PATIENCE)
        time.sleep(plan.warm_up)
        before = endpoint.processor_seconds()
        time.sleep(plan.seconds)
        return endpoint.processor_seconds() - before
    return math.nan


def ask_all(
    endpoint: Endpoint,
    exchanges: Sequence[Exchange],
    *,
    connections: int = 4,
    on_answer: Callable[[], None] = lambda: None,
) -> list[str]:
    """Send each of `exchanges` once, to fill a store; returns the Unique Identifiers, in order."""
    context = endpoint.context()
    identifiers = [""] * len(exchanges)
    failures: list[BaseException] = []

    def ask(numbers: range) -> None:
        try:
            with endpoint.connect(context) as connection:
                for number in numbers:
                    answer = _ask(connection, exchanges[number])
                    identifiers[number] = read_answer(answer).unique_identifiers[0]
                    on_answer()
        except Exception as error:  # of a thread: raised when all have ended
            failures.append(error)

    _in_threads(ask, [range(first, len(exchanges), connections) for first in range(connections)])
    if failures:
        raise failures[0]
    return identifiers


@define
class _Tally:
    """The latencies of the answers that fall between `opens` and `closes`: seconds, monotonic clock."""

    opens: float
    closes: float
    room: int
    latencies: array.array[float] = Factory(lambda: array.array("d"))

    @property
    def seconds(self) -> float:
        return self.closes - self.opens

    def add(self, sent: float, received: float) -> bool:
        """Count one answer.  Returns whether to ask on."""
        if received > self.closes:
            return False
        if received >= self.opens:
            self.latencies.append(received - sent)
            if len(self.latencies) >= self.room:
                self.closes = received
                return False
        return True


def _work(endpoint: Endpoint, plan: Plan, connections: range, barrier: Barrier, results: Connection) -> None:
    try:
        kind = _reconnecting if plan.reconnect else _staying
        tally = kind(endpoint, plan, connections, barrier)
        results.send((tally.latencies.tobytes(), tally.seconds))
    except Exception:  # of a process: its text crosses to the parent
        barrier.abort()
        results.send(traceback.format_exc())


def _tally(plan: Plan, barrier: Barrier) -> _Tally:
    barrier.wait(PATIENCE)
    opens = time.perf_counter() + plan.warm_up
    return _Tally(opens, opens + plan.seconds, max(1, plan.maximum_count // plan.processes))


@define
class _Connection:
    socket: ssl.SSLSocket
    exchanges: Iterator[Exchange]
    exchange: Exchange
    sent: float = 0.0
    received: bytes = b""


def _staying(endpoint: Endpoint, plan: Plan, numbers: range, barrier: Barrier) -> _Tally:
    context = endpoint.context()
    connections: dict[int, _Connection] = {}
    poll = select.epoll()
    for number in numbers:
        tls = endpoint.node(number // plan.processes).connect(context)
        exchanges = _in_turn(plan, number)
        connections[tls.fileno()] = _Connection(tls, exchanges, next(exchanges))
        poll.register(tls.fileno(), select.EPOLLIN)
    tally = _tally(plan, barrier)
    for connection in connections.values():
        connection.socket.setblocking(False)
        connection.sent = time.perf_counter()
        connection.socket.send(connection.exchange.request)
    clock = time.perf_counter
    waiting = len(connections)
    # Requests are outstanding when the window opens and when it closes, so slow servers are not counted
    # short; the late answers are waited for and checked too.
    while waiting:
        events = poll.poll(PATIENCE)
        if not events:
            raise TimeoutError(f"no answer within {PATIENCE:.0f} s")
        for descriptor, _ in events:
            connection = connections[descriptor]
            try:
                data = connection.socket.recv(_RECEIVE_SIZE)
            except ssl.SSLWantReadError:  # a session ticket or a part of a record
                continue
            if not data:
                raise ConnectionError("the server closed a connection that waits for an answer")
            if connection.received or len(data) != _frame_size(data):
                data = connection.received + data
                if len(data) < _frame_size(data):
                    connection.received = data
                    continue
                connection.received = b""
            now = clock()
            connection.exchange.check(data)
            if tally.add(connection.sent, now):
                exchange = connection.exchange = next(connection.exchanges)
                connection.sent = clock()
                connection.socket.send(exchange.request)
            else:
                waiting -= 1
    for connection in connections.values():
        connection.socket.close()
    return tally


def _reconnecting(endpoint: Endpoint, plan: Plan, numbers: range, barrier: Barrier) -> _Tally:
    context = endpoint.context()
    tally = _tally(plan, barrier)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def repeat(number: int) -> None:
        try:
            for exchange in _in_turn(plan, number):
                began = time.perf_counter()
                with closing(endpoint.node(number // plan.processes).connect(context)) as connection:
                    _ask(connection, exchange)
                with lock:
                    if failures or not tally.add(began, time.perf_counter()):
                        return
        except Exception as error:  # as above
            failures.append(error)

    _in_threads(repeat, list(numbers))
    if failures:
        raise failures[0]
    return tally


def _in_turn(plan: Plan, connection: int) -> Iterator[Exchange]:
    first = connection * len(plan.exchanges) // plan.connections
    return itertools.cycle(plan.exchanges[first:] + plan.exchanges[:first])


def _ask(connection: ssl.SSLSocket, exchange: Exchange) -> bytes:
    connection.sendall(exchange.request)
    answer = connection.recv(_RECEIVE_SIZE)
    while len(answer) < _frame_size(answer):
        data = connection.recv(_RECEIVE_SIZE)
        if not data:
            raise ConnectionError("the server closed a connection that waits for an answer")
        answer += data
    exchange.check(answer)
    return answer


def _frame_size(data: bytes) -> int:
    return HEADER_SIZE + int.from_bytes(data[4:8], "big")


def _in_threads(work: Callable[[_Share], None], shares: Sequence[_Share]) -> None:
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("ready_file", type=Path, help="JSON file that the server wrote (kmipd: --ready-file)")
    parser.add_argument("--case", choices=("get", "create", "discover", "query", "register", "connect"), default="get")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    endpoint = Endpoint.read(arguments.ready_file)
    exchanges: tuple[Exchange, ...]
    if arguments.case == "get":
        identifiers = ask_all(endpoint, [messages.create()] * 16)
        exchanges = tuple(messages.get(identifier) for identifier in identifiers)
    else:
        exchanges = (CHOICES[arguments.case](),)
    plan = Plan(
        exchanges=exchanges,
        connections=arguments.connections,
        processes=arguments.processes,
        seconds=arguments.seconds,
        reconnect=arguments.case == "connect",
    )
    print(f"{arguments.case}, {arguments.connections} connections: {run(endpoint, plan)}")


CHOICES: Final[dict[str, Callable[[], Exchange]]] = {
    "connect": messages.discover_versions,
    "create": messages.create,
    "discover": messages.discover_versions,
    "query": messages.query,
    "register": lambda: messages.register(bytes(range(messages.KEY_SIZE))),
}


if __name__ == "__main__":
    main()
