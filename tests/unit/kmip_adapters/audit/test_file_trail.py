"""The trail on disk: whole lines only, the chain over restarts and files, no record lost or doubled."""

import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.audit import file_trail
from kmip_adapters.audit.file_trail import REPAIRED, SHORTENED, FileTrail, UnusableTrail
from kmip_adapters.audit.lines import Head
from kmip_adapters.audit.verify import verify
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord


def a_record(record_id: str, time: int = 1_800_000_000, principal: str = "alice") -> AuditRecord:
    return AuditRecord(record_id=record_id, time=time, principal=principal, event="Get")


def told(folder: Path, name: str = "main.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line)["record"] for line in (folder / name).read_bytes().splitlines()]


def ids(folder: Path, name: str = "main.jsonl") -> list[str]:
    return [record["record_id"] for record in told(folder, name)]


@contextmanager
def a_full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: writes fail as on a full disk, some half way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


class Outbox:
    """Committed records of a store that crashed before they were acknowledged."""

    def __init__(self, *records: AuditRecord) -> None:
        self.records = list(records)

    def pending_records(self) -> tuple[AuditRecord, ...]:
        return tuple(self.records)

    def acknowledge(self, record_id: str) -> None:
        self.records = [record for record in self.records if record.record_id != record_id]


def test_folder_and_files_are_for_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    FileTrail(folder).close()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_file_with_loose_modes_is_tightened(tmp_path: Path) -> None:
    path = tmp_path / "main.jsonl"
    path.touch(0o644)
    FileTrail(tmp_path).close()

    assert path.stat().st_mode & 0o777 == 0o600


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    first = FileTrail(tmp_path)
    first.append(a_record("1"))
    first.close()
    second = FileTrail(tmp_path)

    assert second.head == first.head
    second.append(a_record("2"))
    second.close()

    assert ids(tmp_path) == ["1", "2"]
    assert verify(tmp_path) == []


def test_a_chain_has_one_writer(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    with pytest.raises(UnusableTrail, match="held by a running server"):
        FileTrail(tmp_path)
    other = FileTrail(tmp_path, "worker-2")
    other.close()
    trail.close()
    FileTrail(tmp_path).close()


@pytest.mark.parametrize("chain", ["", "a/b", "..", "a.b", "é", "x" * 73])
def test_a_chain_is_named_as_a_file_can_be(tmp_path: Path, chain: str) -> None:
    with pytest.raises(UnusableTrail, match="letters, digits"):
        FileTrail(tmp_path, chain)


def test_a_folder_that_cannot_be_made_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableTrail, match="cannot be used: Not a directory"):
        FileTrail(tmp_path / "file" / "audit")


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "main.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableTrail, match=r"cannot be opened: .*; it must be a file that this user may write"):
        FileTrail(tmp_path)
    (tmp_path / "main.jsonl").unlink()
    FileTrail(tmp_path).close()  # the failed one let go of its lock


@pytest.mark.parametrize("tail", [b'{"chain":"main","seq', b"\0" * 4_096, b"x"])
def test_an_unfinished_line_of_a_crash_is_cut_off_and_recorded(tmp_path: Path, tail: bytes) -> None:
    trail = FileTrail(tmp_path)
    trail.append(a_record("1"))
    trail.close()
    with (tmp_path / "main.jsonl").open("ab") as file:
        file.write(tail)
    trail = FileTrail(tmp_path)
    trail.append(a_record("2", time=77))
    trail.close()
    records = told(tmp_path)

    assert [record["event"] for record in records] == ["Get", REPAIRED, "Get"]
    assert records[1] == {
        "record_id": "main-2",
        "time": 77,
        "principal": "",
        "event": REPAIRED,
        "message": f"{len(tail)} bytes of an unfinished record were cut off",
    }
    assert verify(tmp_path) == []


def test_a_file_of_nothing_but_an_unfinished_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "main.jsonl").write_bytes(b'{"chain"')
    trail = FileTrail(tmp_path)
    trail.append(a_record("1"))
    trail.close()

    assert ids(tmp_path) == ["main-1", "1"]
    assert verify(tmp_path) == []


@pytest.mark.parametrize("damage", [b"alice", b'"hash":"', b"main"])
def test_a_damaged_last_record_is_not_built_upon(tmp_path: Path, damage: bytes) -> None:
    trail = FileTrail(tmp_path)
    trail.append(a_record("1"))
    trail.close()
    path = tmp_path / "main.jsonl"
    path.write_bytes(path.read_bytes().replace(damage, b"eve"))
    with pytest.raises(UnusableTrail, match="damaged: move the files of chain main out of"):
        FileTrail(tmp_path)
    path.unlink()
    FileTrail(tmp_path).close()


@pytest.mark.parametrize("room", [0, 10], ids=["no byte fits", "a part of the line fits"])
def test_on_a_full_disk_nothing_is_answered_and_the_chain_stays_whole(tmp_path: Path, room: int) -> None:
    trail = FileTrail(tmp_path)
    trail.append(a_record("1"))
    with a_full_disk((tmp_path / "main.jsonl").stat().st_size + room):
        for lost in ("lost", "lost too"):
            with pytest.raises(KmipError) as refused:
                trail.append(a_record(lost))

            assert refused.value.reason is ResultReason.GENERAL_FAILURE
            assert refused.value.message == "the audit trail cannot be written"
    trail.append(a_record("2"))
    trail.close()

    assert ids(tmp_path) == ["1", "2"]
    assert verify(tmp_path) == []


def test_a_disk_that_loses_data_ends_the_trail(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    reader, writer = os.pipe()  # a descriptor that fsync refuses, in the place of the file's
    os.dup2(writer, trail._descriptor)
    os.close(writer)
    trail.replay(Outbox())
    with pytest.raises(KmipError):
        trail.append(a_record("1"))
    trail.close()
    os.close(reader)


def test_a_record_is_synced_without_being_asked(tmp_path: Path) -> None:
    """Told by what the thread does at the same time: descriptors of files set aside are closed after their sync."""
    trail = FileTrail(tmp_path, maximum_size=1)
    trail.append(a_record("1"))
    trail.append(a_record("2"))
    waited = threading.Event()
    for _ in range(100):
        if not trail._set_aside:
            break
        waited.wait(file_trail.SYNC_WITHIN)

    assert trail._set_aside == []
    trail.close()


def test_full_files_are_set_aside_and_the_chain_goes_on_over_them(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path, maximum_size=600)
    for number in range(1, 6):
        trail.append(a_record(str(number)))
    trail.close()

    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == [
        "main.000000000001.jsonl",
        "main.000000000003.jsonl",
        "main.jsonl",
    ]
    assert ids(tmp_path, "main.000000000003.jsonl") == ["3", "4"]
    assert all(path.stat().st_size <= 600 for path in tmp_path.glob("*.jsonl"))
    assert verify(tmp_path) == []


def test_old_files_are_set_aside_also_after_a_restart(tmp_path: Path) -> None:
    began = 1_800_000_000
    for number, after in ((1, 0), (2, 59), (3, 60), (4, 61), (5, 121)):
        trail = FileTrail(tmp_path, maximum_age=60)
        trail.append(a_record(str(number), began + after))
        trail.close()

    assert [ids(tmp_path, path.name) for path in sorted(tmp_path.glob("*.jsonl"))] == [["1", "2"], ["3", "4"], ["5"]]
    assert verify(tmp_path) == []


def test_a_restart_after_a_turn_that_was_cut_short_goes_on_from_the_file_set_aside(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    trail.append(a_record("1"))
    trail.append(a_record("2"))
    trail.close()
    (tmp_path / "main.jsonl").rename(tmp_path / "main.000000000001.jsonl")
    trail = FileTrail(tmp_path)

    assert trail.head.sequence == 2
    trail.append(a_record("3"))
    trail.close()
    assert verify(tmp_path) == []


def test_a_turn_that_failed_half_way_is_finished_by_the_next_record(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path, maximum_size=400)
    trail.append(a_record("1"))
    (tmp_path / "main.jsonl").rename(tmp_path / "main.000000000001.jsonl")
    (tmp_path / "main.jsonl").mkdir()  # the new file cannot be made
    with pytest.raises(KmipError):
        trail.append(a_record("lost"))
    (tmp_path / "main.jsonl").rmdir()
    trail.append(a_record("2"))
    trail.close()

    assert ids(tmp_path, "main.000000000001.jsonl") == ["1"]
    assert ids(tmp_path) == ["2"]
    assert verify(tmp_path) == []


def test_a_restart_knows_with_which_record_the_file_begins(tmp_path: Path) -> None:
    for number in range(1, 8):
        trail = FileTrail(tmp_path, maximum_size=600)
        trail.append(a_record(str(number)))
        trail.close()

    assert sorted(path.name for path in tmp_path.glob("main.0*")) == [
        "main.000000000001.jsonl",
        "main.000000000003.jsonl",
        "main.000000000005.jsonl",
    ]
    assert verify(tmp_path) == []


@pytest.mark.parametrize("keep", [0, 1, 3])
def test_old_files_are_removed_only_on_record(tmp_path: Path, keep: int) -> None:
    trail = FileTrail(tmp_path, maximum_size=900, keep_files=keep)
    for number in range(30):
        trail.append(a_record(str(number)))
    trail.close()
    aside = sorted(tmp_path.glob("main.0*"))
    newest = [record for path in (*aside, tmp_path / "main.jsonl") for record in told(tmp_path, path.name)]

    assert len(aside) == keep
    assert SHORTENED in {record["event"] for record in newest}
    assert verify(tmp_path) == []


def test_replay_appends_what_the_trail_does_not_hold_and_acknowledges_all(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    trail.append(a_record("1"))
    trail.append(a_record("2"))
    trail.close()
    outbox = Outbox(a_record("2"), a_record("3"), a_record("4"))
    trail = FileTrail(tmp_path)

    assert trail.replay(outbox) == 2
    assert trail.replay(outbox) == 0
    trail.close()

    assert ids(tmp_path) == ["1", "2", "3", "4"]
    assert outbox.records == []


def test_replay_looks_into_other_chains_and_files_set_aside(tmp_path: Path) -> None:
    other = FileTrail(tmp_path, "worker-2", maximum_size=1)
    for number in range(1, 5):
        other.append(a_record(f"w{number}", time=100_000 + number))
    trail = FileTrail(tmp_path)

    assert trail.replay(Outbox(a_record("w1", time=100_001), a_record("w3", time=100_003))) == 0
    trail.close()
    other.close()


def test_replay_of_what_the_trail_holds_adds_nothing(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    for name in ("1", "2", "3"):
        trail.append(a_record(name))

    assert trail.replay(Outbox(a_record("3"))) == 0
    assert ids(tmp_path) == ["1", "2", "3"]
    trail.close()


def test_replay_looks_back_no_further_than_the_record_can_be(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    trail.append(a_record("ancient", time=1_000))
    trail.append(a_record("old", time=2_000))
    trail.append(a_record("new", time=100_000))

    assert trail.replay(Outbox(a_record("ancient", time=100_000))) == 1
    trail.close()


def test_replay_passes_over_lines_it_cannot_read(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    for name in ("1", "2", "3"):
        trail.append(a_record(name))
    path = tmp_path / "main.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"damaged\n" + lines[2])

    assert trail.replay(Outbox(a_record("1"), a_record("2"))) == 1
    trail.close()


def test_lines_longer_than_a_block_are_found_from_the_end(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)
    long = AuditRecord(
        record_id="long",
        time=1_800_000_000,
        principal="a",
        event="Locate",
        unique_identifiers=tuple("x" * 200 for _ in range(900)),
    )
    trail.append(a_record("1"))
    trail.append(long)
    trail.close()
    trail = FileTrail(tmp_path)

    assert (tmp_path / "main.jsonl").stat().st_size > 131_072
    assert trail.head.sequence == 2
    assert trail.replay(Outbox(a_record("1"), long)) == 0
    trail.close()


def test_an_empty_chain_has_the_head_of_nothing(tmp_path: Path) -> None:
    trail = FileTrail(tmp_path)

    assert trail.head == Head()
    trail.close()


def test_a_chain_that_was_cut_short_goes_on_from_the_head_that_was_kept(tmp_path: Path) -> None:
    trail, kept = FileTrail(tmp_path), Head(41, "f" * 64)
    trail.append(a_record("1"))

    trail.report("lines are missing", kept)
    trail.append(a_record("2"))
    trail.close()

    lines = [json.loads(line) for line in (tmp_path / "main.jsonl").read_bytes().splitlines()]
    assert [line["sequence"] for line in lines] == [1, 42, 43]
    assert lines[1]["previous"] == kept.hash
    assert lines[1]["record"]["message"] == "lines are missing"
