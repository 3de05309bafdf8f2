"""Objects, attribute values and strategies for tests of stores; equal for all of them."""

import enum
import types
import typing
from typing import Any

import attrs
from attrs import evolve
from hypothesis import strategies as st

from kmip_core import enums
from kmip_core.attributes import FIELDS, MULTIPLE, AttributeInstance, AttributeReference, Attributes
from kmip_core.criteria import LocateQuery
from kmip_core.enums import CryptographicAlgorithm, CryptographicUsageMask, ItemType, ObjectType, State
from kmip_core.lifecycle import settle
from kmip_core.objects import KeyBlock, KeyValue, ManagedObject, SymmetricKey
from kmip_core.policy import BUILT_IN, Visibility, visibility
from kmip_core.principal import Principal
from kmip_core.rules import Admitted, Purpose, admit
from kmip_core.structures import (
    CryptographicParameters,
    CustomAttribute,
    EncryptionKeyInformation,
    Link,
    MACSignatureKeyInformation,
    Name,
    NameReference,
    TypedValue,
)

NOW = 1_700_000_000
KEY = b"an AES key of 32 bytes, easy to find"[:32]


def a_key(unique_identifier: str, owner: str = "alice", **attributes: Any) -> ManagedObject:
    """Return the record of a symmetric key; attributes beyond the usual ones by name."""
    usual: dict[str, Any] = {
        "unique_identifier": unique_identifier,
        "object_type": ObjectType.SYMMETRIC_KEY,
        "cryptographic_algorithm": CryptographicAlgorithm.AES,
        "cryptographic_length": 256,
        "cryptographic_usage_mask": CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        "state": State.PRE_ACTIVE,
        "initial_date": NOW,
    }
    known = Attributes(**(usual | attributes))
    return ManagedObject(
        unique_identifier=unique_identifier,
        object_type=known.object_type or ObjectType.SYMMETRIC_KEY,
        owner=owner,
        attributes=known,
    )


def content(key: bytes = KEY) -> SymmetricKey:
    """Return a symmetric key as a handler stores it: the attributes are kept beside it."""
    block = KeyBlock(
        key_format_type=enums.KeyFormatType.RAW,
        key_value=KeyValue(key_material=key),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=len(key) * 8,
    )
    return SymmetricKey(key_block=block)


def admitted(managed_object: ManagedObject, now: int = NOW) -> Admitted:
    """Return the proof that the object may be read."""
    settled = evolve(managed_object, attributes=settle(managed_object.attributes, now))
    return admit(settled, Purpose.READ_ATTRIBUTES, now)


def sees(name: str = "alice") -> Visibility:
    """Return what a principal without groups sees under the built-in policies."""
    return visibility(BUILT_IN, Principal(name=name))


def criterion(attribute: str, value: Any, vendor_identification: str | None = None) -> AttributeInstance:
    """Return one criterion."""
    reference = AttributeReference(attribute=attribute, vendor_identification=vendor_identification)
    return AttributeInstance(reference=reference, value=value)


def query(*criteria: AttributeInstance, **more: Any) -> LocateQuery:
    """Return a query by alice at NOW by default."""
    usual: dict[str, Any] = {"criteria": criteria, "visibility": sees(), "now": NOW, "is_counted": True}
    return LocateQuery(**(usual | more))


# --- one value of every attribute -----------------------------------------------------------------------------------

_SAMPLES_BY_TYPE: dict[Any, Any] = {str: "a text", bytes: b"\x00some bytes", int: 1_600_000_000, bool: True}


def sample(annotation: Any) -> Any:
    """Return a value of an annotated type, with all fields of a structure filled."""

    members = [m for m in typing.get_args(annotation) if m is not type(None) and m is not Ellipsis]
    if typing.get_origin(annotation) is tuple:
        return (sample(members[0]),)
    if members:
        return sample(members[0])
    if annotation in _SAMPLES_BY_TYPE:
        return _SAMPLES_BY_TYPE[annotation]
    if issubclass(annotation, enum.IntFlag):
        return annotation(5)
    if issubclass(annotation, enum.Enum):
        return list(annotation)[-1]
    resolved = attrs.resolve_types(annotation)
    return annotation(**{f.name: sample(f.type) for f in attrs.fields(resolved)})


def sample_of(attribute: str) -> Any:
    """Return one instance of one attribute of the standard."""
    fields = attrs.fields_dict(attrs.resolve_types(Attributes))
    value = sample(fields[attribute].type)
    return value[0] if attribute in MULTIPLE else value


SAMPLES: dict[str, Any] = {name: sample_of(name) for name in FIELDS}
"""Attribute to one value of it."""


def with_attribute(managed_object: ManagedObject, attribute: str, value: Any) -> ManagedObject:
    """Return the object with one instance of one attribute set."""
    changed: dict[str, Any] = {attribute: (value,) if attribute in MULTIPLE else value}
    return evolve(managed_object, attributes=evolve(managed_object.attributes, **changed))


# --- strategies -----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DATES = st.none() | st.integers(NOW - 3, NOW + 3)
TYPED_VALUES = st.recursive(
    st.one_of(
        st.builds(TypedValue, st.just(ItemType.TEXT_STRING), TEXTS),
        st.builds(TypedValue, st.just(ItemType.BYTE_STRING), st.binary(max_size=8)),
        st.builds(TypedValue, st.just(ItemType.BOOLEAN), st.booleans()),
        st.builds(TypedValue, st.just(ItemType.BIG_INTEGER), st.integers()),
        st.builds(TypedValue, st.just(ItemType.ENUMERATION), st.integers(1, 9)),
    ),
    lambda inner: st.builds(
        TypedValue,
        st.just(ItemType.STRUCTURE),
        st.lists(st.tuples(st.integers(0x420000, 0x42FFFF), inner), max_size=3).map(tuple),
    ),
    max_leaves=4,
)
CUSTOM_ATTRIBUTES = st.builds(
    CustomAttribute,
    vendor_identification=st.sampled_from(["x", "y", "acme"]),
    attribute_name=TEXTS,
    attribute_value=TYPED_VALUES,
)


def strategy(annotation: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for an annotated type, down to every field of every structure."""

    arguments = typing.get_args(annotation)
    if annotation is type(None):
        return st.none()
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return st.one_of([strategy(member) for member in arguments])
    if typing.get_origin(annotation) is tuple and arguments[-1] is Ellipsis:
        return st.lists(strategy(arguments[0]), max_size=2).map(tuple)
    if typing.get_origin(annotation) is tuple:
        return st.tuples(*map(strategy, arguments))
    simple = {str: TEXTS, bytes: st.binary(max_size=12), int: st.integers(), bool: st.booleans()}
    if annotation in simple:
        return simple[annotation]
    if annotation is TypedValue:
        return TYPED_VALUES
    if annotation is Attributes:
        return ATTRIBUTES
    if annotation is Link:  # what only a batch could say is never stored
        kept = st.one_of(TEXTS, strategy(NameReference))
        return st.builds(Link, link_type=strategy(enums.LinkType), linked_object_identifier=kept)
    if annotation in (EncryptionKeyInformation, MACSignatureKeyInformation):
        parameters = st.none() | strategy(CryptographicParameters)
        return st.builds(annotation, unique_identifier=TEXTS, cryptographic_parameters=parameters)
    if issubclass(annotation, enum.IntFlag):
        return st.integers(0, 0xFFF).map(annotation)
    if issubclass(annotation, enum.Enum):
        return st.sampled_from(list(annotation))
    fields = attrs.fields(attrs.resolve_types(annotation))
    return st.deferred(lambda: st.builds(annotation, **{f.name: strategy(f.type) for f in fields if f.init}))


def _attributes() -> st.SearchStrategy[Attributes]:
    fields = attrs.fields(attrs.resolve_types(Attributes))
    every = {f.name: strategy(f.type) for f in fields}
    # Few fields at a time: sixty in each example would leave none for the depth of one.
    return (
        st.lists(st.sampled_from(sorted(every)), unique=True, max_size=8)
        .flatmap(lambda names: st.fixed_dictionaries({name: every[name] for name in names}))
        .map(lambda known: Attributes(**known))
    )


ATTRIBUTES: st.SearchStrategy[Attributes] = st.deferred(_attributes)


def a_name(text: str) -> Name:
    """Return a Name."""
    return Name(name_value=text)
