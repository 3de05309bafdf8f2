"""Fields of a form of their own in every version: objects and their keys, references, wrapped and untyped values.

Which field has which form is declared in `spellings`; each function here plans one form, its reader beside its writer.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final

from attrs import evolve

from kmip_adapters.ttlv.converter import elements
from kmip_adapters.ttlv.converter.attribute_table import tag_of_field
from kmip_adapters.ttlv.converter.elements import UnencodableError
from kmip_adapters.ttlv.converter.fields import Field, Member, Reader, Values, field_of, tag_called, write_nothing
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner
from kmip_adapters.ttlv.encodings.binary import BYTE_STRING, STRUCTURE
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, children
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_adapters.ttlv.unknowns import UnsaidError, unexpected
from kmip_core.attributes import Attributes
from kmip_core.enums import KeyFormatType
from kmip_core.errors import invalid_field
from kmip_core.objects import CONTENT_CLASSES, Content, KeyBlock, KeyValue
from kmip_core.structures import TRANSPARENT_KEYS, KeyHandle

_new: Final = tuple.__new__  # spares the Python-level constructor of a named tuple


def plans(planner: Planner) -> FormPlans:
    """Return how the fields of each form are planned."""
    return {form: partial(plan, planner) for form, plan in _PLANS.items()}


def _content(planner: Planner, member: Member) -> Field | None:
    """An object under the tag of its type."""
    present = tables.enumeration_values("ObjectType", planner.version)
    tags = {t: tag_of_field(cls.__name__, repeated=False) for t, cls in CONTENT_CLASSES.items() if t in present}
    found = {t: planner.element(CONTENT_CLASSES[t], tag) for t, tag in tags.items()}
    get = attrgetter(member.name)

    def write(instance: Any, out: list[Item]) -> None:
        content: Content | None = get(instance)
        if content is not None:
            element = found.get(content.object_type)
            if element is None:
                raise UnsaidError(content.object_type, tag_called("Object Type").code, planner.version)
            out.append(element.encode(content))

    return Field(
        name=member.name,
        readers={tags[t].code: Reader(member.name, element.decode) for t, element in found.items()},
        write=write,
        required=member.required,
        title="the object",
    )


def _key_value(planner: Planner, member: Member) -> Field | None:
    """Bytes when wrapped with its encoding, else a structure whose material the Key Format Type types."""
    tag = tag_called("Key Value")
    value = planner.element(KeyValue, tag)
    material = tag_called("Key Material")
    transparent = {format_type: planner.element(cls, material).decode for format_type, cls in TRANSPARENT_KEYS.items()}
    get = attrgetter(member.name)
    bare = spellings.BARE_KEY_VALUES_OF_1X if planner.version < elements.KMIP_2_0 else frozenset()

    def decode(item: Item) -> KeyValue | bytes:
        if item[1] is BYTE_STRING:
            return item[2]  # type: ignore[return-value]  # a Byte String's value is bytes
        decoded: KeyValue = value.decode(item)
        return decoded

    def finish(values: Values) -> None:
        key_value = values.get(member.name)
        if not isinstance(key_value, KeyValue):
            return
        format_type: KeyFormatType | None = values.get("key_format_type")
        came = key_value.key_material
        if format_type in transparent:
            if not isinstance(came, Item):
                raise invalid_field(f"Key Material of {format_type.name} must be a Structure")
            values[member.name] = evolve(key_value, key_material=transparent[format_type](came))
        elif isinstance(came, Item):
            raise invalid_field("Key Material must be a Byte String in this Key Format Type")

    def write(instance: KeyBlock, out: list[Item]) -> None:
        key_value = get(instance)
        if instance.key_format_type in bare and isinstance(key_value, KeyValue):
            key_value = key_value.key_material
        if isinstance(key_value, bytes):
            out.append(Item(tag.code, BYTE_STRING, key_value))
        elif key_value is not None:
            out.append(value.encode(key_value))

    return Field(name=member.name, readers={tag.code: Reader(member.name, decode)}, write=write, finish=finish)


def _key_material(planner: Planner, member: Member) -> Field | None:
    """Bytes; a structure is left as an item for the key block, which knows its format."""
    tag = tag_called("Key Material")
    code = tag.code
    transparent = {cls: planner.element(cls, tag).encode for cls in set(TRANSPARENT_KEYS.values())}

    def decode(item: Item) -> Any:
        if item[1] is BYTE_STRING:
            return item[2]
        if item[1] is STRUCTURE:
            return item
        raise DecodingError("Key Material must be a Byte String or a Structure")

    def write(instance: KeyValue, out: list[Item]) -> None:
        material = instance.key_material
        if isinstance(material, bytes):
            out.append(_new(Item, (code, BYTE_STRING, material)))
        elif isinstance(material, KeyHandle):
            raise UnencodableError("a key handle never leaves the server")
        else:
            out.append(transparent[type(material)](material))

    return Field(
        name=member.name,
        readers={code: Reader(member.name, decode)},
        write=write,
        required=True,
        title="Key Material",
    )


def _absent(planner: Planner, member: Member) -> Field | None:
    """Never on the wire: an object's content says nothing of the attributes that live beside it."""

    def finish(values: Values) -> None:
        values[member.name] = Attributes()

    return Field(name=member.name, readers={}, write=write_nothing, finish=finish)


def _object_reference(planner: Planner, member: Member) -> Field | None:
    """What names an object: text, and from 2.0 an enumeration or an index."""
    tag = tag_of_field(member.name, repeated=member.repeated)
    if not tag.is_in(planner.version):
        return None
    return field_of(member, tag, elements.object_reference(tag.code, planner.version))


def _any(planner: Planner, member: Member) -> Field | None:
    """A value of any item type."""
    tag = tag_of_field(member.name, repeated=member.repeated)
    if not tag.is_in(planner.version):
        return None
    return field_of(member, tag, elements.any_type(tag.code))


def _wrapped(planner: Planner, member: Member) -> Field | None:
    """One structure that holds the values as repeated items."""
    tag = tag_of_field(member.name, repeated=False)
    if not tag.is_in(planner.version):
        return None
    inner = tag_of_field(spellings.WRAPPED_MEMBERS.get(member.name, member.name), repeated=True)
    value = planner.element(member.kinds[0], inner)
    get = attrgetter(member.name)

    def decode(item: Item) -> tuple[Any, ...]:
        for child in children(item):
            if child[0] != inner.code:
                raise unexpected(child[0], planner.version, f"in {tag.name}")
        return tuple(value.decode(child) for child in children(item))

    def write(instance: Any, out: list[Item]) -> None:
        values = get(instance)
        if values or member.required:
            out.append(Item(tag.code, STRUCTURE, tuple(map(value.encode, values))))

    return Field(
        name=member.name,
        readers={tag.code: Reader(member.name, decode)},
        write=write,
        required=member.required,
        title=tag.name,
    )


_PLANS: Final[Mapping[Form, Callable[[Planner, Member], Field | None]]] = {
    Form.TAGGED_CONTENT: _content,
    Form.KEY_VALUE: _key_value,
    Form.KEY_MATERIAL: _key_material,
    Form.OBJECT_REFERENCE: _object_reference,
    Form.WRAPPED: _wrapped,
    Form.ANY: _any,
    Form.ABSENT: _absent,
}
