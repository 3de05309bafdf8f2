"""The examples for whoever tests a client: as the page shows them, here and from a wheel in a fresh environment."""

import shutil
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

from tests.documents import ROOT, files, pieces

pytest_plugins = ["pytester"]

PAGE = "docs/testing-clients.md"
CLIENTS = ("pykmip", "pymongo", "pymongocrypt", "pytest")
UNREACHABLE = (
    "Failed to establish a new connection",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "name resolution",
    "(from versions: none)",
)


def test_the_page_has_an_example_for_each_client() -> None:
    assert set(files(PAGE)) == {"test_pykmip.py", "test_pymongocrypt.py"}


def test_the_examples_pass(pytester: pytest.Pytester) -> None:
    for name, text in files(PAGE).items():
        (pytester.path / name).write_text(text)

    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_pieces_run(pytester: pytest.Pytester) -> None:
    """Fixtures become fixtures, lines with a server a test, the rest a program."""
    head = "import pytest\nfrom kmip_core.enums import *\nfrom kmip_core.objects import *\n"
    fixtures = [piece for piece in pieces(PAGE) if "@pytest.fixture" in piece]
    programs = [piece for piece in pieces(PAGE) if "KmipTestServer(" in piece]
    lines = [piece for piece in pieces(PAGE) if piece not in fixtures + programs]
    tests = [f"def test_{n}(kmip_server):\n{textwrap.indent(piece, '    ')}" for n, piece in enumerate(lines)]
    tests.append("def test_old(old_server):\n    assert old_server.port\n")
    pytester.makepyfile(head + "\n".join(fixtures + tests))

    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=len(tests))
    for program in programs:
        exec(program, {})
    assert (len(fixtures), len(lines), len(programs)) == (2, 2, 1)


@pytest.mark.nightly  # .ci/run installs kmipd into an environment of its own by the README
def test_the_examples_pass_with_the_wheel_in_an_environment_of_its_own(tmp_path: Path) -> None:
    user = tmp_path / "user"
    user.mkdir()
    for name, text in files(PAGE).items():
        (user / name).write_text(text)
    source = tmp_path / "source"  # setuptools leaves its work beside what it builds
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "tests", "benchmarks", "*.egg-info"))
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(source))
    (wheel,) = tmp_path.glob("kmipd-*.whl")
    run([sys.executable, "-m", "venv", str(tmp_path / "venv")], tmp_path)
    python = str(tmp_path / "venv" / "bin" / "python")
    pip(python, "install", str(wheel), *CLIENTS)

    printed = run([python, "-m", "pytest", "-p", "no:cacheprovider", "-q"], user)

    assert "2 passed" in printed


def pip(python: str, *arguments: str) -> None:
    """Run pip; without a package index this test can say nothing, and says so."""
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--retries", "1"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
        warnings.warn("the wheel is NOT tested: no package index can be reached", stacklevel=2)
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr


def run(command: list[str], directory: Path) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
