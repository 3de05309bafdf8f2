"""Objects as rows."""

from collections.abc import Iterator
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.dialects import SQLITE
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.rows import MAXIMUM_ATTRIBUTES, changing_columns
from kmip_adapters.storage.sql.searched_columns import NO_RARE_COLUMNS
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core.enums import CertificateType, OpaqueDataType, ProtectionLevel, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Content, ManagedObject
from tests.builders import a_custom, a_symmetric_key


def test_the_attributes_of_an_object_are_bounded_together() -> None:
    key, _ = a_symmetric_key()
    piece = "x" * 65_536
    many = tuple(a_custom(f"ID {number}", piece) for number in range(MAXIMUM_ATTRIBUTES // len(piece)))

    changing_columns(evolve(key, attributes=evolve(key.attributes, custom_attributes=many[:-1])), hides_all=False)
    with pytest.raises(KmipError) as refused:
        changing_columns(evolve(key, attributes=evolve(key.attributes, custom_attributes=many)), hides_all=False)
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


ENUMERATIONS: Final[dict[str, type[IntEnum]]] = {
    "certificate_type": CertificateType,
    "opaque_data_type": OpaqueDataType,
    "protection_level": ProtectionLevel,
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    opened = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    yield opened
    opened.close()


def with_a_rare_column(store: SqlStorage) -> tuple[ManagedObject, Content]:
    """Return a key of the store, and its content."""
    key, content = a_symmetric_key()
    with store.unit_of_work() as work:
        work.add(evolve(key, attributes=key.attributes.but(protect_stop_date=5)), content)
        work.commit()
    return key, content


@pytest.mark.parametrize("name", NO_RARE_COLUMNS)
def test_a_rare_column_is_written_with_others_that_have_none(name: str, store: SqlStorage) -> None:
    usual, content = a_symmetric_key()
    value: Any = next(iter(ENUMERATIONS[name])) if name in ENUMERATIONS else True
    attributes = usual.attributes.but(unique_identifier="rare", **{name: value})
    rare = evolve(usual, unique_identifier="rare", attributes=attributes)
    with store.unit_of_work() as work:
        work.add(rare, content)
        work.add(usual, content)
        work.commit()

    rows = store.database.read(Prepared(f"SELECT {name}, unique_identifier FROM managed_objects", SQLITE))

    assert sorted(rows, key=str) == sorted([(int(value), "rare"), (None, usual.unique_identifier)], key=str)


def test_a_rare_column_is_emptied_by_a_change(store: SqlStorage) -> None:
    key, _ = with_a_rare_column(store)
    with store.unit_of_work() as work:
        found = work.find(key.unique_identifier)
        assert found is not None
        work.save(evolve(found, attributes=found.attributes.but(protect_stop_date=None)))
        work.commit()

    assert store.database.read(Prepared("SELECT protect_stop_date FROM managed_objects", SQLITE)) == [(None,)]
    with store.unit_of_work() as work:
        assert work.find(key.unique_identifier).attributes.protect_stop_date is None


def test_a_rare_column_stays_where_a_change_leaves_it(store: SqlStorage) -> None:
    key, content = with_a_rare_column(store)
    for new_content in (None, content):
        with store.unit_of_work() as work:
            found = work.find(key.unique_identifier)
            assert found is not None
            work.save(evolve(found, attributes=found.attributes.but(lease_time=7)), new_content)
            work.commit()
        statement = Prepared("SELECT protect_stop_date, lease_time FROM managed_objects", SQLITE)
        assert store.database.read(statement) == [(5, 7)]

    with store.unit_of_work() as work:
        again = work.find(key.unique_identifier)
        assert again is not None
        assert (again.attributes.protect_stop_date, again.attributes.lease_time, again.version) == (5, 7, 3)
