"""What every crypto adapter promises, by what its capabilities claim."""

import itertools

import pytest
from attrs import evolve, fields, has

from kmip_core.enums import (
    BlockCipherMode as Mode,
)
from kmip_core.enums import (
    CryptographicAlgorithm as Algorithm,
)
from kmip_core.enums import (
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.objects import SecretData
from kmip_core.ports.crypto import Custody, Encryption
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters, KeyHandle
from tests.contract.crypto_adapters import (
    ADAPTERS,
    a_made_key,
    a_private_key,
    a_public_key,
    a_symmetric_key,
    an_imported_key,
    cipher_rows,
)
from tests.crypto_uses import begin_decrypt, begin_encrypt, decrypt, encrypt, hash_of, mac, verify_mac

BLOCK_OF_DATA = bytes(range(48))


@pytest.fixture(params=list(ADAPTERS.values()), ids=list(ADAPTERS))
def crypto(request):
    return request.param()


@pytest.fixture
def aes(crypto):
    return a_made_key(crypto, Algorithm.AES, 256)


def needs(crypto, capability, item):
    if item not in getattr(crypto.capabilities, capability):
        pytest.skip(f"{item} is not claimed")


def refusal(call):
    with pytest.raises(KmipError) as raised:
        call()
    return raised.value


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


# --- keys ---------------------------------------------------------------------------------------------------------


def test_every_length_that_is_claimed_can_be_made(crypto):
    for algorithm, lengths in crypto.capabilities.symmetric_lengths.items():
        for length in (lengths[0], lengths[-1]):
            key = a_made_key(crypto, algorithm, length)

            assert crypto.describe(key).length == length


def test_material_comes_out_only_where_it_is_exported(crypto, aes):
    held = isinstance(aes.key_block.key_value.key_material, KeyHandle)

    assert held is not crypto.capabilities.exports_key_material


def test_a_length_or_algorithm_that_is_not_claimed_is_refused(crypto):
    for algorithm in Algorithm:
        if algorithm not in crypto.capabilities.symmetric_lengths:
            reason = refusal(lambda algorithm=algorithm: crypto.make_symmetric_key(algorithm, 128)).reason
            assert reason in (ResultReason.INVALID_ATTRIBUTE_VALUE, ResultReason.FEATURE_NOT_SUPPORTED)

    assert refusal(lambda: crypto.make_symmetric_key(Algorithm.AES, 100)).reason is ResultReason.INVALID_ATTRIBUTE_VALUE


def test_a_key_behind_a_handle_leaves_only_if_it_was_made_so(crypto, aes):
    pair = crypto.make_key_pair(Algorithm.ECDSA, 256)

    assert crypto.export_key(pair.public_key) == pair.public_key
    for key in (aes, pair.private_key):
        if key.key_block.handle is None:
            assert crypto.export_key(key) == key
        else:
            assert refusal(lambda key=key: crypto.export_key(key)).reason is ResultReason.NOT_EXTRACTABLE


def test_a_key_that_may_leave_comes_out_as_it_went_in(crypto):
    custody = Custody(in_token=crypto.capabilities.holds_keys, extractable=True, sensitive=False)
    needs_extraction = crypto.capabilities.holds_keys and not crypto.capabilities.extractable
    if needs_extraction:
        pytest.skip("no key leaves")
    held = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(range(16))), custody)

    assert crypto.export_key(held).key_block.material == bytes(range(16))


def test_a_key_is_wrapped_in_place_or_left_to_the_caller(crypto):
    custody = Custody(in_token=crypto.capabilities.holds_keys, extractable=True)
    if crypto.capabilities.holds_keys and not crypto.capabilities.extractable:
        pytest.skip("no key leaves")
    how = Parameters(block_cipher_mode=Mode.NIST_KEY_WRAP)
    wrapping = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(16)), custody)
    key = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(range(16))), custody)

    made = crypto.wrap_key(Encryption(wrapping, how), key)

    if made is not None:
        assert decrypt(crypto, wrapping, how, made.data) == bytes(range(16))
    assert (made is not None) is crypto.capabilities.extractable


def quick_pairs(crypto):
    """(algorithm, length): the shortest of each, which for DSA and RSA is quick enough."""
    return [(algorithm, lengths[0]) for algorithm, lengths in crypto.capabilities.key_pair_lengths.items()]


def test_every_kind_of_pair_can_be_made_and_says_what_it_is(crypto):
    for algorithm, length in quick_pairs(crypto):
        pair = crypto.make_key_pair(algorithm, length)

        for key in (pair.private_key, pair.public_key):
            described = crypto.describe(key)
            assert (described.algorithm, described.length) == (algorithm, length)
            assert key.key_block.cryptographic_algorithm is algorithm
            assert key.key_block.cryptographic_length == length


def test_every_curve_can_be_named(crypto):
    for curve in crypto.capabilities.curves:
        pair = crypto.make_key_pair(Algorithm.ECDH, None, curve)

        assert crypto.describe(pair.private_key).curve is curve
        assert crypto.describe(pair.public_key).curve is curve


def test_public_rsa_keys_are_pkcs1_unless_asked_otherwise(crypto):
    length = crypto.capabilities.key_pair_lengths[Algorithm.RSA][0]
    plain = crypto.make_key_pair(Algorithm.RSA, length)
    asked = crypto.make_key_pair(Algorithm.RSA, length, public_format=KeyFormatType.X_509)

    assert plain.public_key.key_block.key_format_type is KeyFormatType.PKCS_1
    assert plain.private_key.key_block.key_format_type is KeyFormatType.PKCS_1
    assert asked.public_key.key_block.key_format_type is KeyFormatType.X_509


@pytest.mark.parametrize(
    ("algorithm", "length", "curve", "reason"),
    [
        pytest.param(Algorithm.AES, 128, None, "unknown", id="fail symmetric algorithm"),
        pytest.param(Algorithm.RSA, None, None, ResultReason.INVALID_FIELD, id="fail RSA without length"),
        pytest.param(Algorithm.RSA, 1000, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail RSA 1000"),
        pytest.param(Algorithm.RSA, 2**31 - 1, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail RSA huge"),
        pytest.param(Algorithm.EC, 257, None, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail EC 257"),
        pytest.param(Algorithm.EC, None, None, ResultReason.INVALID_FIELD, id="fail EC without anything"),
        pytest.param(
            Algorithm.EC, 384, RecommendedCurve.P_256, ResultReason.CRYPTOGRAPHIC_FAILURE, id="fail curve and length"
        ),
        pytest.param(Algorithm.EC, None, RecommendedCurve.K_163, "unknown", id="fail unknown curve"),
    ],
)
def test_a_pair_that_cannot_be_had_is_refused(crypto, algorithm, length, curve, reason):
    allowed = (
        {ResultReason.INVALID_ATTRIBUTE_VALUE, ResultReason.FEATURE_NOT_SUPPORTED} if reason == "unknown" else {reason}
    )

    assert refusal(lambda: crypto.make_key_pair(algorithm, length, curve)).reason in allowed


def test_a_format_that_a_pair_cannot_take_is_refused_before_it_is_made(crypto):
    length = crypto.capabilities.key_pair_lengths[Algorithm.RSA][-1]

    answer = refusal(lambda: crypto.make_key_pair(Algorithm.RSA, length, public_format=KeyFormatType.EC_PRIVATE_KEY))

    assert answer.reason is ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED


def test_a_key_that_came_from_outside_is_usable(crypto):
    key = an_imported_key(crypto, Algorithm.AES, bytes(16))
    how = Parameters(block_cipher_mode=Mode.GCM)

    assert encrypt(crypto, key, how, bytes(16), iv_counter_nonce=bytes(12)).data.hex() == (
        "0388dace60b6a392f328c2b971b2fe78"
    )


def test_a_destroyed_key_is_gone_where_it_was_held(crypto, aes):
    crypto.destroy_key(aes)
    crypto.destroy_key(aes)

    if crypto.capabilities.exports_key_material:
        assert crypto.describe(aes).length == 256
    else:
        how = Parameters(block_cipher_mode=Mode.GCM)
        assert refusal(lambda: encrypt(crypto, aes, how, b"")).reason is ResultReason.KEY_VALUE_NOT_PRESENT


def test_a_handle_of_somebody_else_is_refused(crypto):
    key = a_symmetric_key(Algorithm.AES, KeyHandle(provider="another", token="1"), 128)

    reason = refusal(lambda: encrypt(crypto, key, Parameters(block_cipher_mode=Mode.GCM), b"")).reason

    assert reason in (ResultReason.CRYPTOGRAPHIC_FAILURE, ResultReason.KEY_VALUE_NOT_PRESENT)


def test_a_key_without_material_is_refused(crypto):
    key = a_symmetric_key(Algorithm.AES, b"", 128)
    empty = evolve(key, key_block=evolve(key.key_block, key_value=None))

    reason = refusal(lambda: encrypt(crypto, empty, Parameters(block_cipher_mode=Mode.GCM), b"")).reason

    assert reason in (ResultReason.KEY_VALUE_NOT_PRESENT, ResultReason.CRYPTOGRAPHIC_FAILURE)


def all_bytes(value):
    """Every byte string inside a result, and its repr."""
    yield repr(value).encode()
    if isinstance(value, bytes | bytearray):
        yield bytes(value)
    elif has(type(value)):
        for each in fields(type(value)):
            yield from all_bytes(getattr(value, each.name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from all_bytes(each)


def test_no_byte_of_a_held_key_crosses_the_port(crypto):
    if crypto.capabilities.exports_key_material:
        pytest.skip("keys are not held")
    secret = bytes(range(100, 132))
    key = an_imported_key(crypto, Algorithm.AES, secret)
    pair = crypto.make_key_pair(Algorithm.EC, 256)
    results = [
        key,
        crypto.describe(key),
        encrypt(crypto, key, Parameters(block_cipher_mode=Mode.GCM), bytes(64)),
        mac(crypto, key, Parameters(), b"data"),
        pair.private_key,
        crypto.sign(pair.private_key, Parameters(), b"data"),
        str(refusal(lambda: crypto.convert(key, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY))),
    ]

    if DerivationMethod.HMAC in crypto.capabilities.derivation_methods:
        how = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
        derivation_data = DerivationParameters(derivation_data=b"x", cryptographic_parameters=how)
        results.append(crypto.derive(DerivationMethod.HMAC, [key], derivation_data, 128))

    for found in itertools.chain.from_iterable(all_bytes(result) for result in results):
        assert secret[:8] not in found
        assert secret[:8].hex().encode() not in found
    if len(results) > 7:
        assert isinstance(results[-1], KeyHandle)
    assert isinstance(pair.private_key.key_block.key_value.key_material, KeyHandle)
    for held in (key, pair.private_key):
        assert refusal(lambda held=held: crypto.convert(held, KeyFormatType.RAW)).reason is ResultReason.NOT_EXTRACTABLE


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


def an_rsa_pair(crypto):
    return crypto.make_key_pair(Algorithm.RSA, crypto.capabilities.key_pair_lengths[Algorithm.RSA][0])


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
CBC = Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)
FIELD, FAILURE, MESSAGE = (
    ResultReason.INVALID_FIELD,
    ResultReason.CRYPTOGRAPHIC_FAILURE,
    ResultReason.INVALID_MESSAGE,
)
BAD = ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
UNSUPPORTED = ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS


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


# --- signatures ---------------------------------------------------------------------------------------------------


def signing_rows(crypto):
    """(pair, parameters) for every signature that is claimed."""
    pairs = {}
    for (family, padding), hashes in crypto.capabilities.signatures.items():
        if family not in pairs:
            pairs[family] = crypto.make_key_pair(
                family, crypto.capabilities.key_pair_lengths[family][-1 if family is Algorithm.ECDSA else 0]
            )
        for hashing in sorted(hashes) or [None]:
            yield pairs[family], Parameters(padding_method=padding, hashing_algorithm=hashing)


def test_every_signature_that_is_claimed_verifies_and_no_other_does(crypto):
    for pair, how in signing_rows(crypto):
        signature = crypto.sign(pair.private_key, how, b"data")
        stream = crypto.begin_verify(pair.public_key, how)
        for piece in (b"da", b"ta"):
            stream.update(piece)

        assert crypto.verify(pair.public_key, how, b"data", signature) is ValidityIndicator.VALID, how
        assert stream.finish(signature) is ValidityIndicator.VALID
        assert crypto.verify(pair.public_key, how, b"date", signature) is ValidityIndicator.INVALID
        assert crypto.verify(pair.public_key, how, b"data", signature[:-1]) is ValidityIndicator.INVALID
        assert crypto.verify(pair.public_key, how, b"data", b"") is ValidityIndicator.INVALID


def test_signatures_in_parts_verify(crypto):
    for pair, how in signing_rows(crypto):
        stream = crypto.begin_sign(pair.private_key, how)
        for piece in (b"da", b"ta"):
            stream.update(piece)

        assert crypto.verify(pair.public_key, how, b"data", stream.finish()) is ValidityIndicator.VALID, how


def test_digested_data_signs_like_data(crypto):
    for pair, how in signing_rows(crypto):
        if how.hashing_algorithm is None:
            answer = refusal(lambda pair=pair, how=how: crypto.sign(pair.private_key, how, bytes(32), digested=True))
            assert answer.reason is FIELD
        elif how.hashing_algorithm in crypto.capabilities.hashing_algorithms:
            digest = hash_of(crypto, how.hashing_algorithm, b"data")
            signature = crypto.sign(pair.private_key, how, digest, digested=True)
            assert crypto.verify(pair.public_key, how, b"data", signature) is ValidityIndicator.VALID
            assert crypto.verify(pair.public_key, how, digest, signature, digested=True) is ValidityIndicator.VALID


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param(Parameters(hashing_algorithm=HashingAlgorithm.SHA_256), UNSUPPORTED, id="fail no padding"),
        pytest.param(Parameters(padding_method=PaddingMethod.PSS), BAD, id="fail no hash"),
        pytest.param(
            Parameters(padding_method=PaddingMethod.OAEP, hashing_algorithm=HashingAlgorithm.SHA_256),
            UNSUPPORTED,
            id="fail OAEP",
        ),
        pytest.param(
            Parameters(
                padding_method=PaddingMethod.PSS,
                hashing_algorithm=HashingAlgorithm.SHA_256,
                cryptographic_algorithm=Algorithm.ECDSA,
            ),
            BAD,
            id="fail algorithm of another key",
        ),
        pytest.param(
            Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, trailer_field=2),
            BAD,
            id="fail trailer",
        ),
        pytest.param(
            Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, salt_length=-1),
            BAD,
            id="fail salt",
        ),
    ],
)
def test_rsa_signing_refuses_by_name(crypto, how, reason):
    assert refusal(lambda: crypto.sign(an_rsa_pair(crypto).private_key, how, b"data")).reason is reason


def test_a_public_key_does_not_sign_nor_a_private_key_verify(crypto):
    pair = crypto.make_key_pair(Algorithm.ECDSA, 256)

    assert refusal(lambda: crypto.sign(pair.public_key, Parameters(), b"")).reason is FIELD
    assert refusal(lambda: crypto.verify(pair.private_key, Parameters(), b"", b"")).reason is FIELD


def test_an_ec_key_decides_even_when_the_parameters_speak_of_rsa(crypto):
    # Official case CS-AC-M-3-ECC-13.
    pair = crypto.make_key_pair(Algorithm.EC, 256)
    signature = crypto.sign(pair.private_key, Parameters(cryptographic_algorithm=Algorithm.ECDSA), b"data")
    spoken = Parameters(
        padding_method=PaddingMethod.PSS,
        hashing_algorithm=HashingAlgorithm.SHA_256,
        cryptographic_algorithm=Algorithm.RSA,
    )

    assert crypto.verify(pair.public_key, spoken, b"data", signature) is ValidityIndicator.VALID
    other = evolve(spoken, hashing_algorithm=HashingAlgorithm.SHA_384)
    assert crypto.verify(pair.public_key, other, b"data", signature) is ValidityIndicator.INVALID


# --- codes and digests --------------------------------------------------------------------------------------------


def test_every_mac_that_is_claimed_verifies_and_no_other_does(crypto):
    for algorithm in crypto.capabilities.macs:
        lengths = crypto.capabilities.symmetric_lengths.get(algorithm)
        if lengths is None:
            continue  # legacy codes may be checked with keys that can no longer be made
        key = a_made_key(crypto, algorithm, 256 if 256 in lengths else lengths[-1])
        how = Parameters(cryptographic_algorithm=algorithm)
        code = mac(crypto, key, how, b"data")
        stream = crypto.begin_mac(key, how)
        checking = crypto.begin_verify_mac(key, how)
        for piece in (b"da", b"ta"):
            stream.update(piece)
            checking.update(piece)

        assert stream.finish() == code
        assert checking.finish(code) is ValidityIndicator.VALID
        assert verify_mac(crypto, key, how, b"data", code) is ValidityIndicator.VALID
        assert verify_mac(crypto, key, how, b"date", code) is ValidityIndicator.INVALID
        assert verify_mac(crypto, key, how, b"data", code[:-1]) is ValidityIndicator.INVALID


def test_cmac_with_a_stream_cipher_is_refused(crypto, aes):
    answer = refusal(lambda: mac(crypto, aes, Parameters(cryptographic_algorithm=Algorithm.RC4), b"data"))

    assert answer.reason is UNSUPPORTED
    assert "stream cipher" in answer.message


def test_every_hash_that_is_claimed_agrees_with_its_stream(crypto):
    for algorithm in crypto.capabilities.hashing_algorithms:
        stream = crypto.begin_hash(algorithm)
        stream.update(b"da")
        stream.update(b"ta")

        assert stream.finish() == hash_of(crypto, algorithm, b"data")


def test_an_unknown_hash_is_refused(crypto):
    assert refusal(lambda: hash_of(crypto, HashingAlgorithm.MD2, b"")).reason is UNSUPPORTED


def test_random_bytes_are_as_many_as_asked_and_differ(crypto):
    assert len(crypto.random_bytes(37)) == 37
    assert crypto.random_bytes(32) != crypto.random_bytes(32)
    for wrong in (0, -1, 2**31 - 1):
        assert refusal(lambda wrong=wrong: crypto.random_bytes(wrong)).reason is FIELD


# --- derivation ---------------------------------------------------------------------------------------------------


def derivation(**more):
    how = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    return DerivationParameters(cryptographic_parameters=how, derivation_data=b"label", **more)


def usable_as(crypto, material):
    return a_symmetric_key(Algorithm.AES, material, 256)


def test_every_derivation_is_repeatable_and_as_long_as_asked(crypto):
    base = a_made_key(crypto, Algorithm.AES, 256)
    for method in crypto.capabilities.derivation_methods - {DerivationMethod.ASYMMETRIC_KEY}:
        parameters = derivation(salt=b"salt", iteration_count=10)
        if method is DerivationMethod.HASH:
            parameters = evolve(parameters, derivation_data=None)
        if method is DerivationMethod.ENCRYPT:
            parameters = evolve(parameters, derivation_data=bytes(32), cryptographic_parameters=CBC)
        first, second = (crypto.derive(method, [base], parameters, 256, algorithm=Algorithm.AES) for _ in range(2))
        codes = {mac(crypto, usable_as(crypto, key), Parameters(), b"same") for key in (first, second)}

        assert len(codes) == 1, method
        if crypto.capabilities.exports_key_material:
            assert len(first) == 32


def test_both_sides_agree_on_every_curve(crypto):
    needs(crypto, "derivation_methods", DerivationMethod.ASYMMETRIC_KEY)
    for curve in crypto.capabilities.curves:
        ours, theirs = (crypto.make_key_pair(Algorithm.ECDH, None, curve) for _ in range(2))
        # The whole secret: a token gives no less.
        length = -(-crypto.describe(ours.private_key).length // 8) * 8
        codes = set()
        for one, other in ((ours, theirs), (theirs, ours)):
            halves = [one.private_key, other.public_key]
            made = crypto.derive(DerivationMethod.ASYMMETRIC_KEY, halves, DerivationParameters(), length)
            codes.add(mac(crypto, a_symmetric_key(Algorithm.HMAC_SHA256, made, length), Parameters(), b"same"))

        assert len(codes) == 1, curve


def test_derivation_data_may_come_as_secret_data(crypto):
    needs(crypto, "derivation_methods", DerivationMethod.HMAC)
    base = a_made_key(crypto, Algorithm.AES, 256)
    told = crypto.derive(DerivationMethod.HMAC, [base], derivation(), 256)
    brought = crypto.derive(
        DerivationMethod.HMAC, [base, SecretData(b"label")], evolve(derivation(), derivation_data=None), 256
    )

    codes = {mac(crypto, usable_as(crypto, key), Parameters(), b"same") for key in (told, brought)}
    assert len(codes) == 1


@pytest.mark.parametrize(
    ("method", "changes", "length", "reason"),
    [
        pytest.param(DerivationMethod.HMAC, {}, 264, FAILURE, id="fail longer than HMAC"),
        pytest.param(DerivationMethod.HMAC, {}, 12, FIELD, id="fail not whole bytes"),
        pytest.param(DerivationMethod.HMAC, {}, 0, FIELD, id="fail nothing"),
        pytest.param(DerivationMethod.HMAC, {}, 2**31 - 8, FIELD, id="fail huge"),
        pytest.param(DerivationMethod.HMAC, {"derivation_data": None}, 128, FIELD, id="fail no data"),
        pytest.param(DerivationMethod.HMAC, {"cryptographic_parameters": None}, 128, FIELD, id="fail no hash"),
        pytest.param(DerivationMethod.HASH, {"derivation_data": None}, 264, FAILURE, id="fail longer than hash"),
        pytest.param(DerivationMethod.HASH, {}, 128, FIELD, id="fail hash of two things"),
        pytest.param(DerivationMethod.PBKDF2, {"iteration_count": 1}, 128, FIELD, id="fail PBKDF2 no salt"),
        pytest.param(DerivationMethod.PBKDF2, {"salt": b"s"}, 128, FIELD, id="fail PBKDF2 no iterations"),
        pytest.param(
            DerivationMethod.PBKDF2,
            {"salt": b"s", "iteration_count": 10_000_001},
            128,
            FIELD,
            id="fail PBKDF2 too many",
        ),
        pytest.param(DerivationMethod.PBKDF2, {"salt": b"s", "iteration_count": 0}, 128, FIELD, id="fail PBKDF2 zero"),
        pytest.param(
            DerivationMethod.ENCRYPT,
            {"cryptographic_parameters": CBC, "derivation_data": bytes(8)},
            256,
            FAILURE,
            id="fail longer than cipher text",
        ),
        pytest.param(DerivationMethod.ASYMMETRIC_KEY, {}, 128, FIELD, id="fail agreement of one"),
        pytest.param(
            DerivationMethod.NIST800_108_C,
            {"cryptographic_parameters": Parameters(hashing_algorithm=HashingAlgorithm.SHA_256, counter_length=8)},
            65_536,
            ResultReason.CRYPTOGRAPHIC_FAILURE,
            id="fail counter too short",
        ),
    ],
)
def test_derive_refuses_by_name(crypto, method, changes, length, reason):
    needs(crypto, "derivation_methods", method)
    base = a_made_key(crypto, Algorithm.AES, 256)

    assert refusal(lambda: crypto.derive(method, [base], evolve(derivation(), **changes), length)).reason is reason


def test_a_derivation_method_that_is_not_claimed_is_refused(crypto):
    base = a_made_key(crypto, Algorithm.AES, 256)
    for method in set(DerivationMethod) - crypto.capabilities.derivation_methods:
        reason = refusal(lambda method=method: crypto.derive(method, [base], derivation(), 128)).reason

        assert reason in (FIELD, ResultReason.FEATURE_NOT_SUPPORTED)


# --- formats ------------------------------------------------------------------------------------------------------

FORMATS_TO_TRY = [each for each in KeyFormatType if each not in (KeyFormatType.OPAQUE, KeyFormatType.PKCS_12)]


def converted(crypto, key, wanted):
    """The key's block in a format, or None where the key has no such form."""
    try:
        return crypto.convert(key, wanted)
    except KmipError as refused:
        if refused.reason is not ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED:
            raise
        return None


def test_a_pair_in_every_format_is_still_the_same_pair(crypto):
    for algorithm, length in quick_pairs(crypto):
        pair = crypto.make_key_pair(algorithm, length)
        keys = [pair.public_key]
        if crypto.capabilities.exports_key_material:
            keys.append(pair.private_key)
        for key, wanted in itertools.product(keys, FORMATS_TO_TRY):
            block = converted(crypto, key, wanted)
            if block is None:
                continue
            again = evolve(key, key_block=block)

            assert block.key_format_type is wanted
            if wanted is KeyFormatType.RAW and crypto.describe(again) is None:
                pytest.fail(f"{algorithm.name} in Raw cannot be read back")
            assert crypto.convert(again, key.key_block.key_format_type) == key.key_block, (algorithm, wanted)


def test_material_that_cannot_be_read_has_no_description(crypto):
    assert crypto.describe(a_public_key(Algorithm.RSA, b"nonsense")) is None


def test_material_that_cannot_be_read_is_refused_for_use(crypto):
    key = a_public_key(Algorithm.RSA, b"nonsense", KeyFormatType.PKCS_1)
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

    assert refusal(lambda: crypto.verify(key, how, b"", b"")).reason is FAILURE


def test_a_broken_private_key_is_not_used(crypto):
    key = a_private_key(Algorithm.RSA, b"nonsense", KeyFormatType.PKCS_1)
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

    assert refusal(lambda: crypto.sign(crypto.import_key(key), how, b"")).reason is FAILURE
