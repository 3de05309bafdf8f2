"""Mutations of messages in TTLV that keep lengths right, so that most of them get past the decoder.

libFuzzer changes bytes. In TTLV a changed length spoils every structure around it, and few such inputs reach an
operation. Here an input is read as a tree, one node of it is changed, and the tree is written anew.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from attrs import define

from kmip_core.enums import ItemType

IDENTIFIERS: Final = (b"key", b"secret", b"private", b"public", b"none", b"")
"""Identifiers of objects that the engine of the target has, and of none."""

_NUMBERS: Final = (0, 1, 2, 3, 7, 8, 16, 31, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)
_WIDTH: Final[dict[int, int]] = {
    ItemType.INTEGER: 4,
    ItemType.LONG_INTEGER: 8,
    ItemType.ENUMERATION: 4,
    ItemType.BOOLEAN: 8,
    ItemType.DATE_TIME: 8,
    ItemType.INTERVAL: 4,
}
_DEEPEST: Final = 40
_UNIQUE_IDENTIFIER: Final = bytes.fromhex("420094")
_TAGS: Final = (0x420001, 0x4201E0)  # all of the standard, and some beyond


@define
class Node:
    """An item: its tag and type as bytes, and what it holds."""

    tag: bytes
    type: int
    value: "bytes | list[Node]"


def parse(data: bytes, depth: int = 0) -> list[Node] | None:
    """Return the items that `data` is made of, or None where it is not made of items."""
    nodes: list[Node] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8])
        after = at + 8 + length + -length % 8
        if len(data) < after or depth > _DEEPEST:
            return None
        content = data[at + 8 : at + 8 + length]
        inner = parse(content, depth + 1) if data[at + 3] == ItemType.STRUCTURE else content
        if inner is None:
            return None
        nodes.append(Node(data[at : at + 3], data[at + 3], inner))
        at = after
    return nodes


def write(nodes: list[Node]) -> bytes:
    """Return the bytes of items."""
    parts = []
    for node in nodes:
        content = write(node.value) if isinstance(node.value, list) else node.value
        parts.append(node.tag + bytes([node.type]) + len(content).to_bytes(4) + content + bytes(-len(content) % 8))
    return b"".join(parts)


def mutated(data: bytes, other: bytes, change: Callable[[bytes], bytes], random: Random) -> bytes | None:
    """Return `data` with one to three of its nodes changed, or None where it is no TTLV.

    other: an input from which items are taken over, if it is TTLV.  change: changes the bytes of a value.
    """
    nodes = parse(data)
    if not nodes:
        return None
    donors = list(_all(parse(other) or nodes))
    for _ in range(random.randint(1, 3)):
        siblings, place = random.choice(list(_places(nodes)))
        _CHANGES[random.randrange(len(_CHANGES))](siblings, place, random.choice(donors)[1], change, random)
        if not nodes:
            return None
    return write(nodes)


def _all(nodes: list[Node]) -> list[tuple[int, Node]]:
    found = []
    for place, node in enumerate(nodes):
        found.append((place, node))
        if isinstance(node.value, list):
            found += _all(node.value)
    return found


def _places(nodes: list[Node]) -> list[tuple[list[Node], int]]:
    found = []
    for place, node in enumerate(nodes):
        found.append((nodes, place))
        if isinstance(node.value, list):
            found += _places(node.value)
    return found


_Change = Callable[[list[Node], int, Node, Callable[[bytes], bytes], Random], None]


def _value(siblings: list[Node], place: int, _: Node, change: Callable[[bytes], bytes], random: Random) -> None:
    node = siblings[place]
    if isinstance(node.value, list):
        return
    if node.tag == _UNIQUE_IDENTIFIER and random.random() < 0.7:
        node.value = random.choice(IDENTIFIERS)
    elif (width := _WIDTH.get(node.type)) and random.random() < 0.8:
        number = random.choice((random.choice(_NUMBERS), random.randrange(256), int.from_bytes(node.value) + 1))
        node.value = (number % (1 << 8 * width)).to_bytes(width)
    else:
        node.value = change(node.value)


def _remove(siblings: list[Node], place: int, _: Node, __: Callable[[bytes], bytes], ___: Random) -> None:
    del siblings[place]


def _repeat(siblings: list[Node], place: int, _: Node, __: Callable[[bytes], bytes], random: Random) -> None:
    siblings.insert(random.randint(0, len(siblings)), siblings[place])


def _graft(siblings: list[Node], place: int, donor: Node, _: Callable[[bytes], bytes], random: Random) -> None:
    """Put an item of the other input before this one, or in its place, with its own tag or with this one's."""
    node = siblings[place]
    tag = node.tag if random.random() < 0.5 else donor.tag
    copied = Node(tag, donor.type, parse(write(donor.value)) or [] if isinstance(donor.value, list) else donor.value)
    siblings[place : place + random.randint(0, 1)] = [copied]


def _swap(siblings: list[Node], place: int, _: Node, __: Callable[[bytes], bytes], random: Random) -> None:
    other = random.randrange(len(siblings))
    siblings[place], siblings[other] = siblings[other], siblings[place]


def _retag(siblings: list[Node], place: int, donor: Node, _: Callable[[bytes], bytes], random: Random) -> None:
    siblings[place].tag = donor.tag if random.random() < 0.5 else random.randrange(*_TAGS).to_bytes(3)


_CHANGES: Final[tuple[_Change, ...]] = (_value, _value, _value, _value, _graft, _graft, _remove, _repeat, _swap, _retag)
