"""curl and openssl speak KMIP over HTTPS, JSON and XML, by the lines that a user pastes into a shell."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.server import StartedServer, running

HERE: Final = Path(__file__).parent
WITHIN: Final = 120  # seconds; a hang limit


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    with running(tmp_path_factory.mktemp("https"), "--ephemeral", "--https-port", "0") as started:
        yield started


@pytest.fixture
def folder(server: StartedServer, tmp_path: Path) -> Path:
    """Return a user's folder: the three files of the server, and the request."""
    for path in (HERE / "request.json", HERE / "request.xml"):
        shutil.copy(path, tmp_path)
    for name, path in (("ca.crt", server.ca), ("client.crt", server.cert), ("client.key", server.key)):
        shutil.copy(path, tmp_path / name)
    return tmp_path


def run(script: str, folder: Path, server: StartedServer, *pasted: tuple[str, str]) -> str:
    """Run the script's lines as they are, but for the example's host and port and what is given."""
    tool = Path(script).stem
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not on this machine and NOT tested")
    port = json.loads(server.output.with_name("ready.json").read_text())["https_port"]
    text = (HERE / script).read_text()
    for example, here in (("kms.example:5697", f"localhost:{port}"), *pasted):
        assert example in text
        text = text.replace(example, here)
    done = subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_makes_a_key(server: StartedServer, folder: Path) -> None:
    answer = json.loads(run("curl.sh", folder, server))

    assert answer["tag"] == "ResponseMessage"
    assert re.search(r'"Result ?Status".*?"Success"', json.dumps(answer)), answer
    assert re.search(r'"UniqueIdentifier".*?"[0-9a-f-]{36}"', json.dumps(answer)), answer


def test_curl_is_refused_without_its_certificate(server: StartedServer, folder: Path) -> None:
    with pytest.raises(AssertionError, match=r"alert|certificate|SSL|reset"):
        run("curl.sh", folder, server, (" --cert client.crt --key client.key", ""))


def test_openssl_asks_what_the_server_offers(server: StartedServer, folder: Path) -> None:
    head, _, body = run("openssl.sh", folder, server).replace("\r\n", "\n").partition("\n\n")

    assert head.startswith("HTTP/1.1 200")
    assert '<Operation type="Enumeration" value="Create"' in body
