"""Key Blocks: the Key Value, whose form the Key Format Type decides, and the algorithm that a version may not name.

A Key Value is read when all items of its block are there: their order does not matter. KMIP 2.1 §3.1, 1.4 §2.1.3.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final, NoReturn

from attrs import evolve

from kmip_adapters.ttlv.converter import elements
from kmip_adapters.ttlv.converter.attribute_table import tag_of_field
from kmip_adapters.ttlv.converter.elements import Decode, Element, UnencodableError
from kmip_adapters.ttlv.converter.fields import Append, Field, Member, Reader, Values, field_of, tag_called
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.binary import BYTE_STRING, HEADER, PADDING, STRUCTURE
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, children
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_core.enums import CryptographicAlgorithm, KeyFormatType
from kmip_core.errors import invalid_field, invalid_message, no_key_value
from kmip_core.objects import KeyBlock, KeyValue
from kmip_core.structures import TRANSPARENT_KEYS, KeyHandle

SELF_DESCRIBING: Final = frozenset(
    {KeyFormatType.PKCS_1, KeyFormatType.PKCS_8, KeyFormatType.X_509, KeyFormatType.EC_PRIVATE_KEY}
)
"""Formats from whose bytes a client reads algorithm and length."""

_new: Final = tuple.__new__  # spares the Python-level constructor of a named tuple


def plans(planner: Planner) -> FormPlans:
    """Return how the fields of each form are planned."""
    return {form: partial(plan, planner) for form, plan in _PLANS.items()}


# --- Key Value --------------------------------------------------------------------------------------------------------


def _key_value(planner: Planner, member: Member) -> Field | None:
    """Bytes when wrapped with its encoding, else a structure whose material the Key Format Type types."""
    tag = tag_called("Key Value")
    bare = planner.facts.bare_key_values
    encode = planner.element(KeyValue, tag).encode
    read_plain = _value_reader(planner, _read_bytes)
    read_transparent = {
        format_type: _value_reader(planner, _transparent_reader(planner, format_type, cls))
        for format_type, cls in TRANSPARENT_KEYS.items()
    }
    get = attrgetter(member.name)
    is_optional = planner.facts.key_value_is_optional

    def finish(values: Values) -> None:
        item: Item | None = values.get(member.name)
        if item is None:
            if not is_optional:
                raise invalid_message("Key Value must be given")
            return
        if item[1] is BYTE_STRING:
            values[member.name] = item[2]
        elif item[1] is STRUCTURE:
            format_type: Any = values.get("key_format_type")
            values[member.name] = read_transparent.get(format_type, read_plain)(item)
        else:
            raise elements.wrong_type(item, STRUCTURE)

    def write(block: KeyBlock, out: list[Item]) -> None:
        key_value = get(block)
        if block.key_format_type in bare and isinstance(key_value, KeyValue):
            key_value = key_value.key_material
        if isinstance(key_value, bytes):
            out.append(Item(tag.code, BYTE_STRING, key_value))
        elif key_value is not None:
            out.append(encode(key_value))
        elif not is_optional:
            raise no_key_value()

    append_value = _later(planner, planner.element(KeyValue, tag))

    def append(block: KeyBlock, out: bytearray) -> None:
        key_value = get(block)
        if isinstance(key_value, KeyValue) and block.key_format_type not in bare:
            append_value(key_value, out)
        else:
            items: list[Item] = []
            write(block, items)
            for item in items:
                binary.append(item, out)

    return Field(
        name=member.name,
        readers={tag.code: Reader(member.name, _unread)},
        write=write,
        finish=finish,
        append=append,
    )


def _later(planner: Planner, element: Element) -> Append:
    """Return what appends the item of an element; it is made at its first use."""
    made: Append | None = None

    def append(value: Any, out: bytearray) -> None:
        nonlocal made
        if made is None:
            made = planner.direct.append(element)
        made(value, out)

    return append


def _unread(item: Item) -> Item:
    """Keep the Key Value until the Key Format Type is known."""
    return item


def _value_reader(planner: Planner, read_material: Decode) -> Callable[[Item], KeyValue]:
    """Return what reads a Key Value structure whose Key Material is read so."""
    structure = planner.structure_hook(KeyValue, decoders={tag_called("Key Material").code: read_material})

    def read(item: Item) -> KeyValue:
        value: KeyValue = structure(children(item), KeyValue)
        return value

    return read


def _read_bytes(item: Item) -> Any:
    if item[1] is STRUCTURE:
        raise invalid_field("Key Material must be a Byte String in this Key Format Type")
    if item[1] is not BYTE_STRING:
        _refuse_material()
    return item[2]


def _transparent_reader(planner: Planner, format_type: KeyFormatType, cls: type) -> Decode:
    decode = planner.element(cls, tag_called("Key Material")).decode

    def read(item: Item) -> Any:
        if item[1] is BYTE_STRING:
            raise invalid_field(f"Key Material of {format_type.name} must be a Structure")
        if item[1] is not STRUCTURE:
            _refuse_material()
        return decode(item)

    return read


def _refuse_material() -> NoReturn:
    raise DecodingError("Key Material must be a Byte String or a Structure")


def _key_material(planner: Planner, member: Member) -> Field | None:
    """Bytes, or a transparent key; read by what the Key Block makes of its format."""
    tag = tag_called("Key Material")
    code = tag.code
    transparent = {cls: planner.element(cls, tag).encode for cls in set(TRANSPARENT_KEYS.values())}

    def write(instance: KeyValue, out: list[Item]) -> None:
        material = instance.key_material
        if isinstance(material, bytes):
            out.append(_new(Item, (code, BYTE_STRING, material)))
        elif isinstance(material, KeyHandle):
            raise UnencodableError("a key handle never leaves the server")
        else:
            out.append(transparent[type(material)](material))

    head = code << 8 | BYTE_STRING

    def append(instance: KeyValue, out: bytearray) -> None:
        material = instance.key_material
        if isinstance(material, bytes):
            length = len(material)
            out += HEADER.pack(head, length)
            out += material
            out += PADDING[-length & 7]
        else:
            items: list[Item] = []
            write(instance, items)
            for item in items:
                binary.append(item, out)

    return Field(
        name=member.name,
        readers={code: Reader(member.name, _read_bytes)},
        write=write,
        append=append,
        required=True,
        title="Key Material",
    )


# --- Cryptographic Algorithm and Length -------------------------------------------------------------------------------


def _described(planner: Planner, member: Member) -> Field | None:
    """Cryptographic Algorithm or Length, left out where the version has no name for the algorithm.

    Both or none, they "MAY be omitted only if this information is available from the Key Value" (KMIP 1.4 §2.1.3): such
    keys still go to clients of versions that cannot name their algorithm.
    """
    algorithm = tag_called("Cryptographic Algorithm")
    is_known = elements.simple(CryptographicAlgorithm, algorithm, planner.version).is_known
    tag = tag_of_field(member.name, repeated=False)
    field = field_of(member, tag, planner.element(member.kinds[0], tag))
    write = field.write

    def is_needed(block: KeyBlock) -> bool:
        name = block.cryptographic_algorithm
        return name is None or is_known(name) or not _describes_itself(block)

    def write_if_needed(block: KeyBlock, out: list[Item]) -> None:
        if is_needed(block):
            write(block, out)

    return evolve(field, write=write_if_needed, is_needed=is_needed)


def _describes_itself(block: KeyBlock) -> bool:
    return block.key_format_type in SELF_DESCRIBING and block.key_wrapping_data is None


_PLANS: Final[Mapping[Form, Callable[[Planner, Member], Field | None]]] = {
    Form.KEY_VALUE: _key_value,
    Form.KEY_MATERIAL: _key_material,
    Form.DESCRIBED: _described,
}
