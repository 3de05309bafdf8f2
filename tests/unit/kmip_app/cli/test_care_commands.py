"""The commands that take care of the store: what they leave behind, what they say, how they end."""

import functools
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.lock import directory_lock
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app import cli
from tests.server import ROOT

FIXTURE = ROOT / "tests" / "fixtures" / f"schema-{HISTORY.revision}"
OBJECTS = json.loads((FIXTURE / "objects.json").read_text())
OF_ARCHIVE = "correct horse battery staple"


def place(directory: Path) -> Path:
    """Return a data directory with the store of the fixture."""
    directory.mkdir(mode=0o700)
    for name in ("kmipd.sqlite", "root.key"):
        shutil.copyfile(FIXTURE / name, directory / name)
        (directory / name).chmod(0o600)
    return directory


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store; credentials are beside it; no configuration of this machine."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "archive").write_text(OF_ARCHIVE + "\n")
    (credentials / "wrong").write_text("wrong horse battery staple")
    (credentials / "short").write_text("short")
    (credentials / "root").write_text("a passphrase for the root key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    (tmp_path / "none.conf").write_text("[server]\n")
    monkeypatch.setenv("KMIPD_CONFIG_PATH", str(tmp_path / "none.conf"))
    return place(tmp_path / "data")


def run(data: Path, *arguments: str) -> int:
    return cli.run([*arguments, "--data-dir", str(data)])


def rows(path: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT unique_identifier, sealed FROM managed_objects ORDER BY 1").fetchall()
    finally:
        connection.close()


def give_away(data: Path, identifier: str, *, to: str) -> None:
    """Have another owner register an object of that identifier."""
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(data / "root.key"))
    store = SqlStorage(f"sqlite:///{data}/kmipd.sqlite", make_sealer)
    with store.unit_of_work() as work:
        found = work.find(identifier)
        assert found is not None
        work.remove(identifier)
        work.commit()
    with store.unit_of_work() as work:
        work.add(evolve(found, owner=to, version=0), None)
        work.commit()
    store.close()


def write(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def events(data: Path) -> str:
    """Return the trail, all chains of it, as text."""
    return "".join(path.read_text() for path in (data / "audit").glob("*.jsonl"))


# --- backup and restore ---------------------------------------------------------------------------------------------


def test_a_backup_is_restored_into_an_empty_directory(data: Path, tmp_path: Path) -> None:
    assert run(data, "backup", str(tmp_path / "copy")) == 0
    new = tmp_path / "new"
    new.mkdir()
    shutil.copyfile(data / "root.key", new / "root.key")

    assert run(new, "restore", str(tmp_path / "copy")) == 0

    assert rows(new / "kmipd.sqlite") == rows(data / "kmipd.sqlite")
    assert "Restored from a backup" in events(new)
    assert sorted(path.name for path in new.iterdir()) == ["audit", "kmipd.lock", "kmipd.sqlite", "root.key"]
    assert (new / "kmipd.sqlite").stat().st_mode & 0o777 == 0o600
    assert run(new, "verify") == 0


def test_an_existing_store_is_replaced_only_by_option_and_is_kept_aside(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data, "backup", str(tmp_path / "copy"))
    before = rows(tmp_path / "copy")
    write(data / "kmipd.sqlite", "UPDATE managed_objects SET owner = 'mallory'")

    assert run(data, "restore", str(tmp_path / "copy")) == 2
    assert "--replace" in capsys.readouterr().err
    assert run(data, "restore", "--replace", str(tmp_path / "copy")) == 0

    assert rows(data / "kmipd.sqlite") == before
    assert run(data, "verify") == 0
    connection = sqlite3.connect(data / "kmipd.sqlite.before-restore")
    assert connection.execute("SELECT DISTINCT owner FROM managed_objects").fetchall() == [("mallory",)]
    connection.close()
    assert run(data, "restore", "--replace", str(tmp_path / "copy")) == 2
    assert "earlier restore" in capsys.readouterr().err


def test_a_backup_without_its_root_key_is_not_restored(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data, "backup", str(tmp_path / "copy"))
    new = tmp_path / "new"

    assert run(new, "restore", str(tmp_path / "copy")) == 2

    assert "root key" in capsys.readouterr().err
    assert sorted(path.name for path in new.iterdir()) == ["kmipd.lock"]


def test_a_damaged_backup_is_not_restored(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(data, "backup", str(tmp_path / "copy"))
    write(tmp_path / "copy", "UPDATE managed_objects SET owner = 'mallory' WHERE unique_identifier = 'active'")
    before = rows(data / "kmipd.sqlite")

    assert run(data, "restore", "--replace", str(tmp_path / "copy")) == 1

    streams = capsys.readouterr()
    assert "active: the sealed content does not open" in streams.out
    assert "nothing was restored" in streams.err
    assert rows(data / "kmipd.sqlite") == before
    assert not list(data.glob("*.restored*"))


def test_a_store_in_use_is_not_replaced(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(data, "backup", str(tmp_path / "copy"))

    with directory_lock(data):
        assert run(data, "restore", "--replace", str(tmp_path / "copy")) == 2
        assert run(data, "import", str(tmp_path / "copy"), "--passphrase", "credential:archive") == 2
    assert "owned by another running server" in capsys.readouterr().err


# --- verify ---------------------------------------------------------------------------------------------------------


def test_verify_reports_what_is_damaged(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "verify") == 0
    assert capsys.readouterr().out == "everything opens\n"
    write(data / "kmipd.sqlite", "UPDATE managed_objects SET owner = 'mallory' WHERE unique_identifier = 'active'")
    write(data / "kmipd.sqlite", "DELETE FROM managed_objects WHERE unique_identifier = 'public'")

    assert run(data, "verify") == 1

    told = capsys.readouterr().out.splitlines()
    assert told[0] == "active: the sealed content does not open"
    assert "the store: the index has" in told[1]
    assert told[2:] == ["private: links to public, which is not here", "damaged"]
    assert events(data).count("Store verified") == 2


# --- rotation -------------------------------------------------------------------------------------------------------


def test_the_root_key_is_rotated_and_the_old_one_opens_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "rotate-root-key") == 0
    assert run(data, "verify") == 0
    assert not (data / "root.key.next").exists()

    shutil.copyfile(FIXTURE / "root.key", data / "root.key")
    assert run(data, "verify") == 2
    assert "sealed under root key" in capsys.readouterr().err
    assert "Root key rotated" in events(data)


def test_the_root_key_changes_over_to_a_passphrase_and_back(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_passphrase = ("--root-key-passphrase", "credential:root")

    assert run(data, "rotate-root-key", "--to-passphrase", "credential:root") == 0
    (data / "root.key").unlink()
    assert run(data, "verify") == 2
    assert run(data, "verify", "--root-key-passphrase", "credential:wrong") == 2
    assert "does not make root key" in capsys.readouterr().err
    assert run(data, "verify", *by_passphrase) == 0
    assert run(data, "rotate-root-key", *by_passphrase) == 2  # to which one?
    assert run(data, "rotate-root-key", "--to-key-file", *by_passphrase) == 0
    assert run(data, "verify") == 0


def test_the_data_key_is_rotated(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows(data / "kmipd.sqlite")

    assert run(data, "rotate-data-key") == 0

    assert capsys.readouterr().out == "6 objects sealed anew\n"
    assert not {sealed for _, sealed in before if sealed} & {sealed for _, sealed in rows(data / "kmipd.sqlite")}
    assert run(data, "verify") == 0


# --- archives -------------------------------------------------------------------------------------------------------


def test_an_archive_takes_everything_to_another_store(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, new = tmp_path / "archive", tmp_path / "new"
    by_passphrase = ("--passphrase", "credential:archive")

    assert run(data, "export", str(archive), *by_passphrase) == 0
    assert archive.stat().st_mode & 0o777 == 0o600
    assert all(bytes.fromhex(o["secret"]) not in archive.read_bytes() for o in OBJECTS.values() if o["secret"])
    assert run(new, "import", str(archive), *by_passphrase) == 0
    assert "taken: 8 (" in capsys.readouterr().out
    assert run(new, "verify") == 0
    assert run(new, "import", str(archive), *by_passphrase) == 0
    assert "taken: 0\nthere already: 8\n" in capsys.readouterr().out
    assert events(new).count("Imported from an archive") == 1
    assert [identifier for identifier, _ in rows(new / "kmipd.sqlite")] == sorted(OBJECTS)


def test_an_object_of_another_owner_is_not_replaced(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data, "export", str(tmp_path / "archive"), "--passphrase", "credential:archive")
    give_away(data, "elsewhere", to="bob")

    assert run(data, "import", str(tmp_path / "archive"), "--passphrase", "credential:archive") == 1

    assert "not taken: elsewhere: another object" in capsys.readouterr().out


def test_an_object_that_was_changed_in_the_database_does_not_stop_an_import(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data, "export", str(tmp_path / "archive"), "--passphrase", "credential:archive")
    write(data / "kmipd.sqlite", "UPDATE managed_objects SET owner = 'bob' WHERE unique_identifier = 'elsewhere'")

    assert run(data, "import", str(tmp_path / "archive"), "--passphrase", "credential:archive") == 1

    streams = capsys.readouterr().out
    assert "not taken: elsewhere: another object" in streams
    assert "there already: 7" in streams


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["backup", "{there}"], "exists; name a new file", id="backup over a file"),
        pytest.param(["export", "{there}", "--passphrase", "credential:archive"], "exists", id="export over a file"),
        pytest.param(["export", "{new}", "--passphrase", "credential:short"], "use 12 or more", id="short passphrase"),
        pytest.param(["export", "{new}", "--passphrase", "credential:no"], "cannot be read", id="no credential"),
        pytest.param(["export", "{new}", "--passphrase", "hunter2"], "no place of a secret", id="no place"),
        pytest.param(["restore", "{there}"], "cannot be opened: file is not a database", id="restore a text"),
        pytest.param(["restore", "{new}", "--replace"], "does not exist", id="restore nothing"),
        pytest.param(["import", "{there}", "--passphrase", "credential:archive"], "no archive", id="import a text"),
        pytest.param(["rotate-root-key", "--to-passphrase", "fd:x"], "write file:PATH", id="rotate to no place"),
        pytest.param(
            ["rotate-root-key", "--to-key-file", "--to-passphrase", "fd:3"], "exclude each other", id="rotate to both"
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], told: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").write_text("dear diary, " * 100)
    if arguments[0] == "restore" and "--replace" not in arguments:
        arguments = [*arguments, "--replace"]
    named = [word.format(there=tmp_path / "there", new=tmp_path / "fresh") for word in arguments]

    assert run(data, *named) == 2

    streams = capsys.readouterr()
    assert told in streams.err
    assert streams.err.count("\n") == 1
    assert "hunter2" not in streams.err
    assert not (tmp_path / "fresh").exists()
