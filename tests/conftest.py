"""Options of the whole suite; pytest knows them wherever it is started."""

import hypothesis
import pytest
from hypothesis import settings

from tests.postgresql import stop_shared

# A busy machine is no fault of the code: no test asserts how long something takes.
settings.register_profile("kmipd", deadline=None)
settings.load_profile("kmipd")

# How long an example takes is the machine's affair, which may be busy; a test that hangs has limits of its own.
hypothesis.settings.register_profile("kmipd", deadline=None)
hypothesis.settings.load_profile("kmipd")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what tells the conformance runner where the official cases are."""
    parser.addoption(
        "--oasis-cases",
        metavar="DIR",
        default=None,
        help="folder of the official KMIP test cases (default: KMIPD_OASIS, else ../shared/oasis)",
    )


def pytest_sessionfinish() -> None:
    """End the PostgreSQL server that tests of this process may have started."""
    stop_shared()
