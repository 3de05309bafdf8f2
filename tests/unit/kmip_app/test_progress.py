"""Long commands say how far they are: lines where no person looks, a bar on a terminal, nothing where it is quick."""

import io
import sys
import threading

import pytest

from kmip_app import progress as module
from kmip_app.progress import counted, progress, working


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET", 0.0)
    monkeypatch.setattr(module, "EVERY", 0.0)


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Be at a terminal from now on; pytest has a standard error of its own for what runs before a test."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", found := Terminal())
    return found


def test_quick_work_prints_no_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "QUIET", 3_600.0)
    with progress("Working") as report, working("Copying"):
        report(1, 2)
    assert list(counted("Counting", "ab")) == ["a", "b"]

    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("at_once")
def test_lines_say_how_many_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Working") as report:
        report(1_000, 2_000)
        report(1_500, None)
    assert list(counted("Counting", "ab", 2)) == ["a", "b"]

    assert capsys.readouterr().err.splitlines() == [
        *("Working: 1,000 of 2,000", "Working: 1,500", "Counting: 0 of 2", "Counting: 1 of 2")
    ]


@pytest.mark.usefixtures("at_once")
def test_lines_come_only_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "EVERY", 3_600.0)
    with progress("Working") as report:
        for done in range(100):
            report(done, 100)

    assert capsys.readouterr().err == "Working: 0 of 100\n"


@pytest.mark.usefixtures("at_once")
def test_work_that_cannot_be_counted_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said = threading.Event()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    monkeypatch.setattr(module, "_say", say)
    with working("Copying"):
        assert said.wait(120)

    assert lines[0].startswith("Copying: ")
    assert lines[0].endswith(" s so far")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with progress("Working") as report:
        report(1, 2)

    assert "Working" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()


def test_a_terminal_sees_that_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with working("Copying"):
        pass

    assert "Copying" in terminal.getvalue()
