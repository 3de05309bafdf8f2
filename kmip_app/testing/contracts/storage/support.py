"""What the tests of stores share: how one is opened, and what is done with it in a line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_app.testing.contracts.samples import (
    KEY,
    NOW,
    content,
)
from kmip_core.classes import frozen
from kmip_core.criteria import LocateQuery
from kmip_core.objects import ManagedObject
from kmip_core.ports.audit import AuditRecord

Store = Any
"""A Storage that is an Outbox as well."""


@frozen
class Opener:
    """Opens one kind of store, again and again on the same data if it is durable."""

    make: Callable[[Path], Store]
    directory: Path

    def __call__(self) -> Store:
        return self.make(self.directory)


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    opened = opener()
    yield opened
    opened.close()


def put(store: Store, *objects: ManagedObject, key: bytes = KEY) -> None:
    with store.unit_of_work() as work:
        for managed_object in objects:
            work.add(managed_object, content(key) if managed_object.has_content else None)
        work.commit()


def found(store: Store, unique_identifier: str) -> ManagedObject | None:
    with store.unit_of_work() as work:
        return work.find(unique_identifier)


def present(store: Store, unique_identifier: str) -> ManagedObject:
    managed_object = found(store, unique_identifier)
    assert managed_object is not None
    return managed_object


def located(store: Store, wanted: LocateQuery) -> tuple[str, ...]:
    with store.unit_of_work() as work:
        return work.locate(wanted).unique_identifiers


def an_audit_record(number: int) -> AuditRecord:
    return AuditRecord(record_id=f"record-{number}", time=NOW, principal="alice", event="Create")


def durable(opener: Opener) -> Store:
    opened = opener()
    if not opened.is_durable:
        opened.close()
        pytest.skip("this store says that it forgets")
    return opened
