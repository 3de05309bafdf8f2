"""Archives: what was written comes back, and nothing else does."""

import io
from pathlib import Path

import pytest
from attrs import evolve

from kmip_adapters.storage.archive import ArchiveUnusable, Entry, read_archive, write_archive
from kmip_app.testing.contracts.samples import SAMPLES, a_key, content, with_attribute

WORDS = b"correct horse battery"
COST = 10


def entries() -> list[Entry]:
    found: list[Entry] = [
        (with_attribute(a_key(f"with {name}"), name, value), content())
        for name, value in SAMPLES.items()
        if name not in ("unique_identifier", "object_type")
    ]
    empty, big = evolve(a_key("empty"), has_content=False), a_key("big")
    return [*found, (empty, None), (big, content(b"x" * 900_000)), (a_key("last"), content())]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    with path.open("wb") as file:
        write_archive(file, WORDS, entries(), cost=COST)
    return path


def test_everything_comes_back(archive: Path) -> None:
    assert entries() == list(read_archive(archive, WORDS))


def test_an_empty_archive_is_whole(tmp_path: Path) -> None:
    with (tmp_path / "archive").open("wb") as file:
        assert write_archive(file, WORDS, [], cost=COST) == 0

    assert list(read_archive(tmp_path / "archive", WORDS)) == []


def test_the_wrong_passphrase_opens_nothing(archive: Path) -> None:
    with pytest.raises(ArchiveUnusable, match="passphrase is wrong"):
        list(read_archive(archive, b"wrong horse battery"))


def test_every_cut_is_noticed(archive: Path) -> None:
    whole = archive.read_bytes()
    for length in (*range(400), *range(400, len(whole), 50_021), len(whole) - 1):
        archive.write_bytes(whole[:length])
        with pytest.raises(ArchiveUnusable):
            list(read_archive(archive, WORDS))


def test_a_missing_last_chunk_is_noticed(archive: Path) -> None:
    whole = archive.read_bytes()
    second_line_end = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    first = 4 + int.from_bytes(whole[second_line_end : second_line_end + 4])
    assert second_line_end + first < len(whole)  # there are several
    archive.write_bytes(whole[: second_line_end + first])

    with pytest.raises(ArchiveUnusable):
        list(read_archive(archive, WORDS))


def test_changed_bytes_are_noticed(archive: Path) -> None:
    whole = archive.read_bytes()
    for position in (*range(0, 300, 7), *range(300, len(whole), 100_003), len(whole) - 1):
        changed = bytearray(whole)
        changed[position] ^= 1
        archive.write_bytes(changed)
        with pytest.raises(ArchiveUnusable):
            list(read_archive(archive, WORDS))


def test_a_header_cannot_ask_for_all_memory(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes().replace(b'"log_n": 10', b'"log_n": 40'))

    with pytest.raises(ArchiveUnusable, match="cannot read"):
        list(read_archive(archive, WORDS))


def test_key_bytes_are_not_in_it() -> None:
    file = io.BytesIO()
    key = bytes(range(100, 132))
    write_archive(file, WORDS, [(a_key("k"), content(key))], cost=COST)

    assert key not in file.getvalue()
