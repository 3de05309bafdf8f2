"""`define` and `frozen` of attrs, for classes whose methods are made when they are first asked for.

attrs writes and compiles the methods of a class where the class is declared, which takes a third of a millisecond. A
server has some 400 classes, and uses a quarter of them until it is ready. Here a declaration makes the class and its
slots alone; descriptors stand for what attrs would add. The first of them that is looked up, on the class or on an
instance, has attrs make the class as ever, and all that attrs has added replaces the descriptors. From then on nothing
tells the class from one that attrs has made at once: not its speed, `attrs.fields` or `inspect.signature`.

A type checker sees attrs itself.
"""

from collections.abc import Mapping
from functools import cached_property
from types import FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, ClassVar, Final, get_origin

import attrs

if TYPE_CHECKING:
    from attrs import define as define
    from attrs import frozen as frozen
else:

    def define(cls: type | None = None, **options: Any) -> Any:
        """Make a class, or return the decorator that does, as `attrs.define` does.  options: as there."""
        return (lambda cls: _declare(cls, options)) if cls is None else _declare(cls, options)

    def frozen(cls: type | None = None, **options: Any) -> Any:
        """Make a class whose instances do not change, or return the decorator that does, as `attrs.frozen` does."""
        return define(cls, frozen=True, **options)


def types_of_fields(cls: type) -> dict[str, Any]:
    """Return the fields of a class and their types, as `attrs.fields` has them, without having attrs make the class."""
    types: dict[str, Any] = {}
    for each in reversed(cls.__mro__[:-1]):
        types |= {name: kind for name, kind in each.__annotations__.items() if not _is_of_the_class(kind)}
    return types


class _Declaration:
    """A class that attrs has not made yet.

    original: as it is written, which attrs is given.  declared: the class that all others see.
    """

    __slots__ = ("declared", "options", "original")

    def __init__(self, original: type, options: Mapping[str, Any]) -> None:
        self.original = self.declared = original
        self.options = options

    def complete(self, *, compares: bool) -> None:
        """Have attrs make the class, and take over what it has added.

        compares: whether that is what compares and shows instances, or all the rest.
        Two threads may do so at the same time: what they set is the same. But attrs notes something in the original,
        which fails another thread that is just reading it, and has to begin again.
        """
        options = self.options if compares else {**self.options, "eq": False, "repr": False}
        try:
            made = _made_by_attrs(self.original, options)
        except RuntimeError:  # "dictionary changed size during iteration"; it is noted once for a class
            made = _made_by_attrs(self.original, options)
        seen = self.original.__dict__.keys() | _OF_ANY_CLASS
        for name, value in made.__dict__.items():
            is_wanted = (name in _COMPARING) is compares
            if is_wanted and name not in seen and not isinstance(value, MemberDescriptorType):
                setattr(self.declared, name, value)


class _Later:
    """Stands in a declared class for one thing that attrs adds."""

    __slots__ = ("declaration", "name")

    def __init__(self, declaration: _Declaration, name: str) -> None:
        self.declaration = declaration
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        declared = self.declaration.declared
        if declared.__dict__[self.name] is self:
            self.declaration.complete(compares=self.name in _COMPARING)
        found = declared.__dict__[self.name]
        return found.__get__(instance, owner) if isinstance(found, FunctionType) else found


def _declare(original: type, options: Mapping[str, Any]) -> type:
    names = _fields_of(original) if options.keys() <= _UNDERSTOOD else None
    same, later = _additions(options) if names is not None else ({}, ())
    written = original.__dict__
    if names is None or not written.keys().isdisjoint((*same, *later)):  # attrs respects methods that it finds
        return _made_by_attrs(original, options)
    declaration = _Declaration(original, options)
    namespace = {name: value for name, value in written.items() if name not in names and name not in _OF_AN_INSTANCE}
    namespace.update(same)
    for name in later:
        namespace[name] = _Later(declaration, name)
    namespace["__slots__"] = names if hasattr(original.__base__, "__weakref__") else (*names, "__weakref__")
    namespace["__qualname__"] = original.__qualname__
    declaration.declared = type(original)(original.__name__, original.__bases__, namespace)
    return declaration.declared


def _made_by_attrs(original: type, options: Mapping[str, Any]) -> type:
    made: type = attrs.define(original, **options)
    return made


def _fields_of(original: type) -> tuple[str, ...] | None:
    """Return the fields that a class adds to those of its bases; None for a class that attrs makes at once.

    Those are the classes for which a declaration would have to know more of what attrs does: exceptions, and classes
    that declare a field of a base again, call `super` or have a cached property.
    """
    if issubclass(original, BaseException):
        return None
    for value in original.__dict__.values():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if isinstance(function, FunctionType) and "__class__" in function.__code__.co_freevars:  # it calls `super`
            return None
        if isinstance(value, cached_property):
            return None
    names = tuple(name for name, kind in original.__annotations__.items() if not _is_of_the_class(kind))
    of_bases = {name for base in original.__mro__[1:-1] for name in getattr(base, "__slots__", ())}
    return names if of_bases.isdisjoint(names) else None


def _is_of_the_class(annotation: object) -> bool:
    if isinstance(annotation, str):
        return annotation.strip("'\"").startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar


class _Plain:
    """Has what any class has."""


_UNDERSTOOD: Final = frozenset({"eq", "frozen", "init", "kw_only"})
"""The options of classes that may be made later."""

_OF_AN_INSTANCE: Final = frozenset({"__dict__", "__weakref__"})

_OF_ANY_CLASS: Final = frozenset({*_Plain.__dict__, "__annotations__", "__slots__"})

_COMPARING: Final = frozenset({"__attrs_props__", "__eq__", "__hash__", "__repr__"})
"""What attrs makes apart from the rest: half of the work, and for most classes only tests and failures ask for it."""

_SAME_FOR_ALL: Final = ("__attrs_own_setattr__", "__delattr__", "__ne__", "__setattr__")
"""What attrs adds to each class alike. It knows a frozen class by its `__setattr__`."""

_found: Final[dict[tuple[tuple[str, Any], ...], tuple[Mapping[str, Any], tuple[str, ...]]]] = {}


def _additions(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return what attrs adds to each class with these options, and the names of what it makes for each."""
    key = tuple(options.items())
    if key not in _found:
        sample = _made_by_attrs(type("Sample", (), {"__annotations__": {}}), options)
        added = {name: value for name, value in sample.__dict__.items() if name not in _OF_ANY_CLASS}
        same = {name: value for name, value in added.items() if name in _SAME_FOR_ALL or value is None}
        _found[key] = same, tuple(name for name in added if name not in same)
    return _found[key]
