"""TTLV with mistakes: what can be read of it, and a violation for each mistake with its place and section.

The server's decoder stops at the first mistake; this one goes on where the lengths still allow it. It is for files that
an operator names, bounded by the same limits of depth and number.
"""

from typing import Final

from kmip_adapters.ttlv.encodings.items import Item, tag_name
from kmip_core.classes import frozen
from kmip_core.enums import ItemType

MAX_DEPTH: Final = 32
MAX_ITEMS: Final = 500_000
MAX_VIOLATIONS: Final = 100

TAG: Final = "KMIP 2.1 §10.1.1, 1.4 §9.1.1.1"
TYPE: Final = "KMIP 2.1 §10.1.2, 1.4 §9.1.1.2"
LENGTH: Final = "KMIP 2.1 §10.1.3, 1.4 §9.1.1.3"
VALUE: Final = "KMIP 2.1 §10.1.4, 1.4 §9.1.1.4"
PADDING: Final = "KMIP 2.1 §10.1.5, 1.4 §9.1.1.3"

_FOUR: Final = frozenset({ItemType.INTEGER, ItemType.ENUMERATION, ItemType.INTERVAL})
_SIGNED: Final = frozenset({ItemType.INTEGER, ItemType.LONG_INTEGER, ItemType.DATE_TIME, ItemType.DATE_TIME_EXTENDED})
_TYPES: Final = {int(one): one for one in ItemType}


@frozen(kw_only=True)
class Violation:
    """One thing that the standard does not allow.

    where: the path of the item, or its byte.  section: of the standard.
    """

    where: str
    text: str
    section: str


def read(data: bytes) -> tuple[Item | None, list[Violation]]:
    """Return the first item of `data`, as far as it can be read, and what is wrong with it."""
    reader = _Reader(data)
    item, end = reader.item(0, len(data), "", 0)
    if item is not None and end < len(data):
        reader.blame("", end, f"{len(data) - end} bytes follow the message", LENGTH)
    return item, reader.violations


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.violations: list[Violation] = []
        self._items = 0

    def blame(self, path: str, offset: int, text: str, section: str) -> None:
        if len(self.violations) < MAX_VIOLATIONS:
            where = f"{path}, byte {offset}" if path else f"byte {offset}"
            self.violations.append(Violation(where=where, text=text, section=section))

    def item(self, offset: int, end: int, path: str, depth: int) -> tuple[Item | None, int]:
        """Return the item at `offset`, None if nothing can be made of it, and where the next one begins."""
        self._items += 1
        if end - offset < 8:
            self.blame(path, offset, f"{end - offset} bytes are too few for an item", LENGTH)
            return None, end
        if self._items > MAX_ITEMS or depth > MAX_DEPTH:
            self.blame(path, offset, "too many items, or too deep", LENGTH)
            return None, end
        tag, code = int.from_bytes(self.data[offset : offset + 3]), self.data[offset + 3]
        length = int.from_bytes(self.data[offset + 4 : offset + 8])
        here = f"{path}/{tag_name(tag)}" if path else tag_name(tag)
        if tag >> 16 not in (0x42, 0x54):
            self.blame(here, offset, "a tag begins with 42, or with 54 for an extension", TAG)
            if depth == 0 or code not in _TYPES:
                return None, end
        item_type = _TYPES.get(code)
        start, room = offset + 8, end - offset - 8
        if length > room:
            self.blame(here, offset, f"its length is {length}, and {room} bytes are left", LENGTH)
            return self._cut_off(tag, item_type, self.data[start:end], here, start, depth), end
        padded = min(length + (-length % 8), room)
        if item_type is None:
            self.blame(here, offset, f"0x{code:02X} is no item type", TYPE)
            return None, start + padded
        if item_type is ItemType.STRUCTURE:
            if length % 8:
                self.blame(here, offset, f"a Structure's length is a multiple of 8, not {length}", LENGTH)
            return Item(tag, item_type, self._children(start, start + length, here, depth)), start + padded
        self._check_length(here, offset, item_type, length)
        if padded == length and length % 8:
            self.blame(here, start + length, "padding is missing", PADDING)
        if any(self.data[start + length : start + padded]):
            self.blame(here, start + length, "padding bytes are zero", PADDING)
        return self._value(tag, item_type, self.data[start : start + length], here, start), start + padded

    def _cut_off(
        self, tag: int, item_type: ItemType | None, content: bytes, here: str, start: int, depth: int
    ) -> Item | None:
        """Return what is there of an item that is longer than what is around it."""
        if item_type is ItemType.STRUCTURE:
            return Item(tag, item_type, self._children(start, start + len(content), here, depth))
        return Item(tag, ItemType.BYTE_STRING, content) if item_type is not None else None

    def _children(self, offset: int, end: int, path: str, depth: int) -> tuple[Item, ...]:
        children: list[Item] = []
        while offset < end:
            child, offset = self.item(offset, end, path, depth + 1)
            if child is not None:
                children.append(child)
        return tuple(children)

    def _check_length(self, here: str, offset: int, item_type: ItemType, length: int) -> None:
        if item_type in _FOUR:
            needed = 4
        elif item_type in (ItemType.TEXT_STRING, ItemType.BYTE_STRING) or item_type > ItemType.DATE_TIME_EXTENDED:
            return
        elif item_type is ItemType.BIG_INTEGER:
            if length % 8 or not length:
                self.blame(here, offset, f"a Big Integer's length is a multiple of 8, not {length}", LENGTH)
            return
        else:
            needed = 8
        if length != needed:
            self.blame(here, offset, f"its length is {needed} for this type, not {length}", LENGTH)

    def _value(self, tag: int, item_type: ItemType, content: bytes, here: str, offset: int) -> Item:
        if item_type is ItemType.BYTE_STRING:
            return Item(tag, item_type, content)
        if item_type is ItemType.TEXT_STRING or item_type > ItemType.DATE_TIME_EXTENDED:
            try:
                return Item(tag, item_type, content.decode())
            except UnicodeDecodeError:
                self.blame(here, offset, "text is UTF-8", VALUE)
                return Item(tag, item_type, content.decode(errors="replace"))
        if item_type is ItemType.BIG_INTEGER:
            return Item(tag, item_type, int.from_bytes(content, signed=True))
        number = int.from_bytes(content, signed=item_type in _SIGNED)
        if item_type is ItemType.BOOLEAN:
            if number > 1:
                self.blame(here, offset, "a Boolean is 0 or 1", VALUE)
            return Item(tag, item_type, bool(number))
        return Item(tag, item_type, number)
