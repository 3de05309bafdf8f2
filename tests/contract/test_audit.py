"""The promises of ports/audit.py, on every adapter."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kmip_adapters.audit.file_trail import FileTrail
from kmip_adapters.audit.lines import read_line
from kmip_adapters.audit.memory import MemoryTrail
from kmip_app.container import Container
from kmip_app.testing.contracts.audit import *  # noqa: F403  the promises, with the `opened` of this module
from kmip_app.testing.contracts.audit import Held
from kmip_core.ports.audit import AuditTrail


def memory_trail(folder: Path) -> tuple[AuditTrail, Held]:
    trail = MemoryTrail()
    return trail, lambda: [record.record_id for record in trail.records]


def file_trail(folder: Path) -> tuple[AuditTrail, Held]:
    def held() -> list[str]:
        lines = (folder / "main.jsonl").read_bytes().splitlines()
        return [read_line(line).record["record_id"] for line in lines]

    return FileTrail(folder), held


TRAILS: Final = {"memory": memory_trail, "file": file_trail}


def test_every_adapter_of_the_container_is_held_to_the_contract() -> None:
    assert set(Container.audit.providers) == set(TRAILS)


@pytest.fixture(params=TRAILS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[AuditTrail, Held]]:
    trail, held = TRAILS[request.param](tmp_path / "audit")
    yield trail, held
    trail.close()
