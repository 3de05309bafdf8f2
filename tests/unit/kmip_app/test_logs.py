"""The log goes where it is wanted, in PyKMIP's lines or as JSON, and nobody forges a line."""

import json
import logging
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from kmip_app import logs
from kmip_app.configuration.config import Configuration, StartError
from kmip_app.logs import Journal, MessageFormatter, Syslog

Attach = Callable[..., Path]


@pytest.fixture
def attach(tmp_path: Path) -> Iterator[Attach]:
    detaching: list[Callable[[], None]] = []

    def attach(**choices: Any) -> Path:
        path = tmp_path / "folder" / "server.log"
        configuration = Configuration(data_directory=tmp_path, log_path=path)
        detaching.append(logs.attach(evolve(configuration, **choices)))
        return path

    yield attach
    for detach in detaching:
        detach()


def test_lines_look_as_those_of_pykmip(attach: Attach) -> None:
    path = attach()

    logging.getLogger("kmip.server").info("Server successfully bound socket handler to %s:%d", "127.0.0.1", 5696)

    stamp, name, level, message = path.read_text().rstrip("\n").split(" - ")
    assert len(stamp) == len("2026-11-23 11:41:44,259")
    assert (name, level) == ("kmip.server", "INFO")
    assert message == "Server successfully bound socket handler to 127.0.0.1:5696"


def test_json_lines_have_the_same_parts(attach: Attach) -> None:
    path = attach(log_format="json")

    logging.getLogger("kmipd.transport").warning("refused: %s", 'a "name"')

    told = json.loads(path.read_text())
    assert told.pop("time").endswith("Z")
    assert told == {"level": "WARNING", "logger": "kmipd.transport", "message": 'refused: a "name"'}


def test_a_fault_is_one_json_line(attach: Attach) -> None:
    path = attach(log_format="json")

    try:
        raise RuntimeError("fault")
    except RuntimeError:
        logging.getLogger("kmipd").exception("it failed")

    assert json.loads(path.read_text())["exception"].endswith("RuntimeError: fault")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_text_of_a_client_cannot_begin_a_line_of_the_log(attach: Attach, log_format: str) -> None:
    path = attach(log_format=log_format)

    logging.getLogger("kmipd").info(
        "unknown name: %s", "x\n2026-11-23 11:41:44,259 - kmip.server - INFO - forged\x1b[2J"
    )

    text = path.read_text()
    assert not any(line.startswith("2026-11-23 11:41:44,259") for line in text.splitlines())
    assert "\x1b" not in text


@pytest.mark.parametrize("odd", ["\x07", "\x08", "\r", "\x7f", "\x85", "\x9b", "\u2028", "\u202e"], ids=ascii)
def test_a_line_holds_nothing_that_a_terminal_obeys(attach: Attach, odd: str) -> None:
    path = attach()

    logging.getLogger("kmipd").info("unknown name: %s", f"a{odd}b")

    text = path.read_bytes().decode()
    assert "unknown name: a" in text
    assert text.replace("\n", "").isprintable()


def test_the_text_of_an_exception_begins_no_line_either(attach: Attach) -> None:
    path = attach()

    try:
        raise ValueError("x\n2026-11-23 11:41:44,259 - kmip.server - INFO - forged\x1b[2J")
    except ValueError:
        logging.getLogger("kmipd").exception("it failed")

    first, *more = path.read_text().splitlines()
    assert first.endswith("ERROR - it failed")
    assert [line for line in more if not line.startswith("    ")] == []
    assert "\x1b" not in path.read_text()


def test_the_level_is_kept_to(attach: Attach) -> None:
    path = attach(logging_level="WARNING")

    logging.getLogger("kmipd").info("not this")

    assert path.read_text() == ""


def test_files_are_rotated(attach: Attach) -> None:
    path = attach()

    for _ in range(3):
        logging.getLogger("kmipd").info("%s", "x" * (logs.MAXIMUM_BYTES // 2))

    assert path.with_name("server.log.1").exists()


def test_a_link_to_the_file_outlives_a_rotation(attach: Attach, tmp_path: Path) -> None:
    target, link = tmp_path / "target.log", tmp_path / "link.log"
    target.touch()
    link.symlink_to(target)
    attach(log_path=link)

    for _ in range(3):
        logging.getLogger("kmipd").info("%s", "x" * (logs.MAXIMUM_BYTES // 2))

    assert link.is_symlink()
    assert target.with_name("target.log.1").exists()


def test_the_file_is_readable_by_its_owner_alone_and_stays_so(attach: Attach) -> None:
    path = attach()
    before = os.umask(0o022)
    try:
        for _ in range(3):
            logging.getLogger("kmipd").info("%s", "x" * (logs.MAXIMUM_BYTES // 2))
    finally:
        os.umask(before)

    assert [file.name for file in path.parent.iterdir() if file.stat().st_mode & 0o077] == []


def test_a_full_disk_is_reported_once(attach: Attach, capsys: pytest.CaptureFixture[str]) -> None:
    attach(log_path=Path("/dev/full"))

    for _ in range(3):
        logging.getLogger("kmipd").info("hello")

    assert capsys.readouterr().err == "kmipd: /dev/full cannot be written: No space left on device\n"


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in logs.OURS]

    logs.attach(Configuration(data_directory=tmp_path, logging_level="DEBUG"))()

    after = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in logs.OURS]
    assert after == before


def test_standard_error_is_the_place_when_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    detach = logs.attach(Configuration(data_directory=tmp_path))
    try:
        logging.getLogger("kmipd").info("hello")
    finally:
        detach()

    assert capsys.readouterr().err.endswith("- kmipd - INFO - hello\n")
    assert sys.stderr is not None


def test_a_place_that_cannot_be_written_is_reported(attach: Attach) -> None:
    with pytest.raises(StartError, match=r"log_path: /dev/null/x/server\.log cannot be written"):
        attach(log_path=Path("/dev/null/x/server.log"))
    assert not logs.is_writable(Path("/dev/null/x/server.log"))


@pytest.mark.parametrize("make", [Journal, lambda path: Syslog(str(path))], ids=["journald", "syslog"])
def test_a_log_that_is_not_taken_holds_nobody_up(tmp_path: Path, make: Callable[[Path], logging.Handler]) -> None:
    """Lines are written by the event loop, too: a journal that stands still must not stop the server."""
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(path))
        reader.settimeout(120)
        handler = make(path)
        handler.setFormatter(MessageFormatter())
        log = logging.Logger("test")
        log.addHandler(handler)
        for number in range(5_000):
            log.warning("line %d", number)
        taken = 0
        while b"line %d" % taken in reader.recv(65_536):
            taken += 1
            if not select.select([reader], [], [], 0)[0]:
                break
        log.warning("afterwards")

        assert f"{5_000 - taken} lines were lost before this one".encode() in reader.recv(65_536)
        assert b"afterwards" in reader.recv(65_536)
        handler.close()
