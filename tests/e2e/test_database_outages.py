"""A server whose database goes away and comes back: bounded errors, then service as before, without a restart."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgresql
from tests.e2e.conftest import Start
from tests.e2e.dialogue import Dialogue, Refused
from tests.postgresql import Postgres

ANSWER_WITHIN = 120.0  # seconds; the promise is five, the machine may be busy
RESTARTS = int(os.environ.get("KMIPD_DATABASE_RESTARTS", "4"))


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgresql.running() as running:
        yield running


def refused_within(seconds: float, call: Callable[[], object]) -> None:
    begun = time.monotonic()
    with pytest.raises(Refused, match="the store"):
        call()
    assert time.monotonic() - begun < seconds


def until_it_works(call: Callable[[], object]) -> None:
    give_up = time.monotonic() + ANSWER_WITHIN
    while True:
        try:
            call()
            return
        except Refused:
            assert time.monotonic() < give_up
            time.sleep(0.1)


def test_requests_fail_in_time_while_the_database_is_away_and_work_when_it_is_back(
    start: Start, database: Postgres, tmp_path: Path
) -> None:
    server = start("--database", database.url, "--logging_level", "WARNING")
    with Dialogue(server) as client:
        identifier = client.register("before", bytes(32))

        database.stop()
        refused_within(ANSWER_WITHIN, lambda: client.material(identifier))
        refused_within(ANSWER_WITHIN, lambda: client.create("while it is away"))
        database.start()
        until_it_works(lambda: client.material(identifier))
        until_it_works(lambda: client.register("after", bytes(32)))

        database.send(signal.SIGSTOP)
        try:
            refused_within(ANSWER_WITHIN, lambda: client.material(identifier))
        finally:
            database.send(signal.SIGCONT)
        until_it_works(lambda: client.material(identifier))

        for number in range(RESTARTS):
            in_order = number % 4 != 3  # requests do not notice it
            database.stop(signal.SIGINT if in_order else signal.SIGQUIT)
            database.start()
            assert client.material(identifier) == bytes(32)
            client.register(f"after restart {number}", bytes(32))
        assert client.locate("while it is away") == []
        assert len(client.locate("after")) == 1

    assert "the store could not be read" in server.output.read_text()
    assert server.stop() == 0


def test_a_full_disk_of_the_database_refuses_changes_and_loses_nothing(start: Start, tmp_path: Path) -> None:
    with postgresql.running(disk="96m", min_wal_size="32MB", max_wal_size="32MB") as database:
        server = start("--database", database.url, "--logging_level", "WARNING")
        with Dialogue(server) as client:
            kept = {client.register_secret("before", bytes(2_000)): bytes(2_000)}
            ballast = database.directory / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

            refusals: list[str] = []
            for number in range(400):  # the last free pages are used up first
                secret = os.urandom(2_000)
                try:
                    kept[client.register_secret(f"secret {number}", secret)] = secret
                except Refused as refusal:
                    refusals.append(str(refusal))
                if len(refusals) == 5:
                    break
            assert len(refusals) == 5
            assert all("the store" in refusal for refusal in refusals)

            ballast.unlink()
            if not database.is_running:  # it stops where not even its log has room
                database.stop()
                database.start()
            until_it_works(lambda: client.register("after", bytes(32)))
            for identifier, secret in kept.items():
                assert client.material(identifier) == secret

        assert server.stop() == 0
