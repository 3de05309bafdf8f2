"""What the database says without proof: other programs gain delays or work done twice by changing it, and no more."""

import functools
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.reading import Filter, records
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.records import encode_audit_record
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import NOW, a_key, content
from kmip_app.testing.contracts.storage.support import an_audit_record
from kmip_app.testing.contracts.submissions import a_submission
from kmip_core.ports.audit import LATEST
from kmip_core.ports.leases import CLOCKS_APART


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    url = f"sqlite:///{tmp_path}/kmipd.db"
    store = SqlStorage(url, functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    yield store
    store.close()


def edit(store: SqlStorage, statement: str, *values: object) -> None:
    """Write into the database as another program would."""
    assert store.path is not None
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert connection.execute(statement, values).rowcount


@pytest.mark.parametrize("until", [NOW + 60 + CLOCKS_APART + 1, (1 << 63) - 1, -(1 << 63)])
def test_a_lease_that_no_node_can_have_written_keeps_none_away(store: SqlStorage, until: int) -> None:
    store.lease("work", "one", NOW, 60)
    edit(store, "UPDATE leases SET until = ?", until)

    assert store.lease("work", "two", NOW, 60)


def test_a_lease_of_a_node_whose_clock_is_ahead_holds(store: SqlStorage) -> None:
    store.lease("work", "one", NOW + CLOCKS_APART, 60)

    assert not store.lease("work", "two", NOW, 60)


@pytest.mark.parametrize("until", [NOW + 86_400, (1 << 63) - 1, -(1 << 63)])
def test_a_claim_that_no_node_can_have_written_keeps_none_away(store: SqlStorage, until: int) -> None:
    with store.unit_of_work() as work:
        work.save_submission(a_submission(b"1"))
        work.commit()
    edit(store, "UPDATE submissions SET claimant = 'somebody', claimed_until = ?", until)

    assert len(store.claim("one", NOW, NOW + 15, 9)) == 1


@pytest.mark.parametrize("value", ["", "never", "-1", "9" * 5_000, "١٢"])
def test_a_time_that_is_none_is_as_if_nothing_had_been_announced(store: SqlStorage, value: str) -> None:
    store.note_announced(NOW)
    edit(store, "UPDATE facts SET value = ? WHERE name = 'announced_until'", value)

    assert store.announced_until() in {None, 12}


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"record_id": []}', b"\xff" * 9])
def test_an_audit_record_that_is_none_is_left_out_with_a_line(
    store: SqlStorage, caplog: pytest.LogCaptureFixture, record: bytes
) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.record(an_audit_record(1))
        work.record(an_audit_record(2))
        work.commit()
    first, second = store.pending_records()
    edit(store, "UPDATE outbox SET record = ? WHERE record_id = ?", record, first.record_id)

    assert store.pending_records() == (second,)
    assert [line.levelno for line in caplog.records] == [logging.ERROR]


def test_an_audit_record_under_another_identifier_is_left_out(store: SqlStorage) -> None:
    with store.unit_of_work() as work:
        work.record(an_audit_record(1))
        work.add(a_key("k1"), content())
        work.commit()
    edit(store, "UPDATE outbox SET record_id = 'another'")

    assert store.pending_records() == ()


@pytest.mark.parametrize("time", [-1, LATEST + 1, 1 << 63, -(10**30), 10**30], ids=str)
def test_an_audit_record_of_a_time_that_no_clock_has_is_left_out_with_a_line(
    store: SqlStorage, caplog: pytest.LogCaptureFixture, time: int
) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.record(an_audit_record(1))
        work.commit()
    forged = evolve(an_audit_record(1), time=time)
    edit(store, "UPDATE outbox SET record = ?", encode_audit_record(forged))

    assert store.pending_records() == ()
    assert [line.levelno for line in caplog.records] == [logging.ERROR]


def test_a_forged_audit_record_is_one_more_of_those_that_are_taken_over(store: SqlStorage, tmp_path: Path) -> None:
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.record(an_audit_record(1))
        work.commit()
    forged = evolve(an_audit_record(2), principal="mallory")
    edit(
        store,
        "INSERT INTO outbox (node, record_id, record) SELECT node, ?, ? FROM outbox",
        forged.record_id,
        encode_audit_record(forged),
    )

    trail = FileTrail(tmp_path / "audit")
    assert trail.replay(store) == 2
    trail.close()
    told = [line.record for line in records(tmp_path / "audit", Filter())]
    assert [(each["record_id"], each["principal"]) for each in told] == [("record-1", "alice"), ("record-2", "mallory")]
