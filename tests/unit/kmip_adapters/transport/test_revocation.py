"""Revocation lists, CAs and dates judge the whole chain of new, resumed and live sessions."""

import datetime as dt
import select
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.transport.client import TlsTtlvClient, client_context
from kmip_adapters.transport.limits import TransportLimits
from kmip_adapters.transport.server import TlsTtlvServer
from kmip_adapters.transport.tls import context as context_module
from kmip_adapters.transport.tls.context import ServerContext, build_ssl_context
from kmip_app.pki.certificate_watch import revoked_by
from tests.unit.kmip_adapters.transport.fakes import FakeFramer, FakeService, request, response, throwaway_pki

HANG = 120.0  # seconds: what a test waits for before it says that something hangs
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@define
class Authority:
    """A CA that issues certificates and lists."""

    name: str
    issuer: "Authority | None" = None
    days: int = 30  # for which its certificate is valid
    key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = field(init=False)

    def __attrs_post_init__(self) -> None:
        issuer = self.issuer or self
        self.certificate = self._issue(issuer, self.name, self.key.public_key(), is_ca=True, days=self.days)

    def issue(self, name: str, folder: Path) -> Path:
        """Return a PEM file with key and chain of a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._issue(self, name, key.public_key(), is_ca=False)
        path = folder / f"{name}.pem"
        chain = [leaf] if self.issuer is None else [leaf, self.certificate]
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
        )
        return path

    def list_of(self, *revoked: x509.Certificate, seconds: float = 3_600.0) -> bytes:
        """Return a list in PEM that expires in so many seconds."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now() - dt.timedelta(hours=1))
            .next_update(now() + dt.timedelta(seconds=seconds))
        )
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now())
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def _issue(
        issuer: "Authority", name: str, public: ec.EllipticCurvePublicKey, *, is_ca: bool, days: int = 30
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if hasattr(issuer, "certificate") else subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() - dt.timedelta(days=1))
            .not_valid_after(now() + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if is_ca:
            # It signs certificates and lists.
            usage = x509.KeyUsage(
                False, False, False, False, False, True, True, False, False
            )  # sign certificates, lists
            builder = builder.add_extension(usage, critical=True)
        else:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(purpose, critical=False)
        return builder.sign(issuer.key, hashes.SHA256())


@define
class House:
    """A root, an intermediate CA, a client of it, and a server that judges by lists."""

    folder: Path
    root: Authority = field(factory=lambda: Authority("root"))
    middle: Authority = field(init=False)
    bundle: Path = field(init=False)
    latest: ssl.SSLContext = field(init=False)
    lists: Path = field(init=False)

    has_lists: bool = True

    def __attrs_post_init__(self) -> None:
        self.middle = Authority("middle", self.root, days=10)
        self.bundle = self.middle.issue("alice", self.folder)
        self.lists = self.folder / "lists.pem"
        self.trust(self.root)

    def trust(self, *authorities: Authority) -> None:
        anchors = (one.certificate.public_bytes(serialization.Encoding.PEM) for one in authorities)
        (self.folder / "ca.pem").write_bytes(b"".join(anchors))

    def publish(self, *lists: bytes) -> None:
        self.lists.write_bytes(b"".join(lists))

    def context(self) -> ServerContext:
        server = throwaway_pki().servers[1]
        return build_ssl_context(
            server_certificates=[(server.certificate, server.key)],
            client_ca=self.folder / "ca.pem",
            client_crl=self.lists if self.has_lists else None,
        )

    def server(self, context: ServerContext | None = None) -> TlsTtlvServer:
        return TlsTtlvServer(
            service=FakeService(),
            new_framer=FakeFramer,
            identify=CertificateIdentity(),
            ssl_context=context or self.context(),
            port=0,
            limits=TransportLimits(linger=0.2),
        )

    def client(
        self, server: TlsTtlvServer, version: ssl.TLSVersion, session: ssl.SSLSession | None = None
    ) -> TlsTtlvClient:
        context = client_context(ca=throwaway_pki().ca.certificate, cert=self.bundle, key=self.bundle)
        context.minimum_version = context.maximum_version = version
        self.latest = context
        return TlsTtlvClient("127.0.0.1", server.port, context=context, session=session, timeout=HANG)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end
        select.select([], [], [], 0.02)


def is_refused(house: House, server: TlsTtlvServer, version: ssl.TLSVersion) -> bool:
    try:
        with house.client(server, version) as client:
            client.exchange(request(b"Q"))
    except OSError:
        return True
    return False


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_of_a_revoked_intermediate_ca_is_refused(house: House, version: ssl.TLSVersion) -> None:
    house.publish(house.root.list_of(house.middle.certificate), house.middle.list_of())

    with house.server() as server:
        assert is_refused(house, server, version)
        assert server.counters.handshakes_failed["client certificate revoked"] == 1


@pytest.mark.parametrize("missing", ["root", "middle"])
def test_a_list_of_each_ca_in_the_chain_is_needed(house: House, missing: str) -> None:
    house.publish(house.middle.list_of() if missing == "root" else house.root.list_of())

    with house.server() as server:
        assert is_refused(house, server, ssl.TLSVersion.TLSv1_3)


@pytest.mark.parametrize("version", VERSIONS)
def test_live_sessions_end_when_a_ca_in_their_chain_is_revoked(house: House, version: ssl.TLSVersion) -> None:
    house.publish(house.root.list_of(), house.middle.list_of())
    with house.server() as server, house.client(server, version) as client:
        assert client.exchange(request(b"Q")) == response(b"alice says Q")
        house.publish(house.root.list_of(house.middle.certificate), house.middle.list_of())
        server.replace_ssl_context(house.context())
        server.end_sessions(revoked_by(house.lists))

        assert client.socket.recv(1) == b""
        assert server.counters.connections_cut["client certificate revoked"] == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_is_judged_by_its_whole_chain_too(house: House, version: ssl.TLSVersion) -> None:
    house.publish(house.root.list_of(), house.middle.list_of())
    with house.server() as server:
        with house.client(server, version) as first:
            first.exchange(request(b"Q"))
            session = first.socket.session
            context = house.latest
        resumed = TlsTtlvClient("127.0.0.1", server.port, context=context, session=session, timeout=HANG)
        with resumed:
            assert resumed.exchange(request(b"Q")) == response(b"alice says Q")
            assert resumed.socket.session_reused
            house.publish(house.root.list_of(house.middle.certificate), house.middle.list_of())
            server.end_sessions(revoked_by(house.lists))

            assert resumed.socket.recv(1) == b""


def the_hour_passes(context: ServerContext) -> None:
    """Have the lists of a context end now: it read their end, which is an hour away, when it was built."""
    end = dt.datetime.fromtimestamp(context.lists_end, dt.UTC)
    assert dt.timedelta(minutes=1) < end - now() <= dt.timedelta(hours=1)
    context.lists_end = now().timestamp()


@pytest.mark.parametrize("version", VERSIONS)
def test_live_and_resumed_sessions_end_when_a_list_expires(house: House, version: ssl.TLSVersion) -> None:
    house.publish(house.root.list_of(seconds=7_200.0), house.middle.list_of())
    current = house.context()
    with house.server(current) as server, house.client(server, version) as live:
        live.exchange(request(b"Q"))
        session, context = live.socket.session, house.latest
        the_hour_passes(current)

        assert live.socket.recv(1) == b""
        assert server.counters.connections_cut["revocation list expired"] == 1
        with TlsTtlvClient("127.0.0.1", server.port, context=context, session=session, timeout=HANG) as resumed:
            assert resumed.socket.session_reused
            answer = resumed.exchange(request(b"Q"))
            assert answer[8:].startswith(b"refused AUTHENTICATION_NOT_SUCCESSFUL: the revocation list has expired")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_is_refused_after_a_list_has_expired(house: House, version: ssl.TLSVersion) -> None:
    house.publish(house.root.list_of(), house.middle.list_of(seconds=-1.0))

    with house.server() as server:
        assert is_refused(house, server, version)


def test_sessions_go_on_when_a_list_is_renewed_in_time(house: House) -> None:
    house.publish(house.root.list_of(), house.middle.list_of())
    first = house.context()
    with house.server(first) as server, house.client(server, ssl.TLSVersion.TLSv1_3) as client:
        client.exchange(request(b"Q"))
        house.publish(house.root.list_of(), house.middle.list_of())
        server.replace_ssl_context(house.context())
        the_hour_passes(first)
        shared = server._shared
        assert shared is not None
        begun: set[float] = set()  # when the server has looked for sessions to end: the last of its looks is under way
        until(lambda: bool(begun.add(shared.now)) or len(begun) > 2)

        assert client.exchange(request(b"Q")) == response(b"alice says Q")


def test_a_certificate_that_cannot_be_judged_does_not_stop_the_judgement_of_others(house: House) -> None:
    house.publish(house.root.list_of(), house.middle.list_of())
    with (
        house.server() as server,
        house.client(server, ssl.TLSVersion.TLSv1_3) as first,
        house.client(server, ssl.TLSVersion.TLSv1_3) as second,
    ):
        first.exchange(request(b"Q"))
        second.exchange(request(b"Q"))
        calls: list[bytes] = []

        def is_over(der: bytes) -> bool:
            calls.append(der)
            if len(calls) == 1:
                raise ValueError("unreadable")
            return True

        server.end_sessions(is_over)

        until(lambda: server.counters.sessions_open == 1)


# CAs that are removed, tickets, dates


@pytest.fixture(params=[False, True], ids=["no lists", "lists"])
def judged(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A house with and without revocation lists."""
    house = House(tmp_path, has_lists=request.param)
    house.publish(house.root.list_of(), house.middle.list_of())
    return house


def resume(house: House, server: TlsTtlvServer, first: TlsTtlvClient) -> TlsTtlvClient:
    """Return a client that resumes a session which has had an answer."""
    session, context = first.socket.session, house.latest
    return TlsTtlvClient("127.0.0.1", server.port, context=context, session=session, timeout=HANG)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["removed", "revoked"])
def test_a_ticket_does_not_outlive_a_ca(house: House, version: ssl.TLSVersion, how: str) -> None:
    house.publish(house.root.list_of(), house.middle.list_of())
    with house.server() as server, house.client(server, version) as first:
        first.exchange(request(b"Q"))
        if how == "removed":
            house.trust(Authority("other"))
        else:
            house.publish(house.root.list_of(house.middle.certificate), house.middle.list_of())
        server.replace_ssl_context(house.context())

        with pytest.raises(OSError), resume(house, server, first) as resumed:
            resumed.exchange(request(b"Q"))
        assert server.counters.sessions_resumed == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("anchor", ["root", "middle"])
def test_live_and_resumed_sessions_end_when_their_ca_is_removed(
    judged: House, version: ssl.TLSVersion, anchor: str
) -> None:
    if anchor == "middle":
        judged.has_lists = False  # OpenSSL wants a list about the CA itself, which its absent root would have to sign
        judged.trust(judged.middle)
    with judged.server() as server, judged.client(server, version) as live:
        live.exchange(request(b"Q"))
        with resume(judged, server, live) as resumed:
            resumed.exchange(request(b"Q"))
            assert resumed.socket.session_reused
            judged.trust(Authority("other"))
            server.replace_ssl_context(judged.context())

            assert live.socket.recv(1) == b""
            assert resumed.socket.recv(1) == b""
        assert server.counters.connections_cut["client CA removed"] == 2


def test_sessions_go_on_while_a_ca_of_their_chain_is_trusted(judged: House) -> None:
    renewed = Authority("root", key=judged.root.key, days=60)  # of the same name and key
    with judged.server() as server, judged.client(server, ssl.TLSVersion.TLSv1_3) as client:
        client.exchange(request(b"Q"))
        for anchors in ([judged.middle], [Authority("other"), renewed], [Authority("root"), judged.root]):
            judged.trust(*anchors)
            server.replace_ssl_context(judged.context())
            assert client.exchange(request(b"Q")) == response(b"alice says Q")
        judged.trust(Authority("root"))  # of the same name, and another key
        server.replace_ssl_context(judged.context())

        assert client.socket.recv(1) == b""


@pytest.mark.parametrize("changed", ["CA", "lists", "nothing"])
def test_a_handshake_that_began_under_other_cas_or_lists_brings_no_session(house: House, changed: str) -> None:
    house.publish(house.root.list_of(), house.middle.list_of())
    with house.server() as server, socket.create_connection(("127.0.0.1", server.port), HANG) as raw:
        house.client(server, ssl.TLSVersion.TLSv1_3)  # whose context is used here
        until(lambda: server.counters.connections_open == 1)
        if changed == "CA":
            house.trust(house.root, Authority("other"))
        elif changed == "lists":
            house.publish(house.root.list_of(house.middle.certificate), house.middle.list_of())
        server.replace_ssl_context(house.context())
        with house.latest.wrap_socket(raw, server_hostname="127.0.0.1") as late:
            late.sendall(request(b"Q"))

            try:
                answer = late.recv(1)
            except OSError:
                answer = b""
            assert bool(answer) is (changed == "nothing")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_lasts_no_longer_than_any_certificate_of_its_chain(judged: House, version: ssl.TLSVersion) -> None:
    end = judged.middle.certificate.not_valid_after_utc.timestamp()  # before those of the client and of the root
    with judged.server() as server, judged.client(server, version) as first:
        first.exchange(request(b"Q"))
        with resume(judged, server, first) as second:
            second.exchange(request(b"Q"))
            assert second.socket.session_reused
            assert server._shared is not None
            assert [session.expires for session in server._shared.sessions] == [end, end]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_not_resumed_without_its_chain(judged: House, version: ssl.TLSVersion) -> None:
    context = judged.context()
    with judged.server() as server:
        server.replace_ssl_context(context)
        with judged.client(server, version) as first:
            first.exchange(request(b"Q"))
            context._issuers.clear()
            with resume(judged, server, first) as second:
                answer = second.exchange(request(b"Q"))

    assert answer[8:].startswith(b"refused AUTHENTICATION_NOT_SUCCESSFUL: connect without resuming a session")


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_can_be_resumed_when_no_more_chains_are_kept(
    judged: House, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_module, "REMEMBERED_CHAINS", 1)
    with judged.server() as server:
        with judged.client(server, version) as alice:
            alice.exchange(request(b"Q"))
            with resume(judged, server, alice) as again:
                assert again.exchange(request(b"Q")) == response(b"alice says Q")
        judged.bundle = judged.middle.issue("bob", judged.folder)
        with judged.client(server, version) as bob:
            bob.exchange(request(b"Q"))
            assert bob.socket.session is None or not bob.socket.session.has_ticket
