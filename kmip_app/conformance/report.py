"""The result of a run of official cases: a summary for people, JSON for programs, JUnit for CI, HTML for the rest."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kmip_app.conformance.cases import Case
from kmip_core.classes import frozen


@frozen(kw_only=True)
class Outcome:
    """How one case ended.  failure: every difference of the first answer that was not as expected; None if it passed.

    seconds: how long it took.
    """

    case: Case
    failure: str | None
    seconds: float

    @property
    def difference(self) -> str | None:
        """The first difference, or why the case could not be played; None if it passed."""
        if self.failure is None:
            return None
        lines = self.failure.splitlines()
        return lines[1].strip() if len(lines) > 1 else lines[0].strip()


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return a row for each version and family: cases, passed, failed."""
    groups: dict[tuple[str, str], list[bool]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.version, outcome.case.family), []).append(outcome.failure is None)
    return [
        {
            "version": version,
            "family": family,
            "cases": len(passed),
            "passed": sum(passed),
            "failed": len(passed) - sum(passed),
        }
        for (version, family), passed in sorted(groups.items())
    ]


def as_json(outcomes: Sequence[Outcome], server: str) -> dict[str, Any]:
    """Return everything, for `json.dumps`."""
    passed = sum(outcome.failure is None for outcome in outcomes)
    return {
        "server": server,
        "cases": len(outcomes),
        "passed": passed,
        "failed": len(outcomes) - passed,
        "summary": summary(outcomes),
        "results": [_result(outcome) for outcome in outcomes],
    }


def _result(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    result: dict[str, Any] = {
        "case": case.id,
        "name": case.name,
        "version": case.version,
        "family": case.family,
        "result": "passed" if outcome.failure is None else "failed",
        "seconds": round(outcome.seconds, 3),
    }
    return (
        result if outcome.failure is None else {**result, "difference": outcome.difference, "detail": outcome.failure}
    )


def as_junit(outcomes: Sequence[Outcome], server: str) -> bytes:
    """Return a JUnit file: a suite for each version, a class for each family."""
    root = Element("testsuites", name=f"KMIP conformance of {server}")
    by_version: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_version.setdefault(outcome.case.version, []).append(outcome)
    for version, members in sorted(by_version.items()):
        suite = SubElement(
            root,
            "testsuite",
            name=f"KMIP {version}",
            tests=str(len(members)),
            failures=str(sum(outcome.failure is not None for outcome in members)),
            errors="0",
            time=f"{sum(outcome.seconds for outcome in members):.3f}",
        )
        for outcome in members:
            family = f"KMIP {version}.{outcome.case.family}"
            case = SubElement(
                suite, "testcase", classname=family, name=outcome.case.name, time=f"{outcome.seconds:.3f}"
            )
            if outcome.failure is not None:
                failure = SubElement(case, "failure", message=_text(outcome.difference or ""), type="difference")
                failure.text = _text(outcome.failure)
    indent(root)
    text: str = tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _text(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return "".join(c if c in "\n\t" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) <= 0x10FFFD else "�" for c in text)


def as_html(outcomes: Sequence[Outcome], server: str) -> str:
    """Return a page of its own, without scripts: the summary, and the first difference of each failure."""
    passed = sum(outcome.failure is None for outcome in outcomes)
    rows = [[row["version"], row["family"], row["cases"], row["passed"], row["failed"]] for row in summary(outcomes)]
    failures = "".join(
        f"<details><summary><b>{escape(o.case.id)}</b>: {escape(o.difference or '')}</summary>"
        f"<pre>{escape(o.failure or '')}</pre></details>\n"
        for o in outcomes
        if o.failure is not None
    )
    return _PAGE.format(
        server=escape(server),
        count=f"{passed} of {len(outcomes)} cases pass",
        table=_table(("Version", "Family", "Cases", "Passed", "Failed"), rows),
        failures=failures or "<p>None.</p>",
    )


def _table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>KMIP conformance of {server}</title>
<style>
body {{ font-family: sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }}
td, th {{ padding: 0.2em 1em; text-align: left; }}
tr:nth-child(even) {{ background: #f2f2f2; }}
pre {{ overflow-x: auto; background: #f2f2f2; padding: 1em; }}
</style>
</head>
<body>
<h1>KMIP conformance of {server}</h1>
<p>{count}: the official test cases of OASIS, played over TLS and compared strictly.</p>
{table}
<h2>First difference of each failure</h2>
{failures}
</body>
</html>
"""

COLUMNS: Final[Mapping[str, str]] = {
    "version": "Version",
    "family": "Family",
    "cases": "Cases",
    "passed": "Passed",
    "failed": "Failed",
}
