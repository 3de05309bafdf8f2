"""What the server's care of the audit trail says about the store."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field

from kmip_adapters.audit.file_trail import FileTrail
from kmip_app.audit import START, STOP, STORE, AuditCare, folder_of, last_generation
from kmip_app.configuration.config import Configuration
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.ports.audit import AuditRecord


@define
class Sealer:
    is_open: bool = True


@define
class Store:
    """A store with a generation and facts."""

    number: int | None = 1
    facts: dict[str, str | None] = field(factory=dict)
    sealer: Sealer = field(factory=Sealer)

    def generation(self) -> int | None:
        if self.number == 0:
            raise KmipError(ResultReason.GENERAL_FAILURE, "the store cannot be read")
        return self.number

    def set_fact(self, name: str, value: str | None) -> None:
        self.facts[name] = value


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return Configuration(data_directory=tmp_path)


@pytest.fixture
def trail(configuration: Configuration) -> Iterator[FileTrail]:
    opened = FileTrail(folder_of(configuration))
    yield opened
    opened.close()


def recording(trail: FileTrail) -> Callable[[str, str], None]:
    def record(event: str, message: str) -> None:
        trail.append(AuditRecord(record_id="r", time=1, principal="", event=event, message=message))

    return record


def records_of(configuration: Configuration) -> list[tuple[str, str]]:
    lines = (folder_of(configuration) / "main.jsonl").read_text().splitlines()
    return [(record["event"], record.get("message", "")) for record in (json.loads(line)["record"] for line in lines)]


def test_the_generation_is_named_when_the_trail_has_grown_and_not_otherwise(
    configuration: Configuration, trail: FileTrail
) -> None:
    store, record = Store(), recording(trail)
    care = AuditCare(configuration, store, trail, record)
    care.keep()
    assert records_of(configuration) == []

    record("Get", "")
    for _ in range(3):
        care.keep()
    store.number = 7
    record("Create", "")
    care.keep()

    assert records_of(configuration) == [
        ("Get", ""),
        (STORE, "generation 1 of the store"),
        ("Create", ""),
        (STORE, "generation 7 of the store"),
    ]
    assert store.facts == {"audit_head": f"{trail.head.sequence}:{trail.head.hash}"}
    assert last_generation(folder_of(configuration)) == 7


@pytest.mark.parametrize("number", [0, None], ids=["it cannot be read", "there is none"])
def test_a_generation_that_is_not_known_is_not_named(
    configuration: Configuration, trail: FileTrail, number: int | None
) -> None:
    record = recording(trail)
    record("Get", "")
    AuditCare(configuration, Store(number), trail, record).keep()

    assert records_of(configuration) == [("Get", "")]


def test_the_last_generation_is_that_of_any_chain_and_file(configuration: Configuration) -> None:
    folder = folder_of(configuration)
    assert last_generation(folder) == 0
    for chain, number in (("main-w1", 5), ("main-w2", 9)):
        trail = FileTrail(folder, chain, maximum_size=2_000)
        record = recording(trail)
        record(START, f"generation {number} of the store")
        for _ in range(40):  # the record is in a file that was set aside then
            record("Get", "a title of the store")
        trail.close()
        assert len(list(folder.glob(f"{chain}*.jsonl"))) > 1

    assert last_generation(folder) == 9


def test_a_long_trail_is_looked_through_from_its_end_alone(
    configuration: Configuration, trail: FileTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = recording(trail)
    record(START, "generation 3 of the store")
    for _ in range(20):
        record("Get", "")
    assert last_generation(folder_of(configuration)) == 3

    monkeypatch.setattr("kmip_app.audit.LOOKED_THROUGH", 1_000)
    assert last_generation(folder_of(configuration)) == 0


def test_no_client_can_name_a_generation(configuration: Configuration, trail: FileTrail) -> None:
    record = recording(trail)
    record(STOP, "generation 3 of the store")
    record("Create", "generation 99 of the store")

    assert last_generation(folder_of(configuration)) == 3


def test_nothing_is_compared_while_the_root_key_is_away(configuration: Configuration, trail: FileTrail) -> None:
    record = recording(trail)
    record(STOP, "generation 3 of the store")
    AuditCare(configuration, Store(None, sealer=Sealer(is_open=False)), trail, record).check_store()

    assert records_of(configuration) == [(STOP, "generation 3 of the store")]
