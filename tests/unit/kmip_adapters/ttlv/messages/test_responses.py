"""Response Messages: as bytes that are known, and there and back."""

import pytest

from kmip_adapters.ttlv.messages.items import BATCH_COUNT, RESPONSE_HEADER, RESPONSE_MESSAGE
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import CryptographicAlgorithm, KeyFormatType, ObjectType, Operation, ResultReason, ResultStatus
from kmip_core.errors import KmipError, not_found
from kmip_core.messages import RequestBatchItem, ResponseBatchItem, ResponseHeader, ResponseMessage, failure
from kmip_core.objects import KeyBlock, KeyValue, SymmetricKey
from kmip_core.operations import activate, get
from kmip_core.structures import ProtocolVersion
from tests.unit.kmip_adapters.ttlv.builders import CODEC, V10, V12, V13, V14, integer, structure, version_item


def test_the_bytes_of_a_get_response() -> None:
    block = KeyBlock(
        key_format_type=KeyFormatType.RAW,
        key_value=KeyValue(key_material=bytes(range(16))),
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
    )
    payload = get.Response(
        object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1", managed_object=SymmetricKey(key_block=block)
    )
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V12, time_stamp=0x5C2B5EF0),
        batch_items=(ResponseBatchItem(operation=Operation.GET, unique_batch_item_id=b"QLKC", payload=payload),),
    )
    expected = """
        42007B 01 00000110
          42007A 01 00000048
            420069 01 00000020  42006A 02 00000004 00000001 00000000  42006B 02 00000004 00000002 00000000
            420092 09 00000008 000000005C2B5EF0
            42000D 02 00000004 00000001 00000000
          42000F 01 000000B8
            42005C 05 00000004 0000000A 00000000
            420093 08 00000004 514C4B43 00000000
            42007F 05 00000004 00000000 00000000
            42007C 01 00000080
              420057 05 00000004 00000002 00000000
              420094 07 00000001 31 00000000000000
              42008F 01 00000058
                420040 01 00000050
                  420042 05 00000004 00000001 00000000
                  420045 01 00000018  420043 08 00000010 000102030405060708090A0B0C0D0E0F
                  420028 05 00000004 00000003 00000000
                  42002A 02 00000004 00000080 00000000
    """

    assert bytes.fromhex("".join(expected.split())) == CODEC.encode_response(message)


def test_the_bytes_of_a_refusal() -> None:
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V10, time_stamp=1),
        batch_items=(failure(not_found(), RequestBatchItem(operation=Operation.GET, payload=None)),),
    )
    expected = """
        42007B 01 000000A0
          42007A 01 00000048
            420069 01 00000020  42006A 02 00000004 00000001 00000000  42006B 02 00000004 00000000 00000000
            420092 09 00000008 0000000000000001
            42000D 02 00000004 00000001 00000000
          42000F 01 00000048
            42005C 05 00000004 0000000A 00000000
            42007F 05 00000004 00000001 00000000
            42007E 05 00000004 00000001 00000000
            42007D 07 0000000E 6E6F2073756368206F626A656374 0000
    """

    assert bytes.fromhex("".join(expected.split())) == CODEC.encode_response(message)


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_a_response_comes_back_as_it_went(version: ProtocolVersion) -> None:
    correlation = "c" if version >= V14 else None
    message = ResponseMessage(
        header=ResponseHeader(
            protocol_version=version,
            time_stamp=1_700_000_000,
            client_correlation_value=correlation,
            server_correlation_value=correlation,
        ),
        batch_items=(
            ResponseBatchItem(
                operation=Operation.ACTIVATE,
                unique_batch_item_id=b"1",
                payload=activate.Response(unique_identifier="1"),
            ),
            ResponseBatchItem(
                operation=Operation.GET,
                unique_batch_item_id=b"2",
                result_status=ResultStatus.OPERATION_FAILED,
                result_reason=ResultReason.PERMISSION_DENIED,
                result_message="no",
            ),
            ResponseBatchItem(
                operation=Operation.LOCATE,
                unique_batch_item_id=b"3",
                result_status=ResultStatus.OPERATION_PENDING,
                asynchronous_correlation_value=b"later",
            ),
        ),
    )

    assert message == CODEC.decode_response(CODEC.encode_response(message))


def test_correlation_values_are_not_sent_to_versions_without_them() -> None:
    message = ResponseMessage(
        header=ResponseHeader(protocol_version=V13, time_stamp=1, client_correlation_value="c"), batch_items=()
    )

    assert b"c" not in CODEC.encode_response(message)[8:]


def test_an_answer_without_time_stamp_is_refused() -> None:
    item = structure(RESPONSE_MESSAGE, structure(RESPONSE_HEADER, version_item((1, 2)), integer(BATCH_COUNT, 1)))

    with pytest.raises(KmipError, match="Time Stamp"):
        CODEC.response_from(item)
