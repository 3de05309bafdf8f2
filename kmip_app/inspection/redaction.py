"""Items without secrets: the same message, in which key material, data and passwords are zeros or hidden text.

Lengths stay, so that a redacted message is as valid as the original. What is hidden is what `items.describe` hides.
"""

from typing import Final

from kmip_adapters.ttlv.encodings.items import HIDDEN_TAGS, SHOWN_TAGS, Item, Value
from kmip_core.enums import ItemType

_SECRET_TYPES: Final = frozenset({ItemType.BYTE_STRING, ItemType.BIG_INTEGER})


def redacted(item: Item, *, inside: bool = False) -> Item:
    """Return the item without secrets.  inside: everything in it is one, because of the structure around it."""
    hidden = inside or item.tag in HIDDEN_TAGS
    if isinstance(item.value, tuple):
        return item._replace(value=tuple(redacted(child, inside=hidden) for child in item.value))
    if hidden or (item.type in _SECRET_TYPES and item.tag not in SHOWN_TAGS):
        return item._replace(value=_blank(item))
    return item


def _blank(item: Item) -> Value:
    if isinstance(item.value, bytes):
        return bytes(len(item.value))
    if isinstance(item.value, str):
        return "*" * len(item.value)
    return 0
