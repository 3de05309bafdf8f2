"""Files that do not fit stop the start with one sentence each (R-CFG-1); risks are warnings (RULINGS 21)."""

import datetime as dt
import tempfile
from pathlib import Path

import pytest
from attrs import evolve

from kmip_app import checks
from kmip_app.choosing import ConfigurationError
from kmip_app.config import Configuration
from kmip_app.pki import Pki, ensure_pki


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def good(pki: Pki) -> Configuration:
    return Configuration(
        data_directory=Path("/var/lib/kmipd"),
        certificate_path=pki.servers[0].certificate,
        key_path=pki.servers[0].key,
        ca_path=pki.ca.certificate,
    )


def told(configuration: Configuration, now: dt.datetime | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        checks.refuse(configuration, now=now)
    return str(caught.value)


def test_what_fits_is_not_refused(good: Configuration) -> None:
    checks.refuse(good)

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

    checks.refuse(evolve(good, certificate_path=both, key_path=None))


def test_a_private_key_that_others_may_read_is_a_warning(good: Configuration, pki: Pki, tmp_path: Path) -> None:
    key = tmp_path / "server.key"
    key.write_bytes(pki.servers[0].key.read_bytes())
    key.chmod(0o644)

    assert list(checks.warnings(evolve(good, key_path=key))) == [
        f"{key} holds a private key and others may read it; chmod 600 it"
    ]


def test_keys_in_the_temporary_directory_are_a_warning(good: Configuration, tmp_path: Path) -> None:
    database = Path(tempfile.gettempdir()) / "pykmip.database"

    (warning,) = checks.warnings(evolve(good, database_path=database))

    assert f"{database} is in the temporary directory" in warning
