"""Writes a database of the schema of this release, which later releases must be able to open.

    python -m tools.make_schema_fixture

Run once for each released schema, by the release that has it: `tests/fixtures/schema-REVISION/` then holds the
database, its root key (made for this purpose, protecting nothing) and what is in it. Never made again: a file that a
newer program has made says nothing about an old one.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_adapters.sealing.key_file import KeyFile
from kmip_adapters.storage.sql.migration import HISTORY
from kmip_adapters.storage.sql.storage import SqlStorage
from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.enums import CryptographicUsageMask, KeyFormatType, LinkType, ObjectType, State
from kmip_core.objects import (
    Content,
    KeyBlock,
    KeyValue,
    ManagedObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
)
from kmip_core.ports.audit import AuditRecord
from kmip_core.structures import CustomAttribute, Link, Name, TypedValue

FIXTURES: Final = Path(__file__).resolve().parents[1] / "tests" / "fixtures"
NOW: Final = 1_700_000_000

SECRETS: Final = {name: bytes((seed + n) % 256 for n in range(32)) for seed, name in enumerate(
    ("pre-active", "active", "public", "private", "password", "of-bob"), start=1
)}  # fmt: skip


def main() -> int:
    """Write the fixture of this release's schema; 1 if it is there already."""
    folder = FIXTURES / f"schema-{HISTORY.revision}"
    if folder.exists():
        print(f"{folder} is there already, and what is released does not change", file=sys.stderr)
        return 1
    folder.mkdir(parents=True)
    make_sealer = functools.partial(EnvelopeSealer, KeyFile(folder / "root.key"))
    storage = SqlStorage(f"sqlite:///{folder}/kmipd.sqlite", make_sealer)
    with storage.unit_of_work() as work:
        for managed_object, content in objects():
            work.add(managed_object, content)
        work.record(AuditRecord(record_id="record-1", time=NOW, principal="alice", event="Create"))
        work.commit()
    with storage.unit_of_work() as work:  # one that has lived: its row was changed, its content erased
        found = work.find("destroyed")
        if found is None:
            raise LookupError("destroyed")
        gone = evolve(found.attributes, state=State.DESTROYED, destroy_date=NOW + 9)
        work.save(evolve(found, has_content=False, attributes=gone))
        work.commit()
    storage.close()
    (folder / "objects.json").write_text(json.dumps(expected(), indent=1) + "\n")
    return 0


def expected() -> dict[str, Any]:
    """Return what a reader must find: owner, state, name and secret of each object."""
    return {
        o.unique_identifier: {
            "owner": o.owner,
            "state": State.DESTROYED if o.unique_identifier == "destroyed" else o.attributes.state,
            "name": o.attributes.names[0].name_value,
            "secret": SECRETS[o.unique_identifier].hex() if o.unique_identifier in SECRETS else None,
        }
        for o, _ in objects()
    }


def objects() -> list[tuple[ManagedObject, Content | None]]:
    """Return the objects: every kind of row that the schema knows."""
    custom = CustomAttribute(
        vendor_identification="x", attribute_name="rack", attribute_value=TypedValue(enums.ItemType.INTEGER, 7)
    )
    public, private = ObjectType.PUBLIC_KEY, ObjectType.PRIVATE_KEY
    return [
        (record("pre-active", activation_date=NOW + 10**9), SymmetricKey(key_block=block("pre-active"))),
        (
            record("active", state=State.ACTIVE, activation_date=NOW, custom_attributes=(custom,)),
            SymmetricKey(key_block=block("active")),
        ),
        (
            record(
                "public", public, links=(Link(link_type=LinkType.PRIVATE_KEY_LINK, linked_object_identifier="private"),)
            ),
            PublicKey(key_block=block("public", KeyFormatType.PKCS_1)),
        ),
        (
            record(
                "private", private, links=(Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="public"),)
            ),
            PrivateKey(key_block=block("private", KeyFormatType.PKCS_8)),
        ),
        (
            record("password", ObjectType.SECRET_DATA),
            SecretData(
                secret_data_type=enums.SecretDataType.PASSWORD, key_block=block("password", KeyFormatType.OPAQUE)
            ),
        ),
        (evolve(record("of-bob"), owner="bob"), SymmetricKey(key_block=block("of-bob"))),
        (record("destroyed"), SymmetricKey(key_block=block("active"))),
        (evolve(record("elsewhere", key_value_present=False), has_content=False), None),
    ]


def record(unique_identifier: str, kind: ObjectType = ObjectType.SYMMETRIC_KEY, **attributes: Any) -> ManagedObject:
    """Return an object's record as Register makes it."""
    usual: dict[str, Any] = {
        "unique_identifier": unique_identifier,
        "object_type": kind,
        "names": (Name(name_value=f"the {unique_identifier} one"),),
        "cryptographic_usage_mask": CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        "state": State.PRE_ACTIVE,
        "initial_date": NOW,
        "last_change_date": NOW,
        "operation_policy_name": "default",
    }
    return ManagedObject(
        unique_identifier=unique_identifier,
        object_type=kind,
        owner="alice",
        attributes=Attributes(**(usual | attributes)),
    )


def block(name: str, key_format_type: KeyFormatType = KeyFormatType.RAW) -> KeyBlock:
    """Return a key block around a secret; the store does not look into it."""
    return KeyBlock(key_format_type=key_format_type, key_value=KeyValue(key_material=SECRETS[name]))


if __name__ == "__main__":
    sys.exit(main())
