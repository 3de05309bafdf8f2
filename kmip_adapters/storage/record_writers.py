"""Generated functions that turn a value of an attrs class into what JSON takes, field by field.

cattrs generates such functions too, and these give exactly what its own do (a test compares them). They are faster
where objects are: a field that is None is left out without a comparison, and integers, bytes, enumerations and tuples
are written in place, each without a call. For an object's attributes that is half the time.
"""

import typing
from binascii import b2a_base64
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, cast

import attrs
from attrs import NOTHING, Factory
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn

from kmip_adapters.generated_code import compiled

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1


def to_integer(value: int) -> int | str:
    """Return an integer, as hexadecimal text if it has more than 64 bits.

    Python refuses to print integers of more than 4300 digits in decimal: an RSA key of 16,384 bits has some.
    """
    return value if INT64_MIN <= value <= INT64_MAX else hex(value)


def to_base64(value: bytes) -> str:
    """Return bytes as text."""
    return b2a_base64(value, newline=False).decode()


to_number: Final = attrgetter("_value_")
"""What stands for a member of an enumeration; its `value` is a property, and much slower."""


def writer_of(cls: Any, converter: Converter) -> Callable[[Any], dict[str, Any]]:
    """Return what writes values of an attrs class: fields without a default, then those that are not at theirs.

    converter: knows how to write all other types.
    """
    fields = attrs.fields(attrs.resolve_types(cls))
    made = cast(type, Factory)  # a class, whatever its stub says
    if any(isinstance(field.default, made) or field.converter or not field.init for field in fields):
        return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True)
    names: dict[str, Any] = {"INT64_MIN": INT64_MIN, "INT64_MAX": INT64_MAX, "b2a_base64": b2a_base64}
    mandatory, others = [], []
    for field in fields:
        value = f"instance.{field.name}"
        if field.default is NOTHING:
            mandatory.append(f"{field.name!r}: {_written(value, field.name, field.type, converter, names)}")
            continue
        others += [
            f"    value = {value}",
            f"    if {_differs(field, names)}:",
            f"        record[{field.name!r}] = {_written('value', field.name, field.type, converter, names)}",
        ]
    name = f"write_{cls.__name__}"
    lines = [f"def {name}(instance):", f"    record = {{{', '.join(mandatory)}}}", *others, "    return record"]
    file_name = f"<record writer {cls.__module__}.{cls.__qualname__}>"
    write: Callable[[Any], dict[str, Any]] = compiled(name, [f"{line}\n" for line in lines], names, file_name)
    return write


def _differs(field: Any, names: dict[str, Any]) -> str:
    """Return the condition under which `value` is not the default of a field."""
    if field.default is None:
        return "value is not None"
    if field.default in ((), ""):  # what differs from them is true, for fields of these have one type
        return "value"
    default = f"default_{field.name}"
    names[default] = field.default
    return f"value is not {default} and value != {default}"


def _written(value: str, name: str, kind: Any, converter: Converter, names: dict[str, Any]) -> str:
    """Return an expression for what is written of the expression `value`."""
    if typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (...,):
        item = _written("item", name, typing.get_args(kind)[0], converter, names)
        return f"list({value})" if item == "item" else f"[{item} for item in {value}]"
    try:
        hook = converter.get_unstructure_hook(kind, cache_result=False)
    except RecursionError:  # a class that is inside itself
        hook = converter.unstructure
    if hook is to_integer and value.isidentifier():
        return f"{value} if INT64_MIN <= {value} <= INT64_MAX else hex({value})"
    if hook is to_base64:
        return f"b2a_base64({value}, newline=False).decode()"
    if hook is to_number:
        return f"{value}._value_"
    if hook is _UNCHANGED:
        return value
    names[f"write_{name}"] = hook
    return f"write_{name}({value})"


_UNCHANGED: Final = Converter().get_unstructure_hook(str)
"""What cattrs takes for types that are written as they are."""
