"""Every source that code, tests and pages cite can be opened: rulings, requirements, design, client rules, ADRs."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("kmip_core", "kmip_adapters", "kmip_app", "tests", "tools", "benchmarks", "docs")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def rows(name: str) -> set[str]:
    """The first cells of the tables of a page."""
    return set(re.findall(r"^\| ([\w-]+) \|", page(name), re.M))


def sections(name: str) -> set[str]:
    """Numbers of its sections ("5"), and of the items of a section ("5.10")."""
    found: set[str] = set()
    section = ""
    for line in page(name).splitlines():
        if heading := re.match(r"## (\d+)\. ", line):
            section = heading[1]
            found.add(section)
        elif section and (item := re.match(r"(\d+)\. ", line)):
            found.add(f"{section}.{item[1]}")
    return found


def adrs() -> set[str]:
    return {path.name[:4] for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}


KNOWN = {
    "RULINGS": rows("rulings.md"),
    "requirement": rows("requirements.md"),
    "DESIGN": sections("design.md"),
    "clients.md": rows("clients.md"),
    "ADR": adrs(),
}
CITATIONS = (
    ("RULINGS", re.compile(r"\bRULINGS ((?:\d+(?:, | and | - )?)+)")),
    ("requirement", re.compile(r"\b(R-[A-Z]+-\d+)")),
    ("DESIGN", re.compile(r"\bDESIGN (\d+(?:\.\d+)?)")),
    ("clients.md", re.compile(r"\bclients\.md(?:\)|`)? (\d+(?:, \d+)*)")),
    ("ADR", re.compile(r"\bADRs? ((?:\d{4}(?:, | and )?)+)")),
)


def sources() -> list[Path]:
    found = (p for folder in FOLDERS for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".md"})
    return sorted(p for p in found if p != Path(__file__))


def cited(text: str) -> set[tuple[str, str]]:
    return {
        (kind, name)
        for kind, pattern in CITATIONS
        for match in pattern.finditer(text)
        for name in ([match[1]] if kind in {"requirement", "DESIGN"} else re.findall(r"\d+", match[1]))
    }


def test_every_citation_resolves() -> None:
    dangling = {
        (str(path.relative_to(ROOT)), kind, name)
        for path in sources()
        for kind, name in cited(path.read_text())
        if name not in KNOWN[kind]
    }

    assert not dangling


def test_a_dangling_citation_is_found() -> None:
    assert cited("see RULINGS 99, R-XXX-1, DESIGN 9.9, clients.md 99 and ADR 9999") == {
        ("RULINGS", "99"),
        ("requirement", "R-XXX-1"),
        ("DESIGN", "9.9"),
        ("clients.md", "99"),
        ("ADR", "9999"),
    }
