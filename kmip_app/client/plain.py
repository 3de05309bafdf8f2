"""Values of the core as what JSON and tables can show: text, numbers, lists and dictionaries.

Names of fields are the standard's in lower case with underscores; enumerations are written as the standard writes them,
bit masks as lists, bytes in hexadecimal, dates by ISO 8601 in UTC.
"""

import datetime as dt
import enum
from typing import Any, Final

import attrs

from kmip_core.attributes import Attributes
from kmip_core.standard_names import standard_name
from kmip_core.structures import CustomAttribute, ProtocolVersion, TypedValue

DATES: Final = ("_date", "_dates")


def plain(value: Any, field: str = "") -> Any:
    """Return a value without the types of the core; what is absent is left out.  field: its name, which marks dates."""
    if isinstance(value, enum.Flag):
        return [standard_name(bit) for bit in type(value) if bit in value and bit.value]
    if isinstance(value, enum.Enum):
        return standard_name(value)
    if isinstance(value, ProtocolVersion):
        return str(value)
    if isinstance(value, TypedValue):
        return plain(value.value)
    if isinstance(value, Attributes):
        return attributes(value)
    if attrs.has(type(value)):
        fields = ((a.name, getattr(value, a.name)) for a in attrs.fields(type(value)))
        return {name: plain(one, name) for name, one in fields if one is not None and one != ()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [plain(one, field) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and field.endswith(DATES):
        return date(value)
    return value


def attributes(found: Attributes) -> dict[str, Any]:
    """Return the attributes that have a value; custom ones under their own names, such as `x-Custom`."""
    shown: dict[str, Any] = {}
    for name in found.present():
        shown[name] = plain(getattr(found, name), name)
    if "names" in shown:
        shown["names"] = [name.name_value for name in found.names]
    customs: dict[str, list[Any]] = {}
    for custom in found.custom_attributes:
        customs.setdefault(custom_name(custom), []).append(plain(custom.attribute_value))
    return shown | {name: values[0] if len(values) == 1 else values for name, values in customs.items()}


def custom_name(custom: CustomAttribute) -> str:
    """Return the name of a custom attribute with its vendor: `x-Custom`."""
    return f"{custom.vendor_identification}-{custom.attribute_name}"


def date(seconds: int) -> str:
    """Return a date by ISO 8601; one that no calendar has as its number of seconds since 1970."""
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(seconds)
