"""The trail that forgets."""

from kmip_adapters.audit.memory import MemoryTrail
from kmip_core.ports.audit import AuditRecord


def test_only_the_newest_records_are_kept() -> None:
    trail = MemoryTrail(keep=2)
    records = [AuditRecord(record_id=str(n), time=n, principal="a", event="Get") for n in range(3)]
    for record in records:
        trail.append(record)

    assert trail.records == tuple(records[1:])
