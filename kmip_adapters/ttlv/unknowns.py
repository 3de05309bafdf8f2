"""What is refused because a version does not know it: tags, enumeration values, bytes that are no TTLV.

KMIP 2.1 §11.46, 1.4 §11.1. A tag or value of another version is as unknown as one that nobody defines. The reasons are
those of 2.x; `reasons` has the older words for them.

It holds for what the server writes, too (ADR 0075): clients fail on a whole response for one value that they do not
know. In lists and among attributes such a value is left out; anywhere else `UnsaidError` refuses the batch item.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from struct import Struct
from typing import Any, Final

from attrs import evolve

from kmip_adapters.ttlv.encodings.items import DecodingError, tag_name
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType, KeyFormatType, ObjectType, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import KeyBlock
from kmip_core.structures import ProtocolVersion, TypedValue


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


class UnsaidError(KmipError):
    """A value of ours that the client's version does not have, where it cannot be left out."""

    def __init__(self, value: IntEnum, code: int, version: ProtocolVersion) -> None:
        reason = _UNSAID.get(type(value), ResultReason.FEATURE_NOT_SUPPORTED)
        name = value.name.replace("_", " ")
        super().__init__(reason, f"{tag_name(code)} is {name}, which KMIP {version} does not have; ask in another one")


_UNSAID: Final[Mapping[type, ResultReason]] = {
    KeyFormatType: ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED,
    ObjectType: ResultReason.INVALID_OBJECT_TYPE,
}
"""Enumerations whose refusal has a reason of its own."""


def key_block_writer(write: Callable[[KeyBlock], Any]) -> Callable[[KeyBlock], Any]:
    """Return `write` for Key Blocks whose Cryptographic Algorithm may be one that the version does not have.

    Algorithm and length, both or none, "MAY be omitted only if this information is available from the Key Value" (KMIP
    1.4 §2.1.3): such keys still go to clients of versions that have no name for their kind.
    """

    def write_what_can_be_said(block: KeyBlock) -> Any:
        try:
            return write(block)
        except UnsaidError:
            if block.key_format_type not in SELF_DESCRIBING or block.key_wrapping_data is not None:
                raise
            return write(evolve(block, cryptographic_algorithm=None, cryptographic_length=None))

    return write_what_can_be_said


SELF_DESCRIBING: Final = frozenset(
    {KeyFormatType.PKCS_1, KeyFormatType.PKCS_8, KeyFormatType.X_509, KeyFormatType.EC_PRIVATE_KEY}
)
"""Formats from whose bytes a client reads algorithm and length."""


def is_of_1x(value: TypedValue) -> bool:
    """Return whether 1.x has the item types of a custom attribute's value; Date-Time Extended came with 2.0."""
    if isinstance(value.value, tuple):
        return all(is_of_1x(member) for _, member in value.value)
    return value.item_type <= ItemType.INTERVAL


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
