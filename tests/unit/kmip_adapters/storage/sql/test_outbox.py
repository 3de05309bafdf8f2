"""Acknowledged audit records leave the database: many with one commit, old ones and those of a stop with the next."""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql import storage
from kmip_adapters.storage.sql.storage import FORGOTTEN_AT_ONCE, SqlStorage
from kmip_app.testing.contracts.storage.support import an_audit_record


def opened(folder: Path) -> SqlStorage:
    return SqlStorage(f"sqlite:///{folder}/kmipd.db", partial(EnvelopeSealer, KeyFile(folder / "root.key")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    store = opened(tmp_path)
    yield store
    store.close()


def record(store: SqlStorage, number: int) -> None:
    """Commit a record and acknowledge it."""
    one = an_audit_record(number)
    with store.unit_of_work() as work:
        work.record(one)
        work.commit()
    store.acknowledge(one.record_id)


def kept(store: SqlStorage) -> int:
    return len(store.database.read(store.database.statements.pending_records))


def test_acknowledged_records_are_deleted_together(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FORGET_WITHIN", math.inf)
    for number in range(FORGOTTEN_AT_ONCE):
        record(store, number)
    assert kept(store) == FORGOTTEN_AT_ONCE

    record(store, FORGOTTEN_AT_ONCE)

    assert kept(store) == 1


def test_an_old_acknowledged_record_is_deleted_by_the_next_commit(
    store: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "FORGET_WITHIN", 0.0)
    record(store, 1)
    record(store, 2)

    assert kept(store) == 1


def test_acknowledged_records_are_deleted_by_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FORGET_WITHIN", math.inf)
    store = opened(tmp_path)
    record(store, 1)
    store.close()

    again = opened(tmp_path)
    assert kept(again) == 0
    again.close()


def test_a_record_that_was_not_acknowledged_stays(store: SqlStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FORGET_WITHIN", 0.0)
    waiting = an_audit_record(1)
    with store.unit_of_work() as work:
        work.record(waiting)
        work.commit()
    record(store, 2)
    record(store, 3)

    assert store.pending_records() == (waiting,)
