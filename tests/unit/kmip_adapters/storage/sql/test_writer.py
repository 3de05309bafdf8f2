"""Group commit: who waits together is committed together, and nobody is answered early."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
        lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False),
        begin="BEGIN IMMEDIATE",
        in_transaction=lambda connection: connection.in_transaction,
        errors=(sqlite3.Error,),
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


def submit_while_busy(writer: Writer, changes: list[Callable[[Any], Any]]) -> list[BaseException | None]:
    """Let the writer work on one change until all others wait; return what each of them raised."""
    begun, go_on = threading.Event(), threading.Event()
    raised: list[BaseException | None] = [None] * len(changes)

    def hold(cursor: Any) -> None:
        begun.set()
        assert go_on.wait(30)

    def submit(number: int) -> None:
        try:
            writer.submit(changes[number])
        except (KmipError, ConcurrentChange) as error:
            raised[number] = error

    holder = threading.Thread(target=writer.submit, args=(hold,))
    holder.start()
    assert begun.wait(30)
    threads = [threading.Thread(target=submit, args=(number,)) for number in range(len(changes))]
    for thread in threads:
        thread.start()
    give_up = time.monotonic() + 30
    while writer.waiting < len(changes) and time.monotonic() < give_up:
        os.sched_yield()
    go_on.set()
    for thread in (*threads, holder):
        thread.join(30)
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


def test_a_transaction_that_is_gone_fails_everybody_and_the_next_succeeds(writer: Writer, path: Path) -> None:
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


def test_closing_finishes_what_waits_and_refuses_the_rest(writer: Writer, path: Path) -> None:
    writer.submit(insert(1))
    writer.close()

    assert values(path) == [1]
    with pytest.raises(KmipError):
        writer.submit(insert(2))
