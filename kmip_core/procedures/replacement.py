"""How a new object takes the place of an old one: what Re-key, Re-key Key Pair and Re-certify have in common.

Dates move by an offset, names move to the replacement, both are linked. KMIP 2.1 §6.1.46, 1.4 §4.4 (tables of attribute
requirements).
"""

from typing import Any, Final

from attrs import evolve

from kmip_core import rotation_rules
from kmip_core.attribute_rules import RULES
from kmip_core.attributes import FIELDS, LINKS, NAMES, Attributes, merge
from kmip_core.enums import LinkType, ResultReason
from kmip_core.errors import KmipError, invalid_field, invalid_message, no_key_value
from kmip_core.operation import Scope
from kmip_core.procedures import changing
from kmip_core.procedures.protection_counts import MARK as ENCRYPTIONS
from kmip_core.rules import Admitted
from kmip_core.structures import Link

_NOT_COPIED: Final = frozenset({"links", "fresh", "digests", "random_number_generator", "original_creation_date"})
"""Attributes that a client could give but that a replacement gets anew."""

EARLIEST: Final = -(1 << 63)
LATEST: Final = (1 << 63) - 1
"""Of a Date-Time: seconds, in a Long Integer. KMIP 2.1 §5.1."""

_MOVED_DATES: Final = ("process_start_date", "protect_stop_date", "deactivation_date")


def inherited(target: Admitted, wanted: Attributes, offset: int | None, now: int) -> Attributes:
    """Return the replacement's attributes: the old ones, dates moved by `offset` seconds, `wanted` put over them.

    Raises KmipError: Invalid Message for dates beside an offset; Illegal Operation where the offset cannot move a date
    because the old object has no Activation Date; Key Value Not Present. KMIP 1.4 §11.5, §11.6.
    """
    old = target.attributes
    if old.key_value_present is False:
        raise no_key_value()
    copied: dict[str, Any] = {
        name: getattr(old, name) for name in FIELDS if RULES[name].on_creation and name not in _NOT_COPIED
    }
    if offset is not None:
        if any(getattr(wanted, name) is not None for name in ("activation_date", *_MOVED_DATES)):
            raise invalid_message("Offset and dates of the replacement exclude each other")
        if old.activation_date is None and any(getattr(old, name) is not None for name in _MOVED_DATES):
            raise KmipError(ResultReason.ILLEGAL_OPERATION, "without an Activation Date other dates cannot be moved")
        copied["activation_date"] = now + offset
        if old.activation_date is not None:
            moved = now + offset - old.activation_date
            for name in _MOVED_DATES:
                copied[name] = None if copied[name] is None else copied[name] + moved
        if any(not EARLIEST <= (copied[name] or 0) <= LATEST for name in ("activation_date", *_MOVED_DATES)):
            raise invalid_field("Offset moves a date out of what a Date-Time can say")
    kept = Attributes(**copied, custom_attributes=old.custom_attributes).with_values(ENCRYPTIONS, ())
    link = Link(link_type=LinkType.REPLACED_OBJECT_LINK, linked_object_identifier=target.unique_identifier)
    return evolve(merge(kept, wanted), links=(link, *wanted.links))


def step_back(scope: Scope, target: Admitted, replacement: str) -> None:
    """Collect the old object's part: it loses its names, points to the replacement, and is the latest no more."""
    link = Link(link_type=LinkType.REPLACEMENT_OBJECT_LINK, linked_object_identifier=replacement)
    attributes = target.attributes.with_values(NAMES, ()).with_one_more(LINKS, link)
    attributes = rotation_rules.stepped_back(attributes, scope.now)
    changing.save_attributes(scope, target, attributes)
