"""Files and suites that cannot be used are named before the server listens."""

import ssl
from pathlib import Path

import pytest

from kmip_adapters.transport.tls.context import build_ssl_context
from tests.unit.kmip_adapters.transport.fakes import throwaway_pki


def build(
    certificate: Path | None = None, key: Path | None = None, ca: Path | None = None, ciphers: str | None = None
) -> ssl.SSLContext:
    pki = throwaway_pki()
    server = pki.servers[0]
    return build_ssl_context(
        server_certificates=[(certificate or server.certificate, key or server.key)],
        client_ca=ca or pki.ca.certificate,
        ciphers=ciphers,
    )


def test_only_aead_suites_with_forward_secrecy_are_offered_by_default() -> None:
    suites = build().get_ciphers()

    assert {suite["aead"] for suite in suites} == {True}
    assert {suite["kea"] for suite in suites} == {"kx-ecdhe", "kx-any"}  # the latter are those of TLS 1.3


def test_an_explicit_suite_string_wins() -> None:
    suites = build(ciphers="AES128-SHA256").get_ciphers()

    assert {suite["name"] for suite in suites if suite["protocol"] != "TLSv1.3"} == {"AES128-SHA256"}


def test_unknown_suites_are_named() -> None:
    with pytest.raises(ValueError, match="cipher suites is known: NO-SUCH-SUITE"):
        build(ciphers="NO-SUCH-SUITE")


def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    server, both = throwaway_pki().servers[0], tmp_path / "server.pem"
    both.write_bytes(server.certificate.read_bytes() + server.key.read_bytes())

    assert build(both, both).cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("which", ["certificate", "key", "ca"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "[Nn]o such file", id="fail missing"),
        pytest.param(b"junk", "no ", id="fail no PEM"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, which: str, content: bytes | None, why: str) -> None:
    path = tmp_path / "given.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ValueError, match=f"given.pem.*{why}"):
        build(**{which: path})  # type: ignore[arg-type]  # the name is a parameter of the test


def test_a_key_of_another_certificate_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"server-rsa\.crt .* key values mismatch"):
        build(key=throwaway_pki().client.key)
