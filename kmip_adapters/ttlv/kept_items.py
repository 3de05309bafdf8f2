"""Batch items and answers as the store keeps them: messages of one item, in TTLV of the version of their request."""

from typing import Any

from kmip_adapters.ttlv.codec import Codec
from kmip_core.enums import Operation
from kmip_core.errors import KmipError
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.structures import ProtocolVersion


class TtlvKeptItems:
    """`KeptItems` (kmip_core.ports.kept_items) over a codec."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def encode_request(self, item: RequestBatchItem, protocol_version: ProtocolVersion) -> bytes:
        """Return a message of this item, without credentials and without its Unique Batch Item ID."""
        alone = RequestBatchItem(operation=item.operation, payload=item.payload)
        header = RequestHeader(protocol_version=protocol_version)
        return self._codec.encode_request(RequestMessage(header=header, batch_items=(alone,)))

    def decode_request(self, encoded: bytes, protocol_version: ProtocolVersion) -> RequestBatchItem:
        """Return the item of the message."""
        (item,) = self._codec.decode_request(encoded).batch_items
        return item

    def encode_payload(self, operation: Operation, payload: Any, protocol_version: ProtocolVersion) -> bytes:
        """Return a message of this answer: a refusal for an object of a type that the version does not have."""
        item = ResponseBatchItem(operation=operation, payload=payload)
        header = ResponseHeader(protocol_version=protocol_version, time_stamp=0)
        return self._codec.encode_response(ResponseMessage(header=header, batch_items=(item,)))

    def decode_payload(self, encoded: bytes, protocol_version: ProtocolVersion) -> Any:
        """Return the payload of the answer.  Raises KmipError for a refusal: the version could not say it."""
        (item,) = self._codec.decode_response(encoded).batch_items
        if item.result_reason is not None:
            raise KmipError(item.result_reason, item.result_message or "")
        return item.payload
