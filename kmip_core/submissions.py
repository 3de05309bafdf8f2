"""Submissions: batch items that are answered later, and what the store keeps of each until its outcome is fetched.

A submission has the rights of its client at the time when it came. It runs once: its outcome is committed together with
what it changed. Only its principal may ask for it, under a ticket only with the very rights that it was submitted with.
KMIP 2.1 §6.1.5, §6.1.38, §6.1.39, §6.1.41, §9.1, §9.2; ADR 0180.
"""

from typing import Final

from attrs import evolve, field

from kmip_core.classes import frozen
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    Ephemeral,
    Operation,
    ProcessingStage,
    ResultReason,
    ResultStatus,
)
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion

NEVER_LATER: Final = frozenset(
    {
        Operation.POLL,
        Operation.CANCEL,
        Operation.PROCESS,
        Operation.QUERY_ASYNCHRONOUS_REQUESTS,
        Operation.SET_ENDPOINT_ROLE,
    }
)
"""Operations whose answers are not asynchronous, whatever the client says: those about submissions (KMIP 2.1 §6.1.5,
.38), and Set Endpoint Role, which is about the connection that it came over and not about the one of a later Poll."""

LATER_WHERE_ALLOWED: Final = frozenset({Operation.LOCATE, Operation.ARCHIVE, Operation.RECOVER})
"""Operations that are answered later wherever the client can wait: so the official cases TC-32 and TC-101 have it."""

CANNOT_BE_TAKEN_BACK: Final = frozenset(
    {
        Operation.RNG_SEED,
        Operation.LOG,
        Operation.INTEROP,
        Operation.PKCS_11,
    }
)
"""Operations with effects outside of the store: once they have begun they cannot be canceled."""

DELIVERED_SECONDS: Final = 60
"""How long an outcome is kept after it was fetched, for a client whose connection broke meanwhile."""


@frozen(kw_only=True)
class Outcome:
    """How an operation has ended.  payload: its response as `ports.kept_items` wrote it; b"" for none."""

    result_status: ResultStatus
    result_reason: ResultReason | None = None
    result_message: str | None = None
    payload: bytes = field(default=b"", repr=False)


@frozen(kw_only=True)
class Submission:
    """One batch item that is answered later.

    correlation_value: by which its client asks for it; cannot be guessed.
    batch, position: which batch it belongs to, and its place there from 0; items of a batch run in this order.
    submitted_at, due_at, expires_at: seconds since 1970-01-01 UTC; it is not begun before it is due unless its client
        asks for it, and forgotten when it expires, begun or not.
    request: the item as `ports.kept_items` wrote it; b"" once it has ended.
    outcome: None until it has ended.  is_canceled: whether Cancel has ended it.
    is_delivered: whether its client has the outcome.  is_processed: whether Process has asked for it.
    version: as stored, 0 for a new one; the store raises it by one.
    claimed_until, claims: the store's knowledge of who runs it, not saved with it: until when a node does, None where
        none has claimed it, and how often its batch was claimed when it was the first of it that had not ended.
    """

    correlation_value: bytes
    batch: str
    position: int
    principal: Principal
    operation: Operation
    protocol_version: ProtocolVersion
    continuation: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP
    client_correlation_value: str = ""
    ephemeral: Ephemeral | None = None
    submitted_at: int
    due_at: int
    expires_at: int
    request: bytes = field(default=b"", repr=False)
    outcome: Outcome | None = None
    is_canceled: bool = False
    is_delivered: bool = False
    is_processed: bool = False
    version: int = 0
    claimed_until: int | None = None
    claims: int = 0

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.principal.name

    @property
    def has_ended(self) -> bool:
        """Whether its outcome is known."""
        return self.outcome is not None

    @property
    def size(self) -> int:
        """Bytes that count against what one identity may have kept."""
        return len(self.request) + (0 if self.outcome is None else len(self.outcome.payload))

    def stage(self, now: int) -> ProcessingStage:
        """Return what Query Asynchronous Requests says of it. KMIP 2.1 §11.40."""
        if self.has_ended:
            return ProcessingStage.COMPLETED
        return ProcessingStage.IN_PROCESS if self.is_claimed(now) else ProcessingStage.SUBMITTED

    def is_claimed(self, now: int) -> bool:
        """Return whether a node runs it, or its batch, at this time."""
        return self.claimed_until is not None and now < self.claimed_until

    def is_of(self, principal: Principal) -> bool:
        """Return whether the principal may ask for it: the same, with at least the rights that it had."""
        of = self.principal
        return of.name == principal.name and principal.rights in (None, of.rights)

    def ended(self, outcome: Outcome) -> "Submission":
        """Return it with its outcome; what it asked for is no longer needed."""
        return evolve(self, outcome=outcome, request=b"")

    def delivered(self, now: int) -> "Submission":
        """Return it as one whose client has the outcome, which is kept a little longer."""
        return evolve(self, is_delivered=True, expires_at=min(self.expires_at, now + DELIVERED_SECONDS))


@frozen(kw_only=True)
class Held:
    """What is kept of one identity's submissions.  number: of them.  size: bytes of requests and responses."""

    number: int
    size: int


def canceled() -> Outcome:
    """Return the outcome of what its client has canceled."""
    return Outcome(
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.OPERATION_CANCELED_BY_REQUESTER,
        result_message="the client has canceled the operation",
    )


def not_run() -> Outcome:
    """Return the outcome of what was not begun because an item before it has failed. KMIP 1.4 §6.13 (Stop, Undo)."""
    return Outcome(
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=ResultReason.GENERAL_FAILURE,
        result_message="it was not begun: another item of its batch has failed",
    )


def may_be_later(operation: Operation | None, indicator: AsynchronousIndicator) -> bool:
    """Return whether an operation may be answered later, where the client allows it."""
    return indicator is not AsynchronousIndicator.PROHIBITED and operation is not None and operation not in NEVER_LATER
