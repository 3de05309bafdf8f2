"""Where the log goes and how its lines look."""

import datetime as dt
import json
import re
import socket
from pathlib import Path

import pytest

from tests.e2e.dialogue import Dialogue, Refused
from tests.e2e.operations.conftest import Start, eventually

WITHIN = 120.0  # seconds; a hang limit


def lines_with(path: Path, text: str) -> list[str]:
    eventually(lambda: text in path.read_text(), text)
    return [line for line in path.read_text().splitlines() if text in line]


def test_json_on_standard_output_keeps_the_documented_schema(start: Start) -> None:
    server = start("--log-format", "json", "--log-target", "stdout")
    with Dialogue(server) as client, pytest.raises(Refused):
        client.material("x\x1b[2J\nforged")
    (line,) = lines_with(server.output, "Get refused")

    told = json.loads(line)
    assert told.keys() == {"time", "level", "logger", "message"}
    assert dt.datetime.fromisoformat(told["time"]).utcoffset() == dt.timedelta(0)
    assert (told["level"], told["logger"]) == ("INFO", "kmipd.requests")
    assert "\x1b" not in server.output.read_text()


def test_text_has_zones_where_that_is_wanted(start: Start) -> None:
    server = start("--log-time", "zoned")

    (line,) = lines_with(server.output, "Starting connection service")
    stamp, logger, level, _ = line.split(" - ")
    assert dt.datetime.fromisoformat(stamp).tzinfo is not None
    assert (logger, level) == ("kmip.server", "INFO")


def test_the_journal_gets_fields_of_their_own(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        journal.settimeout(WITHIN)
        start("--log-target", f"journald:{path}")
        told = b""
        while b"Starting connection service" not in told:
            told = journal.recv(65_536)

    head, _, rest = told.partition(b"MESSAGE\n")
    assert head.split(b"\n")[:3] == [b"PRIORITY=6", b"SYSLOG_IDENTIFIER=kmipd", b"LOGGER=kmip.server"]
    assert rest[8:-1] == b"Starting connection service..."
    assert int.from_bytes(rest[:8], "little") == len(rest) - 9


def test_syslog_gets_lines(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(path))
        syslog.settimeout(WITHIN)
        start("--log-target", f"syslog:{path}")
        told = b""
        while b"Starting connection service" not in told:
            told = syslog.recv(65_536)

    assert re.match(rb"<30>kmipd\[\d+\]: ", told)
