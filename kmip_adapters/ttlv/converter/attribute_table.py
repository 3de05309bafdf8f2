"""The attributes of one version: name, tag and element of each, as both forms of attributes read them.

`attributes_1x` and `attributes_2x` share this; neither knows which attributes exist.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, get_args, get_type_hints

import attrs
from attrs import evolve

from kmip_adapters.ttlv.converter.elements import Element
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_core.attributes import (
    CERTIFICATE_PARTS,
    FIELDS,
    MULTIPLE,
    AttributeInstance,
    AttributeReference,
    Attributes,
    collect,
)
from kmip_core.classes import frozen
from kmip_core.structures import CertificateAttributes, ProtocolVersion

MakeElement: TypeAlias = Callable[[Any, tables.Tag], Element]
"""(Python type, tag) -> how a value of it travels under that tag; the planner's."""


@frozen(kw_only=True)
class Row:
    """One attribute, or one part of Certificate Attributes.

    field: of `Attributes`.  part: of `CertificateAttributes`, None for every other attribute.
    multiple: the field (or the part) is a tuple of what one item holds.
    """

    field: str
    part: str | None
    name: str
    tag: tables.Tag
    element: Element
    multiple: bool

    @property
    def attribute(self) -> str:
        """How an `AttributeReference` names it: the part by itself, or the field."""
        return self.part or self.field

    def read(self, value: Any) -> Any:
        """Return the attribute's value for what the element decoded."""
        if self.part is None:
            return value
        parts: dict[str, Any] = {self.part: (value,) if self.multiple else value}
        return CertificateAttributes(**parts)

    def values(self, value: Any) -> Iterable[Any]:
        """Return what the element encodes for one value of the attribute."""
        if self.part is None:
            return (value,)
        inner = getattr(value, self.part)
        return inner if self.multiple else () if inner is None else (inner,)


def rows(version: ProtocolVersion, make_element: MakeElement) -> tuple[Row, ...]:
    """Return the standard's attributes of one version, in the order of the fields."""
    hints = get_type_hints(Attributes)
    found: list[Row] = []
    for field in FIELDS:
        if field == spellings.FLATTENED:
            found += _parts(version, make_element)
        else:
            found += _row(field, None, hints[field], field in MULTIPLE, version, make_element)
    return tuple(found)


def _parts(version: ProtocolVersion, make_element: MakeElement) -> Iterable[Row]:
    hints = get_type_hints(CertificateAttributes)
    for part in attrs.fields(CertificateAttributes):
        yield from _row(spellings.FLATTENED, part.name, hints[part.name], part.default == (), version, make_element)


def _row(
    field: str,
    part: str | None,
    hint: Any,
    multiple: bool,
    version: ProtocolVersion,
    make_element: MakeElement,
) -> Iterable[Row]:
    tag = tag_in(version, tag_of_field(part or field, repeated=multiple))
    if not tag.is_in(version) or version < spellings.FIRST_VERSIONS.get(field, version):
        return
    yield Row(
        field=field,
        part=part,
        name=spellings.ATTRIBUTE_NAMES.get(tag.name, tag.name),
        tag=tag,
        element=make_element(get_args(hint)[0], tag),  # of `X | None` and of `tuple[X, ...]` alike
        multiple=multiple,
    )


def tag_of_field(field: str, *, repeated: bool) -> tables.Tag:
    """Return the tag that a field names; a repeated field's in the singular."""
    singular = tables.tag_for_field(field[:-1]) if repeated and field.endswith("s") else None
    tag = singular or tables.tag_for_field(field)
    if tag is None:
        raise TypeError(f"no tag is called {field}")
    return tag


def tag_in(version: ProtocolVersion, tag: tables.Tag) -> tables.Tag:
    """Return the tag, or the one that has taken its place in the version."""
    successor = spellings.SUCCESSORS.get(tag.name)
    if successor is None or tag.is_in(version):
        return tag
    return tables.tag_by_name(successor) or tag


def by_attribute(all_rows: Iterable[Row]) -> Mapping[str, tuple[Row, ...]]:
    """Return the rows by what an `AttributeReference` names: several for Certificate Attributes as a whole."""
    found: dict[str, tuple[Row, ...]] = {}
    for row in all_rows:
        found[row.field] = (*found.get(row.field, ()), row)
        found[row.attribute] = (row,) if row.part else found[row.field]
    return found


def collected(instances: Iterable[AttributeInstance], **more: Any) -> Attributes:
    """Return the attributes that these instances make up; parts of Certificate Attributes are joined.

    Raises KmipError (Invalid Field) as `kmip_core.attributes.collect` does.
    """
    joined: CertificateAttributes | None = None
    others: list[AttributeInstance] = []
    for instance in instances:
        if instance.reference.attribute not in CERTIFICATE_PARTS or instance.reference.vendor_identification:
            others.append(instance)
        else:
            joined = instance.value if joined is None else _join(joined, instance.value)
    if joined is not None:
        others.append(AttributeInstance(reference=AttributeReference(attribute=spellings.FLATTENED), value=joined))
    return collect(others, **more)


def indexed(instances: Iterable[AttributeInstance]) -> Attributes:
    """Return the attributes of an answer, whose indices say which instances are left."""
    listed = tuple(instances)
    attributes = collected(listed)
    indices: dict[AttributeReference, tuple[int, ...]] = {}
    for instance in listed:
        bare = evolve(instance.reference, attribute_index=None)
        indices[bare] = (*indices.get(bare, ()), instance.reference.attribute_index or 0)
    sparse = tuple(
        (bare, numbers)
        for bare, numbers in indices.items()
        if bare.attribute not in CERTIFICATE_PARTS and numbers != tuple(range(len(numbers)))
    )
    return evolve(attributes, sparse_indices=sparse)


def _join(first: CertificateAttributes, second: CertificateAttributes) -> CertificateAttributes:
    changes: dict[str, Any] = {}
    for part in attrs.fields(CertificateAttributes):
        value = getattr(second, part.name)
        if value == part.default or value is None:
            continue
        changes[part.name] = getattr(first, part.name) + value if isinstance(value, tuple) else value
    return evolve(first, **changes)


__all__ = ["Row", "by_attribute", "collected", "indexed", "rows", "tag_in", "tag_of_field"]
