"""How long a read may keep the thread at the pace of its unit of work."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content, criterion, query
from kmip_core.enums import ResultReason, State, UsageLimitsUnit
from kmip_core.errors import KmipError
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import TakesLong
from kmip_core.structures import UsageLimits


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    opened = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    yield opened
    opened.close()


def put(store: SqlStorage, *keys: Any, key: bytes = b"k" * 16) -> None:
    with store.unit_of_work() as work:
        for each in keys:
            work.add(each, content(key))
        work.commit()


def is_found(store: SqlStorage, unique_identifier: str, pace: Pace) -> bool:
    with store.unit_of_work(pace) as work:
        try:
            return work.find(unique_identifier) is not None
        except TakesLong:
            return False


def test_an_object_with_long_attributes_is_read_off_the_loop(store: SqlStorage) -> None:
    put(store, a_key("short", description="a" * 4_000), a_key("long", description="a" * 9_000))

    assert [is_found(store, key, Pace.QUICK) for key in ("short", "long")] == [True, False]
    assert is_found(store, "long", Pace.BRIEF)


def test_an_object_with_long_content_is_read_off_the_loop(store: SqlStorage) -> None:
    put(store, a_key("short"), key=b"k" * 40_000)
    put(store, a_key("long"), key=b"k" * 70_000)

    assert [is_found(store, key, Pace.COMMITS) for key in ("short", "long")] == [True, False]
    with store.unit_of_work(Pace.BRIEF) as work:
        found = work.find("long")
        assert found is not None
        assert work.content(admitted(found)) == content(b"k" * 70_000)


def test_a_statement_that_takes_long_to_prepare_is_prepared_off_the_loop(store: SqlStorage) -> None:
    put(store, a_key("key"))
    names = [criterion("names", a_name(str(number))) for number in range(9)]
    lengths = [criterion("cryptographic_length", number) for number in range(9)]
    states = [criterion("state", State.DEACTIVATED)] * 9

    for criteria in (names, lengths, states):
        with store.unit_of_work(Pace.QUICK) as work:
            work.locate(query(*criteria[:8]))
            with pytest.raises(TakesLong):
                work.locate(query(*criteria))
        with store.unit_of_work(Pace.BRIEF) as work:
            assert work.locate(query(*criteria)).located_items == 0


def test_so_many_objects_are_looked_into_off_the_loop_and_more_even_elsewhere(store: SqlStorage) -> None:
    limits = UsageLimits(usage_limits_total=1, usage_limits_count=1, usage_limits_unit=UsageLimitsUnit.OBJECT)
    wanted = query(criterion("usage_limits", UsageLimits(usage_limits_total=1)))
    ends = {}
    before = 0
    for number in (1, 11, 501):
        put(store, *(a_key(str(n), usage_limits=limits) for n in range(before, number)))
        before = number
        for pace in (Pace.QUICK, Pace.BRIEF, Pace.SLOW):
            with store.unit_of_work(pace) as work:
                try:
                    ends[number, pace] = work.locate(wanted).located_items == number
                except TakesLong:
                    ends[number, pace] = False

    assert [ends[number, Pace.QUICK] for number in (1, 11, 501)] == [True, False, False]
    assert [ends[number, Pace.BRIEF] for number in (1, 11, 501)] == [True, True, False]
    assert [ends[number, Pace.SLOW] for number in (1, 11, 501)] == [True, True, True]


def test_another_failure_is_not_reported_as_a_time_limit(store: SqlStorage, caplog: pytest.LogCaptureFixture) -> None:
    connection = store.database.take()
    with pytest.raises(store.database.errors), store.backend.within(connection, 1):
        connection.execute("SELECT nonsense")
    store.database.give_back(connection)

    with store.unit_of_work(Pace.QUICK) as work:
        assert work.locate(query()).located_items == 0
        work._reader.close()
        with pytest.raises(KmipError) as refused:
            work.locate(query(offset_items=1))  # another search: what one has found is known
    assert refused.value.reason is ResultReason.GENERAL_FAILURE
    assert "the store could not be read" in caplog.text


def test_a_returned_connection_keeps_no_time_limit(store: SqlStorage) -> None:
    put(store, *(a_key(f"k{number}") for number in range(3_000)))

    with pytest.raises(TakesLong), store.unit_of_work(Pace.QUICK) as work:
        work.locate(query())
    with store.unit_of_work() as work:  # by the connection that was given back
        assert work.locate(query()).located_items == 3_000
