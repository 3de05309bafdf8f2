"""What the client side refuses."""

from collections.abc import Iterator

import pytest

from kmip_adapters.transport.client import TlsTtlvClient
from kmip_adapters.transport.server import TlsTtlvServer
from tests.unit.kmip_adapters.transport.fakes import a_server, request, response, throwaway_pki


@pytest.fixture
def server() -> Iterator[TlsTtlvServer]:
    with a_server() as running:
        yield running


def a_client(server: TlsTtlvServer, *, foreign: bool = False, max_response: int = 1 << 20) -> TlsTtlvClient:
    ours = throwaway_pki()
    ca = throwaway_pki("foreign").ca if foreign else ours.ca
    return TlsTtlvClient(
        "localhost" if foreign else "127.0.0.1",
        server.port,
        ca.certificate,
        ours.client.certificate,
        ours.client.key,
        timeout=120,
        max_response=max_response,
    )


def test_an_answer_longer_than_wanted_is_not_read(server: TlsTtlvServer) -> None:
    with a_client(server, max_response=100) as client:
        assert client.exchange(request(b"L100")) == response(bytes(100))
        with pytest.raises(ConnectionError, match="announces 101 bytes; at most 100"):
            client.exchange(request(b"L101"))


def test_a_server_of_another_ca_is_refused(server: TlsTtlvServer) -> None:
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"), a_client(server, foreign=True):
        pass


def test_an_end_in_the_middle_is_an_error(server: TlsTtlvServer) -> None:
    with a_client(server) as client:
        server.stop()

        with pytest.raises(OSError):
            client.exchange(request(b"Q"))


def test_nothing_can_be_asked_before_connecting(server: TlsTtlvServer) -> None:
    with pytest.raises(ConnectionError, match="not connected"):
        a_client(server).exchange(request(b"Q"))
