"""Templates in 1.x requests: attributes under a name, merged in before a handler sees them. KMIP 1.4 §2.2.6, §4."""

from functools import reduce
from typing import Any, Final

from attrs import evolve

from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes, merge
from kmip_core.criteria import LocateQuery
from kmip_core.enums import ObjectType, Operation, ResultReason, StorageStatusMask
from kmip_core.errors import KmipError, invalid_field
from kmip_core.operation import Scope
from kmip_core.procedures import administration
from kmip_core.rules import Purpose
from kmip_core.structures import Name

MAXIMUM_TEMPLATES: Final = 20
"""Templates that one request names for one set of attributes: each of them is looked for, read and merged."""


def apply(request: Any, fields: tuple[str, ...], scope: Scope) -> Any:
    """Return the request with every template that it names merged into the attributes that name it.

    fields: those of the request that hold attributes (`Spec.attribute_fields`).
    The request's own single values win, then those of the last template; multiple ones are united. KMIP 1.4 §4.
    A name stands for a template of the client's own, or of an administrator's that the client may see. A stranger's
    never counts, or its attributes would be planted in other clients' objects.
    Raises KmipError: Item Not Found for a template that is missing or a stranger's; Object Archived.
    """
    changes: dict[str, Attributes] = {}
    for field in fields:
        value: Attributes | None = getattr(request, field)
        if value is not None and value.template_names:
            if len(value.template_names) > MAXIMUM_TEMPLATES:
                raise invalid_field(f"a request names {MAXIMUM_TEMPLATES} templates at most")
            parts = (*(_attributes_of(name, scope) for name in value.template_names), value)
            changes[field] = evolve(reduce(merge, parts), template_names=())
    return evolve(request, **changes) if changes else request


def _attributes_of(name: Name, scope: Scope) -> Attributes:
    """Return what a template of this name gives to others, which its own name is not."""
    admitted = scope.admit(_newest(name, scope), Purpose.READ_CONTENT, Operation.GET)
    template: Any = scope.work.content(admitted)
    within: Attributes = template.template_attributes
    return evolve(within, names=())


def _newest(name: Name, scope: Scope) -> str:
    """Return the newest template of this name among the client's own, else among those of an administrator."""
    for visibility in administration.trusted(scope):
        found = scope.work.locate(
            LocateQuery(
                criteria=(
                    AttributeInstance(reference=AttributeReference(attribute="names"), value=name),
                    AttributeInstance(reference=AttributeReference(attribute="object_type"), value=ObjectType.TEMPLATE),
                ),
                visibility=visibility,
                now=scope.now,
                storage_status_mask=StorageStatusMask.ON_LINE_STORAGE | StorageStatusMask.ARCHIVAL_STORAGE,
                maximum_items=1,
            )
        )
        if found.unique_identifiers:
            return found.unique_identifiers[0]
    raise KmipError(ResultReason.ITEM_NOT_FOUND, f"no template is named {name.name_value!r}")
