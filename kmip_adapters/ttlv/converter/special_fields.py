"""Fields of a form of their own in every version: objects, references, wrapped and untyped values.

Which field has which form is declared in `spellings`; each function here plans one form, its reader beside its writer.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final

from attrs import evolve

from kmip_adapters.ttlv.converter import elements, key_templates
from kmip_adapters.ttlv.converter.attribute_table import tag_in, tag_of_field
from kmip_adapters.ttlv.converter.fields import (
    Append,
    Field,
    Member,
    Reader,
    Values,
    field_of,
    tag_called,
    write_nothing,
)
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner
from kmip_adapters.ttlv.converter.refusals import NotInVersionError, unexpected
from kmip_adapters.ttlv.encodings.binary import STRUCTURE
from kmip_adapters.ttlv.encodings.items import Item, children
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_core.attributes import Attributes
from kmip_core.enums import ObjectType, UniqueIdentifier
from kmip_core.objects import CONTENT_CLASSES, WITHOUT_FIELDS, Content


def plans(planner: Planner) -> FormPlans:
    """Return how the fields of each form are planned."""
    return {form: partial(plan, planner) for form, plan in _PLANS.items()}


def _content(planner: Planner, member: Member) -> Field | None:
    """An object under the tag of its type."""
    present = tables.enumeration_values("ObjectType", planner.version)
    tags = {
        t: tag_of_field(cls.__name__, repeated=False)
        for t, cls in CONTENT_CLASSES.items()
        if t in present and t not in WITHOUT_FIELDS
    }
    found = {t: planner.element(CONTENT_CLASSES[t], tag) for t, tag in tags.items()}
    get = attrgetter(member.name)

    def write(instance: Any, out: list[Item]) -> None:
        content: Content | None = get(instance)
        if content is not None:
            element = found.get(content.object_type)
            if element is None:
                raise NotInVersionError(content.object_type, tag_called("Object Type").code, planner.version)
            out.append(element.encode(content))

    appends: dict[ObjectType, Append] = {}

    def append(instance: Any, out: bytearray) -> None:
        content: Content | None = get(instance)
        if content is not None:
            kind = content.object_type
            made = appends.get(kind)
            if made is None:
                if kind not in found:
                    raise NotInVersionError(kind, tag_called("Object Type").code, planner.version)
                made = appends[kind] = key_templates.filled(planner.direct.append(found[kind]))
            made(content, out)

    return Field(
        name=member.name,
        readers={tags[t].code: Reader(member.name, e.decode, shape=e.shape) for t, e in found.items()},
        write=write,
        append=append,
        required=member.required,
        title="the object",
    )


def _absent(planner: Planner, member: Member) -> Field | None:
    """Never on the wire: an object's content says nothing of the attributes that live beside it."""

    def finish(values: Values) -> None:
        values[member.name] = Attributes()

    return Field(name=member.name, readers={}, write=write_nothing, finish=finish)


def _kept(planner: Planner, member: Member) -> Field | None:
    """Never on the wire: what the server keeps beside what clients send."""
    return None


def _fact(planner: Planner, member: Member) -> Field | None:
    """Never on the wire: what the version of the request says, for a meaning that differs between versions."""
    fact = getattr(planner.facts, member.name)

    def finish(values: Values) -> None:
        values[member.name] = fact

    return Field(name=member.name, readers={}, write=write_nothing, finish=finish)


def _object_reference(planner: Planner, member: Member) -> Field | None:
    """What names an object; no reference stands for the ID Placeholder, which 3.0 names."""
    renamed_from, name = spellings.RENAMED_FROM.get(member.key, (planner.version, member.name))
    name = name if planner.version >= renamed_from else member.name
    tag = tag_of_field(name, repeated=member.repeated)
    if not tag.is_in(planner.version):
        return None
    element = elements.object_reference(tag.code, planner.version)
    field = field_of(member, tag, element)
    if not planner.facts.targets_are_named or member.key not in spellings.TARGETS_TO_NAME:
        return field
    get = attrgetter(member.name)

    def write(instance: Any, out: list[Item]) -> None:
        reference = get(instance)
        out.append(element.encode(UniqueIdentifier.ID_PLACEHOLDER if reference is None else reference))

    return evolve(field, required=True, write=write, element=None)


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
    inner = tag_in(
        planner.version, tag_of_field(spellings.WRAPPED_MEMBERS.get(member.name, member.name), repeated=True)
    )
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
    Form.OBJECT_REFERENCE: _object_reference,
    Form.WRAPPED: _wrapped,
    Form.ANY: _any,
    Form.ABSENT: _absent,
    Form.KEPT: _kept,
    Form.FACT: _fact,
}
