"""Key Values and Key Material as bytes of their own: what key wrapping encrypts and what digests are made of."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from kmip_adapters.ttlv.converter import make_converter, planned_later
from kmip_adapters.ttlv.converter.attribute_table import tag_of_field
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import DEFAULT_LIMITS, Item, Items, Limits, children
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_core.attributes import FIELDS, MULTIPLE, AttributeReference
from kmip_core.enums import ItemType, KeyFormatType, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue
from kmip_core.structures import KeyMaterial, ProtocolVersion

KEY_FORMAT_TYPE: Final = 0x420042
KEY_MATERIAL: Final = 0x420043
KEY_VALUE: Final = 0x420045


class TtlvKeyValues:
    """A `KeyValueEncoder` (kmip_core.ports.key_forms).  Stateless between calls; safe for any thread."""

    def __init__(self, versions: Iterable[ProtocolVersion] = tables.VERSIONS, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        versions = tuple(versions)

        def reader(version: ProtocolVersion) -> Callable[[Items], Any]:
            hook = make_converter(version).get_structure_hook(KeyBlock)
            return lambda items: hook(items, KeyBlock)

        def writer(version: ProtocolVersion) -> Callable[[Any], Items]:
            return make_converter(version).get_unstructure_hook(KeyBlock)

        self._read: Mapping[ProtocolVersion, Callable[[Items], Any]] = planned_later(versions, reader)
        self._write: Mapping[ProtocolVersion, Callable[[Any], Items]] = planned_later(versions, writer)

    def encode_key_value(self, key_value: KeyValue, protocol_version: ProtocolVersion) -> bytes:
        """Return the Key Value item, taken from a key block around it."""
        return binary.encode(self._item(key_value, protocol_version))

    def encode_key_material(self, key_material: KeyMaterial, protocol_version: ProtocolVersion) -> bytes:
        """Return the Key Material item."""
        (item,) = children(self._item(KeyValue(key_material=key_material), protocol_version))
        return binary.encode(item)

    def decode_key_value(
        self, encoded: bytes, key_format_type: KeyFormatType, protocol_version: ProtocolVersion
    ) -> KeyValue:
        """Read the item as this version, else as any other: the key may have been wrapped in another's words."""
        try:
            item = binary.decode(encoded, self._limits)
        except KmipError as error:
            raise _not_a_key_value() from error
        if item.tag != KEY_VALUE or item.type is not ItemType.STRUCTURE:
            raise _not_a_key_value()
        block = (Item(KEY_FORMAT_TYPE, ItemType.ENUMERATION, int(key_format_type)), item)
        first = [protocol_version] if protocol_version in self._read else []
        for version in (*first, *reversed(tuple(self._read))):
            try:
                read: KeyBlock = self._read[version](block)
            except KmipError:
                continue
            if isinstance(read.key_value, KeyValue):
                return read.key_value
        raise _not_a_key_value()

    def attribute_reference(self, attribute_name: str) -> AttributeReference:
        """Find the name in the standard's table, then by its prefix."""
        known = _fields_by_name().get(attribute_name)
        if known is not None:
            return AttributeReference(attribute=known)
        vendor = spellings.CUSTOM_PREFIXES.get(attribute_name[:2])
        if vendor is not None:
            return AttributeReference(attribute=attribute_name[2:], vendor_identification=vendor)
        return AttributeReference(attribute=attribute_name)

    def _item(self, key_value: KeyValue, protocol_version: ProtocolVersion) -> Item:
        block = KeyBlock(key_format_type=KeyFormatType.OPAQUE, key_value=key_value)
        return next(item for item in self._write[protocol_version](block) if item.tag == KEY_VALUE)


@cache
def _fields_by_name() -> Mapping[str, str]:
    """Return the field of each attribute by the name that 1.x gives it, and by its tag's."""
    found: dict[str, str] = {}
    for name in FIELDS:
        if name != spellings.FLATTENED:
            tag = tag_of_field(name, repeated=name in MULTIPLE)
            found[tag.name] = found[tag.xml_name] = name
            found[spellings.ATTRIBUTE_NAMES.get(tag.name, tag.name)] = name
    return found


def _not_a_key_value() -> KmipError:
    return KmipError(ResultReason.ENCODING_OPTION_ERROR, "what was wrapped is not a TTLV-encoded Key Value")
