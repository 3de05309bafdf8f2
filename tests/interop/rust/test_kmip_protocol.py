"""kmip-protocol, Krill's KMIP client in Rust, by each of its five TLS clients, sync and async."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from kmip_app.testing import KmipTestServer
from tests.interop import building
from tests.interop.pasted import pasted

pytestmark = pytest.mark.builds
SOURCES: Final = Path(__file__).with_name("kmip-protocol")


@pytest.fixture(scope="module")
def server() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.mark.parametrize("tls", ["openssl", "rustls", "tokio-native-tls", "tokio-rustls", "async-tls"])
def test_a_pair_is_made_renamed_used_and_destroyed(server: KmipTestServer, tls: str, tmp_path: Path) -> None:
    building.need("cargo", "bash", "openssl")
    folder = building.sources(SOURCES, "kmip-protocol")
    named = SimpleNamespace(host="localhost", port=server.port, ca=server.ca, cert=server.cert, key=server.key)
    shutil.copy(server.cert, tmp_path / "client.crt")
    shutil.copy(server.key, tmp_path / "client.key")
    building.run("bash", "-e", SOURCES / "pkcs12.sh", folder=tmp_path)
    container = {"/etc/kmip/client.p12": str(tmp_path / "client.p12")}
    others: dict[str, dict[str, str]] = {"settings.rs": {}, "settings_pkcs12.rs": container}
    for name, more in others.items():
        (folder / "src" / name).write_text(pasted(SOURCES / "src" / name, named, None, **more))
    target = building.FOLDER / "kmip-protocol-target"

    building.build("cargo", "build", "--features", tls, folder=folder, CARGO_TARGET_DIR=str(target))
    printed = building.run(target / "debug" / "kmip-protocol-client", folder=folder)

    said = dict(line.split(": ", 1) for line in printed.splitlines())
    assert int(said["query"].split()[0]) > 20
    assert said["public key"] == "270 bytes"  # PKCS#1, as Krill reads it
    assert (said["signature"], said["random"]) == ("256 bytes", "32 bytes")
    assert re.match("Item not found", said["gone"])
