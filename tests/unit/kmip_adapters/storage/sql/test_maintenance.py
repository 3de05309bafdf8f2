"""Checking, sealing anew and copying a store that is in use."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.backup import backup
from kmip_adapters.storage.sql.dialects import SQLITE
from kmip_adapters.storage.sql.maintenance import Damage, dangling_links, reseal, rotate_data_key, verify
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, a_name, admitted, content
from kmip_core.enums import LinkType
from kmip_core.errors import KmipError
from kmip_core.ports.sealing import RootKeyUnavailable
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.structures import Link

pytestmark = pytest.mark.long


def open_store(path: Path, key_file: Path) -> SqlStorage:
    return SqlStorage(f"sqlite:///{path}", functools.partial(EnvelopeSealer, KeyFile(key_file)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    opened = open_store(tmp_path / "kmipd.db", tmp_path / "root.key")
    with opened.unit_of_work() as work:
        for number in range(1_200):
            work.add(a_key(f"k{number}", names=(a_name(f"name {number}"),)), content())
        work.add(evolve(a_key("without content"), has_content=False), None)
        work.commit()
    yield opened
    opened.close()


def tell(told: list[tuple[int, int]], done: int, in_all: int) -> None:
    told.append((done, in_all))


def nobody_asks(done: int, in_all: int) -> None:
    assert done <= in_all


def write(store: SqlStorage, statement: str, *values: object) -> None:
    store.submit(lambda cursor: cursor.execute(statement, values))


def data_keys(store: SqlStorage) -> list[int]:
    return [key.data_key_id for key in store.data_keys.load()]


def test_all_content_is_sealed_anew_and_once(store: SqlStorage) -> None:
    store.sealer.begin_data_key()
    told: list[tuple[int, int]] = []

    assert reseal(store, functools.partial(tell, told)) == 1_200
    assert told == [(500, 1_201), (1_000, 1_201), (1_201, 1_201)]
    assert reseal(store, nobody_asks) == 0
    assert verify(store, nobody_asks) == ()
    with store.unit_of_work() as work:
        found = work.find("k7")
        assert found is not None
        assert found.version == 1
        assert content() == work.content(admitted(found))


def test_a_rotation_leaves_one_data_key(store: SqlStorage) -> None:
    assert rotate_data_key(store, nobody_asks) == 1_200
    assert data_keys(store) == [2]
    assert rotate_data_key(store, nobody_asks) == 1_200
    assert data_keys(store) == [3]
    assert verify(store, nobody_asks) == ()


def test_an_interrupted_rotation_goes_on_where_it_was(store: SqlStorage) -> None:
    def interrupt(done: int, in_all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_data_key(store, interrupt)
    assert data_keys(store) == [1, 2]
    assert verify(store, nobody_asks) == ()
    assert rotate_data_key(store, nobody_asks) == 700
    assert data_keys(store) == [2]
    assert verify(store, nobody_asks) == ()


def test_a_server_beside_a_rotation_seals_under_the_new_key_at_once(store: SqlStorage, tmp_path: Path) -> None:
    server = open_store(tmp_path / "kmipd.db", tmp_path / "root.key")
    for name in ("early", "refused"):
        with server.unit_of_work() as work:
            work.add(a_key(name), content())
            if name == "early":  # from here on the server has uses of the old key in hand
                work.commit()
                rotate_data_key(store, nobody_asks)
                continue
            with pytest.raises(ConcurrentChange):  # the engine runs it again
                work.commit()
    with server.unit_of_work() as work:
        work.add(a_key("late"), content())
        work.commit()

    assert data_keys(store) == [2]
    assert verify(store, nobody_asks) == ()
    with server.unit_of_work() as work:
        found = work.find("late")
        assert found is not None
        assert content() == work.content(admitted(found))
    server.close()


@pytest.mark.parametrize("begun_after", [500, 1_000])
def test_of_two_rotations_at_once_the_later_takes_over(store: SqlStorage, tmp_path: Path, begun_after: int) -> None:
    other = open_store(tmp_path / "kmipd.db", tmp_path / "root.key")
    begun: list[int] = []

    def begin_another(done: int, in_all: int) -> None:
        if done == begun_after and not begun:
            begun.append(other.sealer.begin_data_key())

    rotate_data_key(store, begin_another)
    assert data_keys(store) == [1, 2, 3]  # the first leaves it to the second to forget the old ones
    assert verify(store, nobody_asks) == ()
    rotate_data_key(other, nobody_asks)
    assert data_keys(store) == [4]
    assert verify(store, nobody_asks) == ()
    other.close()


def test_retiring_needs_the_newest_key(store: SqlStorage) -> None:
    newest = store.sealer.begin_data_key()

    assert store.data_keys.retire(newest - 1) == 0
    assert data_keys(store) == [1, 2]


def test_a_healthy_store_has_no_damage(store: SqlStorage) -> None:
    assert verify(store, nobody_asks) == ()


def test_a_flipped_byte_a_swapped_row_and_another_owner_are_found(store: SqlStorage) -> None:
    statement = Prepared("SELECT sealed FROM managed_objects WHERE sequence = 2", SQLITE)
    sealed = bytearray(store.database.read(statement)[0][0])
    sealed[30] ^= 1
    write(store, "UPDATE managed_objects SET sealed = ? WHERE unique_identifier = 'k1'", bytes(sealed))
    write(store, "UPDATE managed_objects SET attributes = ? WHERE unique_identifier = 'k5'", b"[not json")
    write(
        store,
        "UPDATE managed_objects SET sealed = (SELECT sealed FROM managed_objects WHERE unique_identifier = 'k3') "
        "WHERE unique_identifier = 'k2'",
    )
    write(store, "UPDATE managed_objects SET owner = 'mallory' WHERE unique_identifier = 'k4'")

    broken = list(dict.fromkeys(damage.unique_identifier for damage in verify(store, nobody_asks)))

    # The index entries of an object that cannot be read belong to no object: the last finding.
    assert broken == ["k1", "k2", "k4", "k5", ""]
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        with pytest.raises(KmipError, match="cannot be opened"):
            work.content(admitted(found))
        for unique_identifier in broken[1:4]:
            with pytest.raises(KmipError, match="not as it was written"):
                work.find(unique_identifier)


def test_a_wrong_index_is_found(store: SqlStorage) -> None:
    write(store, "DELETE FROM attribute_values WHERE attribute = 3 AND sequence = 5")
    write(store, "INSERT INTO attribute_values VALUES (3, 1, 6), (3, 2, 6)")

    assert (
        Damage("k4", "the index lacks attribute 3"),
        Damage("", "the index has 1 entries of no object"),
    ) == verify(store, nobody_asks)


def test_columns_that_do_not_agree_with_the_record_are_found(store: SqlStorage) -> None:
    write(store, "UPDATE managed_objects SET cryptographic_length = 1, activation_date = 2 WHERE sequence = 5")

    damage, orphans = verify(store, nobody_asks)

    assert damage == Damage("k4", "the row is not as it was written: a column does not agree with the record")
    assert "entries of no object" in orphans.what
    with store.unit_of_work() as work, pytest.raises(KmipError, match="not as it was written"):
        work.find("k4")


def path_of(store: SqlStorage) -> Path:
    assert store.path is not None
    return store.path


def test_a_backup_is_whole_sealed_and_private(store: SqlStorage, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "backup.db"
    copy.parent.mkdir()

    backup(path_of(store), copy)

    assert [path.name for path in copy.parent.iterdir()] == ["backup.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RootKeyUnavailable):
        open_store(copy, tmp_path / "no.key")
    restored = open_store(copy, tmp_path / "root.key")
    assert verify(restored, nobody_asks) == ()
    restored.close()
    with pytest.raises(StorageUnusable, match="exists"):
        backup(path_of(store), copy)


def test_a_file_that_is_no_database_of_kmipd_is_not_backed_up(tmp_path: Path) -> None:
    for name, text in (("missing", None), ("diary", "dear diary, " * 100), ("empty", "")):
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        with pytest.raises(StorageUnusable, match=name):
            backup(path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_busy_store_has_no_damage(store: SqlStorage) -> None:
    def change(done: int, in_all: int) -> None:
        with store.unit_of_work() as work:
            for number in (1, 1_199):
                found = work.find(f"k{number}")
                assert found is not None
                work.save(evolve(found, attributes=evolve(found.attributes, names=(a_name(f"{done}"),))))
            work.commit()

    assert verify(store, change) == ()


def test_links_to_nothing_are_distinguished_from_damage(store: SqlStorage) -> None:
    links = tuple(
        Link(link_type=link_type, linked_object_identifier=target)
        for link_type, target in ((LinkType.PARENT_LINK, "k3"), (LinkType.CHILD_LINK, "nowhere"))
    )
    with store.unit_of_work() as work:
        work.add(a_key("linked", links=links), content())
        work.commit()

    assert list(dangling_links(store, nobody_asks)) == [("linked", "nowhere")]
    assert verify(store, nobody_asks) == ()
