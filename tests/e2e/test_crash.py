"""kill -9 while several clients work, then a restart: what was acknowledged is there, and nothing is there by halves.

KMIPD_CRASH_ROUNDS sets how many times. All rounds use one store, so what
an early round has written lives through every later crash.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

from kmip_core.enums import State
from tests import postgresql
from tests.e2e.conftest import Start
from tests.e2e.dialogue import Dialogue, Refused
from tests.rounds import rounds
from tests.server import StartedServer, descendants, running

ROUNDS: Final = int(os.environ.get("KMIPD_CRASH_ROUNDS", rounds(4, nightly=50)))
CLIENTS: Final = 4
KILL_AFTER: Final = (1, 7, 40, 3, 90, 15)  # acknowledged operations, round by round

DESTROYED: Final = (State.DESTROYED, State.DESTROYED_COMPROMISED)


@define
class Known:
    """What the clients know of one object.  states: what it may be in; several while an answer is awaited."""

    states: set[int]
    material: bytes | None = None


@define
class Book:
    """What all clients have sent, and what was acknowledged."""

    objects: dict[str, Known] = field(factory=dict)
    unanswered: set[str] = field(factory=set)  # names of objects whose creation may or may not have happened
    pairs: set[str] = field(factory=set)  # the same, of pairs
    acknowledged: int = 0
    limit: int = 0
    lock: threading.Lock = field(factory=threading.Lock)
    enough: threading.Event = field(factory=threading.Event)

    def count(self) -> None:
        with self.lock:
            self.acknowledged += 1
            if self.acknowledged >= self.limit:
                self.enough.set()


def work(server: StartedServer, book: Book, prefix: str) -> None:
    """Live the lives of keys until the server is gone."""
    with suppress(OSError), Dialogue(server) as client:
        for number in range(100_000):
            name = f"{prefix}-{number}"
            key = os.urandom(32)
            book.unanswered.add(name)
            identifier = client.register(name, key) if number % 2 else client.create(name)
            book.objects[identifier] = Known({State.PRE_ACTIVE}, key if number % 2 else None)
            book.unanswered.discard(name)
            book.count()
            book.pairs.add(name)
            for half in client.create_pair(name):
                book.objects[half] = Known({State.PRE_ACTIVE})
            book.pairs.discard(name)
            book.count()
            steps = (
                (client.activate, State.ACTIVE),
                (client.revoke, State.DEACTIVATED),
                (client.destroy, State.DESTROYED),
            )
            for do, state in steps[: number % 4]:
                known = book.objects[identifier]
                known.states.add(state)
                do(identifier)
                known.states = {state}
                book.count()


def check(server: StartedServer, book: Book) -> None:
    """Compare what is there with the book, and settle what was unanswered."""
    with Dialogue(server) as client:
        for identifier, known in book.objects.items():
            state = client.state(identifier)
            assert state in known.states, f"{identifier} is in {state}, not {known.states}"
            known.states = {state}
            if state in DESTROYED:
                with pytest.raises(Refused):
                    client.material(identifier)
            else:
                material = client.material(identifier)
                assert known.material in (None, material)
                known.material = material
        for name in book.unanswered:
            for identifier in client.locate(name):
                assert len(client.material(identifier)) == 32
        for name in book.pairs:
            private, public = client.locate(f"{name} private"), client.locate(f"{name} public")
            assert len(private) == len(public) <= 1, f"half a pair: {name}"
            for identifier in (*private, *public):
                assert client.material(identifier)
        book.unanswered.clear()
        book.pairs.clear()


def test_kill_loses_nothing_acknowledged_and_leaves_nothing_half(start: Start) -> None:
    live_through_crashes(start, ROUNDS)


def test_kill_loses_nothing_acknowledged_over_postgresql(start: Start, tmp_path: Path) -> None:
    live_through_crashes(start, max(3, ROUNDS // 2), "--database", postgresql.url_for(tmp_path))


def live_through_crashes(start: Start, rounds: int, *arguments: str) -> None:
    """Kill servers on one store in the midst of work, and compare what the next one has."""
    book = Book()
    settled: dict[str, Known] = {}
    for number in range(rounds):
        server = start("--logging_level", "WARNING", *arguments)
        check(server, book)
        settled |= book.objects
        book = Book(limit=KILL_AFTER[number % len(KILL_AFTER)])
        threads = [
            threading.Thread(target=work, args=(server, book, f"round-{number}-client-{client}"))
            for client in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        assert book.enough.wait(120)
        server.kill()
        for thread in threads:
            thread.join(120)
    server = start(*arguments)
    check(server, book)
    book.objects = settled  # everything of all rounds, after all crashes
    check(server, book)
    assert server.stop() == 0


# --- disks that are full or fail ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(directory)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs root and mount")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def test_a_full_disk_is_an_error_answer_and_writes_resume_with_space(small_disk: Path, tmp_path: Path) -> None:
    with running(tmp_path, "--data-dir", str(small_disk)) as server, Dialogue(server) as client:
        kept = {client.register("first", bytes(32)): bytes(32)}

        def fill() -> None:
            for number in range(10_000):
                key = os.urandom(32)
                kept[client.register(f"key {number}", key)] = key

        with pytest.raises(Refused):
            fill()
        ballast = small_disk / "ballast"  # what is left of the space, so that not even the smallest write fits
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
        with pytest.raises(Refused):
            client.create("no room")

        subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
        after = client.create("after")
        assert client.state(after) == State.PRE_ACTIVE
        assert client.locate("no room") == []
        assert {identifier: client.material(identifier) for identifier in kept} == kept


def strace() -> str:
    """Return the tracer, or skip the test aloud."""
    found = shutil.which("strace")
    if found is None or subprocess.run([found, "-qq", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace is not here, or may not trace; `apt-get install strace` makes this test run")
    return found


def _attach(server: StartedServer) -> list[str]:
    return [word for process in (server.process.pid, *descendants(server.process.pid)) for word in ("-p", str(process))]


class Traced:
    """strace on a running server while inside."""

    def __init__(self, server: StartedServer, log: Path, *arguments: str) -> None:
        self._command = [strace(), "-f", "-o", str(log), *arguments, *_attach(server)]

    def __enter__(self) -> "Traced":
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        assert "attached" in self._process.stderr.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=120)


def test_every_change_is_synced_between_its_request_and_its_answer(start: Start, tmp_path: Path) -> None:
    server = start("--allow-core-dumps")  # so that strace may attach, whoever runs the tests
    log = tmp_path / "strace.log"
    calls = ("-yy", "-e", "trace=fdatasync,fsync,sendto,write")
    with Dialogue(server) as client, Traced(server, log, *calls):
        identifier, other = client.create("a"), client.create("b")
        client.create_pair("c")
        client.activate(identifier)
        client.destroy(other)

    # Answers on the session's socket as they begin, and syncs of the database as they end, in their order.
    seen = []
    syncing: set[str] = set()
    for line in log.read_text().splitlines():
        thread, call = line.split(maxsplit=1)
        if call.startswith(("fsync(", "fdatasync(")) and "kmipd.sqlite" in call:
            if "unfinished" in call:
                syncing.add(thread)
            else:
                seen.append("sync")
        elif "sync resumed" in call and thread in syncing:
            syncing.remove(thread)
            seen.append("sync")
        elif call.startswith(("sendto(", "write(")) and "TCP" in call:
            seen.append("answer")
    answers = [n for n, what in enumerate(seen) if what == "answer"]
    between = [seen[before + 1 : after] for before, after in zip([-1, *answers], answers, strict=False)]
    changes = [part for part in between if "sync" in part]
    assert len(changes) == 5, seen  # each of the five changes waited for a sync of its own


@pytest.mark.parametrize("when", ["1", "2", "1+"])
def test_a_failing_sync_is_an_error_answer_and_nothing_acknowledged_is_lost(
    start: Start, tmp_path: Path, when: str
) -> None:
    server = start("--allow-core-dumps")
    wal = str(tmp_path / "data" / "kmipd.sqlite-wal")
    inject = ("-P", wal, "-e", "trace=fdatasync,fsync", "-e", f"inject=fdatasync,fsync:error=EIO:when={when}")
    outcomes: list[bool] = []
    kept: dict[str, bytes] = {}

    def register(client: Dialogue, number: int) -> None:
        key = os.urandom(32)
        try:
            kept[client.register(f"key {number}", key)] = key
        except Refused:
            outcomes.append(False)
        else:
            outcomes.append(True)

    with Dialogue(server) as client:
        register(client, 0)
        with Traced(server, tmp_path / "strace.log", *inject):
            for number in range(1, 6):
                register(client, number)
                assert client.state(next(iter(kept))) == State.PRE_ACTIVE
        register(client, 6)
        assert {identifier: client.material(identifier) for identifier in kept} == kept
    server.kill()

    assert (outcomes[0], outcomes[-1], False in outcomes[1:-1]) == (True, True, True)
    with Dialogue(start()) as client:
        assert {identifier: client.material(identifier) for identifier in kept} == kept
