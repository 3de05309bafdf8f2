"""Who asks: the authenticated party behind a request, as the transport established it."""

from collections.abc import Iterable
from typing import Final

from attrs import Factory, field, frozen

from kmip_core.rights import Rights

BY_PASSWORD: Final = "password"  # noqa: S105  the word, not one
"""The source of a principal whom a user name and password in the request name."""

BY_TICKET: Final = "ticket"
"""The source of a principal that a ticket of Login stands for."""


def _names(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(groups)


@frozen(kw_only=True)
class Principal:
    """One authenticated client.

    name: the identity that owns objects and that policies speak of; compared exactly.
    source: what vouched for it ("certificate", "password", "ticket"). Owners compare by name, so whoever makes
        principals sees to it that each name comes from one source (ADR 0023).
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
