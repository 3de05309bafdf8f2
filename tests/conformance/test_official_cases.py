"""The official cases, one test each, against a started server over TLS."""

from collections.abc import Iterator

import pytest

from kmip_app.conformance.cases import Case, find_cases
from kmip_app.conformance.runner import CaseFailed
from tests.conformance.features import missing_for
from tests.conformance.folder import cases_folder
from tests.conformance.servers import Servers


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
    metafunc.parametrize("case", [pytest.param(case, id=case.id, marks=_expectation(case)) for case in cases])


def _expectation(case: Case) -> list[pytest.MarkDecorator]:
    missing = missing_for(case)
    return [pytest.mark.xfail(raises=CaseFailed, strict=True, reason=f"needs {', '.join(missing)}")] if missing else []


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Servers of this session."""
    with Servers(request.config.getoption("--oasis-store")) as servers:
        yield servers


def test_official_case(case: Case, servers: Servers) -> None:
    servers.play(case)
