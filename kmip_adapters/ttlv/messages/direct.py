"""Whole messages without items, in the binary encoding: the usual request to values, every response to bytes.

A request with Data, as an Encrypt, hardly ever comes again, but the same key is named again and again, in the same way:
what stands before the Data is remembered, and the rest is read from there on.

A request is usual if it has nothing but what this module looks for, in the order in which every client writes it. All
others, and all that are malformed, are for `requests`, which reads items and says what is wrong.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, Final

from kmip_adapters.ttlv.converter.direct import REFUSALS, Unusual
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.binary import (
    BYTE_STRING,
    ENUMERATION,
    HEADER,
    PADDING,
    PLACE,
    STRUCTURE,
    UNSIGNED_32_ITEM,
)
from kmip_adapters.ttlv.encodings.items import Limits, children
from kmip_adapters.ttlv.messages import requests, responses
from kmip_adapters.ttlv.messages.items import (
    BATCH_ITEM,
    DATA,
    OPERATION,
    OPERATIONS,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    REQUEST_PAYLOAD,
    RESPONSE_MESSAGE,
    RESPONSE_PAYLOAD,
    RESULT_STATUS,
    UNIQUE_BATCH_ITEM_ID,
    check_count,
    protocol_version,
)
from kmip_adapters.ttlv.messages.versions import Dialect
from kmip_core.classes import frozen
from kmip_core.enums import Operation, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.makers import maker_of
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem, failure
from kmip_core.structures import CryptographicParameters, ProtocolVersion

LONGEST_HEADER: Final = 128  # bytes of one that is remembered
MOST_HEADERS: Final = 256
LONGEST_BEGINNING: Final = 512  # bytes before the Data of a request that are remembered
MOST_BEGINNINGS: Final = 1_024
LEARNED_OF: Final = 4
"""One of so many requests whose beginning is not known is looked at: those that never come again cost less then."""

_BEGINNING: Final = Struct(">IIII")  # of a message and its header
_VERSION: Final = slice(8, 48)  # of a header: the whole Protocol Version
_ITEM_BEGINNING: Final = Struct(">II IIII II")  # of a Batch Item: its header, its Operation, the header of what follows

_MESSAGE_HEAD: Final = REQUEST_MESSAGE << 8 | STRUCTURE
_HEADER_HEAD: Final = REQUEST_HEADER << 8 | STRUCTURE
_ITEM_HEAD: Final = BATCH_ITEM << 8 | STRUCTURE
_OPERATION_HEAD: Final = OPERATION << 8 | ENUMERATION
_ID_HEAD: Final = UNIQUE_BATCH_ITEM_ID << 8 | BYTE_STRING
_PAYLOAD_HEAD: Final = REQUEST_PAYLOAD << 8 | STRUCTURE


_DATA_HEAD: Final = HEADER.pack(DATA << 8 | BYTE_STRING, 0)[:4]

WITH_DATA: Final = frozenset(
    {
        Operation.DECRYPT,
        Operation.ENCRYPT,
        Operation.MAC,
        Operation.MAC_VERIFY,
        Operation.SIGN,
        Operation.SIGNATURE_VERIFY,
    }
)
"""Operations whose requests name a key and say how it is used, which is no secret, before they bring Data."""

_make_item: Final = maker_of(RequestBatchItem)
_make_message: Final = maker_of(RequestMessage)


@frozen
class _Beginning:
    """What a request with one item says before its Data.

    read: reads the payload; it goes on from what stands here.  length: of the whole message, which is said in the bytes
    of the beginning.
    """

    header: RequestHeader
    operation: Operation
    unique_batch_item_id: bytes | None
    unique_identifier: Any
    cryptographic_parameters: CryptographicParameters | None
    read: Callable[..., Any]
    length: int


class DirectRequests:
    """Reads usual requests.

    dialects: by version.  limits: as for items; longer messages may have too many of these.
    newest_types: the highest code of an item type that a version has, by the encoded Protocol Version.

    Headers are remembered by their bytes: most clients send the same one again and again. Those with credentials or
    correlation values are not.
    """

    def __init__(
        self, dialects: Mapping[ProtocolVersion, Dialect], limits: Limits, newest_types: Mapping[bytes, int]
    ) -> None:
        self._dialects = dialects
        self._limits = limits
        self._newest_types = newest_types
        self._longest = 8 * limits.max_items  # no item is shorter than its header
        self._headers: dict[bytes, tuple[Dialect, RequestHeader, int | None]] = {}
        self._beginnings: dict[bytes, _Beginning | None] = {}  # None for those that were seen once
        self._unknown = 0

    def read(self, frame: bytes) -> RequestMessage | None:
        """Return the request in a frame; None if it is not a usual one, or malformed."""
        try:
            place = frame.find(_DATA_HEAD, 0, LONGEST_BEGINNING)
            if place < 0:
                return self._read(frame)
            octets = frame[:place]
            known = self._beginnings.get(octets)
            if known is None or known.length != len(frame):
                message = self._read(frame)
                self._unknown += 1
                if not self._unknown % LEARNED_OF:
                    self._learn(octets, message, len(frame))
                return message
            # In place of a fourth of the steps that reading all of an Encrypt takes: 5 % of all that the service does.
            payload = known.read(
                frame,
                place,
                known.length,
                unique_identifier_=known.unique_identifier,
                cryptographic_parameters_=known.cryptographic_parameters,
            )
            item = _make_item(
                operation=known.operation, unique_batch_item_id=known.unique_batch_item_id, payload=payload
            )
            return _make_message(header=known.header, batch_items=(item,))
        except REFUSALS:
            return None

    def _learn(self, octets: bytes, message: RequestMessage, length: int) -> None:
        """Remember what a message says before its Data, if it is seen for the second time.

        octets: the message up to what seems to be its Data.  length: of the whole message.
        """
        item = message.batch_items[0]
        begin = 16 + HEADER.unpack_from(octets, 8)[1]
        known = self._headers.get(octets[8:begin])  # no header with credentials is there
        if known is None or item.operation not in WITH_DATA or len(message.batch_items) > 1:
            return
        if octets not in self._beginnings:  # one that never comes again has cost no more than that
            if len(self._beginnings) >= MOST_BEGINNINGS:
                self._beginnings.clear()
            self._beginnings[octets] = None
            return
        head, size = HEADER.unpack_from(octets, begin + 24)
        begin += 32 if head == _PAYLOAD_HEAD else 40 + size + (-size & 7)  # behind the identifier of the item
        read = known[0].direct_requests[item.operation]
        try:
            said = read(octets, begin, len(octets))
        except REFUSALS:  # the Data is not there
            return
        if said == type(said)(
            unique_identifier=said.unique_identifier, cryptographic_parameters=said.cryptographic_parameters
        ):
            self._beginnings[octets] = _Beginning(
                message.header,
                item.operation,
                item.unique_batch_item_id,
                said.unique_identifier,
                said.cryptographic_parameters,
                read,
                length,
            )

    def _read(self, frame: bytes) -> RequestMessage:
        message_head, length, header_head, header_length = _BEGINNING.unpack_from(frame)
        end = len(frame)
        at = 16 + header_length
        if (
            message_head != _MESSAGE_HEAD
            or length != end - 8
            or header_head != _HEADER_HEAD
            or not at < end <= self._longest
        ):
            raise Unusual
        header = frame[8:at]
        dialect, request_header, count = self._headers.get(header) or self._read_header(header)
        readers, begin_of_item = dialect.direct_requests, _ITEM_BEGINNING.unpack_from
        items: list[RequestBatchItem] = []
        while at < end:
            item_head, item_length, operation_head, four, code, padding, head, length = begin_of_item(frame, at)
            stop = at + 8 + item_length
            if item_head != _ITEM_HEAD or operation_head != _OPERATION_HEAD or four != 4 or padding:
                raise Unusual
            at += 32
            identifier: bytes | None = None
            if head == _ID_HEAD and UNIQUE_BATCH_ITEM_ID in dialect.batch_item_tags:
                tail = at + length
                identifier = frame[at:tail]
                at = tail + (-length & 7)
                if frame[tail:at] != PADDING[at - tail]:
                    raise Unusual
                head, length = HEADER.unpack_from(frame, at)
                at += 8
            if head != _PAYLOAD_HEAD or at + length != stop or stop > end:
                raise Unusual
            payload = readers[code](frame, at, stop)
            items.append(_make_item(operation=OPERATIONS[code], unique_batch_item_id=identifier, payload=payload))
            at = stop
        found = len(items)
        batch = tuple(items)
        if found != 1 or count != 1:  # unlike nearly always
            check_count(count, found, has_count=dialect.has_batch_count)
        if found > 1:
            requests.check_batch_item_ids(batch, dialect)
        return _make_message(header=request_header, batch_items=batch)

    def _read_header(self, octets: bytes) -> tuple[Dialect, RequestHeader, int | None]:
        newest = self._newest_types.get(octets[_VERSION])
        if newest is None:
            raise Unusual
        header = children(binary.decode(octets, self._limits, newest))
        dialect = self._dialects[protocol_version(header)]
        fields, count = requests.read_header(header, dialect)
        found = dialect, RequestHeader(**fields), count
        is_private = any(fields.get(name) for name in ("credentials", "client_correlation_value"))
        if len(octets) <= LONGEST_HEADER and not is_private:
            if len(self._headers) >= MOST_HEADERS:
                self._headers.clear()
            self._headers[octets] = found
        return found


# --- responses --------------------------------------------------------------------------------------------------------

_SUCCEEDED: Final = ResultStatus.SUCCESS
_SUCCESS: Final = UNSIGNED_32_ITEM.pack(RESULT_STATUS << 8 | ENUMERATION, 4, _SUCCEEDED, 0)
_BEGUN: Final[Mapping[Operation | None, bytes]] = {
    operation: PLACE + UNSIGNED_32_ITEM.pack(_OPERATION_HEAD, 4, operation, 0) for operation in OPERATIONS.values()
}
"""How the Batch Item of an operation begins."""
_SUCCEEDED_BEGUN: Final[Mapping[Operation | None, bytes]] = {
    operation: begun + _SUCCESS + PLACE for operation, begun in _BEGUN.items()
}
"""The same up to the content of its payload, for one that has no identifier and has succeeded."""

_RESPONSE_ITEM_HEAD: Final = BATCH_ITEM << 8 | STRUCTURE
_RESPONSE_PAYLOAD_HEAD: Final = RESPONSE_PAYLOAD << 8 | STRUCTURE
_RESPONSE_HEAD: Final = RESPONSE_MESSAGE << 8 | STRUCTURE


def response(items: tuple[ResponseBatchItem, ...], dialect: Dialect, header: bytes) -> bytes:
    """Return the Response Message.  header: its encoded header.  Raises UnencodableError."""
    out = bytearray(PLACE)
    out += header
    for item in items:
        if (
            item.payload is not None
            and item.result_status is _SUCCEEDED
            and item.ephemeral is None
            and item.asynchronous_correlation_value is None
        ):
            _append_item(item, dialect, out)
        else:
            binary.append(responses.batch_item(item, dialect), out)
    HEADER.pack_into(out, 0, _RESPONSE_HEAD, len(out) - 8)
    return bytes(out)


def _append_item(item: ResponseBatchItem, dialect: Dialect, out: bytearray) -> None:
    """Append the Batch Item of an operation that has succeeded."""
    begin = len(out)
    identifier = item.unique_batch_item_id
    if identifier is None:
        out += _SUCCEEDED_BEGUN[item.operation]
    else:
        length = len(identifier)
        out += _BEGUN[item.operation]
        out += HEADER.pack(_ID_HEAD, length)
        out += identifier
        out += PADDING[-length & 7]
        out += _SUCCESS
        out += PLACE
    content_begin = len(out)
    try:
        dialect.direct_payloads[type(item.payload)](item.payload, out)
    except KmipError as refusal:  # an object of a type that the version does not have
        del out[begin:]
        binary.append(responses.batch_item(failure(refusal, item), dialect), out)
        return
    end = len(out)
    HEADER.pack_into(out, content_begin - 8, _RESPONSE_PAYLOAD_HEAD, end - content_begin)
    HEADER.pack_into(out, begin, _RESPONSE_ITEM_HEAD, end - begin - 8)
