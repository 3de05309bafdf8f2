"""The engine: a request message and a principal in, a response message out. KMIP 2.1 §6 (introduction), 1.4 §4.

It has the principal settled (`kmip_core.ports.authentication`), judges the header, chooses the pace and hands the items
to a batch (`kmip_core.batch`). It never compares a protocol version, never sees a tag, and knows no operation by name.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from attrs import evolve, field

from kmip_core import attesting, pacing
from kmip_core.attesting import AttestationRefused
from kmip_core.batch import Batch
from kmip_core.classes import frozen
from kmip_core.deferral import Deferral, is_deferred
from kmip_core.enums import AsynchronousIndicator, BatchErrorContinuationOption, Operation, ResultReason
from kmip_core.errors import KmipError, invalid_message
from kmip_core.makers import maker_of
from kmip_core.messages import (
    Nonce,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    failure,
)
from kmip_core.operation import Spec
from kmip_core.plain_reads import PlainReads, RecordedResponse
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.authentication import CredentialRefused
from kmip_core.ports.steps import Pace, Steps, returning_to, run_blocking
from kmip_core.ports.submissions import SubmissionRunner
from kmip_core.principal import Principal
from kmip_core.services import EngineServices

_make_batch: Final = maker_of(Batch)
_make_header: Final = maker_of(ResponseHeader)
_make_response: Final = maker_of(RecordedResponse)

_UNDO: Final = BatchErrorContinuationOption.UNDO
_CONTINUE: Final = BatchErrorContinuationOption.CONTINUE
_PROHIBITED: Final = AsynchronousIndicator.PROHIBITED

RECORDED_CORRELATION: Final = 64
"""Characters of a client's correlation value that reach the audit trail: it is the client that chooses its length."""


@frozen(kw_only=True)
class Engine:
    """The engine over its collaborators; re-entrant."""

    catalogue: Mapping[Operation, Spec]
    services: EngineServices
    plain_reads: PlainReads = field(init=False, repr=False)
    """What may be answered again without `steps`."""

    @plain_reads.default
    def _plain_reads_of_the_catalogue(self) -> PlainReads:
        return PlainReads(catalogue=self.catalogue, services=self.services)

    def pace(self, message: RequestMessage) -> Pace:
        """Return where `steps` may be begun for this message: what is only submitted takes milliseconds."""
        if message.header.asynchronous_indicator is not _PROHIBITED and self._is_deferred(message):
            return Pace.BRIEF
        return pacing.pace_of(message, self.catalogue, self.services)

    def handle(self, message: RequestMessage, principal: Principal) -> ResponseMessage:
        """Return the answer to every item that was run; blocks while it waits for commits."""
        return run_blocking(self.steps(message, principal))

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        """Give the answer to every item that was run; yields where it waits for commits, passwords or groups.

        pace: as `pace` returned it for this message; None if it was not asked.
        """
        services, header = self.services, message.header
        now = services.clock.now()
        try:
            self._check_header(message, now)
        except KmipError as error:
            return self._refuse(message, principal, error, "Request refused")
        if pace is None:
            pace = self.pace(message)
        try:
            credentials = header.credentials
            if credentials:
                attesting.check_is_verified(header, services)
            if services.authentication is not None:
                settling = services.authentication.settle(credentials, principal, now)
                if isinstance(settling, Principal):  # as nearly always
                    principal = settling
                else:
                    try:
                        first = next(settling)
                    except StopIteration as end:  # nothing was waited for
                        principal = end.value
                    else:
                        principal = yield from returning_to(pace, settling, first)
                        now = services.clock.now()  # a password may have taken seconds
            nonce: Nonce | None = None
            is_attested = False
            if services.attestations is not None or services.settings.attested_operations:
                nonce = yield from returning_to(pace, attesting.settle(message, principal, now, services))
                is_attested = attesting.is_attested(header, principal)
                now = services.clock.now()
        except KmipError as error:
            return self._refuse(message, principal, error, "Authentication refused")
        theirs = header.client_correlation_value
        # Only for clients that send correlation values: strict ones fail on a field that they do not know.
        correlation = None if theirs is None else services.identifiers.new()
        batch = _make_batch(
            catalogue=self.catalogue,
            services=services,
            principal=principal,
            protocol_version=header.protocol_version,
            now=now,
            client_correlation_value="" if theirs is None else theirs[:RECORDED_CORRELATION],
            server_correlation_value=correlation or "",
            pace=pace,
            is_attested=is_attested,
        )
        answers: list[ResponseBatchItem]
        runner = services.runner
        may_be_deferred = runner is not None and header.asynchronous_indicator is not _PROHIBITED
        if may_be_deferred and runner is not None and self._is_deferred(message):
            answers = yield from self._deferral(runner).answer(message, principal, pace, partial(evolve, batch))
        elif header.batch_error_continuation_option is _UNDO:
            answers = yield from batch.run_undoable(message.batch_items)
        else:
            continues = header.batch_error_continuation_option is _CONTINUE
            answers = yield from batch.run(message.batch_items, continues=continues)
        # The client's own value is for the audit trail; responses do not carry it (KMIP 2.1 §9.9, 1.4 §6.18).
        answer_header = _make_header(
            protocol_version=header.protocol_version,
            time_stamp=now,
            nonce=nonce,
            server_hashed_password=principal.server_hashed_password,
            server_correlation_value=correlation,
        )
        return _make_response(
            header=answer_header, batch_items=tuple(answers), principal=principal, records=batch.unrecorded
        )

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        """Return what is answered to a message as a whole, because of `error`, once that is recorded."""
        return self._recorded(error, principal, "Request refused")

    def run_submitted(self, batch: str) -> Steps[None]:
        """Run what is left of a batch that was submitted; for what claims it."""
        runner = self.services.runner
        if runner is not None:
            yield from self._deferral(runner).run(batch)

    def _deferral(self, runner: SubmissionRunner) -> Deferral:
        return Deferral(catalogue=self.catalogue, services=self.services, runner=runner)

    def _is_deferred(self, message: RequestMessage) -> bool:
        return is_deferred(message, self.catalogue, self.services)

    def _refuse(self, message: RequestMessage, principal: Principal, error: KmipError, event: str) -> ResponseMessage:
        """Return the answer to a request of which no item is run, once that is recorded as `event`."""
        header = message.header
        item = message.batch_items[0] if message.batch_items else None
        operation = None if item is None else item.operation
        correlation = (header.client_correlation_value or "")[:RECORDED_CORRELATION]
        error = self._recorded(error, principal, event, operation, correlation)
        refused = error if isinstance(error, AttestationRefused) else None
        answer_header = ResponseHeader(
            protocol_version=header.protocol_version,
            time_stamp=self.services.clock.now(),
            nonce=None if refused is None else refused.nonce,
            attestation_types=() if refused is None else refused.types,
            client_correlation_value=header.client_correlation_value,
        )
        refusal = failure(error, item)
        return ResponseMessage(header=answer_header, batch_items=(refusal,))

    def _recorded(
        self,
        error: KmipError,
        principal: Principal,
        event: str,
        operation: Operation | None = None,
        correlation: str = "",
    ) -> KmipError:
        """Return the refusal, once it is recorded as `event`; else the error that kept it from being.

        correlation: the client's value, cut.
        """
        user = error.user if isinstance(error, CredentialRefused) else None
        record = AuditRecord(
            record_id=self.services.identifiers.new(),
            time=self.services.clock.now(),
            principal=principal.name,
            source=principal.source.value,
            address=principal.address,
            certificate_serial=principal.certificate_serial,
            certificate_issuer=principal.certificate_issuer,
            event=event,
            operation=operation,
            result=error.reason,
            message=error.message if user is None else f"{error.message} (user {user})",
            client_correlation_value=correlation,
        )
        try:
            self.services.audit.append(record)
        except KmipError as unrecorded:
            return unrecorded
        return error

    def _check_header(self, message: RequestMessage, now: int) -> None:
        header, settings = message.header, self.services.settings
        if len(message.batch_items) > settings.maximum_batch_items:
            raise invalid_message(f"a batch may have {settings.maximum_batch_items} items at most")
        if header.asynchronous_indicator is AsynchronousIndicator.MANDATORY and self.services.runner is None:
            raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "requests are answered at once; do not ask otherwise")
        tolerance = settings.time_stamp_tolerance
        if settings.check_time_stamp and abs((header.time_stamp or now) - now) > tolerance:
            raise invalid_message(f"the time stamp is more than {tolerance} s away from this server's clock")
