"""Databases of older releases: upgraded in one transaction after a copy, or left as they were, whatever happens."""

import functools
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.records import canonical_value, encode_attributes
from kmip_adapters.storage.sql import sqlite_upgrade
from kmip_adapters.storage.sql.attribute_index import entries
from kmip_adapters.storage.sql.columns import DATE_COLUMNS, TRAIT_COLUMNS
from kmip_adapters.storage.sql.maintenance import verify
from kmip_adapters.storage.sql.migration import HISTORY, History
from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.testing.contracts.samples import SAMPLES, a_key, a_name, admitted, criterion, query
from kmip_core.attributes import FIELDS, MULTIPLE, Attributes
from kmip_core.enums import HashingAlgorithm, KeyFormatType, ObjectType, State, StorageStatusMask
from kmip_core.objects import KeyValue, ManagedObject
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.ports.sealing import DataKeys, StoreSealer
from kmip_core.structures import Digest
from tests.rounds import rounds
from tests.server import ROOT

NOW: Final = HISTORY.revision
FIXTURES: Final = ROOT / "tests" / "fixtures"
LATER: Final = History(
    revision="9000", release="0.3.0", folders=(*HISTORY.folders, str(Path(__file__).parent / "later_steps"))
)


def a_copy(of: Path, directory: Path) -> Path:
    """Return a database to work on, its root key beside it."""
    directory.mkdir(exist_ok=True)
    for name in ("kmipd.sqlite", "root.key"):
        shutil.copyfile(of / name, directory / name)
        (directory / name).chmod(0o600)
    return directory / "kmipd.sqlite"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return a_copy(FIXTURES / f"schema-{NOW}", tmp_path / "data")


def open_store(path: Path, **more: Any) -> SqlStorage:
    return SqlStorage(f"sqlite:///{path}", sealer_of(path), **more)


def sealer_of(path: Path) -> Callable[[DataKeys], StoreSealer]:
    return functools.partial(EnvelopeSealer, KeyFile(path.with_name("root.key")))


def revision(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()


def holds_all(path: Path, **more: Any) -> bool:
    """Whether a store has what the fixture was made of: records, states, secrets, index, outbox."""
    expected = json.loads((FIXTURES / "schema-0001" / "objects.json").read_text())
    store = open_store(path, **more)
    try:
        found = {name: _told(store, name) for name in expected}
        damages = verify(store, lambda done, in_all: None)
        pending = [record.record_id for record in store.pending_records()]
        return (found, damages, pending) == (expected, (), ["record-1"])
    finally:
        store.close()


def _told(store: SqlStorage, unique_identifier: str) -> dict[str, Any]:
    with store.unit_of_work() as work:
        found = work.find(unique_identifier)
        assert isinstance(found, ManagedObject)
        (name,) = found.attributes.names
        named = criterion("names", a_name(name.name_value))
        located = work.locate(query(named, storage_status_mask=StorageStatusMask(7))).unique_identifiers
        assert located == ((unique_identifier,) if found.owner == "alice" else ())
        secret = None
        if found.has_content:
            value = work.content(admitted(found)).key_block.key_value
            assert isinstance(value, KeyValue)
            assert isinstance(value.key_material, bytes)
            secret = value.key_material.hex()
        state = found.attributes.state
        return {"owner": found.owner, "state": state, "name": name.name_value, "secret": secret}


@pytest.mark.parametrize("fixture", sorted(FIXTURES.glob("schema-*")), ids=lambda path: path.name)
def test_a_database_of_every_released_schema_opens_and_gives_its_objects(fixture: Path, tmp_path: Path) -> None:
    assert holds_all(a_copy(fixture, tmp_path / "data"))


def test_an_upgraded_database_has_no_digest_of_a_secret_to_be_read(tmp_path: Path) -> None:
    """Schema 0002 has digests in clear: with a word list they are enough to find a password."""
    path = a_copy(FIXTURES / "schema-0002", tmp_path / "data")
    value = sha256(b"a password").digest()
    digest = Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=value, key_format_type=KeyFormatType.RAW)
    entry = int.from_bytes(blake2b(canonical_value(digest), digest_size=8).digest(), signed=True)
    with closing(sqlite3.connect(path)) as connection:
        (kept,) = connection.execute("SELECT attributes FROM managed_objects WHERE sequence = 1").fetchone()
        clear = b'{"hashing_algorithm":6,"digest_value":"%b","key_format_type":1}' % b64encode(value)
        kept = kept[:-1] + b',"digests":[%b]}' % clear
        connection.execute("UPDATE managed_objects SET attributes = ? WHERE sequence = 1", (kept,))
        connection.execute("INSERT INTO attribute_values VALUES (19, ?, 1)", (entry,))
        connection.commit()
    assert b64encode(value) in path.read_bytes()

    store = open_store(path)
    with store.unit_of_work() as work:
        found = work.find("pre-active")
        assert found is not None
        assert found.attributes.digests == (digest,)
        wanted = query(criterion("digests", digest), storage_status_mask=StorageStatusMask(7))
        assert work.locate(wanted).unique_identifiers == ("pre-active",)
    store.close()

    for one in (path, path.with_name(f"{path.name}-wal")):
        octets = one.read_bytes() if one.exists() else b""
        assert [form for form in (value, value.hex().encode(), b64encode(value)) if form in octets] == []
    with closing(sqlite3.connect(path)) as connection:
        entries = connection.execute("SELECT value FROM attribute_values WHERE attribute = 19").fetchall()
    assert len(entries) == 1
    assert entries != [(entry,)]


def test_every_released_schema_has_its_database() -> None:
    assert (FIXTURES / f"schema-{HISTORY.revision}").is_dir()
    assert State(json.loads((FIXTURES / "schema-0001" / "objects.json").read_text())["active"]["state"])


def test_an_upgrade_changes_everything_over_and_leaves_a_copy(old: Path) -> None:
    before = old.read_bytes()

    open_store(old, history=LATER).close()

    copy = old.with_name(f"kmipd.sqlite.schema-{NOW}")
    assert (revision(old), revision(copy)) == ("9000", NOW)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert before != old.read_bytes()
    connection = sqlite3.connect(old)
    assert connection.execute("SELECT DISTINCT shelf FROM managed_objects").fetchall() == [("top",)]
    connection.close()
    assert holds_all(old, history=LATER)
    assert sorted(path.name for path in old.parent.iterdir()) == ["kmipd.sqlite", copy.name, "root.key"]
    shutil.copyfile(copy, old)
    assert holds_all(old)


def test_a_copy_of_an_earlier_attempt_is_replaced(old: Path) -> None:
    copy = old.with_name(f"kmipd.sqlite.schema-{NOW}")
    copy.write_text("from an upgrade that was taken back")

    open_store(old, history=LATER).close()

    assert revision(copy) == NOW


def test_an_upgraded_database_is_refused_by_the_older_release_with_what_it_needs(old: Path) -> None:
    open_store(old, history=LATER).close()

    with pytest.raises(StorageUnusable, match=rf"schema 9000.*knows up to {NOW}.*needs kmipd 0\.3\.0"):
        open_store(old)
    assert revision(old) == "9000"


def test_without_room_for_the_copy_nothing_is_upgraded(old: Path) -> None:
    (old.parent / f"kmipd.sqlite.schema-{NOW}").mkdir()  # a place where no file can be written

    with pytest.raises(StorageUnusable, match="could not be copied"):
        open_store(old, history=LATER)
    assert revision(old) == NOW
    assert holds_all(old)


def test_a_command_that_may_run_beside_a_server_upgrades_nothing(old: Path) -> None:
    with pytest.raises(StorageUnusable, match="start the server of this release once"):
        open_store(old, history=LATER, may_upgrade=False)
    assert revision(old) == NOW


def test_of_several_starts_at_once_one_upgrades(old: Path) -> None:
    barrier = threading.Barrier(4)
    opened: list[SqlStorage] = []

    def start() -> None:
        barrier.wait(120)
        opened.append(open_store(old, history=LATER))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(opened) == 4
    for store in opened:
        store.close()
    assert holds_all(old, history=LATER)


_UPGRADE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from kmip_adapters.storage.sql import sqlite_upgrade
from kmip_adapters.storage.sql.sqlite import SqliteBackend
from kmip_adapters.storage.sql.sqlite_files import copy_database
from tests.rounds import rounds
from tests.unit.kmip_adapters.storage.sql import test_upgrade as suite

def upgrade(path, survived):
    backend = SqliteBackend(path)
    said = 0
    def say(*_):
        nonlocal said
        if said == survived:
            os.kill(os.getpid(), signal.SIGKILL)
        said += 1
    def connect():
        connection = backend.connect()
        connection.set_trace_callback(say)
        return connection
    def copy(revision):
        say()
        copy_database(path, path.with_name(f"{path.name}.schema-{revision}"))
        say()
    sqlite_upgrade.run(connect, copy, suite.LATER, suite.sealer_of(path))

import alembic.command  # once, not in every child
for survived in range(0, 1000, rounds(4, nightly=1)):
    path = suite.a_copy(suite.FIXTURES / f"schema-{sys.argv[2]}", Path(sys.argv[1]) / str(survived))
    child = os.fork()
    if child == 0:
        upgrade(path, survived)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(survived, status, flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


RELEASED: Final = tuple(path.name.removeprefix("schema-") for path in sorted(FIXTURES.glob("schema-*")))


@pytest.mark.long
@pytest.mark.parametrize(
    "schema", [pytest.param(one, marks=() if one <= "0002" else pytest.mark.nightly) for one in RELEASED]
)
def test_kill_at_any_statement_of_an_upgrade_leaves_old_or_new(tmp_path: Path, schema: str) -> None:
    """From each released schema in one start; 0002 is that of 0.1.0."""
    done = subprocess.run(
        [sys.executable, "-c", _UPGRADE_AND_DIE, str(tmp_path), schema],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    *killed, last = [line.split() for line in done.stdout.splitlines()]

    assert last[1] == "0", done.stderr
    assert len(killed) > (rounds(20, nightly=80) if schema == "0001" else 4)
    for number, _ in killed:
        path = tmp_path / number / "kmipd.sqlite"
        assert revision(path) == schema
    assert revision(tmp_path / last[0] / "kmipd.sqlite") == "9000"
    for number in (killed[0][0], killed[len(killed) // 2][0], killed[-1][0]):
        path = tmp_path / number / "kmipd.sqlite"
        open_store(path, history=LATER).close()
        assert holds_all(path, history=LATER)


def test_step_2_brings_every_trait_into_its_column(tmp_path: Path) -> None:
    path = tmp_path / "kmipd.sqlite"
    sqlite_upgrade.run(SqliteBackend(path).connect, pytest.fail, evolve(HISTORY, revision="0001"), None)
    everything = Attributes(**{name: SAMPLES[name] for name in FIELDS if name not in MULTIPLE})
    kept = [
        everything.but(unique_identifier="all", object_type=ObjectType.CERTIFICATE, operation_policy_name=None),
        Attributes(unique_identifier="none", object_type=ObjectType.SECRET_DATA, fresh=False, rotate_offset=0),
        a_key("usual").attributes,
    ]
    connection = sqlite3.connect(path)
    for sequence, attributes in enumerate(kept, 1):
        row = {
            "sequence": sequence, "unique_identifier": attributes.unique_identifier,
            "object_type": int(attributes.object_type or 0), "owner": "alice", "archived": 0, "has_content": 0,
            "version": 1, "attributes": encode_attributes(attributes),
            "policy": attributes.operation_policy_name or DEFAULT_POLICY,
            "state": int(attributes.state or 0), **{name: getattr(attributes, name) for name in DATE_COLUMNS},
        }  # fmt: skip
        names, places = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO managed_objects ({names}) VALUES ({places})", list(row.values()))
        index = [(*entry, sequence) for entry in entries(attributes, b"")]
        index += [(code, 1, sequence) for code in (1, 4, 5, 6, 21, 36, 66)]  # as they were
        connection.executemany("INSERT INTO attribute_values VALUES (?, ?, ?)", index)
    connection.commit()
    connection.close()

    store = open_store(path)

    assert verify(store, lambda done, in_all: None) == ()
    with store.unit_of_work() as work:
        found = [work.find(name) for name in ("all", "none", "usual")]
        assert [each.attributes for each in found if each is not None] == kept
        for name in TRAIT_COLUMNS:
            located = work.locate(query(criterion(name, SAMPLES[name]), storage_status_mask=StorageStatusMask(7)))
            assert "all" in located.unique_identifiers
    store.close()
