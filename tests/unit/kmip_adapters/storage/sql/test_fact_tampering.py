"""Facts that decisions read are authenticated: the rules for new objects, and what each owner has."""

import base64
import functools
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.fact_seals import proven_fact
from kmip_adapters.storage.sql.holdings import PREFIX
from kmip_adapters.storage.sql.index_key import NAME as INDEX_KEY
from kmip_adapters.storage.sql.maintenance import verify
from kmip_adapters.storage.sql.rules import NAMES, OutdatedRules
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, content
from kmip_core.attributes import Attributes
from kmip_core.creation_rules import Constraint, ObjectDefaults, SystemChanges
from kmip_core.enums import ObjectType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.sealing import SealBroken

RULES = (ObjectDefaults(object_type=ObjectType.SYMMETRIC_KEY, attributes=Attributes(cryptographic_length=256)),)


def opened(folder: Path) -> SqlStorage:
    return SqlStorage(f"sqlite:///{folder}/kmipd.db", functools.partial(EnvelopeSealer, KeyFile(folder / "root.key")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    store = opened(tmp_path)
    with store.unit_of_work() as work:
        work.save_rules(ObjectDefaults, RULES)
        work.add(a_key("k1"), content())
        work.commit()
    yield store
    store.close()


def edit(path: Path, statement: str, *values: object) -> None:
    """Write into the database as another program would."""
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement, values).rowcount
    connection.close()


def fact(path: Path, name: str) -> str:
    connection = sqlite3.connect(path)
    value: str = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0]
    connection.close()
    return value


def path_of(store: SqlStorage) -> Path:
    assert store.path is not None
    return store.path


def are_refused(store: SqlStorage, kind: type) -> bool:
    with store.unit_of_work() as work:
        try:
            work.rules_of(kind)
        except KmipError as error:
            return error.reason is ResultReason.GENERAL_FAILURE
    return False


def test_rules_are_read_as_they_were_written(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        assert work.rules_of(ObjectDefaults) == RULES
        assert work.rules_for_new(ObjectDefaults) == RULES
        assert work.rules_of(Constraint) == ()
    assert verify(store, lambda done, in_all: None) == ()


@pytest.mark.parametrize("kind", NAMES, ids=NAMES.values())
def test_changed_and_deleted_rules_are_refused_and_named(
    store: SqlStorage, kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    before = fact(path_of(store), NAMES[kind])

    edit(path_of(store), "UPDATE facts SET value = ? WHERE name = ?", before[:-1] + " ]", NAMES[kind])
    assert are_refused(store, kind)
    edit(path_of(store), "UPDATE facts SET value = '[]' WHERE name = ?", NAMES[kind])
    assert are_refused(store, kind)
    edit(path_of(store), "DELETE FROM facts WHERE name = ?", NAMES[kind])
    assert are_refused(store, kind)

    assert store.refused_rows == 3
    assert "an administrator can set them anew" in caplog.text
    assert [NAMES[kind] in damage.what for damage in verify(store, lambda done, in_all: None)] == [True]


def test_rules_of_one_kind_do_not_pass_for_another(store: SqlStorage) -> None:
    of_constraints = fact(path_of(store), NAMES[Constraint])

    edit(path_of(store), "UPDATE facts SET value = ? WHERE name = ?", of_constraints, NAMES[ObjectDefaults])

    assert are_refused(store, ObjectDefaults)


def add_by_rules(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        work.rules_for_new(ObjectDefaults)
        work.add(a_key("k2"), content())
        work.commit()


def test_no_object_is_made_by_changed_rules(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        assert work.rules_for_new(ObjectDefaults) == RULES
    edit(path_of(store), "UPDATE facts SET value = '[]' WHERE name = ?", NAMES[ObjectDefaults])

    with pytest.raises(OutdatedRules):
        add_by_rules(store)  # learns that what it was checked against does not hold
    with pytest.raises(KmipError) as refused:
        add_by_rules(store)

    assert refused.value.reason is ResultReason.GENERAL_FAILURE


def test_setting_the_rules_anew_mends_them(store: SqlStorage) -> None:
    edit(path_of(store), "DELETE FROM facts WHERE name = ?", NAMES[ObjectDefaults])

    with store.unit_of_work() as work:
        work.save_rules(ObjectDefaults, ())
        work.commit()

    with store.unit_of_work() as work:
        assert work.rules_of(ObjectDefaults) == ()


@pytest.mark.parametrize("value", ["0 0", f"{'0' * 64}:0 0", "é" * 70, ""])
def test_the_objects_of_an_owner_are_counted_anew_where_their_number_was_changed(
    store: SqlStorage, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    owner = a_key("k1").owner
    edit(path_of(store), "UPDATE facts SET value = ? WHERE name = ?", value, PREFIX + owner)

    holdings, key = store.database.statements.holdings, store.open_index_key()
    with caplog.at_level(logging.ERROR):
        noted = store.submit(functools.partial(holdings.read, owner=owner, key=key))

    assert noted == store.submit(functools.partial(holdings.counted, owner=owner))
    assert f"what {owner} has is counted anew" in caplog.text


def test_a_number_that_was_changed_after_it_was_written_here_is_counted_anew(store: SqlStorage) -> None:
    owner, path = a_key("k1").owner, path_of(store)
    for number in range(2):
        with store.unit_of_work() as work:
            work.add(a_key(f"before {number}"), content())
            work.commit()
    forged = fact(path, PREFIX + owner).partition(":")[0] + ":99 99"
    edit(path, "UPDATE facts SET value = ? WHERE name = ?", forged, PREFIX + owner)

    with store.unit_of_work() as work:
        work.add(a_key("after"), content())
        work.commit()

    holdings, key = store.database.statements.holdings, store.open_index_key()
    noted = store.submit(functools.partial(holdings.read, owner=owner, key=key))
    assert noted == store.submit(functools.partial(holdings.counted, owner=owner))
    assert noted.objects == 4
    assert proven_fact(key, PREFIX + owner, fact(path, PREFIX + owner)) == f"{noted.objects} {noted.stored_bytes}"


def test_the_count_of_another_owner_is_not_accepted(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        for number in range(3):
            work.add(a_key(f"m{number}", owner="mallory"), content())
        work.commit()
    owner = a_key("k1").owner
    edit(
        path_of(store),
        "UPDATE facts SET value = ? WHERE name = ?",
        fact(path_of(store), PREFIX + owner),
        PREFIX + "mallory",
    )

    holdings, key = store.database.statements.holdings, store.open_index_key()

    assert store.submit(functools.partial(holdings.read, owner="mallory", key=key)).objects == 3


def test_rules_from_before_they_were_authenticated_are_taken_once(store: SqlStorage, tmp_path: Path) -> None:
    """The key of an index that proves no facts yet has nothing behind it."""
    key, path = store.open_index_key(), path_of(store)
    older = base64.b64encode(store.sealer.seal(key, b"kmipd index key")).decode()
    rules = fact(path, NAMES[ObjectDefaults]).partition(":")[2]
    store.close()
    edit(path, "UPDATE facts SET value = ? WHERE name = ?", older, INDEX_KEY)
    edit(path, "UPDATE facts SET value = ? WHERE name = ?", rules, NAMES[ObjectDefaults])
    edit(path, "DELETE FROM facts WHERE name = ?", NAMES[SystemChanges])

    again = opened(tmp_path)
    try:
        with again.unit_of_work() as work:
            assert work.rules_of(ObjectDefaults) == RULES
            assert work.rules_of(SystemChanges) == ()
        assert again.open_index_key() == key
        edit(path, "UPDATE facts SET value = ? WHERE name = ?", rules, NAMES[ObjectDefaults])
        assert are_refused(again, ObjectDefaults)
    finally:
        again.close()


def test_a_deleted_index_key_is_not_made_anew_where_there_are_objects(store: SqlStorage, tmp_path: Path) -> None:
    """Else its deletion would have changed rules taken for those of an older release."""
    path = path_of(store)
    store.close()
    edit(path, "DELETE FROM facts WHERE name = ?", INDEX_KEY)

    with pytest.raises(SealBroken, match="the index key is missing"):
        opened(tmp_path)
