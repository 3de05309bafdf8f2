"""Jobs in processes: their results and refusals, their limits, and what is left when one of them ends badly."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_adapters.crypto.processes import ProcessPool, pickles
from kmip_adapters.crypto.processes import pool as pools
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_adapters.crypto.software.key_forms import SoftwareKeyForms
from kmip_core.enums import CryptographicAlgorithm, KeyFormatType, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.ports.steps import Pace, TakesLong
from kmip_core.structures import CryptographicParameters

pytestmark = pytest.mark.long

ENDLESS = (3, (1 << 400_000) - 1, (1 << 400_000) - 3)
"""Arguments of `pow` that keep the interpreter's lock for minutes."""


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    made = ProcessPool(2, memory=128 << 20)
    yield made
    made.close()


# --- jobs ---------------------------------------------------------------------------------------------------------


def where() -> int:
    return os.getpid()


def refuse(secret: bytes) -> None:
    raise invalid_field("the text for the client")


def fail(secret: bytes) -> None:
    raise LookupError(secret)


def swell() -> int:
    return len(bytearray(1 << 30))


def foreign() -> Any:
    return Path("/")


def arguments() -> bytes:
    return Path(f"/proc/{os.getpid()}/cmdline").read_bytes() + Path(f"/proc/{os.getpid()}/environ").read_bytes()


def await_end_of(pid: int) -> None:
    """Wait until a process is gone; a test's own time limit is what ends a wait in vain."""
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.01)


# --- tests --------------------------------------------------------------------------------------------------------


def test_there_is_no_process_before_the_first_job_and_few_after_many(pool: ProcessPool) -> None:
    assert pool.pids() == []

    places = {pool.run(where) for _ in range(5)}

    assert places == set(pool.pids())
    assert len(places) == 1
    assert os.getpid() not in places


def test_refusals_are_those_of_the_function(pool: ProcessPool) -> None:
    with pytest.raises(KmipError) as refused:
        pool.run(refuse, b"secret")

    assert (refused.value.reason, refused.value.message) == (ResultReason.INVALID_FIELD, "the text for the client")
    assert len(pool.pids()) == 1


def test_a_bug_is_reported_without_what_it_spoke_of(pool: ProcessPool) -> None:
    with pytest.raises(RuntimeError) as failed:
        pool.run(fail, b"the secret")

    assert "LookupError at fail:" in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_job_ends_when_its_processor_time_is_used_up_and_others_are_unhurt(pool: ProcessPool) -> None:
    answers: list[Any] = []

    def work() -> None:
        with pytest.raises(KmipError) as refused:
            pool.run(pow, *ENDLESS, seconds=0.5)
        answers.append(refused.value.reason)

    endless = threading.Thread(target=work)
    endless.start()
    beside = [pool.run(pow, 3, 4, 5) for _ in range(20)]
    endless.join()

    assert beside == [1] * 20
    assert answers == [ResultReason.CRYPTOGRAPHIC_FAILURE]
    assert pool.run(pow, 3, 4, 5) == 1
    assert len(pool.pids()) <= 2


def test_a_job_that_wants_too_much_memory_is_refused(pool: ProcessPool) -> None:
    with pytest.raises(KmipError) as refused:
        pool.run(swell)

    assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE
    assert pool.run(pow, 3, 4, 5) == 1


def test_a_process_that_was_killed_is_replaced(pool: ProcessPool) -> None:
    os.kill(pool.run(where), signal.SIGKILL)
    await_end_of(pool.pids()[0])

    assert pool.run(pow, 3, 4, 5) == 1


def test_a_process_is_replaced_after_many_jobs(pool: ProcessPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "JOBS_OF_A_WORKER", 2)

    assert len({pool.run(where) for _ in range(4)}) == 2


def test_a_process_answers_with_values_of_the_core_only(pool: ProcessPool) -> None:
    with pytest.raises(Exception, match="is no value of the core"):
        pool.run(foreign)

    assert pool.run(pow, 3, 4, 5) == 1


def test_secrets_are_neither_arguments_nor_environment(pool: ProcessPool) -> None:
    assert b"password" not in pool.run(arguments)


def test_closing_ends_the_processes_whatever_they_do_and_refuses_what_comes() -> None:
    pool = ProcessPool(1)
    pids = {pool.run(where)}
    ended = threading.Event()

    def work() -> None:
        with pytest.raises(KmipError):
            pool.run(pow, *ENDLESS)
        ended.set()

    threading.Thread(target=work).start()
    pool.close()

    assert ended.wait(120)
    for pid in pids:
        await_end_of(pid)
    with pytest.raises(KmipError) as refused:
        pool.run(where)
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_more_jobs_than_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAXIMUM_WAITING", 0)

    with pytest.raises(KmipError) as refused:
        ProcessPool(1).run(where)
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


@pytest.mark.parametrize("pace", [Pace.QUICK, Pace.COMMITS, Pace.BRIEF], ids=lambda pace: pace.value)
def test_work_begun_at_a_faster_pace_does_not_wait_for_a_process(pool: ProcessPool, pace: Pace) -> None:
    with pytest.raises(TakesLong):
        pool.at(pace, pool.run, where)
    assert pool.at(Pace.SLOW, pool.run, where)
    assert pool.may_wait


@pytest.mark.parametrize("pace", Pace, ids=lambda pace: pace.value)
def test_work_on_an_event_loop_may_not_compute(pool: ProcessPool, pace: Pace) -> None:
    def may_compute() -> bool:
        return pool.may_compute

    assert pool.at(pace, may_compute) is (pace not in {Pace.QUICK, Pace.COMMITS})
    assert pool.may_compute


def test_a_pace_is_that_of_the_innermost_call_in_its_thread(pool: ProcessPool) -> None:
    seen: list[bool] = []

    def note() -> None:
        seen.append(pool.may_wait)

    def within() -> None:
        pool.at(Pace.SLOW, note)
        note()
        other = threading.Thread(target=note)
        other.start()
        other.join()

    pool.at(Pace.QUICK, within)

    assert seen == [True, False, True]


_PARENT = """
import os, sys, threading, time
sys.path.insert(0, {root!r})
from kmip_adapters.crypto.processes import ProcessPool
if {busy}:
    pool = ProcessPool(1)
    pool.run(os.getpid)
    threading.Thread(target=pool.run, args=(pow, 3, (1 << 400_000) - 1, (1 << 400_000) - 3), daemon=True).start()
    time.sleep(0.2)
else:
    pool = ProcessPool(1)
    pool.run(os.getpid)
print(pool.pids()[0], flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the lifeline's signal is Linux's")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "computing"])
def test_processes_do_not_outlive_a_parent_that_is_killed(busy: bool) -> None:
    program = _PARENT.format(root=str(Path(__file__).parents[5]), busy=busy)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()

    await_end_of(child)


def test_the_adapters_send_their_long_work_to_processes(pool: ProcessPool) -> None:
    crypto, forms = SoftwareCrypto(pool), SoftwareKeyForms(pool)
    pair = crypto.make_key_pair(
        CryptographicAlgorithm.DSA, 1024, private_format=KeyFormatType.TRANSPARENT_DSA_PRIVATE_KEY
    )
    assert len(pool.pids()) == 1
    assert crypto.describe(pair.private_key) is not None

    with pytest.raises(KmipError):
        forms.read_container(b"no container", b"password")
    with pytest.raises(KmipError):
        crypto.sign(pair.private_key, CryptographicParameters(), b"")


@pytest.mark.parametrize(
    "forged",
    [
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
        b"\x80\x04\x8c\x10kmip_core.secret\x94\x8c\x03Any\x94\x93\x94.",
        b"\x80\x04\x8c\x10kmip_core.errors\x94\x8c\x0dinvalid_field\x94\x93\x94.",
        b"\x80\x04\x8c\x10kmip_core.errors\x94\x8c\x13KmipError.__class__\x94\x93\x94.",
    ],
    ids=["another module", "what a module imports", "a function", "an attribute"],
)
def test_forged_answers_reach_nothing_but_classes_of_the_core(forged: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError):
        pickles.loads_answer(forged)


@pytest.mark.parametrize("interpreter", ["/no/such/interpreter", None])
def test_without_a_process_the_server_is_busy(monkeypatch: pytest.MonkeyPatch, interpreter: str | None) -> None:
    monkeypatch.setattr(sys, "executable", interpreter)

    with pytest.raises(KmipError) as refused:
        ProcessPool(1).run(where)
    assert refused.value.reason is ResultReason.SERVER_LIMIT_EXCEEDED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_to_the_whole_group_is_left_to_the_server(pool: ProcessPool, number: signal.Signals) -> None:
    child = pool.run(where)
    os.kill(child, number)

    assert pool.run(where) == child
