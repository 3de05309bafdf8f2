"""Check: a client asks whether it may use an object as it intends to. KMIP 2.1 §6.1.7, 1.4 §4.10."""

from kmip_core.classes import frozen
from kmip_core.enums import CryptographicUsageMask, ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import leases, usage_limits
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """usage_limits_count: units to be protected.  lease_time: seconds."""

    unique_identifier: ObjectReference | None = None
    usage_limits_count: int | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: int | None = None


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the object, which may be used so."""

    unique_identifier: str


def perform(request: Request, scope: Scope) -> Response:
    """Answer with the identifier if everything asked for would be granted.

    The standard would answer a refusal with the offending values; the official cases (BL-M-2) want an error, and the ID
    placeholder emptied.
    Raises KmipError: Incompatible Cryptographic Usage Mask, Usage Limit Exceeded, Permission Denied for a
    lease that is too long or of a Compromised object, Illegal Object Type for a Template.
    """
    target = scope.target
    attributes = target.attributes
    if target.managed_object.object_type is ObjectType.TEMPLATE:
        raise KmipError(ResultReason.ILLEGAL_OBJECT_TYPE, "a Template is not used for cryptography")
    wanted = request.cryptographic_usage_mask or CryptographicUsageMask(0)
    missing = wanted & ~(attributes.cryptographic_usage_mask or CryptographicUsageMask(0))
    if missing:
        raise KmipError(
            ResultReason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
            f"the object's Cryptographic Usage Mask lacks 0x{missing:X}",
        )
    if request.usage_limits_count is not None:
        if request.usage_limits_count < 0:
            raise invalid_field("Usage Limits Count must not be negative")
        usage_limits.less(attributes, request.usage_limits_count)
    if request.lease_time is not None:
        leases.check_lease(attributes, request.lease_time)
    return Response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.CHECK,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    targets=(Target(purpose=Purpose.CHECK),),
    failure_empties_placeholder=True,
)
