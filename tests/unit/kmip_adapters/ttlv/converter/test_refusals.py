"""No answer holds an enumeration value that the client's version does not have."""

import inspect
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.converter import elements, key_blocks, make_converter, refusals
from kmip_adapters.ttlv.encodings import binary
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.standard import tables
from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    ExtensibleEnum,
    HashingAlgorithm,
    ItemType,
    KeyFormatType,
    LinkType,
    ObjectType,
    OpaqueDataType,
    Operation,
    ResultReason,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey, Template
from kmip_core.operations import CATALOGUE, get, get_attributes, query
from kmip_core.structures import (
    CryptographicParameters,
    CustomAttribute,
    EncryptionKeyInformation,
    KeyWrappingData,
    Link,
    ProtocolVersion,
    TypedValue,
)
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.strategies import instances

V10, V11, V12, V14, V20, V21 = (ProtocolVersion(*v) for v in ((1, 0), (1, 1), (1, 2), (1, 4), (2, 0), (2, 1)))
CONVERTERS = {version: make_converter(version) for version in tables.VERSIONS}
ENUMERATIONS = [
    kind
    for _, kind in inspect.getmembers(enums, inspect.isclass)
    if issubclass(kind, IntEnum) and kind not in (IntEnum, ExtensibleEnum)
]
SOME_TAG = tables.tag_by_code(0x420028)


def told(value: Any, version: ProtocolVersion) -> Any:
    """What a client of a version, which knows nothing else, reads of an answer's payload."""
    converter = CONVERTERS[version]
    items = converter.get_unstructure_hook(type(value))(value)
    packed = binary.encode(Item(0x42007C, binary.STRUCTURE, items))
    return converter.get_structure_hook(type(value))(binary.decode(packed).value, type(value))


# --- the table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@pytest.mark.parametrize("kind", ENUMERATIONS, ids=lambda kind: kind.__name__)
def test_a_value_is_written_where_the_version_has_it_and_nowhere_else(
    kind: type[IntEnum], version: ProtocolVersion
) -> None:
    assert SOME_TAG is not None
    element = elements.simple(kind, SOME_TAG, version)
    present = tables.enumeration_values(kind.__name__, version)
    for member in kind:
        assert element.is_known(member) is (int(member) in present)
        if int(member) in present:
            assert element.encode(member) == Item(SOME_TAG.code, ItemType.ENUMERATION, int(member))
            assert element.decode(element.encode(member)) is member
        else:
            with pytest.raises(refusals.NotInVersionError):
                element.encode(member)
            with pytest.raises(KmipError) as refused:
                element.decode(Item(SOME_TAG.code, ItemType.ENUMERATION, int(member)))
            assert refused.value.reason is ResultReason.UNKNOWN_ENUMERATION


def test_an_extension_of_a_vendor_is_written_in_every_version_that_has_extensions() -> None:
    assert SOME_TAG is not None
    for version in tables.VERSIONS:
        element = elements.simple(OpaqueDataType, SOME_TAG, version)

        assert element.encode(OpaqueDataType(0x80000001)).value == 0x80000001


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (KeyFormatType.PKCS_12, ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED),
        (ObjectType.CERTIFICATE_REQUEST, ResultReason.INVALID_OBJECT_TYPE),
        (CryptographicAlgorithm.CHACHA20, ResultReason.FEATURE_NOT_SUPPORTED),
    ],
)
def test_the_refusal_says_what_the_version_lacks(value: IntEnum, reason: ResultReason) -> None:
    error = refusals.NotInVersionError(value, 0x420028, V10)

    assert error.reason is reason
    assert value.name.replace("_", " ") in error.message
    assert "KMIP 1.0" in error.message


# --- whole answers ------------------------------------------------------------------------------------------------

REFUSALS = {
    ResultReason.FEATURE_NOT_SUPPORTED,
    ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED,
    ResultReason.KEY_VALUE_NOT_PRESENT,
    ResultReason.INVALID_OBJECT_TYPE,
}
READS = (
    Operation.GET,
    Operation.EXPORT,
    Operation.GET_ATTRIBUTES,
    Operation.GET_ATTRIBUTE_LIST,
    Operation.QUERY,
    Operation.CHECK,
    Operation.GET_CONSTRAINTS,
)


@pytest.mark.parametrize(
    ("version", "operation"),
    [
        pytest.param(version, operation, id=f"{operation.name}-{version}")
        for version in tables.VERSIONS
        for operation in READS
        if int(operation) in tables.enumeration_values("Operation", version)
    ],
)
@settings(max_examples=rounds(6, nightly=40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_responses_of_values_of_the_newest_version_can_be_read_in_every_other(
    version: ProtocolVersion, operation: Operation, data: st.DataObject
) -> None:
    response = data.draw(instances(CATALOGUE[operation].response, V21))

    try:
        items = CONVERTERS[version].get_unstructure_hook(type(response))(response)
    except KmipError as refused:
        if refused.reason not in REFUSALS:
            raise
        return
    packed = binary.decode(binary.encode(Item(0x42007C, binary.STRUCTURE, items)))
    read = CONVERTERS[version].get_structure_hook(type(response))(packed.value, type(response))
    assert isinstance(read, type(response))


def test_an_object_of_a_type_that_the_version_lacks_is_refused_even_if_nothing_else_says_its_type() -> None:
    template = Template(template_attributes=Attributes())

    with pytest.raises(KmipError, match=r"TEMPLATE, which KMIP 2\.0 does not have") as refused:
        told(get.Response(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1", managed_object=template), V20)
    assert refused.value.reason is ResultReason.INVALID_OBJECT_TYPE


def a_key(algorithm: CryptographicAlgorithm, key_format: KeyFormatType = KeyFormatType.RAW, **block: Any) -> KeyBlock:
    return KeyBlock(
        key_format_type=key_format,
        key_value=KeyValue(key_material=b"key"),
        cryptographic_algorithm=algorithm,
        cryptographic_length=256,
        **block,
    )


def got(content: Any) -> get.Response:
    return get.Response(object_type=content.object_type, unique_identifier="1", managed_object=content)


def test_a_key_of_an_algorithm_that_the_version_lacks_is_refused() -> None:
    answer = got(SymmetricKey(key_block=a_key(CryptographicAlgorithm.CHACHA20)))

    assert told(answer, V14) == answer
    with pytest.raises(KmipError, match=r"CHACHA20, which KMIP 1\.2 does not have") as refused:
        told(answer, V12)
    assert refused.value.reason is ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize("key_format", sorted(key_blocks.SELF_DESCRIBING))
def test_a_key_that_says_itself_what_it_is_goes_without_algorithm(key_format: KeyFormatType) -> None:
    answer = got(PrivateKey(key_block=a_key(CryptographicAlgorithm.EC, key_format)))

    block = told(answer, V11).managed_object.key_block
    assert (block.cryptographic_algorithm, block.cryptographic_length) == (None, None)
    assert told(answer, V12) == answer


def test_a_wrapped_key_says_nothing_itself() -> None:
    wrapping = KeyWrappingData(wrapping_method=WrappingMethod.ENCRYPT)
    block = a_key(CryptographicAlgorithm.EC, KeyFormatType.PKCS_8, key_wrapping_data=wrapping)

    with pytest.raises(refusals.NotInVersionError):
        told(got(PrivateKey(key_block=block)), V10)


def test_parameters_of_a_wrapping_that_the_version_lacks_are_refused() -> None:
    how = CryptographicParameters(block_cipher_mode=BlockCipherMode.AEAD)
    wrapping = KeyWrappingData(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier="2", cryptographic_parameters=how),
    )
    answer = got(SymmetricKey(key_block=a_key(CryptographicAlgorithm.AES, key_wrapping_data=wrapping)))

    assert told(answer, V14) == answer
    with pytest.raises(refusals.NotInVersionError):
        told(answer, V12)


@pytest.mark.parametrize(
    ("key_format", "version"), [(KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY, V12), (KeyFormatType.PKCS_12, V12)]
)
def test_a_format_that_the_version_lacks_is_refused(key_format: KeyFormatType, version: ProtocolVersion) -> None:
    block = a_key(CryptographicAlgorithm.EC, key_format)

    with pytest.raises(KmipError) as refused:
        told(got(PublicKey(key_block=block)), version)
    assert refused.value.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_attributes_that_the_version_cannot_say_are_left_out(version: ProtocolVersion) -> None:
    attributes = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.CHACHA20,
        cryptographic_length=256,
        cryptographic_parameters=(
            CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256),
            CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA3_256),
        ),
        links=(
            Link(link_type=LinkType.PARENT_LINK, linked_object_identifier="2"),
            Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier="3"),
        ),
    )
    answer = get_attributes.Response(unique_identifier="1", attributes=attributes)
    is_new = version >= V14

    read = told(answer, version).attributes
    assert read.cryptographic_length == 256
    assert read.cryptographic_algorithm is (CryptographicAlgorithm.CHACHA20 if is_new else None)
    assert len(read.cryptographic_parameters) == (2 if is_new else 1)
    assert len(read.links) == (2 if version >= V12 else 1)


def test_a_custom_attribute_of_a_type_that_1x_lacks_is_left_out_there() -> None:
    stamp = TypedValue(ItemType.DATE_TIME_EXTENDED, 1)
    inside = TypedValue(ItemType.STRUCTURE, ((0x540001, stamp),))
    customs = tuple(
        CustomAttribute(vendor_identification="x", attribute_name=name, attribute_value=value)
        for name, value in (("plain", TypedValue(ItemType.INTEGER, 1)), ("stamp", stamp), ("inside", inside))
    )
    answer = get_attributes.Response(unique_identifier="1", attributes=Attributes(custom_attributes=customs))

    assert told(answer, V20) == answer
    assert [custom.attribute_name for custom in told(answer, V14).attributes.custom_attributes] == ["plain"]


def test_query_leaves_out_what_the_version_does_not_have() -> None:
    answer = query.Response(operations=(Operation.GET, Operation.PING), object_types=tuple(ObjectType))

    read = told(answer, V20)
    assert read.operations == (Operation.GET,)
    assert {int(object_type) for object_type in read.object_types} == tables.enumeration_values("ObjectType", V20)
