"""Which signal has a server do what."""

import os
import signal
import time

import pytest
from attrs import define, field

from kmip_app.signals import obeyed


@define
class NotedServer:
    """A server that writes down what it is asked to do."""

    notes: list[str] = field(factory=list)

    def stop_at_signal(self) -> None:
        self.notes.append("stop")

    def reload(self) -> None:
        self.notes.append("reload")
        raise OSError("what a reload meets")

    def reopen_logs(self) -> None:
        self.notes.append("reopen logs")

    def log_summary(self) -> None:
        self.notes.append("log summary")


@pytest.mark.parametrize(
    ("number", "asked"),
    [
        (signal.SIGTERM, "stop"),
        (signal.SIGINT, "stop"),
        (signal.SIGHUP, "reload"),
        (signal.SIGUSR1, "reopen logs"),
        (signal.SIGUSR2, "log summary"),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value,
)
def test_each_signal_is_obeyed_as_often_as_it_comes(number: signal.Signals, asked: str) -> None:
    server = NotedServer()

    with obeyed(server):
        for times in (1, 2):
            os.kill(os.getpid(), number)
            give_up = time.monotonic() + 30  # a hang limit
            while len(server.notes) < times and time.monotonic() < give_up:
                time.sleep(0.001)

    assert server.notes == [asked, asked]
