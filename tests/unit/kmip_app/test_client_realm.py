"""What clients are called by the CAs that vouch for them, by the setting, and by what the store has recorded."""

import functools
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from kmip_adapters.identity.certificate import CertificateIdentity
from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.memory import MemoryStorage
from kmip_adapters.storage.sql.client_realm import REALM, settle_realm
from kmip_adapters.storage.sql.maintenance import rotate_data_key, verify
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_app.client_realm import ClientRealm, RealmStore, UnusableRealm
from kmip_app.configuration.config import Configuration
from kmip_app.testing.contracts.samples import a_key, content
from tests.unit.kmip_adapters.identity.authorities import an_authority

HANG: Final = 120.0  # seconds


def silent(done: int, in_all: int | None) -> None:
    """Show no progress."""


class Clients:
    """A realm over a store and a file of CAs, and what clients are called by it."""

    def __init__(self, folder: Path, store: RealmStore, *trusted: str, **settings: object) -> None:
        self.path = folder / "trusted.pem"
        self.trust(*trusted)
        configuration = Configuration(data_directory=folder, **settings)  # type: ignore[arg-type]
        self.identify = CertificateIdentity(source=configuration.identity_source, require_client_auth_eku=False)
        self.realm = ClientRealm(configuration, store, self.identify, lambda: self.path)

    def trust(self, *names: str) -> None:
        self.path.write_bytes(b"".join(an_authority(name).public_bytes(Encoding.PEM) for name in names))

    def settled(self) -> "Clients":
        self.realm.settle()
        return self

    def called(self, name: str, by: str) -> str:
        certificate = an_authority(name, by=by, is_ca=False).public_bytes(Encoding.DER)
        return self.identify(certificate, "", (certificate, an_authority(by).public_bytes(Encoding.DER))).name


def a_store(folder: Path) -> SqlStorage:
    return SqlStorage(f"sqlite:///{folder}/kmipd.db", functools.partial(EnvelopeSealer, KeyFile(folder / "root.key")))


def test_where_one_ca_vouches_names_stand_alone(tmp_path: Path) -> None:
    clients = Clients(tmp_path, MemoryStorage(), "Ours").settled()

    assert clients.called("alice", "Ours") == "alice"


def test_objects_of_a_store_from_before_stay_with_clients_of_all_its_cas(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStorage()
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.commit()

    clients = Clients(tmp_path, store, "One", "Two").settled()

    assert clients.called("alice", "One") == clients.called("alice", "Two") == "alice"
    assert "CN=One and CN=Two can give one name to different clients" in caplog.text
    clients.trust("One", "Two", "Three")
    assert clients.settled().called("alice", "Three") == "alice <cn; CN=Three>"


def test_of_none_every_client_is_called_with_its_ca(tmp_path: Path) -> None:
    clients = Clients(tmp_path, MemoryStorage(), "Ours", identity_realm=("none",)).settled()

    assert clients.called("alice", "Ours") == "alice <cn; CN=Ours>"


def test_a_line_names_the_cas_whose_clients_are_called_otherwise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Clients(tmp_path, MemoryStorage(), "Ours", "Theirs").settled().settled()

    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [
        line for line in lines if line.startswith("clients of CN=Theirs are called NAME <KIND; CN=Theirs>")
    ] == lines
    assert len(lines) == 1


def test_what_clients_are_called_changes_once(tmp_path: Path) -> None:
    clients = Clients(tmp_path, MemoryStorage(), "Ours")

    assert [clients.realm.settle(), clients.realm.settle()] == [True, False]
    clients.trust("Ours", "Theirs")
    assert clients.realm.settle()


def test_a_file_without_cas_changes_nothing_that_is_recorded(tmp_path: Path) -> None:
    clients = Clients(tmp_path, MemoryStorage(), "Ours").settled()

    clients.path.unlink()
    clients.realm.settle()

    assert clients.called("alice", "Ours") == "alice"


def test_a_certificate_that_cannot_be_read_takes_nothing_from_the_others(tmp_path: Path) -> None:
    clients = Clients(tmp_path, MemoryStorage(), "Ours")
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    clients.path.write_text(broken + clients.path.read_text())

    assert clients.settled().called("alice", "Ours") == "alice"


def test_a_realm_outlives_starts_and_rotations_of_keys(tmp_path: Path) -> None:
    with_two = ("Ours", "Theirs")
    store = a_store(tmp_path)
    Clients(tmp_path, store, *with_two).settled()
    rotate_data_key(store, silent)
    store.close()

    again = a_store(tmp_path)
    clients = Clients(tmp_path, again, "Theirs").settled()
    assert clients.called("alice", "Theirs") == "alice <cn; CN=Theirs>"
    assert not list(verify(again, silent))
    again.close()


def test_a_record_that_was_changed_is_named_and_stops_the_start(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    clients = Clients(tmp_path, store, "Ours").settled()
    store.set_fact(REALM, None)

    assert "the record of the CAs" in "".join(damage.what for damage in verify(store, silent))
    with pytest.raises(UnusableRealm):
        clients.realm.settle()
    clients.realm.separate()
    assert clients.called("alice", "Ours") == "alice <cn; CN=Ours>"
    store.close()


def test_while_the_root_key_is_away_the_record_is_read_without_proof(tmp_path: Path) -> None:
    recorded = a_store(tmp_path)
    Clients(tmp_path, recorded, "Ours", "Theirs").settled()
    text = recorded.settle_realm(lambda before, _: before or "")

    waiting = SimpleNamespace(sealer=SimpleNamespace(is_open=False), settle_realm=lambda decide, anew: text)
    clients = Clients(tmp_path, waiting, "Ours", "Theirs").settled()
    assert not clients.realm.is_proven
    assert (clients.called("alice", "Ours"), clients.called("bob", "Theirs")) == ("alice", "bob <cn; CN=Theirs>")
    waiting.settle_realm = lambda decide, anew: None  # a store of an older release that waits
    assert clients.settled().called("bob", "Theirs") == "bob"
    recorded.close()


def test_a_store_that_was_made_without_a_record_is_settled_by_the_next_start(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    with store.unit_of_work() as work:
        work.add(a_key("k1"), content())
        work.commit()
    store.close()

    again = a_store(tmp_path)  # whose sealer has no uses of its data key left, and has the store count more
    with ThreadPoolExecutor(1) as pool:
        settled = pool.submit(lambda: Clients(tmp_path, again, "Ours", "Theirs").settled()).result(HANG)
    assert settled.called("alice", "Ours") == "alice"
    again.close()


def test_a_key_that_is_sealed_anew_meanwhile_is_read_again(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    key = store.open_index_key()
    tasks = []

    def submit(task: Any) -> Any:
        tasks.append(task)
        if len(tasks) == 1:
            rotate_data_key(store, silent)
        return store.submit(task)

    statements = store.database.statements
    text = settle_realm(
        store.database.read, submit, statements=statements, sealer=store.sealer, decide=lambda *_: "new", anew=False
    )
    assert (text, len(tasks), store.realm_holds(), store.open_index_key()) == ("new", 2, True, key)
    store.close()
