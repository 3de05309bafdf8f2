"""Revoke: an object is deactivated, or known to be compromised. KMIP 2.1 §6.1.44, 1.4 §4.20."""

from typing import Final

from kmip_core import lifecycle
from kmip_core.classes import frozen
from kmip_core.enums import Operation, RevocationReasonCode
from kmip_core.makers import maker_of
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import changing
from kmip_core.rules import Purpose
from kmip_core.structures import RevocationReason


@frozen(kw_only=True)
class Request:
    """revocation_reason: Unspecified if left out, which only 3.0 permits.

    compromise_occurrence_date: seconds since 1970-01-01 UTC, for a compromise only.
    always_compromises: whether every reason is one for a compromise, as in 3.0, where Deactivate is another operation.
    """

    unique_identifier: ObjectReference | None = None
    revocation_reason: RevocationReason | None = None
    compromise_occurrence_date: int | None = None
    always_compromises: bool = False


@frozen(kw_only=True)
class Response:
    """unique_identifier: of the revoked object."""

    unique_identifier: str


_make_response: Final = maker_of(Response)


def perform(request: Request, scope: Scope) -> Response:
    """Move the object on, as the reason demands, or the version.

    Raises KmipError: Wrong Key Lifecycle State, for reasons other than compromise unless Active; Invalid Object Type
    for an Opaque Object.
    """
    target = scope.target
    changing.check_has_life_cycle(target, "revoked")
    attributes = lifecycle.revoke(
        target.attributes,
        request.revocation_reason or _UNSPECIFIED,
        request.compromise_occurrence_date,
        scope.now,
        always_compromises=request.always_compromises,
    )
    changing.save(scope, target.managed_object.changed(attributes))
    return _make_response(unique_identifier=target.unique_identifier)


_UNSPECIFIED = RevocationReason(revocation_reason_code=RevocationReasonCode.UNSPECIFIED)

SPEC = Spec(
    operation=Operation.REVOKE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.CHANGES,
    targets=(Target(purpose=Purpose.CHANGE_STATE),),
)
