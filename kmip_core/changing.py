"""What operations that change an object have in common: checks before, and the Last Change Date after."""

from attrs import evolve

from kmip_core import lifecycle
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Content, ManagedObject
from kmip_core.operation import Scope
from kmip_core.rules import Admitted


def save(scope: Scope, managed_object: ManagedObject, content: Content | None = None) -> None:
    """Collect the changed object with its Last Change Date. KMIP 2.1 §4.29."""
    attributes = evolve(managed_object.attributes, last_change_date=scope.now)
    scope.work.save(evolve(managed_object, attributes=attributes), content)


def check_has_life_cycle(target: Admitted, what: str) -> None:
    """Raise KmipError (Invalid Object Type) for objects that are only kept; `what` completes "cannot be ..."."""
    object_type = target.managed_object.object_type
    if object_type in lifecycle.WITHOUT_LIFE_CYCLE:
        kind = object_type.name.replace("_", " ").title()
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, f"an {kind} is only kept and cannot be {what}")


def check_is_not_gone(target: Admitted) -> None:
    """Raise KmipError (Object Destroyed) for an object that is already destroyed."""
    if target.attributes.state in lifecycle.GONE:
        raise KmipError(ResultReason.OBJECT_DESTROYED, "the object has already been destroyed")
