"""Groups are remembered for a time, fetched anew in the background, and without a fresh answer nobody gets in."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kmip_adapters.identity.groups import (
    FAILURE_SECONDS,
    NO_GROUP,
    UNREACHABLE,
    FileGroups,
    RememberedGroups,
    UnusableGroups,
    refused,
)
from kmip_core.errors import KmipError

HANG = 120.0  # seconds


class Directory:
    """Answers what it is told to; counts questions; waits while `gate` is closed."""

    def __init__(self) -> None:
        self.answer: frozenset[str] | Exception = frozenset({"auditors"})
        self.questions = 0
        self.asked = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, name: str) -> frozenset[str]:
        self.questions += 1
        self.asked.release()
        self.gate.wait(HANG)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def groups(directory: Directory, clock: Clock) -> Iterator[RememberedGroups]:
    groups = RememberedGroups(directory, seconds=60.0, timeout=HANG, now=clock)
    yield groups
    directory.gate.set()
    groups.close()


def test_an_answer_is_remembered(groups: RememberedGroups, directory: Directory) -> None:
    assert groups.remembered("alice") is None
    assert groups.of("alice") == {"auditors"}

    assert groups.remembered("alice") == {"auditors"}
    assert groups.of("alice") == {"auditors"}
    assert directory.questions == 1


def test_an_old_answer_is_none(groups: RememberedGroups, clock: Clock, directory: Directory) -> None:
    groups.of("alice")
    clock.time += 60.0
    directory.answer = frozenset({"others"})

    assert groups.remembered("alice") is None
    assert groups.of("alice") == {"others"}


def test_an_ageing_answer_is_given_and_fetched_anew(
    groups: RememberedGroups, clock: Clock, directory: Directory
) -> None:
    groups.of("alice")
    directory.asked.acquire(timeout=HANG)
    clock.time += 31.0

    assert groups.remembered("alice") == {"auditors"}

    assert directory.asked.acquire(timeout=HANG)


def test_many_who_wait_ask_once(groups: RememberedGroups, directory: Directory) -> None:
    directory.gate.clear()
    answers: list[frozenset[str]] = []
    threads = [threading.Thread(target=lambda: answers.append(groups.of("alice"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    directory.asked.acquire(timeout=HANG)
    directory.gate.set()
    for thread in threads:
        thread.join(HANG)

    assert (len(answers), directory.questions) == (5, 1)


def test_an_unknown_user_is_refused(groups: RememberedGroups, directory: Directory) -> None:
    directory.answer = refused("unknown")

    with pytest.raises(KmipError, match="unknown"):
        groups.of("mallory")
    with pytest.raises(KmipError, match="unknown") as refusal:
        groups.remembered("mallory")
    assert directory.questions == 1
    assert refusal.value is not directory.answer  # whose traceback would grow


def test_a_refusal_is_soon_forgotten(groups: RememberedGroups, clock: Clock, directory: Directory) -> None:
    directory.answer = refused("unknown")
    with pytest.raises(KmipError):
        groups.of("alice")
    directory.answer = frozenset({"auditors"})
    clock.time += 5.0

    assert groups.of("alice") == {"auditors"}


def test_no_client_is_admitted_while_the_service_does_not_answer(directory: Directory, clock: Clock) -> None:
    groups = RememberedGroups(directory, timeout=0.01, now=clock)
    directory.gate.clear()

    with pytest.raises(KmipError, match="did not answer in time"):
        groups.of("alice")
    with pytest.raises(KmipError, match="did not answer in time"):  # at once: that is remembered for a while
        groups.remembered("alice")
    clock.time += FAILURE_SECONDS
    with pytest.raises(KmipError, match="did not answer in time"):
        groups.of("alice")

    directory.gate.set()
    groups.close()


def test_a_failed_refresh_does_not_end_a_fresh_answer(
    groups: RememberedGroups, clock: Clock, directory: Directory
) -> None:
    groups.of("alice")
    directory.answer = refused(UNREACHABLE)
    clock.time += 31.0

    groups._request("alice").result(HANG)

    assert groups.remembered("alice") == {"auditors"}


def test_being_thrown_out_ends_a_fresh_answer(groups: RememberedGroups, clock: Clock, directory: Directory) -> None:
    groups.of("alice")
    directory.answer = refused("unknown")
    clock.time += 31.0

    groups._request("alice").result(HANG)

    with pytest.raises(KmipError, match="unknown"):
        groups.remembered("alice")


def test_a_client_known_to_be_in_no_group_is_not_judged_by_presets(
    groups: RememberedGroups, directory: Directory
) -> None:
    directory.answer = frozenset()

    assert groups.of("alice") == NO_GROUP


def test_a_fault_of_the_directory_refuses(groups: RememberedGroups, directory: Directory) -> None:
    directory.answer = RuntimeError("bug")

    with pytest.raises(KmipError, match="cannot be asked"):
        groups.of("alice")


Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    path = tmp_path / "groups.json"
    count = iter(range(1, 100))

    def write(content: object) -> Path:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        os.utime(path, ns=(next(count), next(count)))
        return path

    return write


def test_a_file_names_groups(write: Write) -> None:
    groups = FileGroups(write({"alice": ["auditors", "ops"], "bob": []}))

    assert groups.of("alice") == {"auditors", "ops"}
    assert groups.of("bob") == NO_GROUP
    assert groups.of("carol") == frozenset()


def test_changes_of_a_file_are_taken_up_and_a_broken_one_changes_nothing(write: Write) -> None:
    groups = FileGroups(write({"alice": ["auditors"]}))
    write({"alice": ["ops"]})
    assert groups.of("alice") == {"ops"}
    path = write("{")
    assert groups.of("alice") == {"ops"}
    path.unlink()
    assert groups.of("alice") == {"ops"}


@pytest.mark.parametrize("content", ["{", [], {"alice": "auditors"}, {"alice": [1]}], ids=repr)
def test_a_file_of_something_else_is_refused(write: Write, content: object) -> None:
    with pytest.raises(UnusableGroups):
        FileGroups(write(content))
