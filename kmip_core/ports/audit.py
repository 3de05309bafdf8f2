"""Evidence: who did what to which object, and what came of it. Never key bytes."""

from typing import Final, Protocol

from kmip_core.classes import define
from kmip_core.enums import Operation, ResultReason

LATEST: Final = 253_402_300_799  # seconds since 1970-01-01 UTC: the end of 9999, after which no calendar writes a date


@define(kw_only=True)
class AuditRecord:
    """One batch item, allowed or refused, or one event of the server itself.

    Nothing sets a field of it afterwards. It is no frozen class for the reason that `operation.Scope` has.

    record_id: unique, also the correlation id in a General Failure's text.  time: seconds since 1970-01-01 UTC.
    event: the operation as the standard writes it, or what happened ("Start", "Handshake refused").
    result: None for success, else the precise reason.
    client_correlation_value: what the client calls its request.  server_correlation_value: what the server calls it.
    """

    record_id: str
    time: int
    principal: str
    source: str = ""
    address: str = ""
    certificate_serial: str = ""
    certificate_issuer: str = ""
    event: str
    operation: Operation | None = None
    unique_identifiers: tuple[str, ...] = ()
    result: ResultReason | None = None
    message: str = ""
    client_correlation_value: str = ""
    server_correlation_value: str = ""


class AuditTrail(Protocol):
    """An append-only trail. Re-entrant."""

    def append(self, record: AuditRecord) -> None:
        """Return when the record has been handed to the operating system (RULINGS 17).

        Raises KmipError (General Failure) if it cannot be written: no audit, no answer.
        NOT promised: that it has reached the disk; a change's record is also in the store's outbox.
        """
        ...

    def close(self) -> None:
        """Make everything durable and let go."""
        ...
