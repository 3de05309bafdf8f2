"""One operation as JSON without a message: what Cosmian's clients post, and what they get."""

import json
from typing import Any

import pytest

from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.encodings import operation_json
from kmip_adapters.ttlv.encodings.encoding import OPERATION_JSON
from kmip_adapters.ttlv.encodings.items import DecodingError
from kmip_adapters.ttlv.standard import tables
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    CryptographicAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    RecommendedCurve,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.masks import CryptographicUsageMask
from kmip_core.messages import ResponseBatchItem, ResponseHeader, ResponseMessage, failure
from kmip_core.objects import NO_ATTRIBUTES, KeyValue, SecretData
from kmip_core.operations import (
    CATALOGUE,
    create,
    create_key_pair,
    destroy,
    get,
    get_attributes,
    import_,
    locate,
    query,
    register,
    revoke,
)
from kmip_core.ports.transport import Unprocessed
from kmip_core.structures import Digest, Name, ProtocolVersion

CODEC = Codec(CATALOGUE)
TYPE = {"tag": "ObjectType", "type": "Enumeration", "value": "SymmetricKey"}
OTHER_TYPE = {"tag": "ObjectType", "type": "Enumeration", "value": "PrivateKey"}
AES = {"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": "AES"}
ID = {"tag": "UniqueIdentifier", "type": "TextString", "value": "1"}
REASON = {
    "tag": "RevocationReason",
    "value": [{"tag": "RevocationReasonCode", "type": "Enumeration", "value": "Unspecified"}],
}


def text(tag: object, value: object, **more: object) -> bytes:
    return json.dumps({"tag": tag} | more | {"value": value}).encode()


def payload(tag: str, *members: object) -> Any:
    request = CODEC.decode_request(text(tag, members), OPERATION_JSON)
    (item,) = request.batch_items
    assert request.header.protocol_version == ProtocolVersion(2, 1)
    assert not isinstance(item.payload, KmipError), item.payload
    return item.payload


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        pytest.param(b'{"tag":"Create","value":[]}', True, id="ok compact"),
        pytest.param(b'\n {\n  "tag" : "Get", "type": "Structure"', True, id="ok with spaces"),
        pytest.param(b'{"tag":"RequestMessage","value":[]}', False, id="fail a message"),
        pytest.param(b'{"value":[],"tag":"Create"}', False, id="fail tag not first"),
        pytest.param(b"nonsense", False, id="fail no JSON"),
        pytest.param(b"", False, id="fail nothing"),
    ],
)
def test_an_operation_is_known_by_its_outermost_tag(data: bytes, is_one: bool) -> None:
    assert operation_json.is_one(data) is is_one


def test_a_payload_is_a_request_of_one_item() -> None:
    wanted: get.Request = payload("Get", ID)
    assert wanted.unique_identifier == "1"
    assert isinstance(payload("Locate", {"tag": "Attributes", "value": [AES, TYPE]}), locate.Request)
    assert isinstance(CODEC.decode_request(text("Query", None), OPERATION_JSON).batch_items[0].payload, query.Request)


def test_the_type_of_what_is_made_may_be_repeated_among_its_attributes() -> None:
    made: create.Request = payload("Create", TYPE, {"tag": "Attributes", "value": [AES, TYPE]})
    halves = [{"tag": tag, "value": [OTHER_TYPE]} for tag in ("PrivateKeyAttributes", "PublicKeyAttributes")]
    common = {"tag": "CommonAttributes", "value": [AES, OTHER_TYPE]}
    pair: create_key_pair.Request = payload("CreateKeyPair", common, *halves)

    assert made.attributes.object_type is None
    assert made.attributes.cryptographic_algorithm is CryptographicAlgorithm.AES
    assert pair.common_attributes.object_type is pair.public_key_attributes.object_type is None


def test_a_type_that_contradicts_the_operation_is_not_left_out() -> None:
    made: create.Request = payload("Create", TYPE, {"tag": "Attributes", "value": [AES, OTHER_TYPE]})

    assert made.attributes.object_type is ObjectType.PRIVATE_KEY


def test_members_that_kmip_does_not_have_are_left_out() -> None:
    cascade = {"tag": "Cascade", "type": "Boolean", "value": True}

    assert payload("Revoke", ID, REASON, cascade) == payload("Revoke", ID, REASON)
    assert isinstance(payload("Revoke", ID, REASON), revoke.Request)


def test_an_expected_type_is_looked_for_before_the_object_is_destroyed() -> None:
    expected = {"tag": "ExpectedObjectType", "type": "Enumeration", "value": "SymmetricKey"}
    request = CODEC.decode_request(text("Destroy", [ID, {"tag": "Cascade", "value": None}, expected]), OPERATION_JSON)

    found, destroyed = (item.payload for item in request.batch_items)
    assert isinstance(found, locate.Request)
    assert destroyed == destroy.Request()
    assert payload("Destroy", ID) == destroy.Request(unique_identifier="1")
    assert payload("Destroy", expected) == destroy.Request()  # which nothing before it has found


def an_enumeration(tag: str, value: str) -> dict[str, str]:
    return {"tag": tag, "type": "Enumeration", "value": value}


def test_names_of_values_may_lack_underscores_and_capitals() -> None:
    wanted: get.Request = payload("Get", ID, an_enumeration("KeyFormatType", "PKCS8"))
    assert wanted.key_format_type is KeyFormatType.PKCS_8
    curve = {"tag": "CryptographicDomainParameters", "value": [an_enumeration("RecommendedCurve", "P256")]}
    pair: create_key_pair.Request = payload("CreateKeyPair", {"tag": "CommonAttributes", "value": [curve]})
    parameters = pair.common_attributes.cryptographic_domain_parameters
    assert parameters is not None
    assert parameters.recommended_curve is RecommendedCurve.P_256
    assert payload("Get", ID, an_enumeration("KeyFormatType", "0x00000004")) == wanted


def test_no_two_names_of_an_enumeration_are_taken_for_each_other() -> None:
    for enumeration in tables._enumerations().values():
        values: dict[str, int] = {}
        for name, value in enumeration.value_by_name.items():
            assert values.setdefault(tables.squashed(name), value) == value, (enumeration.name, name)


def test_the_server_chooses_the_formats_of_a_pair() -> None:
    private = {"tag": "PrivateKeyAttributes", "value": [an_enumeration("KeyFormatType", "TransparentRSAPrivateKey")]}
    public = {"tag": "PublicKeyAttributes", "value": [an_enumeration("KeyFormatType", "TransparentRSAPrivateKey")]}
    pair: create_key_pair.Request = payload("CreateKeyPair", private, public)

    assert pair.private_key_attributes.key_format_type is pair.public_key_attributes.key_format_type is None


def test_members_without_bytes_are_left_out_of_decrypt() -> None:
    data = {"tag": "Data", "type": "ByteString", "value": "00"}
    empty = [
        {"tag": tag, "type": "ByteString", "value": ""} for tag in ("IVCounterNonce", "AuthenticatedEncryptionTag")
    ]

    assert payload("Decrypt", ID, data, *empty) == payload("Decrypt", ID, data)


def test_an_import_without_an_identifier_registers_the_object() -> None:
    material = {"tag": "KeyMaterial", "type": "ByteString", "value": "68756E746572"}
    again = {"tag": "Attributes", "value": [an_enumeration("ObjectType", "SecretData"), ID]}
    block = [an_enumeration("KeyFormatType", "Raw"), {"tag": "KeyValue", "value": [material, again]}]
    kind = an_enumeration("ObjectType", "SecretData")
    secret = {
        "tag": "SecretData",
        "value": [an_enumeration("SecretDataType", "Seed"), {"tag": "KeyBlock", "value": block}],
    }
    attributes = {"tag": "Attributes", "value": [kind, ID, an_enumeration("KeyFormatType", "Raw")]}
    replace = {"tag": "ReplaceExisting", "type": "Boolean", "value": False}
    request: register.Request = payload("Import", ID | {"value": ""}, kind, replace, attributes, secret)

    assert isinstance(request, register.Request)
    assert request.attributes == NO_ATTRIBUTES
    assert isinstance(request.managed_object, SecretData)
    value = request.managed_object.key_block.key_value
    assert isinstance(value, KeyValue)
    assert value.attributes is None
    named = payload("Import", ID, kind, replace, {"tag": "Attributes", "value": []}, secret)
    assert isinstance(named, import_.Request)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(text("Nonsense", []), id="fail no operation"),
        pytest.param(text(["Create"], []), id="fail tag is an array"),
        pytest.param(b"[1]", id="fail no object"),
        pytest.param(b'{"tag":"Create"', id="fail no JSON"),
        pytest.param(text("Create", [], type="Integer"), id="fail no structure"),
        pytest.param(text("Create", 7), id="fail no array"),
        pytest.param(text("Create", [TYPE, {"tag": "Attributes", "value": 7}]), id="fail no array below"),
        pytest.param(text("Create", [7]), id="fail no item"),
        pytest.param(text("Create", [{"tag": ["Attributes"], "value": []}]), id="fail tag of an array below"),
        pytest.param(text("Create", [{"tag": "Whatever", "type": "Boolean", "value": True}]), id="fail no tag"),
    ],
)
def test_json_that_is_no_operation_is_refused(data: bytes) -> None:
    with pytest.raises(DecodingError):
        operation_json.decode(data)
    with pytest.raises(UnreadableMessage) as refused:
        CODEC.decode_request(data, OPERATION_JSON)
    assert refused.value.version == ProtocolVersion(2, 1)


def encoded(item: ResponseBatchItem) -> bytes:
    header = ResponseHeader(protocol_version=ProtocolVersion(2, 1), time_stamp=0)
    return CODEC.encode_response(ResponseMessage(header=header, batch_items=(item,)), OPERATION_JSON)


def test_the_answer_is_the_payload_under_the_operation_s_name() -> None:
    found = ResponseBatchItem(
        operation=Operation.LOCATE, payload=locate.Response(located_items=1, unique_identifiers=("1",))
    )

    assert json.loads(encoded(found)) == {
        "tag": "LocateResponse",
        "type": "Structure",
        "value": [{"tag": "LocatedItems", "type": "Integer", "value": 1}, ID],
    }


def test_answers_have_what_these_clients_can_read() -> None:
    digests = tuple(
        Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=b"", key_format_type=form)
        for form in (KeyFormatType.RAW, KeyFormatType.PKCS_8)
    )
    names = tuple(Name(name_value=name) for name in ("a", "b"))
    attributes = Attributes(
        cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
        key_format_type=KeyFormatType.PKCS_8,
        digests=digests,
        names=names,
    )
    found = get_attributes.Response(unique_identifier="1", attributes=attributes)
    answer = json.loads(encoded(ResponseBatchItem(operation=Operation.GET_ATTRIBUTES, payload=found)))

    (members,) = (member["value"] for member in answer["value"] if member["tag"] == "Attributes")
    values = [(member["tag"], member["value"]) for member in members]
    assert ("CryptographicUsageMask", 12) in values
    assert ("KeyFormatType", "0x00000004") in values
    assert [tag for tag, _ in values].count("Digest") == 1
    assert [tag for tag, _ in values].count("Name") == 2


def test_a_failure_is_answered_by_a_text() -> None:
    refusal = KmipError(ResultReason.ITEM_NOT_FOUND, "no such object: ä")
    answer = encoded(failure(refusal, ResponseBatchItem(operation=Operation.GET)))

    assert isinstance(answer, Unprocessed)
    assert answer.decode() == "ItemNotFound: no such object: ä\n"
