"""Clients of other makes that end their session with close_notify and wait for the server's, on both loops."""

import asyncio
import importlib
import socket
import ssl
from collections.abc import Iterator

import pytest

from kmip_adapters.transport.client import client_context
from kmip_adapters.transport.server import TlsTtlvServer
from tests.unit.kmip_adapters.transport.fakes import FakeService, a_server, request, response, throwaway_pki

HANG = 120.0  # seconds: what a test waits for before it says that something hangs
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest, service: FakeService) -> Iterator[TlsTtlvServer]:
    loops = pytest.importorskip(request.param, reason="`pip install uvloop` makes this run")
    with a_server(service, new_loop=loops.new_event_loop) as running:
        yield running


def a_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    pki = throwaway_pki()
    context = client_context(ca=pki.ca.certificate, cert=pki.client.certificate, key=pki.client.key)
    context.minimum_version = context.maximum_version = version
    return context


BY_VERSION = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


@BY_VERSION
def test_a_client_that_waits_for_close_notify_gets_it(server: TlsTtlvServer, version: ssl.TLSVersion) -> None:
    with (
        socket.create_connection(("127.0.0.1", server.port), HANG) as plain,
        a_context(version).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(request(b"Q"))
        assert client.recv(1_000) == response(b"client says Q")

        rest = client.unwrap()  # sends close_notify and waits for the server's

        assert rest.recv(1) == b""


@BY_VERSION
def test_an_asyncio_client_ends_its_session_without_waiting(server: TlsTtlvServer, version: ssl.TLSVersion) -> None:
    async def converse() -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=a_context(version), ssl_shutdown_timeout=HANG
        )
        writer.write(request(b"Q"))
        expected = response(b"client says Q")
        assert await reader.readexactly(len(expected)) == expected
        writer.close()
        await writer.wait_closed()  # raises when the server never answers close_notify

    asyncio.run(asyncio.wait_for(converse(), HANG / 2))


def test_the_loops_are_those_of_the_product() -> None:
    """The fixture would skip one of them without a word if its name were wrong."""
    assert importlib.import_module("asyncio").new_event_loop is asyncio.new_event_loop
