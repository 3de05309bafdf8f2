"""The parts of a request, as the engine tells them to a tracing; a port that is not there changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field

from kmip_core.enums import Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.operations import activate, get
from kmip_core.ports.tracing import Part
from tests.builders import a_symmetric_key, an_engine, perform


@define
class NotedParts:
    """A `Tracing` that writes down what begins and ends."""

    notes: list[str] = field(factory=list)

    def begin(self, part: Part) -> Callable[[], object]:
        self.notes.append(part.value)
        return lambda: self.notes.append(f"/{part.value}")


def test_a_read_is_admitted_and_done() -> None:
    parts = NotedParts()

    perform(an_engine(a_symmetric_key(), tracing=parts), Operation.GET, get.Request(unique_identifier="key"))

    assert parts.notes == ["admission", "/admission", "operation", "/operation"]


def test_a_change_is_committed_as_well() -> None:
    parts = NotedParts()

    perform(an_engine(a_symmetric_key(), tracing=parts), Operation.ACTIVATE, activate.Request(unique_identifier="key"))

    assert parts.notes == ["admission", "/admission", "operation", "/operation", "commit", "/commit"]


def test_a_part_that_fails_has_an_end() -> None:
    parts = NotedParts()

    with pytest.raises(KmipError) as refused:
        perform(an_engine(tracing=parts), Operation.GET, get.Request(unique_identifier="missing"))

    assert refused.value.reason is ResultReason.OBJECT_NOT_FOUND
    assert parts.notes == ["admission", "/admission"]


@pytest.mark.parametrize("tracing", [None, NotedParts()], ids=["without", "with"])
def test_the_answer_is_the_same_with_and_without(tracing: Any) -> None:
    request = activate.Request(unique_identifier="key")

    answer = perform(an_engine(a_symmetric_key(), tracing=tracing), Operation.ACTIVATE, request)

    assert answer == activate.Response(unique_identifier="key")
