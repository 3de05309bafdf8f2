"""Sections that docstrings name exist in the standard, and an operation names its own.

The headings of every version are in tools/data/sections.csv.
"""

import csv
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTIONS = ROOT / "tools" / "data" / "sections.csv"
REFERENCE = re.compile(r"KMIP ([123]\.\d)((?:(?:,| and)? ?§[\d.]*\d(?: \([^)]*\))?)+)")
ALSO = re.compile(r"§[^;.]*?\b([12]\.\d) §([\d.]*\d)")


@functools.cache
def headings(version: str) -> dict[str, str]:
    with SECTIONS.open(newline="") as file:
        return {row["section"]: row["title"] for row in csv.DictReader(file) if row["version"] == version}


def references(text: str) -> set[tuple[str, str]]:
    """Return (version, section) for every reference in a text."""
    found = {(m[1], s) for m in REFERENCE.finditer(text) for s in re.findall(r"§([\d.]*\d)", m[2])}
    return found | {(m[1], m[2]) for m in ALSO.finditer(text)}


def test_sections_that_the_core_names_exist() -> None:
    known = {version: headings(version) for version in ("1.4", "2.0", "2.1")}
    missing = {
        (str(path.relative_to(ROOT)), version, section)
        for path in (ROOT / "kmip_core").rglob("*.py")
        for version, section in references(path.read_text())
        if version in known and section not in known[version]
    }

    assert missing == set()


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "kmip_core" / "operations").glob("*.py") if p.stem != "__init__"),
    ids=lambda p: p.stem,
)
def test_an_operation_names_its_own_section(path: Path) -> None:
    line = path.read_text().splitlines()[0]
    spoken = path.stem.replace("_", "").replace("pkcs11", "pkcs#11")
    draft = " csd02" if "(csd02)" in line else ""
    titles = {headings(v + draft).get(s, "?").lower().replace(" ", "").replace("-", "") for v, s in references(line)}

    assert spoken in titles
