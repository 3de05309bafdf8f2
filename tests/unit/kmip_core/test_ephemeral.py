"""Ephemeral, for every operation whose answer has Data."""

from typing import Any, Final

import pytest
from attrs import NOTHING, evolve, fields_dict

from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    Ephemeral,
    HashingAlgorithm,
    Operation,
    ResultStatus,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operations import CATALOGUE, decrypt, encapsulate, encrypt, hash, rng_retrieve
from kmip_core.structures import CryptographicParameters
from tests.builders import ALICE, VERSION, an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key

CTR: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR)
IV: Final = bytes(16)
REQUESTS: Final[dict[Operation, Any]] = {
    Operation.ENCRYPT: encrypt.Request(
        unique_identifier="key", cryptographic_parameters=CTR, data=b"plain", iv_counter_nonce=IV
    ),
    Operation.DECRYPT: decrypt.Request(
        unique_identifier="key", cryptographic_parameters=CTR, data=b"coded", iv_counter_nonce=IV
    ),
    Operation.HASH: hash.Request(
        cryptographic_parameters=CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256), data=b"abc"
    ),
    Operation.RNG_RETRIEVE: rng_retrieve.Request(data_length=8),
    Operation.ENCAPSULATE: encapsulate.Request(unique_identifier="public"),
}


def an_engine_with_keys() -> Engine:
    pair = (CryptographicAlgorithm.EC, 256)
    return an_engine(a_key(), a_private_key(*pair), a_public_key(*pair))


def asked(engine: Engine, operation: Operation, payload: Any, ephemeral: Ephemeral | None = Ephemeral.DATA) -> Any:
    item = RequestBatchItem(operation=operation, ephemeral=ephemeral, payload=payload)
    message = RequestMessage(header=RequestHeader(protocol_version=VERSION), batch_items=(item,))
    (answer,) = engine.handle(message, ALICE).batch_items
    assert answer.result_status is ResultStatus.SUCCESS, answer.result_message
    return answer.payload


def test_every_operation_whose_answer_has_data_is_tried_here() -> None:
    assert {operation for operation, spec in CATALOGUE.items() if "data" in fields_dict(spec.response)} == set(REQUESTS)


@pytest.mark.parametrize("operation", REQUESTS, ids=lambda operation: operation.name)
def test_an_ephemeral_answer_is_as_ever_but_for_its_data(operation: Operation) -> None:
    engine = an_engine_with_keys()
    ephemeral = asked(engine, operation, REQUESTS[operation])
    whole = asked(engine, operation, REQUESTS[operation], None)

    assert whole.data
    must_be_there = fields_dict(type(whole))["data"].default is NOTHING
    assert ephemeral.data == (b"" if must_be_there else None)
    others = set(fields_dict(type(whole))) - {"data"}
    assert [getattr(ephemeral, name) is None for name in others] == [getattr(whole, name) is None for name in others]


def test_parts_of_a_stream_leave_out_their_data_and_go_on() -> None:
    engine = an_engine_with_keys()
    request = evolve(REQUESTS[Operation.ENCRYPT], data=b"a" * 16, init_indicator=True)
    first = asked(engine, Operation.ENCRYPT, request)
    last = evolve(request, init_indicator=None, final_indicator=True, correlation_value=first.correlation_value)
    ending = perform(engine, Operation.ENCRYPT, evolve(last, iv_counter_nonce=None, cryptographic_parameters=None))

    whole = perform(engine, Operation.ENCRYPT, evolve(REQUESTS[Operation.ENCRYPT], data=b"a" * 32))
    assert first.data is None
    assert first.correlation_value
    assert ending.data == whole.data[16:]
