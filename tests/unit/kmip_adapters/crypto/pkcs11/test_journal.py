"""What is noted of keys whose making or destruction is under way."""

from pathlib import Path

from kmip_adapters.crypto.pkcs11 import journal
from kmip_adapters.crypto.pkcs11.journal import Journal


def test_keys_that_are_not_settled_are_found_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = Journal(path)
    for key_id in (b"1", b"2", b"3", b"4"):
        first.begin(key_id)
    first.keep(b"1")
    first.gone(b"2")
    first.keep(b"4")
    first.doom(b"4")

    assert Journal(path).unsettled() == {b"3", b"4"}


def test_a_line_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path).begin(b"1")
    with path.open("a") as file:
        file.write("begin 3")

    assert Journal(path).unsettled() == {b"1"}


def test_the_file_does_not_grow_without_bound(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    kept = Journal(path)
    kept.begin(b"open")
    for number in range(journal._REWRITE_AT):
        kept.keep(number.to_bytes(2))

    assert len(path.read_text().splitlines()) < 10
    assert Journal(path).unsettled() == {b"open"}
    assert path.stat().st_mode & 0o077 == 0


def test_a_server_that_forgets_writes_nothing() -> None:
    kept = Journal(None)
    kept.begin(b"1")
    kept.leave(b"1")

    assert kept.unsettled() == {b"1"}


def test_work_in_progress_is_not_unsettled_until_it_fails(tmp_path: Path) -> None:
    kept = Journal(tmp_path / "journal")
    for key_id in (b"made", b"doomed", b"failed"):
        kept.begin(key_id)
    kept.doom(b"doomed")

    assert kept.unsettled() == frozenset()
    kept.leave(b"failed")
    assert kept.unsettled() == {b"failed"}
    kept.gone(b"failed")
    assert kept.unsettled() == frozenset()


def test_entries_of_processes_that_have_ended_are_taken_over(tmp_path: Path) -> None:
    own, other, missing = tmp_path / "own", tmp_path / "other", tmp_path / "missing"
    Journal(own).doom(b"1")  # which the other one had made
    made = Journal(other)
    made.begin(b"1")
    made.keep(b"1")
    made.begin(b"2")

    taken = Journal(own, [own, other, missing])

    assert taken.unsettled() == {b"1", b"2"}
    assert not other.exists()
    assert Journal(own).unsettled() == {b"1", b"2"}
