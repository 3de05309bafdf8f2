"""What a unit of work has collected: what stands for nothing is shared, so nothing can be added to it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage, MemoryUnitOfWork
from kmip_adapters.storage.pending import NOTHING_PENDING, Pending
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import a_key, admitted, content
from kmip_core.creation_rules import SystemChanges
from kmip_core.enums import Operation, State
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion
from kmip_core.submissions import Submission
from kmip_core.subscriptions import Notice
from tests.builders import a_symmetric_key

RECORD = AuditRecord(record_id="r", time=1, principal="a", event="Get")


@pytest.mark.parametrize(
    "add",
    [
        pytest.param(lambda pending: pending.add(a_symmetric_key(), None), id="object"),
        pytest.param(lambda pending: pending.save(None, a_symmetric_key(), None), id="change"),
        pytest.param(lambda pending: pending.remove(a_symmetric_key(), "1"), id="removal"),
        pytest.param(lambda pending: pending.records.append(RECORD), id="record"),
        pytest.param(lambda pending: pending.rules.update({Submission: ()}), id="rules"),
        pytest.param(lambda pending: pending.tickets.update({"digest": None}), id="ticket"),
        pytest.param(lambda pending: pending.notices.extend([]), id="notices"),
        pytest.param(lambda pending: pending.submissions.update({b"": None}), id="submission"),
    ],
)
def test_nothing_can_be_added_to_what_all_units_of_work_begin_with(add: Callable[[Pending], None]) -> None:
    with pytest.raises((AttributeError, TypeError)):
        add(NOTHING_PENDING)


def test_one_unit_of_work_collects_nothing_for_another() -> None:
    storage = MemoryStorage()
    with storage.unit_of_work() as work, storage.unit_of_work() as another:
        work.record(RECORD)

        assert work.has_writes
        assert not another.has_writes
        assert not NOTHING_PENDING


SUBMISSION = Submission(
    correlation_value=b"s",
    batch="b",
    position=0,
    principal=Principal(name="alice"),
    operation=Operation.GET,
    protocol_version=ProtocolVersion(2, 1),
    submitted_at=1,
    due_at=1,
    expires_at=2,
)
NOTICE = Notice(notice_id="n", subscriber="alice", operation=Operation.NOTIFY, unique_identifier="k1", time=1)
COLLECT: dict[str, Callable[[MemoryUnitOfWork], None]] = {
    "object": lambda work: work.add(a_key("k2"), None),
    "record": lambda work: work.record(RECORD),
    "rules": lambda work: work.save_rules(SystemChanges, (SystemChanges(number=1),)),
    "ticket": lambda work: work.end_ticket("digest"),
    "notices": lambda work: work.notify((NOTICE,), 7),
    "submission": lambda work: work.save_submission(SUBMISSION),
    "end of a submission": lambda work: work.remove_submission(SUBMISSION),
}


@pytest.mark.parametrize("collect", COLLECT.values(), ids=COLLECT)
def test_whatever_is_collected_is_to_be_committed(collect: Callable[[MemoryUnitOfWork], None]) -> None:
    with MemoryStorage().unit_of_work() as work:
        assert not work.has_writes
        collect(work)

        assert work.has_writes


def test_the_number_of_notices_that_may_wait_is_collected_with_them() -> None:
    with MemoryStorage().unit_of_work() as work:
        work.notify((NOTICE,), 7)

        assert (work._pending.notices, work._pending.notice_limit) == ([NOTICE], 7)


def test_content_that_goes_in_the_unit_of_work_in_which_it_came_is_not_stored(tmp_path: Path) -> None:
    """As where one batch that is undone as a whole makes a key, or gives one another content, and destroys it."""
    store = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", partial(EnvelopeSealer, KeyFile(tmp_path / "root.key")))
    with closing(store):
        with store.unit_of_work() as work:
            work.add(a_key("old"), content())
            work.commit()
        with store.unit_of_work() as work:
            work.add(a_key("new"), content())
            old = work.find("old")
            assert old is not None
            work.save(evolve(old, attributes=old.attributes.but(comment="changed")), content(b"another key 12345"))
            for one in (a_key("new"), old):
                work.save(evolve(one, has_content=False, attributes=one.attributes.but(state=State.DESTROYED)))
            with pytest.raises(KmipError):
                work.content(admitted(evolve(old, has_content=False)))
            work.commit()

        with closing(sqlite3.connect(tmp_path / "kmipd.db")) as database:
            rows = database.execute("SELECT unique_identifier, sealed FROM managed_objects ORDER BY 1").fetchall()
    assert rows == [("new", None), ("old", None)]
