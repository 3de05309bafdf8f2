"""Fields that hold or name attributes, in 2.x: Attributes, New and Current Attribute, Attribute Reference.

How one attribute looks is `attributes_2x`'s to say; `attribute_fields_1x` plans the same fields for 1.x.
"""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

from kmip_adapters.ttlv.converter import attribute_table, elements
from kmip_adapters.ttlv.converter.attribute_table import tag_of_field
from kmip_adapters.ttlv.converter.attributes_2x import ATTRIBUTE_REFERENCE, AttributesForm
from kmip_adapters.ttlv.converter.direct_attributes import attributes_reader, instances_reader
from kmip_adapters.ttlv.converter.fields import (
    Field,
    Member,
    Reader,
    field_of,
    gather,
    tag_called,
    write_different_items,
    write_items,
)
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner
from kmip_adapters.ttlv.encodings.binary import STRUCTURE
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Items, children
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_core.attributes import AttributeInstance
from kmip_core.enums import ItemType


def plans(planner: Planner) -> FormPlans:
    """Return how the fields of each form are planned."""
    return plans_with(AttributesForm, planner)


def plans_with(form: type[AttributesForm], planner: Planner) -> FormPlans:
    """Return how the fields are planned, with one form of attributes."""
    fields = _AttributeFields(planner, form)
    return {
        Form.ATTRIBUTES: fields.attributes,
        Form.BARE_ATTRIBUTES: fields.attributes,
        Form.CHANGED: fields.attributes,
        Form.CRITERIA: fields.criteria,
        Form.ATTRIBUTE: fields.attribute,
        Form.REFERENCES: fields.references,
        Form.DELETED: fields.references,
        Form.REFERENCE: fields.reference,
    }


class _AttributeFields:
    def __init__(self, planner: Planner, form: type[AttributesForm]) -> None:
        self._planner = planner
        self._form_class = form

    @cached_property  # made when first needed: its rows are structures that the planner plans
    def _form(self) -> AttributesForm:
        return self._make_form(is_criterion=False)

    def _make_form(self, *, is_criterion: bool) -> AttributesForm:
        make = partial(self._planner.element, is_criterion=is_criterion)
        return self._form_class(attribute_table.rows(self._planner.version, make), self._planner.version)

    # --- many attributes ------------------------------------------------------------------------------------------

    def attributes(self, member: Member) -> Field:
        """`attributes` = Attributes; `common_attributes` = Common Attributes."""
        tag = tag_of_field(member.name, repeated=False)
        form = self._form
        shape = self._shape(tag.code, attributes_reader(form, self._planner.direct))
        return field_of(member, tag, elements.structure(tag.code, form.attributes, form.attribute_items, shape=shape))

    def _shape(self, code: int, read: Callable[[bytes, int, int], Any]) -> elements.Shape:
        return elements.Shape(kind=elements.Kind.STRUCTURE, code=code, item_type=ItemType.STRUCTURE, read=read)

    def criteria(self, member: Member) -> Field:
        """The members of Attributes."""
        form = self._make_form(is_criterion=True)
        code = tag_called("Attributes").code
        get = attrgetter(member.name)

        def decode(item: Item) -> Iterable[AttributeInstance]:
            return [form.instance(child) for child in children(item)]

        def write(instance: Any, out: list[Item]) -> None:
            criteria: tuple[AttributeInstance, ...] = get(instance)
            out.append(Item(code, STRUCTURE, tuple(item for one in criteria for item in form.items_of(one))))

        return Field(
            name=member.name,
            readers={
                code: Reader(
                    member.name,
                    decode,
                    many=True,
                    spread=True,
                    shape=self._shape(code, instances_reader(form, self._planner.direct)),
                )
            },
            write=write,
            finish=gather(member.name),
            is_gathered=True,
        )

    # --- one attribute, and references to attributes --------------------------------------------------------------

    def attribute(self, member: Member) -> Field | None:
        """One attribute with its value: New Attribute or Current Attribute around one member."""
        if member.owner.__name__ == "Response":
            return None  # 2.x answers with the Unique Identifier alone
        tag = tag_of_field(member.name, repeated=False)
        form = self._form

        def from_items(items: Items) -> AttributeInstance:
            instances = [form.named_instance(item) for item in items]
            if len(instances) != 1:
                raise DecodingError(f"{tag.name} must hold one attribute, not {len(instances)}")
            return instances[0]

        return field_of(
            member, tag, elements.structure(tag.code, from_items, lambda value: tuple(form.items_of(value)))
        )

    def references(self, member: Member) -> Field:
        """Repeated Attribute Reference."""
        return Field(
            name=member.name,
            readers={ATTRIBUTE_REFERENCE: Reader(member.name, self._form.reference, many=True)},
            write=write_different_items(member.name, self._form.reference_items),
            finish=gather(member.name),
            is_gathered=True,
        )

    def reference(self, member: Member) -> Field:
        """Attribute Reference."""
        return Field(
            name=member.name,
            readers={ATTRIBUTE_REFERENCE: Reader(member.name, self._form.reference)},
            write=write_items(member.name, self._form.reference_items),
            required=member.required,
            title="Attribute Reference",
        )
