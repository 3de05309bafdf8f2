"""Batch items and answers as the store keeps them."""

import pytest

from kmip_adapters.ttlv.standard import tables
from kmip_core.enums import ObjectType, Operation, ResultReason
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem
from kmip_core.objects import PGPKey
from kmip_core.operations import activate, create, get
from kmip_core.structures import ProtocolVersion
from tests.builders import KEPT_ITEMS, a_symmetric_key

EVERY_VERSION = pytest.mark.parametrize("version", tables.VERSIONS, ids=str)


@EVERY_VERSION
def test_an_item_is_read_as_it_was_written_but_for_its_identifier(version: ProtocolVersion) -> None:
    """The identifier is the batch's, and is kept with it."""
    payload = activate.Request(unique_identifier="1")
    item = RequestBatchItem(operation=Operation.ACTIVATE, payload=payload, unique_batch_item_id=b"7")

    encoded = KEPT_ITEMS.encode_request(item, version)

    assert KEPT_ITEMS.decode_request(encoded, version) == RequestBatchItem(
        operation=Operation.ACTIVATE, payload=payload
    )


@EVERY_VERSION
def test_an_answer_is_read_as_it_was_written(version: ProtocolVersion) -> None:
    payload = create.Response(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1")

    encoded = KEPT_ITEMS.encode_payload(Operation.CREATE, payload, version)

    assert KEPT_ITEMS.decode_payload(encoded, version) == payload


def test_an_answer_that_the_version_cannot_say_is_read_as_the_refusal_that_says_so() -> None:
    """As a client is refused that waits for it: KMIP 1.0 has no PGP keys."""
    _, key = a_symmetric_key()
    pgp = PGPKey(pgp_key_version=4, key_block=key.key_block)
    payload = get.Response(object_type=ObjectType.PGP_KEY, unique_identifier="1", managed_object=pgp)

    encoded = KEPT_ITEMS.encode_payload(Operation.GET, payload, tables.VERSIONS[0])

    with pytest.raises(KmipError) as refused:
        KEPT_ITEMS.decode_payload(encoded, tables.VERSIONS[0])
    assert refused.value.message != ""
    assert refused.value.reason is not ResultReason.GENERAL_FAILURE


def test_two_answers_that_are_alike_are_kept_alike() -> None:
    """Nothing of the time at which they were written is in them."""
    payload = create.Response(object_type=ObjectType.SYMMETRIC_KEY, unique_identifier="1")

    first, second = (KEPT_ITEMS.encode_payload(Operation.CREATE, payload, tables.VERSIONS[-1]) for _ in range(2))
    assert first == second
