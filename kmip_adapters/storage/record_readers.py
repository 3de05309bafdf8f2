"""Generated functions that make a value of an attrs class out of what JSON has of it, field by field.

cattrs generates such functions too, and these give exactly what its own do (a test compares them). They are faster
where objects are: integers, bytes, enumerations and tuples are read in place, each without a call.
"""

import typing
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import attrs
from attrs import NOTHING, Factory
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

from kmip_adapters.generated_code import compiled
from kmip_core.makers import maker_or_class

FEW: Final = 12
"""Fields up to which each is an argument of its own; of more than that most are absent."""


def from_integer(value: int | str, _: Any = None) -> int:
    """Return an integer, which is hexadecimal text if it has more than 64 bits."""
    return value if isinstance(value, int) else int(value, 16)


def from_base64(value: str, _: Any = None) -> bytes:
    """Return bytes of text."""
    return a2b_base64(value)


def unchanged(value: Any, _: Any = None) -> Any:
    """Return what JSON has as it is."""
    return value


def enumeration_reader(members: Mapping[Any, Any], make: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Return what reads a member of an enumeration: of `members`, by its value, else made, as combined flags are."""

    def read(value: Any, _: Any = None) -> Any:
        member = members.get(value)
        return make(value) if member is None else member

    _enumerations[read] = members, make
    return read


_enumerations: Final[dict[Callable[[Any, Any], Any], tuple[Mapping[Any, Any], Callable[[Any], Any]]]] = {}
"""What reads a member -> from what."""


def reader_of(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """Return what makes values of an attrs class out of a dictionary; fields that are absent are at their default.

    converter: knows how to read all other types.  What it returns raises KeyError where a field without default is
    absent, and what its parts raise.
    """
    fields = attrs.fields(attrs.resolve_types(cls))
    if any(field.converter or not field.init or field.alias != field.name for field in fields):
        return make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=False)
    made = cast(type, Factory)  # a class, whatever its stub says
    names: dict[str, Any] = {"cls": maker_or_class(cls), "a2b_base64": a2b_base64}
    is_small = len(fields) <= FEW and not any(isinstance(field.default, made) for field in fields)
    lines = [] if is_small else ["    values = {}"]
    arguments = []
    for field in fields:
        name, stored = field.name, f"record[{field.name!r}]"
        value = _read(stored, name, field.type, converter, names)
        if field.default is NOTHING:
            arguments.append(f"{name}={value}")
        elif is_small:
            names[f"default_{name}"] = field.default
            arguments.append(f"{name}={value} if {name!r} in record else default_{name}")
        else:
            lines.append(f"    if {name!r} in record: values[{name!r}] = {value}")
    if not is_small:
        arguments.append("**values")
    name = f"read_{cls.__name__}"
    lines = [f"def {name}(record, _=None):", *lines, f"    return cls({', '.join(arguments)})"]
    file_name = f"<record reader {cls.__module__}.{cls.__qualname__}>"
    read: Callable[[Any, Any], Any] = compiled(name, [f"{line}\n" for line in lines], names, file_name)
    return read


def _read(stored: str, name: str, kind: Any, converter: Converter, names: dict[str, Any]) -> str:
    """Return an expression for the value of which the expression `stored` is what JSON has."""
    if typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (...,):
        item = _read("item", name, typing.get_args(kind)[0], converter, names)
        return f"tuple({stored})" if item == "item" else f"tuple([{item} for item in {stored}])"
    try:
        hook = converter.get_structure_hook(kind, cache_result=False)
    except RecursionError:  # a class that is inside itself
        names[f"kind_{name}"], names["structure"] = kind, converter.structure
        return f"structure({stored}, kind_{name})"
    if hook is unchanged:
        return stored
    if hook is from_base64:
        return f"a2b_base64({stored})"
    if hook is from_integer:
        return f"(value if type(value := {stored}) is int else int(value, 16))"
    if hook in _enumerations:
        names[f"members_{name}"], names[f"make_{name}"] = _enumerations[hook]
        return f"(make_{name}(value) if (member := members_{name}.get(value := {stored})) is None else member)"
    names[f"read_{name}"] = hook
    return f"read_{name}({stored}, None)"
