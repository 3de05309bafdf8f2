"""What a client's value of an attribute must satisfy beyond the attribute rules, and what becomes of it.

Creation and change share this: `accepted` returns the value to store. KMIP 2.1 §4, 1.4 §3.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from attrs import evolve

from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes, title
from kmip_core.criteria import LocateQuery
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_attribute_value, need
from kmip_core.operation import Scope
from kmip_core.structures import ApplicationSpecificInformation, Name, UsageLimits

MAXIMUM_INSTANCES: Final = 1_000
"""Attribute instances on one object: more is a leak or an attack, and every read of the object pays for it."""


def accepted(scope: Scope, reference: AttributeReference, value: Any, siblings: tuple[Any, ...]) -> Any:
    """Return the value as it is to be stored.

    siblings: the attribute's other values on the object; for a single attribute the one that is replaced, if any.
    Raises KmipError for a value that the attribute cannot have.
    """
    accept = None if reference.vendor_identification is not None else ACCEPT.get(reference.attribute)
    return value if accept is None else accept(scope, value, siblings)


def all_accepted(scope: Scope, attributes: Attributes) -> Attributes:
    """Return a request's attributes for a new object, each value as it is to be stored.  Raises as `accepted`."""
    check_number(attributes, 0)
    fields = vars(attributes)
    for name in ACCEPT:
        if fields[name]:
            reference, accept = _REFERENCES[name], ACCEPT[name]
            values = attributes.values_of(reference)
            stored = tuple([accept(scope, value, values[:place]) for place, value in enumerate(values)])
            if stored != values:
                attributes = attributes.with_values(reference, stored)
    check_dates(attributes)
    return attributes


def check_number(attributes: Attributes, more: int) -> None:
    """Raise KmipError (Server Limit Exceeded) if the object would have too many attribute instances."""
    if attributes.has_more_instances_than(MAXIMUM_INSTANCES - more):
        raise KmipError(
            ResultReason.SERVER_LIMIT_EXCEEDED, f"an object has {MAXIMUM_INSTANCES} attribute instances at most"
        )


def check_dates(attributes: Attributes, changed: str | None = None) -> None:
    """Raise KmipError (Invalid Attribute Value) for dates in an order that the standard forbids.

    changed: judge only what this attribute has to do with; the server's own dates may have crossed a client's since.
    """
    for earlier, later in ORDERED:
        first, second = getattr(attributes, earlier), getattr(attributes, later)
        if changed not in (None, earlier, later) or first is None or second is None:
            continue
        if second < first:
            raise invalid_attribute_value(f"{title(later)} must not be earlier than {title(earlier)}")


ORDERED: Final = (
    ("activation_date", "process_start_date"),  # KMIP 2.1 §4.40
    ("protect_stop_date", "deactivation_date"),  # KMIP 2.1 §4.41
)
"""Dates of which the second must not precede the first."""


def _name(scope: Scope, name: Name, siblings: tuple[Any, ...]) -> Name:
    if name in siblings:
        raise _not_unique(f"the object is already named {name.name_value!r}")
    if scope.services.settings.unique_names:  # RULINGS 8
        found = scope.work.locate(
            LocateQuery(
                criteria=(AttributeInstance(reference=AttributeReference(attribute="names"), value=name),),
                visibility=evolve(scope.visibility, everyone=frozenset()),
                now=scope.now,
                maximum_items=1,
            )
        )
        if found.unique_identifiers:
            raise _not_unique(f"another object of yours is named {name.name_value!r}")
    return name


def _policy(scope: Scope, policy_name: str, siblings: tuple[Any, ...]) -> str:
    if not scope.services.policy.is_known(policy_name):
        raise invalid_attribute_value(f"no operation policy is named {policy_name!r}")
    return policy_name


def _usage_limits(scope: Scope, limits: UsageLimits, siblings: tuple[Any, ...]) -> UsageLimits:
    """Take total and unit; the count is the server's and begins at the total. KMIP 2.1 §4.59."""
    before = siblings[0] if siblings else UsageLimits()
    total = limits.usage_limits_total
    total = need(before.usage_limits_total if total is None else total, "Usage Limits Total")
    if total < 0:
        raise invalid_attribute_value("Usage Limits Total must not be negative")
    unit = need(limits.usage_limits_unit or before.usage_limits_unit, "Usage Limits Unit")
    return UsageLimits(usage_limits_total=total, usage_limits_count=total, usage_limits_unit=unit)


def _application(
    scope: Scope, information: ApplicationSpecificInformation, siblings: tuple[Any, ...]
) -> ApplicationSpecificInformation:
    if information.application_data is None:  # the server would have to make it: KMIP 2.1 §4.4
        namespace = information.application_namespace[:100]
        raise KmipError(
            ResultReason.APPLICATION_NAMESPACE_NOT_SUPPORTED,
            f"Application Data for {namespace!r} must be given; this server makes none",
        )
    return information


Accept: TypeAlias = Callable[[Scope, Any, tuple[Any, ...]], Any]

ACCEPT: Final[dict[str, Accept]] = {
    "names": _name,
    "operation_policy_name": _policy,
    "usage_limits": _usage_limits,
    "application_specific_information": _application,
}
"""Attributes whose values are looked at; all others are taken as they come."""

_REFERENCES: Final = {name: AttributeReference(attribute=name) for name in ACCEPT}


def _not_unique(message: str) -> KmipError:
    return KmipError(ResultReason.NON_UNIQUE_NAME_ATTRIBUTE, message)
