"""The tickets that are valid: for whom, how long, how often, how many."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve

from kmip_core.enums import ResultReason, TicketType
from kmip_core.errors import KmipError
from kmip_core.messages import Ticket
from kmip_core.principal import Principal, Source
from kmip_core.settings import TicketUse
from kmip_core.tickets import Grant, Tickets

ALICE = Principal(name="alice")
BOB = Principal(name="bob")
BOB_AS_ALICE = Principal(name="alice", source=Source.PASSWORD, certificate_name="bob")


def a_ticket(value: bytes = b"secret", ticket_type: int = TicketType.LOGIN) -> Ticket:
    return Ticket(ticket_type=ticket_type, ticket_value=value)


def a_grant(name: str = "alice", **changes: Any) -> Grant:
    return evolve(Grant(name=name, certificate_name=name, expires=100), **changes)


def reason(work: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        work()
    return refused.value.reason


@pytest.mark.parametrize(
    ("shown", "asker", "use", "now", "valid"),
    [
        pytest.param(a_ticket(), ALICE, TicketUse.BOUND, 0, True, id="ok by its holder"),
        pytest.param(a_ticket(), ALICE, TicketUse.BOUND, 99, True, id="ok in its last second"),
        pytest.param(a_ticket(), BOB, TicketUse.BEARER, 0, True, id="ok by a bearer"),
        pytest.param(a_ticket(), ALICE, TicketUse.BOUND, 100, False, id="fail expired"),
        pytest.param(a_ticket(), BOB, TicketUse.BEARER, 100, False, id="fail expired for a bearer"),
        pytest.param(a_ticket(), BOB, TicketUse.BOUND, 0, False, id="fail foreign"),
        pytest.param(a_ticket(), BOB_AS_ALICE, TicketUse.BOUND, 0, False, id="fail foreign but for the name"),
        pytest.param(a_ticket(b"guessed"), ALICE, TicketUse.BOUND, 0, False, id="fail unknown"),
        pytest.param(a_ticket(b""), ALICE, TicketUse.BEARER, 0, False, id="fail empty"),
        pytest.param(a_ticket(ticket_type=2), ALICE, TicketUse.BOUND, 0, False, id="fail of another type"),
    ],
)
def test_a_ticket_serves_its_holder_for_its_time(
    shown: Ticket, asker: Principal, use: TicketUse, now: int, valid: bool
) -> None:
    tickets, grant = Tickets(), a_grant()
    tickets.issue(a_ticket(), grant, 0)

    if valid:
        assert tickets.find(shown, asker, use, now) is grant
    else:
        assert reason(lambda: tickets.find(shown, asker, use, now)) is ResultReason.INVALID_TICKET


def test_a_ticket_that_was_ended_is_worth_nothing() -> None:
    tickets = Tickets()
    tickets.issue(a_ticket(), a_grant(), 0)
    tickets.end(a_ticket())
    tickets.end(a_ticket())

    assert reason(lambda: tickets.find(a_ticket(), ALICE, TicketUse.BEARER, 0)) is ResultReason.INVALID_TICKET


def test_a_ticket_whose_requests_are_used_up_says_so_until_it_expires() -> None:
    tickets, grant = Tickets(), a_grant(request_count=2)
    tickets.issue(a_ticket(), grant, 0)

    grant.spend()
    grant.spend()

    for _ in range(2):
        assert tickets.find(a_ticket(), ALICE, TicketUse.BOUND, 99) is grant
        assert reason(grant.spend) is ResultReason.USAGE_LIMIT_EXCEEDED
    assert reason(lambda: tickets.find(a_ticket(), ALICE, TicketUse.BOUND, 100)) is ResultReason.INVALID_TICKET


def test_a_ticket_without_a_count_is_not_used_up() -> None:
    grant = a_grant()
    for _ in range(1_000):
        grant.spend()

    assert not grant.is_spent


def test_tickets_that_are_used_up_give_way_to_new_ones() -> None:
    tickets = Tickets(maximum_per_principal=2)
    for value in (b"1", b"2", b"3"):
        grant = a_grant(request_count=1)
        tickets.issue(a_ticket(value), grant, 0)
        grant.spend()
    tickets.issue(a_ticket(b"4"), a_grant(request_count=1), 0)

    assert reason(lambda: tickets.find(a_ticket(b"1"), ALICE, TicketUse.BOUND, 0)) is ResultReason.INVALID_TICKET
    assert tickets.find(a_ticket(b"4"), ALICE, TicketUse.BOUND, 0).request_count == 1


def test_requests_at_once_never_share_what_is_left() -> None:
    grant = a_grant(request_count=50)

    def spend(_: int) -> bool:
        try:
            grant.spend()
        except KmipError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert Counter(pool.map(spend, range(200))) == {True: 50, False: 150}


def test_tickets_are_limited_by_principal_and_all_together_until_they_expire() -> None:
    tickets = Tickets(maximum=3, maximum_per_principal=2)
    tickets.issue(a_ticket(b"1"), a_grant(), 0)
    tickets.issue(a_ticket(b"2"), a_grant(), 0)

    def third(name: str, now: int = 0) -> None:
        tickets.issue(a_ticket(b"3"), a_grant(name, expires=200), now)

    assert reason(lambda: third("alice")) is ResultReason.SERVER_LIMIT_EXCEEDED
    third("bob")
    assert reason(lambda: third("carol")) is ResultReason.SERVER_LIMIT_EXCEEDED
    third("alice", now=100)


def test_neither_tickets_nor_what_is_kept_of_them_show_their_value() -> None:
    tickets = Tickets()
    tickets.issue(a_ticket(), a_grant(), 0)

    assert "secret" not in repr((a_ticket(), tickets))
    assert b"secret" not in b"".join(tickets._grants)
