"""Objects and searches that are not read again: when that is spared, and that nobody notices."""

import functools
import itertools
import secrets
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.record_writers import INT64_MAX, INT64_MIN
from kmip_adapters.storage.sql.known_reads import (
    ROWS_OF_A_SEARCH,
    SEARCHES,
    TEXT_OF_A_SEARCH,
    VALUES_OF_A_SEARCH,
    KnownReads,
)
from kmip_adapters.storage.sql.maintenance import rotate_data_key
from kmip_adapters.storage.sql.rows import REMEMBERED, REMEMBERED_BYTES, RowWrite, StoredObject, as_read, stored_object
from kmip_adapters.storage.sql.searched_columns import searched_columns
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.unit_of_work import SqlUnitOfWork
from kmip_app.testing.contracts.samples import ATTRIBUTES, NOW, a_key, a_name, admitted, content, criterion, query
from kmip_core.attributes import AttributeInstance, Attributes
from kmip_core.creation_rules import Constraint
from kmip_core.criteria import AnyOf
from kmip_core.enums import ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.objects import ManagedObject
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import ConcurrentChange
from tests.rounds import rounds

OFTEN = 4


def opened(directory: Path) -> SqlStorage:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    with closing(opened(tmp_path)) as found:
        put(found, a_key("k1"), a_key("k2"))
        forget(found)
        yield found


def forget(store: SqlStorage) -> None:
    """Have nothing be known: after this commit the writer cannot tell which objects have changed."""
    store.set_fact("something", secrets.token_hex())


def put(store: SqlStorage, *objects: ManagedObject) -> None:
    with store.unit_of_work(Pace.QUICK) as work:
        for one in objects:
            work.add(one, content())
        work.commit()


def find(store: SqlStorage, *identifiers: str) -> list[ManagedObject | None]:
    with store.unit_of_work(Pace.QUICK) as work:
        return [work.find(identifier) for identifier in identifiers]


def read_often(store: SqlStorage, *identifiers: str) -> None:
    for _ in range(OFTEN):
        for identifier in identifiers:
            find(store, identifier)


def statements(store: SqlStorage, *identifiers: str) -> list[str]:
    """Return what SQLite is asked while objects are found by one unit of work."""
    return asked_by(store, lambda: find(store, *identifiers))


def asked_by(store: SqlStorage, read: Callable[[], object]) -> list[str]:
    asked: list[str] = []
    connection: Any = store.database._idle[-1]  # the one that is taken next
    connection.set_trace_callback(lambda text: asked.append(text.split()[0]))
    read()
    connection.set_trace_callback(None)
    return asked


def edit(store: SqlStorage, statement: str) -> None:
    """Write into the database as another program would."""
    assert store.path is not None
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert connection.execute(statement).rowcount


def is_refused(store: SqlStorage, identifier: str) -> bool:
    with pytest.raises(KmipError) as refusal:
        find(store, identifier)
    return refusal.value.reason is ResultReason.GENERAL_FAILURE


# --- what is spared ---------------------------------------------------------------------------------------------------


def test_an_object_that_comes_again_is_not_read_again(store: SqlStorage) -> None:
    find(store, "k1")

    assert statements(store, "k1") == []


def test_one_that_is_known_and_one_that_is_not_are_of_one_state(store: SqlStorage) -> None:
    find(store, "k1")

    assert statements(store, "k1", "k2") == ["BEGIN", "SELECT", "COMMIT"]
    assert statements(store, "k2", "k1") == []


def test_after_a_commit_of_another_program_it_is_read_again(store: SqlStorage) -> None:
    find(store, "k1")
    edit(store, "INSERT INTO facts (name, value) VALUES ('one', 'more')")

    assert statements(store, "k1") == ["BEGIN", "SELECT", "COMMIT"]
    assert statements(store, "k1") == []


def test_after_a_commit_of_which_the_objects_are_not_known_it_is_read_again(store: SqlStorage) -> None:
    find(store, "k1")
    forget(store)

    assert statements(store, "k1") == ["BEGIN", "SELECT", "COMMIT"]


def test_what_a_commit_has_written_is_not_read(store: SqlStorage) -> None:
    put(store, a_key("k3"), a_key("k4"))
    assert statements(store, "k3", "k4") == []

    activate(store, "k3")

    assert statements(store, "k3", "k4") == []
    (found,) = find(store, "k3")
    assert found is not None
    assert (found.attributes.state, found.version) == (State.ACTIVE, 2)


def test_a_commit_leaves_other_objects_known(store: SqlStorage) -> None:
    find(store, "k1", "k2")

    activate(store, "k2")
    put(store, a_key("k3"))

    assert statements(store, "k1") == []


def test_an_object_that_was_changed_when_it_was_no_longer_known_is_read(store: SqlStorage) -> None:
    with store.unit_of_work(Pace.QUICK) as work:
        before = work.find("k1")
        assert before is not None
        forget(store)
        work.save(before.changed(before.attributes.but(state=State.ACTIVE)))
        work.commit()

    assert statements(store, "k1") == ["BEGIN", "SELECT", "COMMIT"]


def test_an_object_that_was_removed_is_not_known(store: SqlStorage) -> None:
    find(store, "k1", "k2")
    with store.unit_of_work(Pace.QUICK) as work:
        work.remove("k1")
        work.commit()

    assert find(store, "k1") == [None]  # others are known until the log is emptied of it, which may be at once


def test_a_commit_without_objects_leaves_searches_known(store: SqlStorage) -> None:
    located(store, "n")
    with store.unit_of_work(Pace.QUICK) as work:
        work.save_rules(Constraint, ())
        work.commit()

    assert statements_of_search(store, "n") == []


def test_what_one_connection_has_read_no_other_one_reads_again(store: SqlStorage) -> None:
    with store.unit_of_work(Pace.QUICK) as first, store.unit_of_work(Pace.QUICK) as second:
        first.find("k1")
        second.find("k2")
    assert len(store.database._idle) == 2

    assert statements(store, "k1", "k2") == []


def test_a_large_object_is_read_each_time(store: SqlStorage) -> None:
    put(store, a_key("large", names=tuple(a_name(f"{number:0200}") for number in range(20))))
    read_often(store, "large")

    assert statements(store, "large") == ["BEGIN", "SELECT", "COMMIT"]


def test_nothing_is_known_where_the_database_cannot_tell_its_state(store: SqlStorage) -> None:
    store.backend.state = lambda: None  # type: ignore[method-assign]  # as PostgreSQL's
    read_often(store, "k1")

    assert statements(store, "k1") == ["BEGIN", "SELECT", "COMMIT"]


def located(store: SqlStorage, name: str) -> tuple[str, ...]:
    with store.unit_of_work(Pace.QUICK) as work:
        return work.locate(query(criterion("names", a_name(name)))).unique_identifiers


def statements_of_search(store: SqlStorage, name: str) -> list[str]:
    return asked_by(store, lambda: located(store, name))


def test_a_search_that_comes_again_is_not_made_again(store: SqlStorage) -> None:
    put(store, a_key("k3", names=(a_name("n"),)))
    assert located(store, "n") == ("k3",)

    assert statements_of_search(store, "n") == []
    assert located(store, "n") == ("k3",)


def test_a_search_for_another_value_is_made(store: SqlStorage) -> None:
    located(store, "n")

    assert statements_of_search(store, "m") == ["BEGIN", "SELECT", "COMMIT"]


def test_after_a_commit_a_search_is_made_again(store: SqlStorage) -> None:
    assert located(store, "n") == ()
    put(store, a_key("k3", names=(a_name("n"),)))

    assert located(store, "n") == ("k3",)


def test_a_search_that_finds_much_is_made_each_time(store: SqlStorage) -> None:
    put(store, *(a_key(f"many{number}", names=(a_name("n"),)) for number in range(ROWS_OF_A_SEARCH + 1)))
    located(store, "n")

    assert statements_of_search(store, "n") == ["BEGIN", "SELECT", "COMMIT"]


@pytest.mark.parametrize(
    "wanted",
    [
        criterion("unique_identifier", TEXT_OF_A_SEARCH * "i" + "i"),
        criterion("names", AnyOf(tuple(criterion("names", a_name(f"{n}")) for n in range(VALUES_OF_A_SEARCH)))),
    ],
    ids=["long text", "many values"],
)
def test_a_search_whose_values_take_room_is_made_each_time(store: SqlStorage, wanted: AttributeInstance) -> None:
    def search() -> None:
        with store.unit_of_work(Pace.BRIEF) as work:
            work.locate(query(wanted))

    search()

    assert asked_by(store, search) == ["BEGIN", "SELECT", "COMMIT"]


def test_a_search_of_a_later_state_than_an_object_has_the_unit_of_work_run_again(store: SqlStorage) -> None:
    located(store, "n")
    find(store, "k1")

    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")
        put(store, a_key("k3", names=(a_name("n"),)))
        located(store, "n")
        with pytest.raises(ConcurrentChange):
            work.locate(query(criterion("names", a_name("n"))))


# --- what changes them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE managed_objects SET owner = 'mallory' WHERE unique_identifier = 'k1'",
        "UPDATE managed_objects SET sealed = zeroblob(80) WHERE unique_identifier = 'k1'",
        "UPDATE managed_objects SET version = version + 1 WHERE unique_identifier = 'k1'",
    ],
)
def test_a_row_that_another_program_edits_is_refused_though_it_was_known(store: SqlStorage, statement: str) -> None:
    read_often(store, "k1", "k2")

    edit(store, statement)

    assert is_refused(store, "k1")
    assert find(store, "k2") != [None]


def lose_connections(store: SqlStorage) -> None:
    """Have the reader and the writer fail so that both are closed, as when SQLite itself ends their transactions."""
    with store.unit_of_work(Pace.QUICK) as work:
        work.find("none")
        assert isinstance(work, SqlUnitOfWork)
        assert work._reader is not None
        work._reader.execute("COMMIT")
    with pytest.raises(KmipError):
        store.submit(lambda cursor: cursor.execute("ROLLBACK").execute("not SQL"))
    assert not store.database._idle
    assert store.writer._connection is None


def test_a_change_by_another_program_is_seen_after_all_connections_were_closed(store: SqlStorage) -> None:
    find(store, "k1")
    lose_connections(store)

    edit(store, "DELETE FROM managed_objects WHERE unique_identifier = 'k1'")

    assert find(store, "k1") == [None]


def test_own_changes_are_seen_after_all_connections_were_closed(store: SqlStorage) -> None:
    found = find(store, "k1", "k2")
    lose_connections(store)
    with store.unit_of_work(Pace.QUICK) as work:
        work.remove("k1")
        work.commit()

    assert find(store, "k1", "k2") == [None, found[1]]


def test_a_row_that_another_program_deletes_is_gone(store: SqlStorage) -> None:
    read_often(store, "k1")

    edit(store, "DELETE FROM managed_objects WHERE unique_identifier = 'k1'")

    assert find(store, "k1") == [None]


CHANGES = """
import functools, itertools, sys
from attrs import evolve
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.enums import State
from pathlib import Path
directory = Path(sys.argv[1])
make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
store = SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer)
for _, state in zip(sys.stdin, itertools.cycle((State.ACTIVE, State.DEACTIVATED))):
    with store.unit_of_work() as work:
        before = work.find("k1")
        work.save(evolve(before, attributes=before.attributes.but(state=state)))
        work.commit()
    print(state.name, flush=True)
store.close()
"""


def activate(store: SqlStorage, identifier: str) -> None:
    with store.unit_of_work(Pace.QUICK) as work:
        before = work.find(identifier)
        assert before is not None
        work.save(evolve(before, attributes=before.attributes.but(state=State.ACTIVE)))
        work.commit()


def test_each_change_by_another_process_is_read_at_once(store: SqlStorage, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHANGES, str(tmp_path)],
        cwd=Path(__file__).parents[5],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for _ in range(100):
            read_often(store, "k1")
            other.stdin.write("\n")
            other.stdin.flush()
            state = other.stdout.readline().strip()
            (found,) = find(store, "k1")

            assert found is not None
            assert found.attributes.state.name == state
        other.stdin.close()


def test_content_opens_after_its_data_key_was_retired(store: SqlStorage) -> None:
    read_often(store, "k1")

    rotate_data_key(store, lambda done, in_all: None)

    with store.unit_of_work(Pace.QUICK) as work:
        found = work.find("k1")
        assert found is not None
        assert work.content(admitted(found)) == content()


# --- what this process has written ------------------------------------------------------------------------------------


def types_of(value: object) -> object:
    """Equality is blind to enumerations become numbers; their types are not."""
    if isinstance(value, tuple):
        return (type(value), *map(types_of, value))
    names = getattr(type(value), "__attrs_attrs__", ())
    return (type(value), *(types_of(getattr(value, a.name)) for a in names))


def check_known(store: SqlStorage, *identifiers: str) -> int:
    """Compare what is known, of these objects or of all, with what a read gives; return of how many that is."""
    known = store.database.known.now
    if known.state != store.backend.state():
        return 0
    known_ones = {**known.objects, **{identifier: as_read(written) for identifier, written in known.written.items()}}
    assert len(known_ones) == len(known.objects) + len(known.written)
    for identifier in identifiers or known_ones:
        stored = known_ones[identifier]
        (row,) = store.database.read(store.database.statements.find, unique_identifier=identifier)
        read = stored_object(row, store.sealer)
        assert stored == read
        assert types_of(stored) == types_of(read)
        assert type(stored.sequence) is type(read.sequence)
    return len(identifiers or known_ones)


def can_be_stored(attributes: Attributes) -> bool:
    """Whether the columns take its numbers, which a client cannot send otherwise."""
    columns = searched_columns(attributes).values()
    return all(INT64_MIN <= value <= INT64_MAX for value in columns if isinstance(value, int))


def test_what_a_thread_reads_while_it_is_noted_as_written_is_known_once(store: SqlStorage) -> None:
    put(store, a_key("k9"))
    known = store.database.known.now
    stored = as_read(known.written["k9"])

    store.database.known.know(stored, known.state)

    assert "k9" not in known.written
    assert check_known(store) > 0


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStorage]:
    with closing(opened(tmp_path_factory.mktemp("store"))) as found:
        found.backend.clean_up = lambda connection: True  # type: ignore[method-assign]  # or the state changes meanwhile
        yield found


@settings(max_examples=rounds(75, nightly=1_000), deadline=None)
@given(
    attributes=st.lists(ATTRIBUTES.filter(can_be_stored), min_size=1, max_size=3),
    archived=st.lists(st.booleans(), min_size=3, max_size=3),
    contents=st.lists(st.none() | st.binary(min_size=16, max_size=16), min_size=3, max_size=3),
    loses_content=st.booleans(),
)
def test_what_is_known_of_a_written_object_is_what_a_read_gives(
    long_lived: SqlStorage,
    attributes: list[Attributes],
    archived: list[bool],
    contents: list[bytes | None],
    loses_content: bool,
) -> None:
    store, (first, *others), identifier = long_lived, attributes, secrets.token_hex(8)
    new = evolve(a_key(identifier), attributes=first, archived=archived[0], has_content=contents[0] is not None)
    with store.unit_of_work(Pace.QUICK) as work:
        work.add(new, None if contents[0] is None else content(contents[0]))
        work.commit()
    assert check_known(store, identifier)
    for number, changed in enumerate(others, 1):
        with store.unit_of_work(Pace.QUICK) as work:
            before = work.find(identifier)
            assert before is not None
            with_content = contents[number] is not None or (before.has_content and not loses_content)
            after = before.changed(changed, archived=archived[number], has_content=with_content)
            work.save(after, None if contents[number] is None else content(contents[number] or b""))
            work.commit()
        assert check_known(store, identifier)


def test_a_change_that_was_refused_leaves_what_was_known(store: SqlStorage) -> None:
    first, second = store.unit_of_work(Pace.QUICK), store.unit_of_work(Pace.QUICK)
    for work, name in ((first, "first"), (second, "second")):
        before = work.find("k1")
        assert before is not None
        work.save(before.changed(before.attributes.but(names=(a_name(name),))))
    first.commit()
    with pytest.raises(ConcurrentChange):
        second.commit()

    assert statements(store, "k1") == []
    (found,) = find(store, "k1")
    assert found is not None
    assert found.attributes.names == (a_name("first"),)
    check_known(store)


def test_the_rows_of_a_group_that_failed_are_not_known(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    find(store, "k1")

    def fail(cursor: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store.backend, "commit", fail)
    with pytest.raises(KmipError):
        activate(store, "k1")
    monkeypatch.undo()

    (found,) = find(store, "k1")
    assert found is not None
    assert found.attributes.state is State.PRE_ACTIVE
    assert check_known(store)


def test_after_a_commit_that_is_in_doubt_objects_are_read(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    find(store, "k1", "k2")

    def commit_and_fail(cursor: Any) -> None:
        cursor.execute("COMMIT")
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store.backend, "commit", commit_and_fail)
    with pytest.raises(KmipError):
        activate(store, "k1")
    monkeypatch.undo()

    assert statements(store, "k2") == ["BEGIN", "SELECT", "COMMIT"]
    (found,) = find(store, "k1")
    assert found is not None
    assert found.attributes.state is State.ACTIVE


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_row_that_another_program_edits_around_a_commit_is_refused(
    store: SqlStorage, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    find(store, "k1")
    begin, commit = store.backend.begin_writing, store.backend.commit

    def edited_first(cursor: Any) -> None:
        edit(store, "UPDATE managed_objects SET sealed = zeroblob(80) WHERE unique_identifier = 'k1'")
        begin(cursor)

    def edited_then(cursor: Any) -> None:
        commit(cursor)
        edit(store, "UPDATE managed_objects SET sealed = zeroblob(80) WHERE unique_identifier = 'k1'")

    if when == "before":
        monkeypatch.setattr(store.backend, "begin_writing", edited_first)
    else:
        monkeypatch.setattr(store.backend, "commit", edited_then)
    activate(store, "k1")
    monkeypatch.undo()

    assert is_refused(store, "k1")


def test_emptying_the_log_leaves_objects_known(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    find(store, "k1")
    states: list[bytes | None] = []
    is_empty = threading.Event()
    clean_up = store.backend.clean_up

    def noted(connection: Any) -> bool:
        states.append(store.backend.state())
        is_done = clean_up(connection)
        states.append(store.backend.state())
        is_empty.set()
        return is_done

    monkeypatch.setattr(store.backend, "clean_up", noted)
    with store.unit_of_work(Pace.QUICK) as work:
        before = work.find("k2")
        assert before is not None
        work.save(before.changed(before.attributes, has_content=False))
        work.commit()
    assert is_empty.wait(120)
    store.submit(lambda cursor: None)  # the writer has done with it before it takes the next task

    assert states[0] != states[1]
    assert statements(store, "k1") == []


def test_what_was_read_before_the_writer_takes_note_of_its_commit_is_known_with_the_rest(
    store: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(store, "k1", "k2")
    note = store.database.known.carry_on
    read: list[str] = []

    def note_late(*values: Any) -> None:
        read.extend(statements(store, "k1"))
        note(*values)

    monkeypatch.setattr(store.database.known, "carry_on", note_late)
    put(store, a_key("k3"))

    assert read == ["BEGIN", "SELECT", "COMMIT"]
    assert statements(store, "k1", "k2", "k3") == []
    assert store.database.known.now.earlier is None


def test_changes_of_two_objects_at_once_are_seen_together_by_other_threads(store: SqlStorage) -> None:
    """Readers look objects up while the writer changes the table of what is known."""
    faults: list[object] = []
    is_over = threading.Event()

    def read() -> None:
        newest = 0
        while not is_over.is_set():
            with store.unit_of_work(Pace.QUICK) as work:
                try:
                    versions = [found.version for one in ("k1", "k2") if (found := work.find(one)) is not None]
                except ConcurrentChange:
                    continue
            if versions[0] != versions[1] or versions[0] < newest:
                faults.append((newest, versions))
            newest = max(newest, *versions)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(200):
        with store.unit_of_work(Pace.QUICK) as work:
            for identifier in ("k1", "k2"):
                before = work.find(identifier)
                assert before is not None
                work.save(before.changed(before.attributes.but(lease_time=number)))
            work.commit()
    is_over.set()
    for reader in readers:
        reader.join()

    assert faults == []
    check_known(store)


# --- one instant ------------------------------------------------------------------------------------------------------


def test_a_second_object_of_a_later_state_has_the_unit_of_work_run_again(store: SqlStorage) -> None:
    read_often(store, "k1", "k2")

    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")
        activate(store, "k2")
        with pytest.raises(ConcurrentChange):
            work.find("k2")


def test_what_takes_long_is_not_run_again_because_an_object_was_known(store: SqlStorage) -> None:
    read_often(store, "k1", "k2")

    with store.unit_of_work(Pace.SLOW) as work:
        work.find("k1")
        activate(store, "k2")
        found = work.find("k2")

    assert found is not None
    assert found.attributes.state is State.PRE_ACTIVE


def test_a_known_object_of_a_later_state_is_not_mixed_with_those_of_a_snapshot(store: SqlStorage) -> None:
    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")  # takes the snapshot
        activate(store, "k2")
        find(store, "k2")
        found = work.find("k2")

    assert found is not None
    assert found.attributes.state is State.PRE_ACTIVE


def test_a_known_object_is_not_mixed_with_a_snapshot_whose_state_is_not_known(store: SqlStorage) -> None:
    with store.unit_of_work(Pace.QUICK) as work:
        work.rules_of(Constraint)  # takes the snapshot; its state is not asked for
        activate(store, "k2")
        find(store, "k2")
        found = work.find("k2")

    assert found is not None
    assert found.attributes.state is State.PRE_ACTIVE


@pytest.mark.parametrize(
    "read",
    [
        lambda work: work.rules_of(Constraint),
        lambda work: work.ticket("none"),
        lambda work: work.submission(b"none"),
    ],
    ids=["rules", "tickets", "submissions"],
)
def test_whatever_is_read_after_a_known_object_is_of_its_state(
    store: SqlStorage, read: Callable[[Any], object]
) -> None:
    find(store, "k1")

    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")
        activate(store, "k2")
        with pytest.raises(ConcurrentChange):
            read(work)


def test_a_unit_of_work_that_goes_on_after_its_commit_reads_a_later_state(store: SqlStorage) -> None:
    find(store, "k1")

    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")
        work.add(a_key("k3"), content())
        work.commit()

        assert work.find("k3") is not None


def test_a_unit_of_work_that_goes_on_after_its_commit_reads_all_anew(store: SqlStorage) -> None:
    constraint = Constraint(object_groups=("group",))

    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")
        assert work.rules_of(Constraint) == ()
        work.add(a_key("k3"), content())
        work.commit()
        activate(store, "k1")
        with store.unit_of_work() as other:
            other.save_rules(Constraint, (constraint,))
            other.commit()

        found = work.find("k1")
        assert found is not None
        assert found.attributes.state is State.ACTIVE
        assert work.rules_of(Constraint) == (constraint,)


def test_what_is_read_after_a_commit_is_of_one_state_as_well(store: SqlStorage) -> None:
    with store.unit_of_work(Pace.QUICK) as work:
        work.find("k1")
        work.add(a_key("k3"), content())
        work.commit()
        find(store, "k1")

        work.find("k1")  # known
        activate(store, "k2")
        with pytest.raises(ConcurrentChange):
            work.find("k2")


def test_an_object_that_was_made_again_is_not_taken_for_one_that_was_put_back(store: SqlStorage) -> None:
    """An old snapshot has an older version of the first object than was seen; the second has an older one, too."""
    with store.unit_of_work() as work:
        work.find("k2")  # takes the snapshot
        activate(store, "k1")
        with store.unit_of_work() as other:
            other.remove("k1")
            other.commit()
        put(store, a_key("k1", initial_date=NOW + 1))

        found = work.find("k1")

    assert found is not None
    assert (found.attributes.initial_date, found.attributes.state) == (NOW, State.PRE_ACTIVE)


def test_a_change_that_was_refused_leaves_the_version_before_it_the_newest(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        work.save(evolve(found, attributes=found.attributes.but(state=State.ACTIVE)))
        work.add(a_key("k2"), content())  # which is there
        with pytest.raises(ConcurrentChange):
            work.commit()

    assert find(store, "k1") == [found]
    activate(store, "k1")
    assert find(store, "k1") != [found]


def test_a_commit_between_the_look_and_the_snapshot_leaves_its_state_unknown(
    store: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(store, "k1")
    lend = store.database.lend

    def lend_late(*, is_long: bool) -> Any:
        activate(store, "k1")
        return lend(is_long=is_long)

    with store.unit_of_work(Pace.QUICK) as work:
        with monkeypatch.context() as for_once:
            for_once.setattr(store.database, "lend", lend_late)
            work.find("k2")
        found = work.find("k1")

    assert found is not None
    assert found.attributes.state is State.ACTIVE


def test_a_commit_before_the_first_read_is_no_conflict(store: SqlStorage) -> None:
    read_often(store, "k1", "k2")

    with store.unit_of_work(Pace.QUICK) as work:
        activate(store, "k2")
        first, second = work.find("k1"), work.find("k2")

    assert first is not None
    assert second is not None
    assert second.attributes.state is State.ACTIVE


# --- what is kept -----------------------------------------------------------------------------------------------------


def a_stored(identifier: str = "k1", size: int = 100) -> StoredObject:
    return StoredObject(1, a_key(identifier), b"seal", b"", b"sealed", b"", size)


def a_write(identifier: str, stored: StoredObject | None = None) -> RowWrite:
    return RowWrite(
        stored=stored,
        unique_identifier=identifier,
        expected_version=None,
        columns={"record_seal": b"seal", "attributes": b"{}", "sealed": None},
        replaces_content=True,
        indexed=set(),
        unindexed=set(),
        after=a_key(identifier),
    )


def test_only_what_was_known_at_the_state_before_holds_on() -> None:
    known = KnownReads(Mock(state=lambda: b"1"))
    known.know(a_stored("old"), b"1")

    known.carry_on(b"2", b"3", [a_write("new")])  # others have committed: the database is at another state

    assert (known.now.state, set(known.now.objects)) == (b"1", {"old"})

    known = KnownReads(Mock(state=lambda: b"3"))
    known.know(a_stored("read"), b"3")

    known.carry_on(b"2", b"3", [a_write("new")])

    assert (known.now.state, set(known.now.objects), set(known.now.written)) == (b"3", {"read"}, {"new"})


def test_a_row_that_was_not_known_when_it_was_changed_is_not_known() -> None:
    known, other = KnownReads(Mock(state=lambda: b"1")), a_stored("k1")
    known.know(a_stored("k1"), b"1")

    known.carry_on(b"1", b"2", [a_write("k1", other)])

    assert (known.now.state, set(known.now.objects), set(known.now.written)) == (b"2", set(), set())


def test_a_look_that_began_before_a_commit_does_not_find_what_it_has_written() -> None:
    database = Mock(state=lambda: b"1")
    known = KnownReads(database)
    known.know(a_stored("k1"), b"1")
    before = known.now

    database.state = lambda: b"2"
    known.carry_on(b"1", b"2", [a_write("k2")])

    assert known.now is not before
    known.know(a_stored("k3"), b"1")
    assert (set(known.now.objects), set(known.now.written)) == ({"k1"}, {"k2"})
    assert known.take_written(before, "k2") is None


def test_so_many_objects_are_known() -> None:
    known = KnownReads(Mock(state=lambda: b"1"))

    for number in range(3 * REMEMBERED):
        known.know(a_stored(f"k{number}"), b"1")

    assert list(known.now.objects) == [f"k{number}" for number in range(2 * REMEMBERED, 3 * REMEMBERED)]


def test_so_many_objects_that_were_written_are_known() -> None:
    known = KnownReads(Mock(state=lambda: b"2"))

    known.carry_on(b"1", b"2", [a_write(f"k{number}") for number in range(3 * REMEMBERED)])
    assert list(known.now.written) == [f"k{number}" for number in range(2 * REMEMBERED, 3 * REMEMBERED)]

    for identifier in list(known.now.written):
        assert known.take_written(known.now, identifier) is known.take_written(known.now, identifier)
    assert (len(known.now.objects), len(known.now.written)) == (REMEMBERED, 0)


def test_a_large_object_that_was_written_is_not_known() -> None:
    known = KnownReads(Mock(state=lambda: b"2"))

    known.carry_on(b"1", b"2", [evolve(a_write("k1"), size=REMEMBERED_BYTES + 1)])

    assert not known.now.written


def test_so_many_searches_are_known() -> None:
    known = KnownReads(Mock(state=lambda: b"1"))

    for number in range(3 * SEARCHES):
        known.know_located(("SELECT", (number,)), [], b"1")

    assert 0 < len(known.now.located) <= SEARCHES


def test_what_was_read_in_an_old_snapshot_is_not_known() -> None:
    known, new, old = KnownReads(Mock(state=lambda: b"2")), a_stored("new"), a_stored("old")

    known.know(new, b"2")
    known.know(old, b"1")

    assert (known.now.state, set(known.now.objects)) == (b"2", {"new"})


def test_what_a_search_has_found_in_an_old_snapshot_is_not_known() -> None:
    known = KnownReads(Mock(state=lambda: b"2"))

    known.know_located(("SELECT", (1,)), [], b"2")
    known.know_located(("SELECT", (2,)), [], b"1")
    known.know_located(("SELECT", (3,)), [], None)

    assert (known.now.state, known.now.located) == (b"2", {("SELECT", (1,)): []})


@pytest.mark.parametrize("present", [None, b"2"])
def test_what_was_read_at_a_state_that_is_not_known_is_not_known(present: bytes | None) -> None:
    """The next time, too, the state may be one that cannot be told: it would seem the same."""
    state: list[bytes | None] = [b"1"]
    known, stored = KnownReads(Mock(state=lambda: state[0])), a_stored()
    known.know(stored, b"1")
    state[0] = present

    known.know(a_stored("k2"), None)
    known.know_located(("SELECT", ()), [], None)

    assert (known.now.state, list(known.now.objects), known.now.located) == (b"1", ["k1"], {})


def test_a_search_of_as_many_rows_values_and_characters_as_are_kept_is_known() -> None:
    known = KnownReads(Mock(state=lambda: b"1"))
    largest = "SELECT", ("x" * TEXT_OF_A_SEARCH, *range(VALUES_OF_A_SEARCH - 1))
    rows = [(number, str(number)) for number in range(ROWS_OF_A_SEARCH)]

    known.know_located(largest, rows, b"1")

    assert known.now.located == {largest: rows}


# --- against a dictionary ---------------------------------------------------------------------------------------------

IDENTIFIERS = st.sampled_from(["k1", "k2", "k3"])
STATES = [State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED, State.COMPROMISED]


class Stores(RuleBasedStateMachine):
    """Two servers on one file beside a dictionary of states.

    dates: of the beginnings of objects, by which a store knows one that was made again from one that was put back.
    """

    stores: list[SqlStorage]
    dates: Iterator[int]

    @initialize()
    def begin(self) -> None:
        self.expected: dict[str, State] = {}
        for identifier in ("k1", "k2", "k3"):
            self.remove(0, identifier)

    @rule(which=st.integers(0, 1), identifier=IDENTIFIERS, state=st.sampled_from(STATES))
    def change(self, which: int, identifier: str, state: State) -> None:
        with self.stores[which].unit_of_work(Pace.QUICK) as work:
            before = work.find(identifier)
            assert (None if before is None else before.attributes.state) == self.expected.get(identifier)
            if before is None:
                work.add(a_key(identifier, state=state, initial_date=next(self.dates)), content())
            else:
                work.save(evolve(before, attributes=before.attributes.but(state=state)))
            work.commit()
        self.expected[identifier] = state

    @invariant()
    def check(self) -> None:
        for store in self.stores:
            check_known(store)

    @rule(which=st.integers(0, 1), identifier=IDENTIFIERS)
    def remove(self, which: int, identifier: str) -> None:
        with self.stores[which].unit_of_work(Pace.QUICK) as work:
            if work.find(identifier) is not None:
                work.remove(identifier)
                work.commit()
        self.expected.pop(identifier, None)

    @rule(which=st.integers(0, 1), identifiers=st.lists(IDENTIFIERS, min_size=1, max_size=3), often=st.integers(1, 4))
    def read(self, which: int, identifiers: list[str], often: int) -> None:
        for _ in range(often):
            found = find(self.stores[which], *identifiers)
            states = [None if one is None else one.attributes.state for one in found]
            assert states == [self.expected.get(identifier) for identifier in identifiers]

    @rule(which=st.integers(0, 1), identifier=IDENTIFIERS, other=IDENTIFIERS, state=st.sampled_from(STATES))
    def read_while_another_changes(self, which: int, identifier: str, other: str, state: State) -> None:
        before = dict(self.expected)
        with self.stores[which].unit_of_work(Pace.QUICK) as work:
            first = work.find(identifier)
            self.change(1 - which, other, state)
            try:
                second = work.find(other)
            except ConcurrentChange:
                second = None
            else:
                assert (None if second is None else second.attributes.state) == before.get(other)
        assert (None if first is None else first.attributes.state) == before.get(identifier)

    @rule(which=st.integers(0, 1))
    def read_by_two_at_once(self, which: int) -> None:
        store = self.stores[which]
        with store.unit_of_work(Pace.QUICK) as one, store.unit_of_work(Pace.QUICK) as other:
            for identifier in ("k1", "k2"):
                for work in (one, other):
                    found = work.find(identifier)
                    assert (None if found is None else found.attributes.state) == self.expected.get(identifier)


def test_stores_with_known_objects_agree_with_a_dictionary(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as here, closing(opened(tmp_path)) as elsewhere:
        machine = type("StoresHere", (Stores,), {"stores": [here, elsewhere], "dates": itertools.count(1)})

        run_state_machine_as_test(machine, settings=settings(max_examples=10, stateful_step_count=20, deadline=None))
