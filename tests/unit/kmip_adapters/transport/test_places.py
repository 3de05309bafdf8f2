"""Places for connections: sessions keep theirs, unfinished handshakes give way."""

import pytest
from attrs import define, field

from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.places import Places, network_of


@define(eq=False)
class Peer:
    network: str
    has_given_way: bool = field(default=False, init=False)

    def give_way(self) -> None:
        self.has_given_way = True


def places(**limits: int) -> tuple[Places, TransportCounters]:
    counters = TransportCounters()
    return Places(TransportLimits(**limits), counters), counters


def come(rooms: Places, network: str = "192.0.2.1", *, finish: bool = False) -> Peer | None:
    """Let a connection in, if there is room; returns None if not."""
    if rooms.make_room(network) is not None:
        return None
    peer = Peer(network)
    rooms.enter(peer)
    if finish:
        rooms.finish_handshake(peer)
    return peer


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_are_counted_by_what_one_client_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_half_open_connections_from_many_addresses_never_keep_a_client_out() -> None:
    rooms, counters = places(max_connections=8)
    session = come(rooms, "198.51.100.1", finish=True)
    flood = [come(rooms, f"192.0.2.{number}") for number in range(100)]
    assert None not in flood

    good = come(rooms, "198.51.100.2")

    assert [peer.has_given_way for peer in (session, good) if peer is not None] == [False, False]
    still_there = [peer for peer in flood if peer is not None and not peer.has_given_way]
    assert len(still_there) == 1  # of the two places in eight that handshakes have
    assert counters.handshakes_open == 2
    assert counters.connections_open == 3


def test_a_session_is_never_ended_for_a_newcomer() -> None:
    rooms, _ = places(max_connections=3)
    sessions = [come(rooms, finish=True) for _ in range(3)]

    assert rooms.make_room("198.51.100.1") == "max_connections"
    assert all(peer is not None and not peer.has_given_way for peer in sessions)


def test_the_oldest_handshake_of_an_address_gives_way_to_a_newer_one_of_it() -> None:
    rooms, _ = places(handshakes_per_address=2)
    other = come(rooms, "198.51.100.1")
    first, second, third = (come(rooms) for _ in range(3))

    assert [peer.has_given_way for peer in (other, first, second, third) if peer] == [False, True, False, False]


def test_an_address_at_its_limit_of_sessions_is_kept_out_alone() -> None:
    rooms, _ = places(connections_per_address=2)
    assert come(rooms, finish=True)
    assert come(rooms, finish=True)

    assert rooms.make_room("192.0.2.1") == "connections_per_address"
    assert rooms.make_room("192.0.2.2") is None


def test_places_of_those_that_leave_are_free_again() -> None:
    rooms, counters = places(max_connections=1, connections_per_address=1)
    for _ in range(3):
        peer = come(rooms, finish=True)
        assert peer is not None
        rooms.leave(peer)
        rooms.leave(peer)

    assert counters.connections_open == counters.handshakes_open == 0


def test_connections_of_an_identity_are_counted() -> None:
    rooms, _ = places(connections_per_identity=2)

    assert [rooms.enter_identity("alice") for _ in range(3)] == [True, True, False]
    rooms.leave_identity("alice")
    rooms.leave_identity("alice")
    assert rooms.enter_identity("alice")
    assert rooms.enter_identity("bob")
