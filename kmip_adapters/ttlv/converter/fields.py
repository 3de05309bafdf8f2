"""Fields: what a class of the core says of each, and what planning makes of it for one version.

A `Member` is the question, a `Field` the answer: who reads its items, who writes them. What most answers have in
common stands here; which field gets which answer is `planner`'s to say.
"""

import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING, field

from kmip_adapters.ttlv.converter.elements import Element, Shape
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.standard import spellings, tables
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_core.classes import frozen

Values: TypeAlias = dict[str, Any]
"""What has been read of an instance: field -> value, or the list of values that it gathers."""

Write: TypeAlias = Callable[[Any, list[Item]], None]
"""Appends the items of one field of an instance."""

Append: TypeAlias = Callable[[Any, bytearray], None]
"""Appends the bytes of a value."""


@frozen
class Reader:
    """What an item of one tag means to a structure.

    name: the field.  spread: the item holds several values.  many: values gather in a list.
    shape: of the usual item.
    """

    name: str
    decode: Callable[[Item], Any]
    many: bool = False
    spread: bool = False
    shape: Shape | None = None


@frozen(kw_only=True)
class Field:
    """One planned field.

    readers: tag -> reader.  finish: turns what was gathered into the field's value, once all items are read.
    is_gathered: `finish` makes a tuple of the values, and no more.
    title: what the refusal calls a required field that is missing.
    element: what `write` writes of the value, or of each; None where it does more.
    is_needed: given the instance, False if `write` writes nothing.
    append: does in bytes what `write` does in items; None where nothing but `write` does.
    """

    name: str
    readers: Mapping[int, Reader]
    write: Write
    finish: Callable[[Values], None] | None = None
    is_gathered: bool = False
    element: Element | None = None
    is_needed: Callable[[Any], bool] | None = None
    append: Append | None = None
    required: bool = False
    title: str = ""


@frozen(kw_only=True)
class Member:
    """One field of a class, as its annotations say it.  key: how `spellings` names it."""

    owner: type
    name: str
    hint: Any
    required: bool

    @property
    def key(self) -> str:
        return f"{class_key(self.owner)}.{self.name}"

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


@cache  # every version asks for the same classes, and type hints are slow to evaluate
def members(cls: type) -> tuple[Member, ...]:
    """Return the fields of a class, in their order."""
    hints = get_type_hints(cls)
    if attrs.has(cls):
        named = [(a.name, a.default is NOTHING) for a in attrs.fields(cls)]
    else:
        named = [(name, True) for name in cls._fields]  # type: ignore[attr-defined]  # ProtocolVersion, a named tuple
    return tuple(Member(owner=cls, name=name, hint=hints[name], required=required) for name, required in named)


def class_key(cls: type) -> str:
    """Return how `spellings` names a class: with its module, without the module's package."""
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"


def form_of(member: Member) -> Form | None:
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


def tag_called(name: str) -> tables.Tag:
    """Return the tag of this name in the standard."""
    tag = tables.tag_by_name(name)
    if tag is None:
        raise TypeError(f"no tag is called {name}")
    return tag


# --- what most fields are ---------------------------------------------------------------------------------------------


def field_of(member: Member, tag: tables.Tag, element: Element) -> Field:
    """Plan a field that is one item, or a repeated one."""
    many = member.repeated
    return Field(
        name=member.name,
        readers={tag.code: Reader(member.name, element.decode, many, shape=element.shape)},
        write=_write_known(member.name, element) if many else _write_one(member.name, element.encode),
        finish=gather(member.name) if many else None,
        is_gathered=many,
        element=element,
        required=member.required and not many,
        title=tag.name,
    )


def gather(name: str) -> Callable[[Values], None]:
    """Return what makes a tuple of the values of a field."""

    def finish(values: Values) -> None:
        values[name] = tuple(values.get(name, ()))

    return finish


def _write_one(name: str, encode: Callable[[Any], Item]) -> Write:
    get = attrgetter(name)

    def write(instance: Any, out: list[Item]) -> None:
        value = get(instance)
        if value is not None:
            out.append(encode(value))

    return write


def _write_known(name: str, element: Element) -> Write:
    get = attrgetter(name)
    encode, is_known = element.encode, element.is_known

    def write(instance: Any, out: list[Item]) -> None:
        for value in get(instance):
            if is_known(value):  # Query tells only of what the version has
                out.append(encode(value))

    return write


def write_items(name: str, items_of: Callable[[Any], Iterable[Item]]) -> Write:
    """Return what writes a field whose value is any number of items."""
    get = attrgetter(name)

    def write(instance: Any, out: list[Item]) -> None:
        value = get(instance)
        if value is not None:
            out += items_of(value)

    return write


def write_items_of_each(name: str, items_of: Callable[[Any], Iterable[Item]]) -> Write:
    """Return what writes a repeated field each value of which is any number of items."""
    get = attrgetter(name)

    def write(instance: Any, out: list[Item]) -> None:
        for value in get(instance):
            out += items_of(value)

    return write


def write_different_items(name: str, items_of: Callable[[Any], Iterable[Item]]) -> Write:
    """Return what writes a repeated field like `write_items_of_each`, but equal items once: all links are one Link."""
    get = attrgetter(name)

    def write(instance: Any, out: list[Item]) -> None:
        out += dict.fromkeys(item for value in get(instance) for item in items_of(value))

    return write


def write_nothing(instance: Any, out: list[Item]) -> None:
    """Write a field that is not on the wire."""
