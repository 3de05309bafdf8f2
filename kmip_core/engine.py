"""The engine: a request message and a principal in, a response message out.

It runs the items of a batch in order, each as one unit of work (all as one for Undo): look up the spec, resolve and
admit the objects that the request names, let the handler perform, commit, leave evidence. It never compares a protocol
version, never sees a tag, and knows no operation by name. KMIP 2.1 §6 (introduction), 1.4 §4.

Exceptions become answers here: a `KmipError` fails its item with its reason; anything else is a fault of ours, answered
with General Failure and a correlation id, its details kept from the client.
"""

from collections.abc import Mapping
from functools import reduce
from types import TracebackType
from typing import Any, Final

from attrs import NOTHING, define, evolve, field, fields_dict, frozen

from kmip_core import lifecycle, rights, rules, templates, usage
from kmip_core.enums import (
    BatchErrorContinuationOption,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    UniqueIdentifier,
)
from kmip_core.errors import KmipError, invalid_field, invalid_message, not_found, not_supported
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    failure,
)
from kmip_core.operation import Afterwards, Capabilities, Effect, ObjectReference, Scope, Spec, Target
from kmip_core.ports.audit import AuditRecord, AuditTrail
from kmip_core.ports.certificates import Certificates
from kmip_core.ports.crypto import Crypto
from kmip_core.ports.key_forms import KeyForms, KeyValueEncoder
from kmip_core.ports.policy import PolicyDecider
from kmip_core.ports.steps import Pace, Steps, waited
from kmip_core.ports.storage import ConcurrentChange, Outbox, Storage, UnitOfWork
from kmip_core.ports.system import Clock, FaultLog, Identifiers
from kmip_core.principal import Principal
from kmip_core.rules import Admitted, Purpose
from kmip_core.settings import Settings
from kmip_core.streams import Streams
from kmip_core.structures import ProtocolVersion
from kmip_core.tickets import Tickets

ATTEMPTS: Final = 200
"""How often a unit of work is run again after somebody else changed its object; then the client is told to retry.
More than the requests that wait for a commit at once: each round one of them gets through."""

SHORT_BATCH: Final = 16
"""Items of a batch that count as quick together; so many of the quickest take two milliseconds."""

_PACES: Final = {
    Effect.READS: Pace.QUICK,
    Effect.USES_KEYS: Pace.QUICK,
    Effect.CHANGES: Pace.COMMITS,
    Effect.WORKS: Pace.BRIEF,
    Effect.COMPUTES: Pace.SLOW,
}
_PACES_WITH_A_TOKEN: Final = dict.fromkeys(Effect, Pace.SLOW) | {Effect.READS: Pace.QUICK}
"""With a crypto adapter whose every call may wait: what does not ask it is not held up by what does."""

_SLOWER: Final = {pace: number for number, pace in enumerate(Pace)}
UNDONE: Final = "undone with the batch"
"""What the audit trail says of an item that had succeeded before a later one made its batch undo it."""

NAMED: Final = 255
"""Characters of an identifier that go into the audit trail: no object has a longer one, whatever clients send."""

_UNDO: Final = BatchErrorContinuationOption.UNDO
_CONTINUE: Final = BatchErrorContinuationOption.CONTINUE


@frozen(kw_only=True)
class Engine:
    """The engine with everything it is wired to; re-entrant, holds nothing between requests but streams and tickets."""

    catalogue: Mapping[Operation, Spec]
    storage: Storage
    outbox: Outbox
    policy: PolicyDecider
    crypto: Crypto
    certificates: Certificates
    key_forms: KeyForms
    key_values: KeyValueEncoder
    audit: AuditTrail
    clock: Clock
    identifiers: Identifiers
    faults: FaultLog
    settings: Settings
    capabilities: Capabilities
    streams: Streams = field(factory=Streams)
    tickets: Tickets = field(factory=Tickets)

    def pace(self, message: RequestMessage) -> Pace:
        """Return where `steps` may run for this message: as slow as its slowest item, and a long batch is not quick."""
        if self.storage.blocking:
            return Pace.SLOW
        items = message.batch_items
        if len(items) == 1:
            return self._pace_of(items[0])
        least = Pace.QUICK if len(items) <= SHORT_BATCH else Pace.BRIEF
        return max((least, *map(self._pace_of, items)), key=_SLOWER.__getitem__)

    def handle(self, message: RequestMessage, principal: Principal) -> ResponseMessage:
        """Return the answer to every item that was run; waits for commits."""
        return waited(self.steps(message, principal))

    def steps(self, message: RequestMessage, principal: Principal) -> Steps[ResponseMessage]:
        """Give the answer to every item that was run; yields what it waits for: commits."""
        now = self.clock.now()
        header = message.header
        try:
            self._check_header(message, now)
        except KmipError as error:
            answers = [failure(error, i.operation, i.unique_batch_item_id) for i in message.batch_items[:1]]
        else:
            batch = _Batch(engine=self, principal=principal, protocol_version=header.protocol_version, now=now)
            if header.batch_error_continuation_option is _UNDO and len(message.batch_items) > 1:
                answers = yield from batch.run_undoable(message.batch_items)
            else:
                go_on = header.batch_error_continuation_option is _CONTINUE
                answers = yield from batch.run(message.batch_items, go_on)
        return ResponseMessage(header=_answer_header(header, now), batch_items=tuple(answers))

    def _pace_of(self, item: RequestBatchItem) -> Pace:
        spec = self.catalogue.get(item.operation) if item.operation is not None else None
        if spec is None or isinstance(item.payload, KmipError):
            return Pace.QUICK
        effect = spec.effect if isinstance(spec.effect, Effect) else spec.effect(item.payload)
        return (_PACES_WITH_A_TOKEN if self.crypto.capabilities.blocking else _PACES)[effect]

    def _check_header(self, message: RequestMessage, now: int) -> None:
        header = message.header
        if len(message.batch_items) > self.settings.maximum_batch_items:
            raise invalid_message(f"a batch may have {self.settings.maximum_batch_items} items at most")
        if header.asynchronous:
            raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "requests are answered at once; do not ask otherwise")
        tolerance = self.settings.time_stamp_tolerance
        if self.settings.check_time_stamp and abs((header.time_stamp or now) - now) > tolerance:
            raise invalid_message(f"the time stamp is more than {tolerance} s away from this server's clock")


@define(kw_only=True)
class _Batch:
    """One batch while it runs: the ID placeholder lives and dies with it (RULINGS 14)."""

    engine: Engine
    principal: Principal
    protocol_version: ProtocolVersion
    now: int
    placeholder: str | None = None
    made: list[tuple[Operation, str, str]] = field(factory=list)
    """Identifiers that this batch has returned: (operation, response field, identifier), oldest first."""

    afterwards: Afterwards = field(factory=Afterwards)
    """What the unit of work under way has left to do once its outcome is known."""

    unrecorded: list[AuditRecord] = field(factory=list)
    """Records of items that changed nothing; appended before the answer leaves."""

    def run(self, items: tuple[RequestBatchItem, ...], go_on: bool) -> Steps[list[ResponseBatchItem]]:
        """Run items one by one, each its own unit of work; stop at the first failure unless `go_on`."""
        answers: list[ResponseBatchItem] = []
        for item in items:
            answer = yield from self._answer(item)
            answers.append(answer)
            if answer.result_status is not ResultStatus.SUCCESS and not go_on:
                break
        return self._evidenced(answers)

    def run_undoable(self, items: tuple[RequestBatchItem, ...]) -> Steps[list[ResponseBatchItem]]:
        """Run all items as one unit of work: after a failure nothing has happened. KMIP 1.4 §4, §11 (Undo)."""
        answers: list[ResponseBatchItem] = []
        records: list[AuditRecord] = []
        for _ in range(ATTEMPTS):
            self.placeholder = None
            self.made.clear()
            answers, records = [], []
            with _UnderWay(self) as work:
                for item in items:
                    answer, record = self._attempt(item, work)
                    answers.append(answer)
                    records.append(record)
                    if answer.result_status is not ResultStatus.SUCCESS:
                        self.unrecorded.extend(evolve(r, message=UNDONE) for r in records[:-1])
                        self.unrecorded.append(record)
                        return self._evidenced([*(self._undone(a) for a in answers[:-1]), answer])
                try:
                    yield from self._commit(work, records)
                except ConcurrentChange:
                    continue
                except KmipError as error:
                    return self._failed(answers, records, error)
                return self._evidenced(answers)
        return self._failed(answers, records, _busy())

    def _answer(self, item: RequestBatchItem) -> Steps[ResponseBatchItem]:
        """Run one item as its own unit of work, again if somebody else was faster."""
        before = self.placeholder, len(self.made)
        refusal: KmipError | None = None
        record: AuditRecord
        for _ in range(ATTEMPTS):
            with _UnderWay(self) as work:
                answer, record = self._attempt(item, work)
                if answer.result_status is not ResultStatus.SUCCESS:
                    self.unrecorded.append(record)
                    return answer
                try:
                    yield from self._commit(work, [record])
                except ConcurrentChange:
                    self._forget(*before)
                except KmipError as error:
                    self._forget(*before)
                    refusal = error
                    break
                else:
                    return answer
        refusal = refusal or _busy()
        if not self.afterwards.is_done:  # what was committed has its record in the outbox
            self.unrecorded.append(_of_failure(record, refusal))
        return failure(refusal, item.operation, item.unique_batch_item_id)

    def _failed(
        self, answers: list[ResponseBatchItem], records: list[AuditRecord], error: KmipError
    ) -> list[ResponseBatchItem]:
        """Return the answers to items of which none has happened because they could not be committed."""
        if not self.afterwards.is_done:
            self.unrecorded.extend(_of_failure(record, error) for record in records)
        return self._evidenced([failure(error, a.operation, a.unique_batch_item_id) for a in answers])

    def _undone(self, answer: ResponseBatchItem) -> ResponseBatchItem:
        """Return the item as the official case BL-M-2-21 has it: which objects it spoke of, and that it is undone.

        Anything else that it had answered stays here: keys, cipher texts and signatures cannot be taken back, but the
        usage that they were charged for would be.
        """
        spec = None if answer.operation is None else self.engine.catalogue.get(answer.operation)
        payload = answer.payload if spec is not None and spec.tells_identifiers_only else None
        return evolve(answer, result_status=ResultStatus.OPERATION_UNDONE, payload=payload)

    def follow_up(self) -> None:
        """Do what was to wait for the outcome of the unit of work."""
        for step in self.afterwards.when_done if self.afterwards.is_done else self.afterwards.when_not:
            try:
                step()
            except Exception as fault:  # the outcome stands, and the client is told it
                self.engine.faults.report(self.engine.identifiers.new(), fault)

    def _forget(self, placeholder: str | None, made: int) -> None:
        """Take back what an item that did not happen has left in the batch."""
        self.placeholder = placeholder
        del self.made[made:]

    def _attempt(self, item: RequestBatchItem, work: UnitOfWork) -> tuple[ResponseBatchItem, AuditRecord]:
        """Perform one item without committing; every exception becomes an answer here."""
        record_id = self.engine.identifiers.new()
        touched: list[str] = []
        error: KmipError | None = None
        payload: Any = None
        told = ""
        spec = self.engine.catalogue.get(item.operation) if item.operation is not None else None
        try:
            payload = self._perform(spec, item.payload, work, touched)
            if item.ephemeral:
                payload = _without_data(payload)
            if spec is not None and spec.evidence is not None:
                told = spec.evidence(item.payload)
        except KmipError as refusal:
            error = refusal
            if spec is not None and spec.failure_empties_placeholder:
                self.placeholder = None
        except Exception as fault:  # the edge where faults become answers (DESIGN 1)
            self.engine.faults.report(record_id, fault)
            error = KmipError(ResultReason.GENERAL_FAILURE, f"the server failed; its log says why under {record_id}")
        record = AuditRecord(
            record_id=record_id,
            time=self.now,
            principal=self.principal.name,
            source=self.principal.source,
            address=self.principal.address,
            certificate_serial=self.principal.certificate_serial,
            event="request" if item.operation is None else item.operation.name,
            operation=item.operation,
            unique_identifiers=tuple(touched),
            result=None if error is None else error.reason,
            message=told if error is None else error.message,
        )
        if error is not None:
            return failure(error, item.operation, item.unique_batch_item_id), record
        answer = ResponseBatchItem(
            operation=item.operation, unique_batch_item_id=item.unique_batch_item_id, payload=payload
        )
        return answer, record

    def _perform(self, spec: Spec | None, request: Any, work: UnitOfWork, touched: list[str]) -> Any:
        if isinstance(request, KmipError):
            raise request
        if spec is None:
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, "this server does not have the operation")
        if not spec.can_be_done(self.engine.crypto.capabilities):
            raise not_supported("what holds this server's keys cannot do the operation")
        names_objects = not all(target.optional for target in spec.targets)
        rights.check_operation(self.principal.rights, spec.operation, names_objects=names_objects)
        admission = _Admission(batch=self, work=work, operation=spec.operation, touched=touched)
        scope = Scope(
            principal=self.principal,
            now=self.now,
            work=work,
            admit=admission,
            targets=admission.targets(spec.targets, request),
            protocol_version=self.protocol_version,
            crypto=self.engine.crypto,
            certificates=self.engine.certificates,
            key_forms=self.engine.key_forms,
            key_values=self.engine.key_values,
            policy=self.engine.policy,
            identifiers=self.engine.identifiers,
            streams=self.engine.streams,
            tickets=self.engine.tickets,
            settings=self.engine.settings,
            capabilities=self.engine.capabilities,
            afterwards=self.afterwards,
        )
        if spec.amount is not None:
            usage.charge(work, scope.target, *spec.amount(request))
        response = spec.perform(templates.applied(request, spec.attribute_fields, scope), scope)
        self._remember(spec, response, touched)
        return response

    def _remember(self, spec: Spec, response: Any, touched: list[str]) -> None:
        for name in spec.identifier_fields:
            value = getattr(response, name)
            for identifier in (value,) if isinstance(value, str) else value or ():
                self.made.append((spec.operation, name, identifier))
                if identifier not in touched and spec.operation is not Operation.LOCATE:
                    touched.append(identifier)
        if spec.placeholder is not None:
            self.placeholder = spec.placeholder(response)

    def _commit(self, work: UnitOfWork, records: list[AuditRecord]) -> Steps[None]:
        """Make changes durable together with their records; what changed nothing is recorded with the answer."""
        if not work.has_writes:
            self.unrecorded.extend(records)
            self.afterwards.is_done = True
            return
        for record in records:
            work.record(record)
        commitment = work.hand_over()
        if not commitment.is_known:
            yield commitment
        commitment.result()
        self.afterwards.is_done = True
        for record in records:
            self.engine.audit.append(record)
            self.engine.outbox.acknowledge(record.record_id)

    def _evidenced(self, answers: list[ResponseBatchItem]) -> list[ResponseBatchItem]:
        """No audit, no answer: if a record cannot be kept, the items that it speaks of have failed."""
        try:
            for record in self.unrecorded:
                self.engine.audit.append(record)
        except KmipError as error:
            return [failure(error, answer.operation, answer.unique_batch_item_id) for answer in answers]
        return answers


class _UnderWay:
    """A unit of work of a batch; when it is left, what was to wait for its outcome follows."""

    __slots__ = ("_batch", "_context")

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch

    def __enter__(self) -> UnitOfWork:
        self._batch.afterwards = Afterwards()
        self._context = self._batch.engine.storage.unit_of_work()
        return self._context.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        finally:
            self._batch.follow_up()


@frozen(kw_only=True)
class _Admission:
    """Finds, judges and admits the objects of one batch item; see `operation.Admission`."""

    batch: _Batch
    work: UnitOfWork
    operation: Operation
    touched: list[str]

    def __call__(
        self,
        reference: ObjectReference | None,
        purpose: Purpose,
        operation: Operation | None = None,
        object_types: frozenset[ObjectType] | None = None,
    ) -> Admitted:
        """Return the admitted object.

        Raises KmipError: Object Not Found for one that is missing or of which the asker holds no grant at all;
        Permission Denied if it holds another grant; then as `rules.admit`.
        """
        engine, principal, now = self.batch.engine, self.batch.principal, self.batch.now
        identifier = self._resolve(reference)
        self.touched.append(identifier[:NAMED])  # whoever asks for what is missing or not theirs leaves a trace of it
        managed_object = self.work.find(identifier)
        if managed_object is None:
            raise not_found()
        asked = operation or self.operation
        decision = engine.policy.decide(principal, asked, managed_object)
        if not decision.is_allowed:
            if not decision.is_known:
                raise not_found()
            raise rules.denied_use(asked.name.replace("_", " ").title())
        rights.check_object(principal.rights, asked, managed_object)
        settled = lifecycle.settle(managed_object.attributes, now)
        if settled is not managed_object.attributes:
            managed_object = evolve(managed_object, attributes=settled)
        return rules.admit(
            managed_object,
            purpose,
            now,
            object_types=object_types,
            process_after_deactivation=engine.settings.process_after_deactivation,
        )

    def targets(self, targets: tuple[Target, ...], request: Any) -> dict[str, tuple[Admitted, ...]]:
        """Return the admitted objects of every declared target, by field."""
        admitted: dict[str, tuple[Admitted, ...]] = {}
        for target in targets:
            value = reduce(_part, target.field.split("."), request)
            if value is None and target.optional:
                continue
            references = value if isinstance(value, tuple) else (value,)
            admitted[target.field] = tuple(self._target(reference, target) for reference in references)
        return admitted

    def _target(self, reference: ObjectReference | None, target: Target) -> Admitted:
        try:
            return self(reference, target.purpose, target.operation, target.object_types)
        except KmipError as error:
            reason = target.reasons.get(error.reason)
            if reason is None:
                raise
            raise KmipError(reason, error.message) from error

    def _resolve(self, reference: ObjectReference | None) -> str:
        """Return the identifier that a reference stands for.  Raises KmipError (Invalid Field, Object Not Found)."""
        if isinstance(reference, str):
            return reference
        if reference is None or reference is UniqueIdentifier.ID_PLACEHOLDER:
            if self.batch.placeholder is None:
                raise KmipError(ResultReason.ITEM_NOT_FOUND, "no object is named and the ID placeholder is empty")
            return self.batch.placeholder
        if isinstance(reference, UniqueIdentifier):
            for operation, name, identifier in reversed(self.batch.made):
                if (operation, name) in _MADE_BY[reference]:
                    return identifier
            raise not_found()
        try:  # KMIP 2.1 §4.58: zero-based, negative counts back from the end
            return self.batch.made[reference][2]
        except IndexError:
            raise invalid_field("the batch has not returned so many identifiers") from None


def _without_data(payload: Any) -> Any:
    """Return a response that leaves out its Data, as an Ephemeral item asks for. KMIP 2.1 §8.3."""
    data = fields_dict(type(payload)).get("data")
    return payload if data is None else evolve(payload, data=b"" if data.default is NOTHING else data.default)


def _part(value: Any, name: str) -> Any:
    return None if value is None else getattr(value, name)


_ID: Final = "unique_identifier"
_PRIVATE: Final = "private_key_unique_identifier"
_PUBLIC: Final = "public_key_unique_identifier"

_MADE_BY: Final[dict[UniqueIdentifier, frozenset[tuple[Operation, str]]]] = {
    UniqueIdentifier.CERTIFY: frozenset({(Operation.CERTIFY, _ID)}),
    UniqueIdentifier.CREATE: frozenset({(Operation.CREATE, _ID)}),
    UniqueIdentifier.CREATE_KEY_PAIR: frozenset({(Operation.CREATE_KEY_PAIR, _PRIVATE)}),
    UniqueIdentifier.CREATE_KEY_PAIR_PRIVATE_KEY: frozenset({(Operation.CREATE_KEY_PAIR, _PRIVATE)}),
    UniqueIdentifier.CREATE_KEY_PAIR_PUBLIC_KEY: frozenset({(Operation.CREATE_KEY_PAIR, _PUBLIC)}),
    UniqueIdentifier.CREATE_SPLIT_KEY: frozenset({(Operation.CREATE_SPLIT_KEY, "unique_identifiers")}),
    UniqueIdentifier.DERIVE_KEY: frozenset({(Operation.DERIVE_KEY, _ID)}),
    UniqueIdentifier.IMPORT: frozenset({(Operation.IMPORT, _ID)}),
    UniqueIdentifier.JOIN_SPLIT_KEY: frozenset({(Operation.JOIN_SPLIT_KEY, _ID)}),
    UniqueIdentifier.LOCATE: frozenset({(Operation.LOCATE, "unique_identifiers")}),
    UniqueIdentifier.REGISTER: frozenset({(Operation.REGISTER, _ID)}),
    UniqueIdentifier.RE_KEY: frozenset({(Operation.RE_KEY, _ID)}),
    UniqueIdentifier.RE_CERTIFY: frozenset({(Operation.RE_CERTIFY, _ID)}),
    UniqueIdentifier.RE_KEY_KEY_PAIR: frozenset({(Operation.RE_KEY_KEY_PAIR, _PRIVATE)}),
    UniqueIdentifier.RE_KEY_KEY_PAIR_PRIVATE_KEY: frozenset({(Operation.RE_KEY_KEY_PAIR, _PRIVATE)}),
    UniqueIdentifier.RE_KEY_KEY_PAIR_PUBLIC_KEY: frozenset({(Operation.RE_KEY_KEY_PAIR, _PUBLIC)}),
}
"""Which earlier answer of the batch a 2.x Unique Identifier enumeration stands for. KMIP 2.1 §11.58."""


def _of_failure(record: AuditRecord, error: KmipError) -> AuditRecord:
    return evolve(record, result=error.reason, message=error.message)


def _busy() -> KmipError:
    return KmipError(ResultReason.GENERAL_FAILURE, "others keep changing the object; try again")


def _answer_header(header: RequestHeader, now: int) -> ResponseHeader:
    # The client's correlation value is for our log; responses to clients do not carry it (KMIP 2.1 §9.9, 1.4 §6.18).
    return ResponseHeader(protocol_version=header.protocol_version, time_stamp=now)
