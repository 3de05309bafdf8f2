"""cyphera-kmip, a KMIP 1.4 client on PyPI with a codec of its own, against kmipd."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmip_app.testing import KmipTestServer
from tests.interop.pasted import pasted

pytest.importorskip("cyphera_kmip", reason="cyphera-kmip is not installed and NOT tested: pip install '.[interop]'")

KmipError = pytest.importorskip("cyphera_kmip.operations").KmipError
CONFIGURATION = Path(__file__).with_name("connect.py")


@pytest.fixture(scope="module")
def server() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.fixture
def client(server: KmipTestServer) -> Iterator[Any]:
    server.reset()
    program: dict[str, Any] = {}
    exec(compile(pasted(CONFIGURATION, server), str(CONFIGURATION), "exec"), program)
    client = program["client"]
    yield client
    client.close()


def test_a_key_is_made_found_and_fetched(client: Any) -> None:
    created = client.create("disk", "AES", 256)
    identifier = created["unique_identifier"]
    client.activate(identifier)

    assert client.locate("disk") == [identifier]
    assert len(client.fetch_key("disk")) == 32
    assert client.get(identifier)["key_material"] == client.fetch_key("disk")


def test_the_versions_are_listed(client: Any) -> None:
    assert client.discover_versions()["versions"]


def test_a_key_is_registered_described_archived_and_recovered(client: Any) -> None:
    identifier = client.register(2, bytes(32), "disk", 3, 256)["unique_identifier"]
    client.add_attribute(identifier, "x-place", "rack 1")
    client.modify_attribute(identifier, "x-place", "rack 2")
    client.archive(identifier)
    client.recover(identifier)

    assert client.fetch_key("disk") == bytes(32)
    assert "x-place" in client.get_attribute_list(identifier)
    assert client.get_attributes(identifier)["unique_identifier"] == identifier


def test_a_key_is_replaced_and_destroyed(client: Any) -> None:
    identifier = client.create("disk", "AES", 128)["unique_identifier"]
    successor = client.re_key(identifier)["unique_identifier"]

    assert client.locate("disk") == [successor]
    assert client.check(successor)["unique_identifier"] == successor
    assert client.obtain_lease(successor) > 0
    client.destroy(identifier)
    with pytest.raises(KmipError, match="failed"):
        client.get(identifier)


@pytest.mark.parametrize(
    ("method", "arguments", "because"),
    [
        ("create_key_pair", ("pair", 4, 2048), "Template-Attribute is not expected here"),
        ("derive_key", (b"data", "derived", 128), "Derivation Method is not expected here"),
        ("delete_attribute", ("x-place",), "Attribute is not expected here"),
        ("encrypt", (bytes(16),), "Destroy Date is not expected here"),
        ("mac", (b"data",), "Destroy Date is not expected here"),
        ("revoke", (1,), "Revocation Reason Code is not expected here"),
        ("query", (), "Query Function is missing"),
        ("poll", (), "Asynchronous Correlation Value is missing"),
    ],
)
def test_malformed_requests_of_release_0_0_1a1_are_refused_and_named_in_the_trail(
    client: Any, server: KmipTestServer, method: str, arguments: tuple[Any, ...], because: str
) -> None:
    """It has several tags wrong, that of Result Message among them: only the server can show why it refuses."""
    identifier = client.create("disk", "AES", 128)["unique_identifier"]
    said = arguments if method in ("create_key_pair", "query", "poll") else (identifier, *arguments)

    with pytest.raises(KmipError, match="failed"):
        getattr(client, method)(*said)
    assert server.requests[-1].message.startswith(because)
