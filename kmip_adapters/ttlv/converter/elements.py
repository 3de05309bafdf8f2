"""Elements: how one value of one Python type travels as one item, in one version.

The item type comes from the tag; where a tag allows several, from the Python type. An element is two closures, made
once when a converter is planned; nothing is looked up per message but the closures' own dicts.
"""

import enum
import struct
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

from kmip_adapters.ttlv.converter.refusals import NotInVersionError, unknown_value
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, tag_name
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.versions import FACTS
from kmip_core.classes import frozen
from kmip_core.enums import ExtensibleEnum, ItemType, ResultReason, UniqueIdentifier
from kmip_core.errors import KmipError
from kmip_core.standard_names import standard_name, with_article
from kmip_core.structures import NameReference, ProtocolVersion, TypedValue

Decode: TypeAlias = Callable[[Item], Any]
Encode: TypeAlias = Callable[[Any], Item]

INT32: Final = (-(2**31), 2**31 - 1)
INT64: Final = (-(2**63), 2**63 - 1)
UINT32: Final = (0, 2**32 - 1)

_new: Final = tuple.__new__  # spares the Python-level constructor of a named tuple

TYPES_FOR: Final[Mapping[type, tuple[ItemType, ...]]] = {
    bool: (ItemType.BOOLEAN,),
    int: (
        ItemType.INTEGER,
        ItemType.LONG_INTEGER,
        ItemType.BIG_INTEGER,
        ItemType.DATE_TIME,
        ItemType.INTERVAL,
        ItemType.DATE_TIME_EXTENDED,
        ItemType.ENUMERATION,
    ),
    str: (ItemType.TEXT_STRING,),
    bytes: (ItemType.BYTE_STRING,),
}
"""Which item types a Python type can stand for; the tag chooses among them."""

RANGES: Final[Mapping[ItemType, tuple[int, int]]] = {
    ItemType.INTEGER: INT32,
    ItemType.LONG_INTEGER: INT64,
    ItemType.DATE_TIME: INT64,
    ItemType.DATE_TIME_EXTENDED: INT64,
    ItemType.INTERVAL: UINT32,
    ItemType.ENUMERATION: UINT32,
}
"""What fits into the numbers of fixed width."""

TYPE_NAMES: Final[Mapping[str, ItemType]] = {t.name.replace("_", "").lower(): t for t in ItemType}


class UnencodableError(Exception):
    """A value of ours that its item cannot carry: a bug of the server, never an input's fault."""


class Kind(enum.Enum):
    """How the bytes of an item are read and written."""

    TEXT = enum.auto()
    OCTETS = enum.auto()
    SIGNED_32 = enum.auto()
    UNSIGNED_32 = enum.auto()
    SIGNED_64 = enum.auto()
    BOOLEAN = enum.auto()
    MASK = enum.auto()
    ENUMERATION = enum.auto()
    STRUCTURE = enum.auto()


@frozen(kw_only=True)
class Shape:
    """What the item of an element looks like in bytes, for `direct`, which writes code for it in place.

    code: the tag.
    bounds: of a number.  members: of an enumeration, by value.  mask: what makes a bit mask of its number.
    cls: the class of a structure that is planned by the rule.  is_criterion: as `Planner.structure_hook` has it.
    read: what reads the content of any other structure: (message, begin, end) -> value.
    is_usual_only: True if items of the tag may also be of other types: what names an object.
    """

    kind: Kind
    code: int
    item_type: ItemType
    bounds: tuple[int, int] | None = None
    members: Mapping[int, Any] | None = None
    mask: Callable[[int], enum.IntFlag] | None = None
    cls: type | None = None
    is_criterion: bool = False
    read: Callable[[bytes, int, int], Any] | None = None
    is_usual_only: bool = False

    @property
    def head(self) -> int:
        """The first four bytes of the item: its tag and its type."""
        return self.code << 8 | self.item_type


@frozen(kw_only=True)
class Element:
    """How one value travels.

    decode: item -> value; raises KmipError.
    encode: value -> item; raises NotInVersionError for a value that `is_known` denies.
    is_known: False for a value that the version does not have, so that it can be left out of a list.
    shape: what its usual item looks like in bytes; None where only the item says it.
    """

    decode: Decode
    encode: Encode
    is_known: Callable[[Any], bool]
    shape: Shape | None = None


def simple(kind: type, tag: tables.Tag, version: ProtocolVersion, wire_tag: int | None = None) -> Element:
    """Return the element for a value that is no structure.

    kind: bool, int, str, bytes, an enumeration or a bit mask.
    wire_tag: the tag that the item gets, where it is not the one that gives the type (Attribute Value in 1.x).
    """
    code = tag.code if wire_tag is None else wire_tag
    if issubclass(kind, enum.IntFlag):
        return _mask(kind, code)
    if issubclass(kind, enum.IntEnum):
        return _enumeration(kind, code, version)
    if kind is str and tag.xml_name in _LINKS_BY_NAME:
        return _plain(ItemType.NAME_REFERENCE, code)
    if kind is str and tag.enumeration == UniqueIdentifier.__name__:
        return _identifier(code, FACTS[version].identifiers)
    item_type = _item_type(kind, tag, version)
    if item_type in RANGES:
        return _number(item_type, code, *RANGES[item_type])
    return _plain(item_type, code)


_LINKS_BY_NAME: Final = frozenset({"GroupLink"})
"""Tags of links that hold the text of an older tag (`spellings.SUCCESSORS`): a name."""


def _item_type(kind: type, tag: tables.Tag, version: ProtocolVersion) -> ItemType:
    if tag.name == "Extension Type":
        allowed = [FACTS[version].extension_type]
    else:
        allowed = [TYPE_NAMES[name.lower()] for name in tag.item_types if name.lower() in TYPE_NAMES]
    for item_type in TYPES_FOR[kind]:
        if item_type in allowed:
            return item_type
    raise TypeError(f"{tag.name} cannot hold {kind.__name__}")


def always(value: Any) -> bool:
    """The `is_known` of elements whose every value each version has."""
    return True


def _plain(item_type: ItemType, code: int) -> Element:
    def decode(item: Item) -> Any:
        if item[1] is not item_type:
            raise wrong_type(item, item_type)
        return item[2]

    def encode(value: Any) -> Item:
        return _new(Item, (code, item_type, value))

    kind = _KINDS.get(item_type)
    shape = None if kind is None else Shape(kind=kind, code=code, item_type=item_type)
    return Element(decode=decode, encode=encode, is_known=always, shape=shape)


_KINDS: Final[Mapping[ItemType, Kind]] = {
    ItemType.TEXT_STRING: Kind.TEXT,
    ItemType.NAME_REFERENCE: Kind.TEXT,
    ItemType.BYTE_STRING: Kind.OCTETS,
    ItemType.BOOLEAN: Kind.BOOLEAN,
    ItemType.INTEGER: Kind.SIGNED_32,
    ItemType.ENUMERATION: Kind.UNSIGNED_32,
    ItemType.INTERVAL: Kind.UNSIGNED_32,
    ItemType.LONG_INTEGER: Kind.SIGNED_64,
    ItemType.DATE_TIME: Kind.SIGNED_64,
    ItemType.DATE_TIME_EXTENDED: Kind.SIGNED_64,
}
"""A Big Integer has no shape: it is rare, and its length is judged where items are read."""


def _identifier(code: int, item_types: tuple[ItemType, ...]) -> Element:
    """Return the element for the identifier of an object: text, of one of these types, written as the first."""
    first = item_types[0]

    def decode(item: Item) -> Any:
        if item[1] not in item_types:
            raise wrong_type(item, first)
        return item[2]

    def encode(value: Any) -> Item:
        return _new(Item, (code, first, value))

    shape = Shape(kind=Kind.TEXT, code=code, item_type=first)
    return Element(decode=decode, encode=encode, is_known=always, shape=shape)


def text_of(code: int, field: str, make: Callable[[str], Any]) -> Element:
    """Return the element for a structure of which the version has one text field only, and writes it as the text."""
    get = attrgetter(field)

    def decode(item: Item) -> Any:
        if item[1] is not ItemType.TEXT_STRING:
            raise wrong_type(item, ItemType.TEXT_STRING)
        return make(item[2])  # type: ignore[arg-type]  # a Text String's value is a str

    return Element(decode=decode, encode=lambda value: Item(code, ItemType.TEXT_STRING, get(value)), is_known=always)


def _number(item_type: ItemType, code: int, least: int, most: int) -> Element:
    def decode(item: Item) -> Any:
        if item[1] is not item_type:
            raise wrong_type(item, item_type)
        return item[2]

    def encode(value: Any) -> Item:
        if not least <= value <= most:
            raise UnencodableError(f"{tag_name(code)} does not fit its item type")
        return _new(Item, (code, item_type, int(value)))

    shape = Shape(kind=_KINDS[item_type], code=code, item_type=item_type, bounds=(least, most))
    return Element(decode=decode, encode=encode, is_known=always, shape=shape)


def _mask(kind: type[enum.IntFlag], code: int) -> Element:
    integer = ItemType.INTEGER

    def decode(item: Item) -> Any:
        if item[1] is not integer:
            raise wrong_type(item, integer)
        return member(item[2] & 0xFFFFFFFF)  # type: ignore[operator]  # an Integer's value is an int

    def encode(value: Any) -> Item:
        (signed,) = struct.unpack(">i", struct.pack(">I", value))
        return _new(Item, (code, integer, signed))

    member = mask_reader(kind)
    shape = Shape(kind=Kind.MASK, code=code, item_type=integer, mask=member)
    return Element(decode=decode, encode=encode, is_known=always, shape=shape)


MASKS: Final = 1_024
"""Combinations of one bit mask that are kept as members of its class."""


def mask_reader(kind: type[enum.IntFlag]) -> Callable[[int], enum.IntFlag]:
    """Return what makes a bit mask of its number.

    Python keeps every combination that it has once made, and clients choose them: four thousand million, if they like.
    """
    members = kind._value2member_map_

    def read(value: int) -> enum.IntFlag:
        found: Any = members.get(value)
        if found is None:
            found = kind(value)
            if len(members) > MASKS:
                members.pop(value, None)
        return found  # type: ignore[no-any-return]

    return read


@cache  # the same enumeration stands in many structures
def _enumeration(kind: type[enum.IntEnum], code: int, version: ProtocolVersion) -> Element:
    enumeration = ItemType.ENUMERATION
    present = tables.enumeration_values(kind.__name__, version)
    extensible = issubclass(kind, ExtensibleEnum)
    members: dict[Any, enum.IntEnum] = {int(m): m for m in kind if int(m) in present}
    items: dict[Any, Item] = {value: Item(code, enumeration, value) for value in members}

    def decode(item: Item) -> Any:
        if item[1] is not enumeration:
            raise wrong_type(item, enumeration)
        member = members.get(item[2])
        if member is None:
            if extensible and item[2] >> 28 == 0x8:  # type: ignore[operator]  # an Enumeration's value is an int
                return kind(item[2])  # type: ignore[arg-type]
            raise unknown_value(item[2], item[0], version)
        return member

    def encode(value: Any) -> Item:
        item = items.get(value)
        if item is not None:
            return item
        if not is_known(value):
            raise NotInVersionError(value, code, version)
        return Item(code, enumeration, int(value))

    def is_known(value: Any) -> bool:
        return value in members or (extensible and value >> 28 == 0x8)

    shape = Shape(kind=Kind.ENUMERATION, code=code, item_type=enumeration, members=members)
    return Element(
        decode=decode, encode=encode, is_known=always if len(members) == len(kind) else is_known, shape=shape
    )


def object_reference(code: int, version: ProtocolVersion, written: ItemType | None = None) -> Element:
    """Return the element for what names an object: its identifier or name, an enumeration, or an index into the batch.

    written: the item type of an identifier in what is written; None for that of the version.
    KMIP 2.1 §4.31, §4.58, 3.0 §4.35, §4.68.
    """
    facts = FACTS[version]
    written = written or facts.identifiers[0]
    named = _enumeration(UniqueIdentifier, code, version)
    readers: dict[ItemType, Callable[[Any], Any]] = {
        ItemType.TEXT_STRING: str,
        ItemType.IDENTIFIER: str,
        ItemType.REFERENCE: str,
        ItemType.NAME_REFERENCE: NameReference,
        ItemType.ENUMERATION: lambda value: named.decode(Item(code, ItemType.ENUMERATION, value)),
        ItemType.INTEGER: int,
    }
    by_type = {item_type: readers[item_type] for item_type in facts.object_references}
    is_known = knows_reference(version)

    def decode(item: Item) -> Any:
        if item[1] is written:
            return item[2]
        convert = by_type.get(item[1])
        if convert is None:
            raise wrong_type(item, written)
        return convert(item[2])

    def encode(value: Any) -> Item:
        if isinstance(value, str):
            return Item(code, written, value)
        if not is_known(value):
            text = f"{tag_name(code)} names an object in a way that KMIP {version} does not have"
            raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, text)
        if isinstance(value, NameReference):
            return Item(code, ItemType.NAME_REFERENCE, value.name)
        if isinstance(value, UniqueIdentifier):
            return Item(code, ItemType.ENUMERATION, int(value))
        return Item(code, ItemType.INTEGER, value)

    shape = Shape(kind=Kind.TEXT, code=code, item_type=written, is_usual_only=True)
    return Element(decode=decode, encode=encode, is_known=always, shape=shape)


def knows_reference(version: ProtocolVersion) -> Callable[[Any], bool]:
    """Return whether the version can name an object in the way of a value."""
    ways = {ItemType.NAME_REFERENCE: NameReference, ItemType.ENUMERATION: UniqueIdentifier, ItemType.INTEGER: int}
    lacking = tuple(kind for item_type, kind in ways.items() if item_type not in FACTS[version].object_references)
    return (lambda value: not isinstance(value, lacking)) if lacking else always


def structure(
    code: int,
    from_items: Callable[[tuple[Item, ...]], Any],
    to_items: Callable[[Any], tuple[Item, ...]],
    is_known: Callable[[Any], bool] = always,
    shape: Shape | None = None,
) -> Element:
    """Return the element for a value that is a structure of its own."""

    def decode(item: Item) -> Any:
        if item[1] is not ItemType.STRUCTURE:
            raise wrong_type(item, ItemType.STRUCTURE)
        return from_items(item[2])  # type: ignore[arg-type]  # a structure's value is a tuple

    def encode(value: Any) -> Item:
        return _new(Item, (code, ItemType.STRUCTURE, to_items(value)))

    return Element(decode=decode, encode=encode, is_known=is_known, shape=shape)


def any_type(code: int) -> Element:
    """Return the element for a value that says its own item type: a custom attribute's."""
    return Element(decode=typed_value, encode=lambda value: item_of_typed_value(code, value), is_known=always)


def typed_value(item: Item) -> TypedValue:
    """Return an item's value with its item type, structures all the way down."""
    if isinstance(item.value, tuple):
        return TypedValue(item.type, tuple((child.tag, typed_value(child)) for child in item.value))
    return TypedValue(item.type, item.value)


def item_of_typed_value(code: int, value: TypedValue) -> Item:
    """Return the item that carries such a value under a tag."""
    if isinstance(value.value, tuple):
        members = tuple(item_of_typed_value(tag, member) for tag, member in value.value)
        return Item(code, ItemType.STRUCTURE, members)
    return Item(code, value.item_type, value.value)


def wrong_type(item: Item, wanted: ItemType) -> DecodingError:
    """Return the refusal of an item that is of another type than its tag has here."""
    return DecodingError(
        f"{tag_name(item[0])} must be {with_article(standard_name(wanted))}, not {with_article(standard_name(item[1]))}"
    )
