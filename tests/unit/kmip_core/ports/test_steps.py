"""Work in steps, driven from a thread that may block."""

from collections.abc import Callable

import pytest
from attrs import define

from kmip_core.errors import KmipError
from kmip_core.ports.steps import MoveTo, Pace, Pause, Step, Steps, Wait, returning_to, run_blocking
from kmip_core.ports.transport import Answer, ConnectionEnd, run_to_end


@define
class Counted:
    """A `Pending` that counts how often it is waited for."""

    waits: int = 0

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        raise AssertionError("a thread that blocks needs no callback")

    def wait(self) -> None:
        self.waits += 1


def work(*steps: Step) -> Steps[str]:
    yield from steps
    return "result"


def test_a_thread_blocks_where_work_waits_and_goes_on_where_it_moves() -> None:
    pending = Counted()

    assert run_blocking(work(Wait(pending), Pause(), MoveTo(Pace.SLOW), Wait(pending))) == "result"
    assert pending.waits == 2


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), ()),
        ((MoveTo(Pace.SLOW),), (MoveTo(Pace.SLOW), MoveTo(Pace.QUICK))),
        ((MoveTo(Pace.SLOW), MoveTo(Pace.QUICK)), (MoveTo(Pace.SLOW), MoveTo(Pace.QUICK))),
    ],
)
def test_work_that_has_moved_returns_to_its_pace(steps: tuple[Step, ...], expected: tuple[Step, ...]) -> None:
    assert tuple(returning_to(Pace.QUICK, work(*steps))) == expected


@define
class Outcomes:
    """A `Job` with these outcomes, one a call."""

    outcomes: list[Answer | Step]
    pace: Pace = Pace.QUICK
    title: str = "a job"

    def run(self) -> Answer | Step:
        return self.outcomes.pop(0)

    def curtail(self, error: KmipError) -> None:
        raise AssertionError("it is run to its end")

    def decline(self, error: KmipError) -> bytes:
        raise AssertionError("it is run")


@pytest.mark.parametrize("answer", [b"answer", ConnectionEnd()])
def test_a_job_is_run_to_its_answer(answer: Answer) -> None:
    pending = Counted()

    assert run_to_end(Outcomes([Wait(pending), Pause(), MoveTo(Pace.SLOW), answer])) == answer
    assert pending.waits == 1
