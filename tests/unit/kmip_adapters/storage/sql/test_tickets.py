"""Tickets in the database: sealed, and bound to their names."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_adapters.storage.sql.tickets import PREFIX
from kmip_core.tickets import Grant, StoredTicket

TICKET = StoredTicket(digest="aa", grant=Grant(name="alice", certificate_name="alice", expires=100), left=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStorage]:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    opened = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    keep(opened, TICKET)
    yield opened
    opened.close()


def keep(store: SqlStorage, ticket: StoredTicket) -> None:
    with store.unit_of_work() as work:
        work.add_ticket(ticket, 0, forgets_spent=False)
        work.commit()


def kept(store: SqlStorage, digest: str = "aa") -> StoredTicket | None:
    with store.unit_of_work() as work:
        return work.ticket(digest)


def value(store: SqlStorage, digest: str = "aa") -> str:
    found = store.database.fact(PREFIX + digest)
    assert found is not None
    return found


def test_a_row_names_no_client_and_its_numbers_do_not_count(store: SqlStorage) -> None:
    expires, left, owner, sealed = value(store).split(":")
    assert "alice" not in value(store)

    store.set_fact(f"{PREFIX}aa", f"{int(expires) + 1000:020}:{int(left) + 1000:020}:{owner}:{sealed}")

    assert kept(store) == TICKET


@pytest.mark.parametrize("damage", ["", "x", "AAAA", ":::", "é"], ids=repr)
def test_a_row_that_was_changed_is_no_ticket(store: SqlStorage, damage: str) -> None:
    store.set_fact(f"{PREFIX}aa", damage)

    assert kept(store) is None


def test_a_row_under_another_name_is_no_ticket(store: SqlStorage) -> None:
    store.set_fact(f"{PREFIX}bb", value(store))

    assert kept(store, "bb") is None


def test_a_ticket_is_sealed_again_under_a_new_data_key(store: SqlStorage, tmp_path: Path) -> None:
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(tmp_path / "root.key"))
    other = SqlStorage(f"sqlite:///{tmp_path}/kmipd.db", make_sealer)
    other.sealer.begin_data_key()
    other.close()

    for attempt in range(2):
        with store.unit_of_work() as work:
            found = work.ticket("aa")
            assert found is not None
            work.save_ticket(evolve(found, left=0))
            try:
                work.commit()
                break
            except Exception:
                assert attempt == 0

    assert kept(store) == evolve(TICKET, left=0)
