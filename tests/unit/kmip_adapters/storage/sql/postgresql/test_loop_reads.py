"""Reads on event loops, over one connection each: what is answered, what is left to threads, and what comes after."""

import asyncio
import errno
import functools
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.backend import Options
from kmip_adapters.storage.sql.postgresql import loop_reads
from kmip_adapters.storage.sql.postgresql.backend import PostgresBackend
from kmip_adapters.storage.sql.postgresql.loop_line import PREPARED, ROWS, Read, Statement, numbered
from kmip_adapters.storage.sql.postgresql.loop_reads import STATEMENTS, LoopReads
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key
from kmip_app.testing.contracts.storage.support import put
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ReadBegun, TakesLong
from tests import postgresql

LONG: Final = 120.0  # seconds until a test gives up

EPOCH: Final[Statement] = ("SELECT epoch FROM kmipd_lock", (), False)
ONE: Final[Statement] = ("SELECT 1", (), False)
TWO: Final[Statement] = ("SELECT 2", (), False)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgresql.url_for(tmp_path)


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[SqlStorage]:
    opened = SqlStorage(url, functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    yield opened
    opened.close()


@pytest.fixture
def reads(store: SqlStorage) -> LoopReads:
    found: Any = store.backend.loop_reads
    assert isinstance(found, LoopReads)
    return found


async def begun(reads: LoopReads, *statements: Statement) -> Read:
    """Begin a read, as soon as there is a connection."""
    give_up = time.monotonic() + LONG
    while True:
        try:
            read = reads.begin(statements)
            assert read is not None
            return read
        except TakesLong:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.01)


async def done(read: Read) -> Read:
    ended = asyncio.Event()
    read.add_done_callback(ended.set)
    await asyncio.wait_for(ended.wait(), LONG)
    return read


async def answered(reads: LoopReads, *statements: Statement) -> Read:
    return await done(await begun(reads, *statements))


def on_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


def test_a_thread_without_an_event_loop_begins_no_read(reads: LoopReads) -> None:
    assert reads.begin((ONE,)) is None
    assert reads.may_wait


def test_statements_that_are_sent_together_see_one_instant(reads: LoopReads, store: SqlStorage) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        read = await begun(
            reads, EPOCH, ("SELECT pg_sleep(0.5)", (), False), ("SELECT epoch + 0 FROM kmipd_lock", (), False)
        )
        await asyncio.sleep(0.1)  # the first statement has been answered, as a rule
        await asyncio.to_thread(put, store, a_key("k1"))
        await done(read)

        assert read.rows(EPOCH[0], ()) == read.rows("SELECT epoch + 0 FROM kmipd_lock", ())

    on_a_loop(test)


def test_values_and_rows_are_as_threads_write_and_read_them(reads: LoopReads, store: SqlStorage) -> None:
    values = ("a\0b\\c%", 1 << 40, b"\0\xff", None)
    sql = "SELECT %s::text, %s::bigint, %s::bytea, %s::text, '100 %%', %s::text"

    async def test() -> None:
        read = await answered(reads, (sql, (*values, "x"), False))
        assert read.rows(sql, (*values, "x")) == [(*values, "100 %", "x")]
        assert read.rows(sql, (*values, "y")) is None

    on_a_loop(test)
    with closing(store.backend.open_reader()) as connection:
        assert connection.execute(sql, (*values, "x")).fetchall() == [(*values, "100 %", "x")]


def test_values_and_rows_that_cannot_be_converted_are_left_to_threads(reads: LoopReads) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        with pytest.raises(TakesLong, match="a value"):
            reads.begin((("SELECT %s", (1 << 70,), False),))
        for sql in ("SELECT '300000-01-01'::date", "SELECT '170000000 years'::interval"):  # Python has neither
            beside, broken = await begun(reads, ONE), await begun(reads, (sql, (), False))
            assert (await done(broken)).has_failed
            assert (await done(beside)).rows(*ONE[:2]) == [(1,)]
            assert (await answered(reads, ONE)).rows(*ONE[:2]) == [(1,)]

    on_a_loop(test)


def test_values_are_numbered_in_their_order() -> None:
    assert numbered("a = %s AND b LIKE '%%' AND c = %s") == "a = $1 AND b LIKE '%' AND c = $2"


def test_a_search_that_takes_long_is_left_to_threads_for_a_while(
    reads: LoopReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: Statement = ("SELECT pg_sleep(120)", (), True)

    async def test() -> None:
        read = await answered(reads, slow)
        with pytest.raises(TakesLong):
            read.rows(slow[0], ())
        with pytest.raises(TakesLong, match="just taken long"):
            reads.begin((slow,))
        other = await answered(reads, ("SELECT 2", (), True))
        assert other.rows("SELECT 2", ()) == [(2,)]
        monkeypatch.setattr(loop_reads, "SLOW_SECONDS", 0.0)
        reads._slow[slow[0]] = time.monotonic() - 1
        assert (await answered(reads, slow)).has_failed

    on_a_loop(test)


def test_a_search_that_finds_very_many_is_left_to_threads(reads: LoopReads) -> None:
    def finding(number: int) -> Statement:
        return (f"SELECT * FROM generate_series(1, {number})", (), True)

    async def test() -> None:
        assert len((await answered(reads, finding(ROWS))).rows(*finding(ROWS)[:2]) or ()) == ROWS
        many = await answered(reads, finding(ROWS + 1))
        with pytest.raises(TakesLong):
            many.rows(*finding(ROWS + 1)[:2])
        with pytest.raises(TakesLong, match="just taken long"):
            reads.begin((finding(ROWS + 1),))

    on_a_loop(test)


def test_nothing_waits_behind_a_read_that_takes_long(reads: LoopReads) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        sleeping = await begun(reads, ("SELECT pg_sleep(0.5)", (), False))
        await asyncio.sleep(0.1)
        if not sleeping.is_done:
            with pytest.raises(TakesLong, match="another read"):
                reads.begin((ONE,))
        await done(sleeping)
        assert (await answered(reads, ONE)).rows(*ONE[:2]) == [(1,)]

    on_a_loop(test)


@pytest.mark.parametrize("others", [(), (ONE,)], ids=["alone", "in a transaction"])
def test_a_read_of_a_table_that_is_locked_is_left_to_threads_and_keeps_no_other_waiting(
    reads: LoopReads, url: str, monkeypatch: pytest.MonkeyPatch, others: tuple[Statement, ...]
) -> None:
    monkeypatch.setattr(loop_reads, "BY_KEY_MILLISECONDS", 10_000_000)

    async def test() -> None:
        await answered(reads, ONE, EPOCH, TWO)  # all are prepared from now on
        pid = reads._lines[asyncio.get_running_loop()][0]._pgconn.backend_pid
        with closing(PostgresBackend(url, Options())) as backend, closing(backend.connect()) as other:
            other.execute("BEGIN")
            other.execute("LOCK TABLE kmipd_lock IN ACCESS EXCLUSIVE MODE")  # as a node does that upgrades the schema
            assert (await answered(reads, *others, EPOCH)).has_failed
            with pytest.raises(TakesLong, match="its like"):
                reads.begin((EPOCH,))
            assert (await answered(reads, TWO)).rows(*TWO[:2]) == [(2,)]
            other.execute("ROLLBACK")
        assert (await answered(reads, EPOCH)).rows(*EPOCH[:2]) is not None
        assert reads._lines[asyncio.get_running_loop()][0]._pgconn.backend_pid == pid

    on_a_loop(test)


@pytest.mark.parametrize("others", [(), (EPOCH,)], ids=["alone", "in a transaction"])
def test_after_a_statement_that_fails_reads_go_on(reads: LoopReads, others: tuple[Statement, ...]) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        broken = await begun(reads, *others, ("SELECT 1 / 0", (), False))
        beside = await begun(reads, ONE)
        assert (await done(broken)).has_failed
        await done(beside)  # it may have been left out with the other
        for _ in range(3):
            assert (await answered(reads, ONE)).rows(*ONE[:2]) == [(1,)]

    on_a_loop(test)


def test_after_a_connection_was_lost_reads_go_on_over_another(reads: LoopReads, url: str) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        sleeping = await begun(reads, ("SELECT pg_sleep(0.9)", (), False))
        pid = reads._lines[asyncio.get_running_loop()][0]._pgconn.backend_pid
        with closing(PostgresBackend(url, Options())) as backend, closing(backend.connect()) as connection:
            connection.execute("SELECT pg_terminate_backend(%s::int)", (pid,))
        assert (await done(sleeping)).has_failed
        with pytest.raises(TakesLong):
            sleeping.rows("SELECT pg_sleep(0.9)", ())
        assert (await answered(reads, ONE)).rows(*ONE[:2]) == [(1,)]

    on_a_loop(test)


def test_a_database_that_gives_no_answer_ends_the_read(reads: LoopReads) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        lines = reads._lines[asyncio.get_running_loop()]
        connection = lines[0]._connection
        assert connection is not None
        connection.limit = 0.1
        assert (await answered(reads, ("SELECT pg_sleep(0.9)", (), False))).has_failed

    on_a_loop(test)


def test_a_connection_that_waits_for_nothing_is_not_ended(reads: LoopReads) -> None:
    async def test() -> None:
        for statements in ((ONE,), (ONE, EPOCH)):
            await answered(reads, *statements)
        await asyncio.sleep(0.1)  # until the last synchronization was answered
        connection = reads._lines[asyncio.get_running_loop()][0]._connection
        assert connection is not None
        assert not connection.end_if_overdue(time.monotonic() + 1_000)

    on_a_loop(test)


def test_many_different_statements_are_prepared_anew(reads: LoopReads) -> None:
    async def test() -> None:
        for number in range(PREPARED + 10):
            read = await answered(reads, (f"SELECT {number}", (), False))
            assert read.rows(f"SELECT {number}", ()) == [(number,)]
        assert len(reads._lines[asyncio.get_running_loop()][0]._prepared) <= PREPARED

    on_a_loop(test)


def test_many_statements_of_one_unit_of_work_are_left_to_a_thread(reads: LoopReads) -> None:
    async def test() -> None:
        await answered(reads, *[(f"SELECT {number}", (), False) for number in range(STATEMENTS)])
        with pytest.raises(TakesLong, match="many"):
            reads.begin(tuple((f"SELECT {number}", (), False) for number in range(STATEMENTS + 1)))

    on_a_loop(test)


def test_large_answers_arrive_whole(reads: LoopReads) -> None:
    sql = "SELECT repeat('x', %s::int), %s::text"
    large = "y" * 3_000_000

    async def test() -> None:
        several = [await begun(reads, (sql, (3_000_000, large), False)) for _ in range(3)]
        for read in several:
            await done(read)
            assert read.rows(sql, (3_000_000, large)) == [("x" * 3_000_000, large)]

    on_a_loop(test)


def test_a_store_that_is_closed_ends_what_its_event_loops_read(store: SqlStorage, reads: LoopReads) -> None:
    async def test() -> None:
        await answered(reads, ONE)
        sleeping = await begun(reads, ("SELECT pg_sleep(0.9)", (), False))
        await asyncio.sleep(0)
        await asyncio.to_thread(reads.close)
        assert (await done(sleeping)).has_failed
        with pytest.raises(TakesLong, match="closed"):
            reads.begin((ONE,))

    on_a_loop(test)


def test_a_connection_that_cannot_be_watched_is_given_up(reads: LoopReads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers would never be seen."""
    refusals: list[int] = []

    def refuse(descriptor: int) -> int:
        refusals.append(descriptor)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def test() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(os, "dup", refuse)
            with pytest.raises(TakesLong):
                reads.begin((ONE,))
            give_up = time.monotonic() + LONG
            while not refusals:
                assert time.monotonic() < give_up
                await asyncio.sleep(0.01)
            with pytest.raises(TakesLong):
                reads.begin((ONE,))
        assert (await answered(reads, ONE)).rows(*ONE[:2]) == [(1,)]

    on_a_loop(test)


def test_where_no_thread_can_be_begun_threads_that_are_there_read(
    reads: LoopReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def test() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(TakesLong):
                reads.begin((ONE,))
        assert (await answered(reads, ONE)).rows(*ONE[:2]) == [(1,)]

    on_a_loop(test)


def test_event_loops_that_have_ended_leave_no_connections(reads: LoopReads, url: str) -> None:
    async def test() -> None:
        await answered(reads, ONE)

    for _ in range(5):
        on_a_loop(test)
    assert len(reads._lines) == 1
    held = [line._connection for lines in reads._lines.values() for line in lines if line._connection is not None]
    assert len(held) == 1


def test_work_that_may_take_long_may_end_in_another_thread(reads: LoopReads) -> None:
    ends = [reads.begin_long(), reads.begin_long()]

    async def test() -> None:
        assert reads.may_wait
        await asyncio.to_thread(ends.pop())
        assert reads.may_wait
        await asyncio.to_thread(ends.pop())
        assert not reads.may_wait

    on_a_loop(test)


def test_a_large_row_is_read_on_an_event_loop_once(store: SqlStorage, reads: LoopReads) -> None:
    put(store, a_key("small"), key=b"1" * 16)
    put(store, a_key("large"), key=b"1" * 100_000)

    def find(identifier: str, read: Any = None) -> Any:
        with (read or store).unit_of_work(Pace.QUICK) as work:
            return work.find(identifier)

    async def begun_to_find(identifier: str) -> Any:
        await answered(reads, ONE)
        with pytest.raises(ReadBegun) as waiting:
            find(identifier)
        begun_read: Any = waiting.value.read
        await done(begun_read.read)
        return begun_read

    async def test() -> None:
        with pytest.raises(TakesLong, match="large"):
            find("large", await begun_to_find("large"))
        assert find("small", await begun_to_find("small")) is not None
        with pytest.raises(TakesLong, match="just taken long"):
            find("large")

    on_a_loop(test)
