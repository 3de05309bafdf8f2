"""A database that somebody has written into is not believed: every changed row is refused at its next read."""

import functools
import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.maintenance import rotate_data_key, verify
from kmip_adapters.storage.sql.schema import managed_objects
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import NOW, a_key, a_name, content, criterion, query
from kmip_core.enums import HashingAlgorithm, KeyFormatType, Operation, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.operations import get_attributes
from kmip_core.structures import Digest
from tests.builders import ALICE, an_engine, ask, records_of, the_only

pytestmark = pytest.mark.long

PASSWORD = b"correct horse battery staple"
DIGEST = Digest(
    hashing_algorithm=HashingAlgorithm.SHA_256,
    digest_value=hashlib.sha256(PASSWORD).digest(),
    key_format_type=KeyFormatType.RAW,
)
COLUMNS = [column.name for column in managed_objects.columns if column.name not in ("sequence", "unique_identifier")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    opened = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    with opened.unit_of_work() as work:
        for name in ("k1", "k2"):
            work.add(a_key(name, names=(a_name(name),), digests=(DIGEST,), state=State.ACTIVE), content())
        work.commit()
    yield opened
    opened.close()


def edit(store: SqlStorage, statement: str, *values: object) -> None:
    """Write into the database as another program would."""
    assert store.path is not None
    connection = sqlite3.connect(store.path)
    with connection:
        assert connection.execute(statement, values).rowcount
    connection.close()


def row_of(store: SqlStorage, identifier: str) -> tuple[Any, ...]:
    assert store.path is not None
    connection = sqlite3.connect(store.path)
    row: tuple[Any, ...] = connection.execute(
        "SELECT * FROM managed_objects WHERE unique_identifier = ?", (identifier,)
    ).fetchone()
    connection.close()
    return row


def is_refused(store: SqlStorage, identifier: str) -> bool:
    with store.unit_of_work() as work:
        try:
            work.find(identifier)
        except KmipError as error:
            return error.reason is ResultReason.GENERAL_FAILURE
    return False


def damaged(store: SqlStorage) -> list[str]:
    return [damage.unique_identifier for damage in verify(store, lambda done, in_all: None)]


def other_than(value: object) -> object:
    match value:
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case str():
            return value + "x"
        case None:
            return 1
        case int():
            return value ^ 1
    raise TypeError(value)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_change_of_any_column_is_refused_and_named(store: SqlStorage, column: str) -> None:
    place = [each.name for each in managed_objects.columns].index(column)
    value = other_than(row_of(store, "k1")[place])

    edit(store, f"UPDATE managed_objects SET {column} = ? WHERE unique_identifier = 'k1'", value)

    assert is_refused(store, "k1")
    assert not is_refused(store, "k2")
    assert "k1" in damaged(store)


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in ("owner", "archived")])
def test_a_value_of_another_row_is_refused(store: SqlStorage, column: str) -> None:
    before = row_of(store, "k1")
    edit(
        store,
        f"UPDATE managed_objects SET {column} = (SELECT {column} FROM managed_objects WHERE unique_identifier = 'k2') "
        "WHERE unique_identifier = 'k1'",
    )

    assert is_refused(store, "k1") == (row_of(store, "k1") != before)


def test_a_row_under_another_identifier_is_refused(store: SqlStorage) -> None:
    edit(store, "DELETE FROM managed_objects WHERE unique_identifier = 'k1'")
    edit(store, "UPDATE managed_objects SET unique_identifier = 'k1' WHERE unique_identifier = 'k2'")

    assert is_refused(store, "k1")


def test_an_older_state_put_into_the_row_is_refused(store: SqlStorage) -> None:
    columns = [column.name for column in managed_objects.columns]
    before = dict(zip(columns, row_of(store, "k1"), strict=True))
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, state=State.COMPROMISED)))
        work.commit()

    for name in ("attributes", "state", "record_seal"):
        edit(store, f"UPDATE managed_objects SET {name} = ? WHERE unique_identifier = 'k1'", before[name])

    assert is_refused(store, "k1")


def test_a_row_that_was_put_back_whole_is_refused_while_the_server_runs(store: SqlStorage) -> None:
    columns = [column.name for column in managed_objects.columns]
    before = row_of(store, "k1")
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, state=State.COMPROMISED)))
        work.commit()

    edit(store, "DELETE FROM managed_objects WHERE unique_identifier = 'k1'")
    edit(store, f"INSERT INTO managed_objects VALUES ({', '.join('?' * len(columns))})", *before)

    assert is_refused(store, "k1")
    assert not is_refused(store, "k2")


def test_an_object_that_was_made_again_is_not_taken_for_one_that_was_put_back(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, state=State.DEACTIVATED)))
        work.commit()
    edit(store, "DELETE FROM attribute_values WHERE sequence = 1")
    edit(store, "DELETE FROM managed_objects WHERE unique_identifier = 'k1'")
    with store.unit_of_work() as work:
        work.add(a_key("k1", initial_date=NOW + 5), content())
        work.commit()

    assert not is_refused(store, "k1")


def test_an_old_snapshot_is_not_taken_for_a_row_that_was_put_back(store: SqlStorage) -> None:
    with store.unit_of_work() as early:
        early.find("k2")
        with store.unit_of_work() as work:
            found = work.find("k1")
            assert found is not None
            work.save(evolve(found, attributes=evolve(found.attributes, state=State.DEACTIVATED)))
            work.commit()

        seen = early.find("k1")
        assert seen is not None
        assert seen.version == 1


def test_an_object_that_others_go_on_changing_is_not_taken_for_one_that_was_put_back(
    store: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        with store.unit_of_work() as work:
            found = work.find("k1")
            assert found is not None
            work.save(evolve(found, attributes=evolve(found.attributes, contact_information=f"after {found.version}")))
            work.commit()

    read = store.database.read

    def read_while_another_changes(*arguments: Any, **values: Any) -> Any:
        rows = read(*arguments, **values)
        monkeypatch.setattr(store.database, "read", read)
        change()
        return rows

    with store.unit_of_work() as early:
        early.find("k2")
        change()
        monkeypatch.setattr(store.database, "read", read_while_another_changes)

        seen = early.find("k1")
        assert seen is not None
        assert seen.version == 1
    assert store.refused_rows == 0


def test_a_refusal_is_in_the_log_and_in_the_audit_trail(store: SqlStorage, caplog: pytest.LogCaptureFixture) -> None:
    engine = an_engine(storage=store)
    with store.unit_of_work() as work:
        work.add(evolve(a_key("mine"), owner=ALICE.name), content())
        work.commit()
    request = get_attributes.Request(unique_identifier="mine")
    assert the_only(ask(engine, (Operation.GET_ATTRIBUTES, request))).result_reason is None

    edit(store, "UPDATE managed_objects SET owner = 'mallory' WHERE unique_identifier = 'mine'")
    answer = the_only(ask(engine, (Operation.GET_ATTRIBUTES, request)))

    assert answer.result_reason is ResultReason.GENERAL_FAILURE
    assert "the row of mine is not as it was written" in caplog.text
    assert store.refused_rows == 1
    (record,) = [each for each in records_of(engine) if each.result is ResultReason.GENERAL_FAILURE]
    assert record.message == "the stored object is not as it was written"


def test_a_password_cannot_be_found_by_its_digest_in_the_files(store: SqlStorage, tmp_path: Path) -> None:
    store.close()
    files = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()) if path.name.startswith("kmipd.db"))

    digest = DIGEST.digest_value or b""
    assert len(digest) == 32
    for form in (digest, digest.hex().encode(), _base64(digest)):
        assert form not in files
    entry = hashlib.blake2b(_canonical(DIGEST), digest_size=8).digest()
    connection = sqlite3.connect(tmp_path / "kmipd.db")
    entries = connection.execute("SELECT value FROM attribute_values WHERE attribute = 19").fetchall()
    connection.close()
    assert len(entries) == 2
    assert (int.from_bytes(entry, signed=True),) not in entries


def test_digests_are_answered_and_searched_for_as_before(store: SqlStorage) -> None:
    rotate_data_key(store, lambda done, in_all: None)

    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        assert found.attributes.digests == (DIGEST,)
        wanted = query(criterion("digests", DIGEST))
        assert sorted(work.locate(wanted).unique_identifiers) == ["k1", "k2"]
        assert work.locate(query(criterion("digests", evolve(DIGEST, digest_value=b"x")))).unique_identifiers == ()
    assert damaged(store) == []


def test_sealing_anew_beside_a_change_of_a_client_breaks_no_record(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, last_change_date=NOW + 1)))
        rotate_data_key(store, lambda done, in_all: None)
        with pytest.raises(Exception, match=r"k1|^$"):  # it is run again by the engine
            work.commit()

    assert damaged(store) == []


def _base64(value: bytes) -> bytes:
    from binascii import b2a_base64

    return b2a_base64(value, newline=False)


def _canonical(value: object) -> bytes:
    from kmip_adapters.storage.records import canonical_value

    return canonical_value(value)


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
