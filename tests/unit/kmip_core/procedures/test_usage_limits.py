"""Usage Limits: counted before the work begins, and only if it is done."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kmip_adapters.policy.static import StaticPolicies
from kmip_core.attributes import Attributes
from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    UsageLimitsUnit,
    WrappingMethod,
)
from kmip_core.errors import KmipError
from kmip_core.operations import decrypt, encrypt, get, mac, mac_verify, sign, signature_verify
from kmip_core.policy import OperationPolicy, Permission
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import EncryptionKeyInformation, KeyWrappingSpecification, UsageLimits
from tests.builders import BOB, a_symmetric_key, an_engine, attributes_of, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key

CTR = Parameters(block_cipher_mode=BlockCipherMode.CTR)
HMAC = Parameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
PSS = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

ENCRYPT = (Operation.ENCRYPT, encrypt.Request, "key", CTR)
MAC = (Operation.MAC, mac.Request, "key", HMAC)
SIGN = (Operation.SIGN, sign.Request, "private", PSS)
PROTECTING = pytest.mark.parametrize("use", [ENCRYPT, MAC, SIGN], ids=["Encrypt", "MAC", "Sign"])


def limits(left: int | None, unit: UsageLimitsUnit = UsageLimitsUnit.OBJECT) -> UsageLimits:
    return UsageLimits(usage_limits_total=100, usage_limits_count=left, usage_limits_unit=unit)


def with_limits(usage_limits: UsageLimits) -> Engine:
    return an_engine(a_key(usage_limits=usage_limits), a_private_key(usage_limits=usage_limits), a_public_key())


def used(engine: Engine, use: Any, data: bytes | None = b"1234", **fields: Any) -> Any:
    operation, request, key, parameters = use
    told = {"unique_identifier": key, "cryptographic_parameters": parameters, "data": data, **fields}
    return perform(engine, operation, request(**told))


def refusal(*arguments: Any, **fields: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        used(*arguments, **fields)
    return caught.value.reason


def left(engine: Engine, use: Any) -> int | None:
    found: Attributes = attributes_of(engine, use[2])
    assert found.usage_limits is not None
    return found.usage_limits.usage_limits_count


@PROTECTING
@pytest.mark.parametrize(
    ("unit", "cost"), [(UsageLimitsUnit.OBJECT, 1), (UsageLimitsUnit.BYTE, 4)], ids=["objects", "bytes"]
)
def test_a_use_is_counted_in_the_key_s_unit(use: Any, unit: UsageLimitsUnit, cost: int) -> None:
    engine = with_limits(limits(10, unit))

    used(engine, use)

    assert left(engine, use) == 10 - cost


@PROTECTING
@pytest.mark.parametrize(
    ("unit", "enough"), [(UsageLimitsUnit.OBJECT, 1), (UsageLimitsUnit.BYTE, 4)], ids=["objects", "bytes"]
)
def test_the_last_use_is_allowed_and_no_other(use: Any, unit: UsageLimitsUnit, enough: int) -> None:
    engine = with_limits(limits(enough, unit))

    used(engine, use)

    assert left(engine, use) == 0
    assert refusal(engine, use) is ResultReason.USAGE_LIMIT_EXCEEDED
    assert left(engine, use) == 0


@PROTECTING
def test_a_use_that_fails_costs_nothing(use: Any) -> None:
    engine = with_limits(limits(10))

    assert refusal(engine, use, None) is ResultReason.INVALID_MESSAGE
    assert left(engine, use) == 10


@PROTECTING
def test_the_first_part_pays_for_all_of_them(use: Any) -> None:
    engine = with_limits(limits(10))

    value = used(engine, use, init_indicator=True).correlation_value
    used(engine, use, correlation_value=value)
    used(engine, use, correlation_value=value, final_indicator=True)

    assert left(engine, use) == 9


@PROTECTING
def test_bytes_that_are_not_known_beforehand_cannot_be_counted(use: Any) -> None:
    engine = with_limits(limits(10, UsageLimitsUnit.BYTE))

    assert refusal(engine, use, init_indicator=True) is ResultReason.FEATURE_NOT_SUPPORTED
    assert left(engine, use) == 10


def test_a_digest_counts_as_the_bytes_it_has() -> None:
    engine = with_limits(limits(40, UsageLimitsUnit.BYTE))

    used(engine, SIGN, None, digested_data=bytes(32))

    assert left(engine, SIGN) == 8


@PROTECTING
def test_limits_without_a_count_limit_nothing(use: Any) -> None:
    engine = with_limits(limits(None))

    used(engine, use)

    assert left(engine, use) is None


def test_undoing_protection_is_not_counted() -> None:
    engine = with_limits(limits(0))

    used(engine, (Operation.DECRYPT, decrypt.Request, "key", CTR), iv_counter_nonce=bytes(16))
    used(engine, (Operation.MAC_VERIFY, mac_verify.Request, "key", HMAC), mac_data=bytes(32))
    used(engine, (Operation.SIGNATURE_VERIFY, signature_verify.Request, "public", PSS), signature_data=bytes(128))

    assert left(engine, ENCRYPT) == 0


def test_units_are_counted_exactly_when_several_clients_ask_at_once() -> None:
    engine = with_limits(limits(20))

    def is_used(number: int) -> bool:
        try:
            used(engine, ENCRYPT)
        except KmipError as error:
            return error.reason is not ResultReason.USAGE_LIMIT_EXCEEDED
        return True

    with ThreadPoolExecutor(8) as threads:
        uses = list(threads.map(is_used, range(50)))

    assert uses.count(True) == 20
    assert left(engine, ENCRYPT) == 0


def another_s_use(*granted: Operation) -> tuple[Engine, Any]:
    """Return an engine with alice's limited key, on which bob has these rights, and his request to encrypt with it."""
    rules = {ObjectType.SYMMETRIC_KEY: dict.fromkeys(granted, Permission.ALLOW_ALL)}
    policy = StaticPolicies({"default": OperationPolicy(name="default", preset=rules)})
    engine = an_engine(a_key(usage_limits=limits(10)), a_symmetric_key("bob's", owner="bob"), policy=policy)
    return engine, encrypt.Request(unique_identifier="key", cryptographic_parameters=CTR, data=b"1234")


@pytest.mark.parametrize(
    "granted",
    [
        (Operation.ENCRYPT,),
        (Operation.GET, Operation.GET_USAGE_ALLOCATION),
        (Operation.GET, Operation.MODIFY_ATTRIBUTE),
    ],
    ids=["the use itself", "an allocation", "a change"],
)
def test_another_client_uses_up_what_the_policy_lets_it(granted: tuple[Operation, ...]) -> None:
    engine, request = another_s_use(*granted)

    perform(engine, Operation.ENCRYPT, request, BOB)

    assert left(engine, ENCRYPT) == 9


def test_a_client_that_may_only_read_a_key_uses_up_none_of_it() -> None:
    engine, request = another_s_use(Operation.GET)

    with pytest.raises(KmipError, match="you may only read it") as caught:
        perform(engine, Operation.ENCRYPT, request, BOB)

    assert caught.value.reason is ResultReason.PERMISSION_DENIED
    assert left(engine, ENCRYPT) == 10


def test_wrapping_with_a_key_that_a_client_may_only_read_uses_up_none_of_it() -> None:
    engine, _ = another_s_use(Operation.GET)
    wrapping = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier="key",
            cryptographic_parameters=Parameters(block_cipher_mode=BlockCipherMode.NIST_KEY_WRAP),
        ),
    )

    with pytest.raises(KmipError, match="you may only read it") as caught:
        perform(
            engine,
            Operation.GET,
            get.Request(unique_identifier="bob's", key_wrapping_specification=wrapping),
            BOB,
        )

    assert caught.value.reason is ResultReason.PERMISSION_DENIED
    assert left(engine, ENCRYPT) == 10
