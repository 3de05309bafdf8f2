"""What a client says and when, without any input or output: versions, fail-over, retries.

The methods of `Conversation` are generators: they yield what is to be done (`Connect`, `Exchange`, `Disconnect`), are
sent the frame that an exchange brought, and have an OSError thrown into them where it failed. `blocking` and
`asynchronous` do the steps; so both kinds of client behave alike.

    server   the first that can be connected to, beginning with the one that served last
    version  per server, by Discover Versions (KMIP 1.1 - 2.1); 1.0 where the server has no such operation
    retries  a request that left and was not answered is sent again only if it changes nothing (`is_repeatable`)
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from attrs import field

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import FACTS
from kmip_app.client.errors import (
    ClientError,
    Failure,
    NoCommonVersion,
    NotInVersion,
    OperationFailed,
    OutcomeUnknown,
    ServerUnreachable,
    UnreadableAnswer,
    operation_failed,
)
from kmip_app.connection_errors import explained
from kmip_core.classes import frozen
from kmip_core.enums import AsynchronousIndicator, BatchErrorContinuationOption, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.operation import Spec
from kmip_core.operations import CATALOGUE, discover_versions
from kmip_core.standard_names import standard_name
from kmip_core.structures import ProtocolVersion

DRAFTS: Final = frozenset({ProtocolVersion(3, 0)})
"""Versions that may still change: they are used where a program asks for them, and not agreed on otherwise."""

SPOKEN: Final = tuple(sorted(tables.VERSIONS, reverse=True))
"""The protocol versions that this client speaks, newest first."""

VERSIONS: Final = tuple(version for version in SPOKEN if version not in DRAFTS)
"""Those that it offers to a server by itself."""

SPEC_OF: Final[Mapping[type, Spec]] = {spec.request: spec for spec in CATALOGUE.values()}
"""A Request class -> its operation."""


@frozen
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@frozen
class Connect:
    """Open a TLS connection."""

    address: Address


@frozen
class Exchange:
    """Send a whole message and wait for the whole answer, over the open connection.

    The step fails with `StaleConnection` if the server had closed the connection before anything was sent.
    """

    frame: bytes = field(repr=False)


@frozen
class Disconnect:
    """Close the connection, if there is one."""


class StaleConnection(ConnectionError):
    """The server has closed the connection while it was idle: nothing was sent."""


@frozen
class Pending:
    """An answer that is to come: `wait_for` of a client brings it, from any connection of the same identity.

    operation: whose answer it is; that of a Poll which has not brought it is Poll.
    """

    operation: Operation | None
    asynchronous_correlation_value: bytes


Step: TypeAlias = Connect | Exchange | Disconnect
Steps: TypeAlias = Generator[Step, bytes, Any]
Result: TypeAlias = Any
"""A Response of `kmip_core.operations`, the OperationFailed of an item of a batch, or a Pending."""

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
"""Seconds between two questions for an answer that is to come; each pause is twice as long as the one before."""


class Conversation:
    """The state between a client and its servers: which one, connected or not, in which version."""

    def __init__(
        self,
        servers: Sequence[Address],
        *,
        versions: Iterable[ProtocolVersion] = VERSIONS,
        credentials: tuple[Credential, ...] = (),
        retries: int = 2,
    ) -> None:
        """versions: to choose from; a single one is used without asking the server.

        retries: how often a request is sent again that changes nothing and was not answered.
        """
        if not servers:
            raise ValueError("name at least one server")
        self._servers = tuple(servers)
        self._versions = tuple(sorted(versions, reverse=True))
        if unknown := [str(version) for version in self._versions if version not in SPOKEN]:
            raise ValueError(f"this client does not speak KMIP {', '.join(unknown)}")
        self._credentials = credentials
        self._retries = retries
        self._current = 0
        self._agreed: dict[Address, ProtocolVersion] = {}
        self.is_connected = False
        self.time_stamp: int | None = None  # of the last answer

    @property
    def address(self) -> Address:
        """The server in use, or the one to be tried first."""
        return self._servers[self._current]

    @property
    def version(self) -> ProtocolVersion | None:
        """The protocol version agreed on with the server in use; None before the first connection."""
        return self._agreed.get(self.address)

    # --- steps ----------------------------------------------------------------------------------------------------

    def connect(self) -> Steps:
        """Connect to the first server that can be used, and agree on a version.

        Raises ServerUnreachable; NoCommonVersion, UnreadableAnswer of a server that was reached.
        """
        failures: list[Failure] = []
        for _ in self._servers:
            address = self.address
            try:
                yield Connect(address)
                if address not in self._agreed:
                    self._agreed[address] = yield from self._agree()
                self.is_connected = True
                return
            except OSError as error:
                failures.append(Failure(str(address), error))
            except ClientError:
                yield Disconnect()
                raise
            yield Disconnect()
            self._current = (self._current + 1) % len(self._servers)
        raise ServerUnreachable(failures)

    def perform(
        self,
        requests: Sequence[Any],
        continuation: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP,
        indicator: AsynchronousIndicator = AsynchronousIndicator.PROHIBITED,
    ) -> Generator[Step, bytes, tuple[Result, ...]]:
        """Return a Response, or an OperationFailed, for each request; fewer where the server stopped at a failure.

        indicator: whether the server may, or must, answer later; a Pending stands for each answer that is to come.
        Raises ClientError.
        """
        for request in requests:
            if type(request) not in SPEC_OF:
                raise TypeError(f"a Request of kmip_core.operations is needed, not {type(request).__name__}")
        is_at_once = indicator is AsynchronousIndicator.PROHIBITED  # what is submitted twice may be done twice
        retries = self._retries if is_at_once and all(is_repeatable(request) for request in requests) else 0
        while True:
            if not self.is_connected:
                yield from self.connect()
            version = self._agreed[self.address]
            frame = self._encode(requests, version, continuation, indicator)
            try:
                answer = yield Exchange(frame)
            except StaleConnection:
                yield from self._drop()
            except OSError as error:
                yield from self._drop()
                if not retries:
                    raise OutcomeUnknown(
                        f"{self.address}: {explained(error)}; the server may have done it or not"
                    ) from error
                retries -= 1
                self._current = (self._current + 1) % len(self._servers)
            else:
                return tuple(self._decode(answer, version, len(requests)))

    def _drop(self) -> Steps:
        self.is_connected = False
        yield Disconnect()

    def _agree(self) -> Generator[Step, bytes, ProtocolVersion]:
        """Return the best version that both speak."""
        if len(self._versions) == 1:
            return self._versions[0]
        refusal: OperationFailed | None = None
        is_of_1_0 = False
        to_ask, asked = [version for version in _ASKED_IN if version in self._versions], set()
        while to_ask:
            asked_in = to_ask.pop(0)
            asked.add(asked_in)
            request = discover_versions.Request(protocol_versions=self._versions)
            frame = _encode(_discovery(asked_in), asked_in, (request,), self._credentials)
            answer = yield Exchange(frame)
            try:
                message = _discovery(None).decode_response(answer)
                (item,) = message.batch_items
            except (KmipError, ValueError) as error:
                raise UnreadableAnswer(f"{self.address}: {error}") from error
            if item.result_status is ResultStatus.SUCCESS and item.payload is not None:
                common = set(item.payload.protocol_versions) & set(self._versions)
                if not common:
                    spoken = ", ".join(map(str, item.payload.protocol_versions)) or "none that was offered"
                    raise NoCommonVersion(f"{self.address} speaks KMIP {spoken}")
                agreed: ProtocolVersion = max(common)
                return agreed
            refusal = _failure(item)
            if refusal.reason in _OF_THE_CLIENT:
                raise refusal
            # A server that does not speak the version answers in one that it speaks.
            answered_in = message.header.protocol_version
            if answered_in in self._versions and answered_in > _OLDEST and answered_in not in asked:
                to_ask.insert(0, answered_in)
            is_of_1_0 |= answered_in == _OLDEST or refusal.reason is ResultReason.OPERATION_NOT_SUPPORTED
        if is_of_1_0 and _OLDEST in self._versions:  # which has no Discover Versions
            return _OLDEST
        raise NoCommonVersion(f"{self.address} speaks none of {_listed(self._versions)}: {refusal}")

    # --- messages -------------------------------------------------------------------------------------------------

    def _encode(
        self,
        requests: Sequence[Any],
        version: ProtocolVersion,
        continuation: BatchErrorContinuationOption,
        indicator: AsynchronousIndicator,
    ) -> bytes:
        return _encode(codec_of(version), version, requests, self._credentials, continuation, indicator)

    def _decode(self, answer: bytes, version: ProtocolVersion, count: int) -> Iterable[Result]:
        try:
            message = codec_of(version).decode_response(answer)
        except KmipError as error:
            refusal = _refusal_in_another_version(answer)
            if refusal is not None:
                raise refusal from error
            raise UnreadableAnswer(f"{self.address}: {error.message}") from error
        self.time_stamp = message.header.time_stamp
        items = message.batch_items
        if len(items) > count or not items:
            raise UnreadableAnswer(f"{self.address}: {len(items)} answers to {count} requests")
        if items[0].operation is None and count > 1:  # the message was refused as a whole
            raise _failure(items[0])
        for item in items:
            yield _result(item)


_OLDEST: Final = ProtocolVersion(1, 0)

_OF_THE_CLIENT: Final = (ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, ResultReason.PERMISSION_DENIED)
"""Refusals that no other version would change."""

_ASKED_IN: Final = (ProtocolVersion(1, 1), ProtocolVersion(2, 1), ProtocolVersion(2, 0))
"""Versions in which Discover Versions is sent, until one is answered: the first that has it, then those of servers
that have given up 1.x."""


def is_repeatable(request: Any) -> bool:
    """Return whether a server that performs the request twice ends as if it had done so once.

    So it is with what only reads. Use of a key is not repeated: it may be charged to Usage Limits. Nor is a part of a
    stream, which the server would take for the next one.
    """
    if getattr(request, "correlation_value", None) is not None or getattr(request, "init_indicator", None):
        return False
    return SPEC_OF[type(request)].operation in REPEATABLE


REPEATABLE: Final = frozenset(
    {
        Operation.CHECK,
        Operation.DISCOVER_VERSIONS,
        Operation.EXPORT,
        Operation.GET,
        Operation.GET_ATTRIBUTE_LIST,
        Operation.GET_ATTRIBUTES,
        Operation.GET_CONSTRAINTS,
        Operation.HASH,
        Operation.LOCATE,
        Operation.OBTAIN_LEASE,
        Operation.PING,
        Operation.POLL,
        Operation.QUERY,
        Operation.QUERY_ASYNCHRONOUS_REQUESTS,
        Operation.RNG_RETRIEVE,
        Operation.VALIDATE,
    }
)
"""Operations that change nothing, Fresh aside, which the first Get ends."""


@cache
def codec_of(version: ProtocolVersion) -> Codec:
    """Return the codec of one protocol version, planned when it is first needed."""
    return Codec(CATALOGUE, (version,))


@cache
def _discovery(version: ProtocolVersion | None) -> Codec:
    """Return a codec for Discover Versions alone; version: None for one that reads all of them."""
    catalogue = {Operation.DISCOVER_VERSIONS: CATALOGUE[Operation.DISCOVER_VERSIONS]}
    return Codec(catalogue) if version is None else Codec(catalogue, (version,))


def _encode(
    codec: Codec,
    version: ProtocolVersion,
    requests: Sequence[Any],
    credentials: tuple[Credential, ...],
    continuation: BatchErrorContinuationOption = BatchErrorContinuationOption.STOP,
    indicator: AsynchronousIndicator = AsynchronousIndicator.PROHIBITED,
) -> bytes:
    several = len(requests) > 1
    items = tuple(
        RequestBatchItem(
            operation=SPEC_OF[type(request)].operation,
            unique_batch_item_id=number.to_bytes(4) if several else None,
            payload=request,
        )
        for number, request in enumerate(requests, 1)
    )
    header = RequestHeader(
        protocol_version=version,
        credentials=credentials,
        batch_order_option=several or FACTS[version].batch_order,
        batch_error_continuation_option=continuation,
        asynchronous_indicator=indicator,
    )
    try:
        return codec.encode_request(RequestMessage(header=header, batch_items=items))
    except KeyError:
        raise NotInVersion(f"KMIP {version} has no {_names(items)}") from None
    except TypeError as error:  # for example text where bytes belong
        raise TypeError(f"{_names(items)}: a field has a value of another type than the standard's: {error}") from error
    except KmipError as error:
        raise NotInVersion(error.message) from error


def _names(items: tuple[RequestBatchItem, ...]) -> str:
    return ", ".join(standard_name(item.operation) for item in items if item.operation is not None)


def _refusal_in_another_version(answer: bytes) -> OperationFailed | None:
    """Return what a server says that could not read the request at all: it may have lost sight of the version."""
    try:
        items = _discovery(None).decode_response(answer).batch_items
    except KmipError:
        return None
    is_refused = len(items) == 1 and items[0].result_status is not ResultStatus.SUCCESS
    return _failure(items[0]) if is_refused else None


def _result(item: ResponseBatchItem) -> Result:
    if item.result_status is ResultStatus.SUCCESS:
        return item.payload
    if item.result_status is ResultStatus.OPERATION_PENDING and item.asynchronous_correlation_value is not None:
        return Pending(item.operation, item.asynchronous_correlation_value)
    return _failure(item)


def _failure(item: ResponseBatchItem) -> OperationFailed:
    return operation_failed(item.operation, item.result_status, item.result_reason, item.result_message)


def _listed(versions: Iterable[ProtocolVersion]) -> str:
    return ", ".join(map(str, versions))
