"""What products say to a key server, from the first connection to the last, as far as it is known.

Each dialogue is written from a description of what the product sends (versions, header, order of fields, what it checks
in an answer), never from a recording.
"""

import itertools
import os
import ssl
import struct
import time
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmip_core.enums import (
    BlockCipherMode,
    CredentialType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
    SecretDataType,
    State,
)
from kmip_core.enums import CryptographicUsageMask as Mask
from tests.interop.conftest import SUCCESS, Opener, Session
from tests.interop.wire import Date, Node, Parts, attribute, decode, key_block, message, name_value, operation, template

AES = CryptographicAlgorithm.AES
BOTH = Mask.ENCRYPT | Mask.DECRYPT


def named(identifier: str) -> Parts:
    return [("UniqueIdentifier", identifier)]


def name_of(text: str) -> tuple[str, Parts]:
    return attribute("Name", name_value(text))


def identifiers(payload: Node) -> list[str]:
    return [node.value for node in payload.all("UniqueIdentifier")]


def values(payload: Node) -> dict[str, Any]:
    return {a["AttributeName"].value: a["AttributeValue"].value for a in payload.all("Attribute")}


def get_attributes(
    session: Session, identifier: str, *names: str, batch_item_id: bytes | None = None
) -> dict[str, Any]:
    asked: Parts = [("AttributeName", name) for name in names]
    return values(session.do(Operation.GET_ATTRIBUTES, [*named(identifier), *asked], batch_item_id))


def revoke(session: Session, identifier: str, code: RevocationReasonCode, text: str = "no longer needed") -> None:
    why: Parts = [("RevocationReasonCode", code), ("RevocationMessage", text)]
    answer = session.do(Operation.REVOKE, [*named(identifier), ("RevocationReason", why)])
    assert answer["UniqueIdentifier"].value == identifier


def credential(username: str, password: str) -> tuple[str, Parts]:
    value: Parts = [("Username", username), ("Password", password)]
    inside: Parts = [("CredentialType", CredentialType.USERNAME_AND_PASSWORD), ("CredentialValue", value)]
    return "Authentication", [("Credential", inside)]


def versions(*offered: tuple[int, int]) -> Parts:
    return [("ProtocolVersion", [("ProtocolVersionMajor", a), ("ProtocolVersionMinor", b)]) for a, b in offered]


def aes_template(*more: tuple[str, Any]) -> Parts:
    described = [
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Length", 256),
        attribute("Cryptographic Usage Mask", BOTH),
    ]
    return [("ObjectType", ObjectType.SYMMETRIC_KEY), template(*described, *more)]


# --- hypervisors and storage ----------------------------------------------------------------------------------------


def test_vcenter(connect: Opener) -> None:
    """vCenter 7: KMIP 1.1, item ids of a mark and a counter, attributes one at a time, then three added in a batch."""
    counter = (b"QLKC" + struct.pack("<I", number) for number in itertools.count(1))
    connect((1, 1))  # opened and closed without a word
    health = connect((1, 1))
    assert health.do(Operation.DISCOVER_VERSIONS, []).all("ProtocolVersion")
    assert health.do(Operation.DISCOVER_VERSIONS, [], next(counter)).all("ProtocolVersion")
    assert "ServerInformation" in health.do(Operation.QUERY, [("QueryFunction", 3)], next(counter))

    session = connect((1, 1))
    session.do(Operation.DISCOVER_VERSIONS, [])
    described = template(
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Usage Mask", BOTH),
        attribute("Cryptographic Length", 256),
    )
    made = session.do(Operation.CREATE, [("ObjectType", ObjectType.SYMMETRIC_KEY), described], next(counter))
    identifier = made["UniqueIdentifier"].value
    for name in ("x-Product_Version", "x-Vendor", "x-Product", "x-Identifier"):
        assert get_attributes(session, identifier, name, batch_item_id=next(counter)) == {}
    product = {
        "x-Product_Version": "7.0.3 build-1",
        "x-Vendor": "VMware, Inc.",
        "x-Product": "VMware vSphere",
    }
    ids = [next(counter) for _ in product]
    answer = session.ask(
        *(
            operation(Operation.ADD_ATTRIBUTE, [*named(identifier), attribute(name, text)], batch_item_id)
            for (name, text), batch_item_id in zip(product.items(), ids, strict=True)
        )
    )
    assert [item["UniqueBatchItemID"].value for item in answer.all("BatchItem")] == ids
    assert [item["ResultStatus"].value for item in answer.all("BatchItem")] == [SUCCESS] * 3
    assert get_attributes(session, identifier, *product, batch_item_id=next(counter)) == product

    got = session.do(Operation.GET, named(identifier), next(counter))
    assert len(got["SymmetricKey/KeyBlock/KeyValue/KeyMaterial"].value) == 32
    assert get_attributes(session, identifier, "State", batch_item_id=next(counter)) == {"State": State.PRE_ACTIVE}
    session.do(Operation.ACTIVATE, named(identifier), next(counter))
    assert get_attributes(session, identifier, "State", batch_item_id=next(counter)) == {"State": State.ACTIVE}
    later = connect((1, 1)).do(Operation.GET, named(identifier), next(counter))  # power on
    assert later["SymmetricKey"] == got["SymmetricKey"]


def test_synology_dsm(connect: Opener) -> None:
    """Synology DSM 7: KMIP 1.2, a connection for each operation; goes on only if the new Name comes back."""
    first, uuid = os.urandom(64).hex(), "6a9f8a10-9d6c-4d8b-9a55-2b1f1a4e7c55"
    assert "ServerInformation" in connect().do(Operation.QUERY, [("QueryFunction", n) for n in range(1, 7)])
    assert identifiers(connect().do(Operation.LOCATE, [name_of(uuid)])) == []
    described = template(
        attribute("Cryptographic Usage Mask", Mask.VERIFY),
        attribute("Operation Policy Name", "default"),
        name_of(first),
    )
    passphrase = os.urandom(70)
    kept: Parts = [("SecretDataType", SecretDataType.PASSWORD), key_block(passphrase, KeyFormatType.OPAQUE)]
    payload = [("ObjectType", ObjectType.SECRET_DATA), described, ("SecretData", kept)]
    identifier = connect().do(Operation.REGISTER, payload)["UniqueIdentifier"].value

    renamed = connect().do(Operation.MODIFY_ATTRIBUTE, [*named(identifier), name_of(uuid)])

    assert renamed["Attribute/AttributeName"].value == "Name"
    assert renamed["Attribute/AttributeValue/NameValue"].value == uuid
    assert identifiers(connect().do(Operation.LOCATE, [name_of(uuid)])) == [identifier]
    assert identifiers(connect().do(Operation.LOCATE, [name_of(first)])) == []
    connect().do(Operation.ACTIVATE, named(identifier))
    listed = connect().do(Operation.GET_ATTRIBUTE_LIST, named(identifier))
    assert {"Name", "State", "Object Type"} <= {node.value for node in listed.all("AttributeName")}
    assert get_attributes(connect(), identifier, "State", "Object Type") == {
        "State": State.ACTIVE,
        "Object Type": ObjectType.SECRET_DATA,
    }
    got = connect().do(Operation.GET, named(identifier))
    assert got["SecretData/KeyBlock/KeyFormatType"].value == KeyFormatType.OPAQUE
    assert got["SecretData/KeyBlock/KeyValue/KeyMaterial"].value == passphrase


def test_fortigate_locates_creates_and_gets_its_keys(connect: Opener) -> None:
    """FortiOS 7.4: KMIP 1.0, four Locates in a batch, each Name inside a Template-Attribute; then four Gets."""
    header: Parts = [
        ("MaximumResponseSize", 65_536),
        credential("fortigate", "password"),
        ("BatchErrorContinuationOption", 1),
        ("BatchOrderOption", True),
    ]
    session = connect((1, 0), header=header)
    names = [f"FGT-{kind}-{n}" for kind in ("enc", "auth") for n in (1, 2)]
    keys = {}
    for name in names[:3]:
        keys[name] = session.do(Operation.CREATE, aes_template(name_of(name)))["UniqueIdentifier"].value
    ids = [os.urandom(12) for _ in names]

    found = session.ask(
        *(
            operation(Operation.LOCATE, [("MaximumItems", 1), template(name_of(name))], batch_item_id)
            for name, batch_item_id in zip(names, ids, strict=True)
        )
    ).all("BatchItem")

    assert [item["UniqueBatchItemID"].value for item in found] == ids
    assert [identifiers(item["ResponsePayload"]) for item in found] == [*([key] for key in keys.values()), []]
    wanted = [*keys.values(), "no-such-key"]
    got = session.ask(
        *(operation(Operation.GET, named(key), batch_item_id) for key, batch_item_id in zip(wanted, ids, strict=True))
    ).all("BatchItem")
    assert [item["ResultStatus"].value for item in got] == [SUCCESS] * 3 + [1]  # it continues, and the last one fails
    assert got[3]["ResultReason"].value == ResultReason.ITEM_NOT_FOUND
    materials = {item["ResponsePayload/SymmetricKey/KeyBlock/KeyValue/KeyMaterial"].value for item in got[:3]}
    assert len(materials) == 3
    again = session.do(Operation.RE_KEY, named(wanted[0]))["UniqueIdentifier"].value
    assert again != wanted[0]
    session.do(Operation.DESTROY, named(again))


def test_vast_data(connect: Opener) -> None:
    """VAST 5: KMIP 1.4; attributes added after Create, policy name twice, Rekey moves the name. (Without its HTTPS.)"""
    session = connect((1, 4))
    session.do(Operation.DISCOVER_VERSIONS, versions((1, 4)))
    policy = attribute("Operation Policy Name", "default")
    identifier = session.do(Operation.CREATE, aes_template(policy))["UniqueIdentifier"].value
    for added in (name_of("vast-1"), attribute("Object Group", "vast"), policy):
        session.do(Operation.ADD_ATTRIBUTE, [*named(identifier), added])
    session.do(Operation.ACTIVATE, named(identifier))
    assert identifiers(session.do(Operation.LOCATE, [name_of("vast-1")])) == [identifier]
    session.do(Operation.GET, named(identifier))
    polled = get_attributes(session, identifier, "State", "Activation Date")
    assert polled["State"] == State.ACTIVE
    assert abs(polled["Activation Date"] - time.time()) < 60

    renewed = session.do(Operation.RE_KEY, named(identifier))["UniqueIdentifier"].value

    assert renewed != identifier
    assert identifiers(session.do(Operation.LOCATE, [name_of("vast-1")])) == [renewed]
    assert get_attributes(session, renewed, "State") == {"State": State.ACTIVE}
    assert (
        session.do(Operation.GET, named(identifier))["SymmetricKey"]
        != (session.do(Operation.GET, named(renewed))["SymmetricKey"])
    )
    revoke(session, identifier, RevocationReasonCode.CESSATION_OF_OPERATION)
    session.do(Operation.DESTROY, named(identifier))


def test_storage_array(connect: Opener) -> None:
    """An array's batch at 1.0: Query, Locate by its own attributes, Get and Get Attributes by the ID placeholder."""
    session = connect((1, 0))
    mine = (attribute("x-ResourceID", "pool 1"), attribute("x-SystemID", 4711))
    kept: Parts = [("SecretDataType", SecretDataType.PASSWORD), key_block(b"array key", KeyFormatType.OPAQUE)]
    payload = [("ObjectType", ObjectType.SECRET_DATA), template(*mine), ("SecretData", kept)]
    identifier = session.do(Operation.REGISTER, payload)["UniqueIdentifier"].value
    asked = ("Unique Identifier", "Object Type", "Initial Date", "State", "Contact Information")

    answer = session.ask(
        operation(Operation.QUERY, [("QueryFunction", n) for n in (1, 2, 3, 4)], b"1"),
        operation(Operation.LOCATE, list(mine), b"2"),
        operation(Operation.GET, [("KeyFormatType", KeyFormatType.OPAQUE)], b"3"),
        operation(Operation.GET_ATTRIBUTES, [("AttributeName", name) for name in asked], b"4"),
    ).all("BatchItem")

    assert [item["ResultStatus"].value for item in answer] == [SUCCESS] * 4
    assert identifiers(answer[1]["ResponsePayload"]) == [identifier]
    assert answer[2]["ResponsePayload/SecretData/KeyBlock/KeyValue/KeyMaterial"].value == b"array key"
    told = values(answer[3]["ResponsePayload"])
    assert set(told) == {"Unique Identifier", "Object Type", "Initial Date", "State"}
    assert told["Unique Identifier"] == identifier
    other = operation(Operation.LOCATE, [mine[0], attribute("x-SystemID", 4712)], b"1")
    missed = session.ask(other, operation(Operation.GET, [], b"2")).all("BatchItem")
    assert identifiers(missed[0]["ResponsePayload"]) == []
    assert missed[1]["ResultReason"].value == ResultReason.ITEM_NOT_FOUND


@pytest.mark.parametrize("kind", [ObjectType.SYMMETRIC_KEY, ObjectType.SECRET_DATA])
@pytest.mark.parametrize("version", [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)])
def test_netapp_ontap(connect: Opener, version: tuple[int, int], kind: ObjectType) -> None:
    """NetApp ONTAP describes a key by sixteen Text Strings of its own, such as x-NETAPP-ClusterName (PyKMIP issue 489).

    Versions, object types and the other names are not published, so all of them must do.
    """
    session = connect(version)
    own = {"x-NETAPP-ClusterName": "cluster 1"} | {f"x-NETAPP-{n}": f"{n} of cluster 1" for n in range(2, 17)}
    described = template(attribute("Cryptographic Usage Mask", BOTH), *itertools.starmap(attribute, own.items()))
    material = os.urandom(32)
    secret: tuple[str, Parts] = (
        ("SymmetricKey", [key_block(material, KeyFormatType.RAW, AES)])
        if kind is ObjectType.SYMMETRIC_KEY
        else ("SecretData", [("SecretDataType", SecretDataType.PASSWORD), key_block(material, KeyFormatType.OPAQUE)])
    )

    made = session.do(Operation.REGISTER, [("ObjectType", kind), described, secret])["UniqueIdentifier"].value

    again = connect(version)  # another node of the cluster
    assert get_attributes(again, made, *own) == own
    for criteria in (own, {"x-NETAPP-ClusterName": "cluster 1"}):
        assert identifiers(again.do(Operation.LOCATE, list(itertools.starmap(attribute, criteria.items())))) == [made]
    assert identifiers(again.do(Operation.LOCATE, [attribute("x-NETAPP-ClusterName", "cluster 2")])) == []
    got = again.do(Operation.GET, named(made))
    assert got[f"{secret[0]}/KeyBlock/KeyValue/KeyMaterial"].value == material
    again.do(Operation.DESTROY, named(made))
    assert identifiers(session.do(Operation.LOCATE, [attribute("x-NETAPP-ClusterName", "cluster 1")])) == []


def test_array_with_a_user_name_beside_its_certificate(connect: Opener) -> None:
    """Dell iDRAC and PowerStore, HPE iLO, by their guides: a key for each drive bay, found again by its name."""
    session = connect((1, 1), header=[credential("idrac", "a password")])
    identifier = session.do(Operation.CREATE, aes_template(name_of("bay 1")))["UniqueIdentifier"].value
    session.do(Operation.ACTIVATE, named(identifier))

    assert identifiers(session.do(Operation.LOCATE, [name_of("bay 1")])) == [identifier]
    key = session.do(Operation.GET, named(identifier))["SymmetricKey/KeyBlock"]
    assert len(key["KeyValue/KeyMaterial"].value) == 32
    renewed = session.do(Operation.RE_KEY, named(identifier))["UniqueIdentifier"].value
    assert identifiers(session.do(Operation.LOCATE, [name_of("bay 1")])) == [renewed]


def test_tape_library(connect: Opener) -> None:
    """By the tape-library profile: a key for each cartridge, with a name and what the library says of it."""
    session = connect((1, 2))
    data: Parts = [("ApplicationNamespace", "LIBRARY-LTO"), ("ApplicationData", "TESTKEY123456789")]
    about, barcode = attribute("Application Specific Information", data), attribute("x-Barcode", "B1")
    created = session.do(Operation.CREATE, aes_template(name_of("cartridge 1"), about, barcode))
    identifier = created["UniqueIdentifier"].value
    other: Parts = [data[0], ("ApplicationData", "another")]

    assert identifiers(session.do(Operation.LOCATE, [about])) == [identifier]
    assert identifiers(session.do(Operation.LOCATE, [barcode])) == [identifier]
    assert identifiers(session.do(Operation.LOCATE, [attribute("Application Specific Information", other)])) == []
    assert len(session.do(Operation.GET, named(identifier))["SymmetricKey/KeyBlock/KeyValue/KeyMaterial"].value) == 32
    names = ("Application Specific Information", "x-Barcode")
    asked: Parts = [("AttributeName", name) for name in names]
    found = session.do(Operation.GET_ATTRIBUTES, [*named(identifier), *asked])
    assert {a["AttributeName"].value for a in found.all("Attribute")} == set(names)


def test_veeam(connect: Opener) -> None:
    """Veeam 12: an RSA pair at 1.4, both halves fetched; it stops at an attribute inside a Key Value."""
    session = connect((1, 4))
    assert identifiers(session.do(Operation.LOCATE, [name_of("Veeam")])) == []
    common = template(
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.RSA),
        attribute("Cryptographic Length", 2048),
        name_of("Veeam"),
        tag="CommonTemplateAttribute",
    )
    halves = [
        template(attribute("Cryptographic Usage Mask", mask), tag=f"{half}KeyTemplateAttribute")
        for half, mask in (("Private", Mask.SIGN), ("Public", Mask.VERIFY))
    ]
    pair = session.do(Operation.CREATE_KEY_PAIR, [common, *halves])
    found = {half: pair[f"{half}KeyUniqueIdentifier"].value for half in ("Private", "Public")}
    for half, identifier in found.items():
        session.do(Operation.ACTIVATE, named(identifier))
        block = session.do(Operation.GET, named(identifier))[f"{half}Key/KeyBlock"]
        assert block["KeyValue"].names == ["KeyMaterial"]
    for identifier in found.values():
        revoke(session, identifier, RevocationReasonCode.CESSATION_OF_OPERATION)
        session.do(Operation.DESTROY, named(identifier))


# --- databases ------------------------------------------------------------------------------------------------------


class TwoReads:
    """libkmip's way of receiving: eight bytes with one read, the rest with one more; a short read is an error.

    It decodes by position, refuses what exceeds 8192 bytes, and knows a few attribute names only.
    """

    HEADER: Final[Parts] = [("MaximumResponseSize", 8192)]
    KNOWN = frozenset(
        {
            "Unique Identifier", "Name", "Object Type", "Cryptographic Algorithm", "Cryptographic Length",
            "Operation Policy Name", "Cryptographic Usage Mask", "State", "Application Specific Information",
            "Object Group", "Activation Date", "Deactivation Date", "Process Start Date", "Protect Stop Date",
            "Cryptographic Parameters",
        }
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self._socket: ssl.SSLSocket = session.client.socket

    def do(self, asked: Operation, payload: Parts, version: tuple[int, int] = (1, 0)) -> Node:
        """Return the payload of a success."""
        item = self.ask(asked, payload, version)
        assert item["ResultStatus"].value == SUCCESS, item
        return item["ResponsePayload"]

    def ask(self, asked: Operation, payload: Parts, version: tuple[int, int] = (1, 0)) -> Node:
        """Return the one Batch Item, having checked what libkmip checks."""
        header = [*self.HEADER, ("TimeStamp", int(time.time()))]
        self._socket.sendall(message(version, operation(asked, payload), header=header))
        head = self._socket.recv(8)
        assert len(head) == 8
        length = int.from_bytes(head[4:])
        assert 8 + length <= 8192
        body = self._socket.recv(length)
        assert len(body) == length, "a short read"
        answer = decode(head + body)
        assert answer.names == ["ResponseHeader", "BatchItem"]
        assert answer["ResponseHeader"].names == ["ProtocolVersion", "TimeStamp", "BatchCount"]
        item = answer["BatchItem"]
        assert item.names[0] == "Operation"
        assert item["Operation"].value == asked
        if "ResponsePayload" in item:
            assert {a["AttributeName"].value for a in item["ResponsePayload"].all("Attribute")} <= self.KNOWN
        return item


def test_libkmip(connect: Opener) -> None:
    """libkmip's demos: 1.0, Create, Get, Destroy, Query, all read by position."""
    client = TwoReads(connect((1, 0)))

    made = client.do(Operation.CREATE, aes_template())
    assert made.names == ["ObjectType", "UniqueIdentifier"]
    identifier = made["UniqueIdentifier"].value
    assert len(identifier) < 50
    got = client.do(Operation.GET, named(identifier))
    assert got.names == ["ObjectType", "UniqueIdentifier", "SymmetricKey"]
    assert got["SymmetricKey/KeyBlock"].names == [
        *("KeyFormatType", "KeyValue", "CryptographicAlgorithm", "CryptographicLength"),
    ]
    assert client.do(Operation.DESTROY, named(identifier)).names == ["UniqueIdentifier"]
    assert client.ask(Operation.GET, named(identifier))["ResultReason"].value == ResultReason.ITEM_NOT_FOUND
    told = client.do(Operation.QUERY, [("QueryFunction", n) for n in (1, 2, 3, 4)])
    order = ["Operation", "ObjectType", "VendorIdentification", "ServerInformation", "ApplicationNamespace"]
    assert told.names == sorted(told.names, key=order.index)


def test_percona_server_for_mysql(connect: Opener) -> None:
    """component_keyring_kmip: 1.4 to register and to read names, 1.0 for the rest, pages of 16 at start."""
    client = TwoReads(connect((1, 4)))
    group = attribute("Object Group", "mysql")
    names = {}
    for number in range(20):
        described = [
            attribute("Cryptographic Algorithm", AES),
            attribute("Cryptographic Length", 256),
            attribute("Cryptographic Usage Mask", BOTH),
            name_of(f"INNODBKey-{number}"),
            group,
        ]
        key = ("SymmetricKey", [key_block(bytes([number]) * 32, KeyFormatType.RAW, AES)])
        payload: Parts = [("ObjectType", ObjectType.SYMMETRIC_KEY), template(*described), key]
        identifier = client.do(Operation.REGISTER, payload, (1, 4))["UniqueIdentifier"].value
        client.do(Operation.ACTIVATE, named(identifier))
        names[identifier] = f"INNODBKey-{number}"
    kept: Parts = [("SecretDataType", SecretDataType.PASSWORD), key_block(b"secret", KeyFormatType.OPAQUE)]
    mask = attribute("Cryptographic Usage Mask", Mask.DERIVE_KEY | Mask.EXPORT)
    secret = [("ObjectType", ObjectType.SECRET_DATA), template(mask, name_of("secret"), group), ("SecretData", kept)]
    client.do(Operation.REGISTER, secret, (1, 4))

    found: list[str] = []
    pages = 0
    while True:  # until as many were seen as Located Items announces
        criteria = [attribute("Object Type", ObjectType.SYMMETRIC_KEY), group]
        page = client.do(Operation.LOCATE, [("MaximumItems", 16), ("OffsetItems", 16 * pages), *criteria])
        found += identifiers(page)
        pages += 1
        if len(found) >= page["LocatedItems"].value or pages > 5:
            break
    assert pages == 2
    assert sorted(found) == sorted(names)
    for identifier in found:
        got = client.do(Operation.GET, named(identifier))
        assert got["SymmetricKey/KeyBlock/KeyFormatType"].value == KeyFormatType.RAW
        told = client.do(Operation.GET_ATTRIBUTES, [*named(identifier), ("AttributeName", "Name")], (1, 4))
        assert values(told)["Name"][0].value == names[identifier]
    why: Parts = [("RevocationReasonCode", RevocationReasonCode.UNSPECIFIED), ("RevocationMessage", "Deleted")]
    client.do(Operation.REVOKE, [*named(found[0]), ("RevocationReason", why)])
    client.do(Operation.DESTROY, named(found[0]))


def test_percona_server_for_mongodb(connect: Opener) -> None:
    """PSMDB: 1.0; a key without a name, Activate and Get Attributes must return its ID, a missing key is normal."""
    client = TwoReads(connect((1, 0)))
    described = template(
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Length", 256),
        attribute("Cryptographic Usage Mask", BOTH),
    )
    key = ("SymmetricKey", [key_block(bytes(range(32)), KeyFormatType.RAW, AES)])
    made = client.do(Operation.REGISTER, [("ObjectType", ObjectType.SYMMETRIC_KEY), described, key])
    identifier = made["UniqueIdentifier"].value

    assert client.do(Operation.ACTIVATE, named(identifier))["UniqueIdentifier"].value == identifier
    got = client.do(Operation.GET, named(identifier))
    assert got["ObjectType"].value == ObjectType.SYMMETRIC_KEY
    assert got["SymmetricKey/KeyBlock"].names == [
        *("KeyFormatType", "KeyValue", "CryptographicAlgorithm", "CryptographicLength"),
    ]
    told = client.do(Operation.GET_ATTRIBUTES, [*named(identifier), ("AttributeName", "State")])
    assert told["UniqueIdentifier"].value == identifier
    assert values(told) == {"State": State.ACTIVE}
    missing = client.ask(Operation.GET, named("gone"))
    assert missing["ResultReason"].value == ResultReason.ITEM_NOT_FOUND


def test_ceph_sse_kms(connect: Opener) -> None:
    """radosgw: 1.0, Locate by Name alone, exactly one key, Raw, 32 bytes; a username and password it was given."""
    header: Parts = [credential("rgw", "rgw")]
    operator = connect((1, 0))
    made = operator.do(Operation.CREATE, aes_template(name_of("rgw-key-1")))["UniqueIdentifier"].value
    operator.do(Operation.CREATE, aes_template(name_of("rgw-key-10")))
    session = connect((1, 0), header=header)

    assert identifiers(session.do(Operation.LOCATE, [name_of("rgw-key-1")])) == [made]
    block = session.do(Operation.GET, named(made))["SymmetricKey/KeyBlock"]
    assert block["KeyFormatType"].value == KeyFormatType.RAW
    assert len(block["KeyValue/KeyMaterial"].value) == 32


def test_ceph_sse_s3(connect: Opener) -> None:
    """radosgw's newest source: a key for each bucket, used on the server with GCM, then revoked and destroyed."""
    session = connect((1, 4))
    described = template(
        name_of("rgw-kek-bucket"),  # first of all
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Length", 256),
        attribute("Cryptographic Usage Mask", BOTH),
    )
    payload = [("ObjectType", ObjectType.SYMMETRIC_KEY), described]
    identifier = session.do(Operation.CREATE, payload)["UniqueIdentifier"].value
    session.do(Operation.ACTIVATE, named(identifier))
    gcm: Parts = [
        ("BlockCipherMode", BlockCipherMode.GCM),
        ("PaddingMethod", PaddingMethod.NONE),
        ("CryptographicAlgorithm", AES),
        ("RandomIV", True),
        ("TagLength", 16),
    ]
    data_key, additional = os.urandom(32), ("AuthenticatedEncryptionAdditionalData", b"bucket/object")

    sealed = session.do(
        Operation.ENCRYPT, [*named(identifier), ("CryptographicParameters", gcm), ("Data", data_key), additional]
    )
    tail = [
        ("Data", sealed["Data"].value),
        ("IVCounterNonce", sealed["IVCounterNonce"].value),
        additional,
        ("AuthenticatedEncryptionTag", sealed["AuthenticatedEncryptionTag"].value),
    ]
    opened = session.do(Operation.DECRYPT, [*named(identifier), ("CryptographicParameters", gcm), *tail])
    assert opened["Data"].value == data_key
    elsewhere = ("AuthenticatedEncryptionAdditionalData", b"bucket/other")
    moved = [elsewhere if part is additional else part for part in tail]
    refused = session.try_(Operation.DECRYPT, [*named(identifier), ("CryptographicParameters", gcm), *moved])
    assert refused["ResultStatus"].value != SUCCESS

    revoke(session, identifier, RevocationReasonCode.CESSATION_OF_OPERATION)
    session.do(Operation.DESTROY, named(identifier))


# --- libraries ------------------------------------------------------------------------------------------------------


def test_krill(connect: Opener) -> None:
    """Krill's signer: needs Modify Attribute in Query and an RSAPublicKey; renames both halves, signs, retires them."""
    session = connect((1, 2), header=[("MaximumResponseSize", 65_536)])
    session.do(Operation.DISCOVER_VERSIONS, [])
    told = session.do(Operation.QUERY, [("QueryFunction", 1), ("QueryFunction", 3)])
    needed = {
        Operation.CREATE_KEY_PAIR, Operation.ACTIVATE, Operation.SIGN, Operation.REVOKE, Operation.DESTROY,
        Operation.GET, Operation.MODIFY_ATTRIBUTE,
    }  # fmt: skip
    assert needed <= {node.value for node in told.all("Operation")}
    common = template(
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.RSA),
        attribute("Cryptographic Length", 2048),
        tag="CommonTemplateAttribute",
    )
    halves = [
        template(
            name_of("private"), attribute("Cryptographic Usage Mask", Mask.SIGN), tag="PrivateKeyTemplateAttribute"
        ),
        template(
            name_of("public"), attribute("Cryptographic Usage Mask", Mask.VERIFY), tag="PublicKeyTemplateAttribute"
        ),
    ]
    pair = session.do(Operation.CREATE_KEY_PAIR, [common, *halves])
    private, public = pair["PrivateKeyUniqueIdentifier"].value, pair["PublicKeyUniqueIdentifier"].value
    material = session.do(Operation.GET, named(public))["PublicKey/KeyBlock/KeyValue/KeyMaterial"].value
    key = load_der_public_key(material)
    assert isinstance(key, rsa.RSAPublicKey)
    for half, name in ((private, "krill-private"), (public, "krill-public")):
        renamed = session.do(Operation.MODIFY_ATTRIBUTE, [*named(half), name_of(name)])
        assert renamed["Attribute/AttributeValue/NameValue"].value == name
    session.do(Operation.ACTIVATE, named(private))
    how: Parts = [
        ("PaddingMethod", PaddingMethod.PKCS1_V1_5),
        ("HashingAlgorithm", HashingAlgorithm.SHA_256),
        ("CryptographicAlgorithm", CryptographicAlgorithm.RSA),
    ]

    signed = session.do(Operation.SIGN, [*named(private), ("CryptographicParameters", how), ("Data", b"a manifest")])

    key.verify(signed["SignatureData"].value, b"a manifest", padding.PKCS1v15(), hashes.SHA256())
    if Operation.RNG_RETRIEVE in {node.value for node in told.all("Operation")}:
        assert len(session.do(Operation.RNG_RETRIEVE, [("DataLength", 20)])["Data"].value) == 20
    revoke(session, private, RevocationReasonCode.CESSATION_OF_OPERATION)
    session.do(Operation.DESTROY, named(private))
    session.do(Operation.DESTROY, named(public))  # still Pre-Active


def openbao(session: Session, identifier: str, *, appended: bool) -> None:
    """Encrypt with an IV of its own; give the tag in its field, or, below 1.4, behind the data."""
    iv, plain = os.urandom(12), os.urandom(32)
    gcm: Parts = [
        ("BlockCipherMode", BlockCipherMode.GCM),
        ("CryptographicAlgorithm", AES),
        ("TagLength", 16),
        ("IVLength", 12),
    ]
    parameters = ("CryptographicParameters", gcm if session.version >= (1, 4) else [gcm[0]])
    asked = [*named(identifier), parameters, ("Data", plain), ("IVCounterNonce", iv)]
    sealed = session.do(Operation.ENCRYPT, asked)
    if "AuthenticatedEncryptionTag" in sealed:
        data, tag = sealed["Data"].value, sealed["AuthenticatedEncryptionTag"].value
    else:
        data, tag = sealed["Data"].value[:-16], sealed["Data"].value[-16:]
    given: Parts = [("Data", data + tag)] if appended else [("Data", data)]
    last: Parts = [] if appended else [("AuthenticatedEncryptionTag", tag)]

    opened = session.do(Operation.DECRYPT, [*named(identifier), parameters, *given, ("IVCounterNonce", iv), *last])

    assert opened["Data"].value == plain


@pytest.mark.parametrize("version", [(1, 2), (1, 3), (1, 4)], ids=str)
def test_openbao_with_a_symmetric_key(connect: Opener, version: tuple[int, int]) -> None:
    """go-kms-wrapping: reads what the key is, then AES-GCM; the tag has a field of its own only from 1.4."""
    session = connect(version, header=[("TimeStamp", int(time.time()))])
    identifier = session.do(Operation.CREATE, aes_template(name_of("bao")))["UniqueIdentifier"].value
    session.do(Operation.ACTIVATE, named(identifier))
    names = ("Object Type", "Cryptographic Algorithm", "Cryptographic Usage Mask", "Link")
    assert get_attributes(session, identifier, *names) == {
        "Object Type": ObjectType.SYMMETRIC_KEY,
        "Cryptographic Algorithm": AES,
        "Cryptographic Usage Mask": BOTH,
    }

    openbao(session, identifier, appended=version < (1, 4))


def test_openbao_with_an_rsa_key(connect: Opener) -> None:
    """It finds the public half by the private one's Public Key Link and uses RSA-OAEP with SHA-256."""
    session = connect((1, 4))
    common = template(
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.RSA),
        attribute("Cryptographic Length", 2048),
        tag="CommonTemplateAttribute",
    )
    halves = [
        template(attribute("Cryptographic Usage Mask", Mask.DECRYPT), tag="PrivateKeyTemplateAttribute"),
        template(attribute("Cryptographic Usage Mask", Mask.ENCRYPT), tag="PublicKeyTemplateAttribute"),
    ]
    pair = session.do(Operation.CREATE_KEY_PAIR, [common, *halves])
    private = pair["PrivateKeyUniqueIdentifier"].value
    told = session.do(Operation.GET_ATTRIBUTES, [*named(private), ("AttributeName", "Link")])
    links = {
        a["AttributeValue/LinkType"].value: a["AttributeValue/LinkedObjectIdentifier"].value
        for a in told.all("Attribute")
    }
    public = links[LinkType.PUBLIC_KEY_LINK]
    assert public == pair["PublicKeyUniqueIdentifier"].value
    for half in (private, public):
        session.do(Operation.ACTIVATE, named(half))
    oaep: Parts = [
        ("PaddingMethod", PaddingMethod.OAEP),
        ("HashingAlgorithm", HashingAlgorithm.SHA_256),
        ("CryptographicAlgorithm", CryptographicAlgorithm.RSA),
        ("MaskGenerator", 1),
        ("MaskGeneratorHashingAlgorithm", HashingAlgorithm.SHA_256),
    ]
    parameters = ("CryptographicParameters", oaep)

    sealed = session.do(Operation.ENCRYPT, [*named(public), parameters, ("Data", b"unseal key")])
    opened = session.do(Operation.DECRYPT, [*named(private), parameters, ("Data", sealed["Data"].value)])

    assert opened["Data"].value == b"unseal key"


def test_arsenal(connect: Opener) -> None:
    """scality's cloudserver: takes the first version, zero IV, every answer must echo the ID."""
    session = connect((1, 4))
    answer = session.do(Operation.DISCOVER_VERSIONS, versions((1, 4), (1, 3), (1, 2)))
    first = answer["ProtocolVersion"]
    assert [part.value for part in first.value] == [1, 4]
    session.do(Operation.QUERY, [("QueryFunction", 6)])
    assert "ServerInformation" in session.do(Operation.QUERY, [("QueryFunction", 3)])
    assert session.do(Operation.QUERY, [("QueryFunction", 1), ("QueryFunction", 2)]).all("ObjectType")
    bucket = attribute("x-BucketName", "bucket")
    identifier = session.do(Operation.CREATE, aes_template(bucket))["UniqueIdentifier"].value
    assert session.do(Operation.ACTIVATE, named(identifier))["UniqueIdentifier"].value == identifier
    cbc: Parts = [
        ("BlockCipherMode", BlockCipherMode.CBC),
        ("PaddingMethod", PaddingMethod.PKCS5),
        ("CryptographicAlgorithm", AES),
    ]
    common = [*named(identifier), ("CryptographicParameters", cbc)]
    iv = ("IVCounterNonce", bytes(16))
    data_key = os.urandom(32)

    sealed = session.do(Operation.ENCRYPT, [*common, ("Data", data_key), iv])
    opened = session.do(Operation.DECRYPT, [*common, ("Data", sealed["Data"].value), iv])

    assert (sealed["UniqueIdentifier"].value, opened["UniqueIdentifier"].value) == (identifier, identifier)
    assert opened["Data"].value == data_key
    revoke(session, identifier, RevocationReasonCode.CESSATION_OF_OPERATION)
    assert session.do(Operation.DESTROY, named(identifier))["UniqueIdentifier"].value == identifier


def test_arsenal_with_an_activation_date(connect: Opener) -> None:
    """With its other setting it does not call Activate: the Activation Date is now."""
    session = connect((1, 4))
    now = Date(time.time())
    identifier = session.do(Operation.CREATE, aes_template(attribute("Activation Date", now)))["UniqueIdentifier"].value

    assert get_attributes(session, identifier, "State") == {"State": State.ACTIVE}
