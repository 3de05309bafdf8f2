"""Several processes that serve together look like one server, and outlive the end of any of them."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.dialogue import Dialogue
from tests.e2e.operations.conftest import Start, eventually
from tests.e2e.operations.test_monitoring import ADMIN, admin_of, get, samples
from tests.server import StartedServer, printed_with, run, running

WORKERS = ("--workers", "2")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StartedServer]:
    with running(tmp_path, "--data-dir", str(tmp_path / "data"), *WORKERS, *ADMIN) as started:
        yield started


def status(server: StartedServer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(server, "/status")[2])
    return found


def test_workers_are_one_server(server: StartedServer, tmp_path: Path) -> None:
    ready = json.loads((tmp_path / "ready.json").read_text())
    assert ready.keys() == {"host", "port", "ca", "cert", "key", "pem", "admin", "pid", "version"}
    assert ready["pid"] == server.process.pid

    with ExitStack() as resources:
        clients = [resources.enter_context(Dialogue(server)) for _ in range(16)]
        keys = [client.create(f"key {number}") for number, client in enumerate(clients)]
        for client in clients:
            assert {client.state(key) for key in keys} == {1}
        shares = [worker["connections"] for worker in status(server)["workers"]]
        assert sum(shares) == len(clients)
        assert all(shares), "one worker has all connections"

    found = samples(server)
    labels = {"operation": "Create", "version": "1.4", "result": "Success"}
    assert found["kmipd_requests_total", tuple(sorted(labels.items()))] == len(keys)
    assert found["kmipd_workers", (("state", "serving"),)] == 2
    assert sum(value for (name, _), value in found.items() if name == "kmipd_objects") == len(keys)
    assert get(server, "/readyz")[0] == get(server, "/livez")[0] == 200
    assert run("health", "--address", admin_of(server)).returncode == 0

    server.process.send_signal(signal.SIGHUP)
    printed_with(server.output, "reloaded")
    server.process.send_signal(signal.SIGUSR2)
    printed_with(server.output, 'state: {"pid": ')
    assert server.stop() == 0
    verified = run("audit", "verify", "--data-dir", str(tmp_path / "data"))
    assert verified.returncode == 0, verified.stdout
    assert "main-w1 " in verified.stdout
    assert "main-w2 " in verified.stdout


def test_a_worker_that_ends_is_started_again_while_others_serve(server: StartedServer) -> None:
    with Dialogue(server) as client:
        key = client.create("kept")
    before = {worker["number"]: worker["pid"] for worker in status(server)["workers"]}
    os.kill(before[1], signal.SIGKILL)

    for number in range(8):
        with Dialogue(server) as client:
            assert client.state(key) == 1
            client.create(f"meanwhile {number}")
    eventually(lambda: [one["state"] for one in status(server)["workers"]] == ["serving"] * 2, "both serve again")
    after = {worker["number"]: worker["pid"] for worker in status(server)["workers"]}
    assert after[2] == before[2]
    assert after[1] != before[1]
    assert samples(server)["kmipd_worker_restarts_total", ()] == 1
    printed_with(server.output, "has ended: killed by signal 9")


def test_workers_end_with_their_supervisor_and_free_the_store(start: Start) -> None:
    server = start(*WORKERS, *ADMIN)
    with Dialogue(server) as client:
        key = client.create("kept")
    workers = [worker["pid"] for worker in status(server)["workers"]]
    server.process.kill()
    server.process.wait()

    eventually(lambda: not any(map(_is_alive, workers)), "the workers are gone")
    with Dialogue(start()) as client:  # as one process this time
        assert client.state(key) == 1


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_nothing_can_be_shared_in_memory() -> None:
    refused = run("serve", "--ephemeral", "--port", "0", *WORKERS)

    assert refused.returncode == 2
    assert "workers" in refused.stderr
    assert "memory" in refused.stderr


def test_a_worker_that_cannot_start_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "root.key").write_bytes(b"no key")
    (tmp_path / "root.key").chmod(0o600)
    refused = run("serve", "--data-dir", str(tmp_path), "--port", "0", *WORKERS)

    assert refused.returncode == 2
    assert "root.key" in refused.stderr.splitlines()[-1]
