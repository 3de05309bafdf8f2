"""MongoDB's client (libmongocrypt): its data keys are made and opened with keys that this server keeps.

No database is needed: the driver's part, which carries the messages and keeps the key documents, is here.
"""

from collections.abc import Iterator
from typing import Protocol

import bson
import pytest
from pymongocrypt.errors import MongoCryptError
from pymongocrypt.options import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

from kmip_adapters.transport.client import TlsTtlvClient
from tests.server import StartedServer

ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"


class Reachable(Protocol):
    """What the driver needs of a server."""

    @property
    def port(self) -> int: ...

    def client(self) -> TlsTtlvClient: ...


class Driver(MongoCryptCallback):
    """Does what pymongo does around libmongocrypt: a new TLS connection for each message, keys in a vault."""

    def __init__(self, server: Reachable, vault: dict[bytes, bytes]) -> None:
        self.server = server
        self.vault = vault
        self.messages = 0

    def kms_request(self, kms_context) -> None:
        """Send one KMIP message and feed exactly the announced bytes of the answer."""
        assert kms_context.endpoint == f"localhost:{self.server.port}"
        with self.server.client() as client:
            client.socket.sendall(kms_context.message)
            self.messages += 1
            while (needed := kms_context.bytes_needed) > 0:
                data = client.socket.recv(needed)
                assert data, "the server has closed the connection"
                kms_context.feed(data)

    def insert_data_key(self, data_key):
        document = bson.decode(data_key)
        self.vault[document["_id"].bytes if hasattr(document["_id"], "bytes") else bytes(document["_id"])] = data_key
        return document["_id"]

    def fetch_keys(self, filter) -> Iterator[bytes]:
        return iter(self.vault.values())

    def bson_encode(self, doc) -> bytes:
        return bson.encode(doc)

    def collection_info(self, database, filter) -> list[bytes]:
        return []

    def mark_command(self, database, cmd) -> bytes:
        raise NotImplementedError("commands are marked by mongocryptd, which explicit encryption does without")

    def close(self) -> None:
        pass


def encrypter(driver: Driver) -> ExplicitEncrypter:
    return ExplicitEncrypter(driver, MongoCryptOptions({"kmip": {"endpoint": f"localhost:{driver.server.port}"}}))


@pytest.mark.parametrize("master_key", [{}, {"delegated": True}], ids=["client-side", "delegated"])
def test_a_data_key_is_made_and_opened_again(ephemeral: StartedServer, master_key: dict[str, object]) -> None:
    vault: dict[bytes, bytes] = {}
    first = Driver(ephemeral, vault)
    endpoint = {"endpoint": f"localhost:{ephemeral.port}"}
    key_id = encrypter(first).create_data_key("kmip", endpoint | master_key)
    assert first.messages >= 3  # Register or Create, Activate, Get or Encrypt

    document = bson.encode({"v": "a secret value"})
    sealed = encrypter(first).encrypt(document, ALGORITHM, key_id=bytes(key_id))
    second = Driver(ephemeral, vault)  # has no key in its cache and must ask the server

    assert bson.decode(encrypter(second).decrypt(sealed)) == {"v": "a secret value"}
    assert second.messages == 1


def test_a_key_that_is_not_there_is_told(ephemeral: StartedServer) -> None:
    driver = Driver(ephemeral, {})
    endpoint = {"endpoint": f"localhost:{ephemeral.port}", "keyId": "no-such-key"}

    with pytest.raises(MongoCryptError, match=r"[Ii]tem.?[Nn]ot.?[Ff]ound|ITEM_NOT_FOUND"):
        encrypter(driver).create_data_key("kmip", endpoint)
