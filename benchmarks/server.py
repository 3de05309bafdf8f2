"""Starts a server as a child process, waits until it is ready, and ends that process and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.load import Endpoint

READY_WITHIN: Final = 60.0  # seconds
STOP_WITHIN: Final = 10.0  # seconds
ROOT: Final = Path(__file__).resolve().parent.parent


class ServerFailed(Exception):
    """A server did not start; the message holds the end of its output."""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    directory: Path,
    is_ready: Callable[[], bool],
    patient: bool = True,
    files: Sequence[Path] = (),
) -> Iterator[int]:
    """Run `command` until the block ends; yields its pid.  Raises ServerFailed.

    patient: whether a stop waits for the server to drain; `files` are logs whose end explains a failed start.
    """
    output = directory / "output.log"
    with output.open("wb") as stream:
        # Its own process group, so that helper processes of the server end with it.
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        give_up = time.monotonic() + READY_WITHIN
        while not is_ready():
            if process.poll() is not None or time.monotonic() > give_up:
                texts = [path.read_text(errors="replace")[-2000:] for path in (output, *files) if path.exists()]
                raise ServerFailed("\n".join([f"did not get ready: {' '.join(command)}", *texts]))
            time.sleep(0.05)
        yield process.pid
    finally:
        if patient and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def with_ready_file(command: Sequence[str]) -> Iterator[Endpoint]:
    """Run a server that takes `--ready-file FILE`; "{directory}" in an argument is a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        directory = Path(name)
        ready_file = directory / "ready.json"
        arguments = [argument.replace("{directory}", name) for argument in command]
        with running(
            [sys.executable, *arguments, "--ready-file", str(ready_file)],
            directory=directory,
            is_ready=ready_file.exists,
        ):
            yield Endpoint.read(ready_file)
