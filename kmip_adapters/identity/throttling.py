"""A throttle for wrong passwords: a burst is allowed, then one guess at a time.

A guess costs the client nothing, and the server a slow hash. Each place, which is a client certificate at an address,
has an allowance for each user name, and one for all names together, so that a client can search neither for one user's
password nor for the user of one password. There is no allowance for a name from all places: it would let any client
lock a user out. The allowance grows back with time; a restart restores it.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from attrs import frozen

from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.principal import Principal

LOG: Final = logging.getLogger("kmipd.identity")

TOO_MANY: Final = "too many wrong passwords; try again in a minute"


@frozen(kw_only=True)
class Allowance:
    """at_once: guesses before a client has to wait.  seconds: until one more is allowed."""

    at_once: int
    seconds: float

    def divided(self, processes: int) -> "Allowance":
        """Return what each of several processes allows, so that together they allow no more; each at least one."""
        return Allowance(at_once=max(1, self.at_once // processes), seconds=self.seconds * processes)


FOR_A_NAME: Final = Allowance(at_once=10, seconds=60.0)
FOR_A_PLACE: Final = Allowance(at_once=100, seconds=6.0)  # a gateway asks for many users

REMEMBERED: Final = 16_384
"""Names and places that are kept at once, some 4 MiB.  The least recently used is dropped first: an attacker who wants
one dropped needs more places than that gains guesses, and no other client is refused for it."""


class PasswordThrottle:
    """Counts wrong passwords by client and user name. Re-entrant.

    now: seconds, of a clock that never goes back.  processes: that count by themselves and share the allowances.
    """

    def __init__(
        self, now: Callable[[], float] = time.monotonic, *, remembered: int = REMEMBERED, processes: int = 1
    ) -> None:
        self._now = now
        self._of_name = FOR_A_NAME.divided(processes)
        self._of_place = FOR_A_PLACE.divided(processes)
        self._remembered = remembered
        self._spent: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # guesses, and when they were so many
        self._lock = threading.Lock()

    def check(self, name: str, principal: Principal) -> None:
        """Raise KmipError (Authentication Not Successful) if no more passwords are checked for the name now."""
        if not self._spent:
            return
        with self._lock:
            for key, allowance in self._keys(name, principal):
                self._check(key, allowance)

    def spend(self, name: str, principal: Principal) -> None:
        """Count one guess before its password is hashed.  Raises as `check` does."""
        with self._lock:
            keys = self._keys(name, principal)
            spent = [self._check(key, allowance) + 1 for key, allowance in keys]
            for (key, allowance), guesses in zip(keys, spent, strict=True):
                self._keep(key, guesses)
                if guesses > allowance.at_once - 1:
                    LOG.warning("%s: too many wrong passwords; few more are checked", principal.address)

    def refund(self, name: str, principal: Principal) -> None:
        """Count one guess less: the password was right."""
        with self._lock:
            for key, allowance in self._keys(name, principal):
                self._keep(key, self._spent_of(key, allowance) - 1)

    def _keys(self, name: str, principal: Principal) -> tuple[tuple[bytes, Allowance], ...]:
        """Return what guesses are counted for; digests, since clients choose how long a name is."""
        place = f"{_network(principal.address)} {principal.certificate_name}".encode()
        of_name = hashlib.sha256(place + b"\0" + name.encode()).digest()
        return (of_name, self._of_name), (hashlib.sha256(place).digest(), self._of_place)

    def _check(self, key: bytes, allowance: Allowance) -> float:
        """Return how many guesses are spent."""
        spent = self._spent_of(key, allowance)
        if spent > allowance.at_once - 1:
            raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, TOO_MANY)
        return spent

    def _spent_of(self, key: bytes, allowance: Allowance) -> float:
        spent, when = self._spent.get(key, (0.0, 0.0))
        return max(0.0, spent - (self._now() - when) / allowance.seconds)

    def _keep(self, key: bytes, spent: float) -> None:
        self._spent.pop(key, None)
        if spent > 0:
            self._spent[key] = (spent, self._now())
        if len(self._spent) > self._remembered:
            self._spent.popitem(last=False)


def _network(address: str) -> str:
    """Return what one host cannot change: its IPv4 address, or the first 64 bits of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((parsed.packed, 64), strict=False))
