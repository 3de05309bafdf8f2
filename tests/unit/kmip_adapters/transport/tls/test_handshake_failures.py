"""One line tells why a handshake failed: reproduced with real handshakes in memory."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme

from kmip_adapters.transport.tls.context import build_ssl_context
from kmip_adapters.transport.tls.handshake_failures import ended, explain
from kmip_adapters.transport.tls.suites import choose_offer

CA = trustme.CA()
STRANGER = trustme.CA()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    CA.issue_cert("localhost", "192.0.2.7").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    CA.cert_pem.write_to_path(folder / "ca.pem")
    return folder


def server(folder: Path, auth_suite: str = "Basic") -> ssl.SSLContext:
    offer = choose_offer(auth_suite)
    return build_ssl_context(
        server_certificates=[(folder / "server.pem", folder / "server.pem")],
        client_ca=folder / "ca.pem",
        ciphers=offer.ciphers,
        minimum_version=offer.minimum_version,
        maximum_version=offer.maximum_version,
    )


def client(*, trusts: trustme.CA = CA, issued_by: trustme.CA | None = CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    trusts.configure_trust(context)
    if issued_by is not None:
        issued_by.issue_cert("alice@example.org").configure_cert(context)
    return context


def failure(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> str:
    """Shake hands in memory and return how the server explains the failure."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client_context.wrap_bio(to_client, to_server)
    ours = server_context.wrap_bio(to_server, to_client, server_side=True)
    received = b""
    for _ in range(4):
        for side in (theirs, ours):
            if side is ours and not received:
                received = to_server.read()
                to_server.write(received)
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                if side is ours:
                    return explain(error, received, server_context)
    pytest.fail("the handshake succeeded")


def test_a_handshake_without_a_shared_suite_is_reported_with_both_lists(folder: Path) -> None:
    old = client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA256")

    told = failure(server(folder), old)

    assert told.startswith("no shared cipher: this server takes ")
    assert "ECDHE-RSA-AES256-GCM-SHA384" in told
    assert told.endswith("(the client offers TLS 1.2 with AES128-SHA256)")


def test_a_refused_version_names_those_that_are_accepted(folder: Path) -> None:
    old = client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    told = failure(server(folder, "TLS1.3"), old)

    assert told.startswith(
        "unsupported protocol: this server takes TLS 1.3; see auth_suite (the client offers TLS 1.2 "
    )


def test_a_missing_client_certificate_is_reported(folder: Path) -> None:
    told = failure(server(folder), client(issued_by=None))

    assert "the client sent no certificate" in told


def test_a_certificate_of_a_foreign_ca_is_reported(folder: Path) -> None:
    told = failure(server(folder), client(issued_by=STRANGER))

    assert told.startswith(
        "client certificate: unable to get local issuer certificate: no CA of ca_path has issued it (the client offers"
    )


def test_a_certificate_that_vouches_for_itself_is_reported(folder: Path) -> None:
    stranger = client(issued_by=None)
    issued = STRANGER.issue_cert("alice@example.org")
    chain = folder / "stranger.pem"
    chain.write_bytes(issued.private_key_and_cert_chain_pem.bytes() + STRANGER.cert_pem.bytes())
    stranger.load_cert_chain(chain)

    assert "no CA of ca_path has issued it" in failure(server(folder), stranger)


@pytest.mark.parametrize(
    ("dates", "remedy"),
    [
        pytest.param(
            {"not_after": dt.datetime(2001, 1, 1)}, "certificate has expired: the client needs a new one", id="expired"
        ),
        pytest.param(
            {"not_before": dt.datetime(2099, 1, 1), "not_after": dt.datetime(2100, 1, 1)},
            "certificate is not yet valid: compare the clocks",
            id="not yet valid",
        ),
    ],
)
def test_a_certificate_outside_its_dates_is_reported(folder: Path, dates: dict[str, dt.datetime], remedy: str) -> None:
    early = client(issued_by=None)
    CA.issue_cert("alice@example.org", **dates).configure_cert(early)  # type: ignore[arg-type]

    assert failure(server(folder), early).startswith(f"client certificate: {remedy}")


def test_a_client_that_does_not_trust_the_server_is_reported(folder: Path) -> None:
    told = failure(server(folder), client(trusts=STRANGER))

    assert told.startswith(
        "tlsv1 alert unknown ca: the client does not accept this server's certificate: either it does"
    )
    assert "does not trust the CA (give it the CA's certificate), or it knows the server by another name" in told
    assert "the certificate's (good for localhost, 192.0.2.7)" in told


def test_an_alert_that_go_sends_for_a_wrong_name_is_reported_with_both_causes(folder: Path) -> None:
    """crypto/tls sends bad_certificate whether the CA is unknown or the name is another (handshake_client.go)."""
    context = server(folder)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client().wrap_bio(to_client, to_server)
    ours = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (theirs, ours):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    to_server.write(bytes.fromhex("150303 0002 022A"))  # fatal, bad_certificate, in clear as an early alert is

    with pytest.raises(ssl.SSLError) as caught:
        ours.do_handshake()

    told = explain(caught.value, b"", context)
    assert "either it does not trust the CA" in told
    assert "another name or address than the certificate's (good for localhost, 192.0.2.7)" in told


@pytest.mark.parametrize("names", [[], [f"host-{number}.example" for number in range(20)]], ids=["none", "many"])
def test_the_names_of_a_certificate_are_reported_in_bounds(names: list[str], tmp_path: Path) -> None:
    if names:
        CA.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
        expected = f"good for {', '.join(names[:16])} and 4 more"
    else:
        CA.issue_cert(common_name="plain").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
        expected = "it has none that clients look at"
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")

    assert f"({expected})" in ended(server(tmp_path))


def test_a_first_message_that_is_not_tls_is_reported(folder: Path) -> None:
    context = server(folder)
    to_server = ssl.MemoryBIO()
    request = b"GET / HTTP/1.1\r\nHost: kmip\r\n\r\n"
    to_server.write(request)
    tls = context.wrap_bio(to_server, ssl.MemoryBIO(), server_side=True)

    with pytest.raises(ssl.SSLError) as caught:
        tls.do_handshake()

    assert explain(caught.value, request, context) == (
        "http request: a web browser or HTTP client spoke to the KMIP port"
    )
