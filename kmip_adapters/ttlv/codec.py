"""Messages <-> frames in every version and encoding, for the server and for clients.

    frame -> Encoding.decode -> messages.items -> messages.requests -> RequestMessage
    ResponseMessage -> messages.responses -> Encoding.encode -> frame       and both the other way round, for clients

The version of a message chooses its dialect (`messages.versions`), which has everything planned. A request whose batch
can be read becomes a `RequestMessage`, in which an item that cannot be read (its operation is unknown or not of this
version, its payload malformed) carries the refusal as its payload and fails alone. What cannot be read at all raises
`UnreadableMessage`, which knows the version to answer in (KMIP 1.4 §11.1, RULINGS 16).
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.encoding import BINARY, Encoding
from kmip_adapters.ttlv.encodings.items import (
    REQUEST_LIMITS,
    RESPONSE_LIMITS,
    DecodingError,
    Item,
    Limits,
    UnwritableText,
    check_types,
)
from kmip_adapters.ttlv.messages import direct, requests, responses
from kmip_adapters.ttlv.messages.direct import DirectRequests
from kmip_adapters.ttlv.messages.items import (
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    RESPONSE_HEADER,
    RESPONSE_MESSAGE,
    protocol_version,
    split,
)
from kmip_adapters.ttlv.messages.versions import Dialects, make_dialect, version_item
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import FACTS
from kmip_core.enums import ItemType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage, ResponseHeader, ResponseMessage, failure
from kmip_core.operation import Spec
from kmip_core.structures import ProtocolVersion

_HEADERS: Final = 64  # of answers that are remembered
_VERSION: Final = slice(16, 56)
"""Where the Protocol Version is in a binary message: after two headers."""

_NEWEST_TYPE: Final = ItemType.DATE_TIME_EXTENDED
"""The newest item type of a message whose version is not known yet; clients of 1.x may send Time Stamps of it."""


class UnreadableMessage(KmipError):
    """A message that is refused as a whole.

    version: the protocol version to answer in.
    """

    def __init__(self, cause: KmipError, version: ProtocolVersion) -> None:
        super().__init__(cause.reason, cause.message)
        self.version = version


class Codec:
    """Reads and writes whole messages.  Stateless between calls; safe for any thread."""

    def __init__(
        self,
        catalogue: Mapping[Operation, Spec],
        versions: Iterable[ProtocolVersion] = tables.VERSIONS,
        *,
        limits: Limits = REQUEST_LIMITS,
        response_limits: Limits = RESPONSE_LIMITS,
        pykmip_compatible: bool = False,
    ) -> None:
        self.versions = tuple(sorted(versions))
        self._limits = limits
        self._response_limits = response_limits
        self._dialects = Dialects(
            self.versions, partial(make_dialect, catalogue=catalogue, pykmip_compatible=pykmip_compatible)
        )
        self._newest_type_of = {v: max(FACTS[v].newest_item_type, _NEWEST_TYPE) for v in self.versions}
        self._newest_types = {
            binary.encode(version_item(version)): newest for version, newest in self._newest_type_of.items()
        }
        # All answers of one second begin alike, and the header is half of what a short one has to encode.
        self._begun_by_values: dict[tuple[int, ProtocolVersion, int, Encoding], bytes] = {}
        self._direct = DirectRequests(self._dialects, limits, self._newest_types)

    # --- the server's side ----------------------------------------------------------------------------------------

    def decode_request(self, frame: bytes, encoding: Encoding = BINARY) -> RequestMessage:
        """Return the request in one whole frame.  Raises UnreadableMessage."""
        try:
            if encoding is BINARY:
                request = self._direct.read(frame)
                if request is not None:
                    return request
                item = binary.decode(frame, self._limits, self._newest_types.get(frame[_VERSION], _NEWEST_TYPE))
                return self._request(item)
            return self.request_from(encoding.decode(frame, self._limits))
        except DecodingError as error:
            refusal = KmipError(ResultReason.CODEC_ERROR, error.message)
            announced = encoding.announced_version(frame) or self.versions[0]
            raise UnreadableMessage(refusal, self.nearest(announced)) from error

    def request_from(self, item: Item) -> RequestMessage:
        """Return the request in a Request Message item.  Raises UnreadableMessage."""
        return self._request(item, types_are_checked=False)

    def _request(self, item: Item, *, types_are_checked: bool = True) -> RequestMessage:
        """Return the request in an item.  types_are_checked: whether it has item types of its version only."""
        try:
            header, batch = split(item, REQUEST_MESSAGE, REQUEST_HEADER)
            version = protocol_version(header)
        except DecodingError as error:
            raise UnreadableMessage(error, self.versions[0]) from error
        if version not in self._newest_type_of:
            known = ", ".join(map(str, self.versions))
            refusal = KmipError(ResultReason.UNSUPPORTED_PROTOCOL_VERSION, f"this server speaks {known}")
            raise UnreadableMessage(refusal, self.nearest(version))
        dialect = self._dialects[version]
        try:
            if not types_are_checked:
                check_types(item, self._newest_type_of[version])
            return requests.read(header, batch, dialect)
        except KmipError as error:
            raise UnreadableMessage(error, version) from error

    def encode_response(self, message: ResponseMessage, encoding: Encoding = BINARY) -> bytes:
        """Return the frame of a response.  Raises UnencodableError for a value of ours that no item can carry."""
        header = message.header
        dialect = self._dialects[header.protocol_version]
        if encoding is BINARY:
            begun = self._begun(header, len(message.batch_items), BINARY)
            return direct.response(message.batch_items, dialect, begun)
        items = [responses.batch_item(item, dialect) for item in message.batch_items]
        begun = self._begun(header, len(items), encoding)
        try:
            return encoding.encode_after(begun, RESPONSE_MESSAGE, items)
        except UnwritableText:
            items = [responses.writable_item(item, dialect, encoding.encode) for item in message.batch_items]
            return encoding.encode_after(begun, RESPONSE_MESSAGE, items)

    def response_item(self, message: ResponseMessage) -> Item:
        """Return the Response Message item of a response."""
        return responses.message_item(message, self._dialects[message.header.protocol_version])

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

    def _begun(self, header: ResponseHeader, count: int, encoding: Encoding) -> bytes:
        """Return an encoded header; found by plain values, since headers are compared by calls in Python."""
        key = header.time_stamp, header.protocol_version, count, encoding
        if (
            header.nonce is not None
            or header.server_hashed_password is not None
            or header.attestation_types
            or header.client_correlation_value is not None
            or header.server_correlation_value is not None
        ):  # values for one client, and for no other
            return self._encode_header(header, count, encoding)
        begun = self._begun_by_values.get(key)
        if begun is None:
            if len(self._begun_by_values) >= _HEADERS:
                self._begun_by_values.clear()
            begun = self._begun_by_values[key] = self._encode_header(header, count, encoding)
        return begun

    def _encode_header(self, header: ResponseHeader, count: int, encoding: Encoding) -> bytes:
        return encoding.encode(responses.header_item(header, count, self._dialects[header.protocol_version]))

    # --- the client's side ----------------------------------------------------------------------------------------

    def encode_request(self, message: RequestMessage, encoding: Encoding = BINARY) -> bytes:
        """Return the frame of a request; payloads are operations' Requests."""
        return encoding.encode(self.request_item(message))

    def request_item(self, message: RequestMessage) -> Item:
        """Return the Request Message item of a request."""
        return requests.message_item(message, self._dialects[message.header.protocol_version])

    def decode_response(self, frame: bytes, encoding: Encoding = BINARY) -> ResponseMessage:
        """Return the response in one whole frame.  Raises KmipError if it cannot be read, payloads included."""
        return self.response_from(encoding.decode(frame, self._response_limits))

    def response_from(self, item: Item) -> ResponseMessage:
        """Return the response in a Response Message item."""
        header, batch = split(item, RESPONSE_MESSAGE, RESPONSE_HEADER)
        version = protocol_version(header)
        if version not in self._newest_type_of:
            raise DecodingError(f"the answer is in KMIP {version}")
        return responses.read(header, batch, self._dialects[version])


__all__ = ["Codec", "UnreadableMessage"]
