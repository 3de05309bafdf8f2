"""Plays a recorded dialogue again: values that the server chose are learned, dates move, answers are compared.

The bytes are taken apart here by hand, so that a fault which encoder and decoder share cannot hide.
"""

import gzip
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from kmip_adapters.ttlv.encodings.items import tag_name
from kmip_core.enums import ItemType, Operation

BATCH_ITEM: Final = 0x42000F
OPERATION: Final = 0x42005C
RESULT_MESSAGE: Final = 0x42007D
RESULT_REASON: Final = 0x42007E
RESULT_STATUS: Final = 0x42007F
SERVER_INFORMATION: Final = 0x420088
TIME_STAMP: Final = 0x420092
LOCATED_ITEMS: Final = 0x4200D5

UNCOMPARED: Final = frozenset({RESULT_MESSAGE, TIME_STAMP, LOCATED_ITEMS})
"""Tags that do not count: texts and times are the server's own, Located Items depends on the version of the ruling."""

LEARNED: Final = frozenset({ItemType.TEXT_STRING, ItemType.BYTE_STRING, ItemType.BIG_INTEGER, ItemType.DATE_TIME})
LONG: Final = 8
"""Bytes from which on a value is known again wherever it stands; a shorter one only under its tag."""

ABOUT_THEN: Final = 4e8
"""Seconds around the recording within which a date counts as one that the client took from its clock."""


@define
class Node:
    """One TTLV item.  value: a list of nodes for a structure, else the bytes of the value without padding."""

    tag: int
    item_type: int
    value: Any

    @property
    def is_structure(self) -> bool:
        """Whether it holds other items."""
        return self.item_type == ItemType.STRUCTURE


@frozen
class Line:
    """One exchange.  number: counted from 1.  time: seconds since 1970 of the recording."""

    number: int
    time: float
    request: bytes
    response: bytes


@define
class Difference:
    """A request that did not hold, and why."""

    line: int
    text: str


def read(path: Path) -> list[Line]:
    """Return the lines of a recording."""
    with gzip.open(path, "rt") as stream:
        entries = [json.loads(text) for text in stream]
    return [
        Line(number, entry["t"], bytes.fromhex(entry["request"]), bytes.fromhex(entry["response"]))
        for number, entry in enumerate(entries, start=1)
    ]


@define
class Replay:
    """One dialogue while it is played.  exchange: sends a frame and returns the answer.  now: seconds since 1970."""

    exchange: Callable[[bytes], bytes]
    now: int
    _learned: dict[tuple[int, bytes], bytes] = field(factory=dict, init=False)

    def play(self, lines: list[Line]) -> list[Difference]:
        """Return the requests that do not hold."""
        return [difference for line in lines if (difference := self._play_line(line)) is not None]

    def _play_line(self, line: Line) -> Difference | None:
        request = parse(line.request)
        for node in leaves(request):
            node.value = self._translated(node, line)
        expected, actual = parse(line.response), parse(self.exchange(build(request)))
        self._learn(expected, actual)
        if outcomes(expected) != outcomes(actual):
            return Difference(line.number, f"expected {outcomes(expected)}, got {outcomes(actual)}")
        by_dates = _locates(expected) and any(node.item_type == ItemType.DATE_TIME for node in leaves(request))
        if not by_dates and shape(expected) != shape(actual):  # seconds differ from run to run, and so do the finds
            return Difference(line.number, tags_that_differ(shape(expected), shape(actual)))
        return None

    def _translated(self, node: Node, line: Line) -> bytes:
        value: bytes = node.value
        if len(value) >= LONG and (node.item_type, value) in self._learned:
            return self._learned[node.item_type, value]
        if (node.tag, value) in self._learned:
            return self._learned[node.tag, value]
        if node.item_type == ItemType.DATE_TIME:
            (date,) = struct.unpack(">q", value)
            if abs(date - line.time) < ABOUT_THEN:
                return struct.pack(">q", date + int(self.now - line.time))
        return value

    def _learn(self, expected: list[Node], actual: list[Node]) -> None:
        found = dict(paths(actual))
        for path, node in paths(expected):
            other = found.get(path)
            if other is None or node.item_type not in LEARNED or node.item_type != other.item_type:
                continue
            if node.value != other.value:
                key = node.item_type if len(node.value) >= LONG else node.tag
                self._learned[key, node.value] = other.value


# --- TTLV -------------------------------------------------------------------------------------------------------------


def parse(octets: bytes) -> list[Node]:
    """Return the items of an encoding."""
    nodes: list[Node] = []
    place = 0
    while place < len(octets):
        tag, item_type = int.from_bytes(octets[place : place + 3]), octets[place + 3]
        length = int.from_bytes(octets[place + 4 : place + 8])
        inside = octets[place + 8 : place + 8 + length]
        nodes.append(Node(tag, item_type, parse(inside) if item_type == ItemType.STRUCTURE else inside))
        place += 8 + length + -length % 8
    return nodes


def build(nodes: list[Node]) -> bytes:
    """Return the encoding of items."""
    parts: list[bytes] = []
    for node in nodes:
        content = build(node.value) if node.is_structure else node.value
        head = node.tag.to_bytes(3) + bytes([node.item_type]) + len(content).to_bytes(4)
        parts.append(head + content + bytes(-len(content) % 8))
    return b"".join(parts)


def paths(nodes: list[Node], path: tuple[tuple[int, int], ...] = ()) -> Iterator[tuple[Any, Node]]:
    """Yield every leaf with its way from the top: tags, each with its number among equal ones."""
    seen: dict[int, int] = {}
    for node in nodes:
        number = seen[node.tag] = seen.get(node.tag, -1) + 1
        here = (*path, (node.tag, number))
        if node.is_structure:
            yield from paths(node.value, here)
        else:
            yield here, node


def leaves(nodes: list[Node]) -> Iterator[Node]:
    """Yield every item that is no structure."""
    return (node for _, node in paths(nodes))


# --- comparison -------------------------------------------------------------------------------------------------------


def outcomes(nodes: list[Node]) -> list[tuple[str, str, str]]:
    """Return operation, status and reason of every batch item, in hex."""
    items = [node for node in (nodes[0].value if nodes else []) if node.tag == BATCH_ITEM]
    return [(_simple(item, OPERATION), _simple(item, RESULT_STATUS), _simple(item, RESULT_REASON)) for item in items]


def _simple(item: Node, tag: int) -> str:
    return next((node.value.hex() for node in item.value if node.tag == tag and not node.is_structure), "")


def _locates(nodes: list[Node]) -> bool:
    return any(operation == f"{Operation.LOCATE:08x}" for operation, _, _ in outcomes(nodes))


def shape(nodes: list[Node]) -> tuple[Any, ...]:
    """Return the tree of tags and types, equal neighbours folded; what Server Information holds is the server's own."""
    found: list[Any] = []
    for node in nodes:
        if node.tag in UNCOMPARED:
            continue
        inside = node.is_structure and node.tag != SERVER_INFORMATION
        entry = (node.tag, shape(node.value) if inside else node.item_type)
        if not found or found[-1] != entry:
            found.append(entry)
    return tuple(found)


def tags_that_differ(expected: tuple[Any, ...], actual: tuple[Any, ...]) -> str:
    """Return the names of the tags that are missing, and of those that are too many."""
    left, right = set(_flat(expected)), set(_flat(actual))
    missing, more = (sorted({tag_name(path[-1]) for path in found}) for found in (left - right, right - left))
    return f"tags differ: missing {missing}, more {more}"


def _flat(entries: tuple[Any, ...], path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    for tag, value in entries:
        yield (*path, tag)
        if isinstance(value, tuple):
            yield from _flat(value, (*path, tag))
