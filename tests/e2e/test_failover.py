"""A primary that dies and a standby that takes over: nothing acknowledged is lost, and clients see bounded errors.

The standby is a copy by pg_basebackup and synchronous: PostgreSQL acknowledges what both have.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from attrs import define, field

from kmip_core.enums import State
from tests import patroni, postgresql
from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.test_nodes import compromise, encrypt, is_refused, start_two
from tests.postgresql import Postgres
from tests.server import StartedServer, running

CLIENTS: Final = 4
BEFORE: Final = 60  # acknowledged changes before the primary is killed
AFTER: Final = 20  # and after the standby has taken over
ANSWER_WITHIN: Final = 120.0  # seconds; the promise is five, the machine may be busy
HANG: Final = 120.0


@define
class Pair:
    """A primary and its standby."""

    primary: Postgres
    standby: Postgres

    @property
    def url(self) -> str:
        """How a store names both: it works with the one that takes writes."""
        hosts = f"{self.primary.directory},{self.standby.directory}"
        return f"postgresql+psycopg://kmipd@/postgres?host={hosts}&target_session_attrs=read-write"

    def promote(self) -> None:
        """Have the standby take over."""
        folder = postgresql.binaries()
        assert folder is not None
        asked: list[str | Path] = [folder / "psql", "-h", self.standby.directory, "-U", "kmipd"]
        asked += ["-Atc", "SELECT pg_promote(true, 60)", "postgres"]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "t"


@pytest.fixture
def pair() -> Iterator[Pair]:
    with postgresql.running(synchronous_standby_names="'standby'", synchronous_commit="local") as primary:
        standby = primary.copy("standby")
        try:
            standby.start()
            primary.use(synchronous_commit="on")
            yield Pair(primary, standby)
        finally:
            standby.remove()


@define
class Book:
    """What clients were answered."""

    acknowledged: dict[str, bytes] = field(factory=dict)
    refusals: list[str] = field(factory=list)
    slowest: float = 0.0
    lock: threading.Lock = field(factory=threading.Lock)
    is_over: threading.Event = field(factory=threading.Event)
    failed: list[BaseException] = field(factory=list)

    def has(self, count: int) -> bool:
        return len(self.acknowledged) >= count


def work(server: StartedServer, book: Book, number: int) -> None:
    """Register keys until it is over; every request is answered in time, with success or a refusal."""
    try:
        with Dialogue(server) as client:
            count = 0
            while not book.is_over.is_set():
                count += 1
                key = os.urandom(32)
                begun = time.monotonic()
                try:
                    identifier = client.register(f"{number}-{count}", key)
                except Refused as refused:
                    book.refusals.append(str(refused))
                else:
                    with book.lock:
                        book.acknowledged[identifier] = key
                book.slowest = max(book.slowest, time.monotonic() - begun)
    except BaseException as error:
        book.failed.append(error)
        raise


def until(book: Book, count: int) -> None:
    give_up = time.monotonic() + HANG
    while not book.has(count):
        assert not book.failed
        assert time.monotonic() < give_up, f"{len(book.acknowledged)} of {count} changes were acknowledged"
        time.sleep(0.05)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_acknowledged_is_lost_when_the_standby_takes_over(pair: Pair, tmp_path: Path, workers: str) -> None:
    def fail_over() -> None:
        pair.primary.kill()
        pair.promote()

    check_nothing_is_lost(tmp_path, pair.url, fail_over, "--workers", workers)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_when_patroni_has_the_standby_take_over(tmp_path: Path) -> None:
    with patroni.running() as cluster:
        try:
            check_nothing_is_lost(tmp_path, cluster.url, lambda: cluster.primary().kill())
        except AssertionError as error:
            error.add_note(cluster.logs())
            raise


def check_nothing_is_lost(tmp_path: Path, url: str, fail_over: Callable[[], None], *arguments: str) -> None:
    """Have clients write while the primary fails; what was acknowledged is there, and every answer came in time."""
    database = ("--data-dir", str(tmp_path / "data"), "--database", url)
    with running(tmp_path, *database, *arguments, "--logging_level", "WARNING") as server:
        book = Book()
        threads = [threading.Thread(target=work, args=(server, book, number)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        until(book, BEFORE)
        fail_over()
        until(book, len(book.acknowledged) + AFTER)
        book.is_over.set()
        for thread in threads:
            thread.join(HANG)

        assert book.failed == []
        assert book.slowest < ANSWER_WITHIN
        assert all("the store" in refusal for refusal in book.refusals)
        with Dialogue(server) as client:
            for identifier, key in book.acknowledged.items():
                assert client.material(identifier) == key


def test_no_node_reads_what_a_fenced_primary_still_has(pair: Pair, tmp_path: Path) -> None:
    with contextlib.ExitStack() as resources:
        nodes = start_two(tmp_path, pair.url, resources)
        with Dialogue(nodes[0]) as here, Dialogue(nodes[1]) as there:
            keys = [here.register(f"key {number}", bytes(32)) for number in range(3)]
            for key in keys:
                here.activate(key)
                encrypt(there, key)

            pair.primary.send(signal.SIGSTOP)
            pair.promote()
            until_it_works(here, keys[0])
            compromise(here, keys[0])
            assert is_refused(encrypt, there, keys[0]), "the other node may not use what it read before"
            pair.primary.kill()  # it is fenced, and wakes no more
            until_it_works(there, keys[1])
            compromise(there, keys[1])
            assert is_refused(encrypt, here, keys[1])
            assert {node.state(key) for node in (here, there) for key in keys[:2]} == {State.COMPROMISED}
            assert encrypt(here, keys[2]) == encrypt(there, keys[2])


def until_it_works(client: Dialogue, key: str) -> None:
    give_up = time.monotonic() + HANG
    while True:
        try:
            client.state(key)
            client.register(f"it works {time.monotonic()}", bytes(32))
            return
        except Refused:
            assert time.monotonic() < give_up
            time.sleep(0.1)


def take_all(database: Postgres, connections: "list[psycopg.Connection[Any]]") -> None:
    """Take all connections that there are."""
    while True:
        connections.append(psycopg.connect(database.url.replace("+psycopg", "", 1)))


def test_a_server_that_gets_no_connection_says_so_and_goes_on_when_it_does(tmp_path: Path) -> None:
    with postgresql.running(max_connections=12, superuser_reserved_connections=0) as database:
        arguments = ("--data-dir", str(tmp_path / "data"), "--database", database.url)
        with running(tmp_path, *arguments, "--logging_level", "WARNING") as server, Dialogue(server) as client:
            identifier = client.register("before", bytes(32))
            others: list[psycopg.Connection[Any]] = []
            with pytest.raises(psycopg.OperationalError, match=r"too many|slots"):
                take_all(database, others)
            answered: list[bool] = []

            def ask() -> None:
                with Dialogue(server) as another:
                    for _ in range(5):
                        try:
                            answered.append(another.material(identifier) == bytes(32))
                        except Refused:
                            answered.append(False)

            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(HANG)
            assert len(answered) == 30, "every request has an answer"
            for other in others:
                other.close()
            until_it_works(client, identifier)
