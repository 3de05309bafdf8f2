"""The planner: classes of the core become closures for one version, by the rule that a field's name is its tag.

Plans are made once, and may be slow; what they return runs for every message, and may not. Fields that `spellings`
gives a form are planned by the module that `converter` names for it.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeAlias

import attrs
import cattrs
from attrs import evolve

from kmip_adapters.ttlv.converter import elements
from kmip_adapters.ttlv.converter.attribute_table import tag_in, tag_of_field
from kmip_adapters.ttlv.converter.direct import Appending, Direct
from kmip_adapters.ttlv.converter.elements import Decode, Element, Kind, Shape
from kmip_adapters.ttlv.converter.fields import (
    Field,
    Member,
    Values,
    class_key,
    field_of,
    form_of,
    members,
    write_nothing,
)
from kmip_adapters.ttlv.converter.refusals import unexpected
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Items, tag_name
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_adapters.ttlv.standard.versions import VersionFacts
from kmip_core.enums import ItemType
from kmip_core.structures import ProtocolVersion

FormPlans: TypeAlias = Mapping[Form, Callable[[Member], Field | None]]
"""How fields of each form are planned; None for a field that the version has not."""


def is_structure(kind: Any) -> bool:
    """Return whether values of a type are structures on the wire."""
    return kind is ProtocolVersion or attrs.has(kind)


class Planner:
    """Plans the classes of one version.  form_plans: what plans the forms that deviate, given this planner."""

    def __init__(
        self,
        facts: VersionFacts,
        converter: cattrs.Converter,
        form_plans: Iterable[Callable[["Planner"], FormPlans]],
    ) -> None:
        self.facts = facts
        self.version = facts.version
        self._converter = converter
        self._form_plans = {form: plan for plans in form_plans for form, plan in plans(self).items()}
        self._plans: dict[type, tuple[Field, ...]] = {}
        self.direct = Direct(self.plan, self._appending, facts.newest_item_type)

    # --- hooks ----------------------------------------------------------------------------------------------------

    def structure_hook(
        self, cls: type, *, is_criterion: bool = False, decoders: Mapping[int, Decode] | None = None
    ) -> Callable[[Items, Any], Any]:
        """Return what makes an instance of `cls` out of items.

        is_criterion: fields that must be there may be absent, and are None: a Locate need not have all of a structure.
        decoders: tag -> what decodes its item instead of the planned decoder.
        """
        plan = self.plan(cls)
        decoders = decoders or {}
        readers = {
            tag: (r.name, decoders.get(tag, r.decode), r.many, r.spread) for f in plan for tag, r in f.readers.items()
        }
        required = tuple((f.name, f.title) for f in plan if f.required)
        finishers = tuple(f.finish for f in plan if f.finish is not None)
        version = self.version

        def structure(items: Items, _: Any) -> Any:
            values: Values = {}
            for item in items:
                reader = readers.get(item[0])
                if reader is None:
                    raise unexpected(item[0], version)
                name, decode, many, spread = reader
                if not many:
                    if name in values:
                        raise DecodingError(f"{tag_name(item[0])} stands more than once")
                    values[name] = decode(item)
                elif not spread:
                    values.setdefault(name, []).append(decode(item))
                else:
                    values.setdefault(name, []).extend(decode(item))
            for finish in finishers:
                finish(values)
            for name, title in required:
                if name not in values:
                    if not is_criterion:
                        raise DecodingError(f"{title} is missing")
                    values[name] = None
            return cls(**values)

        structure.__qualname__ = f"structure {cls.__name__} {version}"
        return structure

    def unstructure_hook(self, cls: type) -> Callable[[Any], Items]:
        """Return what makes items out of an instance of `cls`."""
        writers = tuple(f.write for f in self.plan(cls))

        def unstructure(instance: Any) -> Items:
            out: list[Item] = []
            for write in writers:
                write(instance, out)
            return tuple(out)

        if cls is ProtocolVersion:  # every answer of Discover Versions and Query has all of them; half of its cost
            return lru_cache(64)(unstructure)
        appending = self._appending(cls)
        return unstructure if appending is None else lambda instance: unstructure(appending.move(instance))

    def _appending(self, cls: type) -> Appending | None:
        """Return what moves one field's bytes to the end of another's, where the version has no tag for it."""
        appended = spellings.APPENDED_FIELDS.get(class_key(cls))
        if appended is None or tag_of_field(appended[1], repeated=False).is_in(self.version):
            return None
        names = tuple(a.name for a in attrs.fields(cls))
        return Appending(lambda instance: _appended(instance, names, *appended), appended[1])

    # --- classes and fields ---------------------------------------------------------------------------------------

    def plan(self, cls: type) -> tuple[Field, ...]:
        """Return the fields that `cls` has in this version."""
        found = self._plans.get(cls)
        if found is None:
            planned = (self._field(member) for member in members(cls))
            found = self._plans[cls] = tuple(f for f in planned if f is not None)
        return found

    def _field(self, member: Member) -> Field | None:
        form = form_of(member)
        if form is not None:
            return self._form_plans[form](member)
        tag = tag_in(self.version, tag_of_field(member.name, repeated=member.repeated))
        if self.version < spellings.FIRST_VERSIONS_OF_FIELDS.get(member.key, self.version):
            return None
        if tag.is_in(self.version) or member.key in spellings.ANY_VERSION_FIELDS:
            field = field_of(member, tag, self.element(member.kinds[0], tag))
            optional_from = spellings.OPTIONAL_FROM.get(member.key, self.version)
            return field if self.version >= optional_from else evolve(field, required=True)
        if member.required:  # the version cannot say it: nothing is written, and nothing can be read
            return Field(name=member.name, readers={}, write=write_nothing, required=True, title=tag.name)
        return None

    def element(
        self, kind: Any, tag: tables.Tag, wire_tag: int | None = None, *, is_criterion: bool = False
    ) -> Element:
        """Return how a value of `kind` travels under `tag`."""
        code = tag.code if wire_tag is None else wire_tag
        if self.facts.names_are_text and kind in spellings.NAMES:
            field, rest = spellings.NAMES[kind]
            others = dict.fromkeys(rest) if is_criterion else rest
            return elements.text_of(code, field, lambda text: kind(**{field: text}, **others))
        if not is_structure(kind):
            return elements.simple(kind, tag, self.version, wire_tag)
        if is_criterion:
            from_items = self.structure_hook(kind, is_criterion=True)
        else:
            from_items = self._converter.get_structure_hook(kind)
        return elements.structure(
            code,
            lambda items: from_items(items, kind),
            self._converter.get_unstructure_hook(kind),
            self._knows(kind),
            Shape(kind=Kind.STRUCTURE, code=code, item_type=ItemType.STRUCTURE, cls=kind, is_criterion=is_criterion),
        )

    def _knows(self, kind: type) -> Callable[[Any], bool]:
        """Return whether the version has every value that stands in a structure.

        Those that it may lack are enumeration values and names of objects: the two parts of a Link, say.
        """
        checks: list[tuple[Callable[[Any], Any], Callable[[Any], bool]]] = []
        for member in members(kind):
            (of, *others) = member.kinds
            if form_of(member) is Form.OBJECT_REFERENCE:
                is_known = elements.knows_reference(self.version)
            elif isinstance(of, type) and issubclass(of, enum.IntEnum) and not others and not member.repeated:
                is_known = elements.simple(of, tag_of_field(member.name, repeated=False), self.version).is_known
            else:
                continue
            if is_known is not elements.always:
                checks.append((attrgetter(member.name), is_known))
        if not checks:
            return elements.always
        return lambda value: all((part := get(value)) is None or is_known(part) for get, is_known in checks)


def _appended(instance: Any, names: tuple[str, ...], name: str, at_its_end: str) -> Any:
    """Return the instance with the bytes of one field at the end of another's.  names: of all its fields."""
    tail = getattr(instance, at_its_end)
    if tail is None:
        return instance
    values = {each: getattr(instance, each) for each in names}
    values[name] = (values[name] or b"") + tail
    values[at_its_end] = None
    return type(instance)(**values)  # as `evolve`, which looks at each field anew
