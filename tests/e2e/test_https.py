"""KMIP over HTTPS against a whole server: three encodings, one store, one trail, and credentials beside the message."""

import base64
import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from kmip_adapters.transport.client import client_context
from kmip_adapters.ttlv.codec import Codec
from kmip_adapters.ttlv.encodings.encoding import BINARY, ENCODINGS, JSON, XML, Encoding
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.operations import CATALOGUE, create, get, query
from kmip_core.structures import ProtocolVersion
from tests.server import StartedServer, running

CODEC: Final = Codec(CATALOGUE)
V2_1: Final = ProtocolVersion(2, 1)
HANG: Final = 120.0  # seconds


class HttpsClient:
    """Posts requests of one encoding on one connection."""

    def __init__(self, server: StartedServer, encoding: Encoding, path: str = "/kmip") -> None:
        ready = json.loads((server.output.parent / "ready.json").read_text())
        context = client_context(ca=server.ca, cert=server.cert, key=server.key)
        self.connection = http.client.HTTPSConnection(server.host, ready["https_port"], context=context, timeout=HANG)
        self.encoding = encoding
        self.path = path

    def close(self) -> None:
        self.connection.close()

    def ask(
        self,
        operation: Operation,
        payload: Any,
        version: ProtocolVersion = V2_1,
        headers: dict[str, str] | None = None,
        maximum_response_size: int | None = None,
    ) -> ResponseBatchItem:
        message = RequestMessage(
            header=RequestHeader(protocol_version=version, maximum_response_size=maximum_response_size),
            batch_items=(RequestBatchItem(operation=operation, payload=payload),),
        )
        sent = {"Content-Type": self.encoding.content_type} | (headers or {})
        self.connection.request("POST", self.path, CODEC.encode_request(message, self.encoding), sent)
        answer = self.connection.getresponse()
        body = answer.read()
        assert (answer.status, answer.headers["Content-Type"]) == (200, self.encoding.content_type)
        (item,) = CODEC.decode_response(body, self.encoding).batch_items
        return item


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    folder = tmp_path_factory.mktemp("https")
    with running(folder, "--data-dir", str(folder / "data"), "--https-port", "0") as started:
        yield started


def trail_of(server: StartedServer) -> str:
    return "".join(path.read_text() for path in (server.output.parent / "data" / "audit").iterdir())


def a_key() -> create.Request:
    attributes = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=256,
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    )
    return create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=lambda encoding: encoding.name)
@pytest.mark.parametrize("version", [ProtocolVersion(1, 0), ProtocolVersion(1, 4), ProtocolVersion(2, 1)], ids=str)
def test_a_key_is_made_and_got(server: StartedServer, encoding: Encoding, version: ProtocolVersion) -> None:
    with contextlib.closing(HttpsClient(server, encoding)) as client:
        made = client.ask(Operation.CREATE, a_key(), version)
        assert made.result_status is ResultStatus.SUCCESS
        identifier = made.payload.unique_identifier

        got = client.ask(Operation.GET, get.Request(unique_identifier=identifier), version)

    with contextlib.closing(HttpsClient(server, BINARY)) as other:
        again = other.ask(Operation.GET, get.Request(unique_identifier=identifier), version)
    assert got.payload == again.payload


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=lambda encoding: encoding.name)
def test_an_answer_is_no_longer_than_the_client_allows(server: StartedServer, encoding: Encoding) -> None:
    with contextlib.closing(HttpsClient(server, encoding)) as client:
        request = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
        refused, answered = (client.ask(Operation.QUERY, request, maximum_response_size=n) for n in (300, 3_000))

    assert refused.result_reason is ResultReason.RESPONSE_TOO_LARGE
    assert answered.payload.operations


def test_operations_without_messages_are_answered_where_cosmians_clients_post_them(server: StartedServer) -> None:
    with contextlib.closing(HttpsClient(server, JSON, "/kmip/2_1")) as client:
        whole = client.ask(Operation.QUERY, query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,)))
        kind = {"tag": "ObjectType", "type": "Enumeration", "value": "SymmetricKey"}
        described = [
            {"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": "AES"},
            {"tag": "CryptographicLength", "type": "Integer", "value": 256},
            {"tag": "CryptographicUsageMask", "type": "Integer", "value": 12},
            kind,
        ]
        made = post(client, {"tag": "Create", "value": [kind, {"tag": "Attributes", "value": described}]})
        answer = json.loads(made[1])
        (identifier,) = (member for member in answer["value"] if member["tag"] == "UniqueIdentifier")
        got = post(client, {"tag": "Get", "value": [identifier]})
        missing = {"tag": "UniqueIdentifier", "type": "TextString", "value": "missing"}
        pair, single = (kind | {"tag": "ExpectedObjectType", "value": name} for name in ("PrivateKey", "SymmetricKey"))
        kept = post(client, {"tag": "Destroy", "value": [identifier, pair]})
        gone = post(client, {"tag": "Destroy", "value": [identifier, single]})
        refused = post(client, {"tag": "Get", "value": [missing]})

    assert whole.result_status is ResultStatus.SUCCESS
    assert (made[0], answer["tag"]) == (200, "CreateResponse")
    assert (got[0], json.loads(got[1])["tag"]) == (200, "GetResponse")
    assert (kept[0], gone[0]) == (422, 200), (kept, gone)
    assert json.loads(gone[1]) == {"tag": "DestroyResponse", "type": "Structure", "value": [identifier]}
    assert refused == (422, "ObjectNotFound: no such object\n")


def post(client: HttpsClient, operation: dict[str, Any]) -> tuple[int, str]:
    client.connection.request("POST", client.path, json.dumps(operation), {"Content-Type": "application/json"})
    answer = client.connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize("encoding", [BINARY, JSON, XML], ids=lambda encoding: encoding.name)
def test_nonsense_is_answered_in_its_encoding_and_recorded(server: StartedServer, encoding: Encoding) -> None:
    before = trail_of(server).count('"event":"Request refused"')
    with contextlib.closing(HttpsClient(server, encoding)) as client:
        client.connection.request("POST", "/kmip", b"nonsense", {"Content-Type": encoding.content_type})
        answer = client.connection.getresponse()

        (item,) = CODEC.decode_response(answer.read(), encoding).batch_items
        assert answer.status == 200
        assert item.result_reason is ResultReason.INVALID_MESSAGE
    assert trail_of(server).count('"event":"Request refused"') == before + 1


def test_requests_over_https_are_in_the_audit_trail(server: StartedServer) -> None:
    with contextlib.closing(HttpsClient(server, JSON)) as client:
        made = client.ask(Operation.CREATE, a_key())

    assert made.payload.unique_identifier in trail_of(server)


def test_basic_credentials_name_the_user(tmp_path: Path) -> None:
    argon2 = pytest.importorskip("argon2")
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
    passwords = tmp_path / "passwords"
    passwords.write_text(f"alice:{hashed}\n")
    passwords.chmod(0o600)
    arguments = ("--passwords-path", str(passwords), "--password-identity")
    with (
        running(tmp_path, "--data-dir", str(tmp_path / "data"), "--https-port", "0", *arguments) as server,
        contextlib.closing(HttpsClient(server, JSON)) as client,
    ):
        right, wrong = (
            {"Authorization": "Basic " + base64.b64encode(f"alice:{word}".encode()).decode()}
            for word in ("secret", "guess")
        )
        made = client.ask(Operation.CREATE, a_key(), headers=right)
        wish = get.Request(unique_identifier=made.payload.unique_identifier)

        assert client.ask(Operation.GET, wish, headers=right).result_status is ResultStatus.SUCCESS
        assert client.ask(Operation.GET, wish).result_reason is not None  # by certificate it is another client
        refused = client.ask(Operation.GET, wish, headers=wrong)
        assert refused.result_reason is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
    assert "secret" not in (tmp_path / "output.log").read_text()
