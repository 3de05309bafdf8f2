"""Parts that yield nothing have no Data, and what is to be verified may come with any part.

KMIP 1.4 §4.29 - §4.34; 2.1 §6.1.11, §6.1.17, §6.1.33, §6.1.56.
"""

from typing import Any

import pytest

from kmip_core.engine import Engine
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import HashingAlgorithm, Operation, PaddingMethod, ResultReason, ValidityIndicator
from kmip_core.errors import KmipError
from kmip_core.operations import decrypt, encrypt, mac, mac_verify, sign, signature_verify
from kmip_core.structures import CryptographicParameters as Parameters
from tests.builders import an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_stored

KEY = bytes(range(16))
AES = an_engine(a_key(material=KEY), a_key(material=bytes(range(32)), identifier="long"))
PARTS = {Operation.ENCRYPT: encrypt.Request, Operation.DECRYPT: decrypt.Request}


def in_parts(
    engine: Engine, operation: Operation, parts: list[bytes | None], how: Parameters, key: str = "key", **fields: Any
) -> list[Any]:
    """Return the response to every part; None stands for a part without Data."""
    responses: list[Any] = []
    for number, part in enumerate(parts):
        request = PARTS[operation](
            unique_identifier=key,
            data=part,
            cryptographic_parameters=how if number == 0 else None,
            init_indicator=True if number == 0 else None,
            final_indicator=True if number == len(parts) - 1 else None,
            correlation_value=responses[-1].correlation_value if responses else None,
            **(fields if number == 0 else {}),
        )
        responses.append(perform(engine, operation, request))
    return responses


def data_of(responses: list[Any]) -> list[bytes | None]:
    return [response.data for response in responses]


ECB = Parameters(block_cipher_mode=Mode.ECB)
CBC = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)


def test_a_part_that_yields_nothing_has_no_data() -> None:
    first, middle, last = data_of(in_parts(AES, Operation.ENCRYPT, [KEY[:8], KEY[8:], b""], ECB))

    assert first is None
    assert middle is not None
    assert len(middle) == 16
    assert last is None


def test_plain_text_that_is_all_padding_is_no_data_in_either_part() -> None:
    iv = bytes(16)
    request = encrypt.Request(unique_identifier="key", data=b"", cryptographic_parameters=CBC, iv_counter_nonce=iv)
    padding = perform(AES, Operation.ENCRYPT, request).data

    parts = in_parts(AES, Operation.DECRYPT, [padding[:7], padding[7:]], CBC, iv_counter_nonce=iv)
    assert data_of(parts) == [None, None]


@pytest.mark.parametrize("parts", [[None, KEY, None], [None, KEY], [KEY, None], [None, None]], ids=str)
@pytest.mark.parametrize("padding", [None, PaddingMethod.PKCS5])
def test_parts_without_data_are_taken_and_answered_without(parts: list[Any], padding: PaddingMethod | None) -> None:
    how = Parameters(block_cipher_mode=Mode.CBC, padding_method=padding)
    answers = data_of(in_parts(AES, Operation.ENCRYPT, parts, how, iv_counter_nonce=bytes(16)))

    assert b"" not in answers
    whole = b"".join(answer or b"" for answer in answers)
    request = encrypt.Request(
        unique_identifier="key",
        data=b"".join(part or b"" for part in parts),
        cryptographic_parameters=how,
        iv_counter_nonce=bytes(16),
    )
    assert whole == perform(AES, Operation.ENCRYPT, request).data


HELD_BACK = {
    "CCM": ("key", Parameters(block_cipher_mode=Mode.CCM), True),
    "XTS": ("long", Parameters(block_cipher_mode=Mode.XTS), False),
    "key wrap": ("key", Parameters(block_cipher_mode=Mode.NIST_KEY_WRAP), False),
    "ChaCha20-Poly1305": ("chacha", Parameters(), True),
    "RSA": ("rsa", Parameters(padding_method=PaddingMethod.OAEP), False),
    "GCM": ("key", Parameters(block_cipher_mode=Mode.GCM), True),
}


def everything() -> Engine:
    engine = an_engine()
    pair = engine.services.crypto.make_key_pair(Algorithm.RSA, 1024)
    return an_engine(
        a_key(material=KEY),
        a_key(material=bytes(range(32)), identifier="long"),
        a_key(Algorithm.CHACHA20_POLY1305, bytes(range(32)), "chacha"),
        a_stored(pair.public_key, "rsa"),
        a_stored(pair.private_key, "rsa private"),
    )


@pytest.mark.parametrize("what", HELD_BACK)
def test_modes_that_hold_data_back_give_it_with_the_last_part(what: str) -> None:
    key, how, authenticated = HELD_BACK[what]
    engine, text = everything(), bytes(range(24))
    sealed = in_parts(engine, Operation.ENCRYPT, [text[:8], None, text[8:]], how, key)
    if what != "GCM":  # whose cipher text needs not be held back
        assert data_of(sealed)[:2] == [None, None]
    cipher_text = b"".join(data or b"" for data in data_of(sealed))

    private = "rsa private" if what == "RSA" else key
    fields = {"iv_counter_nonce": sealed[0].iv_counter_nonce}
    tag = {"authenticated_encryption_tag": sealed[-1].authenticated_encryption_tag} if authenticated else {}
    opened = in_parts(
        engine, Operation.DECRYPT, [cipher_text[:9], None, cipher_text[9:]], how, private, **fields, **tag
    )
    assert data_of(opened) == [None, None, text]


@pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.DECRYPT])
def test_a_single_part_keeps_its_data_even_if_it_is_empty(operation: Operation) -> None:
    how = Parameters(block_cipher_mode=Mode.CTR)
    request = PARTS[operation](
        unique_identifier="key", data=b"", cryptographic_parameters=how, iv_counter_nonce=bytes(16)
    )

    assert perform(AES, operation, request).data == b""


# --- the value to verify ------------------------------------------------------------------------------------------

SHA_256 = HashingAlgorithm.SHA_256
TEXT = [b"one ", b"text, ", b"three parts"]


def verifications() -> dict[str, tuple[Engine, str, Parameters, bytes]]:
    crypto = an_engine().services.crypto
    hashed = Parameters(hashing_algorithm=SHA_256)
    cases: dict[str, tuple[Engine, str, Parameters, bytes]] = {}
    for name, how, key in (
        ("HMAC", Parameters(cryptographic_algorithm=Algorithm.HMAC_SHA256), a_key()),
        ("CMAC", Parameters(cryptographic_algorithm=Algorithm.AES), a_key()),
    ):
        engine = an_engine(key)
        request = mac.Request(unique_identifier="key", cryptographic_parameters=how, data=b"".join(TEXT))
        cases[name] = engine, "MAC", how, perform(engine, Operation.MAC, request).mac_data
    for name, algorithm, length, how in (
        ("RSA", Algorithm.RSA, 1024, Parameters(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=SHA_256)),
        ("ECDSA", Algorithm.EC, 256, hashed),
        ("DSA", Algorithm.DSA, 1024, hashed),
        ("EdDSA", Algorithm.ED25519, None, Parameters()),
    ):
        pair = crypto.make_key_pair(algorithm, length)
        engine = an_engine(a_stored(pair.public_key, "key"), a_stored(pair.private_key, "private"))
        signing = sign.Request(unique_identifier="private", cryptographic_parameters=how, data=b"".join(TEXT))
        cases[name] = engine, "signature", how, perform(engine, Operation.SIGN, signing).signature_data
    return cases


VERIFICATIONS = verifications()


def verify(case: str, given: dict[int, bytes]) -> Any:
    """Return the response to the last part; given: what is to be verified, by the number of the part it comes with."""
    engine, kind, how, _ = VERIFICATIONS[case]
    response: Any = None
    for number, part in enumerate(TEXT):
        fields: dict[str, Any] = {
            "unique_identifier": "key",
            "data": part,
            "cryptographic_parameters": how if number == 0 else None,
            "init_indicator": True if number == 0 else None,
            "final_indicator": True if number == 2 else None,
            "correlation_value": None if response is None else response.correlation_value,
        }
        if kind == "MAC":
            request: Any = mac_verify.Request(**fields, mac_data=given.get(number))
            response = perform(engine, Operation.MAC_VERIFY, request)
        else:
            request = signature_verify.Request(**fields, signature_data=given.get(number))
            response = perform(engine, Operation.SIGNATURE_VERIFY, request)
    return response


@pytest.mark.parametrize("numbers", [(0,), (1,), (2,), (0, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("case", VERIFICATIONS)
def test_the_value_to_verify_may_come_with_any_part(case: str, numbers: tuple[int, ...]) -> None:
    value = VERIFICATIONS[case][3]
    wrong = value[:-1] + bytes([value[-1] ^ 1])

    assert verify(case, dict.fromkeys(numbers, value)).validity_indicator is ValidityIndicator.VALID
    assert verify(case, dict.fromkeys(numbers, wrong)).validity_indicator is ValidityIndicator.INVALID


@pytest.mark.parametrize("case", VERIFICATIONS)
def test_the_value_to_verify_must_come_and_must_not_change(case: str) -> None:
    value = VERIFICATIONS[case][3]
    for given in ({}, {0: value, 2: value + b"!"}, {1: value, 2: b""}):
        with pytest.raises(KmipError) as refused:
            verify(case, given)
        assert refused.value.reason is ResultReason.INVALID_FIELD
