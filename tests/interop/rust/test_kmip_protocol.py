"""kmip-protocol, Krill's KMIP client in Rust, by each of its five TLS clients, sync and async."""

import re
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
def test_a_pair_is_made_renamed_used_and_destroyed(server: KmipTestServer, tls: str) -> None:
    building.need("cargo")
    folder = building.sources(SOURCES, "kmip-protocol")
    named = SimpleNamespace(host="localhost", port=server.port, ca=server.ca, cert=server.cert, key=server.key)
    (folder / "src" / "settings.rs").write_text(pasted(SOURCES / "src" / "settings.rs", named))
    target = building.FOLDER / "kmip-protocol-target"

    building.build("cargo", "build", "--features", tls, folder=folder, CARGO_TARGET_DIR=str(target))
    printed = building.run(target / "debug" / "kmip-protocol-client", folder=folder)

    said = dict(line.split(": ", 1) for line in printed.splitlines())
    assert int(said["query"].split()[0]) > 20
    assert said["public key"] == "270 bytes"  # PKCS#1, as Krill reads it
    assert (said["signature"], said["random"]) == ("256 bytes", "32 bytes")
    assert re.match("Item not found", said["gone"])
