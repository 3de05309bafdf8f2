"""Files that do not fit stop the start with one sentence each (R-CFG-1); risks are warnings (RULINGS 21)."""

import datetime as dt
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kmip_app.configuration import checks
from kmip_app.configuration.addresses import Address
from kmip_app.configuration.config import Configuration, Slugs
from kmip_app.pki.authority import Pki, ensure_pki
from tests.pykmip_databases import make_database, one_of_each


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def good(pki: Pki) -> Configuration:
    return Configuration(
        data_directory=Path("/var/tmp/kmipd"),
        certificate_path=pki.servers[0].certificate,
        key_path=pki.servers[0].key,
        ca_path=pki.ca.certificate,
    )


def told(configuration: Configuration, now: dt.datetime | None = None) -> str:
    return "\n".join(str(problem) for problem in checks.problems(configuration, now=now))


def test_a_configuration_that_fits_is_not_refused(good: Configuration) -> None:
    assert told(good) == ""
    assert list(checks.warnings(good)) == []


def test_an_expired_certificate_of_our_own_is_refused(good: Configuration) -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=2_000)

    assert f"{good.certificate_path} expired on " in told(good, later)


def test_a_key_of_another_certificate_is_refused(good: Configuration, pki: Pki) -> None:
    assert "is not the private key of" in told(evolve(good, key_path=pki.servers[1].key))


def test_files_without_what_they_should_hold_are_refused_together(good: Configuration, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()

    text = told(evolve(good, certificate_path=empty, ca_path=empty))

    assert f"certificate_path: {empty} holds no certificate in PEM" in text
    assert f"ca_path: {empty} holds no certificate in PEM" in text


def test_a_certificate_without_key_is_refused(good: Configuration) -> None:
    assert "holds no private key in PEM" in told(evolve(good, key_path=None))


def test_one_file_may_hold_certificate_and_key(good: Configuration, pki: Pki, tmp_path: Path) -> None:
    both = tmp_path / "server.pem"
    both.write_bytes(pki.servers[0].key.read_bytes() + pki.servers[0].certificate.read_bytes())

    assert told(evolve(good, certificate_path=both, key_path=None)) == ""


def test_a_private_key_that_others_may_read_is_a_warning(good: Configuration, pki: Pki, tmp_path: Path) -> None:
    key = tmp_path / "server.key"
    key.write_bytes(pki.servers[0].key.read_bytes())
    key.chmod(0o644)

    assert list(checks.warnings(evolve(good, key_path=key))) == [
        f"{key} holds a private key and others may read it; chmod 600 it"
    ]


def test_keys_of_the_built_in_pki_that_others_may_read_are_warnings(pki: Pki, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(pki.directory, data / "pki")
    (data / "pki" / "ca.key").chmod(0o640)
    (data / "pki" / "client.key").chmod(0o604)
    passwords = tmp_path / "passwords"
    passwords.touch()
    passwords.chmod(0o644)  # whatever the umask

    found = checks.warnings(Configuration(data_directory=data, database="sqlite:////x", passwords_path=passwords))

    assert list(found) == [
        f"{data / 'pki' / 'ca.key'} holds a private key and others may read it; chmod 600 it",
        f"{data / 'pki' / 'client.key'} holds a private key and others may read it; chmod 600 it",
        f"{passwords} holds hashes of passwords and others may read it; chmod 600 it",
    ]


def test_keys_in_the_temporary_directory_are_a_warning(good: Configuration, tmp_path: Path) -> None:
    database = Path(tempfile.gettempdir()) / "pykmip.database"

    (warning,) = checks.warnings(evolve(good, database_path=database))

    assert f"{database} is in the temporary directory" in warning


def test_a_file_without_a_key_is_no_private_key_that_others_may_read(good: Configuration, tmp_path: Path) -> None:
    assert list(checks.warnings(evolve(good, key_path=None))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"crl_path": "text"}, "crl_path: {text} holds no revocation list in PEM; name the client CA's", id="crl"
        ),
        pytest.param(
            {"log_path": "text/server.log"},
            "log_path: {text} is a file; choose another folder for server.log",
            id="log below a file",
        ),
        pytest.param(
            {"log_path": "text/logs/server.log"},
            "log_path: {text}/logs cannot be made, for {text} is a file; choose another folder for server.log",
            id="log far below a file",
        ),
        pytest.param({"log_path": "."}, "log_path: {folder} is a folder; name a file in it", id="log is a folder"),
        pytest.param(
            {"data_directory": "text/data"},
            "data_dir: {text}/data cannot be made, for {text} is a file; choose another place",
            id="data below a file",
        ),
        pytest.param(
            {"database_path": "text"}, "database_path: {text} is no database of SQLite; name a new file", id="database"
        ),
        pytest.param(
            {"database": "mysql://u:secret@h/x"},
            "database: databases of kind mysql are not supported; write sqlite:////path/of/a/file"
            " or postgresql+psycopg://user@host/database",
            id="kind of database",
        ),
        pytest.param(
            {"database": "postgresql+asyncpg://u:secret@h/x"},
            "database: postgresql+asyncpg: write postgresql+psycopg://user@host/database",
            id="driver of a database server",
        ),
        pytest.param({"database": "postgresql+psycopg://u:secret@h,i:5433/x?sslmode=require"}, "", id="ok two hosts"),
        pytest.param(
            {"database": "sqlite:////no/such/x.sqlite"},
            "database: the folder /no/such does not exist; create it first",
            id="folder of a database",
        ),
        pytest.param(
            {"database": "sqlite://"}, "database: names no file; write sqlite:////path/of/a/file", id="no file"
        ),
    ],
)
def test_the_check_reports_what_would_stop_the_start(
    good: Configuration, tmp_path: Path, changes: dict[str, str], expected: str
) -> None:
    (tmp_path / "text").write_text("This is a file of text.")
    paths: dict[str, Any] = {name: value if name == "database" else tmp_path / value for name, value in changes.items()}

    assert told(evolve(good, **paths)) == expected.format(text=tmp_path / "text", folder=tmp_path)


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///{}?timeout=3"])
def test_a_database_of_pykmip_is_refused_by_any_name(good: Configuration, tmp_path: Path, url: str) -> None:
    path = make_database(tmp_path / "pykmip.database", one_of_each()[:1])

    text = told(evolve(good, database=url.format(path)))

    assert f"database: {path} is a database of PyKMIP" in text
    assert f"kmipd import-pykmip {path}" in text


def test_pykmips_own_place_is_pointed_at_before_the_first_start(
    good: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    database = make_database(tmp_path / "pykmip.database", one_of_each()[:1])

    assert list(checks.warnings(good)) == [
        f"{database} is a database of PyKMIP; kmipd import-pykmip {database} takes its objects over"
    ]


needs_modes = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


@needs_modes
def test_a_database_of_another_user_is_reported_before(good: Configuration, tmp_path: Path) -> None:
    database = tmp_path / "kmipd.sqlite"
    database.write_bytes(b"SQLite format 3\0")
    database.chmod(0o400)

    problem = told(evolve(good, data_directory=tmp_path))

    assert problem == f"database_path: {database} cannot be read and written; let this user do both"


@needs_modes
def test_a_pipe_takes_the_log_in_a_folder_of_another_user(good: Configuration, tmp_path: Path) -> None:
    pipe = tmp_path / "closed" / "stdout"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    pipe.parent.chmod(0o500)

    assert told(evolve(good, log_path=pipe)) == ""


def test_loose_modes_of_every_file_are_warned_of(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "audit").mkdir(parents=True, mode=0o700)
    data.chmod(0o700)
    loose = [data / "kmipd.sqlite", data / "audit" / "main.jsonl", data / "pki"]
    for path in loose[:2]:
        path.touch(mode=0o600)
    loose[2].mkdir(mode=0o700)
    policies = tmp_path / "policies"
    policies.mkdir(mode=0o755)
    named: dict[str, Any] = {f"{name}_path": tmp_path / name for name in ("groups", "identities", "quotas")}
    for path in (policies / "one.json", *named.values()):
        path.touch(mode=0o644)
    configuration = Configuration(data_directory=data, policy_path=policies, **named)
    before = list(checks.warnings(configuration))
    assert not [text for text in before if "chmod" in text]

    for path in (data, *loose):
        path.chmod(0o777 if path.is_dir() else 0o666)
    open_to_all = (policies / "one.json", *named.values())
    for path in open_to_all:
        path.chmod(0o666)
    told = [text for text in checks.warnings(configuration) if "chmod" in text]

    for path in (data, *loose, *open_to_all):
        assert len([text for text in told if text.startswith(f"{path} ")]) == 1, path


def test_groups_in_the_clear_and_an_open_admin_listener_are_warned_of(tmp_path: Path) -> None:
    configuration = Configuration(
        data_directory=tmp_path,
        slugs=(Slugs(url="http://groups.example/slugs"), Slugs(url="http://127.0.0.1:8080/slugs")),
        admin_address=Address("0.0.0.0", 9696),
    )

    told = list(checks.warnings(configuration))

    assert len([text for text in told if "in the clear" in text]) == 1
    assert len([text for text in told if "admin_address 0.0.0.0:9696" in text]) == 1


@pytest.mark.parametrize("name", ["token_groups", "token_policies"])
def test_groups_and_policies_for_a_token_that_is_not_there_are_a_warning(good: Configuration, name: str) -> None:
    chosen: dict[str, Any] = {name: frozenset({"payments"})}
    grouped = evolve(good, core=evolve(good.core, **chosen))

    (warning,) = checks.warnings(grouped)

    assert warning.startswith(f"{name} has no effect")
    assert list(checks.warnings(evolve(grouped, crypto="hsm_stub"))) == []


def _authority(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begun).not_valid_after(begun + dt.timedelta(days=999))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("names", "has_table", "warned"),
    [
        (["one"], False, False),
        (["one", "one"], False, False),
        (["one", "two"], False, True),
        (["one", "two"], True, False),
    ],
    ids=["ok one authority", "ok one that was renewed", "fail two", "ok two that a table tells apart"],
)
def test_authorities_that_can_give_one_name_twice_are_warned_of(
    tmp_path: Path, names: list[str], has_table: bool, warned: bool
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(b"".join(map(_authority, names)))
    table = tmp_path / "identities.json" if has_table else None
    configuration = Configuration(data_directory=tmp_path, ca_path=path, identities_path=table, identity_realm=("all",))

    assert any("the same name to different clients" in text for text in checks.warnings(configuration)) == warned


@pytest.mark.parametrize("realm", [("recorded",), ("none",), ("CN=One",)])
def test_authorities_that_are_told_apart_are_not_warned_of(tmp_path: Path, realm: tuple[str, ...]) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(b"".join(map(_authority, ["One", "Two"])))
    configuration = Configuration(data_directory=tmp_path, ca_path=path, identity_realm=realm)

    assert not any("the same name" in text for text in checks.warnings(configuration))


@pytest.mark.parametrize("is_judged", [True, False])
def test_clients_with_any_certificate_are_warned_of(tmp_path: Path, is_judged: bool) -> None:
    configuration = Configuration(data_directory=tmp_path, enable_tls_client_auth=is_judged)

    found = [text for text in checks.warnings(configuration) if text.startswith("enable_tls_client_auth is false")]

    assert len(found) == (0 if is_judged else 1)
