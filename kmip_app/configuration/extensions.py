"""Vendor extension tags as an operator writes them: `ACME LOCATION=0x54AA01:TextString`; commas between several."""

import re
from collections.abc import Iterable
from typing import Any, Final

from kmip_app.configuration.setting_types import Kind
from kmip_core.enums import ItemType
from kmip_core.structures import ExtensionInformation

TAGS: Final = range(0x540000, 0x550000)
"""What the standard leaves to vendors. KMIP 2.1 §11.55, 1.4 §9.1.3.1."""

_ENTRY: Final = re.compile(r"(?P<name>[^=]+)=\s*(?P<tag>0x[0-9A-Fa-f]{6})\s*:\s*(?P<type>[A-Za-z _-]+)")
_TYPES: Final = {item_type.name.replace("_", "").lower(): item_type for item_type in ItemType}


def _read(value: Any) -> tuple[ExtensionInformation, ...]:
    if not isinstance(value, str) and isinstance(value, Iterable):
        return tuple(_extension(entry) for entry in value)
    return tuple(_extension(entry) for entry in str(value).split(",") if entry.strip())


def _extension(entry: Any) -> ExtensionInformation:
    if isinstance(entry, ExtensionInformation):
        return entry
    found = _ENTRY.fullmatch(str(entry).strip())
    item_type = found and _TYPES.get(re.sub(r"[ _-]", "", found["type"]).lower())
    if not found or item_type is None:
        raise ValueError(f"{str(entry).strip()!r} is no extension; write for example ACME LOCATION=0x54AA01:TextString")
    tag = int(found["tag"], 16)
    if tag not in TAGS:
        raise ValueError(f"{found['tag']} is not a vendor's tag; those are 0x{TAGS.start:06X} to 0x{TAGS.stop - 1:06X}")
    return ExtensionInformation(extension_name=found["name"].strip(), extension_tag=tag, extension_type=int(item_type))


def _write(extensions: tuple[ExtensionInformation, ...]) -> str:
    return ", ".join(
        f"{e.extension_name}=0x{e.extension_tag or 0:06X}:{_title(e.extension_type or 0)}" for e in extensions
    )


def _title(item_type: int) -> str:
    return ItemType(item_type).name.title().replace("_", "")


EXTENSIONS: Final = Kind(
    accepts="NAME=TAG:TYPE separated by commas, as ACME LOCATION=0x54AA01:TextString",
    metavar="EXTENSIONS",
    read=_read,
    write=_write,
)

__all__ = ["EXTENSIONS"]
