"""Locate: a client finds objects by their attributes. KMIP 2.1 §6.1.28, 1.4 §4.9."""

from typing import Final

from attrs import evolve

from kmip_core.attributes import AttributeInstance
from kmip_core.classes import define
from kmip_core.criteria import LocateQuery, of_classes
from kmip_core.enums import ObjectClassMask, ObjectGroupMember, Operation, ResultReason, StorageStatusMask
from kmip_core.errors import KmipError, invalid_field
from kmip_core.makers import maker_of
from kmip_core.operation import Cost, Scope, Spec
from kmip_core.procedures import group_defaults, linked_objects

IDENTIFIER: Final = 48
"""Bytes that an identifier of this server takes in an answer: more of them than fit are not even looked for."""


@define(kw_only=True)
class Request:
    """criteria: all must hold; none means everything that the client may see (RULINGS 10).

    object_class_mask: None means User objects only (KMIP 3.0 §6.1.32).
    counts_items: whether Maximum Items asks for Located Items as well, which versions below 1.3 do not have.
    """

    maximum_items: int | None = None
    offset_items: int | None = None
    storage_status_mask: StorageStatusMask | None = None
    object_group_member: ObjectGroupMember | None = None
    criteria: tuple[AttributeInstance, ...] = ()
    object_class_mask: ObjectClassMask | None = None
    counts_items: bool = True


@define(kw_only=True)
class Response:
    """located_items: how many match in all, for a client that asks for a page.

    unique_identifiers: this page of them, newest first.
    """

    located_items: int | None = None
    unique_identifiers: tuple[str, ...] = ()


_make_query: Final = maker_of(LocateQuery)
_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Return what matches and may be seen.

    Raises KmipError: Invalid Field for a criterion that has no meaning; Response Too Large.
    """
    maximum, offset = request.maximum_items, request.offset_items
    if maximum is not None and maximum < 0:
        raise invalid_field("Maximum Items must not be negative")
    if offset is not None and offset < 0:
        raise invalid_field("Offset Items must not be negative")
    most = scope.services.settings.maximum_response_size // IDENTIFIER
    query = _make_query(
        criteria=request.criteria,
        visibility=scope.visibility,
        now=scope.now,
        storage_status_mask=request.storage_status_mask,
        object_group_member=request.object_group_member,
        maximum_items=most + 1 if maximum is None or maximum > most else maximum,
        offset_items=offset or 0,
        # A client that reads page by page needs the count (RULINGS 37); others do not expect the field. One item is no
        # page: the official cases TC-CREG-2 and -3 ask for it and expect no count.
        is_counted=offset is not None or (request.counts_items and maximum not in (None, 1)),
    )
    mask = request.object_class_mask
    query = of_classes(query, ObjectClassMask.USER if mask is None else mask)
    if group_defaults.asks_for_default(query):
        located = group_defaults.locate_default(scope, query)
    else:
        criteria = linked_objects.widened(scope, query.criteria)
        located = scope.work.locate(query if criteria is query.criteria else evolve(query, criteria=criteria))
    if len(located.unique_identifiers) > most:
        message = f"more than {most} objects match; ask for a part with Maximum Items and Offset Items"
        raise KmipError(ResultReason.RESPONSE_TOO_LARGE, message)
    return _make_response(located_items=located.located_items, unique_identifiers=located.unique_identifiers)


def _only_one(response: Response) -> str | None:
    """One result becomes the ID placeholder, several (or none) empty it (RULINGS 14)."""
    found = response.unique_identifiers
    return found[0] if len(found) == 1 else None


SPEC = Spec(
    operation=Operation.LOCATE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    is_plain_read=True,
    placeholder=_only_one,
    records_returned_identifiers=False,
)
