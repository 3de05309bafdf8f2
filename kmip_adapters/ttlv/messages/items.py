"""The items that messages of every version are made of, payloads aside: their tags, and how they are taken apart.

Requests and responses are read in `requests` and `responses`; what both do is here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from kmip_adapters.ttlv.encodings.binary import INTEGER
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Items, children, tag_name
from kmip_core.enums import ItemType, Operation
from kmip_core.standard_names import standard_name, with_article
from kmip_core.structures import ProtocolVersion

ASYNCHRONOUS_CORRELATION_VALUE: Final = 0x420006
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
UNIQUE_IDENTIFIER: Final = 0x420094
ATTESTATION_TYPE: Final = 0x4200C7
DATA: Final = 0x4200C2
NONCE: Final = 0x4200C8
NONCE_ID: Final = 0x4200C9
NONCE_VALUE: Final = 0x4200CA
ATTESTATION_CAPABLE_INDICATOR: Final = 0x4200D3
CLIENT_CORRELATION_VALUE: Final = 0x420105
SERVER_CORRELATION_VALUE: Final = 0x420106
SERVER_HASHED_PASSWORD: Final = 0x420155
TICKET: Final = 0x420149
EPHEMERAL: Final = 0x420154

OPERATIONS: Final[Mapping[int, Operation]] = {int(operation): operation for operation in Operation}


def split(message: Item, message_tag: int, header_tag: int) -> tuple[Items, Items]:
    """Return the items of the header, and the Batch Items."""
    if message.tag != message_tag:
        raise DecodingError(f"expected a {tag_name(message_tag)}")
    content = children(message)
    if not content or content[0].tag != header_tag:
        raise DecodingError(f"a message must begin with its {tag_name(header_tag)}")
    batch = content[1:]
    for item in batch:
        if item.tag != BATCH_ITEM:
            raise DecodingError(f"after the header come Batch Items, not {tag_name(item.tag)}")
    return children(content[0]), batch


def check_count(count: int | None, found: int, *, has_count: bool) -> None:
    """Refuse a Batch Count that is not that of the batch.

    found: Batch Items.  has_count: whether the version has a Batch Count.
    """
    if not has_count:
        if not found:
            raise DecodingError("no Batch Items follow")
        return
    if count is None:
        raise DecodingError("Batch Count is missing")
    if count != found or not found:
        raise DecodingError(f"Batch Count says {count}, and {found} Batch Items follow")


def protocol_version(header: Items) -> ProtocolVersion:
    """Return the version that a header says, whether it is standard_name here or not."""
    for item in header:
        if item[0] == PROTOCOL_VERSION:
            found = singles(children(item))
            major = expect(found, PROTOCOL_VERSION_MAJOR, INTEGER)
            minor = expect(found, PROTOCOL_VERSION_MINOR, INTEGER)
            if major is None or minor is None:
                raise DecodingError("Protocol Version needs major and minor")
            return ProtocolVersion(major, minor)
    raise DecodingError("Protocol Version is missing")


def singles(items: Iterable[Item]) -> dict[int, Item]:
    """Return items by tag; each may stand once."""
    found: dict[int, Item] = {}
    for item in items:
        if item[0] in found:
            raise DecodingError(f"{tag_name(item[0])} stands more than once")
        found[item[0]] = item
    return found


def expect(found: Mapping[int, Item], tag: int, item_type: ItemType) -> Any:
    """Return the value of an item, None if it is not there.  Raises DecodingError if it is of another type."""
    item = found.get(tag)
    if item is None:
        return None
    if item[1] is not item_type:
        raise wrong_type(tag, item_type)
    return item[2]


def wrong_type(tag: int, wanted: ItemType) -> DecodingError:
    """Return the refusal of an item that is not of its type."""
    return DecodingError(f"{tag_name(tag)} must be {with_article(standard_name(wanted))}")
