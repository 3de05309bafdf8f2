"""Who may be connected: places for connections, by address and identity, with those of finished handshakes reserved.

A connection without a finished handshake has cost its client nothing. So it never keeps others out: where a limit is
met, the oldest unfinished handshake gives way, and a connection is refused only if all places belong to sessions.
Addresses of IPv6 are counted by their /64, since a single host has all of one.
"""

import ipaddress
from collections import Counter
from typing import Final, Protocol

from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits

IPV6_PREFIX: Final = 64  # bits: what one subscriber is given at least. RFC 6177


class Occupant(Protocol):
    """A connection as far as its place is concerned."""

    @property
    def network(self) -> str:
        """Whence it comes, as `network_of` gives it."""
        ...

    def give_way(self) -> None:
        """End at once: its handshake is not finished, and its place is needed."""
        ...


def network_of(address: str) -> str:
    """Return what an address is counted by: itself, or its /64 for IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_PREFIX), strict=False))


class Places:
    """The places of one server; touched on the loop's thread only."""

    def __init__(self, limits: TransportLimits, counters: TransportCounters) -> None:
        self._limits = limits
        self._counters = counters
        self._of_network: Counter[str] = Counter()
        self._unfinished: dict[Occupant, None] = {}  # oldest first
        self._unfinished_of_network: dict[str, dict[Occupant, None]] = {}
        self._of_identity: Counter[str] = Counter()
        self._taken: set[Occupant] = set()

    def make_room(self, network: str) -> str | None:
        """Make room for a connection from `network`; returns the limit that keeps it out, None if it may come."""
        limits = self._limits
        of_network = self._unfinished_of_network.get(network, {})
        if len(of_network) >= limits.handshakes_per_address:
            self._end_oldest(of_network)
        if self._of_network[network] >= limits.connections_per_address and not self._end_oldest(of_network):
            return "connections_per_address"
        if len(self._unfinished) >= limits.unfinished_handshakes:
            self._end_oldest(self._unfinished)
        if len(self._taken) >= limits.max_connections and not self._end_oldest(self._unfinished):
            return "max_connections"
        return None

    def enter(self, occupant: Occupant) -> None:
        """Give a new connection its place; its handshake is not finished."""
        self._taken.add(occupant)
        self._of_network[occupant.network] += 1
        self._unfinished[occupant] = None
        self._unfinished_of_network.setdefault(occupant.network, {})[occupant] = None
        self._count()

    def finish_handshake(self, occupant: Occupant) -> None:
        """Note that a connection has finished its handshake, or has no time left for it: it never gives way again."""
        if occupant not in self._unfinished:
            return
        del self._unfinished[occupant]
        of_network = self._unfinished_of_network[occupant.network]
        del of_network[occupant]
        if not of_network:
            del self._unfinished_of_network[occupant.network]
        self._count()

    def enter_identity(self, identity: str) -> bool:
        """Count a session of an identity; returns whether it is within the limit. `leave_identity` undoes it."""
        self._of_identity[identity] += 1
        return self._of_identity[identity] <= self._limits.connections_per_identity

    def leave_identity(self, identity: str) -> None:
        """Count a session of an identity off."""
        count_down(self._of_identity, identity)

    def leave(self, occupant: Occupant) -> None:
        """Free the place of a connection that has ended or is about to; again does nothing."""
        if occupant not in self._taken:
            return
        self.finish_handshake(occupant)
        self._taken.remove(occupant)
        count_down(self._of_network, occupant.network)
        self._count()

    def end_oldest_handshake(self) -> bool:
        """End the oldest connection whose handshake is not finished; returns whether there was one."""
        return self._end_oldest(self._unfinished)

    def _end_oldest(self, unfinished: dict[Occupant, None]) -> bool:
        oldest = next(iter(unfinished), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.give_way()
        return True

    def _count(self) -> None:
        self._counters.connections_open = len(self._taken)
        self._counters.handshakes_open = len(self._unfinished)


def count_down(counter: Counter[str], key: str) -> None:
    """Take one off, and forget a key that has none, so that memory does not grow with the number of clients."""
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
