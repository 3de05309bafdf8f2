"""A message as indented text with everything in it, secrets too; `items.describe` hides them."""

from collections.abc import Iterator

from kmip_adapters.ttlv.encodings import items
from kmip_adapters.ttlv.encodings.items import Item
from kmip_core.enums import ItemType


def lines(item: Item, depth: int = 0) -> Iterator[str]:
    """Yield a line for each item."""
    indent = "  " * depth
    if isinstance(item.value, tuple):
        yield f"{indent}{items.tag_name(item.tag)} (Structure)"
        for child in item.value:
            yield from lines(child, depth + 1)
    elif item.tag in items.HIDDEN_TAGS or item.type in (ItemType.BYTE_STRING, ItemType.BIG_INTEGER):
        name = item.type.name.replace("_", " ").title()
        value = item.value
        shown = value.hex() if isinstance(value, bytes) else f"0x{value:X}" if isinstance(value, int) else repr(value)
        yield f"{indent}{items.tag_name(item.tag)} ({name}): {shown}"
    else:
        yield indent + items.describe(item)
