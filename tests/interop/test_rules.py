"""What a server must get right for the clients that are out there, one rule after the other.

Each rule stands where a product broke on some server; the comment or the name says which. All of it goes over TLS, and
is written and read by hand (`wire`).
"""

import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kmip_adapters.transport.client import client_context
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import (
    BlockCipherMode,
    CredentialType,
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    RevocationReasonCode,
    SecretDataType,
    State,
)
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.structures import ProtocolVersion
from tests.interop.conftest import FAILED, SUCCESS, Opener, Place, Session
from tests.interop.wire import (
    Date,
    Node,
    Parts,
    attribute,
    decode,
    encode,
    key_block,
    message,
    name_value,
    operation,
    template,
)
from tests.server import running

VERSIONS_1X = [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]
VERSIONS = [*VERSIONS_1X, (2, 0), (2, 1)]
AES = CryptographicAlgorithm.AES
BOTH = Mask.ENCRYPT | Mask.DECRYPT
NOBODY = "00000000-0000-0000-0000-000000000000"


def aes_key(*more: tuple[str, Any], mask: Mask = BOTH) -> Parts:
    """Return the payload of Create for an AES key of 256 bits."""
    described = [
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Length", 256),
        attribute("Cryptographic Usage Mask", mask),
    ]
    return [("ObjectType", ObjectType.SYMMETRIC_KEY), template(*described, *more)]


def secret(material: bytes, *attributes: tuple[str, Any]) -> Parts:
    """Return the payload of Register for a password."""
    kept: Parts = [("SecretDataType", SecretDataType.PASSWORD), key_block(material, KeyFormatType.OPAQUE)]
    return [("ObjectType", ObjectType.SECRET_DATA), template(*attributes), ("SecretData", kept)]


def created(session: Session, *more: tuple[str, Any], active: bool = False) -> str:
    """Return the identifier of a new AES key."""
    identifier: str = session.do(Operation.CREATE, aes_key(*more))["UniqueIdentifier"].value
    if active:
        session.do(Operation.ACTIVATE, named(identifier))
    return identifier


def named(identifier: str) -> Parts:
    return [("UniqueIdentifier", identifier)]


def located(session: Session, *criteria: tuple[str, Any], **more: Any) -> list[str]:
    found = session.do(Operation.LOCATE, list(criteria), **more)
    return [node.value for node in found.all("UniqueIdentifier")]


def attributes_of(session: Session, identifier: str, *names: str) -> dict[str, Any]:
    """Return name and value (a tuple of nodes for a structure) of attributes with a single value."""
    asked: Parts = [("AttributeName", name) for name in names]
    told = session.do(Operation.GET_ATTRIBUTES, [*named(identifier), *asked])
    return {a["AttributeName"].value: a["AttributeValue"].value for a in told.all("Attribute")}


def reason_of(item: Node) -> ResultReason:
    assert item["ResultStatus"].value == FAILED
    return ResultReason(item["ResultReason"].value)


# --- 1: one write, one record ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda tls: tls.name)
@pytest.mark.parametrize("size", [10, 8_000, 15_000])
def test_rule_1_a_response_is_one_tls_record(place: Place, tls: ssl.TLSVersion, size: int) -> None:
    with RecordReader(place, tls) as client:
        answer, _ = client.exchange(message((1, 2), operation(Operation.REGISTER, secret(bytes(size)))))
        identifier = decode(answer)["BatchItem/ResponsePayload/UniqueIdentifier"].value

        got, records = client.exchange(message((1, 2), operation(Operation.GET, named(identifier))))

        assert len(got) > size
        assert records == 1


def test_rule_1_a_client_that_reads_twice_gets_a_whole_response(connect: Opener) -> None:
    # libkmip: eight bytes with one BIO_read, the rest with one more, and a short read is an error.
    session = connect((1, 0), header=[("MaximumResponseSize", 8192), ("TimeStamp", int(time.time()))])
    connection = session.client.socket
    for asked, payload in (
        (Operation.CREATE, aes_key()),
        (Operation.GET, named(NOBODY)),
        (Operation.QUERY, [("QueryFunction", function) for function in (1, 2, 3, 4)]),
    ):
        connection.sendall(message((1, 0), operation(asked, payload), header=session.header))

        header = connection.recv(8)
        length = int.from_bytes(header[4:])

        assert len(header) == 8
        assert len(connection.recv(length)) == length


class RecordReader:
    """A TLS client that counts the records of an answer."""

    def __init__(self, place: Place, version: ssl.TLSVersion) -> None:
        server = place.server
        context = client_context(ca=server.ca, cert=place.certificate, key=place.key)
        context.minimum_version = context.maximum_version = version
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server.host)
        self._socket = socket.create_connection((server.host, server.port), 20)
        self._arrived = b""

    def __enter__(self) -> "RecordReader":
        self._until(self._tls.do_handshake)
        self.exchange(message((1, 2), operation(Operation.QUERY, [("QueryFunction", 1)])))  # past session tickets
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def exchange(self, frame: bytes) -> tuple[bytes, int]:
        """Return an answer and how many records of application data brought it."""
        self._arrived = b""
        self._tls.write(frame)
        answer = self._until(lambda: self._tls.read(1 << 20))
        while len(answer) < 8 + int.from_bytes(answer[4:8]):
            answer += self._until(lambda: self._tls.read(1 << 20))
        records = 0
        while self._arrived:
            assert self._arrived[0] == 23  # application data
            records += 1
            self._arrived = self._arrived[5 + int.from_bytes(self._arrived[3:5]) :]
        return answer, records

    def _until(self, step: Any) -> Any:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._outgoing.read())
                data = self._socket.recv(1 << 20)
                assert data
                self._arrived += data
                self._incoming.write(data)
            else:
                self._socket.sendall(self._outgoing.read())
                return done


# --- 2 to 7: the shape of answers -----------------------------------------------------------------------------------


def test_rule_2_maximum_response_size_is_kept(connect: Opener) -> None:
    session = connect((1, 0), header=[("MaximumResponseSize", 8192)])
    identifier = session.do(Operation.REGISTER, secret(bytes(9_000)))["UniqueIdentifier"].value
    frame = message((1, 0), operation(Operation.GET, named(identifier)), header=session.header)

    answer = session.send(frame)

    assert len(answer) <= 8192
    item = decode(answer)["BatchItem"]
    assert reason_of(item) is ResultReason.RESPONSE_TOO_LARGE
    assert item["Operation"].value == Operation.GET


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("asked", [Operation.GET, Operation.ACTIVATE, Operation.DESTROY], ids=lambda o: o.name)
def test_rule_3_a_failed_item_has_its_operation_and_says_item_not_found(
    connect: Opener, version: tuple[int, int], asked: Operation
) -> None:
    item = connect(version).try_(asked, named(NOBODY))

    assert item["Operation"].value == asked
    missing = ResultReason.OBJECT_NOT_FOUND if version == (2, 1) else ResultReason.ITEM_NOT_FOUND
    assert reason_of(item) is missing


def test_rule_4_the_answers_of_create_and_register_have_no_template_attribute(connect: Opener) -> None:
    session = connect((1, 0))

    assert session.do(Operation.CREATE, aes_key()).names == ["ObjectType", "UniqueIdentifier"]
    assert session.do(Operation.REGISTER, secret(b"password")).names == ["UniqueIdentifier"]


def test_rule_4_only_requested_attributes_are_returned(connect: Opener) -> None:
    session = connect((1, 0))
    identifier = created(session)

    assert attributes_of(session, identifier, "State") == {"State": State.PRE_ACTIVE}


@pytest.mark.parametrize("version", VERSIONS_1X, ids=str)
def test_rule_4_no_attribute_is_returned_that_the_version_does_not_define(
    connect: Opener, version: tuple[int, int]
) -> None:
    # Percona Server for MongoDB broke on `Fresh` in an answer of 1.0.
    session = connect(version)
    identifier = created(session)

    told = attributes_of(session, identifier)
    asked = attributes_of(session, identifier, "Fresh", "Original Creation Date", "Sensitive", "State")

    assert "State" in told
    for name in [*told, *asked]:
        tag = tables.tag_by_name(name)
        assert tag is not None
        assert tag.is_in(ProtocolVersion(*version)), name


def test_rule_5_fields_stand_in_the_order_of_the_specification(connect: Opener) -> None:
    session = connect((1, 0))
    identifier = created(session)

    answer = session.ask(operation(Operation.GET, named(identifier), b"\x01"))
    failed = session.ask(operation(Operation.GET, named(NOBODY), b"\x01"))

    assert answer.names == ["ResponseHeader", "BatchItem"]
    assert answer["ResponseHeader"].names == ["ProtocolVersion", "TimeStamp", "BatchCount"]
    assert answer["ResponseHeader/ProtocolVersion"].names == ["ProtocolVersionMajor", "ProtocolVersionMinor"]
    assert answer["BatchItem"].names == ["Operation", "UniqueBatchItemID", "ResultStatus", "ResponsePayload"]
    assert failed["BatchItem"].names == [
        *("Operation", "UniqueBatchItemID", "ResultStatus", "ResultReason", "ResultMessage"),
    ]
    assert answer["BatchItem/ResponsePayload"].names == ["ObjectType", "UniqueIdentifier", "SymmetricKey"]
    block = answer["BatchItem/ResponsePayload/SymmetricKey/KeyBlock"]
    assert block.names == ["KeyFormatType", "KeyValue", "CryptographicAlgorithm", "CryptographicLength"]


def test_rule_6_a_key_value_holds_key_material_only(connect: Opener) -> None:
    # Veeam aborts on any Attribute in the Key Value of a key pair's half.
    session = connect((1, 4))
    pair = rsa_pair(session)
    halves = {"PrivateKey": "PrivateKeyUniqueIdentifier", "PublicKey": "PublicKeyUniqueIdentifier"}

    for kind, field in halves.items():
        got = session.do(Operation.GET, named(pair[field].value))
        assert got[f"{kind}/KeyBlock/KeyValue"].names == ["KeyMaterial"]
    got = session.do(Operation.GET, named(created(session)))
    assert got["SymmetricKey/KeyBlock/KeyValue"].names == ["KeyMaterial"]


def test_rule_6_attributes_that_were_registered_in_a_key_value_stay_there(connect: Opener) -> None:
    session = connect((1, 2))
    value: Parts = [("KeyMaterial", bytes(32)), attribute("Name", name_value("inside"))]
    block: Parts = [
        ("KeyFormatType", KeyFormatType.RAW),
        ("KeyValue", value),
        ("CryptographicAlgorithm", AES),
        ("CryptographicLength", 256),
    ]
    payload: Parts = [
        ("ObjectType", ObjectType.SYMMETRIC_KEY),
        template(attribute("Cryptographic Usage Mask", BOTH)),
        ("SymmetricKey", [("KeyBlock", block)]),
    ]
    identifier = session.do(Operation.REGISTER, payload)["UniqueIdentifier"].value

    got = session.do(Operation.GET, named(identifier))

    assert got["SymmetricKey/KeyBlock/KeyValue"].names == ["KeyMaterial", "Attribute"]
    assert located(session, attribute("Name", name_value("inside"))) == [identifier]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_rule_7_the_answer_has_the_version_of_the_request(connect: Opener, version: tuple[int, int]) -> None:
    session = connect(version)
    item = operation(Operation.QUERY, [("QueryFunction", 1)])
    requests = {
        "well": message(version, item),
        "an unknown field in the payload": message(version, operation(Operation.GET, [("KeyMaterial", b"")])),
        "a batch count that is wrong": message(version, item, count=2),
    }

    for what, frame in requests.items():
        spoken = decode(session.send(frame))["ResponseHeader/ProtocolVersion"]
        assert tuple(part.value for part in spoken.value) == version, what


# --- 8 and 9: versions and identifiers of items -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "told"),
    [
        pytest.param([], [(3, 0), *reversed(VERSIONS)], id="ok none named: all"),
        pytest.param([(1, 4)], [(1, 4)], id="ok ceph-csi wants exactly this one"),
        pytest.param([(1, 0), (1, 4), (1, 2)], [(1, 4), (1, 2), (1, 0)], id="ok best first, whatever their order"),
        pytest.param([(9, 9), (1, 1)], [(1, 1)], id="ok none that is not spoken"),
        pytest.param([(9, 9)], [], id="ok nothing in common"),
    ],
)
def test_rule_8_discover_versions(connect: Opener, offered: list[tuple[int, int]], told: list[tuple[int, int]]) -> None:
    payload: Parts = [
        ("ProtocolVersion", [("ProtocolVersionMajor", major), ("ProtocolVersionMinor", minor)])
        for major, minor in offered
    ]

    answer = connect((1, 1)).do(Operation.DISCOVER_VERSIONS, payload)

    assert [tuple(part.value for part in v.value) for v in answer.all("ProtocolVersion")] == told


@pytest.mark.parametrize("batch_item_id", [bytes(range(1, n + 1)) for n in (1, 4, 8, 12, 16)], ids=len)
def test_rule_9_batch_item_ids_of_any_length_are_echoed(connect: Opener, batch_item_id: bytes) -> None:
    session = connect((1, 1))
    alone = operation(Operation.QUERY, [("QueryFunction", 1)], batch_item_id)
    other_id = bytes(255 - byte for byte in batch_item_id)
    failing = operation(Operation.GET, named(NOBODY), other_id)

    assert session.ask(alone)["BatchItem/UniqueBatchItemID"].value == batch_item_id
    both = session.ask(alone, failing).all("BatchItem")
    assert [item["UniqueBatchItemID"].value for item in both] == [batch_item_id, other_id]


def test_rule_9_a_single_item_without_an_id_is_answered_without_one(connect: Opener) -> None:
    assert "UniqueBatchItemID" not in connect().try_(Operation.QUERY, [("QueryFunction", 1)])


# --- 10 to 16: objects, names and attributes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param([attribute("Cryptographic Usage Mask", Mask(0))], id="ok mask of zero: MongoDB"),
        pytest.param([], id="ok no mask: Barbican"),
    ],
)
def test_rule_10_register_takes_an_object_without_usage(connect: Opener, attributes: list[Any]) -> None:
    session = connect((1, 0))

    identifier = session.do(Operation.REGISTER, secret(bytes(96), *attributes))["UniqueIdentifier"].value

    got = session.do(Operation.GET, named(identifier))
    assert got["SecretData/KeyBlock/KeyValue/KeyMaterial"].value == bytes(96)


def test_rule_10_a_key_pair_without_usage_is_refused_unless_masks_are_supplied(connect: Opener, tmp_path: Path) -> None:
    common = template(
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.RSA),
        attribute("Cryptographic Length", 2048),
        tag="CommonTemplateAttribute",
    )

    assert reason_of(connect().try_(Operation.CREATE_KEY_PAIR, [common])) is ResultReason.INVALID_FIELD
    with running(tmp_path, "--ephemeral", "--default-usage-masks") as generous, generous.client() as client:
        pair = Session(client, (1, 2), []).do(Operation.CREATE_KEY_PAIR, [common])
        assert pair.names == ["PrivateKeyUniqueIdentifier", "PublicKeyUniqueIdentifier"]


def test_rule_11_names_need_not_be_unique(connect: Opener) -> None:
    session = connect()
    name = attribute("Name", name_value("Symmetric Key"))

    made = {created(session, name) for _ in range(3)}

    assert len(made) == 3
    assert set(located(session, name)) == made


def test_rule_12_a_pre_active_key_is_got_but_not_used(connect: Opener) -> None:
    session = connect()
    identifier = created(session)

    assert "SymmetricKey" in session.do(Operation.GET, named(identifier))
    assert reason_of(session.try_(Operation.ENCRYPT, [*named(identifier), ("Data", bytes(16))])) is (
        ResultReason.PERMISSION_DENIED
    )


def test_rule_13_locate_without_a_maximum_finds_all(connect: Opener) -> None:
    session = connect((1, 0))
    made = {created(session) for _ in range(40)}

    assert set(located(session, attribute("Object Type", ObjectType.SYMMETRIC_KEY))) == made


def test_rule_13_locate_pages_although_the_request_says_1_0(connect: Opener) -> None:
    session = connect((1, 0))
    made = {created(session) for _ in range(20)}
    found: list[str] = []
    for offset in (0, 16, 32):
        keys = attribute("Object Type", ObjectType.SYMMETRIC_KEY)
        page = session.do(Operation.LOCATE, [("MaximumItems", 16), ("OffsetItems", offset), keys])
        assert page.names == ["LocatedItems"] + ["UniqueIdentifier"] * len(page.all("UniqueIdentifier"))
        assert page["LocatedItems"].value == 20
        found += [node.value for node in page.all("UniqueIdentifier")]

    assert len(found) == 20
    assert set(found) == made


def test_rule_13_nothing_found_is_a_success(connect: Opener) -> None:
    item = connect((1, 0)).try_(Operation.LOCATE, [attribute("Name", name_value("nobody"))])

    assert item["ResultStatus"].value == SUCCESS
    assert "UniqueIdentifier" not in item["ResponsePayload"]


def test_rule_13_filters_may_sit_in_a_template_attribute(connect: Opener) -> None:
    # FortiGate: a filter that is ignored hands out the wrong key.
    session = connect((1, 0))
    wanted = created(session, attribute("Name", name_value("this")))
    created(session, attribute("Name", name_value("that")))

    assert located(session, template(attribute("Name", name_value("this")))) == [wanted]
    assert located(session, template(attribute("Name", name_value("neither")))) == []


CUSTOM_VALUES: dict[str, Any] = {
    "x-text": "VMware, Inc.",
    "x-bytes": b"\x00\x01",
    "x-integer": 7,
    "x-boolean": True,
    "x-date": Date(1_700_000_000),
    "x-structure": [("NameValue", "inner"), ("NameType", 1)],
}


@pytest.mark.parametrize("name", CUSTOM_VALUES)
def test_rule_14_custom_attributes_of_any_type(connect: Opener, name: str) -> None:
    session = connect((1, 0))
    custom = attribute(name, CUSTOM_VALUES[name])
    by_create = created(session, custom)
    by_register = session.do(Operation.REGISTER, secret(b"password", custom))["UniqueIdentifier"].value
    later = created(session)
    session.do(Operation.ADD_ATTRIBUTE, [*named(later), custom])
    other = created(session)

    assert set(located(session, custom)) == {by_create, by_register, later}
    for identifier in (by_create, by_register, later):
        (told,) = session.do(Operation.GET_ATTRIBUTES, [*named(identifier), ("AttributeName", name)]).all("Attribute")
        assert told["AttributeValue"] == decode(encode("AttributeValue", CUSTOM_VALUES[name]))
    assert attributes_of(session, other, name) == {}


@pytest.mark.parametrize("unknown", ["x-Product_Version", "No Such Attribute"])
def test_rule_14_an_unknown_attribute_is_left_out(connect: Opener, unknown: str) -> None:
    session = connect((1, 1))
    identifier = created(session)

    assert attributes_of(session, identifier, unknown) == {}
    assert attributes_of(session, identifier, unknown, "State") == {"State": State.PRE_ACTIVE}


@pytest.mark.parametrize("version", VERSIONS_1X, ids=str)
def test_rule_15_operation_policy_name_is_taken_even_when_it_is_set(connect: Opener, version: tuple[int, int]) -> None:
    session = connect(version)
    policy = attribute("Operation Policy Name", "default")
    identifier = created(session, policy)

    session.do(Operation.REGISTER, secret(b"password", policy))
    session.do(Operation.ADD_ATTRIBUTE, [*named(identifier), policy])

    assert attributes_of(session, identifier, "Operation Policy Name") == {"Operation Policy Name": "default"}


@pytest.mark.parametrize("version", VERSIONS_1X, ids=str)
def test_rule_16_changes_of_attributes_echo_the_attribute(connect: Opener, version: tuple[int, int]) -> None:
    session = connect(version)
    identifier = created(session)

    added = session.do(Operation.ADD_ATTRIBUTE, [*named(identifier), attribute("Name", name_value("first"))])
    changed = session.do(Operation.MODIFY_ATTRIBUTE, [*named(identifier), attribute("Name", name_value("second"))])
    deleted = session.do(Operation.DELETE_ATTRIBUTE, [*named(identifier), ("AttributeName", "Name")])

    for answer, text in ((added, "first"), (changed, "second"), (deleted, "second")):
        assert answer.names == ["UniqueIdentifier", "Attribute"]
        assert answer["Attribute/AttributeName"].value == "Name"
        assert answer["Attribute/AttributeValue/NameValue"].value == text


def test_rule_16_modify_without_an_index_changes_the_first(connect: Opener) -> None:
    session = connect()
    identifier = created(session, attribute("Name", name_value("first")), attribute("Name", name_value("other"), 1))

    session.do(Operation.MODIFY_ATTRIBUTE, [*named(identifier), attribute("Name", name_value("new"))])

    told = session.do(Operation.GET_ATTRIBUTES, [*named(identifier), ("AttributeName", "Name")])
    assert [a["AttributeValue/NameValue"].value for a in told.all("Attribute")] == ["new", "other"]


# --- 17 and 18: cryptography ----------------------------------------------------------------------------------------


def test_rule_17_a_made_rsa_public_key_comes_as_pkcs_1(connect: Opener) -> None:
    session = connect()
    got = session.do(Operation.GET, named(rsa_pair(session)["PublicKeyUniqueIdentifier"].value))

    assert got["PublicKey/KeyBlock/KeyFormatType"].value == KeyFormatType.PKCS_1
    material = got["PublicKey/KeyBlock/KeyValue/KeyMaterial"].value
    assert material[4] == 0x02  # SEQUENCE { INTEGER: an RSAPublicKey, not a SubjectPublicKeyInfo
    key = load_der_public_key(material)
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


@pytest.mark.parametrize("random_iv", [True, None], ids=["ok Random IV", "ok nothing said"])
def test_rule_18_encrypt_makes_and_returns_an_iv(connect: Opener, random_iv: bool | None) -> None:
    session = connect((1, 2))
    identifier = created(session, active=True)
    parameters: Parts = [
        ("BlockCipherMode", BlockCipherMode.CBC),
        ("PaddingMethod", PaddingMethod.PKCS5),
        ("CryptographicAlgorithm", AES),
    ]
    asked = [*parameters, *([] if random_iv is None else [("RandomIV", random_iv)])]
    data = b"sixteen bytes and some more"

    sealed = session.do(Operation.ENCRYPT, [*named(identifier), ("CryptographicParameters", asked), ("Data", data)])
    assert len(sealed["IVCounterNonce"].value) == 16
    opened = session.do(
        Operation.DECRYPT,
        [
            *named(identifier),
            ("CryptographicParameters", parameters),
            ("Data", sealed["Data"].value),
            ("IVCounterNonce", sealed["IVCounterNonce"].value),
        ],
    )
    assert opened["Data"].value == data


def test_rule_18_gcm_has_its_tag_in_a_field_of_its_own(connect: Opener) -> None:
    # Ceph's SSE-S3 sends just this.
    session = connect((1, 4))
    identifier = created(session, active=True)
    parameters: Parts = [
        ("BlockCipherMode", BlockCipherMode.GCM),
        ("PaddingMethod", PaddingMethod.NONE),
        ("CryptographicAlgorithm", AES),
        ("RandomIV", True),
        ("TagLength", 16),
    ]
    additional = ("AuthenticatedEncryptionAdditionalData", b"the bucket")

    sealed = session.do(
        Operation.ENCRYPT,
        [*named(identifier), ("CryptographicParameters", parameters), ("Data", bytes(32)), additional],
    )
    assert len(sealed["Data"].value) == 32
    assert len(sealed["AuthenticatedEncryptionTag"].value) == 16
    opened = session.do(
        Operation.DECRYPT,
        [
            *named(identifier),
            ("CryptographicParameters", parameters),
            ("Data", sealed["Data"].value),
            ("IVCounterNonce", sealed["IVCounterNonce"].value),
            additional,
            ("AuthenticatedEncryptionTag", sealed["AuthenticatedEncryptionTag"].value),
        ],
    )
    assert opened["Data"].value == bytes(32)


# --- 19 to 22: what comes with a request ----------------------------------------------------------------------------


def credential(username: str, password: str) -> Parts:
    value: Parts = [("Username", username), ("Password", password)]
    inside: Parts = [("CredentialType", CredentialType.USERNAME_AND_PASSWORD), ("CredentialValue", value)]
    return [("Authentication", [("Credential", inside)])]


@pytest.mark.parametrize("who", [("", ""), ("admin", "nobody configured me")], ids=["ok empty", "ok unknown"])
def test_rule_19_a_credential_beside_a_certificate_breaks_nothing(connect: Opener, who: tuple[str, str]) -> None:
    session = connect((1, 0), header=credential(*who))

    identifier = created(session)

    assert "SymmetricKey" in session.do(Operation.GET, named(identifier))
    assert "SymmetricKey" in session.do(Operation.GET, named(identifier), header=[])  # the same identity


def test_rule_20_a_connection_without_a_request_is_no_error(place: Place, connect: Opener) -> None:
    before = len(place.server.output.read_text())
    for _ in range(3):
        with place.connect():
            pass
    with socket.create_connection((place.server.host, place.server.port), 20):
        pass  # not even a handshake: a port check

    created(connect())  # served after them

    new = place.server.output.read_text()[before:]
    assert "ERROR" not in new
    assert "Traceback" not in new


def test_rule_20_a_connection_serves_many_requests(connect: Opener) -> None:
    session = connect()

    assert len({created(session) for _ in range(50)}) == 50


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
def test_rule_21_a_session_is_resumed_with_its_client_certificate(place: Place, version: ssl.TLSVersion) -> None:
    # Veeam (SChannel) failed on a server without a session ID context.
    context = client_context(ca=place.server.ca, cert=place.certificate, key=place.key)
    context.minimum_version = context.maximum_version = version
    query = message((1, 2), operation(Operation.QUERY, [("QueryFunction", 1)]))
    session: ssl.SSLSession | None = None
    resumed = []
    for _ in range(2):
        plain = socket.create_connection((place.server.host, place.server.port), 20)
        with context.wrap_socket(plain, server_hostname=place.server.host, session=session) as connection:
            connection.sendall(query)
            assert decode_answer(connection)["BatchItem/ResultStatus"].value == SUCCESS
            assert connection.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
            resumed.append(connection.session_reused)
            session = connection.session

    assert resumed == [False, True]


def test_rule_21_the_suite_that_vcenter_took_can_be_switched_on(tmp_path: Path) -> None:
    suite = "AES128-SHA256"  # RSA key exchange, CBC: PyKMIP's list with vCenter 7
    with running(tmp_path, "--ephemeral", "--tls_cipher_suites", suite) as server:
        context = client_context(ca=server.ca, cert=server.cert, key=server.key)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
        plain = socket.create_connection((server.host, server.port), 20)
        with context.wrap_socket(plain, server_hostname=server.host) as connection:
            connection.sendall(message((1, 1), operation(Operation.DISCOVER_VERSIONS, [])))
            cipher = connection.cipher()
            assert cipher is not None
            assert cipher[0] == suite
            assert decode_answer(connection)["BatchItem/ResultStatus"].value == SUCCESS


def decode_answer(connection: ssl.SSLSocket) -> Node:
    """Return the next answer on a connection."""
    data = b""
    while len(data) < 8 or len(data) < 8 + int.from_bytes(data[4:8]):
        part = connection.recv(65_536)
        assert part
        data += part
    return decode(data)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param([("TimeStamp", 1)], id="ok an old time stamp"),
        pytest.param([("BatchOrderOption", True)], id="ok batch order"),
        pytest.param([("BatchErrorContinuationOption", 1)], id="ok continue"),
        pytest.param([("AsynchronousIndicator", False)], id="ok not asynchronous"),
        pytest.param([("AsynchronousIndicator", True)], id="ok asynchronous as well"),
        pytest.param([("MaximumResponseSize", 280_000)], id="ok a large maximum"),
        pytest.param([("ClientCorrelationValue", "of 1.4")], id="ok a field of a later version"),
        pytest.param([("Comment", "not a header field at all")], id="ok a field of something else"),
    ],
)
def test_rule_22_extra_header_fields_are_accepted(connect: Opener, header: Parts) -> None:
    session = connect((1, 1), header=header)

    assert len(session.do(Operation.QUERY, [("QueryFunction", 1)]).all("Operation")) > 10


def test_rule_22_attribute_index_0_is_accepted_everywhere(connect: Opener) -> None:
    # MySQL Enterprise writes it on every attribute.
    session = connect((1, 1))
    described = [
        attribute("Cryptographic Algorithm", AES, 0),
        attribute("Cryptographic Length", 256, 0),
        attribute("Cryptographic Usage Mask", BOTH, 0),
        attribute("Name", name_value("mysql"), 0),
    ]
    payload = [("ObjectType", ObjectType.SYMMETRIC_KEY), template(*described)]
    identifier = session.do(Operation.CREATE, payload)["UniqueIdentifier"].value

    found = located(session, ("StorageStatusMask", 1), attribute("Name", name_value("mysql"), 0))

    assert found == [identifier]


# --- 23 to 26: batches, refusals, identifiers, the end --------------------------------------------------------------


def test_rule_23_the_id_placeholder_goes_through_a_batch_and_no_further(connect: Opener) -> None:
    session = connect((1, 0))
    identifier = created(session, attribute("x-ResourceID", "array 7"))

    answer = session.ask(
        operation(Operation.LOCATE, [attribute("x-ResourceID", "array 7")], b"1"),
        operation(Operation.GET, [], b"2"),
        operation(Operation.GET_ATTRIBUTES, [("AttributeName", "State")], b"3"),
    )

    assert [item["ResultStatus"].value for item in answer.all("BatchItem")] == [SUCCESS] * 3
    assert [i["ResponsePayload/UniqueIdentifier"].value for i in answer.all("BatchItem")] == [identifier] * 3
    # PyKMIP's placeholder lives on into the next request; this one must not.
    assert reason_of(session.try_(Operation.GET, [])) is ResultReason.ITEM_NOT_FOUND


FALL_BACK = {ResultReason.INVALID_MESSAGE, ResultReason.INVALID_FIELD, ResultReason.FEATURE_NOT_SUPPORTED}


def test_rule_24_a_doubly_wrapped_attribute_reference_is_understood(connect: Opener) -> None:
    session = connect((2, 0))
    identifier = session.do(
        Operation.CREATE,
        [
            ("ObjectType", ObjectType.SYMMETRIC_KEY),
            (
                "Attributes",
                [("CryptographicAlgorithm", AES), ("CryptographicLength", 256), ("CryptographicUsageMask", BOTH)],
            ),
        ],
    )["UniqueIdentifier"].value
    state = tables.tag_by_name("State")
    assert state is not None
    wrapped: Parts = [("AttributeReference", [("AttributeReference", state.code)])]

    # kmipclient begins with this one and falls back on 4, 7 and 8 only; it need not.
    told = session.do(Operation.GET_ATTRIBUTES, [*named(identifier), *wrapped])

    assert told["Attributes/State"].value == State.PRE_ACTIVE


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param([("KeyMaterial", b"")], id="fail a field of something else"),
        pytest.param([("UniqueIdentifier", "a"), ("UniqueIdentifier", "b")], id="fail a field twice"),
        pytest.param([("UniqueIdentifier", b"bytes")], id="fail a field of another type"),
        pytest.param([("UniqueIdentifier", "a"), ("KeyFormatType", 0x7FFF)], id="fail an unknown enumeration value"),
    ],
)
def test_rule_24_what_is_not_understood_is_refused_as_such(connect: Opener, payload: Parts) -> None:
    assert reason_of(connect((1, 4)).try_(Operation.GET, payload)) in FALL_BACK


def test_rule_24_an_operation_that_is_not_there_is_not_supported(connect: Opener) -> None:
    # kmip-go takes just this reason for a server of 1.0 and falls back to it.
    item = connect((1, 0)).try_(Operation.DISCOVER_VERSIONS, [])

    assert reason_of(item) is ResultReason.OPERATION_NOT_SUPPORTED


def test_rule_25_identifiers_are_short(connect: Opener) -> None:
    session = connect()
    pair = rsa_pair(session)

    made = [created(session), *(node.value for node in pair.value)]

    assert all(0 < len(identifier) <= 36 for identifier in made)


@pytest.mark.parametrize(
    "code",
    [RevocationReasonCode.UNSPECIFIED, RevocationReasonCode.CESSATION_OF_OPERATION],
    ids=["ok Percona: 1", "ok TrueNAS, Krill, Ceph, Arsenal: 6"],
)
def test_rule_26_a_revoked_key_is_deactivated_and_can_be_destroyed(connect: Opener, code: int) -> None:
    session = connect((1, 0))
    identifier = created(session, active=True)
    why: Parts = [("RevocationReasonCode", code), ("RevocationMessage", "not needed any more")]

    session.do(Operation.REVOKE, [*named(identifier), ("RevocationReason", why)])

    assert attributes_of(session, identifier, "State") == {"State": State.DEACTIVATED}
    session.do(Operation.DESTROY, named(identifier))
    assert reason_of(session.try_(Operation.GET, named(identifier))) is ResultReason.ITEM_NOT_FOUND


def rsa_pair(session: Session) -> Node:
    """Return the answer to Create Key Pair for RSA of 2048 bits, as Veeam and Krill ask for it."""
    common = template(
        attribute("Cryptographic Algorithm", CryptographicAlgorithm.RSA),
        attribute("Cryptographic Length", 2048),
        tag="CommonTemplateAttribute",
    )
    private = template(attribute("Cryptographic Usage Mask", Mask.SIGN), tag="PrivateKeyTemplateAttribute")
    public = template(attribute("Cryptographic Usage Mask", Mask.VERIFY), tag="PublicKeyTemplateAttribute")
    return session.do(Operation.CREATE_KEY_PAIR, [common, private, public])
