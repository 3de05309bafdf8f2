"""The first start, the second one, and what an interrupted one leaves."""

import datetime as dt
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from kmip_app import cli
from kmip_app.pki.authority import LEAF_LIFETIME, RENEW_BEFORE, PkiError, ensure_pki, issue_client

NOW = dt.datetime.now(dt.UTC)
FILES = {f"{name}.{kind}" for name in ("ca", "server-rsa", "server-ec", "client") for kind in ("crt", "key")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PKI that tests copy, since RSA keys take a moment."""
    directory = tmp_path_factory.mktemp("made") / "pki"
    ensure_pki(directory, now=NOW)
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "pki"
    copy.mkdir(mode=0o700)
    for file in made.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
        (copy / file.name).chmod(stat.S_IMODE(file.stat().st_mode))
    return copy


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def changed(directory: Path, before: dict[str, bytes]) -> set[str]:
    after = contents(directory)
    return {name for name in after.keys() | before.keys() if after.get(name) != before.get(name)}


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def shakes_hands(server: tuple[Path, Path], client: tuple[Path, Path], ca: Path, hostname: str) -> bool:
    """True if both sides accept each other with OpenSSL's strict checks; raises ssl.SSLError if not."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context, (cert, key) in ((ours, server), (theirs, client)):
        context.load_cert_chain(cert, key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [theirs.wrap_bio(down, up, server_hostname=hostname), ours.wrap_bio(up, down, server_side=True)]
    for _ in range(4):
        for end in tuple(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
    return not ends


def test_the_first_start_makes_everything_with_modes_that_keep_keys_private(made: Path) -> None:
    assert {file.name for file in made.iterdir()} == FILES
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in made.glob("*.key")} == {0o600}


def test_the_second_start_changes_nothing(directory: Path) -> None:
    before = contents(directory)

    ensure_pki(directory, now=NOW)

    assert changed(directory, before) == set()


@pytest.mark.parametrize("server", [0, 1], ids=["RSA", "EC"])
@pytest.mark.parametrize("hostname", ["localhost", "127.0.0.1", "::1"])
def test_strict_verifiers_accept_what_was_made(directory: Path, server: int, hostname: str) -> None:
    pki = ensure_pki(directory, now=NOW)
    theirs, client = pki.servers[server], pki.client

    assert shakes_hands(
        (theirs.certificate, theirs.key),
        (client.certificate, client.key),
        pki.ca.certificate,
        hostname,
    )


def test_a_second_strict_implementation_accepts_the_client(directory: Path) -> None:
    pki = ensure_pki(directory, now=NOW)
    store = Store([certificate(pki.ca.certificate)])

    verified = (PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("localhost"))).verify(
        certificate(pki.servers[1].certificate), []
    )

    assert verified[-1] == certificate(pki.ca.certificate)


def test_the_client_certificate_names_client_and_is_for_clients_only(directory: Path) -> None:
    leaf = certificate(directory / "client.crt")

    assert [name.value for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["client"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize("missing", sorted(FILES - {"ca.key", "ca.crt"}))
def test_a_start_completes_what_another_one_left_undone(directory: Path, missing: str) -> None:
    before = contents(directory)
    (directory / missing).unlink()
    (directory / ".new-half").write_bytes(b"-----BEGIN PRIV")

    pki = ensure_pki(directory, now=NOW)

    name = missing.partition(".")[0]
    assert changed(directory, before) == {f"{name}.crt", f"{name}.key"}
    assert not (directory / ".new-half").exists()
    assert shakes_hands(
        (pki.servers[0].certificate, pki.servers[0].key),
        (pki.client.certificate, pki.client.key),
        pki.ca.certificate,
        "localhost",
    )


def test_a_lost_ca_certificate_is_made_again_and_leaves_stay_valid(directory: Path) -> None:
    before = contents(directory)
    (directory / "ca.crt").unlink()

    ensure_pki(directory, now=NOW)

    assert changed(directory, before) == {"ca.crt"}


def test_a_key_of_another_certificate_is_replaced_with_it(directory: Path) -> None:
    before = contents(directory)
    (directory / "server-rsa.key").write_bytes(before["client.key"])

    ensure_pki(directory, now=NOW)

    assert changed(directory, before) == {"server-rsa.crt", "server-rsa.key"}


def test_a_lost_ca_key_is_an_error_that_says_what_to_do(directory: Path) -> None:
    (directory / "ca.key").unlink()

    with pytest.raises(PkiError, match=r"ca\.key: missing .* put it back, or remove the folder"):
        ensure_pki(directory, now=NOW)


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "server-rsa.crt", "client.key"])
def test_an_unreadable_file_is_named(directory: Path, name: str) -> None:
    (directory / name).write_bytes(b"junk")

    with pytest.raises(PkiError, match=rf"{name}: not .*; put the right one back"):
        ensure_pki(directory, now=NOW)


@pytest.mark.parametrize("name", ["ca.crt", "server-rsa.crt", "client.key"])
def test_a_file_that_may_be_removed_for_a_new_one_says_so(directory: Path, name: str) -> None:
    (directory / name).write_bytes(b"junk")
    with pytest.raises(PkiError, match="or remove it for a new one"):
        ensure_pki(directory, now=NOW)

    (directory / name).unlink()

    assert ensure_pki(directory, now=NOW).client.key.exists()


@pytest.mark.parametrize(
    ("left", "renewed"),
    [
        pytest.param(RENEW_BEFORE + dt.timedelta(minutes=1), False, id="ok more than 30 days left"),
        pytest.param(RENEW_BEFORE, True, id="ok 30 days left"),
        pytest.param(-dt.timedelta(days=1), True, id="ok expired"),
    ],
)
def test_certificates_are_renewed_before_they_expire(directory: Path, left: dt.timedelta, renewed: bool) -> None:
    before = contents(directory)
    expiry = certificate(directory / "client.crt").not_valid_after_utc

    ensure_pki(directory, now=expiry - left)

    leaves = {"client.crt", "server-rsa.crt", "server-ec.crt"}
    assert changed(directory, before) == (leaves if renewed else set())


def test_other_hostnames_get_other_server_certificates(directory: Path) -> None:
    before = contents(directory)

    pki = ensure_pki(directory, hostnames=["kms.example", "192.0.2.7"], now=NOW)

    assert changed(directory, before) == {"server-rsa.crt", "server-ec.crt"}
    names = certificate(pki.servers[0].certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["kms.example"]
    assert [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]


def test_server_certificates_of_whatever_name_are_left_alone_by_who_does_not_serve(directory: Path) -> None:
    ensure_pki(directory, hostnames=["kms.example.org"], now=NOW)
    before = contents(directory)

    ensure_pki(directory, hostnames=None, now=NOW)

    assert contents(directory) == before


def test_renewed_by_who_does_not_serve_they_keep_their_names(directory: Path) -> None:
    ensure_pki(directory, hostnames=["kms.example.org"], now=NOW)
    before = contents(directory)

    pki = ensure_pki(directory, hostnames=None, now=NOW + LEAF_LIFETIME - RENEW_BEFORE / 2)

    assert {"server-rsa.crt", "server-ec.crt"} <= changed(directory, before)
    names = certificate(pki.servers[0].certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["kms.example.org"]


def test_client_cert_leaves_the_certificates_of_the_server_alone(directory: Path, tmp_path: Path) -> None:
    ensure_pki(directory, hostnames=["kms.example.org"], now=NOW)
    before = contents(directory)

    assert cli.run(["client-cert", "bob", "--data-dir", str(directory.parent), "--out", str(tmp_path / "out")]) == 0

    assert contents(directory) == before


def test_client_cert_finds_the_pki_of_a_named_database(directory: Path, tmp_path: Path) -> None:
    beside = tmp_path / "keys.db.kmipd"
    beside.mkdir()
    ca = directory.rename(beside / "pki").joinpath("ca.crt").read_bytes()

    assert cli.run(["client-cert", "bob", "-d", str(tmp_path / "keys.db"), "--out", str(tmp_path / "out")]) == 0

    assert (tmp_path / "out" / "ca.crt").read_bytes() == ca


def test_two_that_start_at_once_make_one_pki(tmp_path: Path) -> None:
    """As `kmipd & kmipd client-cert NAME` do in a script."""
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(ensure_pki, tmp_path / "pki") for _ in range(3)]

    assert [future.exception() for future in made] == [None, None, None]
    before = contents(tmp_path / "pki")
    ensure_pki(tmp_path / "pki")
    assert contents(tmp_path / "pki") == before
    assert set(before) == FILES


def test_a_hostname_that_cannot_be_one_is_refused(directory: Path) -> None:
    with pytest.raises(PkiError, match="no host name"):
        ensure_pki(directory, hostnames=["a" * 64 + ".example"], now=NOW)


# issue_client


def test_a_client_bundle_works_and_its_key_is_private(directory: Path, tmp_path: Path) -> None:
    pki = ensure_pki(directory, now=NOW)

    bundle = issue_client(pki, "alice", tmp_path / "out", now=NOW)

    assert {file.name for file in (tmp_path / "out").iterdir()} == {"alice.crt", "alice.key", "ca.crt"}
    assert stat.S_IMODE(bundle.key.stat().st_mode) == 0o600
    assert certificate(bundle.certificate).not_valid_after_utc - NOW <= LEAF_LIFETIME
    server = pki.servers[1]
    assert shakes_hands(
        (server.certificate, server.key),
        (bundle.certificate, bundle.key),
        tmp_path / "out" / "ca.crt",
        "localhost",
    )


def test_a_key_in_use_is_not_overwritten(directory: Path, tmp_path: Path) -> None:
    pki = ensure_pki(directory, now=NOW)
    issue_client(pki, "alice", tmp_path, now=NOW)
    before = (tmp_path / "alice.key").read_bytes()

    with pytest.raises(PkiError, match=r"alice\.crt: exists"):
        issue_client(pki, "alice", tmp_path, now=NOW)

    assert (tmp_path / "alice.key").read_bytes() == before


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="fail empty"),
        pytest.param("a" * 65, id="fail too long"),
        pytest.param("ä" * 33, id="fail too long in UTF-8"),
        pytest.param("\udcff", id="fail no UTF-8"),
        pytest.param("a\nb", id="fail line feed"),
        pytest.param("a\0", id="fail NUL"),
        pytest.param("../a", id="fail path"),
        pytest.param("a/b", id="fail slash"),
        pytest.param("a\\b", id="fail backslash"),
        pytest.param(".a", id="fail hidden"),
        pytest.param(" a", id="fail space in front"),
        pytest.param("ca", id="fail the CA's own name"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(directory: Path, tmp_path: Path, name: str) -> None:
    pki = ensure_pki(directory, now=NOW)

    with pytest.raises(PkiError):
        issue_client(pki, name, tmp_path / "out", now=NOW)

    assert not (tmp_path / "out").exists()


def test_the_longest_name_is_carried(directory: Path, tmp_path: Path) -> None:
    assert issue_client(ensure_pki(directory, now=NOW), "ä" * 32, tmp_path / "out", now=NOW).certificate.exists()


def test_a_ca_for_tests_may_have_a_shorter_key(tmp_path: Path) -> None:
    pki = ensure_pki(tmp_path, ca_key_bits=2_048)

    assert x509.load_pem_x509_certificate(pki.ca.certificate.read_bytes()).public_key().key_size == 2_048
