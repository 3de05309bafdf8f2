"""Fields that hold or name attributes, in 1.x: Template-Attribute, repeated Attribute, Attribute Name and Index.

How one attribute looks is `attributes_1x`'s to say; `attribute_fields_2x` plans the same fields for 2.x.
"""

from collections.abc import Iterable
from functools import cached_property, partial

from attrs import evolve

from kmip_adapters.ttlv.converter import attribute_table, elements
from kmip_adapters.ttlv.converter.attribute_table import tag_of_field
from kmip_adapters.ttlv.converter.attributes_1x import (
    ATTRIBUTE,
    ATTRIBUTE_INDEX,
    ATTRIBUTE_NAME,
    ATTRIBUTE_VALUE,
    AttributesForm,
)
from kmip_adapters.ttlv.converter.direct_attributes import attribute_reader, template_reader
from kmip_adapters.ttlv.converter.fields import (
    Field,
    Member,
    Reader,
    Values,
    field_of,
    gather,
    tag_called,
    write_different_items,
    write_items,
    write_items_of_each,
)
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, children
from kmip_adapters.ttlv.standard.spellings import Form
from kmip_core.attributes import AttributeInstance, AttributeReference
from kmip_core.enums import ItemType
from kmip_core.errors import invalid_field
from kmip_core.structures import Name


def plans(planner: Planner) -> FormPlans:
    """Return how the fields of each form are planned."""
    fields = _AttributeFields(planner)
    return {
        Form.ATTRIBUTES: fields.attributes,
        Form.BARE_ATTRIBUTES: fields.bare_attributes,
        Form.CRITERIA: fields.criteria,
        Form.ATTRIBUTE: fields.attribute,
        Form.REFERENCES: fields.references,
        Form.CHANGED: fields.changed,
        Form.DELETED: fields.deleted,
        Form.REFERENCE: fields.reference,
    }


class _AttributeFields:
    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._name = elements.simple(str, tag_called("Attribute Name"), planner.version)
        self._index = elements.simple(int, tag_called("Attribute Index"), planner.version)

    @cached_property  # made when first needed: its rows are structures that the planner plans
    def _form(self) -> AttributesForm:
        return self._make_form(is_criterion=False)

    def _make_form(self, *, is_criterion: bool, takes_bare_names: bool = False) -> AttributesForm:
        make = partial(self._planner.element, wire_tag=ATTRIBUTE_VALUE, is_criterion=is_criterion)
        name = self._planner.element(Name, tag_called("Name"))
        rows = attribute_table.rows(self._planner.version, make)
        return AttributesForm(
            rows,
            name.decode,
            name.encode,
            self._planner.facts.newest_item_type,
            takes_bare_names=takes_bare_names,
            writes_index_0=self._planner.facts.writes_index_0,
        )

    # --- many attributes ------------------------------------------------------------------------------------------

    def attributes(self, member: Member) -> Field:
        """`attributes` = Template-Attribute; `common_attributes` = Common Template-Attribute."""
        tag = tag_of_field(f"{member.name.removesuffix('attributes')}template_attribute", repeated=False)
        shape = elements.Shape(
            kind=elements.Kind.STRUCTURE,
            code=tag.code,
            item_type=ItemType.STRUCTURE,
            read=template_reader(self._form, self._planner.direct),
        )
        form = self._form
        return field_of(member, tag, elements.structure(tag.code, form.template, form.template_items, shape=shape))

    def bare_attributes(self, member: Member) -> Field:
        """The attributes of an answer: repeated Attribute with indices."""

        def finish(values: Values) -> None:
            if member.name in values or member.required:
                values[member.name] = attribute_table.indexed(values.get(member.name, ()))

        return Field(
            name=member.name,
            readers={ATTRIBUTE: Reader(member.name, self._form.instance, many=True)},
            write=write_items(member.name, self._form.attribute_items),
            finish=finish,
        )

    def criteria(self, member: Member) -> Field:
        """Repeated Attribute, also inside a Template-Attribute (FortiGate)."""
        form = self._make_form(is_criterion=True, takes_bare_names=True)

        def in_template(item: Item) -> Iterable[AttributeInstance]:
            if any(child[0] != ATTRIBUTE for child in children(item)):
                raise invalid_field("Locate goes by attributes, not by the names of templates")
            return [form.instance(child) for child in children(item)]

        return Field(
            name=member.name,
            readers={
                ATTRIBUTE: Reader(member.name, form.instance, many=True, shape=self._shape(form)),
                tag_called("Template-Attribute").code: Reader(member.name, in_template, many=True, spread=True),
            },
            write=write_items_of_each(member.name, form.items_of),
            finish=gather(member.name),
            is_gathered=True,
        )

    def _shape(self, form: AttributesForm) -> elements.Shape:
        """Return what an Attribute looks like in bytes."""
        return elements.Shape(
            kind=elements.Kind.STRUCTURE,
            code=ATTRIBUTE,
            item_type=ItemType.STRUCTURE,
            read=attribute_reader(form, self._planner.direct),
        )

    # --- one attribute, and names of attributes -------------------------------------------------------------------

    def attribute(self, member: Member) -> Field | None:
        """One attribute with its value: Attribute."""
        if member.name.startswith("current"):
            return None
        form = self._form

        def decode(item: Item) -> AttributeInstance:
            instance = form.instance(item)
            if instance.reference.attribute_index is not None:
                return instance
            # An index that is not said is 0. KMIP 1.4 §2.1.1.
            return evolve(instance, reference=evolve(instance.reference, attribute_index=0))

        return Field(
            name=member.name,
            readers={ATTRIBUTE: Reader(member.name, decode)},
            write=write_items(member.name, form.items_of),
            required=member.required,
            title="Attribute",
        )

    def references(self, member: Member) -> Field:
        """Repeated Attribute Name, as Get Attributes has it."""
        form = self._make_form(is_criterion=False, takes_bare_names=True)

        def decode(item: Item) -> AttributeReference:
            return form.reference(self._name.decode(item))

        return Field(
            name=member.name,
            readers={ATTRIBUTE_NAME: Reader(member.name, decode, many=True)},
            write=write_different_items(member.name, self._name_items),
            finish=gather(member.name),
            is_gathered=True,
        )

    def changed(self, member: Member) -> Field:
        """The attributes of Notify that have a value: the field of the deleted ones, which look alike, reads both."""
        return evolve(self.bare_attributes(member), readers={})

    def deleted(self, member: Member) -> Field:
        """Repeated Attribute without a value, among those of the field `attributes` that have one: as Notify does."""
        form = self._make_form(is_criterion=False, takes_bare_names=True)

        def decode(item: Item) -> AttributeInstance | AttributeReference:
            parts = children(item)
            if any(part[0] == ATTRIBUTE_VALUE for part in parts):
                return form.instance(item)
            named = [part for part in parts if part[0] == ATTRIBUTE_NAME]
            if len(named) != 1:
                raise DecodingError("an Attribute has one Attribute Name")
            return form.reference(self._name.decode(named[0]))

        def finish(values: Values) -> None:
            found = values.pop(member.name, ())
            values["attributes"] = attribute_table.indexed([one for one in found if isinstance(one, AttributeInstance)])
            values[member.name] = tuple(one for one in found if isinstance(one, AttributeReference))

        def items_of(reference: AttributeReference) -> Iterable[Item]:
            return (Item(ATTRIBUTE, ItemType.STRUCTURE, (name,)) for name in self._name_items(reference))

        return Field(
            name=member.name,
            readers={ATTRIBUTE: Reader(member.name, decode, many=True)},
            write=write_items_of_each(member.name, items_of),
            finish=finish,
        )

    def reference(self, member: Member) -> Field:
        """Attribute Name with Attribute Index."""
        index = f"{member.name} index"

        def finish(values: Values) -> None:
            given = values.pop(index, None)
            if member.name in values:  # KMIP 1.4 §4.16: an index that is not said is 0
                values[member.name] = evolve(values[member.name], attribute_index=given or 0)
            elif given is not None:
                raise DecodingError("Attribute Name is missing")

        def items_of(reference: AttributeReference) -> Iterable[Item]:
            yield from self._name_items(reference)
            if reference.attribute_index is not None:
                yield self._index.encode(reference.attribute_index)

        return Field(
            name=member.name,
            readers={
                ATTRIBUTE_NAME: Reader(member.name, self._reference),
                ATTRIBUTE_INDEX: Reader(index, self._index.decode),
            },
            write=write_items(member.name, items_of),
            finish=finish,
            # Required of every 1.x request; the core's None stands for 2.x's Current Attribute.
            required=True,
            title="Attribute Name",
        )

    def _reference(self, item: Item) -> AttributeReference:
        return self._form.reference(self._name.decode(item))

    def _name_items(self, reference: AttributeReference) -> Iterable[Item]:
        return map(self._name.encode, self._form.names(reference))
