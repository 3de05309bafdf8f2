"""Item trees <-> values: one cattrs converter for each protocol version.

`make_converter(version)` knows every attrs class of the core by one rule: a field's name finds its tag, the tag's
versions are the field's, and what deviates is declared in `spellings`. A class is planned once, when cattrs first asks
for its hook, into closures; decoding is then one dict look-up an item, encoding one call a field.

    hook = converter.get_structure_hook(create.Request)        hook(items, create.Request) -> create.Request
    hook = converter.get_unstructure_hook(create.Response)     hook(response) -> items

Items in any order are accepted; ours stand in the order of the class. A missing or repeated field is Invalid Message,
an item that the class does not have in this version Invalid Field (KMIP 1.4 §11.1).
"""

import enum
import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
import cattrs
from attrs import NOTHING, evolve, field, frozen

from kmip_adapters.ttlv import attribute_table, attributes_1x, attributes_2x, elements, spellings, tables
from kmip_adapters.ttlv.attribute_table import tag_of_field
from kmip_adapters.ttlv.elements import Element, UnencodableError
from kmip_adapters.ttlv.items import DecodingError, Item, Items, children, tag_name
from kmip_adapters.ttlv.spellings import Form
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import ItemType, KeyFormatType, ObjectType, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import CONTENT_CLASSES, Content, KeyBlock, KeyValue
from kmip_core.structures import TRANSPARENT_KEYS, KeyHandle, Name, ProtocolVersion

Fields: TypeAlias = dict[str, Any]

STRUCTURE: Final = ItemType.STRUCTURE
_new: Final = tuple.__new__


def make_converter(version: ProtocolVersion) -> cattrs.Converter:
    """Return the converter of one version; attrs classes (and ProtocolVersion) become tuples of items and back.

    Its hooks raise KmipError for input, and for objects of a type that the version lacks; `elements.UnencodableError`
    for a value that no item can carry.
    """
    converter = cattrs.Converter()
    planner = _Planner(version, converter)
    converter.register_structure_hook_factory(_is_structure, planner.structure_hook)
    converter.register_unstructure_hook_factory(_is_structure, planner.unstructure_hook)
    return converter


def _is_structure(kind: Any) -> bool:
    return kind is ProtocolVersion or attrs.has(kind)


@frozen
class _Reader:
    """What an item of one tag means to a structure.

    name: the field.  spread: the item holds several values.  many: values gather in a list.
    """

    name: str
    decode: Callable[[Item], Any]
    many: bool = False
    spread: bool = False


@frozen(kw_only=True)
class _Field:
    """One planned field.

    readers: tag -> reader.  write: appends the field's items.
    finish: turns what was gathered into the field's value, once all items are read.
    """

    name: str
    readers: Mapping[int, _Reader]
    write: Callable[[Any, list[Item]], None]
    finish: Callable[[Fields], None] | None = None
    required: bool = False
    title: str = field(default="")


@frozen(kw_only=True)
class _Member:
    """One field of a class, as the planner sees it.  key: how `spellings` names it."""

    owner: type
    name: str
    hint: Any
    required: bool

    @property
    def key(self) -> str:
        return f"{_module(self.owner)}.{self.owner.__name__}.{self.name}"

    @property
    def repeated(self) -> bool:
        return get_origin(self.hint) is tuple

    kinds: tuple[Any, ...] = field(init=False, repr=False)
    """The Python types of one value, None left out."""

    @kinds.default
    def _find_kinds(self) -> tuple[Any, ...]:
        kind = get_args(self.hint)[0] if self.repeated else self.hint
        parts = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
        return tuple(part for part in parts if part is not type(None))


class _Planner:
    """Plans the classes of one version."""

    def __init__(self, version: ProtocolVersion, converter: cattrs.Converter) -> None:
        self.version = version
        self.converter = converter
        self._plans: dict[type, tuple[_Field, ...]] = {}
        self._attributes_1x: attributes_1x.AttributesForm | None = None
        self._attributes_2x: attributes_2x.AttributesForm | None = None

    @property
    def is_1x(self) -> bool:
        return self.version < elements.KMIP_2_0

    # --- hooks ----------------------------------------------------------------------------------------------------

    def structure_hook(self, cls: type, *, is_criterion: bool = False) -> Callable[[Items, Any], Any]:
        """Return what makes an instance of `cls` out of items.

        is_criterion: fields that must be there may be absent, and are None: a Locate need not say all of a structure.
        """
        plan = self.plan(cls)
        readers = {tag: (r.name, r.decode, r.many, r.spread) for f in plan for tag, r in f.readers.items()}
        required = tuple((f.name, f.title) for f in plan if f.required)
        finishers = tuple(f.finish for f in plan if f.finish is not None)
        named = cls.__name__

        def structure(items: Items, _: Any) -> Any:
            fields: Fields = {}
            for item in items:
                reader = readers.get(item[0])
                if reader is None:
                    raise invalid_field(f"{tag_name(item[0])} is not expected here in this version")
                name, decode, many, spread = reader
                if not many:
                    if name in fields:
                        raise DecodingError(f"{tag_name(item[0])} stands more than once")
                    fields[name] = decode(item)
                elif not spread:
                    fields.setdefault(name, []).append(decode(item))
                else:
                    fields.setdefault(name, []).extend(decode(item))
            for finish in finishers:
                finish(fields)
            for name, title in required:
                if name not in fields:
                    if not is_criterion:
                        raise DecodingError(f"{title} is missing")
                    fields[name] = None
            return cls(**fields)

        structure.__qualname__ = f"structure {named} {self.version}"
        return structure

    def unstructure_hook(self, cls: type) -> Callable[[Any], Items]:
        """Return what makes items out of an instance of `cls`."""
        writers = tuple(f.write for f in self.plan(cls))
        appended = spellings.APPENDED_FIELDS.get(f"{_module(cls)}.{cls.__name__}")
        if appended is not None and not tag_of_field(appended[1], repeated=False).is_in(self.version):
            return _appending(writers, *appended)

        def unstructure(instance: Any) -> Items:
            out: list[Item] = []
            for write in writers:
                write(instance, out)
            return tuple(out)

        return unstructure

    # --- classes and fields ---------------------------------------------------------------------------------------

    def plan(self, cls: type) -> tuple[_Field, ...]:
        """Return the fields that `cls` has in this version."""
        found = self._plans.get(cls)
        if found is None:
            planned = (self._field(member) for member in _members(cls))
            found = self._plans[cls] = tuple(f for f in planned if f is not None)
        return found

    def _field(self, member: _Member) -> _Field | None:
        form = _form(member)
        if form is not None:
            return _PLANNERS[form](self, member)
        tag = tag_of_field(member.name, repeated=member.repeated)
        if self.version < spellings.FIRST_VERSIONS_OF_FIELDS.get(member.key, self.version):
            return None
        if not tag.is_in(self.version) and member.key not in spellings.ANY_VERSION_FIELDS:
            return _unspoken(member, tag) if member.required else None
        return self._items_of(member, tag, self.element(member.kinds[0], tag))

    def _items_of(self, member: _Member, tag: tables.Tag, element: Element) -> _Field:
        """Plan a field that is one item, or a repeated one."""
        many = member.repeated
        return _Field(
            name=member.name,
            readers={tag.code: _Reader(member.name, element.decode, many)},
            write=_write_many(member.name, element) if many else _write_one(member.name, element.encode),
            finish=_gather(member.name) if many else None,
            required=member.required and not many,
            title=tag.name,
        )

    def element(
        self, kind: Any, tag: tables.Tag, wire_tag: int | None = None, *, is_criterion: bool = False
    ) -> Element:
        """Return how a value of `kind` travels under `tag`."""
        if not _is_structure(kind):
            return elements.simple(kind, tag, self.version, wire_tag)
        if is_criterion:
            from_items = self.structure_hook(kind, is_criterion=True)
        else:
            from_items = self.converter.get_structure_hook(kind)
        return elements.structure(
            tag.code if wire_tag is None else wire_tag,
            lambda items: from_items(items, kind),
            self.converter.get_unstructure_hook(kind),
            self._knows(kind),
        )

    def _knows(self, kind: type) -> Callable[[Any], bool]:
        """Return whether the version has every enumeration value that stands in a structure: Link Type, say."""
        checks: list[tuple[Callable[[Any], Any], Callable[[Any], bool]]] = []
        for member in _members(kind):
            (of, *others) = member.kinds
            if isinstance(of, type) and issubclass(of, enum.IntEnum) and not others and not member.repeated:
                is_known = elements.simple(of, tag_of_field(member.name, repeated=False), self.version).is_known
                if is_known is not elements.always:
                    checks.append((attrgetter(member.name), is_known))
        if not checks:
            return elements.always
        return lambda value: all((part := get(value)) is None or is_known(part) for get, is_known in checks)

    # --- attributes -----------------------------------------------------------------------------------------------

    def _form_1x(self, *, is_criterion: bool) -> attributes_1x.AttributesForm:
        make = partial(self.element, wire_tag=attributes_1x.ATTRIBUTE_VALUE, is_criterion=is_criterion)
        name = self.element(Name, _tag("Name"))
        return attributes_1x.AttributesForm(attribute_table.rows(self.version, make), name.decode, name.encode)

    @property
    def attributes_1x(self) -> attributes_1x.AttributesForm:
        """The 1.x form, made when first needed: its rows are structures that this planner plans."""
        if self._attributes_1x is None:
            self._attributes_1x = self._form_1x(is_criterion=False)
        return self._attributes_1x

    @property
    def attributes_2x(self) -> attributes_2x.AttributesForm:
        """The 2.x form."""
        if self._attributes_2x is None:
            self._attributes_2x = attributes_2x.AttributesForm(attribute_table.rows(self.version, self.element))
        return self._attributes_2x

    def attributes_field(self, member: _Member) -> _Field | None:
        """`attributes` = Template-Attribute or Attributes; `common_attributes` = Common ... of either."""
        words = member.name.removesuffix("attributes")
        if self.is_1x:
            tag = tag_of_field(f"{words}template_attribute", repeated=False)
            form = self.attributes_1x
            element = elements.structure(tag.code, form.template, form.template_items)
        else:
            tag = tag_of_field(member.name, repeated=False)
            form_2x = self.attributes_2x
            element = elements.structure(tag.code, form_2x.attributes, form_2x.attribute_items)
        return self._items_of(member, tag, element)

    def bare_attributes_field(self, member: _Member) -> _Field | None:
        """The attributes of an answer: repeated Attribute with indices, or Attributes."""
        get = attrgetter(member.name)
        if not self.is_1x:
            tag = _tag("Attributes")
            form_2x = self.attributes_2x
            element = elements.structure(tag.code, form_2x.attributes, form_2x.attribute_items)
            return self._items_of(member, tag, element)
        form = self.attributes_1x

        def finish(fields: Fields) -> None:
            if member.name in fields or member.required:
                fields[member.name] = attribute_table.indexed(fields.get(member.name, ()))

        def write(instance: Any, out: list[Item]) -> None:
            value: Attributes | None = get(instance)
            if value is not None:
                out += form.attribute_items(value)

        return _Field(
            name=member.name,
            readers={attributes_1x.ATTRIBUTE: _Reader(member.name, form.instance, many=True)},
            write=write,
            finish=finish,
        )

    def criteria_field(self, member: _Member) -> _Field | None:
        """Repeated Attribute, also inside a Template-Attribute (FortiGate); or the members of Attributes."""
        get = attrgetter(member.name)
        readers: dict[int, _Reader]
        if self.is_1x:
            form = self._form_1x(is_criterion=True)

            def in_template(item: Item) -> Iterable[AttributeInstance]:
                if any(child[0] != attributes_1x.ATTRIBUTE for child in children(item)):
                    raise invalid_field("Locate goes by attributes, not by the names of templates")
                return [form.instance(child) for child in children(item)]

            readers = {
                attributes_1x.ATTRIBUTE: _Reader(member.name, form.instance, many=True),
                _tag("Template-Attribute").code: _Reader(member.name, in_template, many=True, spread=True),
            }

            def write(instance: Any, out: list[Item]) -> None:
                for criterion in get(instance):
                    out += form.items_of(criterion)
        else:
            make = partial(self.element, is_criterion=True)
            form_2x = attributes_2x.AttributesForm(attribute_table.rows(self.version, make))
            code = _tag("Attributes").code

            def in_attributes(item: Item) -> Iterable[AttributeInstance]:
                return [form_2x.instance(child) for child in children(item)]

            readers = {code: _Reader(member.name, in_attributes, many=True, spread=True)}

            def write(instance: Any, out: list[Item]) -> None:
                criteria: tuple[AttributeInstance, ...] = get(instance)
                members = tuple(item for criterion in criteria for item in form_2x.items_of(criterion))
                out.append(Item(code, STRUCTURE, members))

        return _Field(name=member.name, readers=readers, write=write, finish=_gather(member.name))

    def attribute_field(self, member: _Member) -> _Field | None:
        """One attribute with its value: Attribute, or New Attribute / Current Attribute around one member."""
        if self.is_1x:
            if member.name.startswith("current"):
                return None
            form = self.attributes_1x
            get = attrgetter(member.name)

            def write(instance: Any, out: list[Item]) -> None:
                value = get(instance)
                if value is not None:
                    out += form.items_of(value)

            return _Field(
                name=member.name,
                readers={attributes_1x.ATTRIBUTE: _Reader(member.name, lambda item: _numbered(form.instance(item)))},
                write=write,
                required=member.required,
                title="Attribute",
            )
        if member.owner.__name__ == "Response":
            return None  # 2.x answers with the Unique Identifier alone
        tag = tag_of_field(member.name, repeated=False)
        form_2x = self.attributes_2x

        def from_items(items: Items) -> AttributeInstance:
            instances = [form_2x.instance(item) for item in items]
            if len(instances) != 1:
                raise DecodingError(f"{tag.name} must hold one attribute, not {len(instances)}")
            return instances[0]

        element = elements.structure(tag.code, from_items, lambda value: tuple(form_2x.items_of(value)))
        return self._items_of(member, tag, element)

    def references_field(self, member: _Member) -> _Field | None:
        """Repeated Attribute Name, or Attribute Reference."""
        get = attrgetter(member.name)
        if self.is_1x:
            form = self.attributes_1x
            text = elements.simple(str, _tag("Attribute Name"), self.version)
            reader = _Reader(member.name, lambda item: form.reference(text.decode(item)), many=True)
            readers = {attributes_1x.ATTRIBUTE_NAME: reader}

            def items_of(reference: AttributeReference) -> Iterable[Item]:
                return map(text.encode, form.names(reference))
        else:
            form_2x = self.attributes_2x
            readers = {attributes_2x.ATTRIBUTE_REFERENCE: _Reader(member.name, form_2x.reference, many=True)}
            items_of = form_2x.reference_items

        def write(instance: Any, out: list[Item]) -> None:
            for reference in get(instance):
                out += items_of(reference)

        return _Field(name=member.name, readers=readers, write=write, finish=_gather(member.name))

    def reference_field(self, member: _Member) -> _Field | None:
        """Attribute Name with Attribute Index, or Attribute Reference."""
        get = attrgetter(member.name)
        if not self.is_1x:
            form_2x = self.attributes_2x

            def write(instance: Any, out: list[Item]) -> None:
                value = get(instance)
                if value is not None:
                    out += form_2x.reference_items(value)

            return _Field(
                name=member.name,
                readers={attributes_2x.ATTRIBUTE_REFERENCE: _Reader(member.name, form_2x.reference)},
                write=write,
                required=member.required,
                title="Attribute Reference",
            )
        form = self.attributes_1x
        text = elements.simple(str, _tag("Attribute Name"), self.version)
        number = elements.simple(int, _tag("Attribute Index"), self.version)
        index = f"{member.name} index"

        def finish(fields: Fields) -> None:
            given = fields.pop(index, None)
            if member.name in fields:  # KMIP 1.4 §4.16: an index that is not said is 0
                fields[member.name] = evolve(fields[member.name], attribute_index=given or 0)
            elif given is not None:
                raise DecodingError("Attribute Name is missing")

        def write_1x(instance: Any, out: list[Item]) -> None:
            value: AttributeReference | None = get(instance)
            if value is not None:
                out += map(text.encode, form.names(value))
                if value.attribute_index is not None:
                    out.append(number.encode(value.attribute_index))

        return _Field(
            name=member.name,
            readers={
                attributes_1x.ATTRIBUTE_NAME: _Reader(member.name, lambda item: form.reference(text.decode(item))),
                attributes_1x.ATTRIBUTE_INDEX: _Reader(index, number.decode),
            },
            write=write_1x,
            finish=finish,
            # Required of every 1.x request; the core's None stands for 2.x's Current Attribute.
            required=True,
            title="Attribute Name",
        )

    # --- other deviations -----------------------------------------------------------------------------------------

    def object_reference_field(self, member: _Member) -> _Field | None:
        """What names an object: text, and from 2.0 an enumeration or an index."""
        tag = tag_of_field(member.name, repeated=member.repeated)
        if not tag.is_in(self.version):
            return None
        return self._items_of(member, tag, elements.object_reference(tag.code, self.version))

    def any_field(self, member: _Member) -> _Field | None:
        """A value of any item type."""
        tag = tag_of_field(member.name, repeated=member.repeated)
        return self._items_of(member, tag, elements.any_type(tag.code)) if tag.is_in(self.version) else None

    def absent_field(self, member: _Member) -> _Field | None:
        """Never on the wire: an object's content says nothing of the attributes that live beside it."""

        def finish(fields: Fields) -> None:
            fields[member.name] = Attributes()

        return _Field(name=member.name, readers={}, write=_write_nothing, finish=finish)

    def wrapped_field(self, member: _Member) -> _Field | None:
        """One structure that holds the values as repeated items."""
        tag = tag_of_field(member.name, repeated=False)
        if not tag.is_in(self.version):
            return None
        inner = tag_of_field(spellings.WRAPPED_MEMBERS.get(member.name, member.name), repeated=True)
        value = self.element(member.kinds[0], inner)
        get = attrgetter(member.name)

        def decode(item: Item) -> tuple[Any, ...]:
            for child in children(item):
                if child[0] != inner.code:
                    raise invalid_field(f"{tag.name} holds {inner.name} only")
            return tuple(value.decode(child) for child in children(item))

        def write(instance: Any, out: list[Item]) -> None:
            values = get(instance)
            if values or member.required:
                out.append(Item(tag.code, STRUCTURE, tuple(map(value.encode, values))))

        return _Field(
            name=member.name,
            readers={tag.code: _Reader(member.name, decode)},
            write=write,
            required=member.required,
            title=tag.name,
        )

    def content_field(self, member: _Member) -> _Field | None:
        """An object under the tag of its type."""
        present = tables.enumeration_values("ObjectType", self.version)
        found: dict[ObjectType, Element] = {
            object_type: self.element(cls, tag_of_field(cls.__name__, repeated=False))
            for object_type, cls in CONTENT_CLASSES.items()
            if object_type in present
        }
        codes = {t: tag_of_field(CONTENT_CLASSES[t].__name__, repeated=False).code for t in found}
        get = attrgetter(member.name)

        def write(instance: Any, out: list[Item]) -> None:
            content: Content | None = get(instance)
            if content is not None:
                element = found.get(content.object_type)
                if element is None:
                    kind = content.object_type.name.replace("_", " ").title()
                    text = f"KMIP {self.version} has no objects of type {kind}"
                    raise KmipError(ResultReason.INVALID_OBJECT_TYPE, text)
                out.append(element.encode(content))

        return _Field(
            name=member.name,
            readers={codes[t]: _Reader(member.name, element.decode) for t, element in found.items()},
            write=write,
            required=member.required,
            title="the object",
        )

    def key_value_field(self, member: _Member) -> _Field | None:
        """Bytes when wrapped with its encoding, else a structure whose material the Key Format Type types."""
        tag = _tag("Key Value")
        value = self.element(KeyValue, tag)
        material = _tag("Key Material").code
        transparent = {
            format_type: elements.structure(
                material, partial(_call, self.converter.get_structure_hook(cls), cls), _nothing
            ).decode
            for format_type, cls in TRANSPARENT_KEYS.items()
        }
        get = attrgetter(member.name)
        bare = spellings.BARE_KEY_VALUES_OF_1X if self.is_1x else frozenset()

        def decode(item: Item) -> KeyValue | bytes:
            if item[1] is ItemType.BYTE_STRING:
                return item[2]  # type: ignore[return-value]  # a Byte String's value is bytes
            decoded: KeyValue = value.decode(item)
            return decoded

        def finish(fields: Fields) -> None:
            key_value = fields.get(member.name)
            if not isinstance(key_value, KeyValue):
                return
            format_type: KeyFormatType | None = fields.get("key_format_type")
            came = key_value.key_material
            if format_type in transparent:
                if not isinstance(came, Item):
                    raise invalid_field(f"Key Material of {format_type.name} must be a Structure")
                fields[member.name] = evolve(key_value, key_material=transparent[format_type](came))
            elif isinstance(came, Item):
                raise invalid_field("Key Material must be a Byte String in this Key Format Type")

        def write(instance: KeyBlock, out: list[Item]) -> None:
            key_value = get(instance)
            if bare and instance.key_format_type in bare and isinstance(key_value, KeyValue):
                key_value = key_value.key_material
            if isinstance(key_value, bytes):
                out.append(Item(tag.code, ItemType.BYTE_STRING, key_value))
            elif key_value is not None:
                out.append(value.encode(key_value))

        return _Field(name=member.name, readers={tag.code: _Reader(member.name, decode)}, write=write, finish=finish)

    def key_material_field(self, member: _Member) -> _Field | None:
        """Bytes; a structure is left as an item for the key block, which knows its format."""
        code = _tag("Key Material").code
        to_items = {cls: self.converter.get_unstructure_hook(cls) for cls in set(TRANSPARENT_KEYS.values())}

        def decode(item: Item) -> Any:
            if item[1] is ItemType.BYTE_STRING:
                return item[2]
            if item[1] is STRUCTURE:
                return item
            raise DecodingError("Key Material must be a Byte String or a Structure")

        def write(instance: KeyValue, out: list[Item]) -> None:
            material = instance.key_material
            if isinstance(material, bytes):
                out.append(_new(Item, (code, ItemType.BYTE_STRING, material)))
            elif isinstance(material, KeyHandle):
                raise UnencodableError("a key handle never leaves the server")
            else:
                out.append(Item(code, STRUCTURE, to_items[type(material)](material)))

        return _Field(
            name=member.name,
            readers={code: _Reader(member.name, decode)},
            write=write,
            required=True,
            title="Key Material",
        )


_PLANNERS: Final[Mapping[Form, Callable[[_Planner, _Member], _Field | None]]] = {
    Form.TAGGED_CONTENT: _Planner.content_field,
    Form.KEY_VALUE: _Planner.key_value_field,
    Form.KEY_MATERIAL: _Planner.key_material_field,
    Form.ATTRIBUTES: _Planner.attributes_field,
    Form.BARE_ATTRIBUTES: _Planner.bare_attributes_field,
    Form.CRITERIA: _Planner.criteria_field,
    Form.ATTRIBUTE: _Planner.attribute_field,
    Form.REFERENCES: _Planner.references_field,
    Form.REFERENCE: _Planner.reference_field,
    Form.OBJECT_REFERENCE: _Planner.object_reference_field,
    Form.WRAPPED: _Planner.wrapped_field,
    Form.ANY: _Planner.any_field,
    Form.ABSENT: _Planner.absent_field,
}


@cache  # every version asks for the same classes, and type hints are slow to evaluate
def _members(cls: type) -> tuple[_Member, ...]:
    hints = get_type_hints(cls)
    if attrs.has(cls):
        named = [(a.name, a.default is NOTHING) for a in attrs.fields(cls)]
    else:
        named = [(name, True) for name in cls._fields]  # type: ignore[attr-defined]  # ProtocolVersion, a named tuple
    return tuple(_Member(owner=cls, name=name, hint=hints[name], required=required) for name, required in named)


def _form(member: _Member) -> Form | None:
    """Return how the field deviates from the rule, None if it does not."""
    declared = spellings.FORMS.get(member.key)
    if declared is not None:
        return declared
    kinds = member.kinds
    if member.name in spellings.WRAPPED_FIELDS:
        return Form.WRAPPED
    if len(kinds) > 1:
        for union, of_union in spellings.FORM_BY_UNION.items():
            if union.issuperset(kinds):
                return of_union
        raise TypeError(f"{member.key} needs a declared form")
    form = spellings.FORM_BY_TYPE.get(kinds[0])
    if member.repeated and form in _REPEATED:
        return _REPEATED[form]
    return form


_REPEATED: Final = {Form.ATTRIBUTE: Form.CRITERIA, Form.REFERENCE: Form.REFERENCES}


def _numbered(instance: AttributeInstance) -> AttributeInstance:
    """Return an attribute of 1.x with its index, which is 0 where it is not said. KMIP 1.4 §2.1.1."""
    if instance.reference.attribute_index is not None:
        return instance
    return evolve(instance, reference=evolve(instance.reference, attribute_index=0))


def _unspoken(member: _Member, tag: tables.Tag) -> _Field:
    """Plan a required field that the version cannot say: nothing is written, and nothing can be read."""
    return _Field(name=member.name, readers={}, write=_write_nothing, required=True, title=tag.name)


def _module(cls: type) -> str:
    return cls.__module__.rpartition(".")[2]


def _appending(
    writers: tuple[Callable[[Any, list[Item]], None], ...], name: str, at_its_end: str
) -> Callable[[Any], Items]:
    """Return what makes items of an instance, one bytes field of which goes to the end of another."""

    def unstructure(instance: Any) -> Items:
        tail = getattr(instance, at_its_end)
        if tail is not None:
            instance = evolve(instance, **{name: (getattr(instance, name) or b"") + tail, at_its_end: None})
        out: list[Item] = []
        for write in writers:
            write(instance, out)
        return tuple(out)

    return unstructure


def _write_nothing(instance: Any, out: list[Item]) -> None:
    pass


def _tag(name: str) -> tables.Tag:
    tag = tables.tag_by_name(name)
    if tag is None:
        raise TypeError(f"no tag is called {name}")
    return tag


def _call(hook: Callable[[Items, Any], Any], cls: type, items: Items) -> Any:
    return hook(items, cls)


def _nothing(value: Any) -> Items:
    return ()


def _write_one(name: str, encode: Callable[[Any], Item]) -> Callable[[Any, list[Item]], None]:
    get = attrgetter(name)

    def write(instance: Any, out: list[Item]) -> None:
        value = get(instance)
        if value is not None:
            out.append(encode(value))

    return write


def _write_many(name: str, element: Element) -> Callable[[Any, list[Item]], None]:
    get = attrgetter(name)
    encode, is_known = element.encode, element.is_known

    def write(instance: Any, out: list[Item]) -> None:
        for value in get(instance):
            if is_known(value):  # Query tells only of what the version has
                out.append(encode(value))

    return write


def _gather(name: str) -> Callable[[Fields], None]:
    def finish(fields: Fields) -> None:
        fields[name] = tuple(fields.get(name, ()))

    return finish


__all__ = ["make_converter"]
