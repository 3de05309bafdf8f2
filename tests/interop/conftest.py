"""One server for all dialogues; every test is a client of its own, with a new certificate."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_core.enums import Operation
from tests.interop.wire import Node, Parts, decode, message, operation
from tests.server import Clients, StartedServer, running

SUCCESS: Final = 0
FAILED: Final = 1


@define
class Session:
    """One client on one connection that speaks one version and one set of header fields."""

    client: TlsTtlvClient
    version: tuple[int, int]
    header: Parts

    def ask(self, *items: Parts, version: tuple[int, int] | None = None, header: Parts | None = None) -> Node:
        """Return the whole answer to a batch."""
        spoken = self.version if version is None else version
        return decode(self.send(message(spoken, *items, header=self.header if header is None else header)))

    def send(self, frame: bytes) -> bytes:
        """Return the answer's bytes."""
        return self.client.exchange(frame)

    def do(self, asked: Operation, payload: Parts, batch_item_id: bytes | None = None, **more: Any) -> Node:
        """Return the payload of a success."""
        item = self.try_(asked, payload, batch_item_id, **more)
        assert item["ResultStatus"].value == SUCCESS, item
        return item["ResponsePayload"]

    def try_(self, asked: Operation, payload: Parts, batch_item_id: bytes | None = None, **more: Any) -> Node:
        """Return the one Batch Item of the answer."""
        (item,) = self.ask(operation(asked, payload, batch_item_id), **more).all("BatchItem")
        return item


@define
class Place:
    """Where a test's client connects, as itself; as often as it likes."""

    server: StartedServer
    certificate: Path
    key: Path

    def connect(self) -> TlsTtlvClient:
        """Return a client that connects on entry."""
        return self.server.client(self.certificate, self.key)


class Opener:
    """Opens sessions of one client and closes them with the test."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.opened: list[TlsTtlvClient] = []

    def __call__(self, version: tuple[int, int] = (1, 2), header: Parts | None = None) -> Session:
        """Return a session on a new connection."""
        client = self.place.connect()
        client.connect()
        self.opened.append(client)
        return Session(client, version, header or [])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    with running(tmp_path_factory.mktemp("interop"), "--ephemeral") as started:
        yield started


@pytest.fixture(scope="session")
def clients(server: StartedServer, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    return Clients(server.ca, tmp_path_factory.mktemp("clients"))


_numbers = itertools.count(1)


@pytest.fixture
def place(server: StartedServer, clients: Clients) -> Place:
    return Place(server, clients.certificate(f"client {next(_numbers)}"), clients.key)


@pytest.fixture
def connect(place: Place) -> Iterator[Opener]:
    opener = Opener(place)
    yield opener
    for client in opener.opened:
        client.close()
