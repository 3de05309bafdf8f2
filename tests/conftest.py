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
    parser.addoption(
        "--long",
        action="store_true",
        help="run the tests marked `long` too; they run as well where tests are chosen by path, name or marker",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Say once for all worker processes whether long tests run, and where started processes keep compiled modules.

    Where no bytecode may lie beside the sources, it is kept elsewhere for the session: tests start hundreds of
    processes, and each of them would compile every module again.
    """
    if not hasattr(config, "workerinput"):  # worker processes get the answer with the options
        is_everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        config.option.long |= not is_everything or bool(config.option.keyword or config.option.markexpr)
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = tempfile.mkdtemp(prefix="kmipd-bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = config.stash[_compiled] = folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests out of a plain `pytest`, which is to be over within minutes on two cores."""
    if not config.option.long:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the bytecode of the session that kept it; its worker processes have ended."""
    if folder := config.stash.get(_compiled, None):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_sessionfinish() -> None:
    """End the PostgreSQL server that tests of this process may have started."""
    stop_shared()
