"""Counters: uses of a key that are counted with it, where the setting says so."""

from typing import Any

import pytest

from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    ObjectType,
    OpaqueDataType,
    Operation,
    PaddingMethod,
    ResultReason,
    UsageLimitsUnit,
)
from kmip_core.enums import CryptographicUsageMask as Mask
from kmip_core.errors import KmipError
from kmip_core.objects import OpaqueObject
from kmip_core.operations import (
    add_attribute,
    create,
    decrypt,
    encrypt,
    modify_attribute,
    re_key,
    register,
    sign,
    signature_verify,
)
from kmip_core.procedures.use_counters import COUNTERS
from kmip_core.settings import Settings
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import UsageLimits
from tests.builders import BOB, an_engine, an_instance, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key, a_secret_key

CTR = Parameters(block_cipher_mode=BlockCipherMode.CTR)
PKCS1 = Parameters(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_256)
COUNTING = Settings(usage_counters=True)


def counts(engine: Engine, identifier: str = "key") -> dict[str, int]:
    attributes = attributes_of(engine, identifier)
    found = {name: getattr(attributes, name) for name in sorted(set(COUNTERS.values()))}
    return {name: number for name, number in found.items() if number is not None}


def encrypted(engine: Engine, **fields: Any) -> Any:
    usual: dict[str, Any] = {"unique_identifier": "key", "cryptographic_parameters": CTR, "iv_counter_nonce": bytes(16)}
    return perform(engine, Operation.ENCRYPT, encrypt.Request(data=b"data", **{**usual, **fields}))


def test_each_use_is_counted_by_its_own_counter() -> None:
    engine = an_engine(a_key(), a_private_key(), a_public_key(), settings=COUNTING)
    for _ in range(3):
        sealed = encrypted(engine).data
    opened = decrypt.Request(
        unique_identifier="key", cryptographic_parameters=CTR, data=sealed, iv_counter_nonce=bytes(16)
    )
    perform(engine, Operation.DECRYPT, opened)
    signing = sign.Request(unique_identifier="private", cryptographic_parameters=PKCS1, data=b"data")
    signature = perform(engine, Operation.SIGN, signing).signature_data
    verifying = signature_verify.Request(
        unique_identifier="public", cryptographic_parameters=PKCS1, data=b"data", signature_data=signature
    )
    for _ in range(2):
        perform(engine, Operation.SIGNATURE_VERIFY, verifying)

    assert counts(engine) == {"encrypt_counter": 3, "decrypt_counter": 1}
    assert counts(engine, "private") == {"sign_counter": 1}
    assert counts(engine, "public") == {"signature_verify_counter": 2}


def test_a_new_key_begins_at_zero_and_so_does_the_one_that_replaces_it() -> None:
    engine = an_engine(settings=COUNTING)
    aes = Attributes(
        cryptographic_algorithm=CryptographicAlgorithm.AES,
        cryptographic_length=128,
        cryptographic_usage_mask=Mask.ENCRYPT,
        activation_date=1,
    )
    request = create.Request(object_type=ObjectType.SYMMETRIC_KEY, attributes=aes)
    made = perform(engine, Operation.CREATE, request).unique_identifier
    assert counts(engine, made) == dict.fromkeys(sorted(set(COUNTERS.values())), 0)

    encrypted(engine, unique_identifier=made)
    new = perform(engine, Operation.RE_KEY, re_key.Request(unique_identifier=made)).unique_identifier

    assert counts(engine, made)["encrypt_counter"] == 1
    assert counts(engine, new)["encrypt_counter"] == 0


def test_an_object_that_is_no_key_has_no_counters() -> None:
    engine = an_engine(settings=COUNTING)
    opaque = OpaqueObject(opaque_data_type=OpaqueDataType(0x80000000), opaque_data_value=b"x")
    request = register.Request(object_type=ObjectType.OPAQUE_OBJECT, managed_object=opaque)
    made = perform(engine, Operation.REGISTER, request).unique_identifier

    assert counts(engine, made) == {}


def test_without_the_setting_nothing_is_counted() -> None:
    engine = an_engine(a_key())
    encrypted(engine)

    assert counts(engine) == {}


def test_a_use_that_fails_is_not_counted() -> None:
    engine = an_engine(a_key(), settings=COUNTING)
    with pytest.raises(KmipError):
        encrypted(engine, iv_counter_nonce=b"short")

    assert counts(engine) == {}


def test_data_in_parts_counts_once() -> None:
    engine = an_engine(a_key(), settings=COUNTING)
    first = encrypted(engine, init_indicator=True)
    value = first.correlation_value
    assert counts(engine) == {}
    encrypted(engine, correlation_value=value, iv_counter_nonce=None, cryptographic_parameters=None)
    encrypted(
        engine, correlation_value=value, iv_counter_nonce=None, cryptographic_parameters=None, final_indicator=True
    )

    assert counts(engine) == {"encrypt_counter": 1}


def test_usage_limits_and_counters_of_one_request_are_both_kept() -> None:
    limits = UsageLimits(usage_limits_total=5, usage_limits_count=5, usage_limits_unit=UsageLimitsUnit.OBJECT)
    engine = an_engine(a_key(usage_limits=limits), settings=COUNTING)
    encrypted(engine)
    left = attributes_of(engine).usage_limits

    assert left is not None
    assert left.usage_limits_count == 4
    assert counts(engine) == {"encrypt_counter": 1}


def test_no_client_sets_a_counter() -> None:
    engine = an_engine(a_key(encrypt_counter=7), settings=COUNTING)
    for name in set(COUNTERS.values()):
        named: dict[str, Any] = {"unique_identifier": "key", "new_attribute": an_instance(name, 0)}
        for operation, request in (
            (Operation.ADD_ATTRIBUTE, add_attribute.Request(**named)),
            (Operation.MODIFY_ATTRIBUTE, modify_attribute.Request(**named)),
        ):
            with pytest.raises(KmipError) as refused:
                perform(engine, operation, request)
            assert refused.value.reason in (ResultReason.ATTRIBUTE_READ_ONLY, ResultReason.READ_ONLY_ATTRIBUTE)
    encrypted(engine)

    assert counts(engine) == {"encrypt_counter": 8}


def test_a_refused_client_counts_nothing() -> None:
    engine = an_engine(a_key(), settings=COUNTING)
    with pytest.raises(KmipError):
        perform(engine, Operation.ENCRYPT, encrypt.Request(unique_identifier="key", data=b"x"), BOB)

    assert counts(engine) == {}


def test_a_one_time_pad_in_secret_data_has_no_counter() -> None:
    pad = a_secret_key(bytes(8), cryptographic_algorithm=CryptographicAlgorithm.ONE_TIME_PAD)
    engine = an_engine(pad, settings=COUNTING)
    encrypted(engine, unique_identifier="secret", cryptographic_parameters=None, iv_counter_nonce=None)

    assert counts(engine, "secret") == {}
