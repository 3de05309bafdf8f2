"""`kmipd migrate-from`: one server's objects in another's store, and a report of those that stay behind."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kmip_app.client import KmipClient
from kmip_app.maintenance import migration
from kmip_app.testing import KmipTestServer
from kmip_core.attributes import Attributes
from kmip_core.enums import ItemType, State
from kmip_core.objects import OpaqueObject, SecretData
from kmip_core.structures import CustomAttribute, TypedValue
from tests.unit.kmip_app.cli.conftest import Shell, options_of

VERSIONS = ["1.0", "1.4", "2.1"]


def client_of(server: KmipTestServer, version: str | None = None) -> KmipClient:
    return KmipClient(server.host, server.port, server.cert, server.key, server.ca, version=version)


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_moved_as_they_are(
    shell: Callable[..., Shell], server: KmipTestServer, tmp_path: Path, version: str
) -> None:
    custom = CustomAttribute(
        vendor_identification="x", attribute_name="Site", attribute_value=TypedValue(ItemType.TEXT_STRING, "north")
    )
    with client_of(server) as client:
        key = client.create(
            "AES", 256, name="disk", attributes=Attributes(custom_attributes=(custom,))
        ).unique_identifier
        client.activate(key)
        secret = client.register(SecretData(b"hunter2"), name="password").unique_identifier
        opaque = client.register(OpaqueObject(b"anything")).unique_identifier
        pair = client.create_key_pair("RSA", 2048, name="signer")
        client.activate(secret)
        client.revoke(secret, "superseded")
        before = {one: client.get(one).managed_object for one in (key, secret, opaque)}
    kmipd = shell(*options_of(server), "--data-dir", tmp_path / "data", "--kmip-version", version)

    assert kmipd("migrate-from", "--dry-run") == "would be: 5 moved"
    assert kmipd("migrate-from", "--report", tmp_path / "report.json") == "5 moved"
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["owner"], report["counts"]) == ("client", {"moved": 5})
    assert kmipd("migrate-from") == "5 present"
    with KmipTestServer(ephemeral=False, data_dir=str(tmp_path / "data")) as here, client_of(here) as client:
        assert {one: client.get(one).managed_object for one in before} == before
        found = client.get_attributes(key).attributes
        assert (found.state, found.custom_attributes) == (State.ACTIVE, (custom,))
        assert client.get_attributes(secret, ["State"]).attributes.state is State.DEACTIVATED
        assert client.locate("signer").unique_identifiers == (pair.private_key_unique_identifier,)
        (link,) = client.get_attributes(pair.private_key_unique_identifier, ["Link"]).attributes.links
        assert link.linked_object_identifier == pair.public_key_unique_identifier


def test_an_object_that_cannot_be_migrated_is_reported(
    shell: Callable[..., Shell], server: KmipTestServer, tmp_path: Path
) -> None:
    with client_of(server) as client:
        kept = client.create("AES", 128, attributes=Attributes(sensitive=True)).unique_identifier
        good = client.create("AES", 128).unique_identifier
    kmipd = shell(*options_of(server), "--data-dir", tmp_path / "data")
    code, out, _ = kmipd.code("migrate-from", "--json")
    objects = {one["unique_identifier"]: one for one in json.loads(out)["objects"]}

    assert code == 1
    assert objects[kept]["reason"].startswith("Get: ")
    assert objects[good]["result"] == "moved"


def test_a_destroyed_object_has_nothing_to_move(server: KmipTestServer) -> None:
    with client_of(server) as client:
        gone = client.create("AES", 128, name="gone").unique_identifier
        client.destroy(gone)
        moved = migration._move(client, gone, _refuse_all, dry_run=False)

    assert (moved.result, moved.name) == (migration.NOT_MOVED, "gone")
    assert "only its attributes are left" in moved.reason


def _refuse_all(identifier: str, content: object, attributes: Attributes) -> str | None:
    raise AssertionError("nothing was to be imported")


def test_objects_get_the_owner_that_is_named(
    shell: Callable[..., Shell], server: KmipTestServer, tmp_path: Path
) -> None:
    with client_of(server) as client:
        key = client.create("AES", 128).unique_identifier
    kmipd = shell(*options_of(server), "--data-dir", tmp_path / "data")
    kmipd("migrate-from", "--owner", "alice")
    code, out, _ = kmipd.code("migrate-from", "--owner", "bob", "--format", "plain")

    assert code == 1
    assert "another owner's object of this store has its identifier" in out
    explained = shell("--data-dir", tmp_path / "data").json(
        "policy", "explain", "--user", "alice", "--operation", "GET", "--object", key
    )
    assert explained["owner"] == "alice"


def test_many_objects_come_by_pages(server: KmipTestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "PAGE", 2)
    with client_of(server) as client:
        made = {client.create("AES", 128).unique_identifier for _ in range(5)}
        found = list(migration.identifiers(client))

    assert (set(found), len(found)) == (made, 5)


def test_the_other_server_must_be_named(shell: Callable[..., Shell]) -> None:
    code, _, err = shell().code("migrate-from")

    assert code == 2
    assert "--host or --profile" in err
