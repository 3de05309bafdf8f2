"""One batch while it runs: its items in order, each as one unit of work, or all of them as one for Undo.

For each item it looks up the spec, resolves and admits the objects that the request names, lets the handler perform,
and appends the audit record. A unit of work is run again when another request has changed one of its objects first.

Exceptions become answers here: a `KmipError` fails its item with its reason; anything else is a fault of the server,
answered with General Failure and a correlation id, its details kept from the client.

KMIP 2.1 §6 (introduction), 1.4 §4.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, field

from kmip_core import rights, sizes
from kmip_core.admission import BatchIdentifiers, ItemAdmission
from kmip_core.batch_data import BatchData, without_data
from kmip_core.classes import define
from kmip_core.enums import Ephemeral, Operation, ResultReason, ResultStatus
from kmip_core.errors import AnsweredRefusal, DelayedRefusal, KmipError, anew, invalid_field, not_supported
from kmip_core.makers import maker_of
from kmip_core.messages import DataReference, RequestBatchItem, ResponseBatchItem, failure
from kmip_core.operation import Around, OutcomeHooks, Perform, Scope, Spec, always, perform_nothing
from kmip_core.pacing import cost_of
from kmip_core.ports.audit import AuditRecord
from kmip_core.ports.steps import SLOWER, MoveTo, Pace, Pause, Steps, Wait
from kmip_core.ports.storage import ConcurrentChange, Read, ReadBegun, TakesLong, UnitOfWork
from kmip_core.ports.tracing import Part, Tracing
from kmip_core.principal import Principal, Source
from kmip_core.procedures import linked_objects, templates, usage_limits, use_counters
from kmip_core.repetition import Repetition
from kmip_core.rules import Admitted
from kmip_core.services import EngineServices, Services
from kmip_core.structures import ProtocolVersion

T = TypeVar("T")

_make_admission: Final = maker_of(ItemAdmission)
_make_answer: Final = maker_of(ResponseBatchItem)
_make_record: Final = maker_of(AuditRecord)
_make_scope: Final = maker_of(Scope)

_PAUSING: Final = frozenset({Pace.BRIEF, Pace.SLOW, Pace.REMOTE})
"""Where a batch pauses between its items: in threads, which others wait for."""

_EVENTS: Final = {operation: operation.name for operation in Operation}
_SOURCES: Final = {source: source.value for source in Source}
"""What records say; an enumeration gives the name and the value of a member by calls in Python."""

UNDONE: Final = "undone with the batch"
"""What the audit trail says of an item that had succeeded before a later one made its batch undo it."""


@define
class UnitAttempt(OutcomeHooks):
    """One attempt to run a unit of work: the items performed so far, and what follows once its outcome is known.

    services: what handlers use in this attempt.
    answers, records: of each item that was performed, in their order; the last one may have been refused.
    """

    services: Services
    answers: list[ResponseBatchItem] = field(factory=list, init=False)
    records: list[AuditRecord] = field(factory=list, init=False)


_make_attempt: Final = maker_of(UnitAttempt)


class Keeper(Protocol):
    """Has the answers of a unit of work kept together with what it changes."""

    def begin(self, work: UnitOfWork) -> None:
        """At the begin of each attempt.  Raises KmipError if there is nothing to do any more."""
        ...

    def keep(self, work: UnitOfWork, answers: Sequence[ResponseBatchItem]) -> None:
        """Collect the answers of an attempt that has succeeded.  Raises KmipError if they cannot be kept."""
        ...


@define(kw_only=True)
class Batch:
    """One batch; the ID placeholder lives and dies with it (RULINGS 14).

    pace: at which units of work are begun; slower once one of them takes long.
    unrecorded: records of items that changed nothing; appended before the answer is returned.
    room: bytes that are left for the answers of several items; None for a single one, which is measured when it is
        encoded.
    data: what items have computed for later ones; None where no item names any.
    delay: milliseconds for which the answers of the unit of work under way are held back.
    keeper: keeps the answers; None where the client gets them at once.
    is_attested: whether the request had an attestation, so that its operations may perform others which want one.
    """

    catalogue: Mapping[Operation, Spec]
    services: EngineServices
    principal: Principal
    protocol_version: ProtocolVersion
    now: int
    client_correlation_value: str = ""
    server_correlation_value: str = ""
    pace: Pace
    is_attested: bool = False
    keeper: Keeper | None = None
    identifiers: BatchIdentifiers = field(factory=BatchIdentifiers, init=False)
    unrecorded: list[AuditRecord] = field(factory=list, init=False)
    data: BatchData | None = field(default=None, init=False)
    room: int | None = field(default=None, init=False)
    delay: int = field(default=0, init=False)
    first: RequestBatchItem | None = field(default=None, init=False)

    def run(self, items: tuple[RequestBatchItem, ...], *, continues: bool) -> Steps[list[ResponseBatchItem]]:
        """Run items one by one, each as its own unit of work; stop at the first failure unless it `continues`."""
        answers: list[ResponseBatchItem] = []
        self.first = items[0] if items else None
        if len(items) > 1:
            self._measure(items)
        called_off: KmipError | None = None
        for item in items:
            if answers and called_off is None and self.pace in _PAUSING:
                called_off = yield from _pause()
            spec = None if item.operation is None else self.catalogue.get(item.operation)
            if spec is not None and spec.before is not None and called_off is None:
                yield from self._go_around(spec.before, item)
            answers += yield from self._run_unit((item,), called_off)
            if self.delay:
                yield from self._hold_back()
            status = answers[-1].result_status
            if spec is not None and spec.after is not None and status is ResultStatus.SUCCESS:
                yield from self._go_around(spec.after, item)
            if status is ResultStatus.OPERATION_FAILED and not continues:
                break
        return self._append_records(answers)

    def run_undoable(self, items: tuple[RequestBatchItem, ...]) -> Steps[list[ResponseBatchItem]]:
        """Run all items as one unit of work: after a failure nothing has happened. KMIP 1.4 §4, §11 (Undo)."""
        self.first = items[0] if items else None
        if len(items) > 1:
            self._measure(items)
        answers = yield from self._run_unit(items)
        yield from self._hold_back()
        return self._append_records(answers)

    def _go_around(self, steps: Around, item: RequestBatchItem) -> Steps[None]:
        """Take the steps that an operation needs before, or after, its unit of work.

        They only wait. Where the store cannot be read, the unit of work itself finds out, or has been committed.
        """
        if not isinstance(item.payload, KmipError):
            with suppress(KmipError):
                yield from steps(item.payload, self.services, self.principal, self.pace)

    def _hold_back(self) -> Steps[None]:
        """Wait for as long as a refusal is to be delayed: on the event loop, which needs no thread for that."""
        delay, self.delay = self.delay, 0
        if delay and self.services.delays is not None:
            yield MoveTo(Pace.QUICK)
            yield Wait(self.services.delays.begin(delay))
            yield MoveTo(self.pace)

    def _run_unit(
        self, items: tuple[RequestBatchItem, ...], called_off: KmipError | None = None
    ) -> Steps[list[ResponseBatchItem]]:
        """Run items as one unit of work until it is committed or refused; return the answers to those attempted.

        called_off: why they are not begun.
        """
        if called_off is not None:
            return self._fail_unit(items, UnitAttempt(self.services), called_off)
        mark, room = self.identifiers.mark(), self.room
        kept = None if self.data is None else self.data.mark()
        repetition: Repetition | None = None  # made by the first conflict, which is rare
        read: Read | None = None  # that the next attempt begins with
        while True:
            if read is not None:
                yield Wait(read)
            attempt = _make_attempt(self.services if repetition is None else repetition.services)
            self.room = room
            try:
                return (yield from self._attempt_unit(items, attempt, read))
            except ReadBegun as begun:
                self._go_back(mark, kept)
                read = begun.read
            except ConcurrentChange:
                self._go_back(mark, kept)
                read = None
                if repetition is None:
                    repetition = Repetition(self.services, {cost_of(item, self.catalogue) for item in items})
                if not repetition.may_go_on():
                    return self._fail_unit(items, attempt, _busy())
            except TakesLong:  # nothing of it has happened
                self._go_back(mark, kept)
                read = None
                self.pace = SLOWER[self.pace]
                yield MoveTo(self.pace)
            except KmipError as error:
                self._go_back(mark, kept)
                return self._fail_unit(items, attempt, error)

    def _go_back(self, mark: tuple[str | None, int], kept: tuple[int, int] | None) -> None:
        """Take back what items that did not happen have left for later ones."""
        self.identifiers.go_back(mark)
        if self.data is not None and kept is not None:
            self.data.go_back(kept)

    def _attempt_unit(
        self, items: tuple[RequestBatchItem, ...], attempt: UnitAttempt, read: Read | None
    ) -> Steps[list[ResponseBatchItem]]:
        """Perform the items and commit what they change; `attempt` keeps what was done, whatever is raised.

        read: what an earlier attempt has begun to read, which is done.
        Raises ConcurrentChange, TakesLong, or KmipError if the store or the audit trail cannot write.
        """
        outcome_is_known, is_committing = True, False
        try:
            with (self.services.storage if read is None else read).unit_of_work(self.pace) as work:
                if self.keeper is not None:
                    self.keeper.begin(work)
                for item in items:
                    if attempt.answers and self.pace in _PAUSING:
                        yield Pause()  # what calls the batch off is raised here
                    if not self._attempt_item(item, work, attempt):
                        return self._undo(attempt)
                if self.keeper is not None:
                    self.keeper.keep(work, attempt.answers)
                if work.has_writes:
                    is_committing = True
                    yield from self._commit(work, attempt)
                else:
                    self.unrecorded += attempt.records
                    attempt.is_committed = True
                return attempt.answers
        except GeneratorExit:  # stopped while it waited
            outcome_is_known = not is_committing
            raise
        finally:
            if outcome_is_known and (attempt.on_commit or attempt.on_rollback):
                self._call_hooks(attempt)

    def _attempt_item(self, item: RequestBatchItem, work: UnitOfWork, attempt: UnitAttempt) -> bool:
        """Perform one item without committing, and return whether it has succeeded.

        Exceptions become answers, but those after which all is done again.
        """
        record_id = self.services.identifiers.new()
        touched: list[str] = []
        error: KmipError | None = None
        reason: ResultReason | None = None
        message = ""
        spec = None if item.operation is None else self.catalogue.get(item.operation)
        try:
            if self.room is not None:
                self._check_room()
            request = item.payload if item.data_reference is None else self._with_data(item, item.data_reference)
            payload = self.services.at_pace(self.pace, self._perform, spec, request, work, touched, attempt)
            if self.data is not None:
                self.data.remember(item.operation, payload)
            if item.ephemeral is Ephemeral.DATA:
                payload = without_data(item.operation, payload)
            if self.room is not None:
                self._take_room(self.room, payload)
            if spec is not None and spec.evidence is not None:
                message = spec.evidence(item.payload)
            answer = _success(item, payload)
        except AnsweredRefusal as refusal:
            if self.room is not None:  # this one is answered all the same; what follows may find no room
                self.room -= sizes.at_least(refusal.answer)
            answer, reason = _success(item, refusal.answer), refusal.reason
            message = _evidence(spec, item, refusal.message)
        except KmipError as refusal:
            error = refusal
            if isinstance(refusal, DelayedRefusal):
                self.delay = refusal.milliseconds
            if spec is not None and spec.failure_empties_placeholder:
                self.identifiers.placeholder = None
        except (TakesLong, ConcurrentChange):  # all of the unit of work is run again
            raise
        except Exception as fault:  # the edge where faults become answers (DESIGN 1)
            self.services.faults.report(record_id, fault)
            error = KmipError(ResultReason.GENERAL_FAILURE, f"the server failed; its log says why under {record_id}")
        if error is not None:
            answer, reason, message = failure(error, item), error.reason, error.message
        attempt.answers.append(answer)
        attempt.records.append(self._record(item, record_id, touched, reason, message))
        return reason is None

    def _perform(
        self, spec: Spec | None, request: Any, work: UnitOfWork, touched: list[str], attempt: UnitAttempt
    ) -> Any:
        services = attempt.services
        if isinstance(request, KmipError):
            raise anew(request)  # the message may be remembered, and its item run several times
        if spec is None:
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, "this server does not have the operation")
        if spec.can_be_done is not always and not spec.can_be_done(services.crypto.capabilities):
            raise not_supported("what holds this server's keys cannot do the operation")
        if self.principal.rights is not None:
            rights.check_operation(self.principal.rights, spec.operation, names_objects=spec.names_objects)
        admission = _make_admission(
            services=services,
            identifiers=self.identifiers,
            work=work,
            principal=self.principal,
            now=self.now,
            operation=spec.operation,
            touched=touched,
        )
        tracing = self.services.tracing
        targets: dict[str, tuple[Admitted, ...]] = {}
        if tracing is not None:
            targets = _measured(tracing, Part.ADMISSION, admission.targets, spec.targets, request)
        elif spec.targets:
            targets = admission.targets(spec.targets, request)
        target: Any = None
        for admitted in targets.values():  # the first is what the operation is about; a repeated field may be empty
            target = admitted[0] if admitted else None
            break
        scope = _make_scope(
            services=services,
            principal=self.principal,
            now=self.now,
            work=work,
            admit=admission,
            targets=targets,
            target=target,
            protocol_version=self.protocol_version,
            hooks=attempt,
            perform=self._performer(work, touched, attempt) if spec.runs_others else perform_nothing,
        )
        if spec.amount is not None and target.attributes.usage_limits is not None:
            usage_limits.charge(scope, scope.target, *spec.amount(request), spec.operation)
        if linked_objects.may_have_links(request):  # which is rare
            request = linked_objects.settled(request, admission.resolve)
        if spec.attribute_fields:
            request = templates.apply(request, spec.attribute_fields, scope)
        if tracing is None:
            response = spec.perform(request, scope)
        else:
            response = _measured(tracing, Part.OPERATION, spec.perform, request, scope)
        if services.settings.usage_counters:
            use_counters.count(scope, spec.operation, response)
        if spec.is_remembered:
            returned = self.identifiers.remember(spec, response)
            if spec.records_returned_identifiers:
                for identifier in returned:
                    if identifier not in touched:
                        touched.append(identifier)
        return response

    def _performer(self, work: UnitOfWork, touched: list[str], attempt: UnitAttempt) -> Perform:
        """Return what lets a handler perform other operations; each is admitted, charged and named like any other."""

        def perform(operation: Operation, **fields: Any) -> Any:
            self._check_attested(operation)
            spec = self.catalogue.get(operation)
            return self._perform(spec, None if spec is None else spec.request(**fields), work, touched, attempt)

        return perform

    def _check_attested(self, operation: Operation) -> None:
        """Refuse what an operation performs besides itself, if that wants an attestation and the request had none."""
        if operation in self.services.settings.attested_operations and not self.is_attested:
            raise KmipError(
                ResultReason.ATTESTATION_REQUIRED, "this is done by an operation that wants an attestation; send one"
            )

    def _record(
        self, item: RequestBatchItem, record_id: str, touched: list[str], result: ResultReason | None, message: str
    ) -> AuditRecord:
        return _make_record(
            record_id=record_id,
            time=self.now,
            principal=self.principal.name,
            source=_SOURCES[self.principal.source],
            address=self.principal.address,
            certificate_serial=self.principal.certificate_serial,
            certificate_issuer=self.principal.certificate_issuer,
            event="request" if item.operation is None else _EVENTS[item.operation],
            operation=item.operation,
            unique_identifiers=tuple(touched),
            result=result,
            message=message,
            # Once in a message, for the client chooses its length; the server's own value is in every record.
            client_correlation_value=self.client_correlation_value if item is self.first else "",
            server_correlation_value=self.server_correlation_value,
        )

    def _commit(self, work: UnitOfWork, attempt: UnitAttempt) -> Steps[None]:
        """Make changes durable together with their records; what changed nothing is recorded with the answer."""
        for record in attempt.records:
            work.record(record)
        announcer = self.services.announcer
        if announcer is not None and announcer.subscriptions:
            notices = announcer.notices(work.changes(), self.principal, self.now, self.services.identifiers.new)
            work.notify(notices, announcer.limit)
        ended = None if self.services.tracing is None else self.services.tracing.begin(Part.COMMIT)
        try:
            commitment = work.hand_over()
            if not commitment.is_done:
                yield Wait(commitment)
            commitment.result()
        finally:
            if ended is not None:
                ended()
        attempt.is_committed = True
        for record in attempt.records:
            self.services.audit.append(record)
            self.services.outbox.acknowledge(record.record_id)

    def _undo(self, attempt: UnitAttempt) -> list[ResponseBatchItem]:
        """Return the answers to the items of a unit whose last one has failed: those before it are undone.

        As the official case BL-M-2-21 has it, such an item names its objects and says nothing else: keys, cipher texts
        and signatures could not be taken back, but the usage that they were charged for would be.
        """
        *undone, failed = attempt.records
        self.unrecorded.extend(evolve(record, message=UNDONE) for record in undone)
        self.unrecorded.append(failed)
        return [*map(self._undone, attempt.answers[:-1]), attempt.answers[-1]]

    def _undone(self, answer: ResponseBatchItem) -> ResponseBatchItem:
        spec = None if answer.operation is None else self.catalogue.get(answer.operation)
        payload = answer.payload if spec is not None and spec.returns_identifiers_only else None
        return evolve(answer, result_status=ResultStatus.OPERATION_UNDONE, payload=payload)

    def _fail_unit(
        self, items: tuple[RequestBatchItem, ...], attempt: UnitAttempt, error: KmipError
    ) -> list[ResponseBatchItem]:
        """Return the answers to items that could not be committed; where none was performed, to the first one."""
        if not attempt.is_committed:  # what was committed has its record in the outbox
            if not attempt.records:  # the unit of work could not even be begun
                record_id = self.services.identifiers.new()
                self.unrecorded.extend(self._record(i, record_id, [], error.reason, error.message) for i in items[:1])
            records = attempt.records
            self.unrecorded.extend(evolve(r, result=error.reason, message=error.message) for r in records)
        attempted = items[: max(1, len(attempt.records))]
        return [failure(error, item) for item in attempted]

    def _measure(self, items: tuple[RequestBatchItem, ...]) -> None:
        """Set the room for the answers to several items, and for the Data that they take from each other."""
        self.room = self.services.settings.maximum_response_size
        if any(item.data_reference is not None for item in items):
            self.data = BatchData(self.services.settings.maximum_response_size)

    def _with_data(self, item: RequestBatchItem, reference: DataReference) -> Any:
        """Return the payload of an item that names Data of another one.  Raises KmipError."""
        if isinstance(item.payload, KmipError):
            return item.payload
        if self.data is None:
            raise invalid_field("no item comes before this one whose Data could be used")
        return self.data.given_to(item.payload, reference)

    def _take_room(self, room: int, payload: Any) -> None:
        """Take the room that an answer needs.  Raises KmipError (Response Too Large), for all later items as well."""
        self.room = room - sizes.at_least(payload)
        self._check_room()

    def _check_room(self) -> None:
        if self.room is not None and self.room < 0:
            most = self.services.settings.maximum_response_size
            raise KmipError(ResultReason.RESPONSE_TOO_LARGE, f"the answers of the batch would exceed {most} bytes")

    def _call_hooks(self, hooks: OutcomeHooks) -> None:
        """Call what was to follow the outcome of a unit of work; a failure there changes nothing of the outcome."""
        for hook in hooks.on_commit if hooks.is_committed else hooks.on_rollback:
            try:
                hook()
            except Exception as fault:
                self.services.faults.report(self.services.identifiers.new(), fault)

    def _append_records(self, answers: list[ResponseBatchItem]) -> list[ResponseBatchItem]:
        """No audit, no answer: if a record cannot be kept, its items have failed."""
        try:
            for record in self.unrecorded:
                self.services.audit.append(record)
        except KmipError as error:
            return [failure(error, answer) for answer in answers]
        return answers


def _success(item: RequestBatchItem, payload: Any) -> ResponseBatchItem:
    if isinstance(payload, ResponseBatchItem):  # in the name of the operation that was polled for
        return evolve(payload, unique_batch_item_id=item.unique_batch_item_id)
    return _make_answer(
        operation=item.operation,
        unique_batch_item_id=item.unique_batch_item_id,
        payload=payload,
        ephemeral=item.ephemeral,
    )


def _measured(tracing: Tracing, part: Part, call: Callable[..., T], *arguments: object) -> T:
    ended = tracing.begin(part)
    try:
        return call(*arguments)
    finally:
        ended()


def _evidence(spec: Spec | None, item: RequestBatchItem, message: str) -> str:
    """Return what the record of an item says that was refused in its answer."""
    said = "" if spec is None or spec.evidence is None else spec.evidence(item.payload)
    return f"{said}: {message}"


def _pause() -> Steps[KmipError | None]:
    """Let others run first; returns why the rest of the batch is called off, None if it goes on."""
    try:
        yield Pause()
    except KmipError as error:
        return error
    return None


def _busy() -> KmipError:
    return KmipError(ResultReason.GENERAL_FAILURE, "others keep changing the object; try again")
