"""Several nodes, or workers, are one server to their clients: the recorded history is that of one register per object.

Each object has one client that writes ever larger numbers into an attribute, and clients on all nodes and workers that
read it. What they saw is linearizable exactly if every read gives a number that was written, not older than what was
acknowledged before it began, and no read gives less than one that had ended before. KMIPD_LINEAR_OPERATIONS=10000 goes
further than an everyday run.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

from kmip_core.enums import Operation
from tests import postgresql
from tests.e2e.dialogue import Dialogue
from tests.e2e.test_nodes import contact, start_two
from tests.interop.wire import attribute
from tests.server import StartedServer, running

OPERATIONS: Final = int(os.environ.get("KMIPD_LINEAR_OPERATIONS", "1000"))
OBJECTS: Final = 3
READERS: Final = 4
HANG: Final = 1_200.0


@frozen
class Event:
    """One operation on one object, with the times at which its request left and its answer came."""

    name: str
    is_write: bool
    value: int
    begun: float
    ended: float


def violations(history: Sequence[Event]) -> list[str]:
    """Return what no register can have answered."""
    found = []
    for name in {event.name for event in history}:
        writes = [event for event in history if event.name == name and event.is_write]
        reads = sorted((e for e in history if e.name == name and not e.is_write), key=lambda event: event.begun)
        for read in reads:
            least = max((write.value for write in writes if write.ended <= read.begun), default=0)
            most = max((write.value for write in writes if write.begun <= read.ended), default=0)
            earlier = max((other.value for other in reads if other.ended <= read.begun), default=0)
            if not max(least, earlier) <= read.value <= most:
                found.append(f"{name}: read {read.value}, not {max(least, earlier)} to {most}")
    return found


def read(value: int, begun: float, ended: float) -> Event:
    return Event("k", False, value, begun, ended)


WRITES: Final = (Event("k", True, 1, 1, 3), Event("k", True, 2, 4, 6))


@pytest.mark.parametrize(
    ("reads", "is_linearizable"),
    [
        ([read(0, 0, 2), read(1, 3, 4), read(2, 7, 8)], True),
        ([read(0, 2, 4), read(1, 2, 4)], True),
        ([read(1, 2, 2.5), read(1, 2.6, 3)], True),
        ([read(1, 2, 2.5), read(0, 2.6, 3)], False),
        ([read(0, 3, 4)], False),
        ([read(2, 1, 3)], False),
        ([read(2, 4, 5), read(1, 5.5, 6)], False),
    ],
    ids=["in order", "either", "early", "back again", "stale", "before it was written", "back during a write"],
)
def test_the_check_finds_what_no_register_answers(reads: list[Event], is_linearizable: bool) -> None:
    assert (violations([*WRITES, *reads]) == []) is is_linearizable


def two_workers(directory: Path, resources: ExitStack) -> list[StartedServer]:
    return [resources.enter_context(running(directory, "--data-dir", str(directory / "data"), "--workers", "2"))]


def two_nodes(directory: Path, resources: ExitStack) -> list[StartedServer]:
    return list(start_two(directory, postgresql.url_for(directory), resources))


def two_workers_on_each_of_two_nodes(directory: Path, resources: ExitStack) -> list[StartedServer]:
    return list(start_two(directory, postgresql.url_for(directory), resources, "--workers", "2"))


@pytest.fixture(params=[two_workers, two_nodes, two_workers_on_each_of_two_nodes], ids=lambda made: made.__name__)
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[StartedServer]]:
    make: Callable[[Path, ExitStack], list[StartedServer]] = request.param
    with ExitStack() as resources:
        yield make(tmp_path, resources)


def test_clients_see_one_register_for_each_object(servers: list[StartedServer]) -> None:
    with Dialogue(servers[0]) as client:
        names = [client.register(f"key {number}", bytes(32)) for number in range(OBJECTS)]
        for name in names:
            client.do(Operation.ADD_ATTRIBUTE, [("UniqueIdentifier", name), attribute("Contact Information", "0")])
    history: list[Event] = []
    failed: list[BaseException] = []
    is_over = threading.Event()

    def note(name: str, is_write: bool, begun: float, value: int) -> None:
        history.append(Event(name, is_write, value, begun, time.monotonic()))
        if len(history) >= OPERATIONS:
            is_over.set()

    def write(client: Dialogue, number: int) -> None:
        name, value = names[number], 0
        while not is_over.is_set():
            value += 1
            begun = time.monotonic()
            asked = attribute("Contact Information", str(value))
            client.do(Operation.MODIFY_ATTRIBUTE, [("UniqueIdentifier", name), asked])
            note(name, True, begun, value)

    def look(client: Dialogue, number: int) -> None:
        turn = number
        while not is_over.is_set():
            turn += 1
            name = names[turn % OBJECTS]
            begun = time.monotonic()
            note(name, False, begun, int(contact(client, name)))

    def work(role: Callable[[Dialogue, int], None], number: int) -> None:
        try:
            with Dialogue(servers[number % len(servers)]) as client:
                role(client, number)
        except BaseException as error:
            failed.append(error)
            is_over.set()

    roles = [(write, number) for number in range(OBJECTS)] + [(look, number) for number in range(READERS)]
    threads = [threading.Thread(target=work, args=role) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)

    assert failed == []
    assert len(history) >= OPERATIONS
    assert {event.is_write for event in history} == {True, False}
    assert violations(history) == []
