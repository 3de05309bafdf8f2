"""Signals and process habits: what an operator, logrotate or systemd does to a running server."""

import json
import os
import signal
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from kmip_core.enums import Operation
from tests.e2e.dialogue import Dialogue
from tests.e2e.operations.conftest import Start, eventually
from tests.interop.wire import message, operation
from tests.server import READY_WITHIN, ROOT, StartedServer, command, printed_with


def log_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_sighup_reloads_and_open_sessions_go_on(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "kmipd.conf"
    config.write_text("[server]\nlogging_level = INFO\n")
    server = start("-f", str(config))
    with Dialogue(server) as client:
        kept = client.create("kept")
        config.write_text("[server]\nlogging_level = DEBUG\nmaximum_batch_items = 7\n")
        server.process.send_signal(signal.SIGHUP)
        told = printed_with(server.output, " - reloaded")

        client.activate(kept)  # the same session
        assert "from the next start on: maximum_batch_items" in told
    with Dialogue(server):
        printed_with(server.output, " - DEBUG - ")
    assert server.process.poll() is None
    assert server.stop() == 0
    assert '"event":"Reload"' in (tmp_path / "data" / "audit" / "main.jsonl").read_text()


def test_a_reload_of_a_broken_configuration_changes_nothing(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "kmipd.conf"
    config.write_text("[server]\n")
    server = start("-f", str(config))
    config.write_text("[server]\nlogging_levle = DEBUG\n")

    server.process.send_signal(signal.SIGHUP)

    told = printed_with(server.output, "stays in force")
    assert "did you mean logging_level?" in told
    with Dialogue(server) as client:
        client.create("served")


def test_sighup_takes_up_policies_that_are_not_live(start: Start, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    server = start("--policy_path", str(policies), "--no-live-policies")
    (policies / "one.json").write_text('{"mine": {"preset": {"CERTIFICATE": {"GET": "ALLOW_ALL"}}}}')

    server.process.send_signal(signal.SIGHUP)

    printed_with(server.output, " - reloaded")
    assert str(policies / "one.json") in server.output.read_text()
    assert '"event":"Policies changed"' in (tmp_path / "data" / "audit" / "main.jsonl").read_text()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_log_that_was_renamed_is_begun_anew(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "server.log"
    server = start("--log-path", str(log))
    log.rename(tmp_path / "server.log.1")

    server.process.send_signal(number)
    server.process.send_signal(signal.SIGUSR2)

    eventually(lambda: "state: {" in log_of(log), "the summary in the new file")
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_renamed_log_is_followed_without_a_signal(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    server = start("--log-path", str(log))
    log.rename(tmp_path / "server.log.1")

    server.process.send_signal(signal.SIGUSR2)  # only to have something logged

    eventually(lambda: "state: {" in log_of(log), "the next line in the new file")
    assert "state: {" not in log_of(tmp_path / "server.log.1")


def test_sigusr2_logs_the_state(start: Start) -> None:
    server = start()

    server.process.send_signal(signal.SIGUSR2)

    told = printed_with(server.output, "state: {")
    assert f'"pid": {server.process.pid}' in told


def test_a_second_sigterm_does_not_wait_for_a_client_that_does_not_read(start: Start) -> None:
    server = start("--admin-address", "127.0.0.1:0")
    with Dialogue(server) as client:
        secret = client.register_secret("large", bytes(200_000))
    with server.client() as deaf:
        asked = message((1, 4), operation(Operation.GET, [("UniqueIdentifier", secret)]))
        deaf.exchange(asked)
        for _ in range(40):  # more than the buffers of both sides hold, and none of it is read
            deaf.socket.sendall(asked)
        seen = [0.0]

        def is_stuck() -> bool:
            seen.append(unsent(server))
            return seen[-1] > 0 and len(set(seen[-5:])) == 1

        eventually(is_stuck, "answers fill the buffers")
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not accepts(server), "the server takes no connections, for the first signal has come")
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(READY_WITHIN) == 0
    assert "asked again to stop" in server.output.read_text()


def unsent(server: StartedServer) -> float:
    """Return how many bytes of answers wait in the server."""
    ready = json.loads((server.output.parent / "ready.json").read_text())
    connection = HTTPConnection(ready["admin"], timeout=READY_WITHIN)
    connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("kmipd_unsent_bytes"))


def accepts(server: StartedServer) -> bool:
    try:
        socket.create_connection((server.host, server.port), READY_WITHIN).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_sigterm_during_the_start_ends_with_0(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("serve", "--port", "0", "--data-dir", str(tmp_path / "data")),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    eventually(lambda: (tmp_path / "data").exists() or process.poll() is not None, "the start has begun")
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert process.stderr is not None
    process.stderr.close()


def test_core_dumps_are_off_unless_allowed(start: Start) -> None:
    server = start()
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]
    assert server.stop() == 0

    hard = start("--allow-core-dumps")
    own = [line for line in Path("/proc/self/limits").read_text().splitlines() if line.startswith("Max core")]
    assert own[0] in Path(f"/proc/{hard.process.pid}/limits").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="tells what root is warned of")
def test_running_as_root_is_warned_of_with_the_remedy(start: Start) -> None:
    server = start()

    assert "running as root; give the server a user of its own" in printed_with(server.output, "running as root")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--version",), 0), (("serve", "--port", "none"), 2), (("no-such-command",), 2)],
    ids=["done", "a value that cannot be", "no such command"],
)
def test_exit_codes(arguments: tuple[str, ...], code: int) -> None:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, timeout=120, check=False)

    assert done.returncode == code
