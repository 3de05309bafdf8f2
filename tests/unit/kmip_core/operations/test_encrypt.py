"""Encrypt and Decrypt, whole and in parts."""

from typing import Any

import pytest
from attrs import evolve

from kmip_core.engine import Engine
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.objects import SymmetricKey
from kmip_core.operation import Cost
from kmip_core.operations import decrypt, encrypt
from kmip_core.structures import CryptographicParameters as Parameters
from tests.builders import an_engine, perform
from tests.unit.kmip_core.operations.usable_keys import a_key, a_private_key, a_public_key

CBC = Parameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
GCM = Parameters(block_cipher_mode=BlockCipherMode.GCM)
CTR = Parameters(block_cipher_mode=BlockCipherMode.CTR)
OAEP = Parameters(padding_method=PaddingMethod.OAEP, hashing_algorithm=HashingAlgorithm.SHA_1)
PLAIN = b"a text of more than sixteen bytes"


def encrypted(engine: Engine, **fields: Any) -> encrypt.Response:
    request = encrypt.Request(**{"unique_identifier": "key", **fields})
    response: encrypt.Response = perform(engine, Operation.ENCRYPT, request)
    return response


def decrypted(engine: Engine, **fields: Any) -> decrypt.Response:
    request = decrypt.Request(**{"unique_identifier": "key", **fields})
    response: decrypt.Response = perform(engine, Operation.DECRYPT, request)
    return response


def refusal(call: Any, *arguments: Any, **fields: Any) -> ResultReason:
    with pytest.raises(KmipError) as caught:
        call(*arguments, **fields)
    return caught.value.reason


@pytest.mark.parametrize("how", [CBC, GCM, CTR], ids=["CBC", "GCM", "CTR"])
def test_data_is_decrypted_with_the_iv_that_the_server_has_made(how: Parameters) -> None:
    engine = an_engine(a_key())

    made = encrypted(engine, cryptographic_parameters=how, data=PLAIN)
    opened = decrypted(
        engine,
        cryptographic_parameters=how,
        data=made.data,
        iv_counter_nonce=made.iv_counter_nonce,
        authenticated_encryption_tag=made.authenticated_encryption_tag,
    )

    assert opened == decrypt.Response(unique_identifier="key", data=PLAIN)


def test_a_given_iv_is_used_and_not_returned() -> None:
    engine = an_engine(a_key())

    first = encrypted(engine, cryptographic_parameters=CTR, data=PLAIN, iv_counter_nonce=bytes(16))
    second = encrypted(engine, cryptographic_parameters=CTR, data=PLAIN, iv_counter_nonce=bytes(16))

    assert first == second
    assert first.iv_counter_nonce is None


def test_a_tag_may_stand_at_the_end_of_the_data() -> None:
    engine = an_engine(a_key())

    made = encrypted(engine, cryptographic_parameters=GCM, data=PLAIN)
    assert made.data is not None
    assert made.authenticated_encryption_tag is not None
    opened = decrypted(
        engine,
        cryptographic_parameters=GCM,
        data=made.data + made.authenticated_encryption_tag,
        iv_counter_nonce=made.iv_counter_nonce,
    )

    assert opened.data == PLAIN


def test_additional_data_is_authenticated() -> None:
    engine = an_engine(a_key())
    made = encrypted(
        engine, cryptographic_parameters=GCM, data=PLAIN, authenticated_encryption_additional_data=b"header"
    )

    def opened(additional: bytes) -> decrypt.Response:
        return decrypted(
            engine,
            cryptographic_parameters=GCM,
            data=made.data,
            iv_counter_nonce=made.iv_counter_nonce,
            authenticated_encryption_tag=made.authenticated_encryption_tag,
            authenticated_encryption_additional_data=additional,
        )

    assert opened(b"header").data == PLAIN
    assert refusal(opened, b"other") is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_without_parameters_those_of_the_key_count() -> None:
    engine = an_engine(a_key(cryptographic_parameters=(CBC, GCM)))

    made = encrypted(engine, data=PLAIN)

    assert decrypted(engine, data=made.data, iv_counter_nonce=made.iv_counter_nonce).data == PLAIN


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(GCM, id="another mode"),
        pytest.param(evolve(CBC, padding_method=PaddingMethod.ZEROS), id="another padding"),
        pytest.param(Parameters(cryptographic_algorithm=CryptographicAlgorithm.CAMELLIA), id="algorithm"),
    ],
)
def test_a_key_s_own_parameters_are_a_fence(asked: Parameters) -> None:
    own = evolve(CBC, cryptographic_algorithm=CryptographicAlgorithm.AES)
    engine = an_engine(a_key(cryptographic_parameters=(own,)))
    for use in (encrypted, decrypted):
        refused = refusal(lambda use=use: use(engine, cryptographic_parameters=asked, data=bytes(16)))
        assert refused is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_a_request_may_take_any_of_a_key_s_parameters_and_leave_out_what_they_say() -> None:
    engine = an_engine(a_key(cryptographic_parameters=(CBC, evolve(GCM, tag_length=16))))
    for how in (GCM, Parameters(tag_length=16), evolve(GCM, random_iv=True, iv_length=96)):
        made = encrypted(engine, cryptographic_parameters=how, data=PLAIN)
        assert len(made.authenticated_encryption_tag or b"") == 16
    padded = encrypted(engine, cryptographic_parameters=Parameters(), data=PLAIN)
    assert padded.data is not None
    assert len(padded.data) % 16 == 0


def test_no_shorter_tag_is_verified_than_the_key_says() -> None:
    """Tag Length 4 in a request would make a forgery 2^96 times as likely as the owner wanted."""
    engine = an_engine(a_key(cryptographic_parameters=(evolve(GCM, tag_length=16),)))
    made = encrypted(engine, data=PLAIN)
    short = {"data": made.data, "iv_counter_nonce": made.iv_counter_nonce, "authenticated_encryption_tag": bytes(4)}

    refused = refusal(lambda: decrypted(engine, cryptographic_parameters=evolve(GCM, tag_length=4), **short))
    assert refused is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
    assert refusal(lambda: decrypted(engine, cryptographic_parameters=GCM, **short)) is ResultReason.INVALID_FIELD


@pytest.mark.parametrize("length", [None, 8, 12, 16, 32, 64, 96, 97, 128, 1_024])
def test_every_gcm_nonce_that_is_made_here_has_96_bits(length: int | None) -> None:
    """Others are accepted, but not made; SP 800-38D section 8.2. IV Length may be said in bytes or in bits."""
    for how in (GCM, evolve(GCM, random_iv=True)):
        made = encrypted(an_engine(a_key()), cryptographic_parameters=evolve(how, iv_length=length), data=PLAIN)
        assert len(made.iv_counter_nonce or b"") == 12


@pytest.mark.parametrize("length", [-1, 0, 7, 56, 1_032, 1 << 31])
def test_a_gcm_nonce_of_a_length_that_gcm_does_not_take_is_not_made(length: int) -> None:
    how = evolve(GCM, iv_length=length)

    refused = refusal(lambda: encrypted(an_engine(a_key()), cryptographic_parameters=how, data=PLAIN))
    assert refused is ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def test_algorithm_and_length_may_stand_in_the_attributes_alone() -> None:
    record, content = a_key()
    assert isinstance(content, SymmetricKey)
    bare = evolve(content, key_block=evolve(content.key_block, cryptographic_algorithm=None, cryptographic_length=None))
    engine = an_engine((record, bare))

    made = encrypted(engine, cryptographic_parameters=CBC, data=PLAIN)

    assert decrypted(
        engine, cryptographic_parameters=CBC, data=made.data, iv_counter_nonce=made.iv_counter_nonce
    ).data == (PLAIN)


def test_a_public_key_encrypts_what_the_private_one_decrypts() -> None:
    engine = an_engine(a_public_key(), a_private_key())

    made = encrypted(engine, unique_identifier="public", cryptographic_parameters=OAEP, data=b"short")

    assert (
        decrypted(engine, unique_identifier="private", cryptographic_parameters=OAEP, data=made.data).data == b"short"
    )


@pytest.mark.parametrize("call", [encrypted, decrypted], ids=["Encrypt", "Decrypt"])
def test_data_must_be_given(call: Any) -> None:
    engine = an_engine(a_key())

    assert refusal(call, engine, cryptographic_parameters=CBC) is ResultReason.INVALID_MESSAGE


def test_bad_padding_and_a_bad_tag_are_refused_alike() -> None:
    engine = an_engine(a_key())
    texts = set()
    for how, iv in ((CBC, bytes(16)), (GCM, bytes(12))):
        with pytest.raises(KmipError) as caught:
            decrypted(engine, cryptographic_parameters=how, data=bytes(32), iv_counter_nonce=iv)
        texts.add((caught.value.reason, caught.value.message))

    assert len(texts) == 1
    assert texts.pop()[0] is ResultReason.CRYPTOGRAPHIC_FAILURE


# --- in parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [CBC, GCM], ids=["CBC", "GCM"])
def test_parts_make_what_the_whole_makes(how: Parameters) -> None:
    engine = an_engine(a_key())
    first = encrypted(engine, cryptographic_parameters=how, data=PLAIN[:5], init_indicator=True)
    middle = encrypted(engine, data=PLAIN[5:20], correlation_value=first.correlation_value)
    last = encrypted(engine, data=PLAIN[20:], correlation_value=first.correlation_value, final_indicator=True)

    assert first.iv_counter_nonce is not None
    assert (middle.iv_counter_nonce, last.iv_counter_nonce) == (None, None)
    assert middle.correlation_value == first.correlation_value
    assert last.correlation_value is None
    opened = decrypted(
        engine,
        cryptographic_parameters=how,
        data=b"".join(part.data or b"" for part in (first, middle, last)),
        iv_counter_nonce=first.iv_counter_nonce,
        authenticated_encryption_tag=last.authenticated_encryption_tag,
    )
    assert opened.data == PLAIN


@pytest.mark.parametrize("tag_with", ["first", "last", "data"])
def test_authenticated_plain_text_is_held_back_until_the_tag_is_right(tag_with: str) -> None:
    engine = an_engine(a_key())
    made = encrypted(engine, cryptographic_parameters=GCM, data=PLAIN, iv_counter_nonce=bytes(12))
    assert made.data is not None
    assert made.authenticated_encryption_tag is not None
    tag = {"authenticated_encryption_tag": made.authenticated_encryption_tag}
    end = made.authenticated_encryption_tag if tag_with == "data" else b""  # as below KMIP 1.4

    first = decrypted(
        engine,
        cryptographic_parameters=GCM,
        data=made.data[:10],
        iv_counter_nonce=bytes(12),
        init_indicator=True,
        **(tag if tag_with == "first" else {}),
    )
    middle = decrypted(engine, data=made.data[10:20], correlation_value=first.correlation_value)
    last = decrypted(
        engine,
        data=made.data[20:] + end,
        correlation_value=first.correlation_value,
        final_indicator=True,
        **(tag if tag_with == "last" else {}),
    )

    assert (first.data, middle.data, last.data) == (None, None, PLAIN)


def test_an_init_and_a_final_indicator_together_are_no_parts() -> None:
    engine = an_engine(a_key())

    made = encrypted(engine, cryptographic_parameters=CBC, data=PLAIN, init_indicator=True, final_indicator=True)

    assert made.correlation_value is None
    assert decrypted(
        engine, cryptographic_parameters=CBC, data=made.data, iv_counter_nonce=made.iv_counter_nonce
    ).data == (PLAIN)


# --- where it runs --------------------------------------------------------------------------------------------------


def cost(spec: Any, request: Any) -> Cost:
    found = spec.cost(request)
    assert isinstance(found, Cost)
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"data": b"x"}, Cost.USES_KEYS, id="short"),
        pytest.param({"data": bytes(100_000)}, Cost.COMPUTES, id="long"),
        pytest.param({"data": b"x", "init_indicator": True}, Cost.WORKS, id="a part"),
        pytest.param({}, Cost.USES_KEYS, id="nothing"),
    ],
)
def test_long_data_stays_off_the_event_loop(fields: dict[str, Any], expected: Cost) -> None:
    assert cost(encrypt.SPEC, encrypt.Request(**fields)) is expected
    assert cost(decrypt.SPEC, decrypt.Request(**fields)) is expected


def test_another_algorithm_than_the_key_s_is_a_failure_of_cryptography() -> None:
    engine = an_engine(a_key())
    how = Parameters(cryptographic_algorithm=CryptographicAlgorithm.TRIPLE_DES, block_cipher_mode=BlockCipherMode.CBC)

    assert refusal(encrypted, engine, cryptographic_parameters=how, data=PLAIN) is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_plain_text_that_is_held_back_is_bounded() -> None:
    engine = an_engine(a_key())
    begun = decrypted(engine, cryptographic_parameters=GCM, iv_counter_nonce=bytes(12), init_indicator=True)
    part = bytes(1024 * 1024)
    for _ in range(16):
        decrypted(engine, correlation_value=begun.correlation_value, data=part)

    assert refusal(decrypted, engine, correlation_value=begun.correlation_value, data=part) is (
        ResultReason.SERVER_LIMIT_EXCEEDED
    )
    assert refusal(decrypted, engine, correlation_value=begun.correlation_value, data=part) is (
        ResultReason.INVALID_CORRELATION_VALUE  # an error ends it
    )
