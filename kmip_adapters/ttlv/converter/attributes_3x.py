"""Attributes as 3.0 writes them: as 2.x does, but that each kind of link is an attribute of its own. KMIP 3.0 §4.35.

A link refers to an object by its identifier (Reference, read as Identifier as well), by its name (Name Reference), or
within the batch (Enumeration, Integer). A Group Link by name is what older versions call Object Group.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from kmip_adapters.ttlv.converter import attributes_2x
from kmip_adapters.ttlv.converter.attribute_table import Row
from kmip_adapters.ttlv.converter.elements import Element, object_reference
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.standard import tables
from kmip_core.attributes import LINK_KINDS, LINKS, AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import ItemType, LinkType
from kmip_core.structures import Link, ProtocolVersion

TAG_NAMES: Final[Mapping[LinkType, str]] = {
    LinkType.DERIVATION_BASE_OBJECT_LINK: "Derivation Object Link",
    LinkType.DERIVED_KEY_LINK: "Derived Object Link",
}
"""Tags of links that are not called like the Link Type of older versions."""


class AttributesForm(attributes_2x.AttributesForm):
    """Reads and writes the attributes of one version.  rows: the version's attributes but for links."""

    def __init__(self, rows: Iterable[Row], version: ProtocolVersion) -> None:
        super().__init__(rows, version)
        tags = {kind: tag.code for kind in LinkType if (tag := _tag(kind)).is_in(version)}
        self._tag_of_link = tags
        self._link_of_tag = {code: kind for kind, code in tags.items()}
        self._targets: Mapping[LinkType, Element] = {
            kind: object_reference(code, version, written=ItemType.REFERENCE) for kind, code in tags.items()
        }
        self._link_references = {kind: AttributeReference(attribute=name) for name, kind in LINK_KINDS.items()}

    @property
    def rows(self) -> tuple[tuple[Row, AttributeReference], ...]:
        """The attributes that are no links."""
        return tuple(pair for pair in super().rows if pair[0].tag.code not in self._link_of_tag)

    def instance(self, item: Item) -> AttributeInstance:
        """Return one member of Attributes; a link as one of `Attributes.links`, a group by its name as Object Group."""
        kind = self._link_of_tag.get(item[0])
        if kind is None or (item[1] is ItemType.NAME_REFERENCE and item[0] in self._by_tag):
            return super().instance(item)
        link = Link(link_type=kind, linked_object_identifier=self._targets[kind].decode(item))
        return AttributeInstance(reference=LINKS, value=link)

    def named_instance(self, item: Item) -> AttributeInstance:
        """Return the one attribute that a request is about: a link as an attribute of its kind."""
        kind = self._link_of_tag.get(item[0])
        if kind is None:
            return super().instance(item)
        link = Link(link_type=kind, linked_object_identifier=self._targets[kind].decode(item))
        return AttributeInstance(reference=self._link_references[kind], value=link)

    def items_of(self, instance: AttributeInstance) -> Iterable[Item]:
        """Yield the items of one value."""
        if isinstance(instance.value, Link):
            return self._link_items((instance.value,))
        return super().items_of(instance)

    def attribute_items(self, attributes: Attributes) -> tuple[Item, ...]:
        """Return what stands in an Attributes structure."""
        return (*super().attribute_items(attributes), *self._link_items(attributes.links))

    def _link_items(self, links: Iterable[Link]) -> tuple[Item, ...]:
        return tuple(
            self._targets[link.link_type].encode(link.linked_object_identifier)
            for link in links
            if link.link_type in self._targets
        )

    def reference(self, item: Item) -> AttributeReference:
        """Return what an Attribute Reference means."""
        if item[1] is ItemType.ENUMERATION:
            kind = self._link_of_tag.get(item[2])  # type: ignore[arg-type]  # an Enumeration's value is an int
            if kind is not None:
                return self._link_references[kind]
        return super().reference(item)

    def reference_items(self, reference: AttributeReference) -> Iterable[Item]:
        """Yield the Attribute References of an attribute."""
        kind = LINK_KINDS.get(reference.attribute) if reference.vendor_identification is None else None
        if kind is None:
            return super().reference_items(reference)
        return (Item(attributes_2x.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, self._tag_of_link[kind]),)


def _tag(kind: LinkType) -> tables.Tag:
    name = TAG_NAMES.get(kind)
    found = tables.tag_by_name(name) if name else tables.tag_for_field(kind.name)
    if found is None:
        raise TypeError(f"no tag is called {kind.name}")
    return found
