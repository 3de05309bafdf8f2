"""Files of the server are written whole or not at all, and through nothing that another user has put in their place."""

import os
from pathlib import Path
from typing import Any

import pytest

from kmip_app.files import write_atomically


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    write_atomically(path, "one")
    write_atomically(path, "zwei \u00e9")

    assert path.read_text(encoding="utf-8") == "zwei \u00e9"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "ready.json"
    victim.write_text("untouched")
    path.symlink_to(victim)

    write_atomically(path, "new")

    assert victim.read_text() == "untouched"
    assert not path.is_symlink()
    assert path.read_text() == "new"


def test_nothing_is_written_through_a_temporary_name_that_was_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    guessed = tmp_path / f".ready.json.{bytes(8).hex()}"
    guessed.symlink_to(victim)
    monkeypatch.setattr(os, "urandom", bytes)

    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "ready.json", "new")

    assert victim.read_text() == "untouched"


def test_two_files_have_two_temporary_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = os.open

    def noted(path: Any, *arguments: Any, **more: Any) -> int:
        opened.append(str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", noted)
    write_atomically(tmp_path / "ready.json", "1")
    write_atomically(tmp_path / "ready.json", "2")

    assert len(set(opened)) == 2


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.mkdir()

    with pytest.raises(OSError, match="ready"):
        write_atomically(path, "new")

    assert list(tmp_path.iterdir()) == [path]
