"""Secrets come from files that others cannot read, from credentials and from descriptors; no text repeats them."""

import os
from pathlib import Path
from typing import Any

import pytest

from kmip_app.configuration.loading import SECRET_FILES, ConfigurationError, choose
from kmip_app.configuration.secret_places import SECRET, SECRET_URL
from kmip_app.configuration.settings import SETTINGS

SECRETS = [setting.name for setting in SECRET_FILES.values()]
WORDS = b"correct horse battery"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(WORDS + b"\n")
    path.chmod(0o600)
    return path


def test_a_file_is_read_without_its_line_end(secret: Path) -> None:
    assert SECRET.read(f"file:{secret}").read() == WORDS


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o602], ids=oct)
def test_a_file_that_others_may_read_is_refused(secret: Path, mode: int) -> None:
    secret.chmod(mode)

    with pytest.raises(ValueError, match="chmod 600") as refusal:
        SECRET.read(f"file:{secret}").read()
    assert WORDS.decode() not in str(refusal.value)


def test_a_credential_is_read_from_the_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root").write_bytes(WORDS)
    with pytest.raises(ValueError, match=r"there is no \$CREDENTIALS_DIRECTORY"):
        SECRET.read("credential:root").read()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert SECRET.read("credential:root").read() == WORDS
    with pytest.raises(ValueError, match="the credential other cannot be read"):
        SECRET.read("credential:other").read()


def test_a_descriptor_gives_it_as_often_as_it_is_asked() -> None:
    reading, writing = os.pipe()
    os.write(writing, WORDS + b"\r\n")
    os.close(writing)

    place = SECRET.read(f"fd:{reading}")
    assert (place.read(), place.read()) == (WORDS, WORDS)


@pytest.mark.parametrize("kind", [SECRET, SECRET_URL])
def test_a_value_that_is_no_place_of_a_secret_is_not_repeated(kind: Any) -> None:
    with pytest.raises(ValueError) as refusal:
        kind.read("hunter2")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_be_given_as_a_file_by_file_and_environment(name: str, tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_text("postgresql+psycopg://kmipd@db/kmipd" if name == "database" else "some words that are long")
    path.chmod(0o600)
    config = tmp_path / "kmipd.conf"
    config.write_text(f"[server]\ndata_dir = {tmp_path}\n{name}_file = {path}\n")
    from_file = choose({}, config_path=config, environment={}).configuration
    config.write_text(f"[server]\ndata_dir = {tmp_path}\n")
    from_environment = choose(
        {}, config_path=config, environment={f"KMIPD_{name.upper()}_FILE": str(path)}
    ).configuration

    setting = SETTINGS[name]
    assert setting.value_in(from_file) == setting.value_in(from_environment) is not None


def test_a_value_and_its_file_exclude_each_other(tmp_path: Path, secret: Path) -> None:
    given = {"KMIPD_DATABASE": "sqlite:////x", "KMIPD_DATABASE_FILE": str(secret)}

    with pytest.raises(ConfigurationError, match="database and database_file are both given"):
        choose({"data_dir": tmp_path}, config_path=None, environment=given)


def test_the_password_of_the_database_is_read_anew_each_time_and_not_shown(tmp_path: Path, secret: Path) -> None:
    secret.write_text("p@ss/word\n")
    configuration = choose(
        {"data_dir": tmp_path, "database": "postgresql+psycopg://kmipd@db:5432/kmipd"},
        config_path=None,
        environment={"KMIPD_DATABASE_PASSWORD": f"file:{secret}"},
    ).configuration

    read = configuration.read_database_password
    assert read is not None
    assert read() == "p@ss/word"
    secret.write_text("another\n")
    assert read() == "another"
    assert configuration.database == "postgresql+psycopg://kmipd@db:5432/kmipd"
    assert "p@ss" not in repr(configuration)


def test_folders_of_the_service_manager_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "LOGS", "CONFIGURATION"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"{name}_DIRECTORY", f"{tmp_path / name}:/another")
    (tmp_path / "CONFIGURATION" / "kmipd.conf").write_text("[server]\nport = 7777\n")

    configuration = choose({}, environment={}).configuration

    assert configuration.port == 7777
    assert configuration.data_directory == tmp_path / "STATE"
    assert configuration.log_path == tmp_path / "LOGS" / "kmipd.log"
