"""Batch items and their answers as bytes, for the store, which keeps those that are answered later."""

from typing import Any, Protocol

from kmip_core.enums import Operation
from kmip_core.messages import RequestBatchItem
from kmip_core.structures import ProtocolVersion


class KeptItems(Protocol):
    """Writes and reads items in the form of a protocol version, which does not change. Re-entrant."""

    def encode_request(self, item: RequestBatchItem, protocol_version: ProtocolVersion) -> bytes:
        """Return an item, without its Unique Batch Item ID.  Raises KmipError for one that cannot be written."""
        ...

    def decode_request(self, encoded: bytes, protocol_version: ProtocolVersion) -> RequestBatchItem:
        """Return the item that was written.  Raises KmipError if it cannot be read."""
        ...

    def encode_payload(self, operation: Operation, payload: Any, protocol_version: ProtocolVersion) -> bytes:
        """Return a Response, whole; of one that the version cannot say the refusal that a client would get."""
        ...

    def decode_payload(self, encoded: bytes, protocol_version: ProtocolVersion) -> Any:
        """Return the Response that was written.  Raises KmipError if it cannot be read, or is a refusal."""
        ...
