"""Hypothesis strategies for everything that a message can carry, built from the core's annotations.

`instances(cls, version)` makes values of any attrs class of the core that survive a trip over the wire of `version`:
only fields, enumeration values and attributes that the version has. Reused by every test that wants typical messages.
"""

import enum
import types
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING
from hypothesis import strategies as st

from kmip_adapters.ttlv.converter.attribute_table import tag_in
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_adapters.ttlv.standard.versions import FACTS, AttributeForm, BatchItemIds
from kmip_core import structures
from kmip_core.attributes import FIELDS, MULTIPLE, AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import ItemType, KeyFormatType, UniqueIdentifier
from kmip_core.objects import CONTENT_CLASSES, WITHOUT_FIELDS, Content, KeyBlock, KeyValue
from kmip_core.operation import ObjectReference
from kmip_core.structures import (
    TRANSPARENT_KEYS,
    CertificateAttributes,
    CustomAttribute,
    Name,
    NameReference,
    ProtocolVersion,
    TypedValue,
)

Strategy = st.SearchStrategy[Any]

KMIP_2_0: Final = ProtocolVersion(2, 0)

TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=12)
BYTES: Final = st.binary(max_size=20)
SIGNED_32: Final = st.integers(-(2**31), 2**31 - 1)
SIGNED_64: Final = st.integers(-(2**63), 2**63 - 1)
UNSIGNED_32: Final = st.integers(0, 2**32 - 1)
BIG: Final = st.integers(-(2**130), 2**130)

INTEGERS: Final = {
    "Integer": SIGNED_32,
    "LongInteger": SIGNED_64,
    "BigInteger": BIG,
    "DateTime": SIGNED_64,
    "Interval": UNSIGNED_32,
    "Enumeration": st.integers(1, 100),
}

TYPED_VALUES: Final = st.one_of(
    st.builds(TypedValue, st.just(ItemType.INTEGER), SIGNED_32),
    st.builds(TypedValue, st.just(ItemType.LONG_INTEGER), SIGNED_64),
    st.builds(TypedValue, st.just(ItemType.BIG_INTEGER), BIG),
    st.builds(TypedValue, st.just(ItemType.ENUMERATION), UNSIGNED_32),
    st.builds(TypedValue, st.just(ItemType.BOOLEAN), st.booleans()),
    st.builds(TypedValue, st.just(ItemType.TEXT_STRING), TEXT),
    st.builds(TypedValue, st.just(ItemType.BYTE_STRING), BYTES),
    st.builds(TypedValue, st.just(ItemType.DATE_TIME), SIGNED_64),
    st.builds(TypedValue, st.just(ItemType.INTERVAL), UNSIGNED_32),
    st.builds(
        TypedValue,
        st.just(ItemType.STRUCTURE),
        st.tuples(st.tuples(st.just(0x420055), st.builds(TypedValue, st.just(ItemType.TEXT_STRING), TEXT))),
    ),
)
"""Values of custom attributes: every item type."""

ELSEWHERE: Final = frozenset(
    {"locate.Request.offset_items"}  # read in every version, but written only where its tag is
)


_hints: Final = cache(get_type_hints)
"""Types of fields, for each class once: to work them out again was most of what the tests of the converter took."""


@cache
def instances(cls: Any, version: ProtocolVersion) -> Strategy:
    """Return a strategy for instances of `cls` that `version` can carry."""
    if cls is ProtocolVersion:
        return st.builds(ProtocolVersion, st.integers(0, 9), st.integers(0, 9))
    if cls is KeyBlock:
        return _key_blocks(version)
    if cls in spellings.NAMES and FACTS[version].names_are_text:
        field, rest = spellings.NAMES[cls]
        return st.builds(cls, **{field: TEXT}, **{name: st.just(value) for name, value in rest.items()})
    if cls is CertificateAttributes:
        return _plain_instances(cls, version).filter(lambda value: value != CertificateAttributes())
    return _plain_instances(cls, version)


def speaks(cls: type, version: ProtocolVersion) -> bool:
    """Return whether the version has every field that `cls` cannot do without."""
    if cls is ProtocolVersion or (cls in spellings.NAMES and FACTS[version].names_are_text):
        return True
    return all(
        a.default is not NOTHING or _tag_present(a.name, hint, version)
        for a, hint in ((a, _hints(cls)[a.name]) for a in attrs.fields(cls))
    )


@cache
def attributes(version: ProtocolVersion, *, templates: bool = False) -> Strategy:
    """Return a strategy for Attributes.  templates: with names of templates, as 1.x requests have them."""
    every = {
        field: st.lists(values(field, version), max_size=2).map(tuple)
        if field in MULTIPLE
        else st.none() | values(field, version)
        for field in attribute_fields(version)
    }
    chosen = st.sets(st.sampled_from(attribute_fields(version)), max_size=5)
    more: dict[str, Strategy] = {"custom_attributes": st.lists(customs(version), max_size=2).map(_grouped)}
    if templates and version < KMIP_2_0:
        more["template_names"] = st.lists(instances(Name, version), max_size=2).map(tuple)

    def build(names: set[str]) -> Strategy:
        return st.builds(Attributes, **{name: every[name] for name in sorted(names)}, **more)

    return chosen.flatmap(build)


@cache
def attribute_fields(version: ProtocolVersion) -> tuple[str, ...]:
    """Return the attributes of a version, straight from the tables."""
    return tuple(
        field
        for field in FIELDS
        if version >= spellings.FIRST_VERSIONS.get(field, version)
        and (
            version >= ProtocolVersion(1, 4)
            if field == spellings.FLATTENED
            else _tag_present(field, _hints(Attributes)[field], version)
        )
    )


@cache
def values(field: str, version: ProtocolVersion) -> Strategy:
    """Return a strategy for one value of one attribute."""
    kind = get_args(_hints(Attributes)[field])[0]
    return _kind(kind, field, version)


def customs(version: ProtocolVersion) -> Strategy:
    """Return a strategy for custom attributes; vendors other than x and y exist from 2.0."""
    vendor = st.sampled_from(("x", "y")) if version < KMIP_2_0 else st.sampled_from(("x", "y", "Acme"))
    return st.builds(CustomAttribute, vendor_identification=vendor, attribute_name=TEXT, attribute_value=TYPED_VALUES)


def fields_to_refer_to(version: ProtocolVersion) -> list[str]:
    """Return the attributes to which a reference is read as it was written.

    In 3.0 one to Object Group says the tag of Group Link, and is read as a reference to that.
    """
    read_otherwise = {spellings.FLATTENED}
    if FACTS[version].attribute_form is AttributeForm.LINKED:
        read_otherwise.add("object_groups")
    return [field for field in attribute_fields(version) if field not in read_otherwise]


def references(version: ProtocolVersion, *, indexed: bool = False) -> Strategy:
    """Return a strategy for references to attributes of this version; 1.x reads 0 where no index is said."""
    index = st.integers(0, 9) if indexed and version < KMIP_2_0 else st.none()
    standard = fields_to_refer_to(version)
    return st.one_of(
        st.builds(AttributeReference, attribute=st.sampled_from(standard), attribute_index=index),
        st.builds(
            AttributeReference, attribute=TEXT, vendor_identification=st.sampled_from(("x", "y")), attribute_index=index
        ),
    )


def attribute_instances(version: ProtocolVersion, *, repeated: bool = False) -> Strategy:
    """Return a strategy for one attribute with its value and, in 1.x, its index, which criteria need not have."""
    unsaid = st.none() if repeated or version >= KMIP_2_0 else st.just(0)
    index = unsaid | st.integers(1, 9) if version < KMIP_2_0 else unsaid
    standard = st.sampled_from([f for f in attribute_fields(version) if f != spellings.FLATTENED]).flatmap(
        lambda field: st.builds(
            AttributeInstance,
            reference=st.builds(AttributeReference, attribute=st.just(field), attribute_index=index),
            value=values(field, version).map(_as_criterion(version) if repeated else lambda value: value),
        )
    )
    custom = st.builds(
        AttributeInstance,
        reference=st.builds(
            AttributeReference, attribute=TEXT, vendor_identification=st.just("x"), attribute_index=index
        ),
        value=TYPED_VALUES,
    )
    return standard | custom


def _as_criterion(version: ProtocolVersion) -> Callable[[Any], Any]:
    """A name that is text is looked for whatever its type."""

    def as_criterion(value: Any) -> Any:
        if not FACTS[version].names_are_text or type(value) not in spellings.NAMES:
            return value
        _, rest = spellings.NAMES[type(value)]
        return attrs.evolve(value, **dict.fromkeys(rest))

    return as_criterion


# --- private ------------------------------------------------------------------------------------------------------


def _plain_instances(cls: type, version: ProtocolVersion) -> Strategy:
    hints = _hints(cls)
    fields: dict[str, Strategy] = {}
    for a in attrs.fields(cls):
        key = _key(cls, a.name)
        if spellings.FORMS.get(key) is spellings.Form.KEPT:
            continue
        if spellings.FORMS.get(key) is spellings.Form.FACT:
            fields[a.name] = st.just(getattr(FACTS[version], a.name))
            continue
        if spellings.FORMS.get(key) is spellings.Form.ABSENT:
            fields[a.name] = st.just(Attributes())
        elif version < spellings.FIRST_VERSIONS_OF_FIELDS.get(key, version):
            continue
        elif _tag_present(a.name, hints[a.name], version, cls):
            strategy = _field(key, a.name, hints[a.name], version)
            optional = a.default is None and not _must_be_said(a.name, hints[a.name], version, key)
            fields[a.name] = st.none() | strategy if optional else strategy
    return st.builds(cls, **fields)


def _must_be_said(name: str, hint: Any, version: ProtocolVersion, key: str) -> bool:
    """Delete Attribute names its attribute in every 1.x request; in 2.x a current value may stand for it.

    Most requests of 3.0 name their object.
    """
    if FACTS[version].targets_are_named and key in spellings.TARGETS_TO_NAME:
        return True
    if version < spellings.OPTIONAL_FROM.get(key, version):
        return True
    return AttributeReference in get_args(hint) and version < KMIP_2_0


def _field(key: str, name: str, hint: Any, version: ProtocolVersion) -> Strategy:
    if get_origin(hint) is tuple:
        (inner, _) = get_args(hint)
        if inner is AttributeReference:
            return st.lists(references(version), unique=True, max_size=3).map(tuple)
        if inner is AttributeInstance:
            return st.lists(attribute_instances(version, repeated=True), max_size=3).map(tuple)
        return st.lists(_kind(inner, name, version), max_size=3).map(tuple)
    bare = spellings.FORMS.get(key) is spellings.Form.BARE_ATTRIBUTES
    if bare and type(None) in _union(hint):
        return attributes(version).filter(lambda value: value != Attributes())
    if Attributes in _union(hint):
        return attributes(version, templates=not bare)
    return _kind(hint, name, version)


def _kind(kind: Any, name: str, version: ProtocolVersion) -> Strategy:
    kinds = tuple(k for k in _union(kind) if k is not type(None))
    if len(kinds) > 1:
        if set(kinds) <= set(get_args(Content)):
            return _contents(version)
        assert set(kinds) <= set(get_args(ObjectReference)), name
        if version < KMIP_2_0:
            return TEXT
        present = tables.enumeration_values("UniqueIdentifier", version)
        names = st.builds(NameReference, TEXT) if FACTS[version].names_are_text else st.nothing()
        return TEXT | names | SIGNED_32 | st.sampled_from([u for u in UniqueIdentifier if int(u) in present])
    (kind,) = kinds
    if kind is AttributeInstance:
        return attribute_instances(version)
    if kind is AttributeReference:
        return references(version, indexed=True)
    if kind is TypedValue:
        return TYPED_VALUES
    if kind is ProtocolVersion or attrs.has(kind):
        return st.deferred(lambda: instances(kind, version))
    return _leaf(kind, name, version)


def _leaf(kind: type, name: str, version: ProtocolVersion) -> Strategy:
    if issubclass(kind, enum.IntFlag):
        return st.integers(0, 2**32 - 1).map(kind)
    if issubclass(kind, enum.IntEnum):
        present = tables.enumeration_values(kind.__name__, version)
        return st.sampled_from([member for member in kind if int(member) in present])
    if kind is bool:
        return st.booleans()
    if kind is str:
        return TEXT
    if kind is bytes:
        return BYTES
    tag = _tag(name)
    assert tag is not None, name
    types_of_tag = ("Enumeration",) if tag.name == "Extension Type" and version >= KMIP_2_0 else tag.item_types
    return next((INTEGERS[t] for t in types_of_tag if t in INTEGERS), SIGNED_32)


def _contents(version: ProtocolVersion) -> Strategy:
    present = tables.enumeration_values("ObjectType", version)
    return st.one_of(
        *(
            instances(cls, version)  # type: ignore[arg-type]
            for object_type, cls in CONTENT_CLASSES.items()
            if int(object_type) in present and object_type not in WITHOUT_FIELDS
        )
    )


def _key_blocks(version: ProtocolVersion) -> Strategy:
    present = tables.enumeration_values("KeyFormatType", version)
    formats = [f for f in KeyFormatType if int(f) in present]
    attributes_inside = attributes(version).filter(lambda value: value != Attributes())

    def of_format(key_format_type: KeyFormatType) -> Strategy:
        transparent = TRANSPARENT_KEYS.get(key_format_type)
        material: Strategy = BYTES if transparent is None else instances(transparent, version)
        key_value: Strategy = st.builds(KeyValue, key_material=material, attributes=st.none() | attributes_inside)
        if key_format_type in FACTS[version].bare_key_values:
            key_value = BYTES  # such a Key Value has no inside there
        hints = _hints(KeyBlock)
        others = {
            name: st.none() | _field("", name, hints[name], version)
            for name in (
                "key_compression_type",
                "cryptographic_algorithm",
                "cryptographic_length",
                "key_wrapping_data",
            )
        }
        absent = st.none() if FACTS[version].key_value_is_optional else st.nothing()
        return st.builds(
            KeyBlock, key_format_type=st.just(key_format_type), key_value=absent | BYTES | key_value, **others
        )

    return st.sampled_from(formats).flatmap(of_format)


def _grouped(found: list[CustomAttribute]) -> tuple[CustomAttribute, ...]:
    """Instances of one custom attribute stand together on the wire."""
    return tuple(sorted(found, key=lambda c: (c.vendor_identification, c.attribute_name)))


def _union(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


_BY_TYPE: Final = (Attributes, AttributeInstance, AttributeReference)


def _tag_present(name: str, hint: Any, version: ProtocolVersion, cls: type | None = None) -> bool:
    inner = get_args(hint)[0] if get_origin(hint) is tuple else hint
    kinds = set(_union(inner)) - {type(None)}
    if cls is not None and version < spellings.FIRST_VERSIONS_OF_FIELDS.get(_key(cls, name), version):
        return False
    if kinds <= set(get_args(Content)) or kinds & {KeyValue, structures.KeyHandle}:
        return True
    if AttributeInstance in kinds and get_origin(hint) is not tuple:
        if version < KMIP_2_0:
            return not name.startswith("current")
        return cls is None or cls.__name__ != "Response"
    if kinds & set(_BY_TYPE):
        return True
    tag = _tag(name, repeated=get_origin(hint) is tuple, cls=cls)
    if tag is None:
        raise AssertionError(f"no tag for {name}")
    nested = next((k for k in kinds if attrs.has(k)), None)
    tag = tag_in(version, tag)
    return version in tables.versions_of(tag.presence) and (nested is None or speaks(nested, version))


def _key(cls: type, field: str) -> str:
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}.{field}"


def _tag(name: str, *, repeated: bool = True, cls: type | None = None) -> tables.Tag | None:
    declared = cls is not None and spellings.FORMS.get(_key(cls, name)) is spellings.Form.WRAPPED
    wrapped = declared or name in spellings.WRAPPED_FIELDS
    singular = tables.tag_for_field(name[:-1]) if repeated and not wrapped and name.endswith("s") else None
    return singular or tables.tag_for_field(name)


def batch_item_id(version: ProtocolVersion) -> bytes | None:
    """Return a Unique Batch Item ID, in a version that has it."""
    return None if FACTS[version].batch_item_ids is BatchItemIds.NONE else b"1"
