"""Delays: over in their order, one thread for all, callbacks that come late are called at once."""

import threading
from typing import Any

import pytest

from kmip_adapters.system import delays as module
from kmip_adapters.system.delays import ThreadedDelays


def test_delays_end_in_the_order_of_their_times() -> None:
    delays, ended, done = ThreadedDelays(), [], threading.Event()
    long, short = delays.begin(500), delays.begin(20)
    short.add_done_callback(lambda: ended.append("short"))
    long.add_done_callback(lambda: (ended.append("long"), done.set()))

    assert done.wait(120)
    assert ended == ["short", "long"]
    late: list[Any] = []
    short.add_done_callback(lambda: late.append(True))
    assert late == [True]
    short.wait()


def test_many_delays_have_one_thread_which_ends_when_there_is_nothing_to_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    before = set(threading.enumerate())
    delays = ThreadedDelays()
    for delay in [delays.begin(5) for _ in range(50)]:
        delay.wait()
    threads = [thread for thread in threading.enumerate() if thread.name == "kmip-delays" and thread not in before]
    assert len(threads) <= 1
    for thread in threads:
        thread.join(120)
    delays.begin(1).wait()
