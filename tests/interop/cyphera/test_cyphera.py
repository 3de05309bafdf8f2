"""cyphera-kmip, a KMIP 1.4 client on PyPI with a codec of its own, against kmipd."""

from collections.abc import Iterator
from typing import Any

import pytest

from kmip_app.testing import KmipTestServer

cyphera = pytest.importorskip("cyphera_kmip", reason="cyphera-kmip is not installed: pip install '.[interop]'")

KmipError = pytest.importorskip("cyphera_kmip.operations").KmipError


@pytest.fixture
def client() -> Iterator[Any]:
    with KmipTestServer() as server:
        client = cyphera.KmipClient(
            host=server.host,
            port=server.port,
            client_cert=server.cert,
            client_key=server.key,
            ca_cert=server.ca,
        )
        yield client
        client.close()


def test_a_key_is_made_found_and_fetched(client: Any) -> None:
    created = client.create("disk", "AES", 256)
    identifier = created["unique_identifier"]
    client.activate(identifier)

    assert client.locate("disk") == [identifier]
    assert len(client.fetch_key("disk")) == 32
    assert client.get(identifier)["key_material"] == client.fetch_key("disk")


def test_the_versions_are_told(client: Any) -> None:
    assert client.discover_versions()["versions"]


def test_a_key_is_replaced_and_destroyed(client: Any) -> None:
    identifier = client.create("disk", "AES", 128)["unique_identifier"]
    successor = client.re_key(identifier)["unique_identifier"]

    assert client.locate("disk") == [successor]
    assert client.check(successor)["unique_identifier"] == successor
    assert client.obtain_lease(successor) > 0
    assert client.get_attribute_list(successor)
    client.destroy(identifier)
    with pytest.raises(KmipError, match="failed"):
        client.get(identifier)


def test_what_it_sends_malformed_is_refused_and_named(client: Any) -> None:
    """Of 0.0.1a1: Revoke has its reason code outside the Revocation Reason (KMIP 1.4 section 4.20)."""
    identifier = client.create("disk", "AES", 128)["unique_identifier"]
    with pytest.raises(KmipError, match="failed"):
        client.revoke(identifier, 1)
