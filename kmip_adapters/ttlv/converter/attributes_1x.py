"""Attributes as 1.x writes them: Attribute {name, index, value}, and Template-Attribute around them. KMIP 1.4 §2.1.

A value is typed by the attribute that the name names. Names that begin with `x-` (a client's) or `y-` (the server's)
are custom attributes of any type.
"""

from collections.abc import Callable, Iterable
from typing import Final

from kmip_adapters.ttlv.converter.attribute_table import Row, by_attribute, collected
from kmip_adapters.ttlv.converter.elements import item_of_typed_value, typed_value
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, children
from kmip_adapters.ttlv.standard import spellings
from kmip_core.attributes import FIELDS, LINK_KINDS, LINKS, AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import ItemType
from kmip_core.errors import invalid_field
from kmip_core.structures import Name, TypedValue

ATTRIBUTE: Final = 0x420008
ATTRIBUTE_INDEX: Final = 0x420009
ATTRIBUTE_NAME: Final = 0x42000A
ATTRIBUTE_VALUE: Final = 0x42000B
NAME: Final = 0x420053

_VENDORS: Final = spellings.CUSTOM_PREFIXES
_PREFIXES: Final = {vendor: prefix for prefix, vendor in _VENDORS.items()}


class AttributesForm:
    """Reads and writes the attributes of one 1.x version.

    rows: the version's attributes; their elements write Attribute Value.
    takes_bare_names: whether names without their spaces are read as the standard's: ScyllaDB to 2025.2 searches with
        them (RULINGS 26).
    """

    def __init__(
        self,
        rows: Iterable[Row],
        name_from: Callable[[Item], Name],
        item_of_name: Callable[[Name], Item],
        newest_item_type: ItemType,
        *,
        takes_bare_names: bool = False,
        writes_index_0: bool = False,
    ) -> None:
        self.rows = {row.name: row for row in rows}
        self._by_attribute = by_attribute(self.rows.values())
        self._references = {row.name: AttributeReference(attribute=row.attribute) for row in self.rows.values()}
        self._name_from = name_from
        self._item_of_name = item_of_name
        self._newest_item_type = newest_item_type
        self._writes_index_0 = writes_index_0
        self._standard_names = {name.replace(" ", ""): name for name in self.rows} if takes_bare_names else {}

    # --- names ----------------------------------------------------------------------------------------------

    def reference(self, name: str, index: int | None = None) -> AttributeReference:
        """Return what an Attribute Name means; a name that no table has is kept as it came."""
        name = self._standard_names.get(name, name)
        if index is None:
            known = self._references.get(name)
            if known is not None:
                return known
        row = self.rows.get(name)
        if row is not None:
            return AttributeReference(attribute=row.attribute, attribute_index=index)
        vendor = _VENDORS.get(name[:2])
        if vendor is None:
            return AttributeReference(attribute=name, attribute_index=index)
        return AttributeReference(attribute=name[2:], vendor_identification=vendor, attribute_index=index)

    def names(self, reference: AttributeReference) -> tuple[str, ...]:
        """Return the names of an attribute in this version; none if it has no such attribute."""
        if reference.vendor_identification is not None:
            prefix = _PREFIXES.get(reference.vendor_identification)
            return () if prefix is None else (prefix + reference.attribute,)
        attribute = LINKS.attribute if reference.attribute in LINK_KINDS else reference.attribute
        rows = self._by_attribute.get(attribute)
        if rows is not None:
            return tuple(row.name for row in rows)
        return () if reference.attribute in FIELDS else (reference.attribute,)

    # --- Attribute ------------------------------------------------------------------------------------------

    def instance(self, item: Item) -> AttributeInstance:
        """Return one attribute with its value.

        Raises KmipError: Invalid Field for an attribute that the version does not have, or a value of the wrong type.
        """
        name, index, value = _parts(item)
        name = self._standard_names.get(name, name)
        row = self.rows.get(name)
        if row is None:
            reference = self.reference(name, index)
            if reference.vendor_identification is None:
                raise invalid_field(f"{name[:100]} is not an attribute of this version, nor does it begin with x-")
            return AttributeInstance(reference=reference, value=typed_value(value))
        try:
            decoded = row.element.decode(value)
        except DecodingError as error:
            raise invalid_field(f"{name}: {error.message}") from error
        return AttributeInstance(reference=self.reference(name, index), value=row.read(decoded))

    def items_of(self, instance: AttributeInstance) -> Iterable[Item]:
        """Yield the Attribute of one value; nothing if the version does not have the attribute, or the value."""
        reference = instance.reference
        if reference.vendor_identification is not None:
            for name in self.names(reference) if self._has_types_of(instance.value) else ():
                value = item_of_typed_value(ATTRIBUTE_VALUE, instance.value)
                yield self._attribute(name, reference.attribute_index, value)
            return
        for row in self._by_attribute.get(reference.attribute, ()):
            for offset, value in enumerate(filter(row.element.is_known, row.values(instance.value))):
                index = offset if row.part else reference.attribute_index
                yield self._attribute(row.name, index, row.element.encode(value))

    def _has_types_of(self, value: TypedValue) -> bool:
        """Return whether the version has the item types of a custom attribute's value."""
        if isinstance(value.value, tuple):
            return all(self._has_types_of(member) for _, member in value.value)
        return value.item_type <= self._newest_item_type

    def _attribute(self, name: str, index: int | None, value: Item) -> Item:
        # 1.x counts index from 0 and omits it when 0 (KMIP 1.4 §2.1.1); PyKMIP's client reads no attribute without one.
        number = index or 0
        numbered = (Item(ATTRIBUTE_INDEX, ItemType.INTEGER, number),) if number or self._writes_index_0 else ()
        return Item(ATTRIBUTE, ItemType.STRUCTURE, (Item(ATTRIBUTE_NAME, ItemType.TEXT_STRING, name), *numbered, value))

    # --- Template-Attribute -----------------------------------------------------------------------------------

    def template(self, items: Iterable[Item]) -> Attributes:
        """Return the attributes, and names of templates, in a Template-Attribute."""
        names: list[Name] = []
        instances: list[AttributeInstance] = []
        for item in items:
            if item[0] == ATTRIBUTE:
                instances.append(self.instance(item))
            elif item[0] == NAME:
                names.append(self._name_from(item))
            else:
                raise invalid_field("a Template-Attribute holds Name and Attribute only")
        return collected(instances, template_names=tuple(names))

    def template_items(self, attributes: Attributes) -> tuple[Item, ...]:
        """Return what stands in a Template-Attribute."""
        names = tuple(self._item_of_name(name) for name in attributes.template_names)
        return names + self.attribute_items(attributes)

    def attribute_items(self, attributes: Attributes) -> tuple[Item, ...]:
        """Return an Attribute for every value, with its index where that is not 0."""
        return tuple(item for instance in attributes.instances() for item in self.items_of(instance))


def _parts(item: Item) -> tuple[str, int | None, Item]:
    name: str | None = None
    index: int | None = None
    value: Item | None = None
    for part in children(item):
        tag, item_type, content = part
        if tag == ATTRIBUTE_NAME and name is None and isinstance(content, str):
            name = content
        elif tag == ATTRIBUTE_VALUE and value is None:
            value = part
        elif tag == ATTRIBUTE_INDEX and index is None and item_type is ItemType.INTEGER and isinstance(content, int):
            index = content
            if index < 0:
                raise invalid_field("Attribute Index must not be negative")
        else:
            raise DecodingError("an Attribute holds one Attribute Name (Text String), Index (Integer) and Value")
    if name is None:
        raise DecodingError("Attribute Name is missing")
    if value is None:
        raise DecodingError(f"Attribute Value of {name[:100]} is missing")
    return name, index, value
