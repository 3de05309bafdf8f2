"""A process that dies by SIGKILL at every step of making and destroying keys in a token, and the start after it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import softhsm
from tests.server import ROOT

STEPS = (
    *("line begin 1", "request generate 1", "answer to generate 1", "statements 1", "COMMIT 1", "line keep 1"),
    *("line doom 1", "statements 2", "COMMIT 2", "request destroy 1", "answer to destroy 1", "line gone 1"),
    *("line begin 2", "request generate 2", "answer to generate 2"),  # of a change that cannot be committed
    *("request destroy 2", "answer to destroy 2", "line gone 2"),
)


@pytest.mark.long
def test_a_kill_at_any_step_leaves_every_object_its_key_and_no_key_without_one(tmp_path: Path) -> None:
    (tmp_path / "hsm").mkdir()
    token = softhsm.new_token(tmp_path / "hsm")
    pin = tmp_path / "pin"
    pin.write_bytes(softhsm.PIN)
    pin.chmod(0o600)
    (tmp_path / "data").mkdir(mode=0o700)
    done = subprocess.run(
        [sys.executable, "-m", "tests.token_steps", tmp_path / "data", token.module, softhsm.LABEL, pin],
        cwd=ROOT,
        env={**os.environ, **dict(token.environment)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    ends = {step: int(status) for status, step in (line.split(" ", 1) for line in done.stdout.splitlines())}

    assert (ends.pop("all", None), ends.pop("none", None)) == (0, 0), done.stdout + done.stderr
    survived = {step for step, status in ends.items() if status != -signal.SIGKILL}
    # Acknowledgements of audit records are committed by themselves or with the next change: their number varies.
    assert all(step.startswith(("COMMIT", "statements")) for step in survived), done.stdout + done.stderr
    assert set(STEPS) <= set(ends) - survived
