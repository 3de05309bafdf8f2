"""The audit trail in an operator's hands: verify, show, export, anchor; alarms; rotation; a second sink."""

import contextlib
import gzip
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from pathlib import Path

import pytest

from kmip_adapters.audit import anchors
from kmip_adapters.storage.records import encode_audit_record
from kmip_core.enums import Operation, ResultReason
from kmip_core.ports.audit import AuditRecord
from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start, eventually
from tests.interop.wire import message, operation
from tests.server import ROOT, command, printed_with, run
from tests.server import start as started

WITHIN = 120  # seconds; a hang limit


def audit(data: Path, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("audit", verb, "--data-dir", str(data), *arguments)


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that has ended, with some records."""
    folder = tmp_path_factory.mktemp("trail")
    server = started(folder, "--data-dir", str(folder / "data"))
    with Dialogue(server) as client:
        for name in ("one", "two", "three"):
            client.material(client.create(name))
        with pytest.raises(Refused):
            client.material("missing")
    server.stop()
    return folder / "data"


@pytest.fixture
def data(trail: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", str(trail), str(copy)], check=True)
    return copy


def main_of(data: Path) -> Path:
    return data / "audit" / "main.jsonl"


def lines_of(data: Path) -> list[str]:
    return main_of(data).read_text().splitlines(keepends=True)


def test_a_whole_trail_is_verified_beside_a_running_server(start: Start, tmp_path: Path) -> None:
    server = start()
    with Dialogue(server) as client:
        client.create("one")
        done = audit(tmp_path / "data", "verify")

    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("whole: main ")


def _edit(lines: list[str]) -> list[str]:
    return [line.replace('"principal":"client"', '"principal":"nobody"') for line in lines]


def _forge(lines: list[str]) -> list[str]:
    """Write the whole chain anew without one record, with hashes that fit."""
    from hashlib import sha256

    previous, made = "0" * 64, []
    for number, line in enumerate(lines[:3] + lines[4:], 1):
        body = re.sub(r'"sequence":\d+,"previous":"\w+"', f'"sequence":{number},"previous":"{previous}"', line)
        body = body[: body.rindex(',"hash":')]
        previous = sha256(body.encode()).hexdigest()
        made.append(f'{body},"hash":"{previous}"}}\n')
    return made


DAMAGES: dict[str, Callable[[list[str]], list[str]]] = {
    "edited": _edit,
    "removed": lambda lines: lines[:3] + lines[4:],
    "reordered": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "cut": lambda lines: lines[:-2],
    "emptied": lambda lines: [],
    "forged": _forge,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_with_file_line_and_reason(data: Path, damage: str) -> None:
    main_of(data).write_text("".join(DAMAGES[damage](lines_of(data))))

    done = audit(data, "verify")

    assert done.returncode == 1
    assert re.search(rf"{re.escape(str(main_of(data)))}(:\d+)?: \w+", done.stdout), done.stdout


def test_a_missing_file_is_found(data: Path) -> None:
    main_of(data).unlink()

    done = audit(data, "verify")

    assert done.returncode == 1
    assert "chain main is missing" in done.stdout


@pytest.mark.parametrize("damage", ["cut", "emptied", "forged"])
def test_an_anchor_that_was_kept_elsewhere_shows_it_where_the_database_is_gone_too(
    data: Path, tmp_path: Path, damage: str
) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(audit(data, "anchor").stdout)
    (data / "kmipd.sqlite").unlink()
    (data / "anchors" / "anchors.jsonl").unlink()
    main_of(data).write_text("".join(DAMAGES[damage](lines_of(data))))

    done = audit(data, "verify", "--anchor", str(kept))

    assert done.returncode == 1
    assert str(main_of(data)) in done.stdout


def test_an_anchor_that_was_changed_or_signed_by_another_is_refused(data: Path, tmp_path: Path) -> None:
    line = audit(data, "anchor").stdout
    kept = tmp_path / "kept.jsonl"
    kept.write_text(re.sub(r'"sequence":\d+', '"sequence":1', line))
    assert "the signature of an anchor does not fit" in audit(data, "verify", "--anchor", str(kept)).stdout

    (tmp_path / "other").mkdir()
    other = anchors.signing_key(tmp_path / "other")
    kept.write_text(anchors.sign(other, {}, 1) + "\n")
    done = audit(data, "verify", "--anchor", str(kept))
    assert done.returncode == 1
    assert "not the one that is trusted" in done.stdout


@pytest.mark.parametrize("damage", ["edited", "cut", "emptied", "missing", "last record"])
def test_damage_while_stopped_is_an_alarm_at_the_start_and_stays_one(data: Path, tmp_path: Path, damage: str) -> None:
    if damage == "missing":
        main_of(data).unlink()
    elif damage == "last record":
        *rest, last = lines_of(data)
        main_of(data).write_text("".join([*rest, last.replace('"event":"Stop"', '"event":"Stab"')]))
    else:
        main_of(data).write_text("".join(DAMAGES[damage](lines_of(data))))
    server = started(tmp_path, "--data-dir", str(data), "--admin-address", "127.0.0.1:0")
    try:
        printed_with(server.output, "CRITICAL - the audit trail was emptied, cut or edited")
        with Dialogue(server) as client:
            client.create("served all the same")
        told = json.loads(run("status", "--ready-file", str(tmp_path / "ready.json"), "--json").stdout)
        assert told["audit_alarms"] >= 1
    finally:
        server.stop()
    assert '"event":"Trail gap"' in main_of(data).read_text()
    assert audit(data, "verify").returncode == 1


@pytest.mark.parametrize("damage", ["edited", "cut", "emptied"])
def test_damage_while_stopped_stops_the_start_where_that_is_wanted(data: Path, damage: str) -> None:
    main_of(data).write_text("".join(DAMAGES[damage](lines_of(data))))

    done = run("serve", "--port", "0", "--data-dir", str(data), "--audit-gap", "refuse")

    assert done.returncode == 2
    assert "the audit trail was emptied, cut or edited" in done.stderr


@pytest.fixture
def put_back(start: Start, tmp_path: Path) -> Path:
    """The data directory of a server that has ended, with the database as it was at an earlier stop."""
    server = start()
    with Dialogue(server) as client:
        client.create("one")
    server.stop()
    data = tmp_path / "data"
    before = (data / "kmipd.sqlite").read_bytes()
    server = start()
    with Dialogue(server) as client:
        client.create("two")
    server.stop()
    (data / "kmipd.sqlite").write_bytes(before)
    return data


def test_a_store_that_was_put_back_is_an_alarm_at_the_start(start: Start, put_back: Path) -> None:
    server = start()
    printed_with(server.output, "CRITICAL - the store is at generation 1 and was at 2: it was put back")
    with Dialogue(server) as client:
        client.create("served all the same")
    server.stop()
    assert '"event":"Store put back"' in main_of(put_back).read_text()
    assert audit(put_back, "verify").returncode == 0, "the trail itself is whole"

    start()
    assert main_of(put_back).read_text().count('"event":"Store put back"') == 1


def test_a_store_that_was_put_back_stops_the_start_where_that_is_wanted(put_back: Path) -> None:
    done = run("serve", "--port", "0", "--data-dir", str(put_back), "--audit-gap", "refuse")

    assert done.returncode == 2
    assert "the store is at generation 1 and was at 2: it was put back as it was earlier" in done.stderr


def test_a_server_that_was_killed_is_no_alarm(start: Start) -> None:
    server = start()
    with Dialogue(server) as client:
        client.create("one")
        server.kill()
    again = start("--audit-gap", "refuse")

    assert "CRITICAL" not in again.output.read_text()


_QUERY = operation(Operation.QUERY, [("QueryFunction", 1)])


@pytest.mark.parametrize(
    "frame",
    [
        bytes.fromhex("4200780100000000"),
        message((9, 9), _QUERY),
        message((1, 4), *[operation(Operation.QUERY, [("QueryFunction", 1)], str(n).encode()) for n in range(1_001)]),
    ],
    ids=["no header", "a version that is not spoken", "too many items"],
)
def test_a_message_that_is_refused_as_a_whole_leaves_one_record(start: Start, tmp_path: Path, frame: bytes) -> None:
    server = start()
    with server.client() as client:
        client.exchange(frame)

    told = [json.loads(line)["record"] for line in lines_of(tmp_path / "data")]
    (record,) = [record for record in told if record["event"] != "Start"]
    assert (record["event"], record["principal"], record["address"]) == ("Request refused", "client", "127.0.0.1")
    assert record["result"] in {"INVALID_MESSAGE", "UNSUPPORTED_PROTOCOL_VERSION"}
    assert record["message"]


def test_a_record_that_was_forged_in_the_database_is_counted_among_those_taken_over(start: Start, data: Path) -> None:
    forged = AuditRecord(record_id="forged", time=1_800_000_000, principal="mallory", event="Destroy")
    values = [("main", forged.record_id, encode_audit_record(forged)), ("main", "none", b"no record")]
    _edit_database(data, "INSERT INTO outbox (node, record_id, record) VALUES (?, ?, ?)", values)

    server = start()
    printed_with(server.output, "the audit record 'none' in the database is not as it was written")
    server.stop()

    told = [json.loads(line)["record"] for line in lines_of(data)]
    (place,) = [number for number, record in enumerate(told) if record["record_id"] == "forged"]
    count = "an earlier run has left the 1 records before this one in the database"
    assert (told[place + 1]["event"], told[place + 1]["message"]) == ("Records taken over", count)
    assert audit(data, "verify").returncode == 0


def test_a_row_that_the_running_server_knows_and_somebody_edits_is_refused_at_the_next_read(
    start: Start, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    server = start("--admin-address", "127.0.0.1:0")
    with Dialogue(server) as client:
        edited, other = client.create("edited"), client.create("other")
        for _ in range(20):  # by then it is not read from the database again as long as nothing is committed
            client.material(edited)
            client.material(other)
        _edit_database(data, "UPDATE managed_objects SET owner = ? WHERE unique_identifier = ?", [("mallory", edited)])

        with pytest.raises(Refused, match=str(int(ResultReason.GENERAL_FAILURE))):
            client.material(edited)
        assert client.material(other)
    printed_with(server.output, f"the row of {edited} is not as it was written")
    (record,) = [
        record for line in lines_of(data) if "GENERAL_FAILURE" in (record := json.loads(line)["record"]).values()
    ]
    assert record["unique_identifiers"] == [edited]
    address = json.loads((tmp_path / "ready.json").read_text())["admin"]
    connection = HTTPConnection(address, timeout=WITHIN)
    connection.request("GET", "/metrics")
    (metric,) = re.findall(r"^kmipd_rows_refused_total (\S+)$", connection.getresponse().read().decode(), re.MULTILINE)
    connection.close()
    assert float(metric) >= 1


def _edit_database(data: Path, statement: str, values: Sequence[tuple[object, ...]]) -> None:
    """Write into the database as another program would."""
    with contextlib.closing(sqlite3.connect(data / "kmipd.sqlite", timeout=WITHIN)) as connection, connection:
        assert connection.executemany(statement, values).rowcount == len(values)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ((), 7),
        (("--operation", "Create"), 3),
        (("--operation", "get", "--result", "success"), 3),
        (("--result", "failure"), 1),
        (("--result", "Object Not Found"), 1),
        (("--client", "client"), 7),
        (("--client", "nobody"), 0),
        (("--since", "1h"), 7),
        (("--until", "2020-01-01T00:00:00Z"), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_show_filters(trail: Path, arguments: tuple[str, ...], count: int) -> None:
    events = [json.loads(line) for line in audit(trail, "show", "--json", *arguments).stdout.splitlines()]

    assert len([event for event in events if "operation" in event]) == count


def test_show_by_object(trail: Path) -> None:
    first = json.loads(audit(trail, "show", "--json", "--operation", "Create").stdout.splitlines()[0])
    identifier = first["unique_identifiers"][0]

    told = audit(trail, "show", "--object", identifier).stdout.splitlines()

    assert len(told) == 2  # created and got
    assert all(identifier in line and "client@127.0.0.1" in line for line in told)


def test_show_follows(start: Start, tmp_path: Path) -> None:
    server = start()
    process = subprocess.Popen(
        command("audit", "show", "--follow", "--json", "--data-dir", str(tmp_path / "data"), "--operation", "Create"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: found.extend(iter(process.stdout.readline, "")), daemon=True)
    reader.start()
    with Dialogue(server) as client:

        def is_shown() -> bool:
            client.create(f"key {len(found)}")
            return bool(found)

        eventually(is_shown, "a record is shown")
    process.send_signal(signal.SIGINT)
    assert process.wait(WITHIN) == 130
    reader.join(WITHIN)
    process.stdout.close()
    assert json.loads(found[0])["operation"] == "CREATE"


def test_export_in_every_form(trail: Path, tmp_path: Path) -> None:
    told = {form: audit(trail, "export", "--format", form).stdout.splitlines() for form in ("jsonl", "cef", "ocsf")}

    assert len({len(lines) for lines in told.values()}) == 1
    assert all(json.loads(line)["sequence"] for line in told["jsonl"])
    (refused,) = [line for line in told["cef"] if "outcome=failure" in line]
    assert re.match(r"CEF:0\|kmipd\|kmipd\|[^|]+\|Get\|Get\|6\|rt=\d+ ", refused)
    events = [json.loads(line) for line in told["ocsf"]]
    assert all(event["class_uid"] == 6003 and event["type_uid"] == 600300 + event["activity_id"] for event in events)
    assert {event["status"] for event in events} == {"Success", "Failure"}
    out = tmp_path / "out.jsonl"
    assert audit(trail, "export", "--out", str(out)).returncode == 0
    assert out.read_text().splitlines() == told["jsonl"]
    assert audit(trail, "export", "--out", str(out)).returncode == 2  # nothing is overwritten


def test_the_server_anchors_by_itself(start: Start, tmp_path: Path) -> None:
    posted = tmp_path / "posted.jsonl"
    server = start(
        "--anchor-command", f'{sys.executable} -c \'import sys; open("{posted}", "w").write(sys.stdin.read())\''
    )
    eventually(lambda: posted.exists() and posted.read_text().endswith("\n"), "the anchor is posted")

    kept = tmp_path / "data" / "anchors"
    key = (kept / "anchor.pub").read_text().strip()
    assert anchors.read(posted.read_text(), key).heads["main"].sequence >= 1
    assert (kept / "anchor.key").stat().st_mode & 0o777 == 0o600
    assert (kept / "anchors.jsonl").read_text() == posted.read_text()
    assert server.stop() == 0


def test_rotation_keeps_the_chain_over_files_that_are_compressed(start: Start, tmp_path: Path) -> None:
    server = start("--audit-file-size", "2000")
    with Dialogue(server) as client:
        for number in range(20):
            client.create(f"key {number}")
    server.stop()
    folder = tmp_path / "data" / "audit"
    aside = sorted(folder.glob("main.*.jsonl"))
    assert len(aside) >= 3
    for path in aside[:2]:
        with gzip.open(path.with_name(path.name + ".gz"), "wb") as packed:
            packed.write(path.read_bytes())
        path.unlink()

    done = audit(tmp_path / "data", "verify")
    assert done.returncode == 0, done.stdout
    assert len(audit(tmp_path / "data", "show", "--operation", "Create").stdout.splitlines()) == 20
    aside[0].with_name(aside[0].name + ".gz").unlink()
    assert audit(tmp_path / "data", "verify").returncode == 1


def test_records_go_to_syslog_as_well(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(path))
        syslog.settimeout(WITHIN)
        server = start("--audit-syslog", f"unix:{path}")
        with Dialogue(server) as client:
            client.create("one")
        told = b""
        while b'"operation":"CREATE"' not in told:
            told = syslog.recv(65_536)

    assert re.match(rb"<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ kmipd \d+ audit - \{", told)


def test_records_go_to_syslog_over_tcp_with_counted_octets(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = start("--audit-syslog", f"tcp://127.0.0.1:{listening.getsockname()[1]}")
        with Dialogue(server) as client:
            client.create("one")
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as stream:
            length = b""
            while not length.endswith(b" "):
                length += stream.read(1)
            message = stream.read(int(length))
    assert message.startswith(b"<110>1 ")
    assert message.endswith(b"}")


def test_records_go_to_a_command_as_well(start: Start, tmp_path: Path) -> None:
    got = tmp_path / "got"
    server = start("--audit-command", f"dd of={got} status=none")
    with Dialogue(server) as client:
        client.create("one")
    assert server.stop() == 0

    assert [json.loads(line)["event"] for line in got.read_text().splitlines()][-1] == "Stop"


def test_nothing_that_a_client_chose_reaches_the_terminal_raw(start: Start, tmp_path: Path) -> None:
    server = start()
    with Dialogue(server) as client, pytest.raises(Refused):
        client.material("x\x1b[2J\nforged")

    for verb in ("show", "export"):
        told = audit(tmp_path / "data", verb).stdout
        assert "[2J" in told
        assert not {"\x1b", "\r"} & set(told)
        assert "forged" not in {line[:6] for line in told.splitlines()}


def test_without_a_trail_it_says_so(tmp_path: Path) -> None:
    done = audit(tmp_path / "none", "verify")

    assert done.returncode == 2
    assert "does not exist; name the server's data directory" in done.stderr
    assert os.listdir(tmp_path) == []
