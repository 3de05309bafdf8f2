"""Group commit: who waits together is committed together, and nobody is answered early."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_adapters.storage.sql.submitted import GroupableTask, SubmittedTask
from kmip_adapters.storage.sql.writer import Writer
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.storage import ConcurrentChange


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / "t.db")
    connection.execute("CREATE TABLE t (v INTEGER CHECK (v < 100))")
    connection.close()
    return tmp_path / "t.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    made = Writer(
        SqliteBackend(path),
        with_each=lambda cursor: lambda: None,
        when_idle=lambda connection: True,
    )
    yield made
    made.close()


def values(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    found = [row[0] for row in connection.execute("SELECT v FROM t ORDER BY v")]
    connection.close()
    return found


def insert(value: int) -> Callable[[Any], None]:
    def change(cursor: Any) -> None:
        cursor.execute("INSERT INTO t VALUES (?)", (value,))

    return change


def is_known_soon(handed: SubmittedTask[Any]) -> bool:
    """Whether the outcome comes at all."""
    known = threading.Event()
    handed.add_done_callback(known.set)
    return known.wait(120)


def submit_while_busy(writer: Writer, changes: list[Callable[[Any], Any]]) -> list[BaseException | None]:
    """Let the writer work on one change until all others wait; return what each of them raised."""
    begun, go_on = threading.Event(), threading.Event()
    raised: list[BaseException | None] = [None] * len(changes)

    def hold(cursor: Any) -> None:
        begun.set()
        assert go_on.wait(120)

    def submit(number: int) -> None:
        try:
            writer.submit(changes[number])
        except (KmipError, ConcurrentChange) as error:
            raised[number] = error

    holder = threading.Thread(target=writer.submit, args=(hold,))
    holder.start()
    assert begun.wait(120)
    threads = [threading.Thread(target=submit, args=(number,)) for number in range(len(changes))]
    for thread in threads:
        thread.start()
    while writer.waiting < len(changes):
        os.sched_yield()
    go_on.set()
    for thread in (*threads, holder):
        thread.join(120)
    return raised


def test_changes_that_wait_together_share_one_commit(writer: Writer, path: Path) -> None:
    raised = submit_while_busy(writer, [insert(number) for number in range(20)])

    assert raised == [None] * 20
    assert values(path) == list(range(20))
    assert writer.groups == 2  # the one that held it up, and all others


def test_a_refused_change_undoes_itself_only(writer: Writer, path: Path) -> None:
    def refused(cursor: Any) -> None:
        cursor.execute("INSERT INTO t VALUES (50)")
        raise ConcurrentChange

    def broken(cursor: Any) -> None:
        cursor.execute("INSERT INTO t VALUES (51)")
        cursor.execute("INSERT INTO t VALUES (1000)")

    raised = submit_while_busy(writer, [insert(1), refused, insert(2), broken, insert(3)])

    assert [type(error) for error in raised] == [type(None), ConcurrentChange, type(None), KmipError, type(None)]
    assert values(path) == [1, 2, 3]
    assert writer.groups == 2


def test_a_lost_transaction_fails_all_its_changes_and_the_next_succeeds(writer: Writer, path: Path) -> None:
    def ends_it(cursor: Any) -> None:
        cursor.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        raise sqlite3.OperationalError("database or disk is full")

    raised = submit_while_busy(writer, [insert(1), ends_it, insert(2)])

    assert [type(error) for error in raised] == [KmipError] * 3
    assert values(path) == []
    writer.submit(insert(3))
    assert values(path) == [3]


def test_a_fault_in_a_change_is_answered_and_the_writer_goes_on(writer: Writer, path: Path) -> None:
    def faulty(cursor: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(KmipError) as refused:
        writer.submit(faulty)
    assert refused.value.reason == ResultReason.GENERAL_FAILURE
    assert isinstance(refused.value.__cause__, ZeroDivisionError)
    writer.submit(insert(1))
    assert values(path) == [1]


class Numbers(GroupableTask):
    """Numbers that are written together; those above 40 are left out."""

    together: ClassVar[list[int]] = []
    is_groupable = True

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers

    def __call__(self, cursor: Any) -> None:
        cursor.executemany("INSERT INTO t VALUES (?)", [(number,) for number in self.numbers])

    def write_together(self, cursor: Any, tasks: Sequence[Any]) -> list[Exception | None]:
        self.together.append(len(tasks))
        for change in tasks:
            if max(change.numbers) <= 40 or max(change.numbers) >= 100:
                change(cursor)
        return [ConcurrentChange() if 40 < max(change.numbers) < 100 else None for change in tasks]


def test_groupable_changes_are_written_together_and_the_others_after_them(writer: Writer, path: Path) -> None:
    Numbers.together.clear()

    raised = submit_while_busy(writer, [insert(1), Numbers(2, 3), Numbers(50), Numbers(4), insert(5)])

    assert [type(error) for error in raised] == [type(None)] * 2 + [ConcurrentChange] + [type(None)] * 2
    assert Numbers.together == [3]
    assert values(path) == [1, 2, 3, 4, 5]
    assert writer.groups == 2


def test_groupable_changes_that_fail_together_are_written_one_by_one(writer: Writer, path: Path) -> None:
    raised = submit_while_busy(writer, [Numbers(1, 2), Numbers(3, 1000), insert(4), Numbers(5)])

    assert [type(error) for error in raised] == [type(None), KmipError, type(None), type(None)]
    assert values(path) == [1, 2, 4, 5]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a group wait for as long as it takes."""
    monkeypatch.setattr("kmip_adapters.storage.sql.writer.WAIT_SECONDS", 600.0)


@pytest.mark.usefixtures("patient")
def test_a_write_that_is_alone_does_not_wait_for_others(writer: Writer, path: Path) -> None:
    for number in range(4):
        handed = writer.hand_over(insert(number))
        assert is_known_soon(handed)

    assert writer.groups == 4


@pytest.mark.usefixtures("patient")
def test_a_change_after_a_group_waits_for_half_as_many_others(writer: Writer) -> None:
    submit_while_busy(writer, [insert(number) for number in range(5)])  # groups of 1 and 5: half of them are enough
    before = writer.groups

    handed = [writer.hand_over(insert(6))]
    while writer.waiting:
        time.sleep(0.01)
    time.sleep(0.05)  # it has been taken, and company is waited for
    handed += [writer.hand_over(insert(number)) for number in (7, 8)]

    assert all(map(is_known_soon, handed))
    assert writer.groups == before + 1


@pytest.mark.usefixtures("patient")
def test_a_change_that_waits_for_others_is_written_when_the_store_closes(writer: Writer, path: Path) -> None:
    submit_while_busy(writer, [insert(number) for number in range(9)])
    handed = writer.hand_over(insert(9))

    writer.close()

    assert is_known_soon(handed)
    assert values(path) == list(range(10))


def test_a_callback_is_called_once_whether_added_before_or_after_the_outcome(writer: Writer) -> None:
    told: list[str] = []
    gate, known = threading.Event(), threading.Event()

    handed = writer.hand_over(lambda cursor: gate.wait(120))
    assert not handed.is_done
    handed.add_done_callback(lambda: (told.append("later"), known.set()))
    gate.set()
    assert known.wait(120)
    assert handed.is_done
    handed.add_done_callback(lambda: told.append("at once"))

    assert told == ["later", "at once"]
    assert handed.result() is True


def test_a_listener_that_fails_does_not_end_the_writer(writer: Writer, path: Path) -> None:
    gate = threading.Event()
    handed = writer.hand_over(lambda cursor: gate.wait(120))
    handed.add_done_callback(lambda: 1 / 0)
    gate.set()

    assert handed.result() is True
    writer.submit(insert(1))
    assert values(path) == [1]


def test_the_callback_for_refusals_is_called_before_the_result_is_set(writer: Writer) -> None:
    heard: list[BaseException] = []

    def refused(cursor: Any) -> None:
        raise ConcurrentChange("k1")

    with pytest.raises(ConcurrentChange):
        writer.hand_over(refused, heard.append).result()

    assert [str(error) for error in heard] == ["k1"]


def test_a_participant_of_each_transaction_is_called_after_its_commit(path: Path) -> None:
    committed: list[int] = []

    def mark(cursor: Any) -> Callable[[], object]:
        cursor.execute("INSERT INTO t VALUES (?)", (-1,))
        return lambda: committed.append(len(values(path)))

    marking = Writer(
        SqliteBackend(path),
        with_each=mark,
        when_idle=lambda connection: True,
    )
    marking.submit(insert(1))
    marking.close()

    assert committed == [2]


def test_closing_finishes_what_waits_and_refuses_the_rest(writer: Writer, path: Path) -> None:
    writer.submit(insert(1))
    writer.close()

    assert values(path) == [1]
    with pytest.raises(KmipError):
        writer.submit(insert(2))


def test_after_a_commit_the_states_before_and_after_it_are_told_if_no_other_came_between(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, bool]] = []
    backend = SqliteBackend(path)
    commit = backend.commit
    reader = backend.open_reader()

    def note(group: Any, before: bytes, after: bytes) -> None:
        told.append((len(group), before != after == backend.state()))

    def insert_as_another_does(cursor: Any) -> None:
        commit(cursor)
        other = sqlite3.connect(path)
        other.execute("INSERT INTO t VALUES (50)")
        other.commit()
        other.close()

    made = Writer(backend, with_each=lambda cursor: lambda: None, when_idle=lambda connection: True, after_commit=note)
    try:
        made.submit(insert(1))
        made.submit(lambda cursor: None)  # changes nothing
        with monkeypatch.context() as for_once:
            for_once.setattr(backend, "commit", insert_as_another_does)
            made.submit(insert(2))
        made.submit(insert(3))
    finally:
        made.close()
        reader.close()
        backend.close()

    assert told == [(1, True), (1, True)]


def test_a_fault_in_what_follows_a_commit_does_not_end_the_writer(path: Path) -> None:
    """All writes would wait for ever."""
    backend = SqliteBackend(path)
    reader = backend.open_reader()

    def fail(group: Any, before: bytes, after: bytes) -> None:
        raise MemoryError

    made = Writer(backend, with_each=lambda cursor: lambda: None, when_idle=lambda connection: True, after_commit=fail)
    try:
        for value in (1, 2):
            handed = made.hand_over(insert(value))
            assert is_known_soon(handed)
            handed.result()
    finally:
        made.close()
        reader.close()
        backend.close()

    assert values(path) == [1, 2]
