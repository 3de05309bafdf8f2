"""OpenStack Swift's keymaster fetches its root secret from kmipd, with the configuration that a user writes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_app.client import KmipClient
from kmip_app.testing import KmipTestServer

keymaster = pytest.importorskip(
    "swift.common.middleware.crypto.kmip_keymaster", reason="Swift is not installed: pip install '.[interop]'"
)
CONFIGURATION = Path(__file__).with_name("keymaster.conf").read_text()


@pytest.fixture
def server() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


def written(folder: Path, server: KmipTestServer, key: str) -> Path:
    path = folder / "keymaster.conf"
    files = {"cert": server.cert, "key": server.key, "ca": server.ca}
    path.write_text(CONFIGURATION.format(key_id=key, host=server.host, port=server.port, **files))
    return path


def test_the_root_secret_is_the_key(server: KmipTestServer, tmp_path: Path) -> None:
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca) as client:
        key = client.create("AES", 256, name="swift").unique_identifier
        material = client.get(key).managed_object.key_block.key_value.key_material  # type: ignore[union-attr]
    path = written(tmp_path, server, key)

    found = keymaster.KmipKeyMaster(None, {"keymaster_config_path": str(path)})

    assert found.root_secret == material


def test_a_key_of_another_length_is_refused_by_swift(server: KmipTestServer) -> None:
    with KmipClient(server.host, server.port, server.cert, server.key, server.ca) as client:
        key = client.create("AES", 128, name="swift").unique_identifier
    with tempfile.TemporaryDirectory() as folder, pytest.raises(ValueError, match="AES-256"):
        keymaster.KmipKeyMaster(None, {"keymaster_config_path": str(written(Path(folder), server, key))})
