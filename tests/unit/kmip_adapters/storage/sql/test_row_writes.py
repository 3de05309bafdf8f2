"""What the writer gets for an object that is new, changed or removed."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.quotas import Holdings
from kmip_adapters.storage.records import associated_data, decode_content
from kmip_adapters.storage.sql import row_writes
from kmip_adapters.storage.sql.attribute_index import HidingIndexKey
from kmip_adapters.storage.sql.rows import RowWrite, StoredObject, as_read
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.enums import CryptographicAlgorithm, ResultReason, State
from kmip_core.errors import KmipError
from kmip_core.objects import Content, ManagedObject, SymmetricKey
from kmip_core.ports.sealing import StoreSealer
from tests.builders import a_symmetric_key

KEYS = pytest.mark.parametrize("index_key", [bytes(32), HidingIndexKey(bytes(32))], ids=["plain", "hiding"])


@pytest.fixture(scope="module")
def sealer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSealer]:
    """A sealer whose data keys are in a store."""
    folder = tmp_path_factory.mktemp("store")
    with closing(
        SqlStorage(f"sqlite:///{folder}/kmipd.db", partial(EnvelopeSealer, KeyFile(folder / "root.key")))
    ) as store:
        yield store.sealer


def stored(write: RowWrite) -> StoredObject:
    written = write.written()
    assert written is not None
    return as_read(written)


def activated(managed_object: ManagedObject) -> ManagedObject:
    return managed_object.changed(managed_object.attributes.but(state=State.ACTIVE))


@KEYS
def test_what_an_owner_has_comes_back_to_nothing(sealer: StoreSealer, index_key: bytes) -> None:
    """Whatever was made of the object meanwhile."""
    key, content = a_symmetric_key()
    new = row_writes.insertion(key, content, index_key, sealer)
    before = stored(new)
    found = before.managed_object
    change = row_writes.change(found, activated(found), None, before, index_key, sealer)
    after = stored(change)
    removal = row_writes.removal(after.managed_object, after, index_key)

    assert new.growth == Holdings(1, before.size)
    assert change.growth == Holdings(0, after.size - before.size)
    assert removal.growth == Holdings(-1, -after.size)
    assert (new.owner, change.owner, removal.owner) == ("alice",) * 3


@KEYS
def test_a_change_takes_exactly_those_entries_out_that_were_put_in(sealer: StoreSealer, index_key: bytes) -> None:
    key, content = a_symmetric_key()
    new = row_writes.insertion(key, content, index_key, sealer)
    before = stored(new)
    found = before.managed_object
    named = found.changed(found.attributes.but(comment="named"))
    change = row_writes.change(found, named, None, before, index_key, sealer)
    removal = row_writes.removal(stored(change).managed_object, stored(change), index_key)

    assert change.indexed > set()
    assert set(removal.unindexed) == (set(new.indexed) - set(change.unindexed)) | set(change.indexed)
    assert (set(new.unindexed), set(removal.indexed)) == (set(), set())


@KEYS
def test_each_write_expects_the_version_that_was_read(sealer: StoreSealer, index_key: bytes) -> None:
    key, content = a_symmetric_key()
    new = row_writes.insertion(key, content, index_key, sealer)
    found = stored(new).managed_object
    change = row_writes.change(found, activated(found), None, stored(new), index_key, sealer)
    after = stored(change).managed_object
    removal = row_writes.removal(after, stored(change), index_key)

    assert (new.expected_version, new.is_new) == (None, True)
    assert (change.expected_version, change.is_new) == (found.version, False)
    assert after.version == found.version + 1
    assert (removal.expected_version, removal.columns) == (after.version, None)


def opened(sealer: StoreSealer, write: RowWrite, managed_object: ManagedObject) -> Content | None:
    sealed = stored(write).sealed
    return None if sealed is None else decode_content(sealer.unseal(sealed, associated_data(managed_object)))


def test_content_is_left_replaced_or_erased(sealer: StoreSealer) -> None:
    key, content = a_symmetric_key()
    other = SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(15) + b"\x01")
    new = row_writes.insertion(key, content, bytes(32), sealer)
    before = stored(new)
    found = before.managed_object
    left = row_writes.change(found, activated(found), None, before, bytes(32), sealer)
    replaced = row_writes.change(found, activated(found), other, before, bytes(32), sealer)
    gone = found.changed(found.attributes.but(state=State.DESTROYED), has_content=False)
    erased = row_writes.change(found, gone, None, before, bytes(32), sealer)

    assert opened(sealer, new, key) == content
    assert (left.replaces_content, stored(left).sealed) == (False, before.sealed)
    assert (replaced.replaces_content, opened(sealer, replaced, key)) == (True, other)
    assert stored(replaced).sealed != before.sealed  # sealed anew
    assert (erased.replaces_content, erased.erases, stored(erased).sealed) == (True, True, None)
    assert erased.growth == Holdings(0, stored(erased).size - before.size)


def test_a_change_of_the_state_is_marked_and_no_other(sealer: StoreSealer) -> None:
    key, content = a_symmetric_key()
    before = stored(row_writes.insertion(key, content, bytes(32), sealer))
    found = before.managed_object
    commented = found.changed(found.attributes.but(comment="c"))

    assert row_writes.change(found, activated(found), None, before, bytes(32), sealer).changes_state
    assert not row_writes.change(found, commented, None, before, bytes(32), sealer).changes_state


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("a unique identifier", "unique_identifier"),
        ("the name of a client", "owner"),
        ("the name of an operation policy", "operation_policy_name"),
    ],
)
def test_texts_that_an_index_does_not_take_are_refused_by_their_bytes(title: str, field: str) -> None:
    def with_text(text: str) -> ManagedObject:
        key, _ = a_symmetric_key()
        if field == "operation_policy_name":
            return evolve(key, attributes=key.attributes.but(operation_policy_name=text))
        fields: dict[str, Any] = {field: text}
        return evolve(key, **fields)

    row_writes.check_keys(with_text("ä" * 10), 20)
    with pytest.raises(KmipError, match=f"^{title} has 20 bytes at most$") as refused:
        row_writes.check_keys(with_text("ä" * 10 + "x"), 20)
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_an_object_without_a_policy_has_no_text_to_refuse() -> None:
    key, _ = a_symmetric_key()

    row_writes.check_keys(evolve(key, attributes=key.attributes.but(operation_policy_name=None)), 20)
