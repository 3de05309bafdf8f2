"""The runner of submissions, over a store in memory.  Waits are hang limits: what is waited for comes by an event."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from kmip_adapters.asynchronous import runner as runner_module
from kmip_adapters.asynchronous.runner import ThreadedRunner
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.system.clock import SteppableClock
from kmip_adapters.system.delays import ThreadedDelays
from kmip_adapters.system.identifiers import SequentialIdentifiers
from kmip_core.enums import Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError
from kmip_core.principal import Principal
from kmip_core.structures import ProtocolVersion
from kmip_core.submissions import Outcome, Submission
from tests.builders import NOW, RememberedFaults

HANG: Final = 120.0  # seconds
LATER: Final = NOW + 1_000


class Server:
    """A store, a runner on it, and what it has run."""

    def __init__(self, workers: int = 2, store: Any = None) -> None:
        self.store: Any = store or MemoryStorage()
        self.clock = SteppableClock(NOW)
        self.faults = RememberedFaults()
        self.ran: list[str] = []
        self.changed = threading.Condition()
        self.hold = threading.Event()
        self.hold.set()
        self.fail: Callable[[str], None] = lambda batch: None
        self.runner = ThreadedRunner(
            store=self.store,
            clock=self.clock,
            delays=ThreadedDelays(),
            faults=self.faults,
            identifiers=SequentialIdentifiers(),
            name="this one",
            workers=workers,
        )

    def start(self) -> None:
        self.runner.start(self.run)

    def run(self, batch: str) -> None:
        with self.changed:
            self.ran.append(batch)
            self.changed.notify_all()
        assert self.hold.wait(HANG)
        self.fail(batch)
        with self.store.unit_of_work() as work:
            for one in work.submissions_of_batch(batch):
                work.save_submission(one.ended(Outcome(result_status=ResultStatus.SUCCESS)))
            work.commit()
        self.runner.has_ended(batch.encode())

    def wait_until_ran(self, *batches: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: set(batches) <= set(self.ran), HANG), self.ran

    def submit(self, *batches: str, owner: str = "alice", due_at: int = NOW) -> None:
        with self.store.unit_of_work() as work:
            for batch in batches:
                work.save_submission(
                    Submission(
                        correlation_value=batch.encode(),
                        batch=batch,
                        position=0,
                        principal=Principal(name=owner),
                        operation=Operation.PING,
                        protocol_version=ProtocolVersion(2, 1),
                        submitted_at=NOW,
                        due_at=due_at,
                        expires_at=LATER + 1_000,
                    )
                )
            work.commit()

    def claimed_until(self, batch: str) -> int | None:
        with self.store.unit_of_work() as work:
            found = work.submission(batch.encode())
        assert found is not None
        until: int | None = found.claimed_until
        return until


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.hold.set()
    made.runner.close()


def test_batches_left_by_another_process_are_run_after_the_start(server: Server) -> None:
    server.submit("one", "two")
    server.start()

    server.wait_until_ran("one", "two")


def test_a_submitted_batch_is_run_when_it_is_due(server: Server) -> None:
    server.start()
    server.submit("later", due_at=LATER)
    server.submit("now")
    server.runner.wake()

    server.wait_until_ran("now")
    assert server.ran == ["now"]


def test_a_hurried_batch_is_run_before_it_is_due(server: Server) -> None:
    server.submit("later", due_at=LATER)
    server.start()
    ended = server.runner.wait(b"later", 1_000 * int(HANG))
    server.runner.hurry("later", "alice")
    ended.wait()

    assert server.ran == ["later"]


def test_a_batch_that_another_process_has_claimed_is_left_to_it(server: Server) -> None:
    server.submit("theirs", "ours")
    assert server.store.claim_batch("theirs", "another", NOW, LATER)
    server.runner.hurry("theirs", "alice")
    server.start()

    server.wait_until_ran("ours")
    assert server.ran == ["ours"]


def test_so_many_batches_run_at_once_as_there_are_workers(server: Server) -> None:
    server.hold.clear()
    server.submit("a", "b", "c")
    server.start()
    server.wait_until_ran("a", "b")
    server.runner.hurry("c", "alice")
    assert server.ran == ["a", "b"]
    server.hold.set()

    server.wait_until_ran("c")


def test_those_who_wait_take_turns(server: Server) -> None:
    """Somebody who polls for all of a thousand submissions would else keep everybody else waiting for them."""
    server.submit(*(f"alice {number}" for number in range(5)), due_at=LATER)
    server.submit("bob", owner="bob", due_at=LATER)
    server.runner._workers = 1
    server.hold.clear()
    server.start()
    server.runner.hurry("alice 0", "alice")
    server.wait_until_ran("alice 0")
    for number in range(1, 5):
        server.runner.hurry(f"alice {number}", "alice")
    server.runner.hurry("bob", "bob")
    server.hold.set()

    server.wait_until_ran("bob", *(f"alice {number}" for number in range(5)))
    assert server.ran.index("bob") <= 2


def test_claims_are_renewed_while_a_batch_runs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "RENEW_SECONDS", 0.01)
    renewed = threading.Event()
    renew = server.store.renew

    def note(claimant: str, until: int) -> None:
        renew(claimant, until)
        renewed.set()

    server.store.renew = note
    server.hold.clear()
    server.submit("long")
    server.start()
    server.wait_until_ran("long")
    server.clock.advance(5)
    renewed.clear()

    assert renewed.wait(HANG)
    assert server.claimed_until("long") == NOW + 5 + runner_module.CLAIM_SECONDS
    server.hold.set()


def test_the_end_gives_claims_up(server: Server) -> None:
    def refuse(batch: str) -> None:
        raise KmipError(ResultReason.GENERAL_FAILURE, "no room")

    server.fail = refuse
    server.submit("one")
    server.start()
    server.wait_until_ran("one")
    server.runner.close(HANG)

    assert server.claimed_until("one") is None
    assert server.faults.errors == []
    server.runner.hurry("one", "alice")  # nothing happens any more
    assert server.ran == ["one"]


def test_a_fault_ends_no_worker(server: Server) -> None:
    def break_down(batch: str) -> None:
        if batch == "bad":
            raise RuntimeError(batch)

    server.fail = break_down
    server.submit("bad")
    server.start()
    server.wait_until_ran("bad")
    server.submit("good")
    server.runner.hurry("good", "alice")

    server.wait_until_ran("good")
    assert [str(error) for error in server.faults.errors] == ["bad"]


@pytest.mark.parametrize("error", [KmipError(ResultReason.GENERAL_FAILURE, "sealed"), RuntimeError("broken")])
def test_a_store_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(runner_module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.01)

    class Failing(MemoryStorage):
        failures = 2

        def claim(self, claimant: str, now: int, until: int, most: int) -> tuple[str, ...]:
            if self.failures:
                self.failures -= 1
                raise error
            return super().claim(claimant, now, until, most)

    server = Server(store=Failing())
    server.submit("one")
    server.start()
    server.wait_until_ran("one")
    server.runner.close()

    assert server.faults.errors == ([] if isinstance(error, KmipError) else [error] * 2)


def test_a_waiting_caller_is_called_back_at_the_end_or_after_a_time(server: Server) -> None:
    called: list[str] = []
    ended, patience = server.runner.wait(b"ends", 1_000 * int(HANG)), server.runner.wait(b"does not", 1)
    ended.add_done_callback(lambda: called.append("ended"))
    patience.wait()
    assert called == []
    server.runner.has_ended(b"ends")
    server.runner.has_ended(b"ends")
    ended.wait()
    ended.add_done_callback(lambda: called.append("at once"))

    assert called == ["ended", "at once"]


def test_the_runner_removes_expired_submissions(server: Server) -> None:
    server.submit("old", due_at=LATER)
    server.clock.advance(3_000)
    removed = threading.Event()
    expire = server.store.expire

    def note(now: int) -> int:
        count: int = expire(now)
        removed.set()
        return count

    server.store.expire = note
    server.start()

    assert removed.wait(HANG)
    with server.store.unit_of_work() as work:
        assert work.submission(b"old") is None
