"""One server per data directory."""

import os
from pathlib import Path

import pytest

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.lock import directory_lock


def test_a_directory_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with directory_lock(tmp_path):
        refused = pytest.raises(StorageUnusable, match=rf"another running server \(process {os.getpid()}\)")
        with refused, directory_lock(tmp_path):
            pytest.fail("two owners")
    with directory_lock(tmp_path):
        assert (tmp_path / "kmipd.lock").stat().st_mode & 0o777 == 0o600
