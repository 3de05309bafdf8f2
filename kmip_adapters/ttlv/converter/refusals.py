"""Refusals of what a version does not have: tags and enumeration values. KMIP 2.1 §11.46, 1.4 §11.1.

A tag or value of another version is as unknown as one that no version defines. The reasons are those of the newest
version; `reasons` has the older ones for them.

What the server writes follows the same rule (ADR 0075): a client fails on a whole response for one value that it does
not know. In lists and among attributes such a value is left out; elsewhere `NotInVersionError` refuses the batch item.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from kmip_adapters.ttlv.encodings.items import tag_name
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import FACTS
from kmip_core.enums import KeyFormatType, ObjectType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.structures import ProtocolVersion


def unexpected(code: int, version: ProtocolVersion, where: str = "here") -> KmipError:
    """Return the refusal of an item that does not stand where it was sent.

    Unknown Tag if the version has no such tag. Else 1.x calls it an unknown field, and 2.x "the invalid use of a known
    tag" (KMIP 2.1 §11.46, Invalid Message): `VersionFacts.misplaced_tag`.
    """
    tag = tables.tag_by_code(code)
    message = f"{tag_name(code)} is not expected {where} in KMIP {version}"
    if tag is None or not tag.is_in(version):
        return KmipError(ResultReason.UNKNOWN_TAG, message)
    return KmipError(FACTS[version].misplaced_tag, message)


def unknown_value(value: object, code: int, version: ProtocolVersion) -> KmipError:
    """Return the refusal of an enumeration value that the version does not have."""
    return KmipError(ResultReason.UNKNOWN_ENUMERATION, f"{value!r} is no {tag_name(code)} of KMIP {version}")


class NotInVersionError(KmipError):
    """A value in a response that the version of the client does not have, where it cannot be left out."""

    def __init__(self, value: IntEnum, code: int, version: ProtocolVersion) -> None:
        reason = _REASONS.get(type(value), ResultReason.FEATURE_NOT_SUPPORTED)
        name = value.name.replace("_", " ")
        super().__init__(reason, f"{tag_name(code)} is {name}, which KMIP {version} does not have; ask in another one")


_REASONS: Final[Mapping[type, ResultReason]] = {
    KeyFormatType: ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED,
    ObjectType: ResultReason.INVALID_OBJECT_TYPE,
}
"""Enumerations whose refusal has a reason of its own."""
