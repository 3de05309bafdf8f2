"""Request Messages: the header and the batch, read by the server and written by clients.

What is wrong in the header refuses the message, what is wrong inside a Batch Item that item alone. Payloads are read
and written by what the dialect has dialect for their operation.
"""

from collections.abc import Mapping
from typing import Any, Final

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
from kmip_adapters.ttlv.unknowns import unexpected, unknown_value
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    CredentialType,
    ItemType,
    Operation,
    ResultReason,
)
from kmip_core.errors import KmipError, invalid_field, invalid_message, spoken
from kmip_core.messages import Credential, RequestBatchItem, RequestHeader, RequestMessage, Ticket

# --- reading ----------------------------------------------------------------------------------------------------------


def read(header: Items, batch: Items, dialect: Dialect) -> RequestMessage:
    """Return the request.  Raises KmipError for one that is refused as a whole."""
    fields: dict[str, Any] = {"protocol_version": dialect.version, "batch_order_option": dialect.batch_order}
    check_count(_read_header(header, fields, dialect), len(batch))
    items = tuple([_read_item(item, dialect) for item in batch])
    if len(items) > 1:
        identifiers = {item.unique_batch_item_id for item in items}
        if None in identifiers:
            raise invalid_message("every item of a batch of several needs a Unique Batch Item ID")
        if len(identifiers) < len(items):
            raise invalid_message("two items of a batch must not have one Unique Batch Item ID")
    return RequestMessage(header=RequestHeader(**fields), batch_items=items)


# tag -> (item type, field of RequestHeader): what is taken as it is.
_PLAIN_FIELDS: Final[Mapping[int, tuple[ItemType, str]]] = {
    MAXIMUM_RESPONSE_SIZE: (INTEGER, "maximum_response_size"),
    CLIENT_CORRELATION_VALUE: (TEXT_STRING, "client_correlation_value"),
    SERVER_CORRELATION_VALUE: (TEXT_STRING, "server_correlation_value"),
    BATCH_ORDER_OPTION: (BOOLEAN, "batch_order_option"),
    TIME_STAMP: (DATE_TIME, "time_stamp"),
}

# What a header may say several times.
_REPEATED: Final = frozenset({ATTESTATION_TYPE})

_CONTINUATIONS: Final = {int(option): option for option in BatchErrorContinuationOption}
_INDICATORS: Final = frozenset(map(int, AsynchronousIndicator))


def _read_header(header: Items, fields: dict[str, Any], dialect: Dialect) -> int | None:
    """Fill in the fields of RequestHeader; return the Batch Count.

    Fields that are not known here (attestation, those of other versions) are let pass: clients.md 22.
    """
    count: int | None = None
    seen: set[int] = set()
    for item in header:
        tag, item_type, value = item
        if tag in seen and tag not in _REPEATED:
            raise DecodingError(f"{tag_name(tag)} stands more than once")
        seen.add(tag)
        plain = _PLAIN_FIELDS.get(tag)
        if plain is not None:
            if item_type is not plain[0]:
                if tag != TIME_STAMP or item_type is not DATE_TIME_EXTENDED:
                    raise wrong_type(tag, plain[0])
                value //= 1_000_000  # type: ignore[operator]  # microseconds, an int
            fields[plain[1]] = value
        elif tag == BATCH_COUNT:
            if item_type is not INTEGER:
                raise wrong_type(tag, INTEGER)
            count = value  # type: ignore[assignment]  # an Integer's value is an int
        elif tag == BATCH_ERROR_CONTINUATION_OPTION:
            if item_type is not ENUMERATION:
                raise wrong_type(tag, ENUMERATION)
            option = _CONTINUATIONS.get(value)  # type: ignore[arg-type]  # an Enumeration's value is an int
            if option is None:
                raise unknown_value(value, tag, dialect.version)
            fields["batch_error_continuation_option"] = option
        elif tag == ASYNCHRONOUS_INDICATOR:
            if item_type is not dialect.asynchronous:
                raise DecodingError("Asynchronous Indicator must be a Boolean in 1.x, an Enumeration in 2.x")
            if item_type is ENUMERATION and value not in _INDICATORS:
                raise unknown_value(value, tag, dialect.version)
            # 1.x says only that the client could wait; the server decides (KMIP 1.4 §6.7, §6.8).
            fields["asynchronous"] = item_type is ENUMERATION and value == AsynchronousIndicator.MANDATORY
        elif tag == AUTHENTICATION:
            fields["credentials"] = tuple(_read_credential(c, dialect) for c in children(item) if c[0] == CREDENTIAL)
    size = fields.get("maximum_response_size")
    if size is not None and size < 0:
        raise invalid_field("Maximum Response Size must not be negative")
    return count


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
            name = f"0x{code:08X}" if operation is None else spoken(operation)
            raise KmipError(ResultReason.OPERATION_NOT_SUPPORTED, f"{name} is not supported in KMIP {dialect.version}")
        payload = found.get(REQUEST_PAYLOAD)
        if payload is None:
            raise DecodingError("Request Payload is missing")
        return RequestBatchItem(
            operation=operation,
            ephemeral=bool(expect(found, EPHEMERAL, BOOLEAN)),
            unique_batch_item_id=identifier,
            payload=read_payload(children(payload)),
        )
    except KmipError as error:
        return RequestBatchItem(operation=operation, unique_batch_item_id=identifier, payload=error)


def _check_extensions(extensions: list[Item]) -> None:
    """Refuse a Message Extension that must be understood; no extension is known here. KMIP 1.4 §6.16."""
    for extension in extensions:
        if expect(singles(children(extension)), CRITICALITY_INDICATOR, BOOLEAN):
            text = "a critical Message Extension is not understood here"
            raise KmipError(ResultReason.UNKNOWN_MESSAGE_EXTENSION, text)


# --- writing ----------------------------------------------------------------------------------------------------------


def message_item(message: RequestMessage, dialect: Dialect) -> Item:
    """Return the Request Message item; payloads are operations' Requests."""
    count = Item(BATCH_COUNT, INTEGER, len(message.batch_items))
    header = Item(REQUEST_HEADER, STRUCTURE, (*_header_items(message.header, dialect), count))
    batch = (_batch_item(item, dialect) for item in message.batch_items)
    return Item(REQUEST_MESSAGE, STRUCTURE, (header, *batch))


def _header_items(header: RequestHeader, dialect: Dialect) -> list[Item]:
    parts = [dialect.version_item]
    if header.maximum_response_size is not None:
        parts.append(Item(MAXIMUM_RESPONSE_SIZE, INTEGER, header.maximum_response_size))
    parts += dialect.correlation_items(header)
    if header.asynchronous and dialect.asynchronous is ENUMERATION:
        parts.append(Item(ASYNCHRONOUS_INDICATOR, ENUMERATION, int(AsynchronousIndicator.MANDATORY)))
    if header.credentials:
        credentials = tuple(_credential_item(c, dialect) for c in header.credentials)
        parts.append(Item(AUTHENTICATION, STRUCTURE, credentials))
    if header.batch_error_continuation_option is not BatchErrorContinuationOption.STOP:
        option = int(header.batch_error_continuation_option)
        parts.append(Item(BATCH_ERROR_CONTINUATION_OPTION, ENUMERATION, option))
    if header.batch_order_option != dialect.batch_order:
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
    if item.ephemeral:
        parts.append(Item(EPHEMERAL, BOOLEAN, True))
    if item.unique_batch_item_id is not None:
        parts.append(Item(UNIQUE_BATCH_ITEM_ID, BYTE_STRING, item.unique_batch_item_id))
    parts.append(Item(REQUEST_PAYLOAD, STRUCTURE, dialect.payloads[type(item.payload)](item.payload)))
    return Item(BATCH_ITEM, STRUCTURE, tuple(parts))
