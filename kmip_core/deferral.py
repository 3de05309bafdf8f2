"""Answering later: which items of a message become submissions, and how a submitted batch is run.

`Deferral.answer` keeps the items and answers that they are pending, after waiting for them as long as the client's
indicator lets it: not at all if it is Mandatory. `Deferral.run` runs one batch of them, item by item in their order,
each as one unit of work that also keeps its outcome: so an item is run once, whatever node dies or takes it over.
KMIP 2.1 §8, §9.2, §11.3; 1.4 §6.7; ADR 0180.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve, field

from kmip_core import repetition
from kmip_core.admission import BatchIdentifiers
from kmip_core.batch import Batch
from kmip_core.classes import define, frozen
from kmip_core.enums import AsynchronousIndicator, BatchErrorContinuationOption, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem, failure
from kmip_core.operation import Cost, Spec
from kmip_core.pacing import cost_of
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait
from kmip_core.ports.storage import ConcurrentChange, TakesLong, UnitOfWork
from kmip_core.ports.submissions import SubmissionRunner
from kmip_core.principal import Principal
from kmip_core.procedures import polling
from kmip_core.services import EngineServices
from kmip_core.submissions import LATER_WHERE_ALLOWED, Held, Outcome, Submission, canceled, may_be_later, not_run

ATTEMPTS: Final = 100
"""How often submissions are written again after a conflict; each round one of those in conflict succeeds."""

MAXIMUM_CLAIMS: Final = 10
"""How often a batch is claimed at the same item: one that ends the process each time must not do so for ever."""

SUBMITTED: Final = "to be answered later"
"""What the audit trail says of an item that became a submission; how it ends is a record of its own."""

NewBatch = Callable[[], Batch]
_UNDO: Final = BatchErrorContinuationOption.UNDO
_STOP: Final = BatchErrorContinuationOption.STOP


def is_deferred(message: RequestMessage, catalogue: Mapping[Operation, Spec], services: EngineServices) -> bool:
    """Return whether items of a message are to be answered later, or may be.

    Mandatory: whatever may be. Optional: what computes for long, and what official cases have answered so; a batch
    with one such item is kept whole, since the others may depend on it. What cannot be read is refused at once.
    """
    indicator = message.header.asynchronous_indicator
    if indicator is AsynchronousIndicator.PROHIBITED or services.runner is None:
        return False
    may_be = [is_later(item, catalogue, indicator) for item in message.batch_items]
    if message.header.batch_error_continuation_option is _UNDO and not all(may_be):
        return False  # what is undone together is done together
    if any(item.data_reference is not None for item in message.batch_items):
        return False  # Data of other items is kept in memory
    if indicator is AsynchronousIndicator.MANDATORY:
        return any(may_be)
    return any(
        item.operation in LATER_WHERE_ALLOWED or cost_of(item, catalogue) is Cost.COMPUTES
        for item, may in zip(message.batch_items, may_be, strict=True)
        if may
    )


def is_later(item: RequestBatchItem, catalogue: Mapping[Operation, Spec], indicator: AsynchronousIndicator) -> bool:
    """Return whether an item can be read, is offered, and may be answered later."""
    can_run = item.operation in catalogue and not isinstance(item.payload, KmipError)
    return can_run and may_be_later(item.operation, indicator)


@frozen(kw_only=True)
class Deferral:
    """What answers later, over the engine's collaborators; re-entrant."""

    catalogue: Mapping[Operation, Spec]
    services: EngineServices
    runner: SubmissionRunner

    # --- submitting -----------------------------------------------------------------------------------------------

    def answer(
        self, message: RequestMessage, principal: Principal, pace: Pace, new_batch: NewBatch
    ) -> Steps[list[ResponseBatchItem]]:
        """Give the answers to a message some of whose items are answered later.

        new_batch: makes the batch in which an item is run that is answered at once.
        """
        header = message.header
        answers: dict[int, ResponseBatchItem] = {}
        later: dict[int, RequestBatchItem] = {}
        for number, item in enumerate(message.batch_items):
            if is_later(item, self.catalogue, header.asynchronous_indicator):
                later[number] = item
                continue
            (answers[number],) = yield from new_batch().run((item,), continues=False)
            if header.batch_error_continuation_option is _STOP and _has_failed(answers[number]):
                break
        if later:
            given = yield from self._submit(list(later.values()), header, principal, pace)
            answers |= zip(later, given, strict=False)
        return [answers[number] for number in sorted(answers)]

    def _submit(
        self, items: Sequence[RequestBatchItem], header: RequestHeader, principal: Principal, pace: Pace
    ) -> Steps[list[ResponseBatchItem]]:
        """Keep items, wait for their outcomes as long as that is allowed, and give their answers."""
        waits = 0 if header.asynchronous_indicator is AsynchronousIndicator.MANDATORY else self._waits(items)
        try:
            submissions = self._submissions(items, header, principal, is_due=waits > 0)
            yield from self._keep(submissions, header, principal, pace)
        except KmipError as error:
            return [failure(error, item) for item in items]
        if not waits:
            self.runner.wake()
            return [
                polling.pending(item.operation, one.correlation_value, item.unique_batch_item_id)
                for item, one in zip(items, submissions, strict=True)
            ]
        yield from polling.wait_for(submissions[-1].correlation_value, principal, self.services, pace, waits)
        answers = yield from self._collect(submissions)
        return [
            evolve(answer, operation=item.operation, unique_batch_item_id=item.unique_batch_item_id)
            for item, answer in zip(items, answers, strict=False)
        ]

    def _waits(self, items: Iterable[RequestBatchItem]) -> int:
        """Return for how many milliseconds an answer at once is waited for."""
        if any(item.operation in LATER_WHERE_ALLOWED for item in items):
            return 0
        return self.services.settings.asynchronous_after

    def _submissions(
        self, items: Sequence[RequestBatchItem], header: RequestHeader, principal: Principal, *, is_due: bool
    ) -> list[Submission]:
        """Return items as submissions of one batch.  Raises KmipError for one that cannot be kept."""
        services, version = self.services, header.protocol_version
        now, batch = services.clock.now(), services.identifiers.new()
        settings = services.settings
        return [
            Submission(
                correlation_value=services.identifiers.new().encode(),
                batch=batch,
                position=position,
                principal=principal,
                operation=operation,
                protocol_version=version,
                continuation=header.batch_error_continuation_option,
                client_correlation_value=(header.client_correlation_value or "")[:64],
                ephemeral=item.ephemeral,
                submitted_at=now,
                due_at=now if is_due else now + settings.asynchronous_delay,
                expires_at=now + settings.asynchronous_lifetime,
                request=services.kept_items.encode_request(item, version),
            )
            for position, item in enumerate(items)
            if (operation := item.operation) is not None
        ]

    def _keep(
        self, submissions: Sequence[Submission], header: RequestHeader, principal: Principal, pace: Pace
    ) -> Steps[None]:
        """Commit new submissions with their records.  Raises KmipError (Server Limit Exceeded) for too many."""
        services = self.services
        settings = services.settings
        limit = Held(number=settings.asynchronous_requests, size=settings.asynchronous_bytes)
        records = [self._record(one) for one in submissions]
        for _ in range(ATTEMPTS):
            try:
                with services.storage.unit_of_work(pace) as work:
                    held = work.held_by(principal.name)
                    number = held.number + len(submissions)
                    size = held.size + sum(one.size for one in submissions)
                    if number > limit.number or size > limit.size:
                        raise KmipError(
                            ResultReason.SERVER_LIMIT_EXCEEDED,
                            f"one client may have {limit.number} operations of {limit.size} bytes pending",
                        )
                    for one in submissions:
                        work.save_submission(one, limit)
                    for record in records:
                        work.record(record)
                    commitment = work.hand_over()
                    if not commitment.is_done:
                        yield Wait(commitment)
                    commitment.result()
                break
            except ConcurrentChange:
                continue
            except TakesLong:  # nothing has happened
                pace = Pace.SLOW
                yield MoveTo(pace)
        else:
            raise KmipError(ResultReason.GENERAL_FAILURE, "others keep submitting operations; try again")
        for record in records:
            services.audit.append(record)
            services.outbox.acknowledge(record.record_id)

    def _record(self, submission: Submission) -> AuditRecord:
        principal = submission.principal
        return AuditRecord(
            record_id=self.services.identifiers.new(),
            time=submission.submitted_at,
            principal=principal.name,
            source=principal.source.value,
            address=principal.address,
            certificate_serial=principal.certificate_serial,
            certificate_issuer=principal.certificate_issuer,
            event=submission.operation.name,
            operation=submission.operation,
            message=SUBMITTED,
            client_correlation_value=submission.client_correlation_value if submission.position == 0 else "",
        )

    def _collect(self, submissions: Sequence[Submission]) -> Steps[list[ResponseBatchItem]]:
        """Give the answers of submissions that were waited for, and forget those whose batch has ended.

        Items that were not begun because one before has failed get none where all have ended: as at once.
        """
        pace = Pace.BRIEF  # answers of any size are read
        yield MoveTo(pace)
        for _ in range(ATTEMPTS):
            try:
                with self.services.storage.unit_of_work(pace) as work:
                    found = [work.submission(one.correlation_value) for one in submissions]
                    kept = [one for one in found if one is not None]
                    if len(kept) < len(submissions):
                        raise polling.unknown()  # they have expired while they were waited for
                    answers = [polling.answer_to(one, self.services.kept_items) for one in kept]
                    self._note_delivery(kept, work)
                    if work.has_writes:
                        work.commit()
            except ConcurrentChange:
                continue
            except TakesLong:
                pace = Pace.SLOW
                yield MoveTo(pace)
                continue
            except KmipError as error:
                return [failure(error) for _ in submissions]
            if all(one.has_ended for one in kept):
                answers = [answer for one, answer in zip(kept, answers, strict=True) if one.outcome != not_run()]
            return answers
        return [polling.pending(one.operation, one.correlation_value) for one in submissions]

    def _note_delivery(self, found: Sequence[Submission], work: UnitOfWork) -> None:
        if all(one.has_ended for one in found):
            for one in found:
                work.remove_submission(one)
            return
        now = self.services.clock.now()
        for one in found:
            if one.has_ended and not one.is_delivered:
                work.save_submission(one.delivered(now))

    # --- running --------------------------------------------------------------------------------------------------

    def run(self, batch: str) -> Steps[None]:
        """Run what is left of a submitted batch; nothing where it is not there any more."""
        submissions = repetition.read(self.services.storage, lambda work: work.submissions_of_batch(batch))
        if not submissions:
            return
        try:
            if any(one.claims > MAXIMUM_CLAIMS for one in submissions if not one.has_ended):
                raise RuntimeError(f"an item of batch {batch} was begun {MAXIMUM_CLAIMS} times and has not ended")
            if submissions[0].continuation is _UNDO:
                yield from self._run_together(submissions)
            else:
                yield from self._run_in_order(submissions)
        except KmipError:
            raise  # the store, or the audit trail, cannot write now: it is run again later
        except Exception as fault:  # what ends in a fault once would do so again
            correlation_id = self.services.identifiers.new()
            self.services.faults.report(correlation_id, fault)
            message = f"the server failed; its log says why under {correlation_id}"
            outcome = Outcome(
                result_status=ResultStatus.OPERATION_FAILED,
                result_reason=ResultReason.GENERAL_FAILURE,
                result_message=message,
            )
            yield from self._end([(one, outcome) for one in submissions])

    def _run_in_order(self, submissions: Sequence[Submission]) -> Steps[None]:
        identifiers = BatchIdentifiers()
        for place, submission in enumerate(submissions):
            if not submission.has_ended and (yield from self._is_refused(submissions[place:])):
                return
            if submission.has_ended:
                has_failed = self._remember(submission, identifiers)
            else:
                (answer,) = yield from self._run_unit((submission,), identifiers)
                has_failed = _has_failed(answer)
                if has_failed and self._is_done_elsewhere(submission):
                    return
            if has_failed and submission.continuation is _STOP:
                yield from self._end([(one, not_run()) for one in submissions[place + 1 :]])
                return

    def _is_done_elsewhere(self, submission: Submission) -> bool:
        """Whether another node has taken the batch over: it was done there, or has expired."""
        value = submission.correlation_value
        found = repetition.read(self.services.storage, lambda work: work.submission(value))
        return found is None or (found.outcome is not None and found.outcome.result_status is ResultStatus.SUCCESS)

    def _run_together(self, submissions: Sequence[Submission]) -> Steps[None]:
        """Run a batch as one unit of work, unless one of its items was canceled: then nothing of it happens."""
        if any(one.has_ended for one in submissions):
            yield from self._end([(one, not_run()) for one in submissions])
            return
        if not (yield from self._is_refused(submissions)):
            yield from self._run_unit(submissions, BatchIdentifiers())

    def _is_refused(self, submissions: Sequence[Submission]) -> Steps[bool]:
        """Give whether the client may act no more, since its certificate is revoked or its user is gone by now.

        What has not ended has failed then, with evidence: a right that was taken back must not live on in a queue.
        """
        authentication = self.services.authentication
        if authentication is None:
            return False
        now = self.services.clock.now()
        try:
            yield from authentication.check_still(submissions[0].principal, now)
        except KmipError as error:
            outcome = Outcome(
                result_status=ResultStatus.OPERATION_FAILED, result_reason=error.reason, result_message=error.message
            )
            left = [one for one in submissions if not one.has_ended]
            for one in left:
                record = self._record(one)
                self.services.audit.append(evolve(record, time=now, result=error.reason, message=error.message))
            yield from self._end([(one, outcome) for one in left])
            return True
        return False

    def _remember(self, submission: Submission, identifiers: BatchIdentifiers) -> bool:
        """Have later items of a batch find what an item has made that ended before; return whether it has failed."""
        answer = polling.answer_to(submission, self.services.kept_items)
        spec = self.catalogue.get(submission.operation)
        if spec is not None and answer.payload is not None:
            identifiers.remember(spec, answer.payload)
        has_failed = _has_failed(answer)
        if has_failed and spec is not None and spec.failure_empties_placeholder:
            identifiers.placeholder = None
        return has_failed

    def _run_unit(
        self, submissions: Sequence[Submission], identifiers: BatchIdentifiers
    ) -> Steps[list[ResponseBatchItem]]:
        """Run submissions as one unit of work that keeps their outcomes; give the answers to those attempted."""
        first, services = submissions[0], self.services
        keeper = _Keeper(submissions=submissions, encode=self._outcome, limit=self._result_limit)
        batch = Batch(
            catalogue=self.catalogue,
            services=services,
            principal=first.principal,
            protocol_version=first.protocol_version,
            now=services.clock.now(),
            client_correlation_value=first.client_correlation_value,
            pace=Pace.SLOW,
            keeper=keeper,
        )
        batch.identifiers = identifiers
        items = tuple(self._item(one) for one in submissions)
        answers = yield from batch.run_undoable(items)
        if not keeper.has_kept or any(map(_has_failed, answers)):  # of what is left nothing was committed
            ended = [(one, self._outcome(one, answer)) for one, answer in zip(submissions, answers, strict=False)]
            ended += [(one, not_run()) for one in submissions[len(answers) :]]
            yield from self._end(ended)
        else:
            self._call_back(submissions)
        return answers

    def _item(self, submission: Submission) -> RequestBatchItem:
        """Return what was submitted; where it cannot be read any more, an item that is refused so."""
        try:
            return evolve(
                self.services.kept_items.decode_request(submission.request, submission.protocol_version),
                ephemeral=submission.ephemeral,
            )
        except KmipError as error:
            return RequestBatchItem(operation=submission.operation, payload=error)

    def _outcome(self, submission: Submission, answer: ResponseBatchItem) -> Outcome:
        """Return an answer as it is kept."""
        payload = b""
        if answer.payload is not None:
            encode = self.services.kept_items.encode_payload
            payload = encode(submission.operation, answer.payload, submission.protocol_version)
        return Outcome(
            result_status=answer.result_status,
            result_reason=answer.result_reason,
            result_message=answer.result_message,
            payload=payload,
        )

    @property
    def _result_limit(self) -> Held:
        """What may be kept of an identity: the number was judged when it was submitted."""
        settings = self.services.settings
        return Held(number=settings.asynchronous_requests, size=settings.asynchronous_bytes)

    def _end(self, outcomes: Sequence[tuple[Submission, Outcome]]) -> Steps[None]:
        """Keep the outcomes of what has not ended; call back those who wait for any of them."""
        for _ in range(ATTEMPTS):
            try:
                with self.services.storage.unit_of_work() as work:
                    for one, outcome in outcomes:
                        found = work.submission(one.correlation_value)
                        if found is not None and not found.has_ended:
                            work.save_submission(found.ended(outcome))
                    if work.has_writes:
                        commitment = work.hand_over()
                        if not commitment.is_done:
                            yield Wait(commitment)
                        commitment.result()
                break
            except ConcurrentChange:
                continue
        self._call_back([one for one, _ in outcomes])

    def _call_back(self, submissions: Iterable[Submission]) -> None:
        for one in submissions:
            self.runner.has_ended(one.correlation_value)


def _has_failed(answer: ResponseBatchItem) -> bool:
    return answer.result_status in (ResultStatus.OPERATION_FAILED, ResultStatus.OPERATION_UNDONE)


@define(kw_only=True)
class _Keeper:
    """Has each attempt at a unit of work keep the outcomes of its submissions: a `batch.Keeper`.

    limit: what may be kept of their identity together.
    has_kept: whether the last attempt came as far as its commit.
    """

    submissions: Sequence[Submission]
    encode: Callable[[Submission, ResponseBatchItem], Outcome]
    limit: Held
    has_kept: bool = field(default=False, init=False)
    _found: list[Submission] = field(factory=list, init=False)

    def begin(self, work: UnitOfWork) -> None:
        """Look whether they are still to be run.  Raises KmipError if one was canceled, or has ended elsewhere."""
        self._found, self.has_kept = [], False
        for one in self.submissions:
            found = work.submission(one.correlation_value)
            if found is None or found.has_ended:
                outcome = canceled()
                raise KmipError(ResultReason.OPERATION_CANCELED_BY_REQUESTER, outcome.result_message or "")
            self._found.append(found)

    def keep(self, work: UnitOfWork, answers: Sequence[ResponseBatchItem]) -> None:
        """Collect the outcomes.  Raises KmipError (Response Too Large) where they would exceed what may be kept."""
        ended = [one.ended(self.encode(one, a)) for one, a in zip(self._found, answers, strict=True)]
        held = work.held_by(ended[0].owner)
        size = held.size - sum(one.size for one in self._found) + sum(one.size for one in ended)
        if size > self.limit.size:
            raise KmipError(
                ResultReason.RESPONSE_TOO_LARGE,
                f"the answers that one client may have waiting would exceed {self.limit.size} bytes",
            )
        for one in ended:
            work.save_submission(one)
        self.has_kept = True
