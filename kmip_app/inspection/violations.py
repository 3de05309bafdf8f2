"""What a message says against the standard, item by item, with the section that it breaks.

Encoding mistakes come from `lenient`; here are those of messages: fields and their order, tags and values of another
version, types, counts, and payloads that the operation does not have.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.items import Item, tag_name
from kmip_adapters.ttlv.messages.items import (
    BATCH_COUNT,
    BATCH_ITEM,
    OPERATION,
    PROTOCOL_VERSION,
    PROTOCOL_VERSION_MAJOR,
    PROTOCOL_VERSION_MINOR,
    REQUEST_HEADER,
    REQUEST_MESSAGE,
    RESPONSE_HEADER,
    RESPONSE_MESSAGE,
    UNIQUE_BATCH_ITEM_ID,
)
from kmip_adapters.ttlv.standard import tables
from kmip_app.inspection.lenient import MAX_VIOLATIONS, Violation
from kmip_core.enums import ItemType, Operation
from kmip_core.errors import KmipError
from kmip_core.operations import CATALOGUE, MODULES
from kmip_core.structures import ProtocolVersion

MESSAGE: Final = "KMIP 2.1 §8, 1.4 §7.1"
VERSION: Final = "KMIP 2.1 §9.16, 1.4 §6.1"
COUNT: Final = "KMIP 2.1 §9.5, 1.4 §6.14"
BATCH_ID: Final = "KMIP 2.1 §9.21, 1.4 §6.4"
TAGS: Final = "KMIP 2.1 §11.56, 1.4 §9.1.3.1"
ENUMERATIONS: Final = "KMIP 2.1 §11, 1.4 §9.1.3.2"
TYPES: Final = "KMIP 2.1 §4 - §9, 1.4 §2 - §7"


def of_message(item: Item) -> list[Violation]:
    """Return what is wrong with a decoded message; MAX_VIOLATIONS at most."""
    found: list[Violation] = []
    for violation in _all(item):
        found.append(violation)
        if len(found) == MAX_VIOLATIONS:
            break
    return found


def _all(item: Item) -> Iterator[Violation]:
    if item.tag not in (REQUEST_MESSAGE, RESPONSE_MESSAGE) or not isinstance(item.value, tuple):
        yield _violation("", f"{tag_name(item.tag)} is no Request Message and no Response Message", MESSAGE)
        return
    version = version_of(item)
    if version is None:
        yield _violation(tag_name(item.tag), "the header has no Protocol Version", VERSION)
        return
    if version not in tables.VERSIONS:
        yield _violation(tag_name(item.tag), f"KMIP {version} is no version that this program knows", VERSION)
        return
    yield from _batch(item)
    before = len(found := list(_items(item, version, tag_name(item.tag))))
    yield from found
    if not before:  # a payload with items of another version cannot be read, which says nothing new
        yield from _payloads(item, version)


def version_of(item: Item) -> ProtocolVersion | None:
    """Return the version in the header of a message, None if it is not there."""
    numbers: dict[int, object] = {}
    for header in item.value if isinstance(item.value, tuple) else ():
        if header.tag in (REQUEST_HEADER, RESPONSE_HEADER) and isinstance(header.value, tuple):
            for part in header.value:
                if part.tag == PROTOCOL_VERSION and isinstance(part.value, tuple):
                    numbers |= {number.tag: number.value for number in part.value}
    major, minor = numbers.get(PROTOCOL_VERSION_MAJOR), numbers.get(PROTOCOL_VERSION_MINOR)
    return ProtocolVersion(major, minor) if isinstance(major, int) and isinstance(minor, int) else None


def _batch(item: Item) -> Iterator[Violation]:
    """Check header, count and identifiers of the batch."""
    parts = item.value if isinstance(item.value, tuple) else ()
    header = REQUEST_HEADER if item.tag == REQUEST_MESSAGE else RESPONSE_HEADER
    name = tag_name(item.tag)
    if not parts or parts[0].tag != header:
        yield _violation(name, f"its first field is the {tag_name(header)}", MESSAGE)
        return
    others = [part for part in parts[1:] if part.tag != BATCH_ITEM]
    if others:
        yield _violation(name, f"{tag_name(others[0].tag)} does not belong after the header", MESSAGE)
    batch = [part for part in parts if part.tag == BATCH_ITEM and isinstance(part.value, tuple)]
    fields = parts[0].value if isinstance(parts[0].value, tuple) else ()
    counts = [part.value for part in fields if part.tag == BATCH_COUNT]
    if counts != [len(batch)]:
        count = counts[0] if counts else "missing"
        yield _violation(
            f"{name}/{tag_name(header)}/Batch Count", f"is {count}, and there are {len(batch)} items", COUNT
        )
    if fields and fields[0].tag != PROTOCOL_VERSION:
        yield _violation(f"{name}/{tag_name(header)}", "its first field is the Protocol Version", VERSION)
    if len(batch) > 1 and item.tag == REQUEST_MESSAGE:
        identifiers = [part.value for one in batch for part in _children(one) if part.tag == UNIQUE_BATCH_ITEM_ID]
        if len(identifiers) < len(batch) or len(set(identifiers)) < len(identifiers):
            text = "each item of a batch of several has a Unique Batch Item ID of its own"
            yield _violation(name, text, BATCH_ID)


def _children(item: Item) -> tuple[Item, ...]:
    return item.value if isinstance(item.value, tuple) else ()


def _items(item: Item, version: ProtocolVersion, path: str) -> Iterator[Violation]:
    """Check tag, type and value of each item."""
    tag = tables.tag_by_code(item.tag)
    if tag is None:
        if item.tag >> 16 == 0x42:
            yield _violation(path, "the standard has no such tag", TAGS)
    elif not tag.is_in(version):
        yield _violation(path, f"KMIP {version} has no such tag", TAGS)
    else:
        name = item.type.name.replace("_", "").lower()
        types = [one.lower() for one in tag.item_types]
        if "any" not in types and name not in types:
            yield _violation(path, f"is {_a(item.type)}; it is {' or '.join(tag.item_types)}", TYPES)
        elif item.type is ItemType.ENUMERATION and tag.enumeration and isinstance(item.value, int):
            values = tables.enumeration_values(tag.enumeration, version)
            if values and item.value not in values and item.value < _EXTENSIONS:
                yield _violation(path, f"KMIP {version} has no value 0x{item.value:08X}", ENUMERATIONS)
    for child in _children(item):
        yield from _items(child, version, f"{path}/{tag_name(child.tag)}")


_EXTENSIONS: Final = 0x80000000
"""Enumeration values from here on are vendors' own."""


def _a(item_type: ItemType) -> str:
    return item_type.name.replace("_", " ").title()


def _payloads(item: Item, version: ProtocolVersion) -> Iterator[Violation]:
    """Read the whole message as a server, or a client, of that version does."""
    codec = _codec(version)
    if item.tag == RESPONSE_MESSAGE:
        try:
            codec.response_from(item)
        except KmipError as error:
            (operation, *_) = [*_operations(item), None]
            yield _violation(tag_name(item.tag), error.message, section_of(operation))
        return
    try:
        request = codec.request_from(item)
    except KmipError as error:
        yield _violation(tag_name(item.tag), error.message, MESSAGE)
        return
    for number, part in enumerate(request.batch_items, 1):
        if isinstance(part.payload, KmipError):
            where = f"{tag_name(item.tag)}/Batch Item {number}"
            yield _violation(where, part.payload.message, section_of(part.operation))


def _operations(message: Item) -> Iterator[Operation]:
    codes = {int(one): one for one in Operation}
    for batch_item in _children(message):
        for part in _children(batch_item):
            if part.tag == OPERATION and part.value in codes:
                yield codes[part.value]


def section_of(operation: Operation | None) -> str:
    """Return where the standard describes an operation, by the first lines of its module."""
    for module in MODULES:
        if module.SPEC.operation is operation:
            found = re.search(r"KMIP [0-9].*?(?=\.\s|\.$|\.\n|$)", (module.__doc__ or "").replace("\n", " "))
            return found[0].rstrip(".") if found else MESSAGE
    return MESSAGE


@cache
def _codec(version: ProtocolVersion) -> Codec:
    return Codec(CATALOGUE, (version,))


def _violation(where: str, text: str, section: str) -> Violation:
    return Violation(where=where or "message", text=text, section=section)


__all__ = ["of_message", "section_of", "version_of"]
