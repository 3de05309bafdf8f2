"""Reading the trail: whoever can edit its files makes no reader fail."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.lines import Line
from kmip_adapters.audit.reading import Filter, as_cef, as_columns, as_json, as_ocsf, records
from kmip_core.ports.audit import LATEST, AuditRecord

WANTED = (Filter(), Filter(since=1), Filter(object="1"), Filter(operation="get"), Filter(result="SUCCESS"))


def forms(line: Line) -> tuple[str, ...]:
    return *as_columns(line), as_json(line), as_cef(line, "1"), as_ocsf(line, "1")


def edited(folder: Path, changes: dict[str, Any]) -> None:
    """Change fields of the second of three records."""
    trail = FileTrail(folder)
    for number in range(3):
        record = AuditRecord(record_id=str(number), time=9, principal="a", event="Get", unique_identifiers=("1",))
        trail.append(record)
    trail.close()
    path = folder / "main.jsonl"
    lines = path.read_text().splitlines()
    told = json.loads(lines[1])
    told["record"] |= changes
    lines[1] = json.dumps(told, separators=(",", ":"))
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("value", [[], {}, 5, None, True, 0.5, [5], [None], [{}]], ids=str)
@pytest.mark.parametrize(
    "field", ["record_id", "principal", "address", "event", "operation", "result", "message", "unique_identifiers"]
)
def test_a_field_of_another_kind_is_left_out_with_its_record(tmp_path: Path, field: str, value: Any) -> None:
    edited(tmp_path, {field: value})
    expected = ["0", "1", "2"] if field == "unique_identifiers" and value == [] else ["0", "2"]

    assert [line.record["record_id"] for line in records(tmp_path, Filter())] == expected
    for wanted in WANTED:
        assert all(all(forms(line)) or forms(line) for line in records(tmp_path, wanted))


@pytest.mark.parametrize("moment", [-1, LATEST + 1, 1 << 63, 10**30, -(10**30), 0.5, "1", None], ids=str)
def test_a_time_that_no_clock_has_is_left_out_with_its_record(tmp_path: Path, moment: Any) -> None:
    edited(tmp_path, {"time": moment})

    assert [line.record["record_id"] for line in records(tmp_path, Filter())] == ["0", "2"]


@pytest.mark.parametrize("moment", [0, LATEST])
def test_the_first_and_the_last_time_are_shown(tmp_path: Path, moment: int) -> None:
    edited(tmp_path, {"time": moment})

    (found,) = [line for line in records(tmp_path, Filter()) if line.record["record_id"] == "1"]
    assert as_columns(found)[0] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
