"""The audit trail as the server uses it: each record is timed, and each refusal leaves one line in the log as well.

The line has the cause, the remedy, the client and the record's identifier, under which the trail has it. A client that
is refused without end gets `LINES` of them a minute; the trail has all.
"""

import logging
import threading
from bisect import bisect_left
from collections.abc import Sequence
from time import monotonic, perf_counter
from typing import Final

from kmip_adapters.audit.sinks import Sink
from kmip_adapters.transport.limits import LineBudget
from kmip_app.monitoring.observation import SECONDS, Durations
from kmip_core.enums import ResultReason
from kmip_core.ports.audit import AuditRecord, AuditTrail
from kmip_core.ports.tracing import Part, Tracing
from kmip_core.standard_names import standard_name

LOG: Final = logging.getLogger("kmipd.requests")

REMEDIES: Final = {
    ResultReason.OBJECT_NOT_FOUND: "there is no such object, or its policy does not show it; see kmipd policy explain",
    ResultReason.ITEM_NOT_FOUND: "there is no such object, or its policy does not show it; see kmipd policy explain",
    ResultReason.PERMISSION_DENIED: "the object's policy does not allow it; see kmipd policy explain",
    ResultReason.AUTHENTICATION_NOT_SUCCESSFUL: "look at the client's certificate, password or group",
    ResultReason.SERVER_LIMIT_EXCEEDED: "the client has to wait, or a limit of the configuration to be raised",
    ResultReason.RESPONSE_TOO_LARGE: "the client has to ask for less, or maximum_response_size to be raised",
    ResultReason.GENERAL_FAILURE: "the lines before this one say why",
    ResultReason.WRONG_KEY_LIFECYCLE_STATE: "the client has to activate the object, or to use another one",
}
"""What to do where the message itself does not say what would be accepted."""


LINES: Final = 60
"""Lines for one client and minute."""


class ObservedTrail:
    """An `AuditTrail` that appends to another, and to copies of it. Re-entrant.

    sinks: take each record once the trail has it, without waiting.  tracing: measures it as a part of its request.
    """

    def __init__(
        self, trail: AuditTrail, durations: Durations, sinks: Sequence[Sink] = (), tracing: Tracing | None = None
    ) -> None:
        self._tracing = tracing
        self._trail = trail
        self._sinks = sinks
        self._durations = durations
        self._budget = LineBudget(LINES)
        self._lock = threading.Lock()

    def append(self, record: AuditRecord) -> None:
        """Append, and tell of a refusal.  Raises KmipError as the trail does."""
        begun = perf_counter()
        if self._tracing is None:
            self._trail.append(record)
        else:
            ended = self._tracing.begin(Part.AUDIT)
            try:
                self._trail.append(record)
            finally:
                ended()
        seconds = perf_counter() - begun
        bucket, durations = bisect_left(SECONDS, seconds), self._durations
        with self._lock:
            durations.counts[bucket] += 1  # as `add` does, without a call while the lock is held
            durations.total += seconds
        if self._sinks or record.result is not None:
            self._tell(record)

    def _tell(self, record: AuditRecord) -> None:
        """Copy a record to the sinks, and log it if it is a refusal."""
        for sink in self._sinks:
            sink.append(record)
        if record.result is None:
            return
        with self._lock:
            held_back = self._budget.spend(_client(record), monotonic())
        if held_back is not None:
            LOG.info("%s", _line(record, held_back))

    def close(self) -> None:
        """Make everything durable and let go."""
        self._trail.close()
        for sink in self._sinks:
            sink.close()


def _client(record: AuditRecord) -> str:
    return f"{record.principal[:64] or 'unknown'} at {record.address or 'no address'}"


def _line(record: AuditRecord, held_back: int) -> str:
    reason = record.result
    cause = "" if reason is None else standard_name(reason)
    message = f": {record.message}" if record.message else ""
    remedy = REMEDIES.get(reason, "") if reason is not None else ""
    known = f", correlation value {record.client_correlation_value[:64]}" if record.client_correlation_value else ""
    before = f" ({held_back} such lines were held back)" if held_back else ""
    event = record.event if record.operation is None else standard_name(record.operation)
    return (
        f"{event} refused: {cause}{message}{remedy and f'; {remedy}'};"
        f" client {_client(record)}, record {record.record_id}{known}{before}"
    )
