"""The audit trail as the server uses it: what reaches the trail, its copies and the log."""

import logging
from typing import Any

import pytest

from kmip_adapters.audit.memory import MemoryTrail
from kmip_app.monitoring.evidence import LOG, ObservedTrail
from kmip_app.monitoring.observation import Durations
from kmip_core.enums import Operation, ResultReason
from kmip_core.ports.audit import AuditRecord
from tests.builders import NOW


def a_record(result: ResultReason | None) -> AuditRecord:
    return AuditRecord(
        record_id=str(result), time=NOW, principal="alice", event="Get", operation=Operation.GET, result=result
    )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_record_reaches_the_trail_and_its_copies_and_refusals_the_log(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    trail, copies, durations = MemoryTrail(), [MemoryTrail() for _ in range(number)], Durations()
    sinks: Any = copies
    observed = ObservedTrail(trail, durations, sinks)
    records = (a_record(None), a_record(ResultReason.OBJECT_NOT_FOUND), a_record(None))

    with caplog.at_level(logging.INFO, LOG.name):
        for record in records:
            observed.append(record)

    assert trail.records == records
    assert [copy.records for copy in copies] == number * [records]
    assert sum(durations.counts) == len(records)
    assert [line.message.partition(":")[0] for line in caplog.records] == ["Get refused"]
