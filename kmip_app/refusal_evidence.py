"""Puts what the transport refuses into the audit trail."""

import logging
from collections.abc import Callable
from typing import Final

from kmip_adapters.transport.refusals import Refusal
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord, AuditTrail
from kmip_core.ports.system import Clock, Identifiers

LOG: Final = logging.getLogger("kmip_app")
MESSAGE: Final = 400  # characters of a record's text: what a client offers may be long


class RefusalEvidence:
    """Appends one record for each refusal that it is called with.

    trail: gives the trail of this moment.
    """

    def __init__(self, trail: Callable[[], AuditTrail], clock: Clock, identifiers: Identifiers) -> None:
        self._trail = trail
        self._clock = clock
        self._identifiers = identifiers

    def __call__(self, refusal: Refusal) -> None:
        """Append; a trail that cannot be written is a line in the log: there is no answer to hold back."""
        times = "" if refusal.count == 1 else f" ({refusal.count} times, this is the latest)"
        record = AuditRecord(
            record_id=self._identifiers.new(),
            time=self._clock.now(),
            principal=refusal.principal,
            address=refusal.address,
            event=refusal.event,
            result=ResultReason.AUTHENTICATION_NOT_SUCCESSFUL,
            message=refusal.message[:MESSAGE] + times,
        )
        try:
            self._trail().append(record)
        except KmipError as error:
            LOG.error("a refusal leaves no evidence: %s", error.message)
