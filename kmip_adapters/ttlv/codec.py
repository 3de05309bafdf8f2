"""Messages <-> frames: headers, batches and payloads of every version, for the server and for clients.

A request whose batch can be read becomes a `RequestMessage`, in which an item that cannot be read (its operation is
unknown or not of this version, its payload malformed) carries the refusal as its payload and fails alone. What cannot
be read at all raises `UnreadableMessage`, which knows the version to answer in (KMIP 1.4 §11.1, RULINGS 16).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from attrs import frozen

from kmip_adapters.ttlv import binary, reasons, spellings, tables
from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.items import DEFAULT_LIMITS, DecodingError, Item, Limits, children, tag_name
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    ItemType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip_core.errors import KmipError, invalid_field, invalid_message
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
    Ticket,
    failure,
)
from kmip_core.operation import Spec
from kmip_core.structures import ProtocolVersion

ASYNCHRONOUS_INDICATOR: Final = 0x420007
AUTHENTICATION: Final = 0x42000C
BATCH_COUNT: Final = 0x42000D
BATCH_ERROR_CONTINUATION_OPTION: Final = 0x42000E
BATCH_ITEM: Final = 0x42000F
BATCH_ORDER_OPTION: Final = 0x420010
CREDENTIAL: Final = 0x420023
CREDENTIAL_TYPE: Final = 0x420024
CREDENTIAL_VALUE: Final = 0x420025
CRITICALITY_INDICATOR: Final = 0x420026
MAXIMUM_RESPONSE_SIZE: Final = 0x420050
MESSAGE_EXTENSION: Final = 0x420051
OPERATION: Final = 0x42005C
PROTOCOL_VERSION: Final = 0x420069
PROTOCOL_VERSION_MAJOR: Final = 0x42006A
PROTOCOL_VERSION_MINOR: Final = 0x42006B
REQUEST_HEADER: Final = 0x420077
REQUEST_MESSAGE: Final = 0x420078
REQUEST_PAYLOAD: Final = 0x420079
RESPONSE_HEADER: Final = 0x42007A
RESPONSE_MESSAGE: Final = 0x42007B
RESPONSE_PAYLOAD: Final = 0x42007C
RESULT_MESSAGE: Final = 0x42007D
RESULT_REASON: Final = 0x42007E
RESULT_STATUS: Final = 0x42007F
TIME_STAMP: Final = 0x420092
UNIQUE_BATCH_ITEM_ID: Final = 0x420093
CLIENT_CORRELATION_VALUE: Final = 0x420105
SERVER_CORRELATION_VALUE: Final = 0x420106
TICKET: Final = 0x420149
EPHEMERAL: Final = 0x420154

STRUCTURE: Final = ItemType.STRUCTURE
INTEGER: Final = ItemType.INTEGER
ENUMERATION: Final = ItemType.ENUMERATION
BOOLEAN: Final = ItemType.BOOLEAN
TEXT_STRING: Final = ItemType.TEXT_STRING
BYTE_STRING: Final = ItemType.BYTE_STRING
DATE_TIME: Final = ItemType.DATE_TIME
DATE_TIME_EXTENDED: Final = ItemType.DATE_TIME_EXTENDED

_new: Final = tuple.__new__  # spares the Python-level constructor of a named tuple

_OPERATIONS: Final = {int(operation): operation for operation in Operation}
_STATUSES: Final = {int(status): status for status in ResultStatus}
_REASONS: Final = {int(reason): reason for reason in ResultReason}
_CONTINUATIONS: Final = {int(option): option for option in BatchErrorContinuationOption}


class UnreadableMessage(KmipError):
    """A message that is refused as a whole.

    version: the protocol version to answer in.
    """

    def __init__(self, cause: KmipError, version: ProtocolVersion) -> None:
        super().__init__(cause.reason, cause.message)
        self.version = version


@frozen(kw_only=True)
class Dialect:
    """What one version decides beyond tags and enumerations.

    batch_order: Batch Order Option when it is not said.  ids_required: Unique Batch Item ID in a batch of several.
    asynchronous: the type of Asynchronous Indicator.
    """

    batch_order: bool
    ids_required: bool
    asynchronous: ItemType


_DIALECT_1X: Final = Dialect(batch_order=False, ids_required=True, asynchronous=BOOLEAN)
_DIALECT_2X: Final = Dialect(batch_order=True, ids_required=True, asynchronous=ENUMERATION)
DIALECTS: Final[Mapping[ProtocolVersion, Dialect]] = {
    version: _DIALECT_1X if version.protocol_version_major == 1 else _DIALECT_2X for version in tables.VERSIONS
}


@frozen(kw_only=True)
class _Version:
    """Everything of one version, planned: look-ups only, from here on.

    operations: code -> (operation, decoder of its request, decoder of its response).
    item_tags: what a Batch Item may hold, Message Extensions aside.
    """

    version: ProtocolVersion
    dialect: Dialect
    operations: Mapping[int, tuple[Operation, Callable[[Any], Any], Callable[[Any], Any]]]
    payloads: Mapping[type, Callable[[Any], tuple[Item, ...]]]
    credentials: Mapping[CredentialType, Callable[[Any], Any]]
    credential_items: Mapping[type, Callable[[Any], tuple[Item, ...]]]
    header_item: Item
    has_correlation: bool
    item_tags: frozenset[int]


class Codec:
    """Reads and writes whole messages.  Stateless between calls; safe for any thread."""

    def __init__(
        self,
        catalogue: Mapping[Operation, Spec],
        versions: Iterable[ProtocolVersion] = tables.VERSIONS,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.versions = tuple(sorted(versions))
        self._limits = limits
        self._by_version = {version: _plan(version, catalogue) for version in self.versions}
        # All answers of one second begin alike, and the header is half of what a short one has to encode.
        self._header_octets = lru_cache(64)(lambda header, count: binary.encode(self._header_item(header, count)))

    # --- the server's side ----------------------------------------------------------------------------------------

    def decode_request(self, frame: bytes) -> RequestMessage:
        """Return the request in one whole frame.  Raises UnreadableMessage."""
        try:
            item = binary.decode(frame, self._limits)
        except DecodingError as error:
            raise UnreadableMessage(error, self.versions[0]) from error
        return self.request_from(item)

    def request_from(self, item: Item) -> RequestMessage:
        """Return the request in a Request Message item.  Raises UnreadableMessage."""
        fields: dict[str, Any] = {}
        try:
            header, batch = _split(item, REQUEST_MESSAGE, REQUEST_HEADER)
            fields["protocol_version"] = _protocol_version(header)
        except DecodingError as error:
            raise UnreadableMessage(error, self.versions[0]) from error
        planned = self._by_version.get(fields["protocol_version"])
        if planned is None:
            nearest = self.nearest(fields["protocol_version"])
            known = ", ".join(map(str, self.versions))
            refusal = KmipError(ResultReason.UNSUPPORTED_PROTOCOL_VERSION, f"this server speaks {known}")
            raise UnreadableMessage(refusal, nearest)
        try:
            count = _read_request_header(header, fields, planned)
            _check_count(count, len(batch))
            items = tuple([_request_item(child, planned) for child in batch])
            without_id = any(i.unique_batch_item_id is None for i in items)
            if without_id and len(items) > 1 and planned.dialect.ids_required:
                raise invalid_message("every item of a batch of several needs a Unique Batch Item ID")
            given = [i.unique_batch_item_id for i in items if i.unique_batch_item_id is not None]
            if len(set(given)) < len(given):
                raise invalid_message("two items of a batch must not have one Unique Batch Item ID")
            return RequestMessage(header=RequestHeader(**fields), batch_items=items)
        except KmipError as error:
            raise UnreadableMessage(error, planned.version) from error

    def encode_response(self, message: ResponseMessage) -> bytes:
        """Return the frame of a response.  Raises UnencodableError for a value of ours that no item can carry."""
        header = message.header
        planned = self._by_version[header.protocol_version]
        items = [_response_item_of(item, planned) for item in message.batch_items]
        return binary.encode_after(self._header_octets(header, len(items)), RESPONSE_MESSAGE, items)

    def response_item(self, message: ResponseMessage) -> Item:
        """Return the Response Message item of a response."""
        planned = self._by_version[message.header.protocol_version]
        items = [self._header_item(message.header, len(message.batch_items))]
        items += [_response_item_of(item, planned) for item in message.batch_items]
        return _new(Item, (RESPONSE_MESSAGE, STRUCTURE, tuple(items)))

    def _header_item(self, header: ResponseHeader, count: int) -> Item:
        planned = self._by_version[header.protocol_version]
        parts = [planned.header_item, _new(Item, (TIME_STAMP, DATE_TIME, header.time_stamp))]
        _append_correlation(parts, header, planned)
        parts.append(_new(Item, (BATCH_COUNT, INTEGER, count)))
        return _new(Item, (RESPONSE_HEADER, STRUCTURE, tuple(parts)))

    def refusal(self, error: KmipError, time_stamp: int) -> ResponseMessage:
        """Return the answer to a message that was not read: one item without Operation."""
        version = error.version if isinstance(error, UnreadableMessage) else self.versions[0]
        return ResponseMessage(
            header=ResponseHeader(protocol_version=version, time_stamp=time_stamp), batch_items=(failure(error),)
        )

    def nearest(self, version: ProtocolVersion) -> ProtocolVersion:
        """Return the newest spoken version that is not newer than `version`, else the oldest (RULINGS 16)."""
        older = [spoken for spoken in self.versions if spoken <= version]
        return older[-1] if older else self.versions[0]

    # --- the client's side ----------------------------------------------------------------------------------------

    def encode_request(self, message: RequestMessage) -> bytes:
        """Return the frame of a request; payloads are operations' Requests."""
        return binary.encode(self.request_item(message))

    def request_item(self, message: RequestMessage) -> Item:
        """Return the Request Message item of a request."""
        planned = self._by_version[message.header.protocol_version]
        parts = _request_header_items(message.header, planned)
        parts.append(Item(BATCH_COUNT, INTEGER, len(message.batch_items)))
        items = [Item(REQUEST_HEADER, STRUCTURE, tuple(parts))]
        for batch_item in message.batch_items:
            content = [Item(OPERATION, ENUMERATION, int(batch_item.operation or 0))]
            if batch_item.ephemeral:
                content.append(Item(EPHEMERAL, BOOLEAN, True))
            if batch_item.unique_batch_item_id is not None:
                content.append(Item(UNIQUE_BATCH_ITEM_ID, BYTE_STRING, batch_item.unique_batch_item_id))
            payload = planned.payloads[type(batch_item.payload)](batch_item.payload)
            content.append(Item(REQUEST_PAYLOAD, STRUCTURE, payload))
            items.append(Item(BATCH_ITEM, STRUCTURE, tuple(content)))
        return Item(REQUEST_MESSAGE, STRUCTURE, tuple(items))

    def decode_response(self, frame: bytes) -> ResponseMessage:
        """Return the response in one whole frame.  Raises KmipError if it cannot be read, payloads included."""
        return self.response_from(binary.decode(frame, self._limits))

    def response_from(self, item: Item) -> ResponseMessage:
        """Return the response in a Response Message item."""
        header, batch = _split(item, RESPONSE_MESSAGE, RESPONSE_HEADER)
        version = _protocol_version(header)
        planned = self._by_version.get(version)
        if planned is None:
            raise DecodingError(f"the answer is in KMIP {version}")
        found = _singles(header)
        stamp = _expect(found, TIME_STAMP, DATE_TIME)
        if stamp is None:
            raise DecodingError("Time Stamp is missing")
        _check_count(_expect(found, BATCH_COUNT, INTEGER), len(batch))
        return ResponseMessage(
            header=ResponseHeader(
                protocol_version=version,
                time_stamp=stamp,
                client_correlation_value=_expect(found, CLIENT_CORRELATION_VALUE, TEXT_STRING),
                server_correlation_value=_expect(found, SERVER_CORRELATION_VALUE, TEXT_STRING),
            ),
            batch_items=tuple(_response_item(child, planned) for child in batch),
        )


def _plan(version: ProtocolVersion, catalogue: Mapping[Operation, Spec]) -> _Version:
    converter = make_converter(version)

    def decoder(cls: type) -> Callable[[Any], Any]:
        hook = converter.get_structure_hook(cls)
        return lambda items: hook(items, cls)

    present = tables.enumeration_values("Operation", version)
    specs = [spec for spec in catalogue.values() if int(spec.operation) in present]
    credentials = spellings.CREDENTIAL_VALUES
    return _Version(
        version=version,
        dialect=DIALECTS[version],
        operations={
            int(spec.operation): (spec.operation, decoder(spec.request), decoder(spec.response)) for spec in specs
        },
        payloads={cls: converter.get_unstructure_hook(cls) for spec in specs for cls in (spec.request, spec.response)},
        credentials={kind: decoder(cls) for kind, cls in credentials.items()},
        credential_items={cls: converter.get_unstructure_hook(cls) for cls in credentials.values()},
        header_item=Item(PROTOCOL_VERSION, STRUCTURE, converter.get_unstructure_hook(ProtocolVersion)(version)),
        has_correlation=_has(CLIENT_CORRELATION_VALUE, version),
        item_tags=frozenset(tag for tag in _ITEM_TAGS if _has(tag, version)),
    )


_ITEM_TAGS: Final = (OPERATION, EPHEMERAL, UNIQUE_BATCH_ITEM_ID, REQUEST_PAYLOAD)
"""What a Batch Item of a request holds, Message Extensions aside."""


def _has(code: int, version: ProtocolVersion) -> bool:
    tag = tables.tag_by_code(code)
    return tag is not None and tag.is_in(version)


# --- messages -----------------------------------------------------------------------------------------------------


def _split(message: Item, message_tag: int, header_tag: int) -> tuple[tuple[Item, ...], list[Item]]:
    """Return the items of the header, and the batch items."""
    if message.tag != message_tag:
        raise DecodingError(f"expected a {tag_name(message_tag)}")
    content = children(message)
    if not content or content[0].tag != header_tag:
        raise DecodingError(f"a message must begin with its {tag_name(header_tag)}")
    batch = list(content[1:])
    for item in batch:
        if item.tag != BATCH_ITEM:
            raise DecodingError(f"after the header come Batch Items, not {tag_name(item.tag)}")
    return children(content[0]), batch


def _check_count(count: int | None, found: int) -> None:
    if count is None:
        raise DecodingError("Batch Count is missing")
    if count != found or not found:
        raise DecodingError(f"Batch Count says {count}, and {found} Batch Items follow")


def _protocol_version(header: tuple[Item, ...]) -> ProtocolVersion:
    for item in header:
        if item[0] == PROTOCOL_VERSION:
            found = _singles(children(item))
            major = _expect(found, PROTOCOL_VERSION_MAJOR, INTEGER)
            minor = _expect(found, PROTOCOL_VERSION_MINOR, INTEGER)
            if major is None or minor is None:
                raise DecodingError("Protocol Version needs major and minor")
            return ProtocolVersion(major, minor)
    raise DecodingError("Protocol Version is missing")


def _singles(items: Iterable[Item]) -> dict[int, Item]:
    """Return items by tag; each may stand once."""
    found: dict[int, Item] = {}
    for item in items:
        if item[0] in found:
            raise DecodingError(f"{tag_name(item[0])} stands more than once")
        found[item[0]] = item
    return found


def _expect(found: Mapping[int, Item], tag: int, item_type: ItemType) -> Any:
    """Return the value of an item, None if it is not there.  Raises DecodingError if it is of another type."""
    item = found.get(tag)
    if item is None:
        return None
    if item[1] is not item_type:
        raise DecodingError(f"{tag_name(tag)} must be a {item_type.name.replace('_', ' ').title()}")
    return item[2]


# --- request headers ----------------------------------------------------------------------------------------------

# tag -> (item type, field of RequestHeader): what is taken as it is.
_PLAIN_FIELDS: Final[Mapping[int, tuple[ItemType, str]]] = {
    MAXIMUM_RESPONSE_SIZE: (INTEGER, "maximum_response_size"),
    CLIENT_CORRELATION_VALUE: (TEXT_STRING, "client_correlation_value"),
    SERVER_CORRELATION_VALUE: (TEXT_STRING, "server_correlation_value"),
    BATCH_ORDER_OPTION: (BOOLEAN, "batch_order_option"),
    TIME_STAMP: (DATE_TIME, "time_stamp"),
}

# What a header may say several times.
_REPEATED: Final = frozenset({0x4200C7})  # Attestation Type


def _read_request_header(header: tuple[Item, ...], fields: dict[str, Any], planned: _Version) -> int | None:
    """Fill in the fields of RequestHeader; return the Batch Count.

    Fields that are not known here (attestation, those of other versions) are let pass: clients.md 22.
    """
    count: int | None = None
    seen: set[int] = set()
    fields["batch_order_option"] = planned.dialect.batch_order
    for item in header:
        tag, item_type, value = item
        if tag in seen and tag not in _REPEATED:
            raise DecodingError(f"{tag_name(tag)} stands more than once")
        seen.add(tag)
        plain = _PLAIN_FIELDS.get(tag)
        if plain is not None:
            if item_type is not plain[0]:
                if tag != TIME_STAMP or item_type is not DATE_TIME_EXTENDED:
                    raise DecodingError(f"{tag_name(tag)} must be a {plain[0].name.replace('_', ' ').title()}")
                value //= 1_000_000  # type: ignore[operator]  # microseconds, an int
            fields[plain[1]] = value
        elif tag == BATCH_COUNT:
            if item_type is not INTEGER:
                raise DecodingError("Batch Count must be an Integer")
            count = value  # type: ignore[assignment]
        elif tag == BATCH_ERROR_CONTINUATION_OPTION:
            option = _CONTINUATIONS.get(value) if item_type is ENUMERATION else None  # type: ignore[arg-type]
            if option is None:
                raise invalid_field("Batch Error Continuation Option must be Continue, Stop or Undo")
            fields["batch_error_continuation_option"] = option
        elif tag == ASYNCHRONOUS_INDICATOR:
            if item_type is not planned.dialect.asynchronous:
                raise DecodingError("Asynchronous Indicator must be a Boolean in 1.x, an Enumeration in 2.x")
            # 1.x says only that the client could wait; the server decides (KMIP 1.4 §6.7, §6.8).
            fields["asynchronous"] = item_type is ENUMERATION and value == AsynchronousIndicator.MANDATORY
        elif tag == AUTHENTICATION:
            fields["credentials"] = tuple(_credential(c, planned) for c in children(item) if c[0] == CREDENTIAL)
    size = fields.get("maximum_response_size")
    if size is not None and size < 0:
        raise invalid_field("Maximum Response Size must not be negative")
    return count


def _credential(item: Item, planned: _Version) -> Credential:
    found = _singles(children(item))
    code = _expect(found, CREDENTIAL_TYPE, ENUMERATION)
    if code is None or code not in tables.enumeration_values("CredentialType", planned.version):
        raise invalid_field("Credential Type is missing or not of this version")
    credential_type = CredentialType(code)
    decode = planned.credentials.get(credential_type)
    value = found.get(CREDENTIAL_VALUE)
    if decode is None or value is None:
        return Credential(credential_type=credential_type)
    content = children(value)
    if len(content) == 1 and content[0][0] == TICKET:  # the one value with a structure of its own name inside
        content = children(content[0])
    return Credential(credential_type=credential_type, credential_value=decode(content))


def _request_header_items(header: RequestHeader, planned: _Version) -> list[Item]:
    parts = [planned.header_item]
    if header.maximum_response_size is not None:
        parts.append(Item(MAXIMUM_RESPONSE_SIZE, INTEGER, header.maximum_response_size))
    _append_correlation(parts, header, planned)
    if header.asynchronous and planned.dialect.asynchronous is ENUMERATION:
        parts.append(Item(ASYNCHRONOUS_INDICATOR, ENUMERATION, int(AsynchronousIndicator.MANDATORY)))
    if header.credentials:
        credentials = tuple(_credential_item(c, planned) for c in header.credentials)
        parts.append(Item(AUTHENTICATION, STRUCTURE, credentials))
    if header.batch_error_continuation_option is not BatchErrorContinuationOption.STOP:
        option = int(header.batch_error_continuation_option)
        parts.append(Item(BATCH_ERROR_CONTINUATION_OPTION, ENUMERATION, option))
    if header.batch_order_option != planned.dialect.batch_order:
        parts.append(Item(BATCH_ORDER_OPTION, BOOLEAN, header.batch_order_option))
    if header.time_stamp is not None:
        parts.append(Item(TIME_STAMP, DATE_TIME, header.time_stamp))
    return parts


def _credential_item(credential: Credential, planned: _Version) -> Item:
    parts = [Item(CREDENTIAL_TYPE, ENUMERATION, int(credential.credential_type))]
    value = credential.credential_value
    if value is not None:
        content = planned.credential_items[type(value)](value)
        if isinstance(value, Ticket):
            content = (Item(TICKET, STRUCTURE, content),)
        parts.append(Item(CREDENTIAL_VALUE, STRUCTURE, content))
    return Item(CREDENTIAL, STRUCTURE, tuple(parts))


def _append_correlation(parts: list[Item], header: RequestHeader | ResponseHeader, planned: _Version) -> None:
    if planned.has_correlation:
        if header.client_correlation_value is not None:
            parts.append(Item(CLIENT_CORRELATION_VALUE, TEXT_STRING, header.client_correlation_value))
        if header.server_correlation_value is not None:
            parts.append(Item(SERVER_CORRELATION_VALUE, TEXT_STRING, header.server_correlation_value))


# --- batch items --------------------------------------------------------------------------------------------------


def _request_item(item: Item, planned: _Version) -> RequestBatchItem:
    """Return one item of a batch; whatever is wrong inside it becomes its payload."""
    operation: Operation | None = None
    identifier: bytes | None = None
    try:
        found: dict[int, Item] = {}
        repeated: int | None = None
        extensions: list[Item] = []
        for part in children(item):
            if part[0] == MESSAGE_EXTENSION:
                extensions.append(part)
            elif part[0] in found:
                repeated = part[0]
            else:
                found[part[0]] = part
        identifier = _expect(found, UNIQUE_BATCH_ITEM_ID, BYTE_STRING)
        code = _expect(found, OPERATION, ENUMERATION)
        if code is None:
            raise DecodingError("Operation is missing")
        operation = _OPERATIONS.get(code)
        if repeated is not None:
            raise DecodingError(f"{tag_name(repeated)} stands more than once")
        for tag in found:
            if tag not in planned.item_tags:
                raise invalid_field(f"{tag_name(tag)} is not expected in a Batch Item")
        _check_extensions(extensions)
        known = planned.operations.get(code)
        if known is None:
            name = f"0x{code:08X}" if operation is None else operation.name.replace("_", " ").title()
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, f"{name} is not supported in KMIP {planned.version}")
        payload = found.get(REQUEST_PAYLOAD)
        if payload is None:
            raise DecodingError("Request Payload is missing")
        return RequestBatchItem(
            operation=operation,
            ephemeral=bool(_expect(found, EPHEMERAL, BOOLEAN)),
            unique_batch_item_id=identifier,
            payload=known[1](children(payload)),
        )
    except KmipError as error:
        return RequestBatchItem(operation=operation, unique_batch_item_id=identifier, payload=error)


def _check_extensions(extensions: list[Item]) -> None:
    """Refuse a Message Extension that must be understood; no extension is known here. KMIP 1.4 §6.16."""
    for extension in extensions:
        if _expect(_singles(children(extension)), CRITICALITY_INDICATOR, BOOLEAN):
            raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "a critical Message Extension is not understood here")


def _response_item_of(item: ResponseBatchItem, planned: _Version) -> Item:
    parts: list[Item] = []
    if item.operation is not None:
        parts.append(_new(Item, (OPERATION, ENUMERATION, int(item.operation))))
    if item.unique_batch_item_id is not None:
        parts.append(_new(Item, (UNIQUE_BATCH_ITEM_ID, BYTE_STRING, item.unique_batch_item_id)))
    parts.append(_new(Item, (RESULT_STATUS, ENUMERATION, int(item.result_status))))
    if item.result_reason is not None:
        reason = reasons.on_wire(item.result_reason, item.operation, planned.version)
        parts.append(Item(RESULT_REASON, ENUMERATION, int(reason)))
    if item.result_message is not None:
        parts.append(Item(RESULT_MESSAGE, TEXT_STRING, item.result_message))
    if item.payload is not None:
        try:
            payload = planned.payloads[type(item.payload)](item.payload)
        except KmipError as refusal:  # an object of a type that the version does not have
            return _response_item_of(failure(refusal, item.operation, item.unique_batch_item_id), planned)
        parts.append(_new(Item, (RESPONSE_PAYLOAD, STRUCTURE, payload)))
    return _new(Item, (BATCH_ITEM, STRUCTURE, tuple(parts)))


def _response_item(item: Item, planned: _Version) -> ResponseBatchItem:
    found = _singles(part for part in children(item) if part[0] != MESSAGE_EXTENSION)
    status = _STATUSES.get(_expect(found, RESULT_STATUS, ENUMERATION))
    if status is None:
        raise DecodingError("Result Status is missing or unknown")
    code = _expect(found, OPERATION, ENUMERATION)
    payload = found.get(RESPONSE_PAYLOAD)
    known = planned.operations.get(code)
    decoded = None
    if payload is not None and status is ResultStatus.SUCCESS:
        if known is None:
            raise DecodingError("the answer is to an operation that was not asked")
        decoded = known[2](children(payload))
    return ResponseBatchItem(
        operation=_OPERATIONS.get(code),
        unique_batch_item_id=_expect(found, UNIQUE_BATCH_ITEM_ID, BYTE_STRING),
        result_status=status,
        result_reason=_REASONS.get(_expect(found, RESULT_REASON, ENUMERATION)),
        result_message=_expect(found, RESULT_MESSAGE, TEXT_STRING),
        payload=decoded,
    )


__all__ = ["DIALECTS", "Codec", "Dialect", "UnreadableMessage"]
