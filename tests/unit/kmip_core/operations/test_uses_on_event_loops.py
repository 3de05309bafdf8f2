"""Which uses of keys stay on an event loop, and which leave it once the key is known."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from attrs import evolve

from kmip_adapters.crypto.processes import ProcessPool
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    EncodingOption,
    KeyFormatType,
    KeyWrapType,
    Operation,
    PaddingMethod,
    ResultStatus,
    ValidityIndicator,
    WrappingMethod,
)
from kmip_core.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip_core.operation import Cost
from kmip_core.operations import decrypt, encrypt, get, sign, signature_verify
from kmip_core.ports.steps import MoveTo, Pace
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import EncryptionKeyInformation, KeyWrappingSpecification
from tests.builders import ALICE, VERSION, an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import Stored, a_key, a_private_key, a_public_key

CBC: Final = Parameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
OAEP: Final = Parameters(padding_method=PaddingMethod.OAEP)
BY_ECDSA: Final = Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.ECDSA_WITH_SHA256)
BY_RSA: Final = Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION)
EC: Final = CryptographicAlgorithm.EC
ED25519: Final = CryptographicAlgorithm.ED25519


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    made = ProcessPool(1)  # of which no child starts here
    yield made
    made.close()


def engine_with(pool: ProcessPool, *keys: Stored) -> Engine:
    return an_engine(*keys, crypto=SoftwareCrypto(pool), at_pace=pool.at)


def done(engine: Engine, operation: Operation, request: Any) -> tuple[Any, list[Pace]]:
    """Return the response to a request, and the paces at which it was worked on."""
    message = RequestMessage(
        header=RequestHeader(protocol_version=VERSION),
        batch_items=(RequestBatchItem(operation=operation, payload=request),),
    )
    paces = [engine.pace(message)]
    steps = engine.steps(message, ALICE, paces[0])
    try:
        while True:
            step = next(steps)
            if isinstance(step, MoveTo):
                paces.append(step.pace)
    except StopIteration as end:
        (item,) = end.value.batch_items
        assert item.result_status is ResultStatus.SUCCESS, item.result_message
        return item.payload, paces


def test_a_symmetric_key_decrypts_on_an_event_loop(pool: ProcessPool) -> None:
    engine = engine_with(pool, a_key())
    named: dict[str, Any] = {"unique_identifier": "key", "cryptographic_parameters": CBC}
    made = perform(engine, Operation.ENCRYPT, encrypt.Request(**named, data=b"a text"))

    request = decrypt.Request(**named, data=made.data, iv_counter_nonce=made.iv_counter_nonce)
    response, paces = done(engine, Operation.DECRYPT, request)

    assert response.data == b"a text"
    assert paces == [Pace.QUICK]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(OAEP, [Pace.BRIEF], id="the request says that it is for a private key"),
        pytest.param(None, [Pace.QUICK, Pace.BRIEF], id="it does not say so"),
    ],
)
def test_a_private_key_decrypts_in_a_thread(pool: ProcessPool, how: Parameters | None, expected: list[Pace]) -> None:
    engine = engine_with(pool, a_private_key(cryptographic_parameters=(OAEP,)), a_public_key())
    asked = encrypt.Request(unique_identifier="public", cryptographic_parameters=OAEP, data=b"a text")
    made = perform(engine, Operation.ENCRYPT, asked)

    request = decrypt.Request(unique_identifier="private", cryptographic_parameters=how, data=made.data)
    response, paces = done(engine, Operation.DECRYPT, request)

    assert response.data == b"a text"
    assert paces == expected


@pytest.mark.parametrize(
    ("algorithm", "length", "how", "expected"),
    [
        pytest.param(EC, 256, BY_ECDSA, [Pace.QUICK], id="a curve of 256 bits"),
        pytest.param(ED25519, None, Parameters(cryptographic_algorithm=ED25519), [Pace.QUICK], id="Ed25519"),
        pytest.param(EC, 256, None, [Pace.BRIEF], id="a curve that the request does not speak of"),
        pytest.param(EC, 384, BY_ECDSA, [Pace.QUICK, Pace.BRIEF], id="a longer curve"),
        pytest.param(CryptographicAlgorithm.RSA, 1024, BY_RSA, [Pace.BRIEF], id="RSA"),
    ],
)
def test_short_keys_on_curves_sign_on_an_event_loop_and_others_in_a_thread(
    pool: ProcessPool,
    algorithm: CryptographicAlgorithm,
    length: int | None,
    how: Parameters | None,
    expected: list[Pace],
) -> None:
    engine = engine_with(pool, a_private_key(algorithm, length), a_public_key(algorithm, length))

    request = sign.Request(unique_identifier="private", cryptographic_parameters=how, data=b"a text")
    response, paces = done(engine, Operation.SIGN, request)

    assert paces == expected
    asked = signature_verify.Request(
        unique_identifier="public", cryptographic_parameters=how, data=b"a text", signature_data=response.signature_data
    )
    verdict, paces = done(engine, Operation.SIGNATURE_VERIFY, asked)
    assert verdict.validity_indicator is ValidityIndicator.VALID
    assert paces == [Pace.QUICK]


def test_long_public_keys_verify_in_a_thread(pool: ProcessPool) -> None:
    algorithm = CryptographicAlgorithm.ML_DSA_44
    engine = engine_with(pool, a_private_key(algorithm, None), a_public_key(algorithm, None))
    signature = perform(engine, Operation.SIGN, sign.Request(unique_identifier="private", data=b"a text"))

    asked = signature_verify.Request(
        unique_identifier="public", data=b"a text", signature_data=signature.signature_data
    )
    verdict, paces = done(engine, Operation.SIGNATURE_VERIFY, asked)

    assert verdict.validity_indicator is ValidityIndicator.VALID
    assert paces == [Pace.QUICK, Pace.BRIEF]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"data": b"x"}, Cost.USES_KEYS, id="short"),
        pytest.param({"data": bytes(100_000)}, Cost.WORKS, id="long"),
        pytest.param({"data": b"x", "init_indicator": True}, Cost.WORKS, id="a part"),
        pytest.param({"digested_data": bytes(32)}, Cost.USES_KEYS, id="a digest"),
    ],
)
def test_long_data_and_parts_are_signed_in_a_thread(fields: dict[str, Any], expected: Cost) -> None:
    for spec, how in ((sign.SPEC, BY_ECDSA), (signature_verify.SPEC, None)):
        assert not isinstance(spec.cost, Cost)
        assert spec.cost(spec.request(cryptographic_parameters=how, **fields)) is expected


@pytest.mark.parametrize(
    ("key", "wanted", "expected"),
    [
        pytest.param(a_key(), KeyFormatType.RAW, [Pace.QUICK], id="a symmetric key as it is"),
        pytest.param(a_key(), KeyFormatType.TRANSPARENT_SYMMETRIC_KEY, [Pace.QUICK], id="a symmetric key otherwise"),
        pytest.param(a_private_key(), KeyFormatType.PKCS_1, [Pace.QUICK], id="a private key as it is"),
        pytest.param(a_private_key(), KeyFormatType.PKCS_8, [Pace.QUICK, Pace.BRIEF], id="a private key otherwise"),
        pytest.param(a_public_key(), KeyFormatType.X_509, [Pace.QUICK, Pace.BRIEF], id="a public key otherwise"),
    ],
)
def test_a_key_is_returned_on_an_event_loop_unless_its_material_must_be_parsed(
    pool: ProcessPool, key: Stored, wanted: KeyFormatType, expected: list[Pace]
) -> None:
    engine = engine_with(pool, key)

    request = get.Request(unique_identifier=key[0].unique_identifier, key_format_type=wanted)
    response, paces = done(engine, Operation.GET, request)

    assert response.managed_object.key_block.key_format_type is wanted
    assert paces == expected


def wrapped_by(key: str, how: Parameters) -> KeyWrappingSpecification:
    return KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(unique_identifier=key, cryptographic_parameters=how),
        encoding_option=EncodingOption.NO_ENCODING,
    )


def test_a_symmetric_key_wraps_on_an_event_loop(pool: ProcessPool) -> None:
    engine = engine_with(pool, a_key(), a_key(identifier="wrapping"))
    how = wrapped_by("wrapping", Parameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP))

    request = get.Request(unique_identifier="key", key_wrapping_specification=how)
    response, paces = done(engine, Operation.GET, request)

    assert response.managed_object.key_block.is_wrapped
    assert paces == [Pace.COMMITS]


def test_a_private_key_unwraps_in_a_thread(pool: ProcessPool) -> None:
    stored, key = a_key(identifier="wrapped")
    engine = engine_with(pool, (stored, key), a_private_key(), a_public_key())
    asked = get.Request(unique_identifier="wrapped", key_wrapping_specification=wrapped_by("public", OAEP))
    wrapped = perform(engine, Operation.GET, asked).managed_object
    data = wrapped.key_block.key_wrapping_data
    named = evolve(data.encryption_key_information, unique_identifier="private")
    kept = evolve(
        wrapped, key_block=evolve(wrapped.key_block, key_wrapping_data=evolve(data, encryption_key_information=named))
    )
    engine = engine_with(pool, (stored, kept), a_private_key())

    request = get.Request(unique_identifier="wrapped", key_wrap_type=KeyWrapType.NOT_WRAPPED)
    response, paces = done(engine, Operation.GET, request)

    assert response.managed_object.key_block.material == key.key_block.material
    assert paces == [Pace.COMMITS, Pace.BRIEF]
