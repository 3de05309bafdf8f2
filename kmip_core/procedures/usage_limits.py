"""Usage Limits: how much protection a key may still apply, counted before the work begins. KMIP 2.1 §4.59, 1.4 §3.21.

The lowered count is one of the collected writes, so it is compared and set with the commit: n units are n uses, whoever
asks at once, and an operation that fails uses up nothing.
"""

from attrs import evolve

from kmip_core.attributes import Attributes
from kmip_core.enums import ResultReason, UsageLimitsUnit
from kmip_core.errors import KmipError, not_supported
from kmip_core.operation import Work
from kmip_core.rules import Admitted


def charge(work: Work, target: Admitted, objects: int, octets: int | None) -> None:
    """Collect the lowered count of a key that has limits; nothing happens for one that has none.

    objects, octets: what the operation uses up in either unit; None for bytes that are not known beforehand.
    Raises KmipError: Usage Limit Exceeded; Feature Not Supported for a key that counts bytes and data in parts.
    """
    limits = target.attributes.usage_limits
    if limits is None:
        return
    amount = octets if limits.usage_limits_unit is UsageLimitsUnit.BYTE else objects
    if amount is None:
        raise not_supported("the key counts bytes, so its data must be given at once, not in parts")
    take(work, target, amount)


def take(work: Work, target: Admitted, amount: int) -> None:
    """Collect a count that is lower by `amount`.  Raises KmipError (Usage Limit Exceeded) if that is not left."""
    lowered = less(target.attributes, amount)
    if lowered != target.attributes:
        work.save(evolve(target.managed_object, attributes=lowered))


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
    return evolve(attributes, usage_limits=evolve(limits, usage_limits_count=left - amount))
