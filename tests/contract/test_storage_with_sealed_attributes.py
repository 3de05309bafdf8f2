"""A store that seals all attributes keeps every promise, and shows a reader of the database none of them."""

import functools
import sqlite3
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.sql.maintenance import rotate_data_key, verify
from kmip_adapters.storage.sql.ownership import change_owner
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, a_name, criterion, query
from kmip_app.testing.contracts.storage import *  # noqa: F403  the promises, with the `opener` of this module
from kmip_app.testing.contracts.storage.support import Opener, Store, located, put
from kmip_core.enums import State
from kmip_core.objects import ManagedObject
from kmip_core.structures import ApplicationSpecificInformation

NAME = "payroll of the subsidiary"
APPLICATION = ApplicationSpecificInformation(application_namespace="namespace", application_data="data of theirs")


def open_store(directory: Path, *, seals_attributes: bool = True) -> SqlStorage:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(directory / "root.key"))
    return SqlStorage(f"sqlite:///{directory}/kmipd.db", make_sealer, seals_attributes=seals_attributes)


def open_sealed(directory: Path) -> Store:
    return open_store(directory)


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    return Opener(open_sealed, tmp_path)


def a_named_key(identifier: str = "k1") -> ManagedObject:
    return a_key(
        identifier, names=(a_name(NAME),), comment="what it is for", application_specific_information=(APPLICATION,)
    )


def files_of(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.glob("kmipd.db*"))


def test_nothing_of_an_attribute_is_in_the_files(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, a_named_key())
    store.close()

    found = files_of(tmp_path)
    for text in (NAME, "what it is for", "namespace", "data of theirs"):
        assert text.encode() not in found


def test_the_index_has_digests_that_only_the_key_makes(tmp_path: Path) -> None:
    """Two stores with one object have no entry for its name in common."""
    entries = []
    for number in "12":
        (tmp_path / number).mkdir()
        store = open_store(tmp_path / number)
        put(store, a_named_key())
        store.close()
        connection = sqlite3.connect(tmp_path / number / "kmipd.db")
        rows = connection.execute("SELECT attribute, value FROM attribute_values WHERE attribute IN (3, 38)")
        entries.append(set(rows))
        connection.close()

    assert len(entries[0]) == len(entries[1]) == 3
    assert entries[0] & entries[1] == set()


def test_objects_are_found_by_what_is_sealed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, a_named_key("k1"), a_key("k2", names=(a_name("another"),)))

    assert located(store, query(criterion("names", a_name(NAME)))) == ("k1",)
    bare = evolve(APPLICATION, application_data=None)
    assert located(store, query(criterion("application_specific_information", bare))) == ("k1",)
    assert verify(store, lambda done, in_all: None) == ()
    store.close()


def test_maintenance_leaves_them_sealed_and_readable(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, a_named_key())
    rotate_data_key(store, lambda done, in_all: None)
    assert change_owner(store, lambda one: True, "bob") == (["k1"], [])
    with store.unit_of_work() as work:
        found = work.find("k1")
        assert found is not None
        work.save(evolve(found, attributes=evolve(found.attributes, state=State.ACTIVE)))
        work.commit()
    store.close()

    again = open_store(tmp_path, seals_attributes=False)  # a database keeps what it was made with
    with again.unit_of_work() as work:
        found = work.find("k1")
    assert found is not None
    assert (found.attributes.names[0].name_value, found.attributes.state) == (NAME, State.ACTIVE)
    put(again, a_named_key("k2"))
    again.close()
    assert NAME.encode() not in files_of(tmp_path)


def test_a_row_whose_attributes_are_taken_out_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put(store, a_named_key())
    connection = sqlite3.connect(tmp_path / "kmipd.db")
    with connection:
        connection.execute("UPDATE managed_objects SET attributes = '{}'")
    connection.close()

    assert [damage.unique_identifier for damage in verify(store, lambda done, in_all: None)] == ["k1", ""]
    store.close()


def test_a_database_that_was_made_without_is_not_taken_for_one_with(tmp_path: Path) -> None:
    open_store(tmp_path, seals_attributes=False).close()

    with pytest.raises(StorageUnusable, match="made without seal_attributes"):
        open_store(tmp_path)
