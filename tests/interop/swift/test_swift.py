"""OpenStack Swift's keymaster fetches its root secret from kmipd, with the configuration that a user writes.

Swift runs in a process of its own: what it imports (eventlet) replaces threads and sockets for all of its process.
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from kmip_app.client import KmipClient
from kmip_app.testing import KmipTestServer
from tests.interop.pasted import pasted

pytestmark = pytest.mark.skipif(
    find_spec("swift") is None, reason="Swift is not installed and NOT tested: pip install '.[interop]'"
)
CONFIGURATION = Path(__file__).with_name("keymaster.conf")
WITHIN = 120  # seconds; a hang limit
KEYMASTER = (
    "import sys\n"
    "from swift.common.middleware.crypto.kmip_keymaster import KmipKeyMaster\n"
    "print(KmipKeyMaster(None, {'keymaster_config_path': sys.argv[1]}).root_secret.hex())\n"
)


@pytest.fixture
def server() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


def keymaster(folder: Path, server: KmipTestServer, key: str) -> subprocess.CompletedProcess[str]:
    path = folder / "keymaster.conf"
    path.write_text(pasted(CONFIGURATION, server, ID=key))
    return subprocess.run(
        [sys.executable, "-c", KEYMASTER, str(path)], capture_output=True, text=True, timeout=WITHIN, check=False
    )


def test_the_root_secret_is_the_key(server: KmipTestServer, tmp_path: Path) -> None:
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca) as client:
        key = client.create("AES", 256, name="swift").unique_identifier
        material = client.get(key).managed_object.key_block.key_value.key_material

    done = keymaster(tmp_path, server, key)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == material.hex()


def test_a_key_of_another_length_is_refused_by_swift(server: KmipTestServer, tmp_path: Path) -> None:
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca) as client:
        key = client.create("AES", 128, name="swift").unique_identifier

    done = keymaster(tmp_path, server, key)

    assert done.returncode != 0
    assert "AES-256" in done.stderr
