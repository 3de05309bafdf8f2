"""One operation as JSON without a message: what Cosmian's clients post, and what they get."""

import json
from typing import Any

import pytest

from kmip_adapters.ttlv.codec import Codec, UnreadableMessage
from kmip_adapters.ttlv.encodings import operation_json
from kmip_adapters.ttlv.encodings.encoding import OPERATION_JSON
from kmip_adapters.ttlv.encodings.items import DecodingError
from kmip_core.enums import CryptographicAlgorithm, ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import ResponseBatchItem, ResponseHeader, ResponseMessage, failure
from kmip_core.operations import CATALOGUE, create, create_key_pair, destroy, get, locate, query, revoke
from kmip_core.ports.transport import Unprocessed
from kmip_core.structures import ProtocolVersion

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
def test_what_is_no_operation_is_refused(data: bytes) -> None:
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


def test_a_failure_is_answered_by_a_text() -> None:
    refusal = KmipError(ResultReason.ITEM_NOT_FOUND, "no such object: ä")
    answer = encoded(failure(refusal, ResponseBatchItem(operation=Operation.GET)))

    assert isinstance(answer, Unprocessed)
    assert answer.decode() == "ItemNotFound: no such object: ä\n"
