"""The admin listener: probes, metrics, state; and the commands that ask it."""

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from kmip_app.monitoring.exposition import FAMILIES
from kmip_core.enums import Operation
from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start, eventually
from tests.server import StartedServer, printed_with, run, running

ADMIN = ("--admin-address", "127.0.0.1:0")
WITHIN = 120  # seconds; a hang limit


def admin_of(server: StartedServer) -> str:
    return json.loads((server.output.parent / "ready.json").read_text())["admin"]


def get(server: StartedServer, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """Return status, content type and body."""
    connection = HTTPConnection(admin_of(server), timeout=WITHIN)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response.status, response.headers["Content-Type"], response.read().decode()


def samples(server: StartedServer) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    _, _, text = get(server, "/metrics", Accept="application/openmetrics-text")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    folder = tmp_path_factory.mktemp("monitored")
    with running(folder, "--data-dir", str(folder / "data"), *ADMIN) as started:
        yield started


def test_a_server_that_works_is_live_and_ready(server: StartedServer) -> None:
    assert get(server, "/livez") == (200, "application/json", '{"status": "ok"}\n')
    status, _, body = get(server, "/readyz")
    assert status == 200
    assert json.loads(body)["checks"].keys() == {"serving", "certificate", "store", "root_key", "audit"}


def test_without_the_setting_there_is_no_listener(start: Start, tmp_path: Path) -> None:
    start()

    assert "admin" not in json.loads((tmp_path / "ready.json").read_text())


def _remove_root_key(data: Path) -> None:
    (data / "root.key").rename(data / "root.key.away")


@pytest.mark.parametrize(
    ("break_it", "check"),
    [(_remove_root_key, "root_key"), (lambda data: shutil.rmtree(data / "audit"), "audit")],
    ids=["root key", "audit trail"],
)
def test_a_broken_part_is_named_and_the_server_is_not_ready(
    start: Start, tmp_path: Path, break_it: Callable[[Path], Any], check: str
) -> None:
    server = start(*ADMIN)
    break_it(tmp_path / "data")

    eventually(lambda: get(server, "/readyz")[0] == 503, "not ready")
    content = json.loads(get(server, "/readyz")[2])
    assert content["status"] == "unavailable"
    assert content["checks"][check]["reason"]
    assert get(server, "/livez")[0] == 200

    done = run("health", "--address", admin_of(server))
    assert done.returncode == 1
    assert f"{check}: " in done.stderr


def test_metrics_are_openmetrics_with_every_documented_family(server: StartedServer) -> None:
    with Dialogue(server) as client:
        key = client.create("counted")
        with pytest.raises(Refused):
            client.material("no-such-object")
    _, content_type, text = get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(text)}

    assert content_type.startswith("application/openmetrics-text")
    assert families.keys() >= FAMILIES.keys()
    assert key
    found = samples(server)
    labels = {"operation": "Create", "version": "1.4", "result": "Success"}
    assert found["kmipd_requests_total", tuple(sorted(labels.items()))] >= 1
    labels = {"operation": "Get", "version": "1.4", "result": "Object Not Found"}
    assert found["kmipd_requests_total", tuple(sorted(labels.items()))] >= 1
    assert found["kmipd_request_duration_seconds_count", (("operation", "Create"),)] >= 1
    assert found["kmipd_commit_sync_seconds_count", ()] >= 1
    assert found["kmipd_audit_append_seconds_count", ()] >= 1
    assert any(name == "kmipd_certificate_days_left" and value > 100 for (name, _), value in found.items())
    assert any(name == "kmipd_client_certificate_days_left" for name, _ in found)


def test_metrics_are_also_given_in_prometheus_older_form(server: StartedServer) -> None:
    status, content_type, text = get(server, "/metrics")

    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE kmipd_requests_total counter" in text


def test_no_client_makes_the_labels_grow(server: StartedServer) -> None:
    def names(found: Any) -> set[Any]:
        return {key for key in found if key[0].startswith("kmipd_requests")}

    with Dialogue(server) as client:
        client.create("before")
        with pytest.raises(Refused):
            client.material("x")
        before = names(samples(server))
        for number in range(20):
            with pytest.raises(Refused):
                client.material(f"object {number}")
    assert names(samples(server)) == before


def test_objects_are_counted_by_type_and_state(start: Start) -> None:
    server = start(*ADMIN)
    with Dialogue(server) as client:
        client.activate(client.create("one"))
        client.create("two")

    found = samples(server)

    states = {dict(labels)["state"]: value for (name, labels), value in found.items() if name == "kmipd_objects"}
    assert states == {"Active": 1, "Pre-Active": 1} or states == {"Active": 1, "Pre Active": 1}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"POST /readyz HTTP/1.1\r\n\r\n", 405),
        (b"HEAD /livez HTTP/1.1\r\n\r\n", 200),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nX: " + bytes(9_000) + b"\r\n\r\n", 431),
    ],
    ids=["unknown", "post", "head", "no http", "long"],
)
def test_odd_requests_get_their_status(server: StartedServer, request_bytes: bytes, status: int) -> None:
    host, _, port = admin_of(server).rpartition(":")
    with socket.create_connection((host, int(port)), WITHIN) as connection:
        connection.sendall(request_bytes)
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert request_bytes[:4] != b"HEAD" or answer.endswith(b"\r\n\r\n")


def test_peers_that_send_nothing_do_not_keep_probes_out(server: StartedServer) -> None:
    host, _, port = admin_of(server).rpartition(":")
    silent = [socket.create_connection((host, int(port)), WITHIN) for _ in range(60)]
    try:
        eventually(lambda: _is_live(server), "the silent ones are ended")
    finally:
        for connection in silent:
            connection.close()


def _is_live(server: StartedServer) -> bool:
    try:
        return get(server, "/livez")[0] == 200
    except OSError:
        return False


def test_health_by_address(server: StartedServer) -> None:
    done = run("health", "--address", admin_of(server))

    assert (done.returncode, done.stdout) == (0, "ok\n")


def test_health_by_ready_file_makes_a_request_of_kmip(server: StartedServer, tmp_path: Path) -> None:
    done = run("health", "--ready-file", str(server.output.parent / "ready.json"))

    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    trail = (server.output.parent / "data" / "audit" / "main.jsonl").read_text()
    assert f'"operation":"{Operation.DISCOVER_VERSIONS.name}"' in trail


def test_health_by_a_request_of_kmip_alone(server: StartedServer) -> None:
    files = ("--ca", str(server.ca), "--cert", str(server.cert), "--key", str(server.key))

    assert run("health", "--address", f"{server.host}:{server.port}", *files).returncode == 0
    without = run("health", "--address", f"{server.host}:{server.port}", "--ca", str(server.ca))
    assert without.returncode == 1
    assert "no KMIP at" in without.stderr


def test_health_of_no_server_is_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert run("health", "--address", f"127.0.0.1:{port}").returncode == 1
    missing = run("health", "--ready-file", str(tmp_path / "none.json"))
    assert missing.returncode == 1
    assert "not ready, or has ended" in missing.stderr


def test_health_without_a_server_named_is_2(tmp_path: Path) -> None:
    done = run("health")

    assert done.returncode == 2
    assert "--address" in done.stderr


def test_status_prints_certificates_and_clients(server: StartedServer) -> None:
    with Dialogue(server):
        done = run("status", "--address", admin_of(server), "--json")
    content = json.loads(done.stdout)

    assert done.returncode == 0
    assert {one["kind"] for one in content["certificates"]} == {"server", "ca"}
    assert [seen["name"] for seen in content["clients"]] == ["client"]
    assert content["backlog"] == {
        "asynchronous_requests": {"Submitted": 0, "In Process": 0, "Completed": 0},
        "notices": {"waiting": 0, "retried": 0},
        "notified_clients": {"reached": 0, "unreachable": 0},
    }
    people = run("status", "--ready-file", str(server.output.parent / "ready.json"))
    assert people.returncode == 0
    assert re.search(r"server +\d+\.\d days left", people.stdout)
    assert "asynchronous requests: 0 submitted, 0 in process, 0 completed" in people.stdout
    assert "notices: 0 waiting, 0 for clients that could not be reached (0 of 0)" in people.stdout


def test_a_slow_request_leaves_a_line(start: Start) -> None:
    server = start("--slow-request", "0.000001")
    with Dialogue(server) as client:
        client.create("slow")

    assert re.search(
        r"slow request: Create took \d\.\d{3} s; client client at 127", printed_with(server.output, "slow request")
    )


def test_a_refusal_leaves_one_line_with_cause_remedy_client_and_record(start: Start, tmp_path: Path) -> None:
    server = start()
    with Dialogue(server) as client, pytest.raises(Refused):
        client.material("no-such-object")

    told = printed_with(server.output, "Get refused: ")
    (line,) = [line for line in told.splitlines() if "Get refused" in line]
    assert "Object Not Found" in line
    assert "see kmipd policy explain" in line
    assert "client client at 127.0.0.1" in line
    record = line.rpartition("record ")[2]
    assert f'"record_id":"{record}"' in (tmp_path / "data" / "audit" / "main.jsonl").read_text()
