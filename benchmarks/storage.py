"""Measures a store alone: the same questions to a small store and to a big one, and what a key weighs.

    python -m benchmarks.storage --objects 1000000 [--postgresql]

The data are symmetric keys with a name each, as Create makes them; a hundredth belongs to somebody else.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core import enums
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.criteria import LocateQuery
from kmip_core.enums import State
from kmip_core.objects import KeyBlock, KeyValue, ManagedObject, SymmetricKey
from kmip_core.policy import BUILT_IN, visibility
from kmip_core.principal import Principal
from kmip_core.rules import Purpose, admit
from kmip_core.structures import Digest, Name

NOW: Final = 1_700_000_000
PIECE: Final = 1_000  # objects in one commit while the store is filled
SAMPLES: Final = 2_000  # questions of each kind
THREADS: Final = 64  # who create at once


def main() -> None:
    """Fill two stores, ask both in turn, print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=20_000, help="keys in the big store (default: %(default)s)")
    parser.add_argument("--small", type=int, default=1_000, help="keys in the small store (default: %(default)s)")
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL that is started for this")
    parser.add_argument("--directory", type=Path, help="where the stores go (default: a temporary directory)")
    arguments = parser.parse_args()
    console = Console()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.directory)))
        server = stack.enter_context(postgresql()) if arguments.postgresql else None
        stores = [
            fill(directory / str(count), count, console, server and server(f"store{count}"))
            for count in (arguments.small, arguments.objects)
        ]
        title = "The PostgreSQL store" if arguments.postgresql else "The SQLite store"
        table = Table("", *(f"{store.count:,} objects" for store in stores), "ratio", title=title, box=box.SIMPLE)
        for name, question in QUESTIONS.items():
            small, big = in_turn(question, stores)
            table.add_row(name, f"{small:,.1f}", f"{big:,.1f}", f"{big / small:.2f}")
        rates = [creates_per_second(store) for store in stores]
        table.add_row(f"Create/s, {THREADS} threads", *(f"{r:,.0f}" for r in rates), f"{rates[1] / rates[0]:.2f}")
        opening = [store.reopen() * 1e3 for store in stores]
        table.add_row("open, ms", *(f"{o:,.1f}" for o in opening), f"{opening[1] / opening[0]:.2f}")
        table.add_row("bytes per key", *(f"{store.bytes_per_key:,.0f}" for store in stores), "")
        console.print(table)
        for store in stores:
            store.storage.close()


class FilledStore:
    """A store with `count` keys.

    url: of its database; SQLite in `directory` unless given.
    """

    def __init__(self, directory: Path, count: int, url: str | None = None) -> None:
        directory.mkdir()
        self.directory = directory
        self.url = url or f"sqlite:///{directory}/kmipd.db"
        self.count = count
        self.bytes_per_key = 0.0
        self.storage = self.open()

    def open(self) -> SqlStorage:
        make_sealer = functools.partial(EnvelopeSealer, KeyFile(self.directory / "root.key"))
        return SqlStorage(self.url, make_sealer)

    def weigh(self) -> None:
        """Find out how many bytes a key takes; SQLite's file is complete when the store is closed."""
        if self.url.startswith("sqlite"):
            size = (self.directory / "kmipd.db").stat().st_size
        else:
            import psycopg

            with psycopg.connect(self.url.replace("+psycopg", "", 1), autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")  # as autovacuum does in the first minutes
                ((size,),) = connection.execute("SELECT pg_database_size(current_database())").fetchall()
        self.bytes_per_key = size / self.count

    def reopen(self) -> float:
        """Return the seconds that a start takes."""
        self.storage.close()
        begun = time.perf_counter()
        self.storage = self.open()
        return time.perf_counter() - begun


@contextlib.contextmanager
def postgresql() -> Iterator[Callable[[str], str]]:
    """Run a PostgreSQL; yield what makes a database of a name and returns its URL."""
    import psycopg

    from benchmarks.compare import running_postgresql

    with running_postgresql() as url:

        def make(name: str) -> str:
            with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return url.replace("/postgres?", f"/{name}?", 1)

        yield make


def fill(directory: Path, count: int, console: Console, url: str | None = None) -> FilledStore:
    """Return a new store of `count` keys, with a progress bar on the way."""
    store = FilledStore(directory, count, url)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("filling", total=count)
        for first in range(0, count, PIECE):
            with store.storage.unit_of_work() as work:
                for number in range(first, min(first + PIECE, count)):
                    work.add(*a_key(number))
                work.commit()
            progress.advance(task, min(PIECE, count - first))
    store.storage.close()
    store.weigh()
    store.storage = store.open()
    return store


def a_key(number: int) -> tuple[ManagedObject, SymmetricKey]:
    """Return the n-th key: a third is Active, one in a hundred is bob's."""
    unique_identifier = f"{number:08x}-0000-4000-8000-000000000000"
    key = random.randbytes(32)
    block = KeyBlock(
        key_format_type=enums.KeyFormatType.RAW,
        key_value=KeyValue(key_material=key),
        cryptographic_algorithm=enums.CryptographicAlgorithm.AES,
        cryptographic_length=256,
    )
    digest = Digest(
        hashing_algorithm=enums.HashingAlgorithm.SHA_256, digest_value=key, key_format_type=enums.KeyFormatType.RAW
    )
    attributes = Attributes(
        unique_identifier=unique_identifier,
        names=(Name(name_value=f"key-{number}"),),
        object_type=enums.ObjectType.SYMMETRIC_KEY,
        cryptographic_algorithm=enums.CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=enums.CryptographicUsageMask.ENCRYPT | enums.CryptographicUsageMask.DECRYPT,
        digests=(evolve(digest, digest_value=random.randbytes(32)),),
        operation_policy_name="default",
        state=State.PRE_ACTIVE if number % 3 else State.ACTIVE,
        initial_date=NOW + number,
        original_creation_date=NOW + number,
        last_change_date=NOW + number,
        fresh=True,
        lease_time=3600,
        sensitive=False,
        always_sensitive=False,
        extractable=True,
        never_extractable=False,
        key_format_type=enums.KeyFormatType.RAW,
    )
    managed_object = ManagedObject(
        unique_identifier=unique_identifier,
        object_type=enums.ObjectType.SYMMETRIC_KEY,
        owner="alice" if number % 100 else "bob",
        attributes=attributes,
    )
    return managed_object, SymmetricKey(key_block=block)


# --- questions ------------------------------------------------------------------------------------------------------

SEEN_BY_ALICE: Final = visibility(BUILT_IN, Principal(name="alice"))


def get(storage: SqlStorage, number: int) -> None:
    with storage.unit_of_work() as work:
        found = work.find(f"{number:08x}-0000-4000-8000-000000000000")
        if found is None:
            raise LookupError(number)
        work.content(admit(found, Purpose.READ_CONTENT, NOW))


def locate(*criteria: tuple[str, Callable[[int], Any]], **more: Any) -> Callable[[SqlStorage, int], None]:
    """Return a question whose criteria depend on the number of the key that is looked for."""

    def ask(storage: SqlStorage, number: int) -> None:
        wanted = tuple(
            AttributeInstance(reference=AttributeReference(attribute=name), value=value(number))
            for name, value in criteria
        )
        with storage.unit_of_work() as work:
            found = work.locate(LocateQuery(criteria=wanted, visibility=SEEN_BY_ALICE, now=NOW, **more))
        if not found.unique_identifiers and number % 100:
            raise LookupError(number)

    return ask


@frozen
class Question:
    """What is asked, and how often."""

    ask: Callable[[SqlStorage, int], None]
    samples: int = SAMPLES


QUESTIONS: Final = {
    "Get, µs": Question(get),
    "Locate by name, µs": Question(locate(("names", lambda n: Name(name_value=f"key-{n}")))),
    "Locate by date, µs": Question(locate(("initial_date", lambda n: NOW + n))),
    "Locate by name, type, state, µs": Question(
        locate(
            ("object_type", lambda n: enums.ObjectType.SYMMETRIC_KEY),
            ("state", lambda n: State.PRE_ACTIVE if n % 3 else State.ACTIVE),
            ("names", lambda n: Name(name_value=f"key-{n}")),
        )
    ),
}
"""Questions with one answer, in microseconds each."""


def in_turn(question: Question, stores: list[FilledStore]) -> list[float]:
    """Return the median microseconds in each store, asked in small portions that alternate."""
    times: list[list[float]] = [[] for _ in stores]
    for _ in range(question.samples // 100):
        for taken, store in zip(times, stores, strict=True):
            numbers = [random.randrange(store.count) for _ in range(100)]
            for number in numbers:
                begun = time.perf_counter()
                question.ask(store.storage, number)
                taken.append((time.perf_counter() - begun) * 1e6)
    return [statistics.median(taken) for taken in times]


def creates_per_second(store: FilledStore) -> float:
    """Return how many keys many threads add in a second, one commit each."""
    each = 20
    first = store.count

    def create(thread: int) -> None:
        for number in range(each):
            managed_object, content = a_key(first + thread * each + number)
            with store.storage.unit_of_work() as work:
                work.add(managed_object, content)
                work.commit()

    threads = [threading.Thread(target=create, args=(thread,)) for thread in range(THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return THREADS * each / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
