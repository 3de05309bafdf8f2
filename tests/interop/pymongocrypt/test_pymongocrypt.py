"""MongoDB's client (libmongocrypt): its data keys are made and opened with keys that this server keeps.

No database is needed: the key documents are kept here. Messages are carried by pymongo, with the options that a user
writes, or by a driver of the tests, which counts them.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.synchronous.encryption import ClientEncryption
from pymongocrypt.errors import MongoCryptError
from pymongocrypt.options import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

from kmip_adapters.transport.client import TlsTtlvClient
from tests.interop.pasted import in_one_file, pasted
from tests.server import StartedServer

OPTIONS = Path(__file__).with_name("options.py")
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


class Vault:
    """The collection of key documents, as much of one as pymongo uses."""

    def __init__(self) -> None:
        self.documents: list[RawBSONDocument] = []

    def insert_one(self, document: RawBSONDocument) -> None:
        self.documents.append(RawBSONDocument(document.raw))

    @contextlib.contextmanager
    def find(self, filter: object) -> Iterator[list[RawBSONDocument]]:
        yield self.documents


@pytest.fixture
def pasted_options(ephemeral: StartedServer, tmp_path: Path) -> dict[str, Any]:
    """Return what the user's lines define, for this server."""
    program: dict[str, Any] = {}
    text = pasted(OPTIONS, ephemeral, in_one_file(tmp_path, ephemeral))
    exec(compile(text, str(OPTIONS), "exec"), program)
    return program


@pytest.fixture
def without_database() -> Iterator[MongoClient[Any]]:
    """A client of a database that is never connected."""
    client: MongoClient[Any] = MongoClient("mongodb://127.0.0.1:1", connect=False)
    with client:
        yield client


@contextlib.contextmanager
def pymongo(options: dict[str, Any], client: MongoClient[Any], vault: Vault) -> Iterator[ClientEncryption[Any]]:
    encryption: ClientEncryption[Any] = ClientEncryption(
        options["kms_providers"],
        "encryption.__keyVault",
        client,
        CodecOptions(),
        kms_tls_options=options["kms_tls_options"],
    )
    encryption._io_callbacks.key_vault_coll = vault
    with encryption:
        yield encryption


@pytest.mark.parametrize("more", [{}, {"delegated": True}], ids=["client-side", "delegated"])
def test_pymongo_encrypts_with_the_options_that_a_user_writes(
    pasted_options: dict[str, Any], without_database: MongoClient[Any], more: dict[str, object]
) -> None:
    vault = Vault()
    master_key = pasted_options["master_key"] | more
    with pymongo(pasted_options, without_database, vault) as first:
        key_id = first.create_data_key("kmip", master_key=master_key or None)
        sealed = first.encrypt("a secret value", ALGORITHM, key_id=key_id)
    with pymongo(pasted_options, without_database, vault) as second:  # has no key in its cache: asks the server
        assert second.decrypt(sealed) == "a secret value"


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


def test_a_key_that_is_not_there_is_reported(ephemeral: StartedServer) -> None:
    driver = Driver(ephemeral, {})
    endpoint = {"endpoint": f"localhost:{ephemeral.port}", "keyId": "no-such-key"}

    with pytest.raises(MongoCryptError, match=r"[Ii]tem.?[Nn]ot.?[Ff]ound|ITEM_NOT_FOUND"):
        encrypter(driver).create_data_key("kmip", endpoint)
