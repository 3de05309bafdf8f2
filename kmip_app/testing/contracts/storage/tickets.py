"""Tickets: kept, spent, ended and counted."""

import pytest
from attrs import evolve

from kmip_app.testing.contracts.storage.support import (
    Opener,
    Store,
)
from kmip_core.enums import (
    Operation,
)
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.rights import ObjectGroups, Objects, Operations, Right, Rights
from kmip_core.tickets import Grant, StoredTicket, TicketCounts

# --- tickets --------------------------------------------------------------------------------------------------------


def a_stored_ticket(
    digest: str = "d1", name: str = "alice", expires: int = 100, left: int | None = None
) -> StoredTicket:
    rights = Rights(
        rights=(
            Right(operations=Operations(operations=(Operation.GET,)), objects=Objects(unique_identifiers=("k",))),
            Right(object_groups=ObjectGroups(object_groups=())),
        )
    )
    grant = Grant(name=name, certificate_name=f"{name}'s", expires=expires, rights=rights)
    return StoredTicket(digest=digest, grant=grant, left=left)


def keep_ticket(store: Store, ticket: StoredTicket, now: int = 0, *, forgets_spent: bool = False) -> None:
    with store.unit_of_work() as work:
        work.add_ticket(ticket, now, forgets_spent=forgets_spent)
        assert work.has_writes
        assert work.ticket(ticket.digest) == ticket
        work.commit()


def kept_ticket(store: Store, digest: str = "d1") -> StoredTicket | None:
    with store.unit_of_work() as work:
        found: StoredTicket | None = work.ticket(digest)
        return found


def test_a_ticket_is_found_as_it_was_kept_until_it_is_ended(opener: Opener) -> None:
    store = opener()
    assert kept_ticket(store) is None
    keep_ticket(store, a_stored_ticket())
    keep_ticket(store, bare := StoredTicket(digest="d2", grant=Grant(name="é", certificate_name="", expires=9), left=3))
    if store.is_durable:
        store.close()
        store = opener()

    assert kept_ticket(store) == a_stored_ticket()
    assert kept_ticket(store, "d2") == bare
    for _ in range(2):
        with store.unit_of_work() as work:
            work.end_ticket("d1")
            assert work.ticket("d1") is None
            work.commit()
    assert kept_ticket(store) is None
    assert kept_ticket(store, "d2") == bare
    store.close()


def test_a_unit_of_work_without_commit_neither_makes_nor_ends_a_ticket(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket())
    with store.unit_of_work() as work:
        work.add_ticket(a_stored_ticket("d2"), 0, forgets_spent=False)
        work.end_ticket("d1")

    assert (kept_ticket(store), kept_ticket(store, "d2")) == (a_stored_ticket(), None)
    store.close()


def test_of_two_that_spend_one_request_of_a_ticket_one_has_it(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket(left=2))
    with store.unit_of_work() as one, store.unit_of_work() as other:
        for work in (one, other):
            found = work.ticket("d1")
            work.save_ticket(evolve(found, left=found.left - 1))
        one.commit()
        with pytest.raises(ConcurrentChange):
            other.commit()

    assert kept_ticket(store) == a_stored_ticket(left=1)
    store.close()


def test_a_ticket_that_was_ended_meanwhile_is_not_spent(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket(left=2))
    with store.unit_of_work() as spending:
        spending.save_ticket(evolve(spending.ticket("d1"), left=1))
        with store.unit_of_work() as ending:
            ending.end_ticket("d1")
            ending.commit()
        with pytest.raises(ConcurrentChange):
            spending.commit()

    assert kept_ticket(store) is None
    store.close()


def test_tickets_are_counted_by_principal_and_all_together(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket("d1"))
    keep_ticket(store, a_stored_ticket("d2", left=0))
    keep_ticket(store, a_stored_ticket("d3", "bob", left=5))
    keep_ticket(store, a_stored_ticket("d4", expires=50))

    with store.unit_of_work() as work:
        assert work.count_tickets("alice", 49) == TicketCounts(own=3, own_spent=1, in_all=4)
        assert work.count_tickets("alice", 50) == TicketCounts(own=2, own_spent=1, in_all=3)
        assert work.count_tickets("bob", 0) == TicketCounts(own=1, own_spent=0, in_all=4)
        assert work.count_tickets("al", 100) == TicketCounts(own=0, own_spent=0, in_all=0)
        work.add_ticket(a_stored_ticket("d5"), 0, forgets_spent=False)
        assert work.count_tickets("alice", 0) == TicketCounts(own=4, own_spent=1, in_all=5)
    store.close()


def test_a_new_ticket_has_expired_ones_forgotten_and_spent_ones_where_asked(opener: Opener) -> None:
    store = opener()
    keep_ticket(store, a_stored_ticket("expired", "bob", expires=10))
    keep_ticket(store, a_stored_ticket("spent", left=0))
    keep_ticket(store, a_stored_ticket("another's", "bob", left=0))
    keep_ticket(store, a_stored_ticket("good", expires=11))

    keep_ticket(store, a_stored_ticket("new"), 10)
    assert [kept_ticket(store, d) is None for d in ("expired", "spent", "another's", "good")] == [True] + [False] * 3
    keep_ticket(store, a_stored_ticket("newer"), 10, forgets_spent=True)
    assert [kept_ticket(store, d) is None for d in ("spent", "another's", "good", "new")] == [True] + [False] * 3
    store.close()
