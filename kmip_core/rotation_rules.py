"""When an object is rotated by the server, and what the rotation says of the old and of the new one.

KMIP 2.1 §4.48 - §4.54; ADR 0185.
"""

from typing import Final

from kmip_core.attributes import Attributes
from kmip_core.enums import ObjectType
from kmip_core.lifecycle import LIVING

ROTATED: Final = frozenset(
    {ObjectType.SYMMETRIC_KEY, ObjectType.PRIVATE_KEY, ObjectType.PUBLIC_KEY, ObjectType.CERTIFICATE}
)
"""Types for which there is a Re-key, Re-key Key Pair or Re-certify; others keep their Rotate attributes, unused."""


def is_due(attributes: Attributes, now: int) -> bool:
    """Return whether the server must rotate an object: its Rotate Interval has passed since its Initial Date.

    Only where Rotate Automatic is True, and the object's life goes on.  attributes: settled, or as stored.
    """
    interval, begun = attributes.rotate_interval, attributes.initial_date
    return bool(
        attributes.rotate_automatic
        and attributes.object_type in ROTATED
        and attributes.state in LIVING
        and interval
        and begun is not None
        and begun <= now - interval
    )


def stepped_back(old: Attributes, now: int) -> Attributes:
    """Return the old object's attributes after its replacement: it is rotated, no longer the latest, and never again.

    The client's Re-key counts as the server's own rotation does (KMIP 2.1 §4.50).
    """
    return old.but(
        rotate_date=now,
        rotate_generation=old.rotate_generation or 0,
        rotate_latest=False,
        rotate_automatic=None if old.rotate_automatic is None else False,
    )


def succession(old: Attributes) -> dict[str, object]:
    """Return what only the server says of the object that takes the place of an old one, by field."""
    return {"rotate_generation": (old.rotate_generation or 0) + 1, "rotate_latest": True}
