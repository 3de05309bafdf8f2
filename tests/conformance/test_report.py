"""docs/conformance.md and docs/conformance-pykmip.md add up and speak of all official cases."""

import re
from collections import Counter

import pytest

from kmip_app.conformance.cases import find_cases
from tests.conformance.folder import ROOT, cases_folder

PAGE = ROOT / "docs" / "conformance.md"
PAGES = ("conformance.md", "conformance-pykmip.md")
on_each_page = pytest.mark.parametrize("name", PAGES)


def rows(heading: str, name: str = PAGE.name) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    section = (PAGE.parent / name).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


@on_each_page
def test_the_page_adds_up(name: str) -> None:
    by_version = [tuple(map(int, row[1:4])) for row in rows("By version", name)]
    total = re.search(r"\*\*(\d+) of (\d+) cases pass", (PAGE.parent / name).read_text())
    shares = [
        tuple(map(int, share)) for row in rows("By family", name) for share in re.findall(r"(\d+)/(\d+)", " ".join(row))
    ]
    reasons = [int(cell) for row in rows("Why cases fail", name) for cell in row if cell.isdecimal()]

    assert total
    assert all(passed + failed == cases for cases, passed, failed in by_version)
    assert (int(total[1]), int(total[2])) == (sum(v[1] for v in by_version), sum(v[0] for v in by_version))
    assert (int(total[1]), int(total[2])) == (sum(s[0] for s in shares), sum(s[1] for s in shares))
    assert sum(reasons) == sum(v[2] for v in by_version)


@on_each_page
def test_the_page_counts_every_official_case(request: pytest.FixtureRequest, name: str) -> None:
    folder = cases_folder(request.config.getoption("--oasis-cases"))
    cases = find_cases(folder)
    if not cases:
        pytest.skip(f"no official cases in {folder}")

    assert {version: int(count) for version, count, *_ in rows("By version", name)} == Counter(c.version for c in cases)
