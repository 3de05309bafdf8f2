"""Seeds and earlier findings, and a few seconds of fuzzing; for hours of it see `python -m tests.fuzz --help`."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import ROOT, TARGETS

FINDINGS = Path(__file__).parent / "findings"
SECONDS = 1
WITHIN = 300  # seconds, of all targets; a hang limit


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_findings_are_no_faults(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds(), *(path.read_bytes() for path in sorted((FINDINGS / name).glob("*")))):
        target.run(data)
        target.run(data[:-1])


def test_every_finding_belongs_to_a_target() -> None:
    assert {path.name for path in FINDINGS.iterdir() if path.is_dir()} <= set(TARGETS)


@pytest.mark.nightly
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not there for this platform")
def test_a_few_seconds_find_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", str(SECONDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-6_000:]
