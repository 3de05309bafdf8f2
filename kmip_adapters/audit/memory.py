"""An audit trail that forgets: for tests, and for servers that shall forget everything (`--ephemeral`)."""

from collections import deque

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord


class MemoryTrail:
    """Keeps the newest records in memory.  keep: how many."""

    def __init__(self, keep: int = 10_000) -> None:
        self._records: deque[AuditRecord] = deque(maxlen=keep)
        self._is_closed = False

    @property
    def records(self) -> tuple[AuditRecord, ...]:
        """The records kept, oldest first."""
        return tuple(self._records)

    def append(self, record: AuditRecord) -> None:
        """Keep the record; the oldest one goes when there is no room."""
        if self._is_closed:
            raise KmipError(ResultReason.GENERAL_FAILURE, "the audit trail is closed")
        self._records.append(record)

    def close(self) -> None:
        """Take no more records; those kept stay readable."""
        self._is_closed = True
