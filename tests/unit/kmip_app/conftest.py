"""What every test of the application begins with."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, and what only looks like one (KMIPD_CRASH_ROUNDS), stay with whoever runs the suite."""
    for name in [name for name in os.environ if name.startswith("KMIPD_")]:
        monkeypatch.delenv(name)
