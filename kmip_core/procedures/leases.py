"""Leases: whether a client may rely on an object, and for how long. KMIP 2.1 §6.1.35, 1.4 §4.17."""

from kmip_core.attributes import Attributes
from kmip_core.enums import State
from kmip_core.errors import permission_denied


def check_lease(attributes: Attributes, lease_time: int | None = None) -> None:
    """Raise KmipError (Permission Denied) unless a lease can be granted.

    lease_time: seconds that are asked for; None for as long as the object allows.
    """
    if attributes.state is State.COMPROMISED:
        raise permission_denied("the object is Compromised; there are no leases for it")
    longest = attributes.lease_time
    if lease_time is not None and longest is not None and lease_time > longest:
        raise permission_denied(f"leases last {longest} seconds at most")
