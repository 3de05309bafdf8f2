"""The tickets that are valid: for whom, how long, how often, how many."""

from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.storage.memory import MemoryStorage
from kmip_core import tickets
from kmip_core.enums import ResultReason, TicketType
from kmip_core.errors import KmipError
from kmip_core.messages import Ticket
from kmip_core.principal import Principal, Source
from kmip_core.settings import TicketUse
from kmip_core.tickets import Grant

ALICE = Principal(name="alice")
BOB = Principal(name="bob")
BOB_AS_ALICE = Principal(name="alice", source=Source.PASSWORD, certificate_name="bob")


def a_ticket(value: bytes = b"secret", ticket_type: int = TicketType.LOGIN) -> Ticket:
    return Ticket(ticket_type=ticket_type, ticket_value=value)


def a_grant(name: str = "alice", **changes: Any) -> Grant:
    return evolve(Grant(name=name, certificate_name=name, expires=100), **changes)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


def issue(
    storage: MemoryStorage, ticket: Ticket, grant: Grant | None = None, count: int | None = None, now: int = 0
) -> None:
    with storage.unit_of_work() as work:
        tickets.issue(work, ticket, grant or a_grant(), count, now)
        work.commit()


def spend(storage: MemoryStorage, ticket: Ticket, now: int = 0) -> None:
    with storage.unit_of_work() as work:
        tickets.spend(work, tickets.find(work, ticket, ALICE, TicketUse.BOUND, now))
        work.commit()


def find(
    storage: MemoryStorage,
    ticket: Ticket,
    shown_by: Principal = ALICE,
    use: TicketUse = TicketUse.BOUND,
    now: int = 0,
) -> Grant:
    with storage.unit_of_work() as work:
        return tickets.find(work, ticket, shown_by, use, now).grant


def reason(work: Any) -> ResultReason:
    with pytest.raises(KmipError) as refused:
        work()
    return refused.value.reason


@pytest.mark.parametrize(
    ("shown", "principal", "use", "now", "valid"),
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
    storage: MemoryStorage, shown: Ticket, principal: Principal, use: TicketUse, now: int, valid: bool
) -> None:
    issue(storage, a_ticket())

    if valid:
        assert find(storage, shown, principal, use, now) == a_grant()
    else:
        assert reason(lambda: find(storage, shown, principal, use, now)) is ResultReason.INVALID_TICKET


def test_a_ticket_that_was_ended_is_refused(storage: MemoryStorage) -> None:
    issue(storage, a_ticket())
    for _ in range(2):
        with storage.unit_of_work() as work:
            work.end_ticket(tickets.digest_of(a_ticket()))
            work.commit()

    assert reason(lambda: find(storage, a_ticket(), use=TicketUse.BEARER)) is ResultReason.INVALID_TICKET


def test_a_ticket_whose_requests_are_used_up_says_so_until_it_expires(storage: MemoryStorage) -> None:
    issue(storage, a_ticket(), count=2)
    for _ in range(2):
        spend(storage, a_ticket())

    for _ in range(2):
        assert reason(lambda: spend(storage, a_ticket(), 99)) is ResultReason.USAGE_LIMIT_EXCEEDED
    assert reason(lambda: spend(storage, a_ticket(), 100)) is ResultReason.INVALID_TICKET


def test_a_ticket_without_a_count_is_not_used_up(storage: MemoryStorage) -> None:
    issue(storage, a_ticket())
    with storage.unit_of_work() as work:
        tickets.spend(work, tickets.find(work, a_ticket(), ALICE, TicketUse.BOUND, 0))

        assert not work.has_writes


def test_tickets_that_are_used_up_give_way_to_new_ones(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MAXIMUM_PER_PRINCIPAL", 2)
    for value in (b"1", b"2", b"3"):
        issue(storage, a_ticket(value), count=1)
        spend(storage, a_ticket(value))
    issue(storage, a_ticket(b"4"), count=1)

    assert reason(lambda: find(storage, a_ticket(b"1"))) is ResultReason.INVALID_TICKET
    assert find(storage, a_ticket(b"4")) == a_grant()


def test_tickets_are_limited_by_principal_and_all_together_until_they_expire(
    storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "MAXIMUM_PER_PRINCIPAL", 2)
    monkeypatch.setattr(tickets, "MAXIMUM_TICKETS", 3)
    issue(storage, a_ticket(b"1"))
    issue(storage, a_ticket(b"2"))

    def third(name: str, now: int = 0) -> None:
        issue(storage, a_ticket(b"3"), a_grant(name, expires=200), now=now)

    assert reason(lambda: third("alice")) is ResultReason.SERVER_LIMIT_EXCEEDED
    third("bob")
    assert reason(lambda: third("carol")) is ResultReason.SERVER_LIMIT_EXCEEDED
    third("alice", now=100)


def test_neither_tickets_nor_what_is_kept_of_them_show_their_value(storage: MemoryStorage) -> None:
    issue(storage, a_ticket())
    with storage.unit_of_work() as work:
        kept = tickets.find(work, a_ticket(), ALICE, TicketUse.BOUND, 0)

    assert "secret" not in repr((a_ticket(), kept))
