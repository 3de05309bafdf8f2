"""Encryption and decryption, whole and in parts."""

import pytest
from attrs import evolve

from kmip_app.testing.contracts.crypto.keys import (
    a_made_key,
    cipher_rows,
)
from kmip_app.testing.contracts.crypto.support import (
    BAD,
    BLOCK_OF_DATA,
    CBC,
    FAILURE,
    FIELD,
    MESSAGE,
    UNSUPPORTED,
    an_rsa_pair,
    pieces,
    refusal,
)
from kmip_app.testing.contracts.crypto.uses import begin_decrypt, begin_encrypt, decrypt, encrypt
from kmip_core.enums import (
    BlockCipherMode as Mode,
)
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    HashingAlgorithm,
    PaddingMethod,
    ResultReason,
)
from kmip_core.errors import KmipError
from kmip_core.structures import CryptographicParameters as Parameters

# --- ciphers ------------------------------------------------------------------------------------------------------


def test_every_cipher_that_is_claimed_gives_back_what_it_took(crypto):
    for algorithm, mode, padding, length in cipher_rows(crypto):
        key = a_made_key(crypto, algorithm, length)
        how = Parameters(block_cipher_mode=mode, padding_method=padding)
        sealed = encrypt(crypto, key, how, BLOCK_OF_DATA)
        plain = decrypt(
            crypto,
            key,
            how,
            sealed.data,
            iv_counter_nonce=sealed.iv_counter_nonce,
            authenticated_encryption_tag=sealed.authenticated_encryption_tag,
        )

        assert plain == BLOCK_OF_DATA, (algorithm, mode, padding, length)
        assert sealed.data != BLOCK_OF_DATA


def test_streams_agree_with_the_whole(crypto):
    for algorithm, mode, padding, length in cipher_rows(crypto):
        if padding is PaddingMethod.ISO_10126 or length != crypto.capabilities.symmetric_lengths[algorithm][-1]:
            continue  # random padding; one length of each will do
        key = a_made_key(crypto, algorithm, length)
        how = Parameters(block_cipher_mode=mode, padding_method=padding)
        stream = begin_encrypt(crypto, key, how)
        parts = [stream.update(piece) for piece in pieces(BLOCK_OF_DATA, 7)]
        last = stream.finish()
        sealed = b"".join(parts) + last.data
        whole = encrypt(crypto, key, how, BLOCK_OF_DATA, iv_counter_nonce=stream.iv_counter_nonce)

        assert (sealed, last.authenticated_encryption_tag) == (whole.data, whole.authenticated_encryption_tag)

        opening = begin_decrypt(crypto, key, how, iv_counter_nonce=stream.iv_counter_nonce)
        plain = b"".join(opening.update(piece) for piece in pieces(sealed, 5))
        plain += opening.finish(last.authenticated_encryption_tag)
        assert plain == BLOCK_OF_DATA, (algorithm, mode, padding)


def test_padding_lets_any_length_through(crypto):
    for algorithm, mode, padding, length in cipher_rows(crypto):
        if padding in (PaddingMethod.NONE, PaddingMethod.ZEROS) or length % 128:
            continue
        key = a_made_key(crypto, algorithm, length)
        how = Parameters(block_cipher_mode=mode, padding_method=padding)
        for size in (0, 1, 7, 8, 15, 16, 17):
            sealed = encrypt(crypto, key, how, bytes(range(size)))
            plain = decrypt(crypto, key, how, sealed.data, iv_counter_nonce=sealed.iv_counter_nonce)

            assert plain == bytes(range(size)), (algorithm, mode, padding, size)


def test_a_made_iv_differs_each_time_and_has_96_bits_in_gcm_whatever_is_asked_for(crypto, aes):
    how = Parameters(block_cipher_mode=Mode.GCM, random_iv=True)
    ivs = {encrypt(crypto, aes, how, b"x").iv_counter_nonce for _ in range(50)}

    assert len(ivs) == 50
    assert {len(iv) for iv in ivs} == {12}
    for asked in (8, 16, 64, 128):
        made = encrypt(crypto, aes, evolve(how, iv_length=asked), b"x").iv_counter_nonce
        assert len(made) == 12


def test_an_iv_is_made_with_the_length_asked_for_in_bits_or_bytes(crypto, aes):
    how = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)
    for asked in (16, 128):  # bytes as clients say it, bits as the standard does
        assert len(encrypt(crypto, aes, evolve(how, iv_length=asked), b"x").iv_counter_nonce) == 16


def test_a_tag_may_stand_apart_or_at_the_end(crypto, aes):
    how = Parameters(block_cipher_mode=Mode.GCM, tag_length=12)
    sealed = encrypt(crypto, aes, how, b"data", additional_data=b"bound")
    iv, tag = sealed.iv_counter_nonce, sealed.authenticated_encryption_tag

    assert len(tag) == 12
    more = {"iv_counter_nonce": iv, "additional_data": b"bound"}
    apart = decrypt(crypto, aes, how, sealed.data, **more, authenticated_encryption_tag=tag)
    behind = decrypt(crypto, aes, how, sealed.data + tag, **more)
    assert apart == behind == b"data"


def test_plain_text_is_held_back_until_the_tag_is_right(crypto, aes):
    how = Parameters(block_cipher_mode=Mode.GCM)
    sealed = encrypt(crypto, aes, how, bytes(1000))
    stream = begin_decrypt(crypto, aes, how, iv_counter_nonce=sealed.iv_counter_nonce)

    assert stream.update(sealed.data) == b""
    answer = refusal(lambda: stream.finish(bytes(16)))
    assert answer.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


@pytest.mark.parametrize("padding", [PaddingMethod.OAEP, PaddingMethod.PKCS1_V1_5])
def test_rsa_encrypts_with_each_padding_that_is_claimed(crypto, padding):
    if padding not in crypto.capabilities.ciphers[Algorithm.RSA, None]:
        pytest.skip("not claimed")
    pair = an_rsa_pair(crypto)
    outcomes = []
    for hashing in (HashingAlgorithm.SHA_1, HashingAlgorithm.SHA_256):
        how = Parameters(padding_method=padding, hashing_algorithm=hashing)
        sealed = encrypt(crypto, pair.public_key, how, b"data")
        try:
            outcomes.append(decrypt(crypto, pair.private_key, how, sealed.data))
        except KmipError as refused:
            outcomes.append(refused.reason)
        assert sealed.iv_counter_nonce is None

    assert outcomes[0] == b"data"
    assert outcomes[1] in (b"data", UNSUPPORTED)  # some tokens have OAEP with SHA-1 alone


def test_broken_pkcs1_padding_gives_bytes_and_no_error(crypto):
    if PaddingMethod.PKCS1_V1_5 not in crypto.capabilities.ciphers[Algorithm.RSA, None]:
        pytest.skip("not claimed")
    pair = an_rsa_pair(crypto)
    size = pair.public_key.key_block.cryptographic_length // 8
    broken = b"\x01" + bytes(range(255))[: size - 1].ljust(size - 1, b"\x02")

    how = Parameters(padding_method=PaddingMethod.PKCS1_V1_5)
    assert decrypt(crypto, pair.private_key, how, broken) == decrypt(crypto, pair.private_key, how, broken)


def test_bad_padding_bad_tag_and_failed_rsa_answer_alike(crypto, aes):
    cbc = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)
    gcm = Parameters(block_cipher_mode=Mode.GCM)
    oaep = Parameters(padding_method=PaddingMethod.OAEP)
    raw = Parameters(block_cipher_mode=Mode.CBC)
    pair = an_rsa_pair(crypto)
    size = pair.public_key.key_block.cryptographic_length // 8
    unpadded = encrypt(crypto, aes, raw, bytes(16))
    answers = [
        refusal(lambda: decrypt(crypto, aes, cbc, unpadded.data, iv_counter_nonce=unpadded.iv_counter_nonce)),
        refusal(lambda: decrypt(crypto, aes, gcm, bytes(32), iv_counter_nonce=bytes(12))),
        refusal(lambda: decrypt(crypto, pair.private_key, oaep, bytes(size - 1) + b"\x02")),
    ]

    assert {(answer.reason, answer.message) for answer in answers} == {
        (ResultReason.CRYPTOGRAPHIC_FAILURE, "decryption failed")
    }


GCM = Parameters(block_cipher_mode=Mode.GCM)


@pytest.mark.parametrize(
    ("how", "data", "more", "reason", "text"),
    [
        pytest.param(Parameters(), b"", {}, BAD, "Block Cipher Mode must be given", id="fail no mode"),
        pytest.param(
            Parameters(block_cipher_mode=Mode.PCBC), b"", {}, UNSUPPORTED, "not a mode of AES", id="fail PCBC"
        ),
        pytest.param(
            Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.SSL3),
            b"",
            {},
            UNSUPPORTED,
            "not a padding",
            id="fail padding SSL3",
        ),
        pytest.param(
            Parameters(block_cipher_mode=Mode.CBC), b"x" * 15, {}, FIELD, "multiple of 16", id="fail incomplete block"
        ),
        pytest.param(CBC, b"", {"iv_counter_nonce": bytes(8)}, FIELD, "16", id="fail short IV"),
        pytest.param(GCM, b"", {"iv_counter_nonce": bytes(4)}, FIELD, "8 to 128", id="fail short nonce"),
        pytest.param(
            evolve(GCM, tag_length=5), b"", {}, ResultReason.GENERAL_FAILURE, "Tag Length", id="fail tag of 5"
        ),
        pytest.param(evolve(GCM, iv_length=2), b"", {}, BAD, "IV Length", id="fail IV Length 2"),
        pytest.param(CBC, b"", {"additional_data": b"x"}, FIELD, "authenticated modes", id="fail AAD without AEAD"),
        pytest.param(
            evolve(CBC, cryptographic_algorithm=Algorithm.SHA3_256),
            b"",
            {},
            UNSUPPORTED,
            "does not encrypt",
            id="fail SHA3",
        ),
        pytest.param(
            evolve(CBC, cryptographic_algorithm=Algorithm.CAMELLIA), b"", {}, "other", "", id="fail other algorithm"
        ),
    ],
)
def test_encrypt_refuses_by_name(crypto, aes, how, data, more, reason, text):
    answer = refusal(lambda: encrypt(crypto, aes, how, data, **more))

    allowed = {FAILURE, ResultReason.FEATURE_NOT_SUPPORTED} if reason == "other" else {reason}
    assert answer.reason in allowed
    assert text in answer.message


@pytest.mark.parametrize(
    ("how", "data", "more", "reason", "text"),
    [
        pytest.param(CBC, bytes(16), {}, MESSAGE, "IV/Counter/Nonce", id="fail no IV"),
        pytest.param(CBC, bytes(15), {"iv_counter_nonce": bytes(16)}, FIELD, "multiple of 16", id="fail length"),
        pytest.param(GCM, bytes(3), {"iv_counter_nonce": bytes(12)}, FIELD, "Tag must be given", id="fail no tag"),
        pytest.param(
            GCM,
            bytes(3),
            {"iv_counter_nonce": bytes(12), "authenticated_encryption_tag": bytes(4)},
            FIELD,
            "without Tag Length",
            id="fail short tag unannounced",
        ),
        pytest.param(
            evolve(GCM, tag_length=16),
            bytes(3),
            {"iv_counter_nonce": bytes(12), "authenticated_encryption_tag": bytes(12)},
            FIELD,
            "Tag Length says",
            id="fail tag and Tag Length",
        ),
        pytest.param(
            CBC,
            bytes(16),
            {"iv_counter_nonce": bytes(16), "authenticated_encryption_tag": bytes(16)},
            FIELD,
            "authenticated modes",
            id="fail tag without AEAD",
        ),
    ],
)
def test_decrypt_refuses_by_name(crypto, aes, how, data, more, reason, text):
    answer = refusal(lambda: decrypt(crypto, aes, how, data, **more))

    assert (answer.reason, text in answer.message) == (reason, True), answer.message


def test_rsa_refuses_by_name(crypto):
    pair = an_rsa_pair(crypto)
    oaep = Parameters(padding_method=PaddingMethod.OAEP)
    assert refusal(lambda: encrypt(crypto, pair.public_key, Parameters(), b"x")).reason is UNSUPPORTED
    cases = [
        lambda: encrypt(crypto, pair.public_key, oaep, bytes(2000)),
        lambda: decrypt(crypto, pair.private_key, oaep, b"x"),
        lambda: decrypt(crypto, pair.public_key, oaep, b"x"),
    ]

    for call in cases:
        assert refusal(call).reason in (FIELD, ResultReason.FEATURE_NOT_SUPPORTED)
