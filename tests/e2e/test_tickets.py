"""Login, Delegated Login and Logout over TLS, with two clients of one server."""

from pathlib import Path
from typing import Any, Final

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CredentialType,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    ObjectType,
    Operation,
    QueryFunction,
    ResultReason,
)
from kmip_core.messages import (
    Credential,
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    Ticket,
)
from kmip_core.operations import CATALOGUE, create, delegated_login, get, login, logout, query
from kmip_core.rights import Objects, Operations, Right, Rights
from kmip_core.structures import ProtocolVersion
from tests.e2e.conftest import Start
from tests.server import Clients, StartedServer

CODEC: Final = Codec(CATALOGUE)
V1_4, V2_0, V2_1 = ProtocolVersion(1, 4), ProtocolVersion(2, 0), ProtocolVersion(2, 1)
NEW_OPERATIONS: Final = {Operation.LOGIN, Operation.DELEGATED_LOGIN, Operation.LOGOUT}


class Asker:
    """One client of the server; connects for each request, as those do whom tickets are for."""

    def __init__(
        self,
        server: StartedServer,
        cert: Path | None = None,
        key: Path | None = None,
        credentials: tuple[Credential, ...] = (),
    ) -> None:
        self._server, self._cert, self._key, self._credentials = server, cert, key, credentials

    def ask(
        self, operation: Operation, payload: Any, ticket: Ticket | None = None, version: ProtocolVersion = V2_1
    ) -> ResponseBatchItem:
        credentials = self._credentials
        if ticket:
            credentials += (Credential(credential_type=CredentialType.TICKET, credential_value=ticket),)
        message = RequestMessage(
            header=RequestHeader(protocol_version=version, credentials=credentials),
            batch_items=(RequestBatchItem(operation=operation, payload=payload),),
        )
        with self._server.client(self._cert, self._key) as client:
            (item,) = CODEC.decode_response(client.exchange(CODEC.encode_request(message))).batch_items
        return item

    def a_key(self) -> str:
        attributes = Attributes(
            cryptographic_algorithm=CryptographicAlgorithm.AES,
            cryptographic_length=128,
            cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
        )
        request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)
        identifier: str = self.ask(Operation.CREATE, request).payload.unique_identifier
        return identifier

    def get(self, identifier: str, ticket: Ticket | None = None) -> ResultReason | None:
        return self.ask(Operation.GET, get.Request(unique_identifier=identifier), ticket).result_reason

    def told(self, version: ProtocolVersion) -> set[Operation]:
        request = query.Request(query_functions=(QueryFunction.QUERY_OPERATIONS,))
        return set(self.ask(Operation.QUERY, request, version=version).payload.operations)


def two_clients(start: Start, tmp_path: Path, *arguments: str) -> tuple[Asker, Asker]:
    server = start(*arguments)
    clients = Clients(server.ca, tmp_path)
    return Asker(server), Asker(server, clients.certificate("worker"), clients.key)


@pytest.mark.parametrize("tickets", ["off", "bound"])
def test_query_names_tickets_where_there_are_any(start: Start, tmp_path: Path, tickets: str) -> None:
    owner, _ = two_clients(start, tmp_path, "--tickets", tickets)

    told = {version: owner.told(version) & NEW_OPERATIONS for version in (V1_4, V2_0, V2_1)}

    expected = NEW_OPERATIONS if tickets == "bound" else set()
    assert told == {V1_4: set(), V2_0: expected, V2_1: expected}


def test_a_ticket_serves_its_holder_until_logout(start: Start, tmp_path: Path) -> None:
    owner, worker = two_clients(start, tmp_path, "--tickets", "bound")
    identifier = owner.a_key()
    ticket = owner.ask(Operation.LOGIN, login.Request(lease_time=600)).payload.ticket

    assert owner.get(identifier, ticket) is None
    assert worker.get(identifier, ticket) is ResultReason.INVALID_TICKET
    assert owner.ask(Operation.LOGOUT, logout.Request(ticket=ticket), ticket).result_reason is None
    assert owner.get(identifier, ticket) is ResultReason.INVALID_TICKET
    assert owner.get(identifier) is None


def test_a_worker_gets_one_key_by_a_delegated_ticket_and_no_other(start: Start, tmp_path: Path) -> None:
    owner, worker = two_clients(start, tmp_path, "--tickets", "bearer")
    lent, kept = owner.a_key(), owner.a_key()
    right = Right(operations=Operations(operations=(Operation.GET,)), objects=Objects(unique_identifiers=(lent,)))
    request = delegated_login.Request(request_count=3, rights=Rights(rights=(right,)))
    ticket = owner.ask(Operation.DELEGATED_LOGIN, request).payload.ticket

    assert worker.get(lent) is ResultReason.OBJECT_NOT_FOUND
    assert worker.get(lent, ticket) is None
    assert worker.get(kept, ticket) is ResultReason.NOT_AUTHORISED
    assert worker.ask(Operation.LOGIN, login.Request(), ticket).result_reason is ResultReason.NOT_AUTHORISED
    assert worker.get(lent, ticket) is ResultReason.USAGE_LIMIT_EXCEEDED, "three requests were made"
