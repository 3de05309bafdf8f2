"""What a test waits for has a limit that only a hang reaches: machines are busy, and a short limit fails by that alone.

A limit under a second is none: it is how often a test looks, or a moment in which nothing may happen.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LEAST: Final = 120  # seconds
FOLDERS: Final = ("tests", "kmip_app/testing/contracts")

PLACES: Final = {"wait": 0, "join": 0, "settimeout": 0, "wait_for": 1}
"""Methods and functions that wait -> the place of the limit among their arguments."""

WAITING: Final = {*PLACES, "acquire", "get", "communicate", "result", "run", "urlopen", "create_connection"} | {
    "HTTPConnection", "HTTPSConnection", "TlsTtlvClient", "check_output", "check_call",
}  # fmt: skip
"""What waits if it is given a `timeout`."""

NAMES: Final = ("HANG", "PATIENCE", "WITHIN")
"""How a limit's name ends."""


def limits(tree: ast.Module) -> Iterator[tuple[int, float]]:
    """Yield the line and the seconds of each limit that is written as a number."""
    for node in ast.walk(tree):
        given: list[ast.expr | None] = []
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in WAITING:
                given = [word.value for word in node.keywords if word.arg == "timeout"]
                place = PLACES.get(name)
                given += [] if place is None else node.args[place : place + 1]
            case ast.Assign(targets=[ast.Name(id=name)]) if name.endswith(NAMES):
                given = [node.value]
            case ast.AnnAssign(target=ast.Name(id=name)) if name.endswith(NAMES):
                given = [node.value]
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                yield value.lineno, float(value.value)


def test_only_a_hang_reaches_the_limit_of_a_wait() -> None:
    short = [
        f"{path.relative_to(ROOT)}:{line}: {seconds} s"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, seconds in limits(ast.parse(path.read_text()))
        if 1 <= seconds < LEAST
    ]

    assert short == []


@pytest.mark.parametrize(
    "text",
    [
        "done.wait(20)",
        "thread.join(timeout=5.0)",
        "subprocess.run(words, timeout=10)",
        "asyncio.wait_for(main(), 20)",
        "HANG: Final = 20.0",
        "READY_WITHIN = 20",
    ],
)
def test_a_short_limit_is_found(text: str) -> None:
    assert [seconds for _, seconds in limits(ast.parse(text))] == [pytest.approx(float(*_numbers(text)))]


def _numbers(text: str) -> list[str]:
    return [word for word in text.replace("(", " ").replace(")", " ").replace("=", " ").split() if word[0].isdigit()]
