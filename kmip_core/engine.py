"""The engine: a request message and a principal in, a response message out.

It runs the items of a batch in order, each as one unit of work (all as one for Undo): look up the spec, resolve and
admit the objects that the request names, let the handler perform, commit, leave evidence. It never compares a protocol
version, never sees a tag, and knows no operation by name. KMIP 2.1 §6 (introduction), 1.4 §4.

Exceptions become answers here: a `KmipError` fails its item with its reason; anything else is a fault of ours, answered
with General Failure and a correlation id, its details kept from the client.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from attrs import NOTHING, define, evolve, field, fields_dict, frozen

from kmip_core import rights, sizes
from kmip_core.admission import Admission, Named
from kmip_core.enums import (
    BatchErrorContinuationOption,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import KmipError, invalid_message, not_supported
from kmip_core.messages import (
    RequestBatchItem,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    failure,
)
from kmip_core.operation import OutcomeHooks, Capabilities, Cost, Scope, Spec
from kmip_core.ports.audit import AuditRecord, AuditTrail
from kmip_core.ports.certificates import Certificates
from kmip_core.ports.crypto import Crypto
from kmip_core.ports.key_forms import KeyForms, KeyValueEncoder
from kmip_core.ports.policy import PolicyDecider
from kmip_core.ports.steps import MoveTo, Pace, Steps, Wait, run_blocking
from kmip_core.ports.storage import ConcurrentChange, Outbox, Storage, TakesLong, UnitOfWork
from kmip_core.ports.system import Clock, FaultLog, Identifiers
from kmip_core.principal import Principal
from kmip_core.procedures import templates, usage_limits
from kmip_core.repetition import Repetition
from kmip_core.settings import Settings
from kmip_core.streams import Streams
from kmip_core.structures import ProtocolVersion
from kmip_core.tickets import Tickets

SHORT_BATCH: Final = 4
"""Items of a batch that count as quick together: each may take a millisecond or two."""

_PACES: Final = {
    Cost.READS: Pace.QUICK,
    Cost.USES_KEYS: Pace.QUICK,
    Cost.CHANGES: Pace.COMMITS,
    Cost.WORKS: Pace.BRIEF,
    Cost.COMPUTES: Pace.SLOW,
}
_PACES_WITH_A_TOKEN: Final = dict.fromkeys(Cost, Pace.SLOW) | {Cost.READS: Pace.QUICK}
"""With a crypto adapter whose every call may wait: what does not ask it is not held up by what does."""

_SLOWED: Final = {Pace.QUICK: Pace.BRIEF, Pace.COMMITS: Pace.BRIEF, Pace.BRIEF: Pace.SLOW}
"""Where work goes on that takes longer than its pace allows."""

_SLOWER: Final = {pace: number for number, pace in enumerate(Pace)}
UNDONE: Final = "undone with the batch"
"""What the audit trail says of an item that had succeeded before a later one made its batch undo it."""

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
        return run_blocking(self.steps(message, principal))

    def steps(self, message: RequestMessage, principal: Principal) -> Steps[ResponseMessage]:
        """Give the answer to every item that was run; yields what it waits for: commits."""
        now = self.clock.now()
        header = message.header
        # For who speaks of correlation values: strict clients stumble over a field that they do not know.
        correlation = None if header.client_correlation_value is None else self.identifiers.new()
        try:
            self._check_header(message, now)
        except KmipError as error:
            answers = [failure(error, i) for i in message.batch_items[:1]]
        else:
            batch = _Batch(
                engine=self,
                principal=principal,
                protocol_version=header.protocol_version,
                now=now,
                client_correlation_value=header.client_correlation_value or "",
                server_correlation_value=correlation or "",
                pace=self.pace(message),
            )
            if header.batch_error_continuation_option is _UNDO and len(message.batch_items) > 1:
                answers = yield from batch.run_undoable(message.batch_items)
            else:
                go_on = header.batch_error_continuation_option is _CONTINUE
                answers = yield from batch.run(message.batch_items, go_on)
        # The client's own value is for the trail; responses to clients do not carry it (KMIP 2.1 §9.9, 1.4 §6.18).
        answer_header = ResponseHeader(
            protocol_version=header.protocol_version, time_stamp=now, server_correlation_value=correlation
        )
        return ResponseMessage(header=answer_header, batch_items=tuple(answers))

    def _pace_of(self, item: RequestBatchItem) -> Pace:
        cost = self.cost_of(item)
        if cost is None:
            return Pace.QUICK
        return (_PACES_WITH_A_TOKEN if self.crypto.capabilities.blocking else _PACES)[cost]

    def cost_of(self, item: RequestBatchItem) -> Cost | None:
        """Return what running an item may do; None for one that is refused without being run."""
        spec = self.catalogue.get(item.operation) if item.operation is not None else None
        if spec is None or isinstance(item.payload, KmipError):
            return None
        return spec.cost if isinstance(spec.cost, Cost) else spec.cost(item.payload)

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
    client_correlation_value: str = ""
    server_correlation_value: str = ""
    pace: Pace
    """At which units of work are begun; slower once one of them takes long."""

    named: Named = field(factory=Named)
    hooks: OutcomeHooks = field(factory=OutcomeHooks)
    """What the unit of work under way has left to do once its outcome is known."""

    unrecorded: list[AuditRecord] = field(factory=list)
    """Records of items that changed nothing; appended before the answer leaves."""

    repetition: Repetition = field(init=False)
    """What the unit of work under way computes with, and whether it may be run again."""

    room: int | None = None
    """Bytes that are left for the answers of a batch of several items; None while there is only one."""

    def run(self, items: tuple[RequestBatchItem, ...], go_on: bool) -> Steps[list[ResponseBatchItem]]:
        """Run items one by one, each its own unit of work; stop at the first failure unless `go_on`."""
        answers: list[ResponseBatchItem] = []
        self._measure(items)
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
        self._begin(items)
        while True:
            self.named = Named()
            self._measure(items)
            answers, records = [], []
            try:
                with _UnderWay(self) as work:
                    for item in items:
                        answer, record = self._attempt(item, work)
                        answers.append(answer)
                        records.append(record)
                        if answer.result_status is not ResultStatus.SUCCESS:
                            self.unrecorded.extend(evolve(r, message=UNDONE) for r in records[:-1])
                            self.unrecorded.append(record)
                            return self._evidenced([*(self._undone(a) for a in answers[:-1]), answer])
                    yield from self._commit(work, records)
                    return self._evidenced(answers)
            except ConcurrentChange:
                if not self.repetition.may_go_on():
                    return self._failed(answers, records, _busy())
            except TakesLong:
                yield self._slow_down()
            except KmipError as error:
                return self._failed(answers, records, error)

    def _answer(self, item: RequestBatchItem) -> Steps[ResponseBatchItem]:
        """Run one item as its own unit of work, again if somebody else was faster."""
        before, room = self.named.mark(), self.room
        refusal: KmipError
        record: AuditRecord
        self._begin((item,))
        while True:
            self.room = room
            try:
                with _UnderWay(self) as work:
                    answer, record = self._attempt(item, work)
                    if answer.result_status is not ResultStatus.SUCCESS:
                        self.unrecorded.append(record)
                        return answer
                    yield from self._commit(work, [record])
                    return answer
            except ConcurrentChange:
                self.named.go_back(before)
                if not self.repetition.may_go_on():
                    refusal = _busy()
                    break
            except TakesLong:
                self.named.go_back(before)
                yield self._slow_down()
            except KmipError as error:
                self.named.go_back(before)
                refusal = error
                break
        if not self.hooks.is_committed:  # what was committed has its record in the outbox
            self.unrecorded.append(_of_failure(record, refusal))
        return failure(refusal, item)

    def _begin(self, items: tuple[RequestBatchItem, ...]) -> None:
        """Note that a unit of work of these items is to be run for the first time."""
        costs = frozenset(cost for item in items if (cost := self.engine.cost_of(item)) is not None)
        self.repetition = Repetition(self.engine.crypto, self.engine.key_forms, costs)

    def _measure(self, items: tuple[RequestBatchItem, ...]) -> None:
        """Note how much room there is for the answers to these items; a single one is measured when it is encoded."""
        self.room = self.engine.settings.maximum_response_size if len(items) > 1 else None

    def _take_room(self, payload: Any) -> None:
        """Take the room that an answer needs.  Raises KmipError (Response Too Large), for all later items as well."""
        if self.room is not None:
            self.room -= sizes.at_least(payload)
            self._check_room()

    def _check_room(self) -> None:
        if self.room is not None and self.room < 0:
            most = self.engine.settings.maximum_response_size
            raise KmipError(ResultReason.RESPONSE_TOO_LARGE, f"the answers of the batch would exceed {most} bytes")

    def _slow_down(self) -> MoveTo:
        """Return the step after which the unit of work is begun again, at a slower pace: nothing of it has happened."""
        self.pace = _SLOWED[self.pace]
        return MoveTo(self.pace)

    def _failed(
        self, answers: list[ResponseBatchItem], records: list[AuditRecord], error: KmipError
    ) -> list[ResponseBatchItem]:
        """Return the answers to items of which none has happened because they could not be committed."""
        if not self.hooks.is_committed:
            self.unrecorded.extend(_of_failure(record, error) for record in records)
        return self._evidenced([failure(error, a) for a in answers])

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
        for step in self.hooks.on_commit if self.hooks.is_committed else self.hooks.on_rollback:
            try:
                step()
            except Exception as fault:  # the outcome stands, and the client is told it
                self.engine.faults.report(self.engine.identifiers.new(), fault)

    def _attempt(self, item: RequestBatchItem, work: UnitOfWork) -> tuple[ResponseBatchItem, AuditRecord]:
        """Perform one item without committing; every exception but TakesLong becomes an answer here."""
        record_id = self.engine.identifiers.new()
        touched: list[str] = []
        error: KmipError | None = None
        payload: Any = None
        told = ""
        spec = self.engine.catalogue.get(item.operation) if item.operation is not None else None
        try:
            self._check_room()
            payload = self._perform(spec, item.payload, work, touched)
            if item.ephemeral:
                payload = _without_data(payload)
            self._take_room(payload)
            if spec is not None and spec.evidence is not None:
                told = spec.evidence(item.payload)
        except KmipError as refusal:
            error = refusal
            if spec is not None and spec.failure_empties_placeholder:
                self.named.placeholder = None
        except TakesLong:
            raise
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
            client_correlation_value=self.client_correlation_value,
            server_correlation_value=self.server_correlation_value,
        )
        if error is not None:
            return failure(error, item), record
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
        rights.check_operation(self.principal.rights, spec.operation, names_objects=spec.names_objects)
        admission = Admission(
            named=self.named,
            work=work,
            policy=self.engine.policy,
            settings=self.engine.settings,
            principal=self.principal,
            now=self.now,
            operation=spec.operation,
            touched=touched,
        )
        scope = Scope(
            principal=self.principal,
            now=self.now,
            work=work,
            admit=admission,
            targets=admission.targets(spec.targets, request),
            protocol_version=self.protocol_version,
            crypto=self.repetition.crypto,
            certificates=self.engine.certificates,
            key_forms=self.repetition.key_forms,
            key_values=self.engine.key_values,
            policy=self.engine.policy,
            identifiers=self.engine.identifiers,
            streams=self.engine.streams,
            tickets=self.engine.tickets,
            settings=self.engine.settings,
            capabilities=self.engine.capabilities,
            hooks=self.hooks,
        )
        if spec.amount is not None:
            usage_limits.charge(scope, scope.target, *spec.amount(request), spec.operation)
        response = spec.perform(templates.applied(request, spec.attribute_fields, scope), scope)
        for identifier in self.named.remember(spec, response):
            if identifier not in touched and spec.operation is not Operation.LOCATE:
                touched.append(identifier)
        return response

    def _commit(self, work: UnitOfWork, records: list[AuditRecord]) -> Steps[None]:
        """Make changes durable together with their records; what changed nothing is recorded with the answer."""
        if not work.has_writes:
            self.unrecorded.extend(records)
            self.hooks.is_committed = True
            return
        for record in records:
            work.record(record)
        commitment = work.hand_over()
        if not commitment.is_done:
            yield Wait(commitment)
        commitment.result()
        self.hooks.is_committed = True
        for record in records:
            self.engine.audit.append(record)
            self.engine.outbox.acknowledge(record.record_id)

    def _evidenced(self, answers: list[ResponseBatchItem]) -> list[ResponseBatchItem]:
        """No audit, no answer: if a record cannot be kept, the items that it speaks of have failed."""
        try:
            for record in self.unrecorded:
                self.engine.audit.append(record)
        except KmipError as error:
            return [failure(error, answer) for answer in answers]
        return answers


class _UnderWay:
    """A unit of work of a batch; when it is left, what was to wait for its outcome follows."""

    __slots__ = ("_batch", "_context")

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch

    def __enter__(self) -> UnitOfWork:
        self._batch.hooks = OutcomeHooks()
        self._context = self._batch.engine.storage.unit_of_work(self._batch.pace)
        return self._context.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        finally:
            if kind is not GeneratorExit:  # nobody waited for the outcome, so what hangs on it cannot be done
                self._batch.follow_up()


def _without_data(payload: Any) -> Any:
    """Return a response that leaves out its Data, as an Ephemeral item asks for. KMIP 2.1 §8.3."""
    data = fields_dict(type(payload)).get("data")
    return payload if data is None else evolve(payload, data=b"" if data.default is NOTHING else data.default)


def _of_failure(record: AuditRecord, error: KmipError) -> AuditRecord:
    return evolve(record, result=error.reason, message=error.message)


def _busy() -> KmipError:
    return KmipError(ResultReason.GENERAL_FAILURE, "others keep changing the object; try again")
