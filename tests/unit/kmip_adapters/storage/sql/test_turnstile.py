"""Turns between processes; two turnstiles of one process exclude each other as well."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_adapters.storage.sql.turnstile import NoTurn, Turnstile

HANG = 120.0  # seconds; a hang limit


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Turnstile, Turnstile]]:
    both = Turnstile(tmp_path / "store", HANG), Turnstile(tmp_path / "store", HANG)
    yield both
    for one in both:
        one.close()


def test_a_free_turn_is_not_waited_for(pair: tuple[Turnstile, Turnstile]) -> None:
    for one in (*pair, *pair):
        with one.turn() as has_waited:
            assert has_waited is False


def test_two_never_have_a_turn_at_once_and_none_is_passed_over(pair: tuple[Turnstile, Turnstile]) -> None:
    inside: list[int] = []
    order: list[int] = []
    begin = threading.Barrier(2)

    def work(number: int) -> None:
        begin.wait(HANG)
        for _ in range(200):
            with pair[number].turn():
                inside.append(number)
                assert len(inside) == 1
                order.append(number)
                inside.pop()

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)

    assert sorted(order) == [0] * 200 + [1] * 200


def test_the_next_at_the_gate_comes_before_the_one_that_has_just_written(pair: tuple[Turnstile, Turnstile]) -> None:
    first, second = pair
    order: list[str] = []

    def wait() -> None:
        with second.turn() as has_waited:
            order.append(f"second {has_waited}")

    with first.turn():
        thread = threading.Thread(target=wait)
        thread.start()
        while not second._is_waiting:
            thread.join(0.01)
        while not _is_taken(first):  # until it stands at the gate
            thread.join(0.01)
    with first.turn() as has_waited:
        order.append(f"first {has_waited}")
    thread.join(HANG)

    # Whether the first had to wait depends on how soon the second is done.
    assert [each.split()[0] for each in order] == ["second", "first"]


def _is_taken(turnstile: Turnstile) -> bool:
    import fcntl

    try:
        fcntl.flock(turnstile._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(turnstile._gate, fcntl.LOCK_UN)
    return False


def test_patience_ends_and_the_next_turn_is_had_all_the_same(tmp_path: Path) -> None:
    holder, waiter = Turnstile(tmp_path / "store"), Turnstile(tmp_path / "store", patience=0.01)
    with holder.turn():
        for _ in range(2):
            with pytest.raises(NoTurn, match="kept the store"), waiter.turn():
                pytest.fail("it is another's turn")
    patient = Turnstile(tmp_path / "store", HANG)
    with patient.turn():  # the thread of the one that gave up has let go
        pass
    while True:
        try:
            with waiter.turn():
                break
        except NoTurn:
            continue
    for one in (holder, waiter, patient):
        one.close()


def test_one_that_is_closed_while_it_waits_does_not_keep_others(tmp_path: Path) -> None:
    holder, waiter = Turnstile(tmp_path / "store"), Turnstile(tmp_path / "store", patience=0.01)
    with holder.turn():
        with pytest.raises(NoTurn), waiter.turn():
            pytest.fail("it is another's turn")
        waiter.close()
    with Turnstile(tmp_path / "store", HANG).turn():
        pass


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "kmipd.sqlite.gate").symlink_to(elsewhere)

    with pytest.raises(OSError, match="symbolic links"):
        Turnstile(tmp_path / "kmipd.sqlite")

    assert not elsewhere.exists()
