"""Messages and items to test with, written by hand: what a client could send, and what of it is wrong."""

from typing import Any, Final

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.converter import make_converter
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import (
    BATCH_COUNT,
    BATCH_ITEM,
    OPERATION,
    PROTOCOL_VERSION,
    PROTOCOL_VERSION_MAJOR,
    PROTOCOL_VERSION_MINOR,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    REQUEST_PAYLOAD,
    UNIQUE_BATCH_ITEM_ID,
)
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType, Operation
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestMessage
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion

CODEC: Final = Codec(CATALOGUE)
CONVERTERS: Final = {version: make_converter(version) for version in tables.VERSIONS}
V10, V12, V13, V14, V20, V21, V30 = (
    ProtocolVersion(*v) for v in ((1, 0), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1), (3, 0))
)


def text(tag: int, value: str) -> Item:
    return Item(tag, ItemType.TEXT_STRING, value)


def integer(tag: int, value: int) -> Item:
    return Item(tag, ItemType.INTEGER, value)


def enumerated(tag: int, value: int) -> Item:
    return Item(tag, ItemType.ENUMERATION, value)


def structure(tag: int, *items: Item) -> Item:
    return Item(tag, ItemType.STRUCTURE, items)


# --- messages -----------------------------------------------------------------------------------------------------


def version_item(version: tuple[int, int]) -> Item:
    major, minor = version
    return structure(PROTOCOL_VERSION, integer(PROTOCOL_VERSION_MAJOR, major), integer(PROTOCOL_VERSION_MINOR, minor))


def header(version: tuple[int, int] = (1, 2), *more: Item, count: int = 1) -> Item:
    return structure(REQUEST_HEADER, version_item(version), *more, integer(BATCH_COUNT, count))


ACTIVATE = structure(
    BATCH_ITEM, enumerated(OPERATION, Operation.ACTIVATE), structure(REQUEST_PAYLOAD, text(0x420094, "1"))
)


def with_id(item: Item, identifier: bytes) -> Item:
    assert isinstance(item.value, tuple)
    named = Item(UNIQUE_BATCH_ITEM_ID, ItemType.BYTE_STRING, identifier)
    return item._replace(value=(item.value[0], named, *item.value[1:]))


def request(*items: Item) -> RequestMessage:
    return CODEC.decode_request(binary.encode(structure(REQUEST_MESSAGE, *items)))


def one(message: RequestMessage) -> RequestBatchItem:
    (item,) = message.batch_items
    return item


# --- structures ---------------------------------------------------------------------------------------------------

OBJECT_TYPE: Final = 0x420057
IDENTIFIER: Final = text(0x420094, "1")


def structured(cls: type, version: ProtocolVersion, *items: Item) -> Any:
    return CONVERTERS[version].get_structure_hook(cls)(items, cls)


def reason_of_refusal(cls: type, version: ProtocolVersion, *items: Item) -> str:
    """Return the name of the reason for which the items are not read as a `cls`."""
    with pytest.raises(KmipError) as refusal:
        structured(cls, version, *items)
    return refusal.value.reason.name


def over_the_wire(value: Any, version: ProtocolVersion) -> Any:
    """Return what is read of what is written of a value."""
    converter = CONVERTERS[version]
    items = converter.get_unstructure_hook(type(value))(value)
    packed = binary.encode(structure(REQUEST_PAYLOAD, *items))
    return converter.get_structure_hook(type(value))(binary.decode(packed).value, type(value))
