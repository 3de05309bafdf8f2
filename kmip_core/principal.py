"""Who asks: the authenticated party behind a request, as the transport established it."""

from collections.abc import Iterable
from typing import Final

from attrs import Factory, field, frozen

from kmip_core.rights import Rights

BY_TICKET: Final = "ticket"
"""The source of a principal that a ticket of Login stands for."""


def _names(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(groups)


@frozen(kw_only=True)
class Principal:
    """One authenticated client.

    name: the identity that owns objects and that policies speak of; compared exactly.
    source: what vouched for it ("certificate", "password", "ticket"): the same name from two sources is two identities
        only if the deployment maps it so; owners compare by name (RULINGS, PyKMIP's policies).
    certificate_name: what the certificate says, also where a credential says something else.
    rights: to what a ticket restricts it; None for everything that policies allow.
    groups: group names for operation policies; empty means the policy's preset section applies.
    """

    name: str
    source: str = "certificate"
    groups: frozenset[str] = field(default=frozenset(), converter=_names)
    address: str = ""
    certificate_serial: str = ""
    certificate_name: str = field(default=Factory(lambda self: self.name, takes_self=True))
    rights: Rights | None = None
