"""Options of the whole suite; pytest knows them wherever it is started."""

import hypothesis
import pytest

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
