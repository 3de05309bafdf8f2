"""The check of a trail: quiet on a whole one, not to be deceived by any single change."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.lines import Head
from kmip_adapters.audit.verify import verify
from kmip_core.ports.audit import AuditRecord
from tests.rounds import rounds


def a_trail(folder: Path, count: int, chain: str = "main", maximum_size: int | None = None) -> Head:
    trail = FileTrail(folder, chain, maximum_size=maximum_size)
    for number in range(count):
        trail.append(AuditRecord(record_id=str(number), time=number, principal="alice", event="Get"))
    trail.close()
    return trail.head


def texts(folder: Path, heads: dict[str, Head] | None = None) -> list[str]:
    return [str(problem).removeprefix(f"{folder}/") for problem in verify(folder, heads)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    a_trail(folder, 6)
    return (folder / "main.jsonl").read_bytes()


def test_whole_trails_of_several_processes_have_no_problems(tmp_path: Path) -> None:
    heads = {chain: a_trail(tmp_path, 7, chain, maximum_size=500) for chain in ("main", "worker-2")}

    assert verify(tmp_path) == []
    assert verify(tmp_path, heads) == []
    assert verify(tmp_path, {"main": Head()}) == []


def test_an_empty_folder_is_whole(tmp_path: Path) -> None:
    assert verify(tmp_path) == []


@settings(max_examples=rounds(37, nightly=150), deadline=None)
@given(data=st.data())
def test_any_single_changed_byte_is_found(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    folder = tmp_path_factory.getbasetemp() / "changed"
    folder.mkdir(exist_ok=True)
    (folder / "main.jsonl").write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])

    assert verify(folder) != []


@pytest.mark.parametrize("gone", range(5))
def test_a_line_removed_from_the_beginning_or_middle_is_found(tmp_path: Path, whole: bytes, gone: int) -> None:
    lines = whole.splitlines(keepends=True)
    (tmp_path / "main.jsonl").write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))

    assert verify(tmp_path) != []


def test_any_other_order_is_found(tmp_path: Path, whole: bytes) -> None:
    lines = whole.splitlines(keepends=True)
    shuffler = random.Random(1)
    for _ in range(30):
        order = list(lines)
        shuffler.shuffle(order)
        (tmp_path / "main.jsonl").write_bytes(b"".join(order))

        assert (verify(tmp_path) == []) == (order == lines)


def test_a_doubled_line_is_found(tmp_path: Path, whole: bytes) -> None:
    lines = whole.splitlines(keepends=True)
    (tmp_path / "main.jsonl").write_bytes(b"".join([*lines[:3], lines[2], *lines[3:]]))

    assert texts(tmp_path) == [
        "main.jsonl:4: has sequence 3 where 4 should follow",
    ]


def test_a_line_of_another_chain_is_found(tmp_path: Path) -> None:
    a_trail(tmp_path, 3, "other")
    (tmp_path / "other.jsonl").rename(tmp_path / "main.jsonl")

    assert texts(tmp_path)[0] == "main.jsonl:1: belongs to chain 'other'"


def test_a_line_from_another_history_is_found(tmp_path: Path, whole: bytes) -> None:
    a_trail(tmp_path, 6, maximum_size=None)
    lines = whole.splitlines(keepends=True)
    (tmp_path / "b").mkdir()
    trail = FileTrail(tmp_path / "b")
    for number in range(6):
        trail.append(AuditRecord(record_id=str(number), time=number, principal="mallory", event="Get"))
    trail.close()
    foreign = (tmp_path / "b" / "main.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "main.jsonl").write_bytes(b"".join([*lines[:3], *foreign[3:]]))

    assert texts(tmp_path) == ["main.jsonl:4: does not follow from the record before it"]


def test_a_removed_file_is_found_first_or_middle(tmp_path: Path) -> None:
    a_trail(tmp_path, 8, maximum_size=600)
    first, second, *_ = sorted(tmp_path.glob("main.0*"))
    kept = first.read_bytes()
    first.unlink()

    assert texts(tmp_path) == ["main.000000000003.jsonl:1: the records before sequence 3 are missing"]
    first.write_bytes(kept)
    second.unlink()
    assert texts(tmp_path) == ["main.000000000005.jsonl:1: has sequence 5 where 3 should follow"]


def test_more_files_gone_than_the_trail_removed_itself_is_found(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path, maximum_size=900, keep_files=2)
    for number in range(30):
        trail.append(AuditRecord(record_id=str(number), time=number, principal="alice", event="Get"))
    trail.close()
    heads = {"main": Head(2, "0" * 64)}

    assert verify(tmp_path) == []
    assert verify(tmp_path, heads) == []  # that head's record was removed on record
    min(tmp_path.glob("main.0*")).unlink()
    assert "are missing" in texts(tmp_path)[0]


def test_a_note_of_a_client_accounts_for_nothing(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path, maximum_size=600)
    for number in range(8):
        trail.append(
            AuditRecord(
                record_id=str(number),
                time=number,
                principal="mallory",
                event="Trail shortened",
                message="the trail now begins at sequence 3",
            )
        )
    trail.close()
    min(tmp_path.glob("main.0*")).unlink()

    assert len(verify(tmp_path)) == 1


def test_a_cut_end_is_found_with_a_head_kept_elsewhere(tmp_path: Path, whole: bytes) -> None:
    head = a_trail(tmp_path, 6)
    lines = whole.splitlines(keepends=True)
    (tmp_path / "main.jsonl").write_bytes(b"".join(lines[:4]))

    assert texts(tmp_path) == []
    assert texts(tmp_path, {"main": head}) == ["main.jsonl:4: ends at sequence 4; it had 6 records"]


def test_a_chain_written_anew_is_found_with_a_head_kept_elsewhere(tmp_path: Path) -> None:
    a_trail(tmp_path, 3)

    assert texts(tmp_path, {"main": Head(2, "ab" * 32)}) == [
        "main.jsonl:2: is not the record 2 of which the hash was kept"
    ]


def test_a_chain_that_is_gone_is_found_with_a_head_kept_elsewhere(tmp_path: Path) -> None:
    assert texts(tmp_path, {"main": Head(2, "ab" * 32)}) == ["main.jsonl: chain main is missing; it had 2 records"]


def test_each_kind_of_bad_line_is_reported_with_its_number(tmp_path: Path, whole: bytes) -> None:
    lines = whole.splitlines(keepends=True)
    lines[1] = b"what?\n"
    lines[3] = lines[3].replace(b"alice", b"carol")
    lines[5] = lines[5][:-1]
    (tmp_path / "main.jsonl").write_bytes(b"".join(lines))
    found = texts(tmp_path)

    assert found[0] == "main.jsonl:2: is not a record of the audit trail"
    assert "main.jsonl:4: was changed: its hash does not fit" in found
    assert found[-1].startswith("main.jsonl:6: is unfinished")
