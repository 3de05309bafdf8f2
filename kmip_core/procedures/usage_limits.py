"""Usage Limits: how much protection a key may still apply, counted before the work begins. KMIP 2.1 §4.59, 1.4 §3.21.

The lowered count is one of the collected writes, so it is compared and set with the commit: n units are n uses,
however many requests come at once, and an operation that fails uses up nothing.
"""

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import Operation, ResultReason, UsageLimitsUnit
from kmip_core.errors import KmipError, not_supported, permission_denied
from kmip_core.operation import Scope, Work
from kmip_core.procedures import changing
from kmip_core.rules import Admitted


def charge(
    scope: Scope, target: Admitted, objects: int, octets: int | None, operation: Operation | None = None
) -> None:
    """Collect the lowered count of a key that has limits; nothing happens for one that has none.

    objects, octets: what the operation uses up in either unit; None for bytes that are not known beforehand.
    operation: the use of the key; None for a use that the policy knows as Get, such as wrapping.
    Raises KmipError: Permission Denied for a client that may only read the key, who would use up what is its owner's;
    Usage Limit Exceeded; Feature Not Supported for a key that counts bytes and data in parts.
    """
    limits = target.attributes.usage_limits
    if limits is None:
        return
    if not _may_use_up(scope, target, operation):
        raise permission_denied("the key has Usage Limits, which are not yours to use up; you may only read it")
    amount = octets if limits.usage_limits_unit is UsageLimitsUnit.BYTE else objects
    if amount is None:
        raise not_supported("the key counts bytes, so its data must be given at once, not in parts")
    deduct(scope.work, target, amount)


def _may_use_up(scope: Scope, target: Admitted, operation: Operation | None) -> bool:
    """Return whether the policy gives more than reading: the use itself, an allocation of it, or any change."""
    if changing.may_change(scope, target):
        return True
    principal, managed_object = scope.principal, target.managed_object
    if scope.services.decide(principal, Operation.GET_USAGE_ALLOCATION, managed_object).is_allowed:
        return True
    if operation is None:
        return False
    decision = scope.services.decide(principal, operation, managed_object)
    return decision.is_allowed and not decision.by_reading


def deduct(work: Work, target: Admitted, amount: int) -> None:
    """Collect a count that is lower by `amount`.  Raises KmipError (Usage Limit Exceeded) if that is not left."""
    lowered = less(target.attributes, amount)
    if lowered != target.attributes:
        work.save(target.managed_object.changed(lowered))


def less(attributes: Attributes, amount: int) -> Attributes:
    """Return the attributes with a count lower by `amount`; unchanged without limits.

    Raises KmipError (Usage Limit Exceeded) if that is not left.
    """
    limits = attributes.usage_limits
    left = None if limits is None else limits.usage_limits_count
    if limits is None or left is None or amount == 0:
        return attributes
    if amount > left:
        raise KmipError(ResultReason.USAGE_LIMIT_EXCEEDED, f"{left} of the key's usage limits are left, not {amount}")
    return attributes.but(usage_limits=evolve(limits, usage_limits_count=left - amount))
