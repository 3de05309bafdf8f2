"""Reads that are asked for again and again: each is recorded, none is answered from what has changed."""

import json
from pathlib import Path

import pytest

from kmip_core.enums import Operation
from tests.e2e.conftest import Start
from tests.e2e.dialogue import Dialogue, Refused

OFTEN = 30
KEY = bytes(range(32))


def records_of_gets(data: Path) -> list[dict[str, str]]:
    lines = [line for path in (data / "audit").glob("*.jsonl") for line in path.read_text().splitlines()]
    records = [json.loads(line)["record"] for line in lines]
    return [record for record in records if record.get("operation") == Operation.GET.name]


def test_each_of_many_equal_reads_is_recorded_until_the_key_is_destroyed(start: Start, tmp_path: Path) -> None:
    server = start()
    with Dialogue(server) as one, Dialogue(server) as other:
        key = one.register("often", KEY)
        for _ in range(OFTEN):
            assert one.material(key) == other.material(key) == KEY
        one.destroy(key)
        for dialogue in (one, other):
            with pytest.raises(Refused):
                dialogue.material(key)
    assert server.stop() == 0

    records = records_of_gets(tmp_path / "data")
    assert len({record["record_id"] for record in records}) == len(records) == 2 * OFTEN + 2
    assert sum("result" in record for record in records) == 2


def test_what_another_worker_has_changed_is_answered(start: Start) -> None:
    server = start("--workers", "2")
    dialogues = [Dialogue(server) for _ in range(4)]  # of both workers, as a rule
    for dialogue in dialogues:
        dialogue.__enter__()
    try:
        for number in range(OFTEN):
            changing = dialogues[number % len(dialogues)]
            key = changing.register(f"key {number}", KEY)
            assert [dialogue.material(key) for dialogue in dialogues * 3] == [KEY] * 12
            changing.destroy(key)
            for dialogue in dialogues:
                with pytest.raises(Refused):
                    dialogue.material(key)
    finally:
        for dialogue in dialogues:
            dialogue.__exit__(None, None, None)
