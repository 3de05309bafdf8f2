"""Measures the ceiling, kmipd and PyKMIP in turn, round by round, and prints one table.

All servers run throughout, so that a round of each follows closely on the others; the idle ones cost next
to nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import random
import shlex
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import messages
from benchmarks.counts import budgets
from benchmarks.figures import Figures, medians, ratio
from benchmarks.kmipd_server import running_nodes
from benchmarks.load import Endpoint, Plan, ask_all, run
from benchmarks.messages import Exchange
from benchmarks.page import page_of
from benchmarks.pykmip_server import running_pykmip
from benchmarks.server import ServerFailed, with_ready_file

SERVERS: Final = ("ceiling", "kmipd", "pykmip")
KEYS: Final = 64  # different objects that Get asks for
REQUESTS: Final = 40_000
"""Requests of which each is another one."""
NAMES: Final = 256  # different names that Locate asks for

ENOUGH: Final = 20  # answers without which a run is repeated for longer
LONGEST: Final = 15.0  # seconds, of such a run


DATABASES: Final = ("sqlite", "postgresql")


@attrs.frozen
class Variant:
    """One way to run kmipd.  The first of a run is called kmipd."""

    workers: int
    database: str
    nodes: int = 1

    @property
    def title(self) -> str:
        """Its heading."""
        nodes = "" if self.nodes == 1 else f", {self.nodes} nodes"
        return f"{self.database} x {self.workers}{nodes}"

    def arguments(self, url: str) -> list[str]:
        """Return what to add to the command line.  url: of a PostgreSQL database."""
        found = [] if self.workers == 1 else ["--workers", str(self.workers)]
        return found if self.database == "sqlite" else [*found, "--database", url]


def variants_of(arguments: argparse.Namespace) -> dict[str, Variant]:
    """Return the ways in which kmipd is run, by the names of their servers."""
    found = [
        Variant(workers, database, nodes)
        for database in arguments.database
        for nodes in arguments.nodes
        for workers in arguments.workers
        if nodes == 1 or (database == "postgresql" and workers == 1)
    ]
    return {"kmipd" if not number else f"kmipd {one.title}": one for number, one in enumerate(found)}


@attrs.frozen(kw_only=True)
class Store:
    """What was put into one server: names and Unique Identifiers, in the same order."""

    names: tuple[str, ...]
    unique_identifiers: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Case:
    title: str
    exchanges: Callable[[Store], tuple[Exchange, ...]]
    reconnect: bool = False
    needs_all_objects: bool = False


def _gets(store: Store) -> tuple[Exchange, ...]:
    return tuple(messages.get(identifier) for identifier in store.unique_identifiers[:KEYS])


def _gets_of_their_own(store: Store) -> tuple[Exchange, ...]:
    """Return more requests than are answered in one run, no two of which are the same bytes."""
    identifiers = store.unique_identifiers[:KEYS]
    return tuple(messages.get(identifiers[number % len(identifiers)], number) for number in range(REQUESTS))


def _encryptions(store: Store) -> tuple[Exchange, ...]:
    return tuple(messages.encrypt(identifier) for identifier in store.unique_identifiers[:KEYS])


def _locates(store: Store) -> tuple[Exchange, ...]:
    pairs = list(zip(store.names, store.unique_identifiers, strict=True))
    random.Random(1).shuffle(pairs)  # the same names in every run, from all over the table
    return tuple(messages.locate(name, unique_identifier=identifier) for name, identifier in pairs[:NAMES])


# In the order of measuring: what adds objects comes last, so that Locate sees the number asked for.
CASES: Final = {
    "discover": Case(title="Discover Versions", exchanges=lambda _: (messages.discover_versions(),)),
    "query": Case(title="Query", exchanges=lambda _: (messages.query(),)),
    "get": Case(title="Get", exchanges=_gets),
    "get-once": Case(title="Get, each another request", exchanges=_gets_of_their_own),
    "encrypt": Case(title="Encrypt 1 KiB", exchanges=_encryptions),
    "locate": Case(title="Locate by name", exchanges=_locates, needs_all_objects=True),
    "connect": Case(title="new connection", exchanges=lambda _: (messages.discover_versions(),), reconnect=True),
    "create": Case(title="Create", exchanges=lambda _: (messages.create(),)),
    "register": Case(title="Register", exchanges=lambda _: (messages.register(bytes(range(messages.KEY_SIZE))),)),
}
DEFAULT_CASES: Final = "get,encrypt,locate,create,discover,connect"


@attrs.frozen(kw_only=True)
class Row:
    case: str
    connections: int
    rounds: dict[str, list[Figures]]


def measure(
    endpoints: dict[str, Endpoint],
    stores: dict[str, Store],
    arguments: argparse.Namespace,
    progress: Progress,
) -> list[Row]:
    """Run every chosen case; the servers alternate within each."""
    rows: list[Row] = []
    for name, case in CASES.items():
        if name not in arguments.only:
            continue
        # PyKMIP listens with a backlog of 5: with many at once, SYN retransmissions would be measured.
        for connections in arguments.connections[:1] if case.reconnect else arguments.connections:
            row = Row(case=name, connections=connections, rounds={server: [] for server in endpoints})
            task = progress.add_task(
                f"{case.title}, {connections} connections", total=arguments.rounds * len(endpoints)
            )
            seconds = dict.fromkeys(endpoints, arguments.seconds)
            for _ in range(arguments.rounds):
                for server, endpoint in endpoints.items():
                    progress.advance(task)
                    if _would_queue(rows, name, server, connections):
                        continue
                    plan = Plan(
                        exchanges=case.exchanges(stores[server]),
                        connections=connections,
                        processes=arguments.processes,
                        seconds=seconds[server],
                        reconnect=case.reconnect,
                    )
                    figures = run(endpoint, plan)
                    if figures.count < ENOUGH and seconds[server] < LONGEST:
                        seconds[server] = min(LONGEST, seconds[server] * ENOUGH / max(1, figures.count))
                        figures = run(endpoint, attrs.evolve(plan, seconds=seconds[server]))
                    row.rounds[server].append(figures)
            rows.append(row)
    return rows


def _would_queue(rows: Sequence[Row], case: str, server: str, connections: int) -> bool:
    """Whether the server was so slow at fewer connections that more would only stand in a queue."""
    measured = [row.rounds[server] for row in rows if row.case == case and row.connections < connections]
    return any(not rounds or connections > LONGEST * medians(rounds).per_second for rounds in measured)


def fill(endpoint: Endpoint, count: int, on_answer: Callable[[], None]) -> Store:
    """Create `count` named keys and activate those that Get will ask for."""
    names = tuple(f"benchmark-{number:06}" for number in range(count))
    identifiers = ask_all(endpoint, [messages.create(name) for name in names], on_answer=on_answer)
    ask_all(endpoint, [messages.activate(identifier) for identifier in identifiers[:KEYS]])
    return Store(names=names, unique_identifiers=tuple(identifiers))


def table_of(rows: Sequence[Row], objects: int) -> Table:
    table = Table(
        title=f"answers per second (medians); Locate at {objects:,} objects",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("operation", no_wrap=True)
    for heading in ("conn.", "ceiling", "kmipd", "PyKMIP", "/ ceiling", "/ PyKMIP", "p99 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        ceiling, kmipd, pykmip = (row.rounds.get(server, []) for server in SERVERS)
        table.add_row(
            CASES[row.case].title,
            str(row.connections),
            *(_rate(rounds) for rounds in (ceiling, kmipd, pykmip)),
            _shown(ratio(kmipd, ceiling), "{:.1%}"),
            _shown(ratio(kmipd, pykmip), "{:.1f} x"),
            f"{medians(kmipd).p99 * 1e3:.2f}" if kmipd else "-",
        )
    table.caption = "kmipd divided by the ceiling and by PyKMIP; p99 of kmipd"
    return table


def variants_table_of(rows: Sequence[Row], variants: dict[str, Variant]) -> Table:
    """Compare the ways to run kmipd: answers a second, and how many times those of the first."""
    table = Table(
        title="kmipd by database and number of workers and nodes: answers per second (medians), and times the first",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in ("operation", "conn.", *(variant.title for variant in variants.values())):
        table.add_column(heading, justify="right" if heading != "operation" else "left", no_wrap=True)
    for row in rows:
        cells = []
        for name in variants:
            rounds = row.rounds.get(name, [])
            cells.append(f"{_rate(rounds)} ({_shown(ratio(rounds, row.rounds.get('kmipd', [])), '{:.2f}')})")
        table.add_row(CASES[row.case].title, str(row.connections), *cells)
    return table


def processor_table_of(rows: Sequence[Row]) -> Table:
    """What an answer costs a server: a noisy machine cannot blur it as it does rates."""
    table = Table(
        title="processor microseconds of the server for each answer (medians)",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("operation", no_wrap=True)
    for heading in ("conn.", "ceiling", "kmipd", "PyKMIP", "kmipd in ceilings"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        ceiling, kmipd, pykmip = (row.rounds.get(server, []) for server in SERVERS)
        table.add_row(
            CASES[row.case].title,
            str(row.connections),
            *(f"{medians(rounds).processor * 1e6:,.0f}" if rounds else "-" for rounds in (ceiling, kmipd, pykmip)),
            _shown(ratio(kmipd, ceiling, "processor"), "{:.1f}"),
        )
    return table


def report_of(rows: Sequence[Row], arguments: argparse.Namespace, versions: dict[str, str]) -> dict[str, object]:
    """Everything that was measured, for later comparison; seconds and answers per second."""
    return {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "openssl": ssl.OPENSSL_VERSION,
            "platform": platform.platform(),
            "load_average": os.getloadavg(),
        },
        "servers": versions,
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "processes": arguments.processes,
        "objects": arguments.objects,
        "variants": {name: variant.title for name, variant in variants_of(arguments).items()},
        "results": [
            {
                "case": row.case,
                "connections": row.connections,
                "medians": {server: attrs.asdict(medians(rounds)) for server, rounds in row.rounds.items() if rounds},
                "rounds": {
                    server: [attrs.asdict(figures) for figures in rounds] for server, rounds in row.rounds.items()
                },
                "kmipd_of_ceiling": ratio(row.rounds.get("kmipd", []), row.rounds.get("ceiling", [])),
                "kmipd_in_ceilings": ratio(row.rounds.get("kmipd", []), row.rounds.get("ceiling", []), "processor"),
                "kmipd_of_pykmip": ratio(row.rounds.get("kmipd", []), row.rounds.get("pykmip", [])),
            }
            for row in rows
        ],
    }


@contextlib.contextmanager
def running_servers(arguments: argparse.Namespace) -> Iterator[dict[str, Endpoint]]:
    with contextlib.ExitStack() as stack:
        endpoints: dict[str, Endpoint] = {}
        if "ceiling" in arguments.servers:
            endpoints["ceiling"] = stack.enter_context(with_ready_file(["-m", "benchmarks.ceiling"]))
        if "kmipd" in arguments.servers:
            more = shlex.split(arguments.server_args)
            for name, variant in variants_of(arguments).items():
                url = "" if variant.database == "sqlite" else stack.enter_context(running_postgresql())
                nodes = running_nodes([*variant.arguments(url), *more], variant.nodes)
                endpoints[name] = stack.enter_context(nodes)
        if "pykmip" in arguments.servers:
            endpoints["pykmip"] = stack.enter_context(running_pykmip(arguments.pykmip_python))
        yield endpoints


@contextlib.contextmanager
def running_postgresql() -> Iterator[str]:
    """Run a PostgreSQL that syncs each commit, reached over a Unix socket; yield the URL of its database."""
    from tests.postgresql import Postgres, binaries

    if binaries() is None:
        raise ServerFailed("PostgreSQL is not installed; apt-get install postgresql")
    server = Postgres.create(fsync="on", max_connections=200)
    try:
        server.start()
        yield server.url
    finally:
        server.remove()


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    console = Console()
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    try:
        with running_servers(arguments) as endpoints, progress:
            stores = {}
            for server, endpoint in endpoints.items():
                count = arguments.objects if any(CASES[name].needs_all_objects for name in arguments.only) else KEYS
                if server == "ceiling":
                    count = 1  # it answers the same whatever it is asked
                task = progress.add_task(f"filling {server}", total=count)
                stores[server] = fill(endpoint, count, functools.partial(progress.advance, task))
            rows = measure(endpoints, stores, arguments, progress)
    except (ServerFailed, RuntimeError, messages.WrongAnswer, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    console.print(table_of(rows, arguments.objects))
    console.print(processor_table_of(rows))
    if len(variants := variants_of(arguments)) > 1:
        console.print(variants_table_of(rows, variants))
    versions = {server: endpoint.version for server, endpoint in endpoints.items()}
    if arguments.page:
        command = shlex.join(["python", "-m", "benchmarks.compare", *(sys.argv[1:] if argv is None else argv)])
        titles = {name: case.title for name, case in CASES.items()}
        arguments.page.write_text(page_of(rows, titles, versions, budgets(), command))
    if arguments.json:
        arguments.json.write_text(json.dumps(report_of(rows, arguments, versions), indent=1) + "\n")
    return 0


def _rate(rounds: Sequence[Figures]) -> str:
    if not rounds:
        return "-"
    per_second = medians(rounds).per_second
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.1f}"


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case on each server")
    parser.add_argument("--connections", type=_numbers, default="4,64", help="comma-separated numbers")
    parser.add_argument("--processes", type=int, default=2, help="processes of the load generator")
    parser.add_argument("--objects", type=int, default=2_000, help="objects in the store when Locate is measured")
    parser.add_argument("--only", type=_some_of(CASES), default=DEFAULT_CASES, help=f"cases, of {','.join(CASES)}")
    parser.add_argument("--servers", type=_some_of(SERVERS), default=",".join(SERVERS), help="servers, comma-separated")
    parser.add_argument("--workers", type=_numbers, default="1", help="processes of kmipd, comma-separated numbers")
    parser.add_argument(
        "--database", type=_some_of(DATABASES), default="sqlite", help=f"databases of kmipd, of {','.join(DATABASES)}"
    )
    parser.add_argument(
        "--nodes", type=_numbers, default="1", help="nodes over one PostgreSQL, of one worker, comma-separated numbers"
    )
    parser.add_argument("--server-args", default="", help="further arguments of `kmip_app serve`, one string")
    parser.add_argument(
        "--pykmip-python", type=Path, help="interpreter that has PyKMIP; else one is set up in the cache"
    )
    parser.add_argument("--page", type=Path, help="also write the page of the documentation to this file")
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    return parser.parse_args(argv)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _some_of(known: Sequence[str] | dict[str, Case]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return chosen

    return names


if __name__ == "__main__":
    raise SystemExit(main())
