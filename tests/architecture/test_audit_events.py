"""Every event that a server or a command leaves in the audit trail is listed, and every one that is listed is left."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kmip_app.audit_events import EVENTS

ROOT = Path(__file__).parents[2]
PACKAGES = ("kmip_core", "kmip_adapters", "kmip_app")
LIST = ROOT / "kmip_app" / "audit_events.py"
LEAVE = {"AuditRecord", "Refusal", "beside", "record", "refuse", "_event", "_record", "_recorded", "_refuse"}
"""Functions that are called with the name of an event; what else is written to them begins with a small letter."""


def events(tree: ast.AST) -> Iterator[str]:
    """Yield the events that are written out in calls that leave a record."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or ast.unparse(call.func).rpartition(".")[2] not in LEAVE:
            continue
        for value in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "event")):
            if isinstance(value, ast.Constant) and re.fullmatch(r"[A-Z][A-Za-z]*( [A-Za-z]+)*", str(value.value)):
                yield str(value.value)


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def sources() -> Iterator[ast.AST]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path != LIST and "testing" not in path.parts:
                yield ast.parse(path.read_text())


def test_the_sweep_finds_what_it_looks_for() -> None:
    source = """
shared.refuse(counter, "Session cut", cause, f"{text}")
self._record("Reload")
AuditRecord(record_id="1", event="Moon risen", message="Of No Interest")
other("Not an event")
record("a message")
"""

    assert list(events(ast.parse(source))) == ["Session cut", "Reload", "Moon risen"]


def test_every_event_that_is_left_is_listed() -> None:
    assert sorted({event for tree in sources() for event in events(tree)} - set(EVENTS)) == []


def test_every_event_that_is_listed_is_left() -> None:
    assert sorted(set(EVENTS) - {text for tree in sources() for text in texts(tree)}) == []


def test_every_event_of_the_documents_is_listed() -> None:
    text = (ROOT / "docs" / "operate" / "audit.md").read_text()
    table = text.partition("## What leaves a record")[2].partition("## Is it whole?")[0]
    told = set(re.findall(r"`([A-Z][A-Za-z]*(?: [a-z]+)*)`", table))

    assert len(told) > 10
    assert sorted(told - set(EVENTS)) == []
