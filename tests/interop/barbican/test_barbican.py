"""OpenStack Barbican's KMIP secret store keeps its secrets in kmipd, with the configuration that a user writes."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kmip_app.testing import KmipTestServer
from tests.interop.pasted import pasted

pytestmark = pytest.mark.skipif(
    find_spec("barbican") is None, reason="Barbican is not installed and NOT tested: pip install '.[interop]'"
)
HERE = Path(__file__).parent
WITHIN = 120  # seconds; a hang limit


def calls(folder: Path, server: KmipTestServer) -> subprocess.CompletedProcess[str]:
    """Run calls.py with the configuration; Barbican wants a key file of mode 0400."""
    key = folder / "barbican.key"
    shutil.copy(server.key, key)
    key.chmod(0o400)
    files = SimpleNamespace(host=server.host, port=server.port, ca=server.ca, cert=server.cert, key=key)
    configuration = folder / "barbican.conf"
    configuration.write_text(pasted(HERE / "barbican.conf", files))
    words = [sys.executable, str(HERE / "calls.py"), str(configuration)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=WITHIN, check=False)


def test_secrets_of_every_type_are_generated_stored_read_and_deleted(tmp_path: Path) -> None:
    with KmipTestServer(default_usage_masks=True) as server:
        done = calls(tmp_path, server)

    said: dict[str, dict[str, Any]] = {line["call"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stderr
    assert (said["generate"]["bits"], said["generate"]["algorithm"]) == (256, "aes")
    assert "ITEM_NOT_FOUND" in said["delete"]["refused"]
    assert said["pair"]["matches"]
    stored = {call for call, line in said.items() if line.get("same")}
    assert stored == {"symmetric", "private", "public", "certificate", "passphrase", "opaque"}
