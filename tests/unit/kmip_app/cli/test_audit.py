"""`kmipd audit show` and `export`: which records are wanted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kmip_adapters.audit.file_trail import FileTrail
from kmip_app import cli
from kmip_app.audit_events import EVENTS
from kmip_core.enums import Operation
from kmip_core.ports.audit import AuditRecord

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """Ask a trail with one Get, one start, and an event of another release; give exit code, output and errors."""
    (tmp_path / "none.conf").write_text("[server]\n")
    monkeypatch.setenv("KMIPD_CONFIG_PATH", str(tmp_path / "none.conf"))
    trail = FileTrail(tmp_path / "audit")
    trail.append(AuditRecord(record_id="1", time=9, principal="", event="Start"))
    trail.append(AuditRecord(record_id="2", time=9, principal="a", event="GET", operation=Operation.GET))
    trail.append(AuditRecord(record_id="3", time=9, principal="", event="Moon risen"))
    trail.close()

    def asked(*words: str) -> tuple[int, str, str]:
        code = cli.run(["audit", *words, "--data-dir", str(tmp_path)])
        return code, *capfd.readouterr()

    return asked


@pytest.mark.parametrize("command", [("show", "--json"), ("export",)], ids=["show", "export"])
@pytest.mark.parametrize(
    ("operation", "found"),
    [
        ("Get", ["2"]),
        ("get", ["2"]),
        ("GET", ["2"]),
        ("start", ["1"]),
        ("Create Key Pair", []),
        ("create-key-pair", []),
        ("Session refused", []),
        ("moon-risen", ["3"]),
    ],
)
def test_records_are_those_of_an_operation_or_event(
    ask: Ask, command: tuple[str, ...], operation: str, found: list[str]
) -> None:
    """One that no record has so far is found empty: a script may wait for it."""
    code, out, err = ask(*command, "--operation", operation)

    assert (code, err) == (0, "")
    assert [json.loads(line)["record_id"] for line in out.splitlines()] == found


@pytest.mark.parametrize("command", [("show",), ("show", "--follow"), ("export",)], ids=" ".join)
@pytest.mark.parametrize(
    ("operation", "nearest"),
    [
        ("typo", "write it as the standard does, for example Create, Create Key Pair, Register, Re-key"),
        ("Gte", "did you mean Get?"),
        ("Destory", "did you mean Destroy?"),
        ("create key par", "did you mean Create Key Pair?"),
        ("sesion refused", "did you mean Session refused?"),
    ],
)
def test_a_name_that_no_record_can_have_is_refused(
    ask: Ask, command: tuple[str, ...], operation: str, nearest: str
) -> None:
    expected = f"kmipd: --operation: {operation!r} is no operation, and no event of a trail; {nearest}\n"

    assert ask(*command, "--operation", operation) == (2, "", expected)


def test_no_event_is_named_as_an_operation_is() -> None:
    assert not {event.lower() for event in EVENTS} & {
        operation.name.replace("_", " ").lower() for operation in Operation
    }
    assert len(EVENTS) == len(set(EVENTS))
