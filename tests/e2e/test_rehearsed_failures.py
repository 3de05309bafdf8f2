"""Real clients at a test server: what each failure looks like to them, seeded objects, and dates that come."""

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import bson
import pytest
from attrs import frozen
from kmip import enums
from kmip.pie import exceptions
from kmip.pie.client import ProxyKmipClient
from kmip.services.kmip_protocol import RequestLengthMismatch
from pymongocrypt.errors import MongoCryptError

from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_app.testing import KmipTestServer
from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicAlgorithm, SecretDataType
from kmip_core.objects import SecretData, SymmetricKey
from tests.interop.pymongocrypt.test_pymongocrypt import ALGORITHM, Driver, encrypter

AES = enums.CryptographicAlgorithm.AES


@pytest.fixture(scope="module")
def started() -> Iterator[KmipTestServer]:
    with KmipTestServer() as server:
        yield server


@pytest.fixture
def server(started: KmipTestServer) -> KmipTestServer:
    started.reset()
    return started


@contextmanager
def pykmip(server: KmipTestServer, name: str = "client") -> Iterator[ProxyKmipClient]:
    files = server.client_certificate(name)
    client = ProxyKmipClient(
        server.host, server.port, cert=files.cert, key=files.key, ca=files.ca, config_file="/dev/null"
    )
    with client, closing(client.proxy.socket):  # PyKMIP forgets a socket that the server has closed
        yield client


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        pytest.param({"reason": "Item Not Found"}, exceptions.KmipOperationFailure, id="reason"),
        pytest.param({"drop": True}, EOFError, id="drop"),
        pytest.param({"drop": "answer"}, EOFError, id="drop the answer"),
        pytest.param({"garbage": True}, ValueError, id="garbage"),
        pytest.param({"garbage": b"HTTP/1.1 400 Bad\r\n\r\n"}, RequestLengthMismatch, id="garbage of one's own"),
    ],
)
def test_pykmip_sees_each_failure_once(server: KmipTestServer, failure: dict, seen: type[Exception]) -> None:
    with pykmip(server) as client:
        uid = client.create(AES, 256)
        server.fail_next(enums.Operation.GET, **failure)
        with pytest.raises(seen):
            client.get(uid)

    with pykmip(server) as client:
        assert len(client.get(uid).value) == 32


def test_pykmip_runs_out_of_patience_with_a_late_answer(server: KmipTestServer) -> None:
    with pykmip(server) as client:
        uid = client.create(AES, 256)
        client.proxy.socket.settimeout(0.2)
        server.fail_next("Get", delay=60)
        with pytest.raises(TimeoutError):
            client.get(uid)

    with pykmip(server) as client:
        assert len(client.get(uid).value) == 32


def test_pykmip_finds_what_was_seeded_for_it_and_nothing_else(server: KmipTestServer) -> None:
    server.seed({"1": SecretData(bytes(range(96)), SecretDataType.SEED)})
    (foreign,) = server.seed(SymmetricKey(CryptographicAlgorithm.AES, 128, bytes(16)), owner="alice")

    with pykmip(server) as client:
        assert client.get("1").value == bytes(range(96))
        assert client.locate() == ["1"]
    with pykmip(server, "alice") as client:
        assert client.locate() == [foreign]


def test_pykmip_sees_a_key_become_active_when_its_time_has_come(server: KmipTestServer) -> None:
    in_a_month = int(dt.datetime.now(dt.UTC).timestamp()) + 30 * 86_400
    server.seed({"1": SecretData(b"secret", attributes=Attributes(activation_date=in_a_month))})

    def state(client: ProxyKmipClient) -> enums.State:
        _, [attribute] = client.get_attributes("1", ["State"])
        return attribute.attribute_value.value

    with pykmip(server) as client:
        before = state(client)
        server.clock.advance(days=31)

        assert (before, state(client)) == (enums.State.PRE_ACTIVE, enums.State.ACTIVE)


def test_pykmip_meets_a_restart() -> None:
    with KmipTestServer(ephemeral=False) as server:
        with pykmip(server) as client:
            uid = client.create(AES, 256)
            server.stop()
            with pytest.raises((OSError, EOFError)):
                client.get(uid)
        server.start()
        with pykmip(server) as client:
            assert len(client.get(uid).value) == 32


@frozen
class Reached:
    """A test server as the driver of the MongoDB tests takes it."""

    server: KmipTestServer

    @property
    def port(self) -> int:
        return self.server.port

    def client(self) -> TlsTtlvClient:
        context = client_context(ca=Path(self.server.ca), cert=Path(self.server.pem))
        return TlsTtlvClient("localhost", self.server.port, context=context)


def test_mongodb_s_client_uses_the_secret_with_identifier_1(server: KmipTestServer) -> None:
    server.seed({"1": SecretData(bytes(range(96)), SecretDataType.SEED)})
    vault: dict[bytes, bytes] = {}
    master_key = {"endpoint": f"localhost:{server.port}", "keyId": "1"}
    key_id = encrypter(Driver(Reached(server), vault)).create_data_key("kmip", master_key)
    document = bson.encode({"v": "a secret value"})
    sealed = encrypter(Driver(Reached(server), vault)).encrypt(document, ALGORITHM, key_id=bytes(key_id))

    opened = encrypter(Driver(Reached(server), vault)).decrypt(sealed)

    assert bson.decode(opened) == {"v": "a secret value"}
    assert {(r.event, r.unique_identifiers) for r in server.requests} == {("GET", ("1",))}


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        pytest.param({"reason": "Item Not Found"}, MongoCryptError, id="reason"),
        pytest.param({"drop": True}, AssertionError, id="drop"),  # of the driver's part, which is ours
        pytest.param({"garbage": True}, MongoCryptError, id="garbage"),
    ],
)
def test_mongodb_s_client_sees_each_failure_once(server: KmipTestServer, failure: dict, seen: type[Exception]) -> None:
    server.seed({"1": SecretData(bytes(range(96)), SecretDataType.SEED)})
    master_key = {"endpoint": f"localhost:{server.port}", "keyId": "1"}
    server.fail_next("Get", **failure)

    with pytest.raises(seen):
        encrypter(Driver(Reached(server), {})).create_data_key("kmip", master_key)

    assert encrypter(Driver(Reached(server), {})).create_data_key("kmip", master_key)
