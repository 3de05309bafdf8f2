"""Builds clients of other languages, in a folder that is kept, since a second build takes seconds.

KMIPD_BUILDS names the folder; it is `~/.cache/kmipd-builds` otherwise.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(os.environ.get("KMIPD_BUILDS", "~/.cache/kmipd-builds")).expanduser()
BUILT_WITHIN: Final = 3 * 3600  # seconds; a hang limit
RUN_WITHIN: Final = 120


def need(*tools: str) -> None:
    """Skip the test where one of the tools is not on the machine."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine: its client is NOT tested")


def sources(origin: Path, name: str) -> Path:
    """Return a copy of a client's sources, in which the test writes the configuration."""
    copied = FOLDER / name
    shutil.copytree(origin, copied, dirs_exist_ok=True)
    return copied


def build(*words: str, folder: Path, **environment: str) -> None:
    """Run a build with what it says on the test's output, behind everything else that the machine does."""
    env = os.environ | environment
    subprocess.run(["nice", "-n", "15", *words], cwd=folder, env=env, timeout=BUILT_WITHIN, check=True)


def run(*words: str | Path, folder: Path, **environment: str) -> str:
    """Return what a client prints that ends well."""
    env = os.environ | environment
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=RUN_WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
