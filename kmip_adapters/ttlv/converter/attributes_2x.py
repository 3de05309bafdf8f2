"""Attributes as 2.x writes them: each under its own tag inside Attributes; a vendor's as Attribute.

KMIP 2.1 §5, §7.36.
"""

from collections.abc import Iterable
from typing import Final

from kmip_adapters.ttlv.converter.attribute_table import Row, by_attribute, collected
from kmip_adapters.ttlv.converter.elements import always, item_of_typed_value, typed_value
from kmip_adapters.ttlv.converter.refusals import unexpected
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, children, tag_name
from kmip_adapters.ttlv.standard import tables
from kmip_core.attributes import CUSTOM, LINK_KINDS, LINKS, AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import ItemType
from kmip_core.structures import CustomAttribute, ProtocolVersion

ATTRIBUTE: Final = 0x420008
ATTRIBUTE_NAME: Final = 0x42000A
ATTRIBUTE_VALUE: Final = 0x42000B
VENDOR_IDENTIFICATION: Final = 0x42009D
ATTRIBUTE_REFERENCE: Final = 0x42013B


class AttributesForm:
    """Reads and writes the attributes of one 2.x version.  rows: the version's attributes."""

    def __init__(self, rows: Iterable[Row], version: ProtocolVersion) -> None:
        self._version = version
        self._rows = tuple(rows)
        self._by_tag = {row.tag.code: row for row in self._rows}
        self._by_attribute = by_attribute(self._rows)
        self._references = {code: AttributeReference(attribute=row.attribute) for code, row in self._by_tag.items()}

    @property
    def rows(self) -> tuple[tuple[Row, AttributeReference], ...]:
        """The attributes that an item with their tag always means, with what refers to each."""
        return tuple((row, self._references[row.tag.code]) for row in self._rows)

    # --- one attribute ----------------------------------------------------------------------------------------

    def named_instance(self, item: Item) -> AttributeInstance:
        """Return the one attribute that a request is about."""
        return self.instance(item)

    def instance(self, item: Item) -> AttributeInstance:
        """Return one member of Attributes.  Raises KmipError (`refusals.unexpected`) for what is no attribute."""
        tag = item[0]
        row = self._by_tag.get(tag)
        if row is not None:
            return AttributeInstance(reference=self._references[tag], value=row.read(row.element.decode(item)))
        if tag != ATTRIBUTE:
            raise unexpected(tag, self._version, "as an attribute")
        vendor, name, value = _vendor_parts(item)
        if value is None:
            raise DecodingError(f"Attribute Value of {name[:100]} is missing")
        return AttributeInstance(
            reference=AttributeReference(attribute=name, vendor_identification=vendor), value=typed_value(value)
        )

    def items_of(self, instance: AttributeInstance) -> Iterable[Item]:
        """Yield the items of one value; nothing if the version does not have the attribute, or the value."""
        reference = instance.reference
        if reference.vendor_identification is not None:
            yield Item(
                ATTRIBUTE,
                ItemType.STRUCTURE,
                (
                    Item(VENDOR_IDENTIFICATION, ItemType.TEXT_STRING, reference.vendor_identification),
                    Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, reference.attribute),
                    item_of_typed_value(ATTRIBUTE_VALUE, instance.value),
                ),
            )
            return
        for row in self._by_attribute.get(reference.attribute, ()):
            for value in filter(row.element.is_known, row.values(instance.value)):
                yield row.element.encode(value)

    # --- Attributes -------------------------------------------------------------------------------------------

    def attributes(self, items: Iterable[Item]) -> Attributes:
        """Return the attributes in an Attributes structure."""
        return collected(self.instance(item) for item in items)

    def attribute_items(self, attributes: Attributes) -> tuple[Item, ...]:
        """Return what stands in an Attributes structure."""
        out: list[Item] = []
        for row in self._rows:
            value = getattr(attributes, row.field)
            if value is None or value == ():
                continue
            values = value if row.multiple and row.part is None else row.values(value)
            if row.element.is_known is not always:
                values = filter(row.element.is_known, values)
            out += map(row.element.encode, values)
        custom: CustomAttribute
        for custom in getattr(attributes, CUSTOM):
            reference = AttributeReference(
                attribute=custom.attribute_name, vendor_identification=custom.vendor_identification
            )
            out += self.items_of(AttributeInstance(reference=reference, value=custom.attribute_value))
        return tuple(out)

    # --- Attribute Reference ------------------------------------------------------------------------------------

    def reference(self, item: Item) -> AttributeReference:
        """Return what an Attribute Reference means; a tag that is no attribute here is kept by its name."""
        if item[1] is ItemType.ENUMERATION:
            code: int = item[2]  # type: ignore[assignment]  # an Enumeration's value is an int
            return self._references.get(code) or AttributeReference(attribute=tag_name(code))
        members = item[2]
        if isinstance(members, tuple) and len(members) == 1 and members[0][1] is ItemType.ENUMERATION:
            return self.reference(members[0])  # Percona's kmipclient wraps the enumeration once more
        vendor, name, _ = _vendor_parts(item)
        return AttributeReference(attribute=name, vendor_identification=vendor)

    def reference_items(self, reference: AttributeReference) -> Iterable[Item]:
        """Yield the Attribute References of an attribute; nothing if the version does not have it."""
        if reference.attribute in LINK_KINDS and reference.vendor_identification is None:
            reference = LINKS
        if reference.vendor_identification is not None:
            yield Item(
                ATTRIBUTE_REFERENCE,
                ItemType.STRUCTURE,
                (
                    Item(VENDOR_IDENTIFICATION, ItemType.TEXT_STRING, reference.vendor_identification),
                    Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, reference.attribute),
                ),
            )
            return
        for row in self._by_attribute.get(reference.attribute, ()):
            yield Item(ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, row.tag.code)
        if reference.attribute not in self._by_attribute:
            tag = tables.tag_by_name(reference.attribute)
            if tag is not None:  # what a client asked for by a tag that is no attribute
                yield Item(ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, tag.code)


def _vendor_parts(item: Item) -> tuple[str, str, Item | None]:
    texts: dict[int, str] = {}
    value: Item | None = None
    for part in children(item):
        tag, _, content = part
        if tag == ATTRIBUTE_VALUE and value is None:
            value = part
        elif tag not in (VENDOR_IDENTIFICATION, ATTRIBUTE_NAME) or tag in texts:
            raise DecodingError("an Attribute holds one Vendor Identification, one Attribute Name and one Value")
        elif not isinstance(content, str):
            raise DecodingError(f"{tag_name(tag)} must be a Text String")
        else:
            texts[tag] = content
    for tag in (VENDOR_IDENTIFICATION, ATTRIBUTE_NAME):
        if tag not in texts:
            raise DecodingError(f"{tag_name(tag)} is missing")
    return texts[VENDOR_IDENTIFICATION], texts[ATTRIBUTE_NAME], value
