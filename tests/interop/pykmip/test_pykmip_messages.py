"""PyKMIP's message classes and our codec understand each other, without a socket."""

from typing import Any

import pytest

from kmip_adapters.ttlv.codec import Codec
from kmip_core import enums as standard
from kmip_core.attributes import AttributeInstance, AttributeReference, Attributes
from kmip_core.enums import CryptographicUsageMask, ObjectType, Operation
from kmip_core.messages import ResponseBatchItem, ResponseHeader, ResponseMessage
from kmip_core.objects import Certificate, Content, KeyBlock, KeyValue, OpaqueObject, SecretData, SymmetricKey
from kmip_core.operations import CATALOGUE, create, get, get_attribute_list, get_attributes, locate, query, register
from kmip_core.structures import ApplicationSpecificInformation, Name, ProtocolVersion

pytest.importorskip("kmip", reason="PyKMIP is in the dev extra")

from kmip.core import attributes, objects, primitives, secrets, utils
from kmip.core import enums as pykmip
from kmip.core.factories.attributes import AttributeFactory
from kmip.core.messages import contents, messages, payloads
from kmip.core.misc import KeyFormatType

CODEC = Codec(CATALOGUE)
VERSIONS = [(1, 0), (1, 2), (1, 4), (2, 0)]
KEY = bytes(range(32))

T = pykmip.AttributeType
attribute = AttributeFactory().create_attribute


def kmip_version(version: tuple[int, int]) -> Any:
    return pykmip.KMIPVersion[f"KMIP_{version[0]}_{version[1]}"]


def decoded(version: tuple[int, int], operation: Any, payload: Any) -> Any:
    """Return the payload that our codec reads in what PyKMIP writes."""
    header = messages.RequestHeader(
        protocol_version=contents.ProtocolVersion(*version), batch_count=contents.BatchCount(1)
    )
    item = messages.RequestBatchItem(
        operation=primitives.Enumeration(pykmip.Operation, operation, tag=pykmip.Tags.OPERATION),
        request_payload=payload,
    )
    stream = utils.BytearrayStream()
    message = messages.RequestMessage(request_header=header, batch_items=[item])
    message.write(stream, kmip_version=kmip_version(version))
    (read,) = CODEC.decode_request(bytes(stream.buffer)).batch_items
    assert read.operation is not None
    assert read.operation.value == operation.value
    return read.payload


def encoded(version: tuple[int, int], operation: Operation, payload: Any) -> Any:
    """Return the payload that PyKMIP reads in what our codec writes."""
    frame = CODEC.encode_response(
        ResponseMessage(
            header=ResponseHeader(protocol_version=ProtocolVersion(*version), time_stamp=5),
            batch_items=(ResponseBatchItem(operation=operation, payload=payload),),
        )
    )
    message = messages.ResponseMessage()
    message.read(utils.BytearrayStream(frame), kmip_version=kmip_version(version))
    return message.batch_items[0].response_payload


def template() -> Any:
    name = attributes.Name.create("foo", pykmip.NameType.UNINTERPRETED_TEXT_STRING)
    application = {"application_namespace": "ns", "application_data": "d"}
    return objects.TemplateAttribute(
        attributes=[
            attribute(T.CRYPTOGRAPHIC_ALGORITHM, pykmip.CryptographicAlgorithm.AES),
            attribute(T.CRYPTOGRAPHIC_LENGTH, 256),
            attribute(T.CRYPTOGRAPHIC_USAGE_MASK, [pykmip.CryptographicUsageMask.ENCRYPT]),
            attribute(T.NAME, name),
            attribute(T.OBJECT_GROUP, "g"),
            attribute(T.APPLICATION_SPECIFIC_INFORMATION, application),
        ]
    )


TEMPLATE = Attributes(
    cryptographic_algorithm=standard.CryptographicAlgorithm.AES,
    cryptographic_length=256,
    cryptographic_usage_mask=CryptographicUsageMask.ENCRYPT,
    names=(Name(name_value="foo"),),
    object_groups=("g",),
    application_specific_information=(
        ApplicationSpecificInformation(application_namespace="ns", application_data="d"),
    ),
)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_create(version: tuple[int, int]) -> None:
    payload = payloads.CreateRequestPayload(pykmip.ObjectType.SYMMETRIC_KEY, template())

    expected = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=TEMPLATE)
    assert expected == decoded(version, pykmip.Operation.CREATE, payload)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_register(version: tuple[int, int]) -> None:
    block = objects.KeyBlock(
        key_format_type=KeyFormatType(pykmip.KeyFormatType.RAW),
        key_value=objects.KeyValue(objects.KeyMaterial(KEY)),
        cryptographic_algorithm=attributes.CryptographicAlgorithm(pykmip.CryptographicAlgorithm.AES),
        cryptographic_length=attributes.CryptographicLength(256),
    )
    payload = payloads.RegisterRequestPayload(pykmip.ObjectType.SYMMETRIC_KEY, template(), secrets.SymmetricKey(block))

    request = decoded(version, pykmip.Operation.REGISTER, payload)

    assert isinstance(request, register.Request)
    assert request.attributes == TEMPLATE
    assert key_block() == request.managed_object.key_block


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_locate(version: tuple[int, int]) -> None:
    payload = payloads.LocateRequestPayload(
        maximum_items=3, attributes=[attribute(T.INITIAL_DATE, 5), attribute(T.INITIAL_DATE, 9)]
    )
    date = AttributeReference(attribute="initial_date")
    criteria = tuple(AttributeInstance(reference=date, value=second) for second in (5, 9))

    expected = locate.Request(maximum_items=3, criteria=criteria, counts_items=version >= (1, 3))
    assert expected == decoded(version, pykmip.Operation.LOCATE, payload)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_get_attributes(version: tuple[int, int]) -> None:
    payload = payloads.GetAttributesRequestPayload("1", ["State", "Cryptographic Usage Mask"])

    request = decoded(version, pykmip.Operation.GET_ATTRIBUTES, payload)

    assert [r.attribute for r in request.references] == ["state", "cryptographic_usage_mask"]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_revoke(version: tuple[int, int]) -> None:
    payload = payloads.RevokeRequestPayload(
        attributes.UniqueIdentifier("1"),
        objects.RevocationReason(pykmip.RevocationReasonCode.KEY_COMPROMISE, "m"),
        primitives.DateTime(6, tag=pykmip.Tags.COMPROMISE_OCCURRENCE_DATE),
    )

    request = decoded(version, pykmip.Operation.REVOKE, payload)

    assert request.revocation_reason.revocation_reason_code is standard.RevocationReasonCode.KEY_COMPROMISE
    assert (request.revocation_reason.revocation_message, request.compromise_occurrence_date) == ("m", 6)


def key_block() -> KeyBlock:
    return KeyBlock(
        key_format_type=standard.KeyFormatType.RAW,
        key_value=KeyValue(key_material=KEY),
        cryptographic_algorithm=standard.CryptographicAlgorithm.AES,
        cryptographic_length=256,
    )


OBJECTS = {
    "SymmetricKey": SymmetricKey(key_block=key_block()),
    "SecretData": SecretData(b"password"),
    "OpaqueObject": OpaqueObject(b"opaque"),
    "Certificate": Certificate(certificate_value=b"certificate"),
}


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize(("name", "content"), OBJECTS.items(), ids=OBJECTS)
def test_got_objects_are_read(version: tuple[int, int], name: str, content: Content) -> None:
    response = get.Response(object_type=content.object_type, unique_identifier="1", managed_object=content)

    assert name == type(encoded(version, Operation.GET, response).secret).__name__


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_attributes_are_read(version: tuple[int, int]) -> None:
    told = Attributes(names=(Name(name_value="a"), Name(name_value="b")), state=standard.State.ACTIVE, sensitive=True)
    response = get_attributes.Response(unique_identifier="1", attributes=told)

    read = encoded(version, Operation.GET_ATTRIBUTES, response).attributes

    names = [a.attribute_name.value for a in read]
    assert names == (["Name", "Name", "State"] if version < (1, 4) else ["Name", "Name", "State", "Sensitive"])
    if version < (2, 0):
        assert [a.attribute_index and a.attribute_index.value for a in read][:2] == [None, 1]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_the_list_of_attributes_is_read(version: tuple[int, int]) -> None:
    references = tuple(AttributeReference(attribute=name) for name in ("names", "state", "object_groups"))
    response = get_attribute_list.Response(unique_identifier="1", references=references)

    read = encoded(version, Operation.GET_ATTRIBUTE_LIST, response)

    assert set(read.attribute_names) == {"Name", "State", "Object Group"}


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_located_objects_are_read(version: tuple[int, int]) -> None:
    response = locate.Response(located_items=2, unique_identifiers=("a", "b"))

    assert encoded(version, Operation.LOCATE, response).unique_identifiers == ["a", "b"]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_an_answer_to_query_is_read(version: tuple[int, int]) -> None:
    response = query.Response(operations=tuple(CATALOGUE), object_types=tuple(ObjectType), vendor_identification="v")

    read = encoded(version, Operation.QUERY, response)

    assert pykmip.Operation.CREATE in read.operations
    assert (pykmip.Operation.ENCRYPT in read.operations) is (version >= (1, 2))
