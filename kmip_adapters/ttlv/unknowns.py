"""What is refused because a version does not know it: tags, enumeration values, bytes that are no TTLV.

KMIP 2.1 §11.46, 1.4 §11.1. A tag or value of another version is as unknown as one that nobody defines. The reasons are
those of 2.x; `reasons` has the older words for them.
"""

from struct import Struct
from typing import Final

from kmip_adapters.ttlv import tables
from kmip_adapters.ttlv.items import DecodingError, tag_name
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.structures import ProtocolVersion


def unexpected(code: int, version: ProtocolVersion, where: str = "here") -> KmipError:
    """Return the refusal of an item that does not stand where it was sent.

    Unknown Tag if the version has no such tag. Else 1.x calls it an unknown field, and 2.x "the invalid use of a known
    tag" (2.1 §11.46, Invalid Message).
    """
    tag = tables.tag_by_code(code)
    message = f"{tag_name(code)} is not expected {where} in KMIP {version}"
    if tag is None or not tag.is_in(version):
        return KmipError(ResultReason.UNKNOWN_TAG, message)
    return invalid_field(message) if version.protocol_version_major == 1 else DecodingError(message)


def unknown_value(value: object, code: int, version: ProtocolVersion) -> KmipError:
    """Return the refusal of an enumeration value that the version does not have."""
    return KmipError(ResultReason.UNKNOWN_ENUMERATION, f"{value!r} is no {tag_name(code)} of KMIP {version}")


def not_ttlv(error: DecodingError) -> KmipError:
    """Return the refusal of a frame whose encoding is broken."""
    return KmipError(ResultReason.CODEC_ERROR, error.message)


_BEGINNING: Final = Struct(">I4x I4x II IIi4x IIi4x")
"""Headers of Request Message, Request Header and Protocol Version, then its two numbers: every request begins so."""

_HEADS: Final = (0x42007801, 0x42007701, 0x42006901, 32, 0x42006A02, 4, 0x42006B02, 4)
"""Tag and type of each in one word; lengths where they are fixed."""


def announced_version(frame: bytes) -> ProtocolVersion | None:
    """Return the version at the beginning of a request that is broken further on; None if it does not stand there."""
    if len(frame) < _BEGINNING.size:
        return None
    *heads, major, minor_head, minor_length, minor = _BEGINNING.unpack_from(frame)
    if (*heads, minor_head, minor_length) != _HEADS:
        return None
    return ProtocolVersion(major, minor)
