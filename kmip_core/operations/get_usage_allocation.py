"""Get Usage Allocation: a client takes units of a key's Usage Limits for its own use. KMIP 2.1 §6.1.23, 1.4 §4.18."""

from typing import Final

from kmip_core.classes import frozen
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing, usage_limits
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """usage_limits_count: how many units the client will protect."""

    unique_identifier: ObjectReference | None = None
    usage_limits_count: int


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the key whose count is now lower."""

    unique_identifier: str


PROTECTING: Final = (
    Mask.SIGN
    | Mask.ENCRYPT
    | Mask.WRAP_KEY
    | Mask.MAC_GENERATE
    | Mask.CONTENT_COMMITMENT
    | Mask.CERTIFICATE_SIGN
    | Mask.CRL_SIGN
    | Mask.GENERATE_CRYPTOGRAM
    | Mask.FPE_ENCRYPT
)
"""Usage bits that apply protection; only that is limited."""


def perform(request: Request, scope: Scope) -> Response:
    """Take the units.

    Raises KmipError: Invalid Object Type for an object that applies no protection; Attribute Not Found without Usage
    Limits; Usage Limit Exceeded; Wrong Key Lifecycle State unless Active and before the Protect Stop Date.
    """
    target = scope.target
    attributes = target.attributes
    if not (attributes.cryptographic_usage_mask or Mask(0)) & PROTECTING:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, "the object is not one that applies cryptographic protection")
    if attributes.usage_limits is None:
        raise KmipError(ResultReason.ATTRIBUTE_NOT_FOUND, "the object has no Usage Limits")
    if request.usage_limits_count <= 0:
        raise invalid_field("Usage Limits Count must be positive")
    lowered = usage_limits.less(attributes, request.usage_limits_count)
    changing.save(scope, target.managed_object.changed(lowered))
    return Response(unique_identifier=target.unique_identifier)


SPEC = Spec(
    operation=Operation.GET_USAGE_ALLOCATION,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.ALLOCATE),),
)
