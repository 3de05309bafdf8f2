"""Items: tag, type and value, the shape every encoding shares; no meaning, no versions.

An item is a triple. A structure's value is a tuple of items; the other types hold int, bool, str or bytes:
Integer, Long Integer, Big Integer, Enumeration, Date-Time (seconds since 1970), Date-Time Extended
(microseconds) and Interval (seconds) are int.
"""

from typing import Final, NamedTuple, TypeAlias

from kmip_adapters.ttlv.standard import tables
from kmip_core.classes import frozen
from kmip_core.enums import ItemType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.standard_names import standard_name

Value: TypeAlias = "int | str | bytes | tuple[Item, ...]"


class Item(NamedTuple):
    """One TTLV item without its length. Its repr shows everything; use `describe` for logs and people."""

    tag: int
    type: ItemType
    value: Value


Items: TypeAlias = tuple[Item, ...]


class DecodingError(KmipError):
    """Bytes or text that are no KMIP item; the one error of every decoder (Invalid Message)."""

    def __init__(self, message: str) -> None:
        super().__init__(ResultReason.INVALID_MESSAGE, message)


class UnwritableText(KmipError):
    """A text of an answer that its encoding cannot carry: a control character in XML."""

    def __init__(self, message: str) -> None:
        super().__init__(ResultReason.FEATURE_NOT_SUPPORTED, message)


@frozen(kw_only=True)
class Limits:
    """What a decoder accepts before it spends time or memory.

    max_depth: nested structures, the outermost included.
    max_items: items of one message, structures included.
    max_big_integer: bytes of a Big Integer. What is computed with one costs up to the cube of its length, and cannot be
        interrupted; the largest keys have half as many.
    """

    max_depth: int = 32
    max_items: int = 20_000
    max_big_integer: int = 2048


DEFAULT_LIMITS: Final = Limits()

REQUEST_LIMITS: Final = Limits(max_items=10_000)
"""What a server accepts of a client: about 5 ms of decoding, during which other threads wait."""

RESPONSE_LIMITS: Final = Limits(max_items=500_000)
"""What a client accepts of a server: a Locate without Maximum Items finds all that fits into a message."""


def children(item: Item) -> Items:
    """Return the items of a structure.  Raises DecodingError if `item` is none."""
    if not isinstance(item.value, tuple):
        raise DecodingError(f"{tag_name(item.tag)} must be a Structure")
    return item.value


def first(item: Item, tag: int) -> Item | None:
    """Return the first item with `tag` in a structure, None if there is none."""
    return next((child for child in children(item) if child.tag == tag), None)


def all(item: Item, tag: int) -> tuple[Item, ...]:
    """Return the items with `tag` in a structure, in their order."""
    return tuple(child for child in children(item) if child.tag == tag)


def check_types(item: Item, newest: ItemType) -> None:
    """Refuse an item with a type beyond the newest one that a version has, itself or inside."""
    if item.type > newest:
        raise DecodingError(f"{tag_name(item.tag)} has an item type that the version does not have")
    if isinstance(item.value, tuple):
        for child in item.value:
            check_types(child, newest)


def tag_name(tag: int) -> str:
    """Return how people call `tag`: the standard's name, else its number."""
    found = tables.tag_by_code(tag)
    return found.name if found else f"0x{tag:06X}"


# --- for people ---------------------------------------------------------------------------------------------

# Byte strings that are no secret wherever they stand; every other byte string and Big Integer is hidden.
SHOWN_TAGS: Final = frozenset(
    {
        0x420006,  # Asynchronous Correlation Value
        0x42001E,  # Certificate Value
        0x420035,  # Digest Value
        0x42003D,  # IV/Counter/Nonce
        0x42004D,  # MAC/Signature
        0x420093,  # Unique Batch Item ID
        0x4200C3,  # Signature Data
        0x420136,  # Short Unique Identifier
        0x420140,  # Certificate Request Value
    }
)

# Items that are hidden with all they hold, whatever their type.
HIDDEN_TAGS: Final = frozenset(
    {
        0x420043,  # Key Material
        0x4200A1,  # Password
        0x420156,  # One Time Password
    }
)

_HIDDEN_TYPES: Final = frozenset({ItemType.BYTE_STRING, ItemType.BIG_INTEGER})
_HIDDEN: Final = "<hidden>"


def describe(item: Item) -> str:
    """Return `item` as indented text for people, one line an item, named where possible, secrets hidden."""
    lines: list[str] = []
    _describe(item, 0, lines)
    return "\n".join(lines)


def _describe(item: Item, depth: int, lines: list[str]) -> None:
    heading = f"{'  ' * depth}{tag_name(item.tag)} ({_type_name(item.type)})"
    if item.tag in HIDDEN_TAGS or (item.type in _HIDDEN_TYPES and item.tag not in SHOWN_TAGS):
        size = f", {len(item.value)} bytes" if isinstance(item.value, bytes) else ""
        lines.append(f"{heading}: {_HIDDEN}{size}")
    elif isinstance(item.value, tuple):
        lines.append(heading)
        for child in item.value:
            _describe(child, depth + 1, lines)
    else:
        lines.append(f"{heading}: {_value_text(item)}")


def _value_text(item: Item) -> str:
    value = item.value
    if isinstance(value, bytes):
        return value.hex()
    if not isinstance(value, int) or isinstance(value, bool):
        return repr(value)
    if item.type == ItemType.BIG_INTEGER:
        return f"0x{value:X}"  # decimals of a long number cost quadratic time, and Python refuses them
    tag = tables.tag_by_code(item.tag)
    enumeration = tables.enumeration(tag.enumeration) if tag and tag.enumeration else None
    if item.type == ItemType.ENUMERATION:
        name = enumeration.name_by_value.get(value) if enumeration else None
        return f"{name} (0x{value:08X})" if name else f"0x{value:08X}"
    if enumeration and enumeration.is_mask:
        names = [name for bit, name in enumeration.name_by_value.items() if value & bit]
        return " ".join([f"0x{value & 0xFFFFFFFF:08X}", *names])
    return str(value)


def _type_name(item_type: ItemType) -> str:
    return standard_name(ItemType(item_type))
