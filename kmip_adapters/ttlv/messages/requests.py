"""Request Messages: the header and the batch, read by the server and written by clients.

What is wrong in the header refuses the message, what is wrong inside a Batch Item that item alone. The dialect has what
reads and writes the payload of each operation.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from attrs import evolve

from kmip_adapters.ttlv.converter.refusals import unexpected, unknown_value
from kmip_adapters.ttlv.encodings.binary import (
    BOOLEAN,
    BYTE_STRING,
    DATE_TIME,
    DATE_TIME_EXTENDED,
    ENUMERATION,
    INTEGER,
    STRUCTURE,
    TEXT_STRING,
)
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Items, children, tag_name
from kmip_adapters.ttlv.messages.items import (
    ASYNCHRONOUS_INDICATOR,
    ATTESTATION_CAPABLE_INDICATOR,
    ATTESTATION_TYPE,
    AUTHENTICATION,
    BATCH_COUNT,
    BATCH_ERROR_CONTINUATION_OPTION,
    BATCH_ITEM,
    BATCH_ORDER_OPTION,
    CLIENT_CORRELATION_VALUE,
    CREDENTIAL,
    CREDENTIAL_TYPE,
    CREDENTIAL_VALUE,
    CRITICALITY_INDICATOR,
    DATA,
    EPHEMERAL,
    MAXIMUM_RESPONSE_SIZE,
    MESSAGE_EXTENSION,
    OPERATION,
    OPERATIONS,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    REQUEST_PAYLOAD,
    SERVER_CORRELATION_VALUE,
    TICKET,
    TIME_STAMP,
    UNIQUE_BATCH_ITEM_ID,
    check_count,
    expect,
    singles,
    wrong_type,
)
from kmip_adapters.ttlv.messages.versions import Dialect
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import BatchItemIds
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    Data,
    Ephemeral,
    ItemType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError, invalid_field, invalid_message
from kmip_core.messages import Credential, DataReference, RequestBatchItem, RequestHeader, RequestMessage, Ticket
from kmip_core.standard_names import standard_name

# --- reading ----------------------------------------------------------------------------------------------------------


def read(header: Items, batch: Items, dialect: Dialect) -> RequestMessage:
    """Return the request.  Raises KmipError for one that is refused as a whole."""
    fields, count = read_header(header, dialect)
    check_count(count, len(batch), has_count=dialect.has_batch_count)
    items = tuple([_read_item(item, dialect) for item in batch])
    if len(items) > 1:
        check_batch_item_ids(items, dialect)
    return RequestMessage(header=RequestHeader(**fields), batch_items=items)


def read_header(header: Items, dialect: Dialect) -> tuple[dict[str, Any], int | None]:
    """Return the fields of RequestHeader, and the Batch Count.  Raises KmipError."""
    fields = _read_header(header, dialect)
    return fields, fields.pop("batch_count")


def check_batch_item_ids(items: tuple[RequestBatchItem, ...], dialect: Dialect) -> None:
    """Refuse a batch of several whose Unique Batch Item IDs are not as the version wants them.  Raises KmipError."""
    _BATCH_ITEM_ID_RULES[dialect.facts.batch_item_ids](items)


def _check_all_or_none(items: tuple[RequestBatchItem, ...]) -> None:
    """Refuse a batch of several of which some items have no Unique Batch Item ID, or two the same one.

    IBM's zkey sends batches without any: the answers then have none either, and stand in the order of the request.
    """
    identifiers = {item.unique_batch_item_id for item in items}
    if identifiers == {None}:
        return
    if None in identifiers:
        raise invalid_message("of a batch of several, every item needs a Unique Batch Item ID, or none has one")
    if len(identifiers) < len(items):
        raise invalid_message("two items of a batch must not have one Unique Batch Item ID")


def _check_nothing(items: tuple[RequestBatchItem, ...]) -> None:
    """An item with an ID is refused by itself, as one with a tag that the version does not have."""


_BATCH_ITEM_ID_RULES: Final[Mapping[BatchItemIds, Callable[[tuple[RequestBatchItem, ...]], None]]] = {
    BatchItemIds.ALL_OR_NONE: _check_all_or_none,
    BatchItemIds.NONE: _check_nothing,
}
"""What checks the Unique Batch Item IDs of a batch of several. RULINGS 14."""


# --- the header -------------------------------------------------------------------------------------------------------


def _read_header(header: Items, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of RequestHeader, and `batch_count`.

    Fields that are not known here are ignored: clients.md 22. So are the Attestation Types of a client, which is told
    those that are verified.
    """
    fields: dict[str, Any] = {
        "protocol_version": dialect.version,
        "batch_order_option": dialect.facts.batch_order,
        "batch_count": None,
    }
    if len({item[0] for item in header}) < len(header):
        _check_repeated(header)
    for item in header:
        tag = item[0]
        field = _HEADER_FIELDS.get(tag)
        if field is not None and (tag != BATCH_ORDER_OPTION or dialect.has_batch_order):
            name, read_field = field
            fields[name] = read_field(item, dialect)
    return fields


def _check_repeated(header: Items) -> None:
    """Refuse a field that stands more than once."""
    seen: set[int] = set()
    for item in header:
        if item[0] in seen and item[0] not in _REPEATED:
            raise DecodingError(f"{tag_name(item[0])} stands more than once")
        seen.add(item[0])


_REPEATED: Final = frozenset({ATTESTATION_TYPE})
"""What a header may have several of."""

_CONTINUATIONS: Final = {int(option): option for option in BatchErrorContinuationOption}
_INDICATORS: Final = {int(indicator): indicator for indicator in AsynchronousIndicator}

_ReadField: TypeAlias = Callable[[Item, Dialect], Any]


def _plain(item_type: ItemType) -> _ReadField:
    """Return what reads a field whose value is taken as it is."""

    def read_field(item: Item, dialect: Dialect) -> Any:
        if item[1] is not item_type:
            raise wrong_type(item[0], item_type)
        return item[2]

    return read_field


_read_integer: Final = _plain(INTEGER)
_read_enumeration: Final = _plain(ENUMERATION)


def _read_response_size(item: Item, dialect: Dialect) -> int:
    size: int = _read_integer(item, dialect)
    if size < 0:
        raise invalid_field("Maximum Response Size must not be negative")
    return size


def _read_time_stamp(item: Item, dialect: Dialect) -> Any:
    tag, item_type, value = item
    if item_type is DATE_TIME:
        return value
    if item_type is DATE_TIME_EXTENDED:
        return value // 1_000_000  # type: ignore[operator]  # microseconds, an int
    raise wrong_type(tag, DATE_TIME)


def _read_continuation(item: Item, dialect: Dialect) -> BatchErrorContinuationOption:
    code: int = _read_enumeration(item, dialect)
    option = _CONTINUATIONS.get(code)
    if option is None:
        raise unknown_value(code, item[0], dialect.version)
    return option


def _read_asynchronous(item: Item, dialect: Dialect) -> AsynchronousIndicator:
    """Return whether the client takes an answer at a later time.

    As a Boolean the indicator says only that the client could wait; the server decides. KMIP 1.4 §6.7, §6.8.
    """
    tag, item_type, value = item
    if item_type is not dialect.facts.asynchronous_indicator:
        raise wrong_type(tag, dialect.facts.asynchronous_indicator)
    if item_type is not ENUMERATION:
        return AsynchronousIndicator.OPTIONAL if value else AsynchronousIndicator.PROHIBITED
    indicator = _INDICATORS.get(value)  # type: ignore[arg-type]  # the value of an enumeration, an int
    if indicator is None:
        raise unknown_value(value, tag, dialect.version)
    return indicator


def _read_credentials(item: Item, dialect: Dialect) -> tuple[Credential, ...]:
    return tuple(_read_credential(c, dialect) for c in children(item) if c[0] == CREDENTIAL)


_HEADER_FIELDS: Final[Mapping[int, tuple[str, _ReadField]]] = {
    ASYNCHRONOUS_INDICATOR: ("asynchronous_indicator", _read_asynchronous),
    ATTESTATION_CAPABLE_INDICATOR: ("attestation_capable_indicator", _plain(BOOLEAN)),
    AUTHENTICATION: ("credentials", _read_credentials),
    BATCH_COUNT: ("batch_count", _read_integer),
    BATCH_ERROR_CONTINUATION_OPTION: ("batch_error_continuation_option", _read_continuation),
    BATCH_ORDER_OPTION: ("batch_order_option", _plain(BOOLEAN)),
    CLIENT_CORRELATION_VALUE: ("client_correlation_value", _plain(TEXT_STRING)),
    MAXIMUM_RESPONSE_SIZE: ("maximum_response_size", _read_response_size),
    SERVER_CORRELATION_VALUE: ("server_correlation_value", _plain(TEXT_STRING)),
    TIME_STAMP: ("time_stamp", _read_time_stamp),
}
"""tag -> field of RequestHeader, and what reads it."""


def _read_credential(item: Item, dialect: Dialect) -> Credential:
    found = singles(children(item))
    code = expect(found, CREDENTIAL_TYPE, ENUMERATION)
    if code is None:
        raise DecodingError("Credential Type is missing")
    if code not in tables.enumeration_values("CredentialType", dialect.version):
        raise unknown_value(code, CREDENTIAL_TYPE, dialect.version)
    credential_type = CredentialType(code)
    decode = dialect.credentials.get(credential_type)
    value = found.get(CREDENTIAL_VALUE)
    if decode is None or value is None:
        return Credential(credential_type=credential_type)
    content = children(value)
    if len(content) == 1 and content[0][0] == TICKET:  # the one value with a structure of its own name inside
        content = children(content[0])
    return Credential(credential_type=credential_type, credential_value=decode(content))


def _read_item(item: Item, dialect: Dialect) -> RequestBatchItem:
    """Return one item of a batch; whatever is wrong inside it becomes its payload."""
    operation: Operation | None = None
    code: int | None = None
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
        identifier = expect(found, UNIQUE_BATCH_ITEM_ID, BYTE_STRING)
        code = expect(found, OPERATION, ENUMERATION)
        if code is None:
            raise DecodingError("Operation is missing")
        operation = OPERATIONS.get(code)
        if repeated is not None:
            raise DecodingError(f"{tag_name(repeated)} stands more than once")
        for tag in found:
            if tag not in dialect.batch_item_tags:
                raise unexpected(tag, dialect.version, "in a Batch Item")
        _check_extensions(extensions)
        read_payload = dialect.requests.get(code)
        if read_payload is None:
            name = f"0x{code:08X}" if operation is None else standard_name(operation)
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, f"{name} is not supported in KMIP {dialect.version}")
        payload = found.get(REQUEST_PAYLOAD)
        if payload is None:
            raise DecodingError("Request Payload is missing")
        fields = children(payload)
        reference = None
        if dialect.has_data_references and any(field[0] == DATA and field[1] is not BYTE_STRING for field in fields):
            reference, fields = _read_data_reference(fields, dialect)
        return RequestBatchItem(
            operation=operation,
            ephemeral=_read_ephemeral(found, dialect) if EPHEMERAL in found else None,
            data_reference=reference,
            unique_batch_item_id=identifier,
            payload=read_payload(fields),
        )
    except KmipError as error:
        unknown = code if operation is None else None
        return RequestBatchItem(
            operation=operation, operation_code=unknown, unique_batch_item_id=identifier, payload=error
        )


def _read_data_reference(fields: Items, dialect: Dialect) -> tuple[DataReference, Items]:
    """Return the Data of another item that a payload names, and the payload with empty Data for it. KMIP 2.1 §7.9."""
    given = [field for field in fields if field[0] == DATA]
    if len(given) > 1:
        raise DecodingError(f"{tag_name(DATA)} stands more than once")
    (item,) = given
    reference: Any = item[2]
    if item[1] is ENUMERATION:
        reference = _DATA.get(reference)
        if reference is None:
            raise unknown_value(item[2], DATA, dialect.version)
    elif item[1] is not INTEGER:
        raise wrong_type(DATA, BYTE_STRING)
    return reference, tuple(_NO_DATA if field is item else field for field in fields)


_DATA: Final = {int(data): data for data in Data}
_NO_DATA: Final = Item(DATA, BYTE_STRING, b"")


def _read_ephemeral(found: Mapping[int, Item], dialect: Dialect) -> Ephemeral | None:
    """Return what an answer is to leave out; as a Boolean it means Data. KMIP 2.1 §8.3."""
    value = expect(found, EPHEMERAL, dialect.facts.ephemeral)
    if dialect.facts.ephemeral is BOOLEAN:
        return Ephemeral.DATA if value else None
    option = _EPHEMERALS.get(value)
    if option is None:
        raise unknown_value(value, EPHEMERAL, dialect.version)
    return option


_EPHEMERALS: Final = {int(option): option for option in Ephemeral}


def _check_extensions(extensions: list[Item]) -> None:
    """Refuse a Message Extension that must be understood; no extension is known here. KMIP 1.4 §6.16."""
    for extension in extensions:
        if expect(singles(children(extension)), CRITICALITY_INDICATOR, BOOLEAN):
            text = "a critical Message Extension is not understood here"
            raise KmipError(ResultReason.UNKNOWN_MESSAGE_EXTENSION, text)


# --- writing ----------------------------------------------------------------------------------------------------------


def message_item(message: RequestMessage, dialect: Dialect) -> Item:
    """Return the Request Message item; payloads are operations' Requests."""
    parts = _header_items(message.header, dialect)
    if dialect.has_batch_count:
        parts.append(Item(BATCH_COUNT, INTEGER, len(message.batch_items)))
    header = Item(REQUEST_HEADER, STRUCTURE, tuple(parts))
    batch = (_batch_item(item, dialect) for item in message.batch_items)
    return Item(REQUEST_MESSAGE, STRUCTURE, (header, *batch))


def _header_items(header: RequestHeader, dialect: Dialect) -> list[Item]:
    parts = [dialect.version_item]
    if header.maximum_response_size is not None:
        parts.append(Item(MAXIMUM_RESPONSE_SIZE, INTEGER, header.maximum_response_size))
    parts += dialect.correlation_items(header)
    if header.asynchronous_indicator is not AsynchronousIndicator.PROHIBITED:
        as_boolean = dialect.facts.asynchronous_indicator is BOOLEAN
        value = True if as_boolean else int(header.asynchronous_indicator)
        parts.append(Item(ASYNCHRONOUS_INDICATOR, dialect.facts.asynchronous_indicator, value))
    if header.attestation_capable_indicator and dialect.has_attestation:
        parts.append(Item(ATTESTATION_CAPABLE_INDICATOR, BOOLEAN, True))
    if header.credentials:
        credentials = tuple(_credential_item(c, dialect) for c in header.credentials)
        parts.append(Item(AUTHENTICATION, STRUCTURE, credentials))
    if header.batch_error_continuation_option is not BatchErrorContinuationOption.STOP:
        option = int(header.batch_error_continuation_option)
        parts.append(Item(BATCH_ERROR_CONTINUATION_OPTION, ENUMERATION, option))
    if dialect.has_batch_order and header.batch_order_option != dialect.facts.batch_order:
        parts.append(Item(BATCH_ORDER_OPTION, BOOLEAN, header.batch_order_option))
    if header.time_stamp is not None:
        parts.append(Item(TIME_STAMP, DATE_TIME, header.time_stamp))
    return parts


def _credential_item(credential: Credential, dialect: Dialect) -> Item:
    parts = [Item(CREDENTIAL_TYPE, ENUMERATION, int(credential.credential_type))]
    value = credential.credential_value
    if value is not None:
        content = dialect.credential_items[type(value)](value)
        if isinstance(value, Ticket):
            content = (Item(TICKET, STRUCTURE, content),)
        parts.append(Item(CREDENTIAL_VALUE, STRUCTURE, content))
    return Item(CREDENTIAL, STRUCTURE, tuple(parts))


def _batch_item(item: RequestBatchItem, dialect: Dialect) -> Item:
    parts = [Item(OPERATION, ENUMERATION, int(item.operation or 0))]
    if item.ephemeral is not None:
        as_boolean = dialect.facts.ephemeral is BOOLEAN
        parts.append(Item(EPHEMERAL, dialect.facts.ephemeral, True if as_boolean else int(item.ephemeral)))
    if item.unique_batch_item_id is not None and UNIQUE_BATCH_ITEM_ID in dialect.batch_item_tags:
        parts.append(Item(UNIQUE_BATCH_ITEM_ID, BYTE_STRING, item.unique_batch_item_id))
    payload, reference = item.payload, item.data_reference
    if reference is not None:
        payload = evolve(payload, data=b"")
    fields = dialect.payloads[type(payload)](payload)
    if reference is not None:
        given = Item(DATA, ENUMERATION if isinstance(reference, Data) else INTEGER, int(reference))
        fields = tuple(given if field[0] == DATA else field for field in fields)
    parts.append(Item(REQUEST_PAYLOAD, STRUCTURE, fields))
    return Item(BATCH_ITEM, STRUCTURE, tuple(parts))
