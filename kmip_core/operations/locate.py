"""Locate: a client finds objects by their attributes. KMIP 2.1 §6.1.28, 1.4 §4.9."""

from typing import Final

from attrs import frozen

from kmip_core.attributes import AttributeInstance
from kmip_core.criteria import Query, is_partial
from kmip_core.enums import ObjectGroupMember, Operation, StorageStatusMask
from kmip_core.errors import invalid_field
from kmip_core.operation import Effect, Scope, Spec


@frozen(kw_only=True)
class Request:
    """criteria: all must hold; none means everything that the asker may see (RULINGS 10)."""

    maximum_items: int | None = None
    offset_items: int | None = None
    storage_status_mask: StorageStatusMask | None = None
    object_group_member: ObjectGroupMember | None = None
    criteria: tuple[AttributeInstance, ...] = ()


@frozen(kw_only=True)
class Response:
    """located_items: how many match in all, told to who asks for a page.

    unique_identifiers: this page of them, newest first.
    """

    located_items: int | None = None
    unique_identifiers: tuple[str, ...] = ()


def perform(request: Request, scope: Scope) -> Response:
    """Return what matches and may be seen.  Raises KmipError (Invalid Field) for a criterion that has no meaning."""
    for name, number in (("Maximum Items", request.maximum_items), ("Offset Items", request.offset_items)):
        if number is not None and number < 0:
            raise invalid_field(f"{name} must not be negative")
    located = scope.work.locate(
        Query(
            criteria=request.criteria,
            visibility=scope.visibility,
            now=scope.now,
            storage_status_mask=request.storage_status_mask,
            object_group_member=request.object_group_member,
            maximum_items=request.maximum_items,
            offset_items=request.offset_items or 0,
        )
    )
    # Who reads page by page needs the count; others do not expect the field.
    count = located.located_items if request.offset_items is not None else None
    return Response(located_items=count, unique_identifiers=located.unique_identifiers)


def _only_one(response: Response) -> str | None:
    """One result becomes the ID placeholder, several (or none) empty it (RULINGS 14)."""
    found = response.unique_identifiers
    return found[0] if len(found) == 1 else None


SELECTIVE: Final = frozenset({"unique_identifier", "names"})
"""Attributes of which few objects have the same value."""

PAGE: Final = 1_000
"""Objects that are found in milliseconds."""


def _effect(request: Request) -> Effect:
    """Pace: what finds few objects, by the index, is short; a long answer, or a part of a structure, takes a while."""
    is_indexed = not any(is_partial(c.reference, c.value) for c in request.criteria)
    finds_few = request.maximum_items is not None and request.maximum_items <= PAGE
    if is_indexed and (finds_few or any(c.reference.attribute in SELECTIVE for c in request.criteria)):
        return Effect.READS
    return Effect.WORKS


SPEC = Spec(
    operation=Operation.LOCATE,
    request=Request,
    response=Response,
    perform=perform,
    effect=_effect,
    placeholder=_only_one,
)
