"""Item trees <-> values: one cattrs converter for each protocol version.

`make_converter(version)` knows every attrs class of the core by one rule: a field's name finds its tag, the tag's
versions are the field's, and what deviates is declared in `spellings`. A class is planned once, when cattrs first asks
for its hook, into closures; decoding is then one dict look-up an item, encoding one call a field.

    hook = converter.get_structure_hook(create.Request)        hook(items, create.Request) -> create.Request
    hook = converter.get_unstructure_hook(create.Response)     hook(response) -> items

Items in any order are accepted; ours stand in the order of the class. A missing or repeated field is Invalid Message,
an item that the class does not have in this version Invalid Field (KMIP 1.4 §11.1).

`planner` plans classes and fields by the rule, `special_fields` and `key_blocks` the forms that deviate in every
version alike, `attribute_fields_1x`, `_2x` and `_3x` those of attributes; `fields` is what a planned field is,
`elements` one value in it, `refusals` what a version does not have. `direct` makes functions of the same plans that
need no items: they serve the binary encoding, and leave what is unusual to the items.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import cattrs

from kmip_adapters.ttlv.converter import (
    attribute_fields_1x,
    attribute_fields_2x,
    attribute_fields_3x,
    key_blocks,
    special_fields,
)
from kmip_adapters.ttlv.converter.direct import PLANNING, Direct
from kmip_adapters.ttlv.converter.planner import FormPlans, Planner, is_structure
from kmip_adapters.ttlv.standard.versions import FACTS, AttributeForm, VersionFacts
from kmip_core.structures import ProtocolVersion

K = TypeVar("K")

FORMS: Final[Mapping[AttributeForm, tuple[Callable[[Planner], FormPlans], ...]]] = {
    AttributeForm.NAMED: (special_fields.plans, key_blocks.plans, attribute_fields_1x.plans),
    AttributeForm.TAGGED: (special_fields.plans, key_blocks.plans, attribute_fields_2x.plans),
    AttributeForm.LINKED: (special_fields.plans, key_blocks.plans, attribute_fields_3x.plans),
}
"""What plans the fields that `spellings` gives a form."""


def make_converter(version: ProtocolVersion, facts: VersionFacts | None = None) -> cattrs.Converter:
    """Return the converter of one version; attrs classes (and ProtocolVersion) become tuples of items and back.

    facts: None for those of the version.
    Its hooks raise KmipError for input, and for objects of a type that the version lacks; `elements.UnencodableError`
    for a value that no item can carry.
    """
    return make_converter_and_direct(version, facts)[0]


def make_converter_and_direct(
    version: ProtocolVersion, facts: VersionFacts | None = None
) -> tuple[cattrs.Converter, Direct]:
    """Return the converter of one version, and what reads and writes the same values without items."""
    converter = cattrs.Converter()
    facts = facts or FACTS[version]
    planner = Planner(facts, converter, FORMS[facts.attribute_form])
    converter.register_structure_hook_factory(is_structure, planner.structure_hook)
    converter.register_unstructure_hook_factory(is_structure, planner.unstructure_hook)
    return converter, planner.direct


def planned_later(keys: Iterable[K], plan: Callable[[K], Callable[..., Any]]) -> Mapping[K, Callable[..., Any]]:
    """Return `plan(key)` by key; each is called when its entry is used first, and takes the entry's place."""
    table: dict[K, Callable[..., Any]] = {}

    def entry(key: K) -> Callable[..., Any]:
        def plan_and_call(*values: Any) -> Any:
            with PLANNING:
                if table[key] is plan_and_call:  # another thread may have planned it meanwhile
                    table[key] = plan(key)
            return table[key](*values)

        return plan_and_call

    table.update((key, entry(key)) for key in keys)
    return table
