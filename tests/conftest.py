"""Options of the whole suite; pytest knows them wherever it is started."""

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

from tests.postgresql import stop_shared

# How long an example takes is the machine's affair, which may be busy; a test that hangs has limits of its own.
settings.register_profile("kmipd", deadline=None)
settings.load_profile("kmipd")

pytest.register_assert_rewrite("kmip_app.testing.contracts")  # the plugin does, which our own suite leaves out

_compiled = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where the official cases are."""
    parser.addoption(
        "--oasis-cases",
        metavar="DIR",
        default=None,
        help="folder of the official KMIP test cases (default: KMIPD_OASIS, else ../shared/oasis)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Where no bytecode may lie beside the sources, keep it elsewhere for the session.

    Hundreds of processes are started by tests; without it each of them compiles every module again.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = tempfile.mkdtemp(prefix="kmipd-bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = config.stash[_compiled] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the bytecode of the session that kept it; its worker processes have ended."""
    if folder := config.stash.get(_compiled, None):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish() -> None:
    """End the PostgreSQL server that tests of this process may have started."""
    stop_shared()
