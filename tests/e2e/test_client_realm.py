"""Two CAs give one name to two clients of a real server: whose objects are whose, before and after changes of CAs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from attrs import frozen
from kmip.core import enums
from kmip.pie.client import ProxyKmipClient
from kmip.pie.exceptions import KmipOperationFailure

from kmip_app import KmipServer
from kmip_app.configuration.config import StartError
from kmip_app.pki.authority import Pki, ensure_pki


@frozen
class Ca:
    """A CA beside the server's, with its folder for certificates of clients."""

    authority: trustme.CA
    folder: Path

    @property
    def subject(self) -> str:
        return f"OU={self.folder.name},O=Example"

    @property
    def pem(self) -> bytes:
        return self.authority.cert_pem.bytes()

    def client(self, name: str) -> tuple[Path, Path]:
        """Return certificate, with the chain, and key of a client of a common name."""
        issued = self.authority.issue_cert(common_name=name)
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key


def a_ca(tmp_path: Path, name: str) -> Ca:
    folder = tmp_path / name
    folder.mkdir()
    return Ca(trustme.CA(organization_name="Example", organization_unit_name=name), folder)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return ensure_pki(tmp_path_factory.mktemp("pki"))


@contextmanager
def served(pki: Pki, directory: Path, *trusted: bytes, **settings: Any) -> Iterator[KmipServer]:
    path = directory / "trusted.pem"
    path.write_bytes(b"".join(trusted))
    with KmipServer(
        port=0,
        certificate_path=pki.servers[0].certificate,
        key_path=pki.servers[0].key,
        ca_path=path,
        config_path=None,
        log_path=None,
        data_dir=str(directory / "data"),
        **settings,
    ) as server:
        yield server


@contextmanager
def client(server: KmipServer, pki: Pki, files: tuple[Path, Path]) -> Iterator[ProxyKmipClient]:
    with ProxyKmipClient(
        hostname="127.0.0.1",
        port=server.port,
        cert=str(files[0]),
        key=str(files[1]),
        ca=str(pki.ca.certificate),
        config_file="/dev/null",
    ) as connected:
        yield connected


def create(server: KmipServer, pki: Pki, files: tuple[Path, Path]) -> str:
    with client(server, pki, files) as connected:
        identifier: str = connected.create(enums.CryptographicAlgorithm.AES, 128)
        return identifier


def may_get(server: KmipServer, pki: Pki, files: tuple[Path, Path], identifier: str) -> bool:
    with client(server, pki, files) as connected:
        try:
            return len(connected.get(identifier).value) == 16
        except KmipOperationFailure as error:
            if error.reason is not enums.ResultReason.ITEM_NOT_FOUND:
                raise
            return False


def test_one_name_of_two_cas_is_two_clients(pki: Pki, tmp_path: Path) -> None:
    ours, theirs = a_ca(tmp_path, "ours"), a_ca(tmp_path, "theirs")
    alice, other = ours.client("alice"), theirs.client("alice")

    with served(pki, tmp_path, ours.pem) as server:
        key = create(server, pki, alice)
    with served(pki, tmp_path, ours.pem, theirs.pem) as server:
        assert may_get(server, pki, alice, key)
        assert not may_get(server, pki, other, key)
        of_other = create(server, pki, other)
        assert not may_get(server, pki, alice, of_other)
    with served(pki, tmp_path, theirs.pem) as server:  # the last CA takes nobody's place
        assert may_get(server, pki, other, of_other)
        assert not may_get(server, pki, other, key)


def test_a_ca_that_comes_while_the_server_runs_vouches_for_other_clients(pki: Pki, tmp_path: Path) -> None:
    ours, theirs = a_ca(tmp_path, "ours"), a_ca(tmp_path, "theirs")

    with served(pki, tmp_path, ours.pem) as server:
        key = create(server, pki, ours.client("alice"))
        (tmp_path / "trusted.pem").write_bytes(ours.pem + theirs.pem)
        server.server.reload()
        assert not may_get(server, pki, theirs.client("alice"), key)
        assert may_get(server, pki, ours.client("alice"), key)


def test_the_only_ca_that_replaces_another_names_the_same_clients(pki: Pki, tmp_path: Path) -> None:
    ours, newer = a_ca(tmp_path, "ours"), a_ca(tmp_path, "newer")

    with served(pki, tmp_path, ours.pem) as server:
        key = create(server, pki, ours.client("alice"))
    with served(pki, tmp_path, newer.pem) as server:
        assert may_get(server, pki, newer.client("alice"), key)


@pytest.mark.parametrize("realm", ["all", "OU=theirs,O=Example;OU=ours,O=Example"])
def test_cas_are_one_realm_where_the_operator_says_so(pki: Pki, tmp_path: Path, realm: str) -> None:
    ours, theirs = a_ca(tmp_path, "ours"), a_ca(tmp_path, "theirs")
    trusted = ours.pem, theirs.pem

    with served(pki, tmp_path, *trusted) as server:
        key = create(server, pki, ours.client("alice"))
        assert not may_get(server, pki, theirs.client("alice"), key)
    with served(pki, tmp_path, *trusted, identity_realm=realm) as server:
        assert may_get(server, pki, theirs.client("alice"), key)
    with served(pki, tmp_path, *trusted) as server:  # it is recorded
        assert may_get(server, pki, theirs.client("alice"), key)


def test_issuing_cas_of_one_root_name_the_same_clients(pki: Pki, tmp_path: Path) -> None:
    root = a_ca(tmp_path, "root")
    (tmp_path / "issuing").mkdir()
    issuing = Ca(root.authority.create_child_ca(), tmp_path / "issuing")

    with served(pki, tmp_path, root.pem) as server:
        key = create(server, pki, root.client("alice"))
        assert may_get(server, pki, issuing.client("alice"), key)
    with served(pki, tmp_path, issuing.pem, root.pem) as server:
        assert may_get(server, pki, issuing.client("alice"), key)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET value = replace(value, 'OU=ours', 'OU=theirs') WHERE name = 'client_realm'",
        "DELETE FROM facts WHERE name = 'client_realm'",
    ],
    ids=["changed", "deleted"],
)
def test_who_writes_the_database_does_not_choose_the_realm(pki: Pki, tmp_path: Path, change: str) -> None:
    ours, theirs = a_ca(tmp_path, "ours"), a_ca(tmp_path, "theirs")
    trusted = ours.pem, theirs.pem
    with served(pki, tmp_path, *trusted) as server:
        key = create(server, pki, ours.client("alice"))
        database = server.server.configuration.sqlite_path
    assert database is not None
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(change).rowcount == 1

    with pytest.raises(StartError, match="identity_realm"), served(pki, tmp_path, *trusted):
        pytest.fail("the server has started")
    with served(pki, tmp_path, *trusted, identity_realm=ours.subject) as server:  # the way out
        assert may_get(server, pki, ours.client("alice"), key)
    with served(pki, tmp_path, *trusted) as server:
        assert not may_get(server, pki, theirs.client("alice"), key)
