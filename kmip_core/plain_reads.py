"""Plain reads: requests whose answer is the same again as long as nothing has changed, and what changes it. ADR 0411.

A server's answer to a read follows from few things: the bytes of the request, the client, the second in which it is
asked (dates and the Time Stamp of an answer are whole seconds), the stored objects and the policies in force. The last
three are an answer's *basis*. While it is the same, what was answered may be given again without being worked out; that
the client may still act is looked at anew, and the audit trail gets a record of its own each time.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from kmip_core.classes import define
from kmip_core.enums import AsynchronousIndicator, Operation, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.makers import maker_of
from kmip_core.messages import RequestMessage, ResponseBatchItem, ResponseMessage
from kmip_core.operation import Cost, Spec
from kmip_core.pacing import cost_of
from kmip_core.ports.audit import AuditRecord
from kmip_core.principal import Principal
from kmip_core.services import EngineServices

Basis: TypeAlias = tuple[int, object, object]
"""The second, the state of the store and the policies in force; two that are equal give a plain read one answer."""

_COSTS: Final = frozenset({Cost.READS, Cost.USES_KEYS})
"""What a plain read may cost: to name a format is a part of it; to wrap a key, or to put it in a container, is not."""

_make_record: Final = maker_of(AuditRecord)


@define(kw_only=True)
class RecordedResponse(ResponseMessage):
    """An answer that a batch has come to.  records: what the audit trail says of its items that changed nothing."""

    records: Sequence[AuditRecord]


@define(kw_only=True)
class GivenAnswer:
    """What is kept of the answer to a plain read.

    principal: who asked.  response: without its payload, which the transport keeps encoded.  record: the trail's.
    """

    basis: Basis
    principal: Principal
    request: RequestMessage
    response: ResponseMessage
    record: AuditRecord


class PlainReading(Protocol):
    """What a transport needs of `PlainReads`."""

    def includes(self, message: RequestMessage) -> bool:
        """Return whether a request is a plain read."""
        ...

    def basis(self) -> Basis | None:
        """Return what an answer that is made now rests on; None where that is not known."""
        ...

    def given(
        self, request: RequestMessage, response: ResponseMessage, principal: Principal, before: Basis
    ) -> GivenAnswer | None:
        """Return what is kept of an answer; None if it is not to be given again."""
        ...

    def record_again(self, given: GivenAnswer) -> bool:
        """Record that an answer is given once more; False if it has to be worked out anew instead."""
        ...


@define(kw_only=True)
class PlainReads:
    """Says which requests are plain reads and what their answers rest on; records one that is given again."""

    catalogue: Mapping[Operation, Spec]
    services: EngineServices

    def includes(self, message: RequestMessage) -> bool:
        """Return whether a request is one: a single item, nothing in the header that is for one time or one client."""
        services, header = self.services, message.header
        if len(message.batch_items) != 1:
            return False
        (item,) = message.batch_items
        spec = None if item.operation is None else self.catalogue.get(item.operation)
        return (
            spec is not None
            and spec.is_plain_read
            and cost_of(item, self.catalogue) in _COSTS
            and not header.credentials
            and header.client_correlation_value is None
            and header.asynchronous_indicator is AsynchronousIndicator.PROHIBITED
            and services.attestations is None
            and not services.settings.attested_operations
            and services.tracing is None
            and services.storage.tells_state
            and not (services.authentication is not None and services.authentication.always_takes_steps)
            and not services.crypto.capabilities.blocking
            and not services.crypto.capabilities.holds_keys  # a token's keys change without a commit of the store
        )

    def basis(self) -> Basis | None:
        """Return what an answer that is made now rests on; None where the store does not tell its state."""
        services = self.services
        state = services.storage.state()
        return None if state is None else (services.clock.now(), state, services.policy.in_force())

    def given(
        self, request: RequestMessage, response: ResponseMessage, principal: Principal, before: Basis
    ) -> GivenAnswer | None:
        """Return what is kept of an answer; None if it is not to be given again.

        before: what it would rest on, asked for before `response` was begun: it does if that is the basis still.
        """
        items = response.batch_items
        if (
            not isinstance(response, RecordedResponse)
            or len(response.records) != 1
            or items[0].result_status is not ResultStatus.SUCCESS
            or response.principal is not principal  # a credential beside the certificate has made it another one
            or self.basis() != before
        ):
            return None
        bare = ResponseBatchItem(operation=items[0].operation)
        return GivenAnswer(
            basis=before,
            principal=principal,
            request=request,
            response=ResponseMessage(header=response.header, batch_items=(bare,)),
            record=response.records[0],
        )

    def record_again(self, given: GivenAnswer) -> bool:
        """Record that an answer is given once more; False if it has to be worked out anew instead.

        That is where the client has to be looked at first, or is refused by now, or no record can be written.
        """
        services, principal, before = self.services, given.principal, given.record
        authentication = services.authentication
        try:
            if authentication is not None and authentication.settle((), principal, given.basis[0]) is not principal:
                return False
            services.audit.append(
                _make_record(
                    record_id=services.identifiers.new(),
                    time=before.time,
                    principal=before.principal,
                    source=before.source,
                    address=before.address,
                    certificate_serial=before.certificate_serial,
                    certificate_issuer=before.certificate_issuer,
                    event=before.event,
                    operation=before.operation,
                    unique_identifiers=before.unique_identifiers,
                    message=before.message,
                )
            )
        except KmipError:
            return False
        return True
