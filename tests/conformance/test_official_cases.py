"""The official cases, one test each, against a started server over TLS."""

from collections.abc import Iterator
from typing import Final

import pytest

from kmip_app.conformance.cases import Case, find_cases
from kmip_app.conformance.runner import CaseFailed
from tests.conformance.features import missing_for
from tests.conformance.folder import cases_folder
from tests.conformance.servers import Servers

REPEATED: Final = {"1.1", "1.2", "1.3"}
"""Versions most of whose cases are those of 1.0 or 1.4 again: a plain `pytest` leaves them out."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each case; without cases one that says why it is skipped."""
    if "case" not in metafunc.fixturenames:
        return
    folder = cases_folder(metafunc.config.getoption("--oasis-cases"))
    cases = find_cases(folder)
    if not cases:
        reason = f"no official cases in {folder}; name their folder with --oasis-cases or KMIPD_OASIS"
        metafunc.parametrize("case", [pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))])
        return
    metafunc.parametrize("case", [pytest.param(case, id=case.id, marks=_marks(case)) for case in cases])


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.long] if case.version in REPEATED else []
    if missing := missing_for(case):
        marks.append(pytest.mark.xfail(raises=CaseFailed, strict=True, reason=f"needs {', '.join(missing)}"))
    return marks


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Servers of this session."""
    with Servers(request.config.getoption("--oasis-store")) as servers:
        yield servers


def test_official_case(case: Case, servers: Servers) -> None:
    servers.play(case)
