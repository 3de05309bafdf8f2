"""Who a client is, and why its session is over, without a server around it; test_revocation.py has these with one."""

import math
import ssl
from typing import cast
from weakref import ref

from attrs import field, frozen

from kmip_adapters.transport.connected_client import ConnectedClient, WhyOver
from kmip_adapters.transport.counters import TransportCounters
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.places import Places
from kmip_adapters.transport.tls.context import ServerContext
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError
from kmip_core.principal import Principal

CERTIFICATE = b"the client's certificate"


@frozen
class HandshakeOver:
    """As much of an `ssl.SSLObject` as is asked."""

    session_reused: bool = False
    context: ssl.SSLContext = field(factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def getpeercert(self, *, binary_form: bool) -> bytes:
        return CERTIFICATE


def identify(certificate: bytes | None, address: str, chain: tuple[bytes, ...]) -> Principal:
    return Principal(name="alice")


def identify_otherwise(certificate: bytes | None, address: str, chain: tuple[bytes, ...]) -> Principal:
    return Principal(name="bob")


def identify_none(certificate: bytes | None, address: str, chain: tuple[bytes, ...]) -> Principal:
    raise KmipError(ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, "who is that")


def some_places(of_identity: int = 1) -> Places:
    return Places(TransportLimits(connections_per_identity=of_identity), TransportCounters())


def a_client(places: Places | None = None, tls: HandshakeOver | None = None) -> ConnectedClient:
    client = ConnectedClient("192.0.2.1")
    client.begin_session(cast(ssl.SSLObject, tls or HandshakeOver()), identify, places or some_places())
    return client


def test_a_client_is_served_under_the_name_of_its_principal() -> None:
    client = a_client()

    assert (client.refusal, client.name, client.chain, client.expires) == (None, "alice", (CERTIFICATE,), math.inf)


def test_a_client_of_which_nothing_is_known_has_no_reason_to_end() -> None:
    client = ConnectedClient("192.0.2.1")

    assert client.why_revoked(lambda certificate: True) is None
    assert client.why_untrusted(ServerContext(ssl.PROTOCOL_TLS_SERVER)) is None
    assert client.why_another(identify_none) is None


def test_a_session_is_over_once_its_client_is_identified_otherwise() -> None:
    client = a_client()

    other = WhyOver("identity changed", "its client is another identity now")
    assert client.why_another(identify) is None
    assert client.why_another(identify_otherwise) == other
    assert client.why_another(identify_none) == other


def test_a_session_is_over_once_a_certificate_of_its_chain_is() -> None:
    why = a_client().why_revoked(lambda certificate: certificate == CERTIFICATE)

    assert why is not None
    assert why.reason == "client certificate revoked"


def test_a_resumed_session_whose_cas_are_forgotten_is_refused_without_a_name() -> None:
    client = a_client(tls=HandshakeOver(session_reused=True, context=ServerContext(ssl.PROTOCOL_TLS_SERVER)))

    assert client.refusal is not None
    assert "connect without resuming a session" in client.refusal.message
    assert client.name == ""


def test_the_place_of_an_identity_is_given_back_once() -> None:
    places = some_places(of_identity=1)
    first = a_client(places)
    second = a_client(places)
    assert second.refusal is not None
    assert second.refusal.reason is ResultReason.SERVER_LIMIT_EXCEEDED

    for _ in range(2):  # more often does no harm
        first.leave(places)
        second.leave(places)

    assert a_client(places).refusal is None


def test_connections_of_one_client_have_one_principal() -> None:
    places = some_places(of_identity=2)

    assert a_client(places).principal is a_client(places).principal


def test_the_principal_of_a_client_that_is_gone_is_forgotten() -> None:
    """Else clients that come from ever other addresses, each of which is another principal, would fill the memory."""
    client = ConnectedClient("192.0.2.1")
    client.begin_session(cast(ssl.SSLObject, HandshakeOver()), lambda *_: Principal(name="guest"), some_places())
    principal = ref(client.principal)
    del client

    assert principal() is None
