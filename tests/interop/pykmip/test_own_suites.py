"""PyKMIP's own integration suites, played against the server that replaces PyKMIP's by one changed import."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kmip_app import KmipServer
from kmip_app.pki.authority import Pki, ensure_pki

pytestmark = pytest.mark.long
SUITES: Final = {"test_integration": 15, "test_proxykmipclient": 22}
"""Each file, and how many tests it has."""
EXPECTED: Final[dict[str, str]] = {}
"""Tests that fail, each with the reason why that is right."""
CLIENT: Final = """\
[client]
host=127.0.0.1
port={port}
certfile={pki.client.certificate}
keyfile={pki.client.key}
ca_certs={pki.ca.certificate}
cert_reqs=CERT_REQUIRED
ssl_version=PROTOCOL_SSLv23
do_handshake_on_connect=True
suppress_ragged_eofs=True
username=
password=
"""
WITHIN: Final = 120  # seconds; a hang limit


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's home with PyKMIP's configuration file and the suites in it, while the server runs."""
    home = tmp_path_factory.mktemp("home")
    pki: Pki = ensure_pki(home / "pki")
    with KmipServer(
        port=0,
        certificate_path=pki.servers[0].certificate,
        key_path=pki.servers[0].key,
        ca_path=pki.ca.certificate,
        config_path=None,
        log_path=None,
        ephemeral=True,
    ) as server:
        (home / ".pykmip").mkdir()
        (home / ".pykmip" / "pykmip.conf").write_text(CLIENT.format(port=server.port, pki=pki))
        (home / "pytest.ini").write_text(
            "[pytest]\naddopts = -p no:cacheprovider -p no:xdist -p no:cov -p no:randomly\n"
        )
        for name in ("conftest", *SUITES):
            (home / f"{name}.py").write_bytes(Path(__file__).with_name(f"{name}.py.txt").read_bytes())
        yield home


def results(report: Path) -> dict[str, str]:
    """Return what each test that did not pass said, by class and name, and "" for those that passed."""
    return {
        f"{case.attrib['classname']}.{case.attrib['name']}": "".join(
            f"{child.attrib.get('message')}\n{child.text}" for child in case
        )
        for case in ElementTree.parse(report).getroot().iter("testcase")
    }


def test_the_suites_pass(home: Path) -> None:
    """One after the other in one process: they make objects of the same names, and wait more than they compute."""
    report = home / "report.xml"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *(f"{suite}.py" for suite in SUITES)],
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert report.exists(), run.stdout + run.stderr
    failed = {name: text for name, text in results(report).items() if text}

    assert {name: text for name, text in failed.items() if name not in EXPECTED} == {}
    assert set(EXPECTED) <= set(failed), "what passes now is to be taken from the list"
    assert len(results(report)) == sum(SUITES.values())
