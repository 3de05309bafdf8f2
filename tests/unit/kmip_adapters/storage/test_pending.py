"""What a unit of work has collected: what stands for nothing is shared, so nothing can be added to it."""

from collections.abc import Callable

import pytest

from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.pending import NOTHING_PENDING, Pending
from kmip_core.ports.audit import AuditRecord
from kmip_core.submissions import Submission
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
