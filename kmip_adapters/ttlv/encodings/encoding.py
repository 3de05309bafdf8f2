"""The encodings of a message as values: what the codec is given, and what chooses by content type.

KMIP 1.x and 2.x have one meaning in three encodings; sizes that a message speaks of are those of its TTLV form.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from kmip_adapters.ttlv.encodings import binary, json, operation_json, xml
from kmip_adapters.ttlv.encodings.items import Item, Limits
from kmip_core.classes import frozen
from kmip_core.structures import ProtocolVersion


@frozen(kw_only=True, eq=False)
class Encoding:
    """One encoding.

    content_type: what HTTP calls it. KMIP Additional Message Encodings 1.0 §2.4.
    decode: whole message -> item; raises DecodingError.
    encode: item -> bytes.  encode_after: the encoded first member of a structure, its tag, the other members -> bytes.
        Both raise UnwritableText.
    announced_version: the version at the beginning of a message that is broken, None if it is not there.
    """

    name: str
    content_type: str
    decode: Callable[[bytes, Limits], Item]
    encode: Callable[[Item], bytes]
    encode_after: Callable[[bytes, int, Iterable[Item]], bytes]
    announced_version: Callable[[bytes], ProtocolVersion | None]


BINARY: Final = Encoding(
    name="TTLV",
    content_type="application/octet-stream",
    decode=binary.decode,
    encode=binary.encode,
    encode_after=binary.encode_after,
    announced_version=binary.announced_version,
)
XML: Final = Encoding(
    name="XML",
    content_type="text/xml",
    decode=xml.decode,
    encode=xml.encode,
    encode_after=xml.encode_after,
    announced_version=xml.announced_version,
)
JSON: Final = Encoding(
    name="JSON",
    content_type="application/json",
    decode=json.decode,
    encode=json.encode,
    encode_after=json.encode_after,
    announced_version=json.announced_version,
)

OPERATION_JSON: Final = Encoding(
    name="JSON of one operation",
    content_type="application/json",
    decode=operation_json.decode,
    encode=json.encode,
    encode_after=operation_json.encode_after,
    announced_version=operation_json.announced_version,
)
"""For the server's side: read and written where `operation_json.is_one`, else it is JSON."""

ENCODINGS: Final[Mapping[str, Encoding]] = {encoding.content_type: encoding for encoding in (BINARY, XML, JSON)}
"""content type -> encoding."""
