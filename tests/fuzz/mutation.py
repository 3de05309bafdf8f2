"""Mutations of TTLV and of DER that keep lengths right, so that most of them get past the decoder.

libFuzzer changes bytes. A changed length spoils every structure around it, and few such inputs get any further. Here an
input is read as a tree, one to three of its nodes are changed, and the tree is written anew.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from random import Random
from typing import Final

from attrs import define

from kmip_core.enums import ItemType

IDENTIFIERS: Final = (b"key", b"secret", b"private", b"public", b"none", b"")
"""Identifiers of objects that the engine of the target has, and of none."""

_NUMBERS: Final = (0, 1, 2, 3, 7, 8, 16, 31, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)
_WIDTH: Final[dict[bytes, int]] = {
    bytes([ItemType.INTEGER]): 4,
    bytes([ItemType.LONG_INTEGER]): 8,
    bytes([ItemType.ENUMERATION]): 4,
    bytes([ItemType.BOOLEAN]): 8,
    bytes([ItemType.DATE_TIME]): 8,
    bytes([ItemType.INTERVAL]): 4,
}
_DEEPEST: Final = 40
_UNIQUE_IDENTIFIER: Final = bytes.fromhex("420094")
_TAGS: Final = (0x420001, 0x4201E0)  # all of the standard, and some beyond

_DER_INTEGER: Final = b"\x02"
_DER_OCTETS: Final = b"\x04"
_DER_CONSTRUCTED: Final = 0x20

Change = Callable[[bytes], bytes]


@define
class Node:
    """An item: its tag, the type that TTLV gives beside it, and what it holds."""

    tag: bytes
    type: bytes
    value: "bytes | list[Node]"


Tree = list[Node]


def parse_ttlv(data: bytes, depth: int = 0) -> Tree | None:
    """Return the items that `data` is made of, or None where it is not made of items."""
    nodes: Tree = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8])
        after = at + 8 + length + -length % 8
        if len(data) < after or depth > _DEEPEST:
            return None
        content = data[at + 8 : at + 8 + length]
        inner = parse_ttlv(content, depth + 1) if data[at + 3] == ItemType.STRUCTURE else content
        if inner is None:
            return None
        nodes.append(Node(data[at : at + 3], data[at + 3 : at + 4], inner))
        at = after
    return nodes


def write_ttlv(nodes: Tree) -> bytes:
    """Return the bytes of items."""
    parts = []
    for node in nodes:
        content = write_ttlv(node.value) if isinstance(node.value, list) else node.value
        parts.append(node.tag + node.type + len(content).to_bytes(4) + content + bytes(-len(content) % 8))
    return b"".join(parts)


def parse_der(data: bytes, depth: int = 0) -> Tree | None:
    """Return the elements that `data` is made of, or None.  An octet string of DER counts as a structure."""
    nodes: Tree = []
    at = 0
    while at < len(data):
        length, start = int.from_bytes(data[at + 1 : at + 2]), at + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[at + 2 : start])
        if len(data) < start + length or depth > _DEEPEST:
            return None
        tag, content = data[at : at + 1], data[start : start + length]
        inner = parse_der(content, depth + 1) if tag[0] & _DER_CONSTRUCTED or (tag == _DER_OCTETS and content) else None
        nodes.append(Node(tag, b"", content if inner is None else inner))
        at = start + length
    return nodes


def write_der(nodes: Tree) -> bytes:
    """Return the bytes of elements."""
    parts = []
    for node in nodes:
        content = write_der(node.value) if isinstance(node.value, list) else node.value
        size = len(content)
        of_size = (size.bit_length() + 7) // 8
        length = bytes([size]) if size < 0x80 else bytes([0x80 | of_size]) + size.to_bytes(of_size)
        parts.append(node.tag[:1] + length + content)
    return b"".join(parts)


def _mutated(
    parse: Callable[[bytes], Tree | None],
    write: Callable[[Tree], bytes],
    data: bytes,
    other: bytes,
    change: Change,
    random: Random,
) -> bytes | None:
    """Return `data` with one to three of its nodes changed, or None where it cannot be parsed.

    other: an input from which items are taken over, if it can be parsed.  change: changes the bytes of a value.
    """
    nodes = parse(data)
    if not nodes:
        return None
    donors = [siblings[place] for siblings, place in _places(parse(other) or nodes)]
    for _ in range(random.randint(1, 3)):
        siblings, place = random.choice(list(_places(nodes)))
        random.choice(_CHANGES)(siblings, place, random.choice(donors), change, random)
        if not nodes:
            return None
    return write(nodes)


mutated_ttlv: Final = partial(_mutated, parse_ttlv, write_ttlv)
mutated_der: Final = partial(_mutated, parse_der, write_der)


def _places(nodes: Tree) -> Iterator[tuple[Tree, int]]:
    for place, node in enumerate(nodes):
        yield nodes, place
        if isinstance(node.value, list):
            yield from _places(node.value)


def _value(siblings: Tree, place: int, _: Node, change: Change, random: Random) -> None:
    node = siblings[place]
    if isinstance(node.value, list):
        return
    number = random.choice((random.choice(_NUMBERS), random.randrange(256), int.from_bytes(node.value) + 1))
    if node.tag == _UNIQUE_IDENTIFIER and random.random() < 0.7:
        node.value = random.choice(IDENTIFIERS)
    elif (width := _WIDTH.get(node.type)) and random.random() < 0.8:
        node.value = (number % (1 << 8 * width)).to_bytes(width)
    elif node.tag == _DER_INTEGER and random.random() < 0.5:
        node.value = number.to_bytes(number.bit_length() // 8 + 1)
    else:
        node.value = change(node.value)


def _remove(siblings: Tree, place: int, _: Node, __: Change, ___: Random) -> None:
    del siblings[place]


def _repeat(siblings: Tree, place: int, _: Node, __: Change, random: Random) -> None:
    siblings.insert(random.randint(0, len(siblings)), deepcopy(siblings[place]))


def _graft(siblings: Tree, place: int, donor: Node, _: Change, random: Random) -> None:
    """Put an item of the other input before this one, or in its place, with its own tag or with this one's."""
    copied = deepcopy(donor)
    if random.random() < 0.5:
        copied.tag = siblings[place].tag
    siblings[place : place + random.randint(0, 1)] = [copied]


def _swap(siblings: Tree, place: int, _: Node, __: Change, random: Random) -> None:
    other = random.randrange(len(siblings))
    siblings[place], siblings[other] = siblings[other], siblings[place]


def _retag(siblings: Tree, place: int, donor: Node, _: Change, random: Random) -> None:
    tag = siblings[place].tag
    anew = random.randrange(*_TAGS).to_bytes(3) if len(tag) == 3 else random.randbytes(1)
    siblings[place].tag = donor.tag if random.random() < 0.5 else anew


_CHANGES: Final = (_value, _value, _value, _value, _graft, _graft, _remove, _repeat, _swap, _retag)
