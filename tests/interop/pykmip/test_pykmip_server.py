"""The command line against another vendor's server: PyKMIP's, which is installed for the tests."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.load import Endpoint
from benchmarks.pykmip_server import running_pykmip
from kmip_app import cli
from tests.unit.kmip_app.cli.conftest import Shell, home

__all__ = ["home"]  # a fixture


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with running_pykmip(Path(sys.executable)) as endpoint:
        yield endpoint


@pytest.fixture
def kmipd(endpoint: Endpoint, capfdbinary: pytest.CaptureFixture[bytes], home: Path) -> Shell:
    where = ("--host", endpoint.host, "--port", str(endpoint.port))
    return Shell((*where, "--cert", endpoint.cert, "--key", endpoint.key, "--ca", endpoint.ca), capfdbinary)


def test_doctor_query_and_status_read_what_it_says(kmipd: Shell) -> None:
    report = json.loads(kmipd.code("doctor", "--json")[1])

    assert report["ok"], report
    assert "Create Key Pair" in kmipd.json("query")["operations"]
    assert kmipd.json("query")["protocol_version"] == "2.0"
    assert kmipd.json("status")["vendor_identification"].startswith("PyKMIP")


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.4", "2.0"])
def test_a_key_lives_its_life(kmipd: Shell, version: str, tmp_path: Path) -> None:
    protocol = ("--kmip-version", version)
    key = kmipd("key", "create", "--name", f"disk {version}", *protocol)
    assert key in [line.split("\t")[0] for line in kmipd("key", "list", *protocol).splitlines()]
    kmipd("key", "activate", key, *protocol)
    assert kmipd.json("key", "show", key, *protocol)["state"] == "Active"
    assert len(bytes.fromhex(kmipd("key", "get", key, *protocol))) == 32
    if version != "1.0":  # which has no Encrypt
        sealed = tmp_path / "sealed"
        mode = ("--mode", "cbc", "--padding", "pkcs5", "--iv", "00" * 16)
        kmipd("key", "encrypt", key, "--data", "secret", *mode, "--out", sealed, *protocol)
        assert kmipd("key", "decrypt", key, sealed, *protocol) == "secret"
    kmipd("key", "revoke", key, "--reason", "cessation-of-operation", *protocol)
    kmipd("key", "destroy", key, "--yes", *protocol)


def test_its_objects_are_moved(kmipd: Shell, tmp_path: Path) -> None:
    key = kmipd("key", "create", "--name", "moving")
    kmipd("migrate-from", "--owner", "me", "--data-dir", tmp_path / "data", "--report", tmp_path / "report.json")
    moved = {one["unique_identifier"]: one for one in json.loads((tmp_path / "report.json").read_text())["objects"]}

    assert moved[key]["result"] == "moved"
    assert moved[key]["name"] == "moving"
    assert cli.run(["policy", "explain", "--user", "me", "--operation", "GET", "--object", key, *_store(tmp_path)]) == 0


def _store(tmp_path: Path) -> tuple[str, ...]:
    return ("--data-dir", str(tmp_path / "data"))
