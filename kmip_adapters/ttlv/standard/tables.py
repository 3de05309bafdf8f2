"""The standard's tags and enumeration values with the versions that have them, read once from the CSV tables.

Nothing is read at import; the first look-up reads both tables. A value that is deprecated is still in its
version; a reserved one is not.
"""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

from attrs import field

from kmip_adapters.ttlv.standard.versions import VERSIONS as VERSIONS
from kmip_core.classes import frozen
from kmip_core.structures import ProtocolVersion

PRESENT: Final = "YD"  # defined; defined but deprecated

TAG_ENUMERATION: Final = "Tag"
"""The enumeration whose values are the tags themselves, KMIP 2.1 §11.56."""

# Enumeration-typed tags whose enumeration has another name than the tag.
ENUMERATIONS_BY_TAG_NAME: Final[Mapping[str, str]] = {
    "Attribute Reference": TAG_ENUMERATION,
    "Certificate Request Unique Identifier": "UniqueIdentifier",
    "Extension Type": "ItemType",
    "Linked Object Identifier": "UniqueIdentifier",
    "Mask Generator Hashing Algorithm": "HashingAlgorithm",
    "OTP Digest": "HashingAlgorithm",
    "Password Salt Algorithm": "HashingAlgorithm",
    "Private Key Unique Identifier": "UniqueIdentifier",
    "Public Key Unique Identifier": "UniqueIdentifier",
    "Replaced Unique Identifier": "UniqueIdentifier",
    "Tag": TAG_ENUMERATION,
}


@frozen(kw_only=True)
class Tag:
    """One tag of the standard.

    item_types: names of ItemType members without underscores ("TextString"), or "Any".
    presence: one letter a version, see VERSIONS.
    """

    code: int
    name: str
    xml_name: str
    item_types: tuple[str, ...]
    presence: str
    enumeration: str | None = None

    def is_in(self, version: ProtocolVersion) -> bool:
        """True if `version` defines the tag."""
        return version in versions_of(self.presence)


@frozen(kw_only=True)
class Enumeration:
    """The values of one enumeration or bit mask: names in XML and JSON, versions that have them."""

    name: str
    is_mask: bool
    presence_by_value: Mapping[int, str]
    name_by_value: Mapping[int, str]
    value_by_name: Mapping[str, int] = field(repr=False)

    def values_in(self, version: ProtocolVersion) -> frozenset[int]:
        """Return the values `version` defines."""
        return enumeration_values(self.name, version)


@cache
def versions_of(presence: str) -> frozenset[ProtocolVersion]:
    """Return the versions a presence string names."""
    return frozenset(v for v, letter in zip(VERSIONS, presence, strict=False) if letter in PRESENT)


def tag_by_code(code: int) -> Tag | None:
    """Return the tag with this number, None if the standard has none (extensions, reserved numbers)."""
    return _tags_by_code().get(code)


def tag_by_xml_name(xml_name: str) -> Tag | None:
    """Return the tag an XML element or JSON object names."""
    return _tags_by_xml_name().get(xml_name)


def tag_by_name(name: str) -> Tag | None:
    """Return the tag the standard spells so, as Attribute Name does in 1.x ("Cryptographic Length")."""
    return _tags_by_name().get(name)


def tag_for_field(field_name: str) -> Tag | None:
    """Return the tag a field of the core stands for: its name without underscores, whatever the case."""
    return _tags_by_squashed_name().get(squashed(field_name))


def enumeration_of_tag(tag: Tag) -> str | None:
    """Return the name of the enumeration or bit mask the tag carries, None if it carries neither."""
    return tag.enumeration


def enumeration(name: str) -> Enumeration | None:
    """Return the enumeration or bit mask with this class name, or the tags as an enumeration."""
    return _enumerations().get(name)


def enumeration_values(name: str, version: ProtocolVersion) -> frozenset[int]:
    """Return the values `version` defines of the enumeration `name`; none if there is no such enumeration."""
    return _values_in(name, version) if version in VERSIONS else frozenset()


def value_of_xml_name(enumeration_name: str, xml_name: str) -> int | None:
    """Return the value an XML or JSON text names, in any spelling a version has used."""
    found = enumeration(enumeration_name)
    return found.value_by_name.get(xml_name) if found else None


def xml_name_of_value(enumeration_name: str, value: int) -> str | None:
    """Return the name of `value` in XML and JSON."""
    found = enumeration(enumeration_name)
    return found.name_by_value.get(value) if found else None


def squashed(name: str) -> str:
    """Return the letters and digits of `name` in lower case: what all spellings of a name have in common."""
    return "".join(filter(str.isalnum, name)).lower()


# --- reading ------------------------------------------------------------------------------------------------


@cache
def _tags() -> tuple[Tag, ...]:
    by_name = {squashed(name): name for name in _enumeration_rows()}

    def enumeration_named_like(name: str) -> str | None:
        if name.endswith(" Link"):  # of 3.0: an object that another operation of the batch names
            return "UniqueIdentifier"
        return ENUMERATIONS_BY_TAG_NAME.get(name) or by_name.get(squashed(name))

    return tuple(
        Tag(
            code=int(row["tag"], 16),
            name=row["name"],
            xml_name=row["xml_name"],
            item_types=tuple(row["item_types"].split("|")),
            presence=row["presence"],
            enumeration=enumeration_named_like(row["name"]),
        )
        for row in _rows("tags.csv")
    )


@cache
def _tags_by_code() -> Mapping[int, Tag]:
    return {tag.code: tag for tag in _tags()}


@cache
def _tags_by_xml_name() -> Mapping[str, Tag]:
    return {tag.xml_name: tag for tag in _tags()}


@cache
def _tags_by_name() -> Mapping[str, Tag]:
    return {tag.name: tag for tag in _tags()}


@cache
def _tags_by_squashed_name() -> Mapping[str, Tag]:
    return {squashed(tag.name): tag for tag in _tags()} | {squashed(tag.xml_name): tag for tag in _tags()}


@cache
def _enumerations() -> Mapping[str, Enumeration]:
    found = {name: _enumeration(name, rows) for name, rows in _enumeration_rows().items()}
    tags = ({"value": f"{t.code:X}", "xml_names": t.xml_name, "presence": t.presence} for t in _tags())
    return found | {TAG_ENUMERATION: _enumeration(TAG_ENUMERATION, tags)}


def _enumeration(name: str, rows: Iterable[Mapping[str, str]]) -> Enumeration:
    values = [(int(row["value"], 16), row["xml_names"].split("|"), row["presence"]) for row in rows]
    return Enumeration(
        name=name,
        is_mask=name.endswith("Mask"),
        presence_by_value={value: presence for value, _, presence in values},
        name_by_value={value: names[0] for value, names, _ in values},
        value_by_name={name: value for value, names, _ in values for name in names},
    )


@cache
def _values_in(name: str, version: ProtocolVersion) -> frozenset[int]:
    found = enumeration(name)
    rows = found.presence_by_value.items() if found else ()
    return frozenset(value for value, presence in rows if version in versions_of(presence))


@cache
def _enumeration_rows() -> Mapping[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for row in _rows("enumerations.csv"):
        rows.setdefault(row["enumeration"], []).append(row)
    return rows


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
