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


def test_a_ticket_ends_with_its_last_request() -> None:
    tickets, grant = Tickets(), a_grant(request_count=2)
    tickets.issue(a_ticket(), grant, 0)

    tickets.spend(a_ticket(), grant)
    assert tickets.find(a_ticket(), ALICE, TicketUse.BOUND, 0) is grant
    tickets.spend(a_ticket(), grant)

    assert reason(lambda: tickets.find(a_ticket(), ALICE, TicketUse.BOUND, 0)) is ResultReason.INVALID_TICKET
    assert reason(lambda: tickets.spend(a_ticket(), grant)) is ResultReason.INVALID_TICKET


def test_a_ticket_without_a_count_is_not_used_up() -> None:
    tickets, grant = Tickets(), a_grant()
    tickets.issue(a_ticket(), grant, 0)
    for _ in range(1_000):
        tickets.spend(a_ticket(), grant)

    assert tickets.find(a_ticket(), ALICE, TicketUse.BOUND, 0) is grant


def test_requests_at_once_never_share_what_is_left() -> None:
    tickets, grant = Tickets(), a_grant(request_count=50)
    tickets.issue(a_ticket(), grant, 0)

    def spend(_: int) -> bool:
        try:
            tickets.spend(a_ticket(), grant)
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
