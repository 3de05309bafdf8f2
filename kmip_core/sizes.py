"""How large an answer is going to be, before it is encoded: so that a batch stops where its answers no longer fit."""

import enum
from typing import Any, Final

from attrs import has

HEADER: Final = 8
"""Bytes of tag, type and length before every value on the wire."""


def at_least(value: Any) -> int:
    """Return a lower bound of the bytes that a value of an answer takes on the wire; nothing for what is absent."""
    total = 0
    open_values = [value]
    while open_values:
        each = open_values.pop()
        if each is None or isinstance(each, bool | int | enum.Enum):
            total += HEADER if each is not None else 0
        elif isinstance(each, bytes | str):
            total += HEADER + len(each)
        elif isinstance(each, tuple | list | frozenset):
            open_values.extend(each)
        elif has(type(each)):
            total += HEADER
            open_values.extend(getattr(each, field.name) for field in type(each).__attrs_attrs__)
    return total
