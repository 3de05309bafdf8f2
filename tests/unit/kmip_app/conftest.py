"""What every test of the application begins with."""

import os

import pytest

from kmip_adapters.identity import password_hashing


@pytest.fixture(autouse=True)
def _no_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, and what only looks like one (KMIPD_CRASH_ROUNDS), stay with whoever runs the suite."""
    for name in [name for name in os.environ if name.startswith("KMIPD_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new password costs as little as it may: the cost that users get is tested where it is chosen."""
    monkeypatch.setattr(password_hashing, "PASSES", 1)
    monkeypatch.setattr(password_hashing, "MEMORY", 8 * password_hashing.LANES)
