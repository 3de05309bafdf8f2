"""The promises of the ports, run on an adapter that another project brings."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long  # each test starts a pytest of its own

WITHIN = 300  # seconds; a hang limit

TESTS = """
import pytest

from kmip_app.testing.contracts.storage import *
from their_store import TheirStore


@pytest.fixture
def opener(tmp_path):
    return Opener(lambda directory: TheirStore(), tmp_path)
"""

KEEPS = """
from kmip_adapters.storage.memory import MemoryStorage


class TheirStore(MemoryStorage):
    pass
"""

FORGETS = """
from contextlib import contextmanager

from kmip_adapters.storage.memory import MemoryStorage
from kmip_core.ports.steps import Pace


class TheirStore(MemoryStorage):
    @contextmanager
    def unit_of_work(self, pace=Pace.SLOW):
        with super().unit_of_work(pace) as work:
            work.commit = lambda: None
            yield work
"""


def run(folder: Path, store: str) -> subprocess.CompletedProcess[str]:
    """Run the suite as another project does: in a folder of its own, with the plugins that are installed."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "their_store.py").write_text(store)
    (folder / "test_their_store.py").write_text(TESTS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "added or commit or rules or every"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def test_an_adapter_of_another_project_passes_the_promises_that_it_keeps(tmp_path: Path) -> None:
    done = run(tmp_path, KEEPS)

    assert done.returncode == 0, done.stdout
    assert int(done.stdout.rsplit(" passed", 1)[0].split()[-1]) > 10


def test_an_adapter_of_another_project_fails_by_the_promise_that_it_breaks(tmp_path: Path) -> None:
    done = run(tmp_path, FORGETS)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_an_added_object_is_found" in done.stdout
    assert "assert None" in done.stdout  # the assertion is rewritten: it says what was found instead
