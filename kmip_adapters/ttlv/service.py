"""The service behind every transport: frame in, engine, frame out; whatever happens, an answer.

Size is judged here, where the bytes are: a response that exceeds the request's Maximum Response Size, or the server's
own limit, becomes Response Too Large in every item. A change that was made stays made (KMIP 1.4 §11.1). A size is that
of the binary message whatever its encoding (KMIP Additional Message Encodings 1.0 §4, §6).

A transport that carries several encodings has a service for each content type, see `in_every_encoding`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Final, Protocol

from attrs import evolve, field

from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.encodings import operation_json
from kmip_adapters.ttlv.encodings.encoding import BINARY, ENCODINGS, JSON, OPERATION_JSON, Encoding
from kmip_adapters.ttlv.known_answers import Keep, KnownAnswers
from kmip_adapters.ttlv.repeats import RepeatedRequests
from kmip_core.classes import define, frozen
from kmip_core.enums import CredentialType, EndpointRole, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError, not_supported
from kmip_core.makers import maker_of
from kmip_core.messages import (
    Credential,
    RequestMessage,
    ResponseHeader,
    ResponseMessage,
    UsernameAndPassword,
    failure,
)
from kmip_core.plain_reads import PlainReading
from kmip_core.ports.steps import Pace, Step, Steps
from kmip_core.ports.system import Clock, FaultLog, Identifiers
from kmip_core.ports.transport import Answer, RoleSwap
from kmip_core.principal import Principal
from kmip_core.standard_names import standard_name


class Answering(Protocol):
    """What is needed of `kmip_core.engine.Engine`."""

    @property
    def plain_reads(self) -> PlainReading | None:
        """What may be answered again without `steps`; None where each answer is worked out."""
        ...

    def pace(self, message: RequestMessage) -> Pace:
        """Return where `steps` may be begun."""
        ...

    def steps(self, message: RequestMessage, principal: Principal, pace: Pace | None = None) -> Steps[ResponseMessage]:
        """Give the answer; yields where it waits.  pace: as `pace` returned it, so that it is not asked again."""
        ...

    def refuse_whole(self, error: KmipError, principal: Principal) -> KmipError:
        """Return what is answered to a message as a whole, because of `error`, once that is recorded."""
        ...


@frozen(kw_only=True)
class TtlvService:
    """A `Service` (kmip_core.ports.transport) for messages of one encoding; a malformed one is answered in it, too.

    clock, identifiers, faults: for answers that the engine does not make.
    maximum_response_size: the server's own limit, in bytes.
    swaps_roles: whether the transport can have the server ask and the client answer (Set Endpoint Role).
    answers_again: whether the answer to a plain read is given again while nothing has changed, or worked out each time.
    """

    engine: Answering
    codec: Codec
    clock: Clock
    identifiers: Identifiers
    faults: FaultLog
    maximum_response_size: int
    encoding: Encoding = BINARY
    swaps_roles: bool = False
    answers_again: bool = True
    answers: KnownAnswers | None = field(init=False, repr=False)
    """Those to plain reads; None where each is worked out."""

    @answers.default
    def _answers_to_plain_reads(self) -> KnownAnswers | None:
        reads = self.engine.plain_reads
        return KnownAnswers(reads) if reads is not None and self.answers_again else None

    _requests: RepeatedRequests = field(init=False, repr=False)

    @_requests.default
    def _decoded_requests(self) -> RepeatedRequests:
        decode = partial(self.codec.decode_request, encoding=self.encoding)
        if self.answers is None:
            return RepeatedRequests(decode, self.engine.pace)
        return RepeatedRequests(decode, self.engine.pace, self.answers.reads.includes)

    _for_operations: "TtlvService | None" = field(init=False, repr=False)

    @_for_operations.default
    def _service_of_operations(self) -> "TtlvService | None":
        return evolve(self, encoding=OPERATION_JSON) if self.encoding is JSON else None

    @property
    def content_type(self) -> str:
        """What HTTP calls the encoding of requests and responses."""
        return self.encoding.content_type

    def open(self, frame: bytes, principal: Principal, credentials: Sequence[UsernameAndPassword] = ()) -> "TtlvJob":
        """Decode one whole message; a malformed one becomes a job that answers so.

        credentials: those that came beside the message; they count as if they stood in its header.
        """
        if self._for_operations is not None and operation_json.is_one(frame):
            return self._for_operations.open(frame, principal, credentials)
        try:
            request, pace, is_repeated = self._requests.read(frame)
        except UnreadableMessage as error:
            return TtlvJob(service=self, request=error, principal=principal, pace=Pace.QUICK)
        except Exception as fault:  # a bug in decoding must not end the connection, nor reach the client
            failed = UnreadableMessage(self._fault(fault), self.codec.versions[0])
            return TtlvJob(service=self, request=failed, principal=principal, pace=Pace.QUICK)
        if credentials:
            request = _with_credentials(request, credentials)
            pace = self.engine.pace(request)
        if not self.swaps_roles and _has_swap(request):
            request = _without_swaps(request)
            pace = self.engine.pace(request)
        repeated = frame if is_repeated and not credentials else None
        return _make_job(service=self, request=request, principal=principal, pace=pace, repeated=repeated)

    def refuse(self, error: KmipError) -> bytes:
        """Return the whole response to what is not opened: no frame, or a peer without identity."""
        return self._encode(self.codec.refusal(error, self.clock.now()))

    def refuse_whole(self, unread: UnreadableMessage, principal: Principal) -> bytes:
        """Return the whole response to a message that cannot be read, once the refusal is recorded."""
        error = self.engine.refuse_whole(unread, principal)
        return self.refuse(error if error is unread else UnreadableMessage(error, unread.version))

    def steps(
        self, request: RequestMessage, principal: Principal, pace: Pace | None = None, keep: Keep | None = None
    ) -> Steps[Answer]:
        """Give the whole response to a request; waits as the engine does.

        keep: takes the answer to a plain read, to be given again.
        """
        try:
            response = yield from self.engine.steps(request, principal, pace)
            encoded = self.codec.encode_response(response, self.encoding)
            size = len(encoded) if self.encoding is BINARY else len(self.codec.encode_response(response))
        except Exception as fault:  # the last edge: the client gets an answer, the log the reason
            return self.fail(request, principal, fault)
        limit = self.maximum_response_size
        asked = request.header.maximum_response_size
        if asked is not None:
            limit = min(limit, asked)
        if size <= limit:
            if self.swaps_roles and _swaps(request, response):
                return RoleSwap(encoded, response.header.protocol_version, response.principal or principal)
            if keep is not None:
                try:
                    keep(request, response, encoded)
                except Exception as fault:  # a bug in keeping it is no reason not to give it
                    self._fault(fault)
            return encoded
        too_large = KmipError(ResultReason.RESPONSE_TOO_LARGE, f"the answer would exceed {limit} bytes")
        too_large = self.engine.refuse_whole(too_large, principal)  # the items are recorded as if they had been sent
        items = (failure(too_large, i) for i in response.batch_items)
        return self._encode(evolve(response, batch_items=tuple(items)))

    def fail(self, request: RequestMessage, principal: Principal, fault: Exception) -> bytes:
        """Return the whole response to a request that a bug keeps from being answered, once that is recorded."""
        return self.decline(request, self.engine.refuse_whole(self._fault(fault), principal))

    def decline(self, request: RequestMessage, error: KmipError) -> bytes:
        """Return the whole response that fails every item of a request."""
        header = ResponseHeader(
            protocol_version=request.header.protocol_version,
            time_stamp=self.clock.now(),
        )
        items = (failure(error, i) for i in request.batch_items)
        return self._encode(ResponseMessage(header=header, batch_items=tuple(items)))

    def _encode(self, response: ResponseMessage) -> bytes:
        return self.codec.encode_response(response, self.encoding)

    def _fault(self, fault: Exception) -> KmipError:
        correlation_id = self.identifiers.new()
        self.faults.report(correlation_id, fault)
        return KmipError(ResultReason.GENERAL_FAILURE, f"the server failed; its log says why under {correlation_id}")


def _with_credentials(request: RequestMessage, credentials: Sequence[UsernameAndPassword]) -> RequestMessage:
    more = (Credential(credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=c) for c in credentials)
    return evolve(request, header=evolve(request.header, credentials=(*request.header.credentials, *more)))


def _swaps(request: RequestMessage, response: ResponseMessage) -> bool:
    """Return whether the last Set Endpoint Role of a request that succeeded makes the client play the server.

    An answer to Poll bears the name of the operation that was polled for; it swaps nothing.
    """
    if not _has_swap(request):
        return False
    done = [
        item.payload.endpoint_role
        for item in response.batch_items
        if item.operation is Operation.SET_ENDPOINT_ROLE and item.result_status is ResultStatus.SUCCESS
    ]
    return done[-1:] == [EndpointRole.CLIENT]


def _has_swap(request: RequestMessage) -> bool:
    return Operation.SET_ENDPOINT_ROLE in map(_operation, request.batch_items)


_operation: Final = attrgetter("operation")


def _without_swaps(request: RequestMessage) -> RequestMessage:
    """Return the request, in which a swap of roles is refused: nothing could be sent to the client."""
    refusal = not_supported("roles are swapped on connections of KMIP's own port only")
    return evolve(
        request,
        batch_items=tuple(
            evolve(item, payload=refusal)
            if getattr(item.payload, "endpoint_role", None) is EndpointRole.CLIENT
            else item
            for item in request.batch_items
        ),
    )


def in_every_encoding(service: TtlvService) -> Mapping[str, TtlvService]:
    """Return the service by content type: text/xml, application/json, application/octet-stream."""
    return {
        content_type: evolve(service, encoding=encoding, swaps_roles=False)
        for content_type, encoding in ENCODINGS.items()
    }


@define(kw_only=True)
class TtlvJob:
    """A `Job` (kmip_core.ports.transport): one decoded request, or the reason why there is none.

    repeated: its bytes, if it is a plain read that was asked for before.
    """

    service: TtlvService
    request: RequestMessage | UnreadableMessage
    principal: Principal
    pace: Pace
    repeated: bytes | None = None
    _steps: Steps[Answer] | None = None
    _called_off: KmipError | None = None

    @property
    def title(self) -> str:
        """Its operations and how many, for a log line."""
        if isinstance(self.request, UnreadableMessage):
            return "an unreadable request"
        names = Counter(
            "unknown" if i.operation is None else standard_name(i.operation) for i in self.request.batch_items
        )
        shown = ", ".join(f"{count} x {name}" if count > 1 else name for name, count in names.most_common(4))
        return f"{shown} and others" if len(names) > 4 else shown

    def run(self) -> Answer | Step:
        """Begin, or go on: return the whole response, or what is to be waited for."""
        steps, request = self._steps, self.request
        try:
            if steps is None:
                if isinstance(request, UnreadableMessage):
                    return self.service.refuse_whole(request, self.principal)
                repeated = self.repeated
                keep: Keep | None = None
                if repeated is not None and (answers := self.service.answers) is not None:
                    try:
                        known = answers.look_up(repeated, self.principal)
                    except Exception as fault:  # as in `TtlvService.steps`
                        return self.service.fail(request, self.principal, fault)
                    if isinstance(known, bytes):
                        return known
                    keep = known
                steps = self._steps = self.service.steps(request, self.principal, self.pace, keep)
            elif self._called_off is not None:
                error, self._called_off = self._called_off, None
                return steps.throw(error)
            return next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    def curtail(self, error: KmipError) -> None:
        """Have the next `run`, after a Pause, fail every item that has not begun."""
        self._called_off = error

    def decline(self, error: KmipError) -> bytes:
        """Return, instead of `run`, the response that fails every item with `error`."""
        if isinstance(self.request, UnreadableMessage):
            return self.service.refuse_whole(self.request, self.principal)
        return self.service.decline(self.request, error)


_make_job: Final = maker_of(TtlvJob)
