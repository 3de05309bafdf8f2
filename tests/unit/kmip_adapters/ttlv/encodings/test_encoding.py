"""One message means the same in every encoding: each operation's, in each version."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.encodings.encoding import BINARY, ENCODINGS, JSON, XML, Encoding
from kmip_adapters.ttlv.encodings.items import DecodingError, Item, Limits, UnwritableText
from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ItemType, Operation
from kmip_core.messages import (
    RequestBatchItem,
    RequestHeader,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.builders import CODEC
from tests.unit.kmip_adapters.ttlv.strategies import batch_item_id, instances, speaks

USUAL = {tables.VERSIONS[0], *tables.VERSIONS[-4:]} - {tables.VERSIONS[-3]}
"""Versions of a plain `pytest`: of each form of attributes at least one."""


def _marks(version: ProtocolVersion) -> tuple[pytest.MarkDecorator, ...]:
    return () if version in USUAL else (pytest.mark.long,)


MESSAGES = [
    pytest.param(
        version, operation, id=f"{operation.name}-{version}", marks=() if version in USUAL else pytest.mark.long
    )
    for version in tables.VERSIONS
    for operation in CATALOGUE
    if int(operation) in tables.enumeration_values("Operation", version)
]


def of_each(item: Item) -> list[bytes]:
    """Return the encodings of an item, but for XML where it holds characters that XML cannot carry."""
    found = [BINARY.encode(item), JSON.encode(item)]
    with suppress(UnwritableText):
        found.append(XML.encode(item))
    return found


@pytest.mark.parametrize(("version", "operation"), MESSAGES)
@settings(max_examples=rounds(2, nightly=15), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_request_is_the_same_in_every_encoding(
    version: ProtocolVersion, operation: Operation, data: st.DataObject
) -> None:
    payload = data.draw(instances(CATALOGUE[operation].request, version))
    item = RequestBatchItem(operation=operation, unique_batch_item_id=batch_item_id(version), payload=payload)
    message = RequestMessage(header=RequestHeader(protocol_version=version), batch_items=(item,))

    for encoding, octets in zip((BINARY, JSON, XML), of_each(CODEC.request_item(message)), strict=False):
        assert message == CODEC.decode_request(octets, encoding)
        assert encoding.announced_version(octets) == version


@pytest.mark.parametrize(("version", "operation"), MESSAGES)
@settings(max_examples=rounds(2, nightly=10), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_response_is_the_same_in_every_encoding(
    version: ProtocolVersion, operation: Operation, data: st.DataObject
) -> None:
    cls = CATALOGUE[operation].response
    if not speaks(cls, version):
        return
    item = ResponseBatchItem(
        operation=operation, unique_batch_item_id=batch_item_id(version), payload=data.draw(instances(cls, version))
    )
    message = ResponseMessage(header=ResponseHeader(protocol_version=version, time_stamp=1), batch_items=(item,))

    assert [message] * 2 == [CODEC.decode_response(CODEC.encode_response(message, e), e) for e in (BINARY, JSON)]
    in_xml = CODEC.decode_response(CODEC.encode_response(message, XML), XML)
    if len(of_each(CODEC.response_item(message))) == 3:
        assert message == in_xml
    else:
        assert in_xml.batch_items[0].result_message == "a text of the answer holds a character that XML cannot carry"


def test_the_content_types_are_those_of_the_https_profile() -> None:
    assert list(ENCODINGS) == ["application/octet-stream", "text/xml", "application/json"]


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_every_encoding_bounds_depth_items_and_big_integers(encoding: Encoding) -> None:
    deep = Item(0x420008, ItemType.STRUCTURE, ())
    for _ in range(4):
        deep = Item(0x420008, ItemType.STRUCTURE, (deep,))
    many = Item(0x420008, ItemType.STRUCTURE, (Item(0x420009, ItemType.INTEGER, 0),) * 4)
    large = Item(0x42009F, ItemType.BIG_INTEGER, 2**63)

    assert [deep, many, large] == [encoding.decode(encoding.encode(item), Limits()) for item in (deep, many, large)]
    for item, limits in (
        (deep, Limits(max_depth=4)),
        (many, Limits(max_items=4)),
        (large, Limits(max_big_integer=8)),
    ):
        with pytest.raises(DecodingError):
            encoding.decode(encoding.encode(item), limits)


@pytest.mark.parametrize("name", sorted(tables._enumeration_rows()))
def test_a_name_of_a_value_names_that_value(name: str) -> None:
    enumeration = tables.enumeration(name)

    assert enumeration is not None
    assert {v: enumeration.value_by_name[n] for v, n in enumeration.name_by_value.items()} == {
        v: v for v in enumeration.name_by_value
    }


def test_tags_of_enumerations_have_names_for_their_values() -> None:
    tags = [tag for code in range(0x420001, 0x4201C3) if (tag := tables.tag_by_code(code))]
    nameless = {t.name for t in tags if "Enumeration" in t.item_types and t.enumeration is None}

    assert nameless == set()
