"""Three ways in which several processes write to one SQLite file, measured against each other.

    python -m benchmarks.writers [--processes 2] [--seconds 5] [--rows 8]

busy       SQLite's own lock: who finds it taken asks again after a pause
turns      the turnstile of the store: two locks of the operating system, one behind the other
writer     a process that writes for all: it is sent rows over a socket and commits what has come together

Each process writes groups of rows as fast as it can, as the writing threads of busy workers do. Shown are groups a
second, the share of the process that had fewest, and the time from a group to its commit.
"""

import multiprocessing as mp
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

import click

from kmip_adapters.storage.sql.sqlite import SqliteBackend

ROW: Final = 900  # bytes, about what a symmetric key has with its attributes and its audit record
INSERT: Final = "INSERT INTO filled (value) VALUES (?)"

Times = list[float]


def by_itself(path: Path, rows: int, seconds: float, results: Connection, is_shared: bool) -> None:
    """Be a worker that writes."""
    backend = SqliteBackend(path, is_shared=is_shared)
    cursor = backend.open_writer().cursor()
    times: Times = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        group = [(os.urandom(ROW),) for _ in range(rows)]
        with backend.turn():
            backend.begin_writing(cursor)
            cursor.executemany(INSERT, group)
            backend.commit(cursor)
        times.append(time.perf_counter() - begun)
    results.send(times)


def over_a_socket(writer: Connection, rows: int, seconds: float, results: Connection) -> None:
    """Be a worker that has a process write."""
    times: Times = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        writer.send([(os.urandom(ROW),) for _ in range(rows)])
        writer.recv()
        times.append(time.perf_counter() - begun)
    writer.close()
    results.send(times)


def write_for_all(path: Path, workers: list[Connection]) -> None:
    """Be the process that writes."""
    backend = SqliteBackend(path)
    cursor = backend.open_writer().cursor()
    while workers:
        senders, group = [], []
        for one in wait(workers):
            assert isinstance(one, Connection)
            try:
                group += one.recv()
                senders.append(one)
            except EOFError:
                workers.remove(one)
        if group:
            backend.begin_writing(cursor)
            cursor.executemany(INSERT, group)
            backend.commit(cursor)
            for one in senders:
                one.send(True)


def measure(way: str, processes: int, seconds: float, rows: int, folder: Path) -> str:
    """Return a line of the table."""
    path = folder / f"{way}.sqlite"
    backend = SqliteBackend(path)
    backend.open_writer().execute("CREATE TABLE filled (sequence INTEGER PRIMARY KEY, value BLOB)")
    started: list[mp.Process] = []
    results: list[Connection] = []
    theirs: list[Connection] = []

    def start(target: Callable[..., Any], *arguments: Any) -> None:
        started.append(mp.Process(target=target, args=arguments))

    for _ in range(processes):
        ours, result = mp.Pipe()
        results.append(ours)
        if way == "writer":
            worker, writer = mp.Pipe()
            theirs.append(writer)
            start(over_a_socket, worker, rows, seconds, result)
        else:
            start(by_itself, path, rows, seconds, result, way == "turns")
    if way == "writer":
        start(write_for_all, path, theirs)
    for process in started:
        process.start()
    if way == "writer":  # only the worker's own end keeps the writer waiting
        for one in theirs:
            one.close()
    every: list[Times] = [one.recv() for one in results]
    for process in started:
        process.join(5.0)
        process.kill()
    times = sorted(one for of_process in every for one in of_process)
    fewest = min(map(len, every)) / max(1, max(map(len, every)))
    return (
        f"{way:<8}{len(times) / seconds:>10.0f}{fewest:>10.0%}{statistics.median(times) * 1e3:>10.1f}"
        f"{times[int(len(times) * 0.99)] * 1e3:>10.1f}{times[-1] * 1e3:>10.1f}"
    )


@click.command(help=__doc__)
@click.option("--processes", default=2)
@click.option("--seconds", default=5.0)
@click.option("--rows", default=8)
@click.option("--folder", default=None, help="On the disk to be measured.")
def main(processes: int, seconds: float, rows: int, folder: str | None) -> None:
    """Measure each way twice, in turn."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        click.echo(f"{'way':<8}{'groups/s':>10}{'fewest':>10}{'median ms':>10}{'p99 ms':>10}{'worst ms':>10}")
        for number in range(2):
            for way in ("busy", "turns", "writer"):
                (Path(made) / str(number)).mkdir(exist_ok=True)
                click.echo(measure(way, processes, seconds, rows, Path(made) / str(number)))


if __name__ == "__main__":
    main()
