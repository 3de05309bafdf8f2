"""The generation of a store shows rows that were put back or removed, whatever a restart has forgotten."""

import functools
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql import generations
from kmip_adapters.storage.sql.commit import Commit
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.generations import Generation, generation_in
from kmip_adapters.storage.sql.maintenance import rotate_data_key, verify
from kmip_adapters.storage.sql.ownership import change_owner
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, a_name, content, criterion, query
from kmip_core.enums import State
from kmip_core.ports.storage import ConcurrentChange
from tests import postgresql


def opened(url: str, folder: Path) -> SqlStorage:
    return SqlStorage(url, functools.partial(EnvelopeSealer, KeyFile(folder / "root.key")))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return postgresql.url_for(tmp_path) if request.param == "postgresql" else f"sqlite:///{tmp_path}/kmipd.db"


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[SqlStorage]:
    with_two_keys = opened(url, tmp_path)
    add(with_two_keys, "k1", "k2")
    yield with_two_keys
    with_two_keys.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite file with two keys, which no server uses."""
    store = opened(f"sqlite:///{tmp_path}/kmipd.db", tmp_path)
    add(store, "k1", "k2")
    store.close()
    return tmp_path / "kmipd.db"


def add(store: SqlStorage, *identifiers: str) -> None:
    with store.unit_of_work() as work:
        for identifier in identifiers:
            work.add(a_key(identifier, names=(a_name(identifier),), state=State.ACTIVE), content())
        work.commit()


def compromise(store: SqlStorage, identifier: str) -> None:
    with store.unit_of_work() as work:
        found = work.find(identifier)
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, state=State.COMPROMISED)))
        work.commit()


def sql(file: Path, statement: str, *values: object) -> list[Any]:
    """Read or write the database as another program would."""
    connection = sqlite3.connect(file)
    with connection:
        rows = connection.execute(statement, values).fetchall()
    connection.close()
    return rows


def row_of(file: Path, identifier: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = sql(file, "SELECT * FROM managed_objects WHERE unique_identifier = ?", identifier)[0]
    return found


def put_back(file: Path, row: tuple[Any, ...]) -> None:
    sql(file, "INSERT OR REPLACE INTO managed_objects VALUES (" + ",".join("?" * len(row)) + ")", *row)


def damages(file: Path) -> list[str]:
    store = opened(f"sqlite:///{file}", file.parent)
    try:
        return [damage.what for damage in verify(store, lambda done, in_all: None)]
    finally:
        store.close()


def number_of(store: SqlStorage) -> int:
    number = store.generation()
    assert number is not None
    return number


def test_every_change_of_objects_counts_and_the_sum_fits(store: SqlStorage) -> None:
    assert number_of(store) == 1
    add(store, "k3")
    compromise(store, "k1")
    with store.unit_of_work() as work:
        found = work.find("k2")
        assert found is not None
        work.save(found, content())
        work.commit()
    with store.unit_of_work() as work:
        work.remove("k3")
        work.commit()
    assert number_of(store) == 5

    store.set_fact("anything", "else")
    rotate_data_key(store, lambda done, in_all: None)
    assert number_of(store) == 5
    assert change_owner(store, lambda managed_object: True, "carol") == (["k1", "k2"], [])
    assert number_of(store) == 6
    assert verify(store, lambda done, in_all: None) == ()


def test_a_change_that_is_refused_does_not_count(store: SqlStorage) -> None:
    with store.unit_of_work() as early:
        found = early.find("k1")
        assert found is not None
        compromise(store, "k1")
        early.save(evolve(found, attributes=evolve(found.attributes, state=State.DEACTIVATED)))
        with pytest.raises(ConcurrentChange):
            early.commit()

    assert number_of(store) == 2
    assert verify(store, lambda done, in_all: None) == ()


def test_changes_of_several_servers_fit_together(store: SqlStorage, url: str, tmp_path: Path) -> None:
    other = opened(url, tmp_path)
    for number, each in enumerate((store, other, store, other)):
        add(each, f"more {number}")
        compromise(each, f"more {number}")
    other.close()

    assert number_of(store) == 9
    assert verify(store, lambda done, in_all: None) == ()


def test_one_server_knows_the_generation_and_opens_it_once_another_has_written(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(url, tmp_path)
    asked: list[int] = []
    read = generations.GenerationStatements._opened

    def noted(self: Any, *arguments: Any) -> Generation:
        asked.append(1)
        return read(self, *arguments)

    monkeypatch.setattr(generations.GenerationStatements, "_opened", noted)
    for number in range(5):
        add(store, f"alone {number}")
    assert len(asked) == 1, "the first one"

    other = opened(url, tmp_path)
    add(other, "of another")
    other.close()
    asked.clear()
    for number in range(5):
        add(store, f"after it {number}")
    assert len(asked) == 1, "what was written was not there, and then was"
    assert number_of(store) == 11
    assert verify(store, lambda done, in_all: None) == ()
    store.close()


def test_changes_of_several_objects_are_written_together(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, "k3", "k4")
    before, groups = number_of(store), store.writer.groups
    alone: list[object] = []
    monkeypatch.setattr(Commit, "__call__", lambda self, cursor: alone.append(self))
    has_begun, may_go_on = threading.Event(), threading.Event()

    def wait(cursor: Cursor) -> None:
        has_begun.set()
        assert may_go_on.wait(120)

    store.writer.hand_over(wait)
    assert has_begun.wait(120)  # what is handed over now is the next group
    commitments = []
    for identifier, what in (("k1", "name"), ("k1", "state"), ("k2", "destroy"), ("k3", "remove"), ("k5", "add")):
        work = store.unit_of_work()
        found = work.find(identifier)
        if found is None:
            work.add(a_key(identifier, names=(a_name(identifier),)), content())
        elif what == "name":
            work.save(evolve(found, attributes=evolve(found.attributes, names=(a_name("another"),))))
        elif what == "state":
            work.save(evolve(found, attributes=evolve(found.attributes, state=State.COMPROMISED)))
        elif what == "destroy":
            work.save(evolve(found, has_content=False, attributes=evolve(found.attributes, state=State.DESTROYED)))
        else:
            work.remove(identifier)
        commitments.append(work.hand_over())
    may_go_on.set()

    first, late, *others = commitments
    first.result()
    with pytest.raises(ConcurrentChange):
        late.result()  # the same version of the same object, changed before
    for other in others:
        other.result()
    assert store.writer.groups == groups + 2
    assert alone == []
    assert number_of(store) == before + 1
    assert named(store, "another") == ("k1",)
    assert named(store, "k1") == named(store, "k3") == ()
    assert named(store, "k5") == ("k5",)
    assert verify(store, lambda done, in_all: None) == ()
    holdings, key = store.database.statements.holdings, store.open_index_key()
    noted = store.submit(functools.partial(holdings.read, owner="alice", key=key))
    assert noted == store.submit(functools.partial(holdings.counted, owner="alice"))
    assert noted.objects == 4


def test_a_change_counts_the_objects_first_where_no_generation_is_known(store: SqlStorage) -> None:
    store.set_fact(generations.NAME, None)

    compromise(store, "k1")

    assert number_of(store) == 1
    assert verify(store, lambda done, in_all: None) == ()


def named(store: SqlStorage, name: str) -> tuple[str, ...]:
    with store.unit_of_work() as work:
        return work.locate(query(criterion("names", a_name(name)))).unique_identifiers


def test_a_row_that_was_put_back_is_found_after_a_restart(file: Path) -> None:
    before = row_of(file, "k1")
    store = opened(f"sqlite:///{file}", file.parent)
    compromise(store, "k1")
    store.close()
    assert damages(file) == []

    put_back(file, before)

    assert [what for what in damages(file) if "generation" in what] == [
        "the objects are not those of generation 2: rows were put back as they were before, or removed; compare their"
        " last changes with the audit trail"
    ]


def test_a_row_that_was_removed_is_found(file: Path) -> None:
    sql(file, "DELETE FROM attribute_values WHERE sequence = 2")
    sql(file, "DELETE FROM managed_objects WHERE unique_identifier = 'k2'")

    assert any("generation 1" in what for what in damages(file))


def test_two_rows_that_are_put_back_do_not_cancel_out(file: Path) -> None:
    before = [row_of(file, name) for name in ("k1", "k2")]
    store = opened(f"sqlite:///{file}", file.parent)
    for name in ("k1", "k2"):
        compromise(store, name)
    store.close()

    for row in before:
        put_back(file, row)

    assert any("generation 3" in what for what in damages(file))


@pytest.mark.parametrize("value", ["", "x", "7 00 1", None], ids=["empty", "a text", "without a code", "missing"])
def test_a_generation_that_was_changed_is_counted_anew(file: Path, value: str | None) -> None:
    if value is None:
        sql(file, "DELETE FROM facts WHERE name = ?", generations.NAME)
    else:
        sql(file, "UPDATE facts SET value = ? WHERE name = ?", value, generations.NAME)
        assert damages(file) == [
            "the generation of the store does not hold: the fact generation is not as it was written"
        ]
    store = opened(f"sqlite:///{file}", file.parent)
    assert not store.generation(), "less than any that the audit trail can name"

    add(store, "k3")

    assert number_of(store) == 1
    assert verify(store, lambda done, in_all: None) == ()
    store.close()


def test_a_generation_of_another_time_shows_rows_that_are_newer(file: Path) -> None:
    ((before,),) = sql(file, "SELECT value FROM facts WHERE name = ?", generations.NAME)
    store = opened(f"sqlite:///{file}", file.parent)
    compromise(store, "k1")
    store.close()

    sql(file, "UPDATE facts SET value = ? WHERE name = ?", before, generations.NAME)

    assert any("generation 1" in what for what in damages(file))


def test_a_store_without_a_generation_is_whole_until_it_has_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of an older release is; its objects are counted in several pieces."""
    sql(file, "DELETE FROM facts WHERE name = ?", generations.NAME)
    assert damages(file) == []
    monkeypatch.setattr(generations, "_PIECE", 1)
    store = opened(f"sqlite:///{file}", file.parent)
    add(store, *(f"more {number}" for number in range(3)))

    assert verify(store, lambda done, in_all: None) == ()
    store.close()


def test_equal_sums_do_not_look_equal_in_the_database(file: Path) -> None:
    seen = set()
    for _ in range(3):
        store = opened(f"sqlite:///{file}", file.parent)
        key = store.open_index_key()
        write = store.database.statements.generations.write
        store.submit(functools.partial(write, generation=Generation(1, 5), key=key))
        ((stored,),) = sql(file, "SELECT value FROM facts WHERE name = ?", generations.NAME)
        assert generation_in(stored, key) == Generation(1, 5)
        seen.add(stored.split(" ")[-1])
        store.close()
    assert len(seen) == 3
