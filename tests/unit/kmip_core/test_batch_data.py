"""Data of one item of a batch as that of a later one, returned or not."""

from typing import Any, Final

import pytest
from attrs import evolve, fields_dict

from kmip_core.batch_data import OUTPUTS, BatchData, without_data
from kmip_core.engine import Engine
from kmip_core.enums import (
    AsynchronousIndicator,
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    CryptographicUsageMask,
    Data,
    Ephemeral,
    HashingAlgorithm,
    Operation,
    ResultReason,
    State,
)
from kmip_core.errors import KmipError, invalid_field
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem
from kmip_core.operations import CATALOGUE, decrypt, encrypt, hash, mac, ping, rng_retrieve
from kmip_core.pacing import pace_of
from kmip_core.ports.steps import Pace
from kmip_core.ports.storage import TakesLong
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters
from tests.builders import ALICE, VERSION, a_symmetric_key, an_engine
from tests.later import an_engine_with_runner
from tests.unit.kmip_core.test_engine import CompetingStorage

SHA_256: Final = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
ECB: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
HMAC: Final = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
HASH: Final = hash.Request(cryptographic_parameters=SHA_256)
TEXT: Final = b"sixteen bytes..."
MASK: Final = (
    CryptographicUsageMask.ENCRYPT
    | CryptographicUsageMask.DECRYPT
    | CryptographicUsageMask.MAC_GENERATE
    | CryptographicUsageMask.MAC_VERIFY
)

Item = tuple[Operation, Any, Data | int | None]


def keys(**parts: Any) -> Engine:
    both = (a_symmetric_key(name, State.ACTIVE, cryptographic_usage_mask=MASK) for name in ("old", "new"))
    return an_engine(*both, **parts)


def request(*items: Item, ephemeral: Ephemeral | None = None, **header: Any) -> RequestMessage:
    return RequestMessage(
        header=RequestHeader(protocol_version=VERSION, **header),
        batch_items=tuple(
            RequestBatchItem(
                operation=operation,
                ephemeral=ephemeral,
                data_reference=reference,
                unique_batch_item_id=str(number).encode(),
                payload=payload,
            )
            for number, (operation, payload, reference) in enumerate(items)
        ),
    )


def asked(engine: Engine, *items: Item, **more: Any) -> tuple[ResponseBatchItem, ...]:
    return engine.handle(request(*items, **more), ALICE).batch_items


def encrypting(data: bytes | None, key: str = "old") -> encrypt.Request:
    return encrypt.Request(unique_identifier=key, cryptographic_parameters=ECB, data=data)


ENCRYPT: Final[Item] = (Operation.ENCRYPT, encrypting(TEXT), None)


def hashing(reference: Data | int | None, data: bytes | None = None) -> Item:
    return Operation.HASH, hash.Request(cryptographic_parameters=SHA_256, data=data), reference


def test_data_goes_from_one_key_to_another_without_leaving_the_server() -> None:
    engine = keys()
    (first,) = asked(engine, ENCRYPT)
    cipher_text = first.payload.data
    read = decrypt.Request(unique_identifier="old", cryptographic_parameters=ECB, data=cipher_text)

    decrypted, encrypted = asked(
        engine,
        (Operation.DECRYPT, read, None),
        (Operation.ENCRYPT, encrypting(None, "new"), Data.DECRYPT),
        ephemeral=None,
    )
    hidden, again = asked(
        engine,
        (Operation.DECRYPT, read, None),
        (Operation.ENCRYPT, encrypting(None, "new"), -1),
        ephemeral=Ephemeral.DATA,
    )

    assert (decrypted.payload.data, encrypted.payload.data) == (TEXT, cipher_text)  # both keys are of zero bits
    assert (hidden.payload.data, again.payload.data) == (None, None)
    assert again.result_reason is None


@pytest.mark.parametrize("reference", [Data.HASH, 1, -1])
def test_the_newest_of_an_operation_the_nth_and_the_last_are_the_same_here(reference: Data | int) -> None:
    first, second, third = asked(keys(), ENCRYPT, hashing(None, b"text"), hashing(reference))

    assert first.payload.data
    assert third.payload.data == asked(keys(), hashing(None, second.payload.data))[0].payload.data


def test_integers_count_from_the_first_and_back_from_the_item() -> None:
    items = [hashing(None, bytes([number])) for number in range(3)]
    answers = asked(keys(), *items, *(hashing(number) for number in (0, 2, -3, -6)))
    digests = [answer.payload.data for answer in answers]

    def once_more(digest: bytes) -> bytes:
        data: bytes = asked(keys(), hashing(None, digest))[0].payload.data
        return data

    assert digests[3:] == [once_more(digests[number]) for number in (0, 2, 2, 0)]


def test_codes_and_signatures_are_data_of_their_operations() -> None:
    making = mac.Request(unique_identifier="old", cryptographic_parameters=HMAC, data=TEXT)
    made, first, second = asked(keys(), (Operation.MAC, making, None), hashing(Data.MAC_MAC_DATA), hashing(0))
    (hidden,) = asked(keys(), (Operation.MAC, making, None), ephemeral=Ephemeral.DATA)

    (expected,) = asked(keys(), hashing(None, made.payload.mac_data))

    assert made.payload.mac_data
    assert first.payload.data == second.payload.data == expected.payload.data
    assert (hidden.payload.unique_identifier, hidden.payload.mac_data) == ("old", None)


@pytest.mark.parametrize("operation", OUTPUTS)
def test_each_operation_with_data_has_it_in_its_response(operation: Operation) -> None:
    kind, name = OUTPUTS[operation]

    assert name in fields_dict(CATALOGUE[operation].response)
    assert kind is None or kind.name.startswith(operation.name)


def test_every_data_of_the_enumeration_but_one_is_that_of_an_operation() -> None:
    assert {kind for kind, _ in OUTPUTS.values()} == {*Data, None} - {Data.SIGNATURE_VERIFY}


def test_every_response_with_data_is_of_an_operation_that_is_listed() -> None:
    names = {"data", "mac_data", "signature_data"}
    found = {operation for operation, spec in CATALOGUE.items() if names & set(fields_dict(spec.response))}

    assert found == set(OUTPUTS)


@pytest.mark.parametrize("reference", [*Data, 0, 1, -1, -2, 2**31 - 1, -(2**31)])
def test_a_reference_to_data_that_no_item_has_returned_is_refused(reference: Data | int) -> None:
    (alone,) = asked(keys(), hashing(reference))
    *_, last = asked(keys(), (Operation.PING, ping.Request(), None), hashing(reference))

    assert alone.result_reason is last.result_reason is ResultReason.INVALID_FIELD


def test_an_item_that_has_failed_leaves_no_data() -> None:
    missing = (Operation.ENCRYPT, encrypting(TEXT, "none"), None)
    answers = asked(
        keys(),
        missing,
        hashing(Data.ENCRYPT),
        batch_error_continuation_option=BatchErrorContinuationOption.CONTINUE,
    )

    assert answers[1].result_reason is ResultReason.INVALID_FIELD


def test_an_operation_without_data_takes_none() -> None:
    *_, last = asked(keys(), ENCRYPT, (Operation.PING, ping.Request(), 0))

    assert last.result_reason is ResultReason.INVALID_FIELD


def test_a_payload_that_cannot_be_read_stays_the_refusal_that_it_is() -> None:
    *_, last = asked(keys(), ENCRYPT, (Operation.HASH, invalid_field("it is malformed"), 0))

    assert last.result_message == "it is malformed"


def test_data_goes_on_in_a_batch_that_is_undone_whole() -> None:
    undone = asked(
        keys(), ENCRYPT, hashing(0), hashing(7), batch_error_continuation_option=BatchErrorContinuationOption.UNDO
    )
    done = asked(keys(), ENCRYPT, hashing(0), batch_error_continuation_option=BatchErrorContinuationOption.UNDO)

    assert undone[-1].result_reason is ResultReason.INVALID_FIELD
    assert done[1].payload.data


@pytest.mark.parametrize("ephemeral", [None, *Ephemeral])
def test_no_more_data_is_kept_and_used_than_could_be_sent(ephemeral: Ephemeral | None) -> None:
    engine = keys(settings=Settings(maximum_response_size=4_000))
    random = (Operation.RNG_RETRIEVE, rng_retrieve.Request(data_length=900), None)
    repeated = asked(engine, random, *[hashing(0)] * 10, ephemeral=ephemeral)
    kept = asked(engine, random, *[random] * 4, hashing(0), ephemeral=ephemeral)

    assert [answer.result_reason for answer in repeated] == [None] * 4 + [ResultReason.RESPONSE_TOO_LARGE]
    assert kept[-1].result_reason is ResultReason.RESPONSE_TOO_LARGE


def test_an_item_that_refers_to_data_runs_in_a_thread_and_is_answered_at_once() -> None:
    engine, _ = an_engine_with_runner(a_symmetric_key("old", State.ACTIVE))
    message = request(ENCRYPT, hashing(0), asynchronous_indicator=AsynchronousIndicator.MANDATORY)
    plain = request(ENCRYPT, hashing(None, b"x"))

    assert pace_of(plain, CATALOGUE, engine.services) is Pace.QUICK
    assert pace_of(message, CATALOGUE, engine.services) is Pace.BRIEF
    assert [answer.payload is None for answer in engine.handle(message, ALICE).batch_items] == [False, False]


def test_an_undone_item_leaves_no_data_and_takes_none() -> None:
    data = BatchData(20)
    data.remember(Operation.HASH, hash.Response(data=b"first"))
    mark = data.mark()
    data.remember(Operation.ENCRYPT, encrypt.Response(unique_identifier="1", data=b"undone"))
    data.go_back(mark)
    data.remember(Operation.RNG_RETRIEVE, rng_retrieve.Response(data=b"second"))

    assert data.given_to(HASH, 1).data == b"second"
    with pytest.raises(KmipError, match="this operation"):
        data.given_to(HASH, Data.ENCRYPT)
    assert data.left == 3


def test_a_part_without_data_is_counted_as_none() -> None:
    data = BatchData(20)
    data.remember(Operation.HASH, hash.Response(correlation_value=b"1"))
    data.remember(Operation.PING, ping.Response())
    data.remember(None, ping.Response())

    with pytest.raises(KmipError, match="so much"):
        data.given_to(HASH, 0)


def test_an_answer_without_data_is_left_as_it_is() -> None:
    assert without_data(Operation.PING, ping.Response()) == ping.Response()
    assert without_data(None, ping.Response()) == ping.Response()
    assert without_data(Operation.RNG_RETRIEVE, rng_retrieve.Response(data=b"1")).data == b""


def test_an_item_that_is_begun_again_finds_the_data_that_was_there_before() -> None:
    begun: list[bytes] = []

    def hash_at_the_second_attempt(request: hash.Request, scope: Any) -> hash.Response:
        begun.append(request.data or b"")
        if len(begun) == 2:
            raise TakesLong
        return CATALOGUE[Operation.HASH].perform(request, scope)

    spec = evolve(CATALOGUE[Operation.HASH], perform=hash_at_the_second_attempt)
    first, second = asked(keys(catalogue={**CATALOGUE, Operation.HASH: spec}), hashing(None, b"text"), hashing(-1))

    assert begun == [b"text", first.payload.data, first.payload.data]
    assert second.payload.data


def test_an_item_that_is_done_again_after_a_conflict_leaves_its_data_once() -> None:
    def hash_and_change(request: hash.Request, scope: Any) -> hash.Response:
        found = scope.work.find("old")
        scope.work.save(evolve(found, attributes=found.attributes.but(comment="changed")))
        return CATALOGUE[Operation.HASH].perform(request, scope)

    spec = evolve(CATALOGUE[Operation.HASH], perform=hash_and_change)
    storage = CompetingStorage(0)
    engine = keys(storage=storage, catalogue={**CATALOGUE, Operation.HASH: spec})
    storage.times = 1

    first, second = asked(engine, hashing(None, b"text"), (Operation.ENCRYPT, encrypting(None), 1))

    assert storage.times == 0
    assert first.payload.data
    assert second.result_reason is ResultReason.INVALID_FIELD  # there is no second one
