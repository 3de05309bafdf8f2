"""The GitHub Action's script starts a server that a client can use; the action says what the script gives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kmip_app.client import KmipClient
from tests.server import ROOT

ACTION = ROOT / "packaging" / "action"
OUTPUTS = ("host", "port", "ca", "cert", "key", "pid")


def run(tmp_path: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    output = tmp_path / "output"
    output.touch()
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "GITHUB_OUTPUT": str(output),
        "RUNNER_TEMP": str(tmp_path),
        **inputs,
    }
    done = subprocess.run(
        ["bash", ACTION / "start.sh"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done, dict(line.split("=", 1) for line in output.read_text().splitlines())


def test_a_server_is_started_for_the_job(tmp_path: Path) -> None:
    done, outputs = run(tmp_path, KMIP_ACTION_INSTALL="", KMIP_ACTION_OPTIONS="--interop --logging_level WARNING")
    assert done.returncode == 0, done.stderr
    try:
        assert tuple(outputs) == OUTPUTS
        files = outputs["cert"], outputs["key"], outputs["ca"]
        with KmipClient(outputs["host"], int(outputs["port"]), *files) as client:
            assert client.create("AES", 128).unique_identifier
    finally:
        os.kill(int(outputs["pid"]), signal.SIGTERM)


@pytest.mark.parametrize("options", ["--nonsense", "--port x; touch hacked"])
def test_a_server_that_does_not_start_fails_the_step(tmp_path: Path, options: str) -> None:
    done, outputs = run(tmp_path, KMIP_ACTION_INSTALL="", KMIP_ACTION_OPTIONS=options)

    assert done.returncode == 1
    assert "kmipd has not started" in done.stderr
    assert outputs == {}
    assert not (ROOT / "hacked").exists()


def test_the_action_passes_on_what_the_script_gives() -> None:
    text = (ACTION / "action.yml").read_text()

    for name in OUTPUTS:
        assert f"value: ${{{{ steps.start.outputs.{name} }}}}" in text
