"""Draws pictures of the terminal for README and site: docs/images/*.svg.

python -m tools.draw_screenshots

It starts a server, runs the commands below as a user would, and draws what they print.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from kmip_app.testing import KmipTestServer

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
WIDTH: Final = 104

PICTURES: Final = {
    "keys": (
        "kmipd key create --algorithm AES --length 256 --name backup --activate",
        "kmipd key pair --algorithm EC --curve P-256 --name signer",
        "kmipd key list",
    ),
    "doctor": ("kmipd doctor --server-name kms.example",),
}


def main() -> None:
    """Draw all pictures."""
    with KmipTestServer() as server, tempfile.TemporaryDirectory() as home:
        options = ["--host", server.host, "--port", str(server.port), "--cert", server.cert]
        options += ["--key", server.key, "--ca", server.ca]
        for name, lines in PICTURES.items():
            console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
            for line in lines:
                console.print(Text(f"$ {line}", style="bold green"))
                console.print(Text.from_ansi(_output(line, options, home)))
            console.save_svg(str(IMAGES / f"{name}.svg"), title="kmipd")


def _output(line: str, options: list[str], home: str) -> str:
    words = [sys.executable, "-m", "kmip_app", *shlex.split(line)[1:], *options]
    if "list" in words or "doctor" in words:
        words += ["--format", "table"]
    environment = os.environ | {"HOME": home, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return (done.stdout + done.stderr).rstrip()


if __name__ == "__main__":
    main()
