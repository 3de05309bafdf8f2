"""Response Messages: the header and the batch, written by the server and read by clients.

A refusal's Result Reason is written as the version knows it (`reasons`); a payload that the version cannot say becomes
a refusal.
"""

from collections.abc import Callable, Mapping
from typing import Final

from kmip_adapters.ttlv.encodings.binary import BYTE_STRING, DATE_TIME, ENUMERATION, INTEGER, STRUCTURE, TEXT_STRING
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Items, UnwritableText, children
from kmip_adapters.ttlv.messages.items import (
    ASYNCHRONOUS_CORRELATION_VALUE,
    ATTESTATION_TYPE,
    BATCH_COUNT,
    BATCH_ITEM,
    CLIENT_CORRELATION_VALUE,
    MESSAGE_EXTENSION,
    NONCE,
    NONCE_ID,
    NONCE_VALUE,
    OPERATION,
    OPERATIONS,
    RESPONSE_HEADER,
    RESPONSE_MESSAGE,
    RESPONSE_PAYLOAD,
    RESULT_MESSAGE,
    RESULT_REASON,
    RESULT_STATUS,
    SERVER_CORRELATION_VALUE,
    SERVER_HASHED_PASSWORD,
    TIME_STAMP,
    UNIQUE_BATCH_ITEM_ID,
    UNIQUE_IDENTIFIER,
    check_count,
    expect,
    singles,
)
from kmip_adapters.ttlv.messages.versions import Dialect
from kmip_adapters.ttlv.standard import reasons
from kmip_core.enums import AttestationType, Ephemeral, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.messages import Nonce, ResponseBatchItem, ResponseHeader, ResponseMessage, failure

_new: Final = tuple.__new__  # spares the Python-level constructor of a named tuple

_KEPT_TAGS: Final[Mapping[Ephemeral | None, frozenset[int]]] = {
    Ephemeral.EMPTY: frozenset(),
    Ephemeral.UNIQUE_IDENTIFIER: frozenset({UNIQUE_IDENTIFIER}),
}
"""What is written of a payload whose item asks for less."""

_ATTESTATION_TYPES: Final = {int(kind): kind for kind in AttestationType}
_STATUSES: Final = {int(status): status for status in ResultStatus}
_REASONS: Final = {int(reason): reason for reason in ResultReason}


# --- writing ----------------------------------------------------------------------------------------------------------


def message_item(message: ResponseMessage, dialect: Dialect) -> Item:
    """Return the Response Message item; payloads are operations' Responses."""
    header = header_item(message.header, len(message.batch_items), dialect)
    return Item(RESPONSE_MESSAGE, STRUCTURE, (header, *(batch_item(item, dialect) for item in message.batch_items)))


def header_item(header: ResponseHeader, count: int, dialect: Dialect) -> Item:
    """Return the Response Header item.  count: Batch Items that follow."""
    stamp = Item(TIME_STAMP, DATE_TIME, header.time_stamp)
    parts = [dialect.version_item, stamp]
    if header.nonce is not None and dialect.has_attestation:
        identifier = Item(NONCE_ID, BYTE_STRING, header.nonce.nonce_id)
        value = Item(NONCE_VALUE, BYTE_STRING, header.nonce.nonce_value)
        parts.append(Item(NONCE, STRUCTURE, (identifier, value)))
    if header.server_hashed_password is not None:
        parts.append(Item(SERVER_HASHED_PASSWORD, BYTE_STRING, header.server_hashed_password))
    if dialect.has_attestation:
        parts += [Item(ATTESTATION_TYPE, ENUMERATION, int(kind)) for kind in header.attestation_types]
    parts += dialect.correlation_items(header)
    if dialect.has_batch_count:
        parts.append(Item(BATCH_COUNT, INTEGER, count))
    return Item(RESPONSE_HEADER, STRUCTURE, tuple(parts))


def batch_item(item: ResponseBatchItem, dialect: Dialect) -> Item:
    """Return the Batch Item of one answer."""
    parts: list[Item] = []
    code = item.operation if item.operation is not None else item.operation_code
    if code is not None:
        parts.append(_new(Item, (OPERATION, ENUMERATION, int(code))))
    if item.unique_batch_item_id is not None:
        parts.append(_new(Item, (UNIQUE_BATCH_ITEM_ID, BYTE_STRING, item.unique_batch_item_id)))
    parts.append(_new(Item, (RESULT_STATUS, ENUMERATION, int(item.result_status))))
    if item.result_reason is not None:
        reason = reasons.on_wire(item.result_reason, item.operation, dialect.version)
        parts.append(Item(RESULT_REASON, ENUMERATION, int(reason)))
    if item.result_message is not None:
        parts.append(Item(RESULT_MESSAGE, TEXT_STRING, item.result_message))
    if item.asynchronous_correlation_value is not None:
        parts.append(Item(ASYNCHRONOUS_CORRELATION_VALUE, BYTE_STRING, item.asynchronous_correlation_value))
    if item.payload is not None:
        try:
            payload = dialect.payloads[type(item.payload)](item.payload)
        except KmipError as refusal:  # an object of a type that the version does not have
            return batch_item(failure(refusal, item), dialect)
        if item.ephemeral in _KEPT_TAGS:
            payload = tuple(part for part in payload if part[0] in _KEPT_TAGS[item.ephemeral])
        parts.append(_new(Item, (RESPONSE_PAYLOAD, STRUCTURE, payload)))
    return _new(Item, (BATCH_ITEM, STRUCTURE, tuple(parts)))


def writable_item(item: ResponseBatchItem, dialect: Dialect, encode: Callable[[Item], bytes]) -> Item:
    """Return the Batch Item of one answer, that of a refusal if `encode` cannot write it."""
    written = batch_item(item, dialect)
    try:
        encode(written)
    except UnwritableText as refusal:
        return batch_item(failure(refusal, item), dialect)
    return written


# --- reading ----------------------------------------------------------------------------------------------------------


def read(header: Items, batch: Items, dialect: Dialect) -> ResponseMessage:
    """Return the response.  Raises KmipError if it cannot be read, payloads included."""
    found = singles(field for field in header if field[0] != ATTESTATION_TYPE)  # one for each type that would do
    stamp = expect(found, TIME_STAMP, DATE_TIME)
    if stamp is None:
        raise DecodingError("Time Stamp is missing")
    check_count(expect(found, BATCH_COUNT, INTEGER), len(batch), has_count=dialect.has_batch_count)
    return ResponseMessage(
        header=ResponseHeader(
            protocol_version=dialect.version,
            time_stamp=stamp,
            nonce=_read_nonce(found),
            attestation_types=_read_attestation_types(header),
            server_hashed_password=expect(found, SERVER_HASHED_PASSWORD, BYTE_STRING),
            client_correlation_value=expect(found, CLIENT_CORRELATION_VALUE, TEXT_STRING),
            server_correlation_value=expect(found, SERVER_CORRELATION_VALUE, TEXT_STRING),
        ),
        batch_items=tuple(_read_item(item, dialect) for item in batch),
    )


def _read_nonce(header: Mapping[int, Item]) -> Nonce | None:
    item = header.get(NONCE)
    if item is None:
        return None
    found = singles(children(item))
    identifier, value = (expect(found, tag, BYTE_STRING) for tag in (NONCE_ID, NONCE_VALUE))
    if identifier is None or value is None:
        raise DecodingError("a Nonce needs its Nonce ID and its Nonce Value")
    return Nonce(nonce_id=identifier, nonce_value=value)


def _read_attestation_types(header: Items) -> tuple[AttestationType, ...]:
    """Return the types that are known here; a vendor's are left out."""
    codes = [expect({item[0]: item}, ATTESTATION_TYPE, ENUMERATION) for item in header if item[0] == ATTESTATION_TYPE]
    return tuple(_ATTESTATION_TYPES[code] for code in codes if code in _ATTESTATION_TYPES)


def _read_item(item: Item, dialect: Dialect) -> ResponseBatchItem:
    found = singles(part for part in children(item) if part[0] != MESSAGE_EXTENSION)
    status = _STATUSES.get(expect(found, RESULT_STATUS, ENUMERATION))
    if status is None:
        raise DecodingError("Result Status is missing or unknown")
    code = expect(found, OPERATION, ENUMERATION)
    payload = found.get(RESPONSE_PAYLOAD)
    read_payload = dialect.responses.get(code)
    decoded = None
    if payload is not None and status is ResultStatus.SUCCESS:
        if read_payload is None:
            raise DecodingError("the answer is to an operation that was not asked")
        decoded = read_payload(children(payload))
    return ResponseBatchItem(
        operation=OPERATIONS.get(code),
        operation_code=None if code in OPERATIONS else code,
        unique_batch_item_id=expect(found, UNIQUE_BATCH_ITEM_ID, BYTE_STRING),
        result_status=status,
        result_reason=_REASONS.get(expect(found, RESULT_REASON, ENUMERATION)),
        result_message=expect(found, RESULT_MESSAGE, TEXT_STRING),
        asynchronous_correlation_value=expect(found, ASYNCHRONOUS_CORRELATION_VALUE, BYTE_STRING),
        payload=decoded,
    )
