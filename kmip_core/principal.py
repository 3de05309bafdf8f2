"""Who asks: the authenticated party behind a request, as the transport established it."""

from collections.abc import Iterable

from attrs import field, frozen


def _names(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(groups)


@frozen(kw_only=True)
class Principal:
    """One authenticated client.

    name: the identity that owns objects and that policies speak of; compared exactly.
    source: what vouched for it ("certificate", "password", "ticket"): the same name from two sources is two identities
        only if the deployment maps it so; owners compare by name (RULINGS, PyKMIP's policies).
    groups: group names for operation policies; empty means the policy's preset section applies.
    """

    name: str
    source: str = "certificate"
    groups: frozenset[str] = field(default=frozenset(), converter=_names)
    address: str = ""
    certificate_serial: str = ""
