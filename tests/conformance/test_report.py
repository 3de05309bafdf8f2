"""docs/conformance.md adds up and speaks of all official cases."""

import re
from collections import Counter

import pytest

from kmip_app.conformance.cases import find_cases
from tests.conformance.folder import ROOT, cases_folder

PAGE = ROOT / "docs" / "conformance.md"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def test_the_page_adds_up() -> None:
    by_version = [(int(cases), int(passed), int(failed)) for _, cases, passed, failed in rows("By version")]
    total = re.search(r"\*\*(\d+) of (\d+) cases pass", PAGE.read_text())
    shares = [
        tuple(map(int, share)) for row in rows("By family") for share in re.findall(r"(\d+)/(\d+)", " ".join(row))
    ]

    assert total
    assert all(passed + failed == cases for cases, passed, failed in by_version)
    assert (int(total[1]), int(total[2])) == (sum(v[1] for v in by_version), sum(v[0] for v in by_version))
    assert (int(total[1]), int(total[2])) == (sum(s[0] for s in shares), sum(s[1] for s in shares))
    assert sum(int(count) for _, count in rows("Why cases fail")) == sum(v[2] for v in by_version)


def test_the_page_counts_every_official_case(request: pytest.FixtureRequest) -> None:
    folder = cases_folder(request.config.getoption("--oasis-cases"))
    cases = find_cases(folder)
    if not cases:
        pytest.skip(f"no official cases in {folder}")

    assert {version: int(count) for version, count, *_ in rows("By version")} == Counter(c.version for c in cases)
