"""Options of the whole suite; pytest knows them wherever it is started."""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.postgresql import stop_shared
from tests.prepared import stop_prepared
from tests.rounds import NIGHTLY

# How long an example takes is the machine's affair, which may be busy; a test that hangs has limits of its own.
settings.register_profile("kmipd", deadline=None)
settings.load_profile("kmipd")

pytest.register_assert_rewrite("kmip_app.testing.contracts")  # the plugin does, which our own suite leaves out

LONGEST_FIRST = (
    "tests/e2e/test_failover",
    "tests/e2e/test_linearizable",
    "tests/e2e/test_nodes",
    "tests/e2e/test_asynchronous",
    "tests/e2e/test_token",
    "tests/e2e/test_with_workers",
    "tests/e2e/test_database_outages",
    "tests/e2e/test_c",  # care, crash, cryptography
    "tests/e2e/test_",
    "tests/architecture/test_site",
    "tests/interop/pykmip",
    "tests/unit/kmip_app/testing/test_contracts",
    "tests/e2e/",
    "tests/contract/",
    "tests/interop/",
    "tests/conformance/",
    "tests/unit/kmip_adapters/storage/",
    "tests/unit/kmip_app/cli/",
    "tests/unit/kmip_app/",
)

_LEFT_OUT = "PYTEST_OF_KMIPD_LEFT_OUT"
"""Markers of the tests that a session leaves out, for all of its processes."""
_compiled = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where the official cases are."""
    parser.addoption(
        "--oasis-cases",
        metavar="DIR",
        default=None,
        help="folder of the official KMIP test cases (default: KMIPD_OASIS, else ../shared/oasis)",
    )
    parser.addoption(
        "--oasis-store",
        choices=("memory", "sqlite", "workers", "postgresql"),
        default="memory",
        help="what the servers of the official cases keep their objects in; workers: SQLite, and two processes",
    )
    parser.addoption(
        "--long",
        action="store_true",
        help="run the tests marked `long` too; they run as well where tests are chosen by path, name or marker",
    )
    parser.addoption(
        "--nightly",
        action="store_true",
        help="run the tests marked `nightly` too, and all rounds and examples that there are (`tests/rounds.py`)",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` is: one for each core, and one more, for tests often wait for others."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Say once for all worker processes which tests are left out, and where started processes keep compiled modules.

    Where no bytecode may lie beside the sources, it is kept elsewhere for the session: tests start hundreds of
    processes, and each of them would compile every module again.
    """
    if not hasattr(config, "workerinput"):  # worker processes get the answer with the environment
        is_everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        is_chosen = not is_everything or bool(config.option.keyword or config.option.markexpr)
        is_nightly = config.option.nightly or is_chosen
        builds = "builds" not in config.option.markexpr
        left_out = {"long": not (config.option.long or is_nightly), "nightly": not is_nightly, "builds": builds}
        os.environ[_LEFT_OUT] = " ".join(marker for marker, is_left_out in left_out.items() if is_left_out)
        if config.option.nightly:
            os.environ[NIGHTLY] = "1"
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = tempfile.mkdtemp(prefix="kmipd-bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = config.stash[_compiled] = folder


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while modules are imported and tests are collected, nor in that ever after.

    All of it lives as long as the process: to look through it again and again was a quarter of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests out of a plain `pytest`, which is to be over within minutes on two cores, and nightly ones.

    The folders and modules whose tests take longest go first, so that no process ends with one while the others idle.
    """
    markers = set(os.environ[_LEFT_OUT].split())
    if left_out := {item for item in items if any(marker.name in markers for marker in item.iter_markers())}:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: _place(item.nodeid))  # stable: neighbours share the fixtures of their module


def _place(nodeid: str) -> int:
    return next((place for place, path in enumerate(LONGEST_FIRST) if nodeid.startswith(path)), len(LONGEST_FIRST))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the bytecode of the session that kept it; its worker processes have ended."""
    if folder := config.stash.get(_compiled, None):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish() -> None:
    """End what tests of this process share and may have started: a PostgreSQL server, a process that forks."""
    stop_shared()
    stop_prepared()
