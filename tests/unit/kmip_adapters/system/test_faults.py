"""Faults in the log: whole at first, and few of them however many there are."""

import logging

import pytest

from kmip_adapters.system.faults import LINES, PERIOD, STACKS, LoggedFaults


def a_fault(text: str = "a secret value") -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.fixture
def times() -> list[float]:
    return [0.0]


@pytest.fixture
def faults(times: list[float], caplog: pytest.LogCaptureFixture) -> LoggedFaults:
    caplog.set_level(logging.ERROR, "kmipd.fault")
    return LoggedFaults(lambda: times[0])


def test_a_fault_has_its_stack_and_no_values(faults: LoggedFaults, caplog: pytest.LogCaptureFixture) -> None:
    faults.report("id-1", a_fault())

    assert "id-1: ValueError" in caplog.text
    assert "in a_fault" in caplog.text
    assert "a secret value" not in caplog.text


def test_a_fault_that_is_repeated_does_not_roll_the_log_over(
    faults: LoggedFaults, times: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2_000):
        faults.report(f"id-{number}", a_fault())

    assert len(caplog.records) == LINES
    assert sum("in a_fault" in record.getMessage() for record in caplog.records) == STACKS

    caplog.clear()
    times[0] += PERIOD
    faults.report("later", a_fault())
    assert [record.getMessage().split("\n")[0] for record in caplog.records] == [
        f"{2_000 - LINES} faults before this one have no line",
        "later: ValueError",
    ]


def test_a_fault_elsewhere_has_its_stack_beside_one_that_is_repeated(
    faults: LoggedFaults, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(STACKS + 1):
        faults.report(f"id-{number}", a_fault())
    try:
        raise KeyError("missing")
    except KeyError as error:
        faults.report("other", error)

    assert "test_a_fault_elsewhere" in caplog.records[-1].getMessage()


def test_an_exception_without_a_stack_is_reported(faults: LoggedFaults, caplog: pytest.LogCaptureFixture) -> None:
    faults.report("id", ValueError())

    assert caplog.records[-1].getMessage().strip() == "id: ValueError"
