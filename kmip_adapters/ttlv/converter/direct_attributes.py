"""Attributes straight from bytes, as `direct` reads other values: one look-up for the name or the tag of each.

What is not usual (a custom attribute, an index, the name of a template) is read by its items, here or by the caller.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from kmip_adapters.ttlv.converter import attributes_1x, attributes_2x
from kmip_adapters.ttlv.converter.attribute_table import Row, collected
from kmip_adapters.ttlv.converter.direct import Direct, Read, Take, Unusual
from kmip_adapters.ttlv.encodings.binary import HEADER, PADDING, STRUCTURE, TEXT_STRING
from kmip_core.attributes import AttributeInstance, AttributeReference

ReadAll: TypeAlias = Callable[[bytes, int, int], Iterable[AttributeInstance]]

_NAME_HEAD: Final = attributes_1x.ATTRIBUTE_NAME << 8 | TEXT_STRING
_ATTRIBUTE_HEAD: Final = attributes_1x.ATTRIBUTE << 8 | STRUCTURE


class _Known:
    """One attribute of a version: how its value is read, which is found out at the first one."""

    __slots__ = ("_direct", "_row", "reference", "take")

    def __init__(self, direct: Direct, row: Row, reference: AttributeReference) -> None:
        self._direct = direct
        self._row = row
        self.reference = reference
        self.take: Take = self._take_first

    def instance(self, data: bytes, at: int) -> tuple[AttributeInstance, int]:
        value, at = self.take(data, at)
        return AttributeInstance(reference=self.reference, value=value), at

    def _take_first(self, data: bytes, at: int) -> tuple[Any, int]:
        take, row = self._direct.take(self._row.element), self._row
        if row.part is not None:
            of_element = take

            def take(data: bytes, at: int) -> tuple[Any, int]:
                value, at = of_element(data, at)
                return row.read(value), at

        self.take = take
        return take(data, at)


# --- 1.x --------------------------------------------------------------------------------------------------------------


def attribute_reader(form: attributes_1x.AttributesForm, direct: Direct) -> Read:
    """Return what reads the content of an Attribute: its name, then its value."""
    known: Mapping[bytes, _Known] = {
        name.encode(): _Known(direct, row, form.reference(name)) for name, row in form.rows.items()
    }
    unpack = HEADER.unpack_from

    def read(data: bytes, at: int, end: int) -> AttributeInstance:
        begin = at
        head, length = unpack(data, at)
        at += 8
        stop = at + length
        found = known.get(data[at:stop])
        at = stop + (-length & 7)
        if (
            head == _NAME_HEAD
            and found is not None
            and data[stop:at] == PADDING[at - stop]
            and unpack(data, at)[0] >> 8 == attributes_1x.ATTRIBUTE_VALUE  # else an index comes first
        ):
            instance, at = found.instance(data, at)
            if at == end:
                return instance
        item, _ = direct.item(data, begin - 8)  # its header stands before its content
        return form.instance(item)

    return read


def template_reader(form: attributes_1x.AttributesForm, direct: Direct) -> Read:
    """Return what reads the content of a Template-Attribute that names no template."""
    read_attribute = attribute_reader(form, direct)
    unpack = HEADER.unpack_from

    def read(data: bytes, at: int, end: int) -> Any:
        instances: list[AttributeInstance] = []
        while at < end:
            head, length = unpack(data, at)
            at += 8
            stop = at + length
            if head != _ATTRIBUTE_HEAD or stop > end:
                raise Unusual
            instances.append(read_attribute(data, at, stop))
            at = stop
        if at != end:
            raise Unusual
        return collected(instances)

    return read


# --- 2.x --------------------------------------------------------------------------------------------------------------


def instances_reader(form: attributes_2x.AttributesForm, direct: Direct) -> ReadAll:
    """Return what reads the members of an Attributes structure."""
    known = {
        row.element.shape.head: _Known(direct, row, reference)
        for row, reference in form.rows
        if row.element.shape is not None
    }
    unpack = HEADER.unpack_from

    def read(data: bytes, at: int, end: int) -> list[AttributeInstance]:
        instances: list[AttributeInstance] = []
        while at < end:
            found = known.get(unpack(data, at)[0])
            if found is not None:
                instance, at = found.instance(data, at)
            else:
                item, at = direct.item(data, at)
                instance = form.instance(item)
            instances.append(instance)
        if at != end:
            raise Unusual
        return instances

    return read


def attributes_reader(form: attributes_2x.AttributesForm, direct: Direct) -> Read:
    """Return what reads the content of an Attributes structure."""
    read_all = instances_reader(form, direct)
    return lambda data, at, end: collected(read_all(data, at, end))
