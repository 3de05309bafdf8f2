"""Room on disks: told once when it gets little, again only after there was enough, and never a reason to fail."""

import logging
import os
from pathlib import Path

import pytest
from attrs import define

from kmip_app.monitoring.room import LITTLE, RoomWatch


@define
class Disk:
    """What `os.statvfs` tells."""

    left: int
    f_frsize: int = 4_096

    @property
    def f_bavail(self) -> int:
        return self.left // self.f_frsize


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    one = Disk(left=10 * LITTLE)
    monkeypatch.setattr(os, "statvfs", lambda folder: one)
    return one


def test_little_room_is_told_once_and_again_only_after_there_was_enough(
    disk: Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = RoomWatch([tmp_path])
    told = []
    with caplog.at_level(logging.WARNING, "kmip_app"):
        for left in (LITTLE, LITTLE - 4_096, LITTLE // 2, LITTLE, LITTLE - 4_096, 2 * LITTLE, LITTLE // 4):
            disk.left = left
            caplog.clear()
            watch.look()
            told.append(caplog.text)

    assert [bool(text) for text in told] == [False, True, False, False, False, False, True]
    assert f"{tmp_path} has room for 1023 MiB more" in told[1]
    assert f"{tmp_path} has room for 256 MiB more" in told[-1]


def test_folders_of_one_disk_are_told_of_once(disk: Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inside = tmp_path / "audit"
    inside.mkdir()
    disk.left = 0

    with caplog.at_level(logging.WARNING, "kmip_app"):
        RoomWatch([tmp_path, inside, tmp_path]).look()

    assert len(caplog.records) == 1


def test_what_is_left_is_what_the_file_system_says(tmp_path: Path) -> None:
    watch = RoomWatch([tmp_path, tmp_path / "gone"])

    (count,) = watch.free().values()
    status = os.statvfs(tmp_path)

    assert 0 < count <= status.f_blocks * status.f_frsize


def test_a_watch_begins_with_a_look_and_can_be_ended(
    disk: Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk.left = 0
    watch = RoomWatch([tmp_path])

    with caplog.at_level(logging.WARNING, "kmip_app"):
        watch.start()
        watch.close()

    assert "has room for 0 MiB more" in caplog.text
