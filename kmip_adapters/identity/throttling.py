"""A throttle for wrong passwords: a burst is allowed, then one guess at a time.

A guess costs the client nothing, and the server a slow hash. Each place, which is a client certificate at an address,
has an allowance for each user name, and one for all names together, so that a client can search neither for one user's
password nor for the user of one password. There is no allowance for a name from all places: it would let any client
lock a user out. Allowances grow back with time. Where they are kept, in the process or in a store that several
processes share, is the matter of an `Allowances`.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from attrs import field

from kmip_adapters.identity.remembered_allowances import RememberedAllowances
from kmip_core.classes import frozen
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.allowances import Allowances, Charge
from kmip_core.principal import Principal

LOG: Final = logging.getLogger("kmipd.identity")

TOO_MANY: Final = "too many wrong passwords; try again in a minute"


class TooManyGuesses(KmipError):
    """No more passwords are checked now (Authentication Not Successful)."""

    def __init__(self) -> None:
        super().__init__(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, TOO_MANY)


@frozen(kw_only=True)
class Allowance:
    """at_once: guesses before a client has to wait.  milliseconds: until one more is allowed."""

    at_once: int
    milliseconds: int


FOR_A_NAME: Final = Allowance(at_once=10, milliseconds=60_000)
FOR_A_PLACE: Final = Allowance(at_once=100, milliseconds=6_000)  # a gateway asks for many users


def milliseconds() -> int:
    """Return the milliseconds since 1970-01-01 UTC: a clock that several processes share."""
    return time.time_ns() // 1_000_000


@frozen
class PasswordThrottle:
    """Counts wrong passwords by client and user name. Re-entrant; blocks where its allowances do.

    now: milliseconds, of a clock that all who share the allowances share.
    All methods raise KmipError if the allowances cannot be read or written.
    """

    allowances: Allowances = field(factory=RememberedAllowances)
    now: Callable[[], int] = milliseconds

    def check(self, name: str, principal: Principal) -> None:
        """Raise TooManyGuesses if no more passwords are checked for the name now."""
        if self.allowances.left(_charges(name, principal), self.now()) == 0:
            raise TooManyGuesses

    def spend(self, name: str, principal: Principal) -> None:
        """Count one guess before its password is hashed.  Raises as `check` does."""
        left = self.allowances.spend(_charges(name, principal), self.now())
        if left is None:
            raise TooManyGuesses
        if left == 0:
            LOG.warning("%s: too many wrong passwords; few more are checked", principal.address)

    def refund(self, name: str, principal: Principal) -> None:
        """Count one guess less: the password was right."""
        self.allowances.refund(_charges(name, principal), self.now())


def _charges(name: str, principal: Principal) -> tuple[Charge, ...]:
    """Return what guesses are counted for; digests, since clients choose how long a name is."""
    place = f"{_network(principal.address)} {principal.certificate_name}".encode(errors="surrogatepass")
    of_name = hashlib.sha256(place + b"\0" + name.encode(errors="surrogatepass")).hexdigest()
    return _charge(of_name, FOR_A_NAME), _charge(hashlib.sha256(place).hexdigest(), FOR_A_PLACE)


def _charge(key: str, allowance: Allowance) -> Charge:
    return Charge(key, allowance.at_once, allowance.milliseconds)


def _network(address: str) -> str:
    """Return what one host cannot change: its IPv4 address, or the first 64 bits of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((parsed.packed, 64), strict=False))
