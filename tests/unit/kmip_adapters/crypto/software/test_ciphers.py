"""Encrypt and Decrypt of the software adapter: counters, nonces, lengths, and what whole-data modes refuse."""

import pytest
from attrs import evolve

from kmip_adapters.crypto.refusals import MAXIMUM_HELD_BYTES
from kmip_adapters.crypto.software import SoftwareCrypto, cipher_jobs
from kmip_app.testing.contracts.crypto.uses import begin_decrypt, begin_encrypt, decrypt, encrypt
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import PaddingMethod, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import SecretData, SymmetricKey
from kmip_core.structures import CryptographicParameters as Parameters

CRYPTO = SoftwareCrypto()
AES = SymmetricKey(Algorithm.AES, 128, bytes.fromhex("AE6852F8121067CC4BF7A5765577F39E"))
CTR = Parameters(block_cipher_mode=Mode.CTR)
NONCE = bytes.fromhex("000000300000000000000000")  # RFC 3686 test vector 1
EXPECTED = "e4095d4fb7a7b3792d6175a3261311b8"
FIELD, FAILURE = ResultReason.INVALID_FIELD, ResultReason.CRYPTOGRAPHIC_FAILURE
BAD = ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS


def a_key(algorithm, length):
    return SymmetricKey(algorithm, length, CRYPTO.make_symmetric_key(algorithm, length))


def refusal(call):
    with pytest.raises(KmipError) as raised:
        call()
    return raised.value


@pytest.mark.parametrize(
    ("how", "iv"),
    [
        pytest.param(CTR, NONCE + b"\0\0\0\1", id="ok whole counter block"),
        pytest.param(evolve(CTR, initial_counter_value=1), NONCE, id="ok counter fills the block"),
        pytest.param(evolve(CTR, initial_counter_value=1, counter_length=32), NONCE, id="ok Counter Length in bits"),
        pytest.param(evolve(CTR, initial_counter_value=1, counter_length=4), NONCE, id="ok Counter Length in bytes"),
    ],
)
def test_ctr_with_its_counter(how, iv):
    plain = bytes.fromhex("53696E676C6520626C6F636B206D7367")

    assert encrypt(CRYPTO, AES, how, plain, iv_counter_nonce=iv).data.hex() == EXPECTED
    assert decrypt(CRYPTO, AES, how, bytes.fromhex(EXPECTED), iv_counter_nonce=iv) == plain


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param(CTR, FIELD, id="fail no counter"),
        pytest.param(evolve(CTR, counter_length=64, initial_counter_value=1), BAD, id="fail Counter Length"),
        pytest.param(evolve(CTR, counter_length=32, initial_counter_value=-1), BAD, id="fail negative"),
        pytest.param(evolve(CTR, counter_length=32, initial_counter_value=1 << 32), BAD, id="fail too large"),
    ],
)
def test_a_counter_that_does_not_fit_is_refused(how, reason):
    assert refusal(lambda: encrypt(CRYPTO, AES, how, b"", iv_counter_nonce=NONCE)).reason is reason


def test_chacha20_takes_the_nonce_of_the_original_cipher():
    key, how = SymmetricKey(Algorithm.CHACHA20, 256, bytes(32)), Parameters()
    # The original cipher's and RFC 8439's first block agree when nonce and counter are zero.
    blocks = {encrypt(CRYPTO, key, how, bytes(64), iv_counter_nonce=bytes(size)).data for size in (8, 12, 16)}

    assert {block.hex()[:16] for block in blocks} == {"76b8e0ada0f13d90"}


@pytest.mark.parametrize("mode", [Mode.GCM, Mode.CCM])
@pytest.mark.parametrize("size", [4, 8, 12, 16])
def test_announced_tags_of_every_length(mode, size):
    key, how = a_key(Algorithm.AES, 256), Parameters(block_cipher_mode=mode, tag_length=size)
    sealed = encrypt(CRYPTO, key, how, b"data", additional_data=b"bound")
    more = {"iv_counter_nonce": sealed.iv_counter_nonce, "additional_data": b"bound"}
    tag = sealed.authenticated_encryption_tag

    assert tag is not None
    assert len(tag) == size
    assert decrypt(CRYPTO, key, how, sealed.data, authenticated_encryption_tag=tag, **more) == b"data"
    forged = bytes([tag[0] ^ 1]) + tag[1:]
    answer = refusal(lambda: decrypt(CRYPTO, key, how, sealed.data, authenticated_encryption_tag=forged, **more))
    assert answer.message == "decryption failed"


@pytest.mark.parametrize(
    ("algorithm", "length", "mode", "data", "reason", "text"),
    [
        pytest.param(Algorithm.AES, 256, Mode.XTS, b"x" * 15, FIELD, "16 or more", id="fail XTS short"),
        pytest.param(Algorithm.AES, 128, Mode.XTS, b"x" * 16, FAILURE, "256, 512", id="fail XTS key"),
        pytest.param(Algorithm.AES, 512, Mode.CBC, b"x" * 16, FAILURE, "128, 192, 256", id="fail AES 512 in CBC"),
        pytest.param(Algorithm.AES, 256, Mode.NIST_KEY_WRAP, b"x" * 8, FIELD, "from 16 on", id="fail wrap short"),
        pytest.param(Algorithm.AES, 256, Mode.NIST_KEY_WRAP, b"x" * 17, FIELD, "multiples of 8", id="fail wrap odd"),
        pytest.param(Algorithm.AES, 256, Mode.AES_KEY_WRAP_PADDING, b"", FIELD, "nothing", id="fail wrap nothing"),
    ],
)
def test_whole_data_modes_refuse_by_name(algorithm, length, mode, data, reason, text):
    key = a_key(algorithm, length)
    answer = refusal(lambda: encrypt(CRYPTO, key, Parameters(block_cipher_mode=mode), data))

    assert (answer.reason, text in answer.message) == (reason, True), answer.message


def test_xts_refuses_two_equal_keys():
    key = SymmetricKey(Algorithm.AES, 256, bytes(32))

    assert refusal(lambda: encrypt(CRYPTO, key, Parameters(block_cipher_mode=Mode.XTS), bytes(16))).reason is FAILURE


def test_ccm_refuses_more_than_its_nonce_can_count():
    how = Parameters(block_cipher_mode=Mode.CCM)
    key = a_key(Algorithm.AES, 128)

    most = (1 << 16) - 1
    sealed = encrypt(CRYPTO, key, how, bytes(most), iv_counter_nonce=bytes(13))
    assert len(sealed.data) == most
    for call in (
        lambda: encrypt(CRYPTO, key, how, bytes(most + 1), iv_counter_nonce=bytes(13)),
        lambda: decrypt(CRYPTO, key, how, bytes(most + 17), iv_counter_nonce=bytes(13)),
    ):
        assert refusal(call).reason is FIELD


def test_a_stream_that_is_needed_whole_ends_at_its_limit():
    stream = begin_encrypt(CRYPTO, AES, Parameters(block_cipher_mode=Mode.CCM))
    part = bytes(MAXIMUM_HELD_BYTES // 4)
    for _ in range(4):
        stream.update(part)

    assert refusal(lambda: stream.update(b"x")).reason is ResultReason.SERVER_LIMIT_EXCEEDED


def test_a_tag_at_the_end_of_an_unauthenticated_stream_is_refused():
    stream = begin_decrypt(CRYPTO, AES, CTR, iv_counter_nonce=bytes(16))

    assert refusal(lambda: stream.finish(bytes(16))).reason is FIELD


def test_a_refused_blowfish_key_length_names_the_range():
    key = SymmetricKey(Algorithm.BLOWFISH, None, bytes(60))

    assert "32 to 448" in refusal(lambda: encrypt(CRYPTO, key, CTR, b"")).message


def test_secret_data_may_be_a_key_when_the_algorithm_is_stated():
    key, how = SecretData(bytes(16)), evolve(CTR, cryptographic_algorithm=Algorithm.AES)
    sealed = encrypt(CRYPTO, key, how, b"data")

    assert decrypt(CRYPTO, key, how, sealed.data, iv_counter_nonce=sealed.iv_counter_nonce) == b"data"


def test_3des_keys_of_one_and_two_parts_are_three_key_keys_with_repeats():
    one, two = bytes(range(8)), bytes(range(16))
    how = Parameters(block_cipher_mode=Mode.ECB)

    def sealed(material):
        return encrypt(CRYPTO, SymmetricKey(Algorithm.TRIPLE_DES, None, material), how, bytes(8)).data

    assert sealed(one) == sealed(one * 3)
    assert sealed(two) == sealed(two + two[:8])


def test_padding_is_ignored_where_the_mode_needs_none():
    how = evolve(CTR, padding_method=PaddingMethod.PKCS5)

    assert len(encrypt(CRYPTO, AES, how, b"12345").data) == 5


@pytest.mark.parametrize(
    "how",
    [
        *(Parameters(block_cipher_mode=mode, padding_method=PaddingMethod.PKCS5) for mode in (Mode.CBC, Mode.ECB)),
        Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.ANSI_X9_23),
        Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.ZEROS),
        *(Parameters(block_cipher_mode=mode) for mode in (Mode.CTR, Mode.CFB, Mode.OFB, Mode.GCM)),
        Parameters(block_cipher_mode=Mode.GCM, tag_length=4),
    ],
    ids=lambda how: f"{how.block_cipher_mode.name} {how.padding_method} {how.tag_length}",
)
@pytest.mark.parametrize("length", [0, 1, 16, 1_000])
def test_what_comes_at_once_is_encrypted_as_in_parts(how, length):
    data, more = bytes(length), {"additional_data": b"more"} if how.block_cipher_mode is Mode.GCM else {}
    made = begin_encrypt(CRYPTO, AES, how, **more).at_once(data)
    stream = begin_encrypt(CRYPTO, AES, how, iv_counter_nonce=made.iv_counter_nonce, **more)
    first = stream.update(data[:7]) + stream.update(data[7:])
    last = stream.finish()

    assert made == evolve(last, data=first + last.data)


def test_at_once_refuses_what_is_no_whole_block():
    how = Parameters(block_cipher_mode=Mode.CBC)

    assert refusal(lambda: begin_encrypt(CRYPTO, AES, how).at_once(bytes(17))).reason is FIELD


GCM, CBC = Parameters(block_cipher_mode=Mode.GCM), Parameters(block_cipher_mode=Mode.CBC)
CHACHA20 = SymmetricKey(Algorithm.CHACHA20, 256, bytes(32))


@pytest.mark.parametrize(
    ("key", "usual", "how", "more", "answer"),
    [
        pytest.param(AES, GCM, GCM, {"iv_counter_nonce": bytes(7)}, FIELD, id="IV that is too short"),
        pytest.param(AES, CBC, CBC, {"iv_counter_nonce": bytes(12)}, FIELD, id="IV of another mode"),
        pytest.param(AES, CBC, CBC, {"additional_data": b"more"}, FIELD, id="additional data"),
        pytest.param(AES, GCM, evolve(GCM, tag_length=5), {}, ResultReason.GENERAL_FAILURE, id="Tag Length"),
        pytest.param(AES, GCM, evolve(GCM, iv_length=4), {}, BAD, id="IV Length"),
        pytest.param(AES, CTR, evolve(CTR, counter_length=3), {"iv_counter_nonce": bytes(12)}, BAD, id="counter"),
        pytest.param(AES, GCM, evolve(GCM, cryptographic_algorithm=Algorithm.SM4), {}, FAILURE, id="algorithm"),
        pytest.param(SymmetricKey(Algorithm.AES, 128, bytes(15)), GCM, GCM, {}, FAILURE, id="length of the key"),
        pytest.param(AES, GCM, evolve(GCM, iv_length=96), {}, 12, id="ok IV Length"),
        pytest.param(AES, GCM, GCM, {"iv_counter_nonce": bytes(16)}, 16, id="ok IV of another length"),
        pytest.param(CHACHA20, Parameters(), Parameters(), {"iv_counter_nonce": bytes(16)}, 16, id="ok long IV"),
        pytest.param(CHACHA20, Parameters(), Parameters(), {}, 12, id="ok made IV"),
    ],
)
def test_what_was_settled_for_the_usual_is_not_taken_for_what_differs(key, usual, how, more, answer):
    usual_key = AES if key.key_block.cryptographic_algorithm is Algorithm.AES else key
    for _ in range(2):
        encrypt(CRYPTO, usual_key, usual, bytes(16))

    if isinstance(answer, ResultReason):
        assert refusal(lambda: encrypt(CRYPTO, key, how, bytes(16), **more)).reason is answer
        return
    made = encrypt(CRYPTO, key, how, bytes(16), **more)
    assert len(made.iv_counter_nonce) == answer
    back = {"authenticated_encryption_tag": made.authenticated_encryption_tag} if usual is GCM else {}
    assert decrypt(CRYPTO, key, how, made.data, iv_counter_nonce=made.iv_counter_nonce, **back) == bytes(16)


def test_each_iv_is_made_anew():
    ivs = {encrypt(CRYPTO, AES, how, bytes(16)).iv_counter_nonce for how in (GCM, CBC, CTR) for _ in range(20)}

    assert len(ivs) == 60


def test_decrypt_needs_its_iv_also_where_encrypt_made_one_before():
    encrypt(CRYPTO, AES, CBC, bytes(16))

    assert refusal(lambda: decrypt(CRYPTO, AES, CBC, bytes(16))).reason is ResultReason.INVALID_MESSAGE


def test_what_is_settled_is_bounded():
    pads = [SymmetricKey(Algorithm.ONE_TIME_PAD, 8 * length, bytes(length)) for length in range(1, 600)]
    for pad in pads:
        encrypt(CRYPTO, pad, Parameters(), b"x")

    assert 0 < len(cipher_jobs._settled) <= cipher_jobs._MOST_SETTLED
