"""Options of the whole suite; pytest knows them wherever it is started."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what tells the conformance runner where the official cases are."""
    parser.addoption(
        "--oasis-cases",
        metavar="DIR",
        default=None,
        help="folder of the official KMIP test cases (default: KMIPD_OASIS, else ../shared/oasis)",
    )
