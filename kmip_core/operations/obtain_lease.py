"""Obtain Lease: a client asks how long it may rely on what it knows of an object. KMIP 2.1 §6.1.35, 1.4 §4.17."""

from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.operation import Cost, ObjectReference, Scope, Spec, Target
from kmip_core.procedures import leases
from kmip_core.rules import Purpose


@frozen(kw_only=True)
class Request:
    """unique_identifier: the object, or None for the ID placeholder."""

    unique_identifier: ObjectReference | None = None


@frozen(kw_only=True)
class Response:
    """lease_time: seconds.  last_change_date: seconds since 1970-01-01 UTC; if newer than a copy, read again."""

    unique_identifier: str
    lease_time: int
    last_change_date: int


def perform(request: Request, scope: Scope) -> Response:
    """Grant the object's Lease Time; nothing is kept, so leases never run out here.

    Raises KmipError (Permission Denied) for a Compromised object, which no client is to rely on.
    """
    attributes = scope.target.attributes
    leases.check_lease(attributes)
    return Response(
        unique_identifier=scope.target.unique_identifier,
        lease_time=scope.services.settings.lease_time if attributes.lease_time is None else attributes.lease_time,
        last_change_date=attributes.last_change_date or 0,
    )


SPEC = Spec(
    operation=Operation.OBTAIN_LEASE,
    request=Request,
    response=Response,
    perform=perform,
    cost=Cost.READS,
    targets=(Target(purpose=Purpose.LEASE),),
)
