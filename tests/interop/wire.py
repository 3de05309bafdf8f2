"""A client's side of the wire, written without our codec: messages from names and values, answers as trees.

The bytes are made and read here by hand, so that a fault which our encoder and decoder share cannot hide. Only the tag
numbers come from the standard's table.
"""

import enum
import struct
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType, Operation

Parts = list[tuple[str, Any]]
"""A structure: names and values in their order."""


class Date(int):
    """Seconds since 1970, for a tag whose type is not told by the table."""


def encode(name: str, value: Any) -> bytes:
    """Return one item.  The type is that of the value, and for whole numbers the tag's."""
    tag = tables.tag_by_xml_name(name)
    assert tag is not None, name
    head = tag.code.to_bytes(3, "big")
    match value:
        case list():
            return item(head, ItemType.STRUCTURE, b"".join(encode(*part) for part in value))
        case bool():
            return item(head, ItemType.BOOLEAN, struct.pack(">q", value))
        case str():
            return item(head, ItemType.TEXT_STRING, value.encode())
        case bytes():
            return item(head, ItemType.BYTE_STRING, value)
        case Date():
            return item(head, ItemType.DATE_TIME, struct.pack(">q", value))
        case enum.IntFlag():
            return item(head, ItemType.INTEGER, struct.pack(">i", value))
        case enum.IntEnum():
            return item(head, ItemType.ENUMERATION, struct.pack(">I", value))
        case _:
            kind, layout = next(_NUMBERS[told] for told in tag.item_types if told in _NUMBERS)
            return item(head, kind, struct.pack(layout, value))


_NUMBERS = {
    "Any": (ItemType.INTEGER, ">i"),
    "Integer": (ItemType.INTEGER, ">i"),
    "LongInteger": (ItemType.LONG_INTEGER, ">q"),
    "Enumeration": (ItemType.ENUMERATION, ">I"),
    "DateTime": (ItemType.DATE_TIME, ">q"),
    "Interval": (ItemType.INTERVAL, ">I"),
}


def item(tag: bytes, kind: int, content: bytes, length: int | None = None) -> bytes:
    """Return tag, type, length and padded content; length: a wrong one, on purpose."""
    said = len(content) if length is None else length
    return tag + bytes([kind]) + said.to_bytes(4, "big") + content + bytes(-len(content) % 8)


@frozen
class Node:
    """One item of an answer.  value: number, text, bytes, or a tuple of nodes."""

    name: str
    type: ItemType
    value: Any

    def __getitem__(self, path: str) -> "Node":
        """Return the first item at a path of names, `a/b/c`.  Raises KeyError."""
        node = self
        for name in path.split("/"):
            found = node.all(name)
            if not found:
                raise KeyError(f"{node.name} has no {name}: {node.names}")
            node = found[0]
        return node

    def __contains__(self, path: str) -> bool:
        try:
            self[path]
        except KeyError:
            return False
        return True

    def all(self, name: str) -> list["Node"]:
        """Return the items of this name, in order."""
        return [child for child in self.value if child.name == name]

    @property
    def names(self) -> list[str]:
        """The names of the items of a structure, in order."""
        return [child.name for child in self.value]


def decode(data: bytes) -> Node:
    """Return the one item that fills `data`; raises AssertionError for anything a strict client would not take."""
    (node,) = _read(data)
    return node


def _read(data: bytes) -> Iterator[Node]:
    while data:
        tag = tables.tag_by_code(int.from_bytes(data[:3], "big"))
        assert tag is not None, f"unknown tag {data[:3].hex()}"
        kind, length = ItemType(data[3]), int.from_bytes(data[4:8], "big")
        padded = length + -length % 8
        content, padding = data[8 : 8 + length], data[8 + length : 8 + padded]
        assert len(content) == length, f"{tag.xml_name} is longer than what is around it"
        assert not any(padding), f"the padding of {tag.xml_name} is not zero"
        yield Node(tag.xml_name, kind, _value(kind, content))
        data = data[8 + padded :]


def _value(kind: ItemType, content: bytes) -> Any:
    match kind:
        case ItemType.STRUCTURE:
            return tuple(_read(content))
        case ItemType.TEXT_STRING:
            return content.decode()
        case ItemType.BYTE_STRING:
            return content
        case ItemType.BOOLEAN:
            return bool(int.from_bytes(content, "big"))
        case ItemType.ENUMERATION | ItemType.INTERVAL:
            return int.from_bytes(content, "big")
        case _:
            return int.from_bytes(content, "big", signed=True)


# --- messages -----------------------------------------------------------------------------------------------------


def message(version: tuple[int, int], *items: Parts, header: Parts | None = None, count: int | None = None) -> bytes:
    """Return a request.  items: contents of its Batch Items.  header: fields between version and count."""
    major, minor = version
    head: Parts = [
        ("ProtocolVersion", [("ProtocolVersionMajor", major), ("ProtocolVersionMinor", minor)]),
        *(header or []),
        ("BatchCount", len(items) if count is None else count),
    ]
    batch: Parts = [("BatchItem", list(parts)) for parts in items]
    return encode("RequestMessage", [("RequestHeader", head), *batch])


def operation(asked: Operation, payload: Parts, batch_item_id: bytes | None = None) -> Parts:
    """Return the content of one Batch Item."""
    named: Parts = [] if batch_item_id is None else [("UniqueBatchItemID", batch_item_id)]
    return [("Operation", asked), *named, ("RequestPayload", payload)]


def attribute(name: str, value: Any, index: int | None = None) -> tuple[str, Parts]:
    """Return a 1.x Attribute."""
    numbered: Parts = [] if index is None else [("AttributeIndex", index)]
    return "Attribute", [("AttributeName", name), *numbered, ("AttributeValue", value)]


def name_value(text: str) -> Parts:
    """Return the value of a Name attribute."""
    return [("NameValue", text), ("NameType", 1)]


def template(*attributes: tuple[str, Any], tag: str = "TemplateAttribute") -> tuple[str, Parts]:
    """Return a 1.x Template-Attribute."""
    return tag, list(attributes)


def key_block(material: bytes, key_format: int, algorithm: int | None = None) -> tuple[str, Parts]:
    """Return a Key Block; without algorithm, also without length, as secrets come."""
    described: Parts = []
    if algorithm is not None:
        described = [("CryptographicAlgorithm", algorithm), ("CryptographicLength", len(material) * 8)]
    value: Parts = [("KeyMaterial", material)]
    return "KeyBlock", [("KeyFormatType", key_format), ("KeyValue", value), *described]
