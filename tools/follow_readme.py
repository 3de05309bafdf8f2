"""Follows the README word by word: its first key in three commands, timed.

python tools/follow_readme.py [--within SECONDS]

The commands of the block below "One minute to the first key" are run by a shell in an empty home directory, with the
environment's own PATH; `kmipd` alone, which serves, goes on while the next ones run. It needs nothing but Python.
"""

import argparse
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADING = "## One minute to the first key"
SERVER = "kmipd"
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--within", type=float, default=60.0, help="seconds that all commands may take")
    seconds, identifier = follow(commands((ROOT / "README.md").read_text("utf-8")))
    print(f"first key {identifier} after {seconds:.1f} s")
    return 0 if seconds <= parser.parse_args().within else 1


def commands(readme: str) -> list[str]:
    """Return the commands of the block below the heading."""
    section = readme.partition(HEADING)[2]
    block = re.search(r"```console\n(.*?)```", section, re.S)
    if block is None:
        raise SystemExit(f"README.md has no console block below {HEADING!r}")
    return [line[2:] for line in block[1].splitlines() if line.startswith("$ ")]


def follow(lines: list[str]) -> tuple[float, str]:
    """Return how long the commands took, and the identifier that the last one printed."""
    server: subprocess.Popen[str] | None = None
    printed = ""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"HOME": home, "KMIPD_PORT": str(_free_port())}
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            environment.pop(name, None)
        started = time.monotonic()
        try:
            for line in lines:
                print(f"$ {line}", flush=True)
                if line == SERVER:
                    server = subprocess.Popen([line], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
                    assert server.stdout is not None
                    print(server.stdout.readline(), end="")  # the greeting: it takes connections
                    continue
                done = subprocess.run(line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{line}: {done.stderr}")
                printed = done.stdout.strip()
            seconds = time.monotonic() - started
        finally:
            if server is not None:
                server.send_signal(signal.SIGTERM)
                server.wait(30)
    if not IDENTIFIER.fullmatch(printed):
        raise SystemExit(f"the last command printed no identifier: {printed!r}")
    return seconds, printed


def _free_port() -> int:
    """Return a port that nobody has, of those that are not given out to whoever connects while kmipd is installed."""
    for port in random.sample(range(20_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise SystemExit("no port is free")


if __name__ == "__main__":
    sys.exit(main())
