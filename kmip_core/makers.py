"""Functions that make the records of each request, in half the time that calling their class takes.

What calls a class with keywords makes a dictionary of them, in which the fields are looked up for `__init__` (CPython
3.11 to 3.13). What calls a function in Python does neither. So a maker is a function that makes an instance and sets
its fields, as `__init__` does; it is written when it is first called, as few of them are needed to start.

The fields of a frozen class are set by the descriptors of its slots, which attrs' `__setattr__` does not stand before.
"""

from collections.abc import Callable
from types import FunctionType, MemberDescriptorType
from typing import Any, ParamSpec, TypeVar, cast

import attrs

P = ParamSpec("P")
T = TypeVar("T")


def maker_of(cls: Callable[P, T]) -> Callable[P, T]:
    """Return a function that does what calling a class of attrs does.

    Its first call raises TypeError for a class of which more than its fields has to be set. A constructor that is not
    attrs' is passed by: the fields are named as attrs names them.
    """
    namespace: dict[str, Any] = {"write": _write, "cls": cls}
    namespace["maker"] = maker = FunctionType(_first_call.__code__, namespace)
    return cast(Callable[P, T], maker)


def maker_or_class(cls: Callable[P, T]) -> Callable[P, T]:
    """Return the maker of a class; the class itself where calling it does more than to set the fields of attrs."""
    return maker_of(cls) if _is_only_set(cls) and not hasattr(cls, "__attrs_init__") else cls


def _first_call(*values: Any, **fields: Any) -> Any:
    """Stand for a maker until it is written; the names come from what `maker_of` gives to it."""
    return write(maker, cls)(*values, **fields)  # type: ignore[name-defined]  # noqa: F821 - its own globals


def _write(maker: FunctionType, cls: Any) -> FunctionType:
    """Give a maker its own code, and return it.  Two threads may do so at once: what they set is the same."""
    if not _is_only_set(cls):
        raise TypeError(f"{cls.__name__} is not made by setting its fields alone, as they are given")
    is_frozen = _is_frozen(cls)
    places, keywords, lines, given = list[str](), list[str](), list[str](), dict[str, Any]()
    for field in attrs.fields(cls):
        name, default = field.alias, field.default
        value, parameter = name, name
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a function for type checkers
            given[f"make_{name}"] = default.factory
            made = f"make_{name}({'self' if default.takes_self else ''})"
            value = f"{made} if {name} is NOTHING else {name}" if field.init else made
            parameter = f"{name}=NOTHING"
        elif default is not attrs.NOTHING:
            given[f"default_{name}"] = default
            value, parameter = (name if field.init else f"default_{name}"), f"{name}=default_{name}"
        if field.init:
            (keywords if field.kw_only else places).append(parameter)
        if is_frozen:
            given[f"set_{name}"] = getattr(cls, field.name).__set__
        lines.append(f"    set_{name}(self, {value})\n" if is_frozen else f"    self.{field.name} = {value}\n")
    parameters = ", ".join([*places, *(["*", *keywords] if keywords else [])])
    text = f"def make({parameters}):\n    self = new(cls)\n{''.join(lines)}    return self\n"
    names = maker.__globals__  # of this maker alone
    names |= {"new": cls.__new__, "NOTHING": attrs.NOTHING, **given}
    code = compile(text, f"<maker of {cls.__module__}.{cls.__qualname__}>", "exec")
    exec(code, names)  # noqa: S102 - names of the project's own classes and fields alone
    written = names["make"]
    maker.__kwdefaults__, maker.__defaults__ = written.__kwdefaults__, written.__defaults__
    maker.__code__ = written.__code__
    return maker


def _is_only_set(cls: Any) -> bool:
    if not attrs.has(cls) or hasattr(cls, "__attrs_post_init__"):
        return False
    fields = attrs.fields(cls)
    if _is_frozen(cls) and not all(isinstance(getattr(cls, each.name, None), MemberDescriptorType) for each in fields):
        return False  # it has no slots
    return all(each.converter is None and each.validator is None for each in fields)


def _is_frozen(cls: Any) -> bool:
    return cls.__setattr__ is not object.__setattr__
