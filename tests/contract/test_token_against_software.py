"""What a token does, software undoes, and the other way round, over random parameters; and keys beside each other."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.side_by_side import SideBySide
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_app.testing.contracts.crypto.keys import a_made_key, a_private_key, a_symmetric_key
from kmip_app.testing.contracts.crypto.uses import decrypt, encrypt, mac
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
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
from kmip_core.ports.crypto import IN_SOFTWARE, Custody, Encryption
from kmip_core.structures import CryptographicParameters as Parameters
from kmip_core.structures import DerivationParameters
from tests.softhsm import shared_crypto

SOFTWARE = SoftwareCrypto()
TOKENS = {"hsm_stub": HsmStub, "pkcs11": shared_crypto}
LEAVING = Custody(in_token=True, extractable=True, sensitive=False)
WRAPPED_ONLY = Custody(in_token=True, extractable=True, sensitive=True)
STAYING = Custody(in_token=True)
ROUNDS = settings(deadline=None, max_examples=25)

lengths = st.sampled_from([16, 24, 32])
modes = st.sampled_from(
    [
        Parameters(block_cipher_mode=Mode.CTR),
        Parameters(block_cipher_mode=Mode.GCM),
        Parameters(block_cipher_mode=Mode.GCM, tag_length=12),
        Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5),
        Parameters(block_cipher_mode=Mode.ECB, padding_method=PaddingMethod.PKCS5),
    ]
)


@pytest.fixture(scope="module", params=list(TOKENS.values()), ids=list(TOKENS))
def token(request):
    return request.param()


def both(token, algorithm, material):
    """The same key in software and in the token."""
    key = a_symmetric_key(algorithm, material)
    return key, token.import_key(key)


@ROUNDS
@given(data=st.data())
def test_one_decrypts_what_the_other_encrypts(token, data):
    plain, inside = both(token, Algorithm.AES, data.draw(lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n))))
    how, text = data.draw(modes), data.draw(st.binary(max_size=200))
    more = {"additional_data": data.draw(st.binary(max_size=40))} if how.block_cipher_mode is Mode.GCM else {}
    iv = {} if how.block_cipher_mode is Mode.ECB else {"iv_counter_nonce": data.draw(nonces(how.block_cipher_mode))}

    there, here = encrypt(token, inside, how, text, **iv, **more), encrypt(SOFTWARE, plain, how, text, **iv, **more)

    assert there == here
    if here.authenticated_encryption_tag is not None:
        more = {**more, "authenticated_encryption_tag": here.authenticated_encryption_tag}
    assert decrypt(token, inside, how, here.data, **iv, **more) == text
    assert decrypt(SOFTWARE, plain, how, there.data, **iv, **more) == text
    token.destroy_key(inside)


def nonces(mode):
    return st.binary(min_size=12, max_size=12) if mode is Mode.GCM else st.binary(min_size=16, max_size=16)


@ROUNDS
@given(data=st.data())
def test_one_unwraps_what_the_other_wraps(token, data):
    how = Parameters(block_cipher_mode=Mode.NIST_KEY_WRAP)
    plain, inside = both(token, Algorithm.AES, data.draw(lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n))))
    secret = data.draw(st.integers(2, 9).flatmap(lambda n: st.binary(min_size=8 * n, max_size=8 * n)))

    wrapped = encrypt(token, inside, how, secret).data

    assert wrapped == encrypt(SOFTWARE, plain, how, secret).data
    assert decrypt(token, inside, how, wrapped) == secret
    token.destroy_key(inside)


@ROUNDS
@given(data=st.data())
def test_codes_are_the_same(token, data):
    algorithm = data.draw(st.sampled_from(sorted(token.capabilities.macs, key=lambda known: known.value)))
    sizes = st.sampled_from([16, 32]) if algorithm is Algorithm.AES else st.integers(64, 100)
    plain, inside = both(token, algorithm, data.draw(sizes.flatmap(lambda n: st.binary(min_size=n, max_size=n))))
    text = data.draw(st.binary(min_size=1, max_size=300))

    assert mac(token, inside, Parameters(), text) == mac(SOFTWARE, plain, Parameters(), text)
    token.destroy_key(inside)


@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_software_verifies_what_the_token_signs(token, data):
    kind = data.draw(st.sampled_from([key for key, hashes in token.capabilities.signatures.items() if hashes]))
    algorithm, padding_method = kind
    hashing = data.draw(st.sampled_from(sorted(token.capabilities.signatures[kind], key=lambda known: known.value)))
    how = Parameters(padding_method=padding_method, hashing_algorithm=hashing)
    if padding_method is PaddingMethod.PSS:
        how = evolve(how, salt_length=data.draw(st.sampled_from([None, 0, 20])))
    pair = pair_of(token, algorithm)
    text = data.draw(st.binary(max_size=100))

    signature = token.sign(pair.private_key, how, text)

    assert SOFTWARE.verify(pair.public_key, how, text, signature) is ValidityIndicator.VALID
    assert SOFTWARE.verify(pair.public_key, how, text + b".", signature) is ValidityIndicator.INVALID


PAIRS: dict[Any, Any] = {}


def pair_of(token, algorithm):
    """One pair for all rounds: RSA keys take long to make."""
    where = id(token), algorithm
    if where not in PAIRS:
        PAIRS[where] = token.make_key_pair(algorithm, token.capabilities.key_pair_lengths[algorithm][0])
    return PAIRS[where]


@ROUNDS
@given(data=st.data())
def test_one_derives_what_the_other_derives(token, data):
    if DerivationMethod.ENCRYPT not in token.capabilities.derivation_methods:
        pytest.skip("Encrypt is not claimed")
    plain, inside = both(token, Algorithm.AES, data.draw(lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n))))
    how = data.draw(
        st.sampled_from(
            [
                Parameters(block_cipher_mode=Mode.ECB),
                Parameters(block_cipher_mode=Mode.CBC),
                Parameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5),
            ]
        )
    )
    iv = data.draw(st.none() | st.binary(min_size=16, max_size=16)) if how.block_cipher_mode is Mode.CBC else None
    text = data.draw(st.integers(2, 5).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n)))
    parameters = DerivationParameters(cryptographic_parameters=how, derivation_data=text, initialization_vector=iv)
    length = data.draw(st.sampled_from([128, 192, 256]))

    here = SOFTWARE.derive(DerivationMethod.ENCRYPT, [plain], parameters, length)
    there = token.derive(
        DerivationMethod.ENCRYPT, [inside], parameters, length, algorithm=Algorithm.AES, custody=LEAVING
    )

    made = a_symmetric_key(Algorithm.AES, there, length)
    assert token.export_key(made).key_block.material == here
    for key in (inside, made):
        token.destroy_key(key)


@pytest.mark.parametrize("curve", [RecommendedCurve.P_256, RecommendedCurve.P_384, RecommendedCurve.P_521])
def test_both_sides_of_an_agreement_have_the_same_secret(curve):
    token = shared_crypto()
    ours, theirs = token.make_key_pair(Algorithm.ECDH, None, curve), SOFTWARE.make_key_pair(Algorithm.ECDH, None, curve)
    length = -(-token.describe(ours.private_key).length // 8) * 8
    method = DerivationMethod.ASYMMETRIC_KEY

    there = token.derive(
        method,
        [ours.private_key, theirs.public_key],
        DerivationParameters(),
        length,
        algorithm=Algorithm.HMAC_SHA256,
        custody=LEAVING,
    )
    here = SOFTWARE.derive(method, [ours.public_key, theirs.private_key], DerivationParameters(), length)

    held = a_symmetric_key(Algorithm.HMAC_SHA256, there, length)
    assert token.export_key(held).key_block.material == here


# --- keys that may leave a token ----------------------------------------------------------------------------------


def refusal(call):
    with pytest.raises(KmipError) as raised:
        call()
    return raised.value.reason


def test_a_key_leaves_the_token_only_if_it_was_made_so():
    token = shared_crypto()
    made = {
        custody: a_symmetric_key(Algorithm.AES, token.make_symmetric_key(Algorithm.AES, 256, custody), 256)
        for custody in (None, STAYING, WRAPPED_ONLY, LEAVING)
    }

    for custody in (None, STAYING, WRAPPED_ONLY):
        assert refusal(lambda custody=custody: token.export_key(made[custody])) is ResultReason.NOT_EXTRACTABLE
    material = token.export_key(made[LEAVING]).key_block.material
    assert isinstance(material, bytes)
    assert len(material) == 32


def test_a_sensitive_key_leaves_the_token_wrapped():
    token = shared_crypto()
    plain, wrapping = both(token, Algorithm.AES, bytes(range(32)))
    secret = bytes(range(16))
    key = token.import_key(a_symmetric_key(Algorithm.AES, secret), WRAPPED_ONLY)
    staying = token.import_key(a_symmetric_key(Algorithm.AES, secret), STAYING)
    how = Parameters(block_cipher_mode=Mode.NIST_KEY_WRAP)

    wrapped = token.wrap_key(Encryption(wrapping, how), key)

    assert decrypt(SOFTWARE, plain, how, wrapped.data) == secret
    assert refusal(lambda: token.wrap_key(Encryption(wrapping, how), staying)) is ResultReason.NOT_EXTRACTABLE


@pytest.mark.parametrize(
    ("algorithm", "length", "key_format_type"),
    [
        (Algorithm.RSA, 2048, KeyFormatType.PKCS_1),
        (Algorithm.RSA, 2048, KeyFormatType.PKCS_8),
        (Algorithm.ECDSA, 256, KeyFormatType.PKCS_8),
    ],
)
def test_a_private_key_that_may_leave_is_the_one_that_signs(algorithm, length, key_format_type):
    token = shared_crypto()
    pair = token.make_key_pair(algorithm, length, private_format=key_format_type, custody=LEAVING)
    how = Parameters(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_256)

    exported = token.export_key(pair.private_key)

    assert exported.key_block.key_format_type is key_format_type
    signature = SOFTWARE.sign(exported, how, b"data")
    assert SOFTWARE.verify(pair.public_key, how, b"data", signature) is ValidityIndicator.VALID
    assert refusal(lambda: token.export_key(token.make_key_pair(algorithm, length).private_key)) is (
        ResultReason.NOT_EXTRACTABLE
    )


# --- both in one server -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token_by_default", [True, False])
def test_a_key_is_made_where_its_custody_says(token, token_by_default):
    crypto = SideBySide(SOFTWARE, token, token_by_default=token_by_default)

    def is_held(custody):
        key = a_symmetric_key(Algorithm.AES, crypto.make_symmetric_key(Algorithm.AES, 128, custody), 128)
        imported = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(16)), custody)
        pair = crypto.make_key_pair(Algorithm.ECDSA, 256, custody=custody)
        held = {each.key_block.handle is not None for each in (key, imported, pair.private_key)}
        assert len(held) == 1
        return held.pop()

    assert is_held(None) is token_by_default
    assert is_held(STAYING) is True
    assert is_held(IN_SOFTWARE) is False


def test_software_keys_do_what_the_token_cannot(token):
    crypto = SideBySide(SOFTWARE, token, token_by_default=True)
    how = Parameters(block_cipher_mode=Mode.CFB)
    held = a_made_key(crypto, Algorithm.AES, 128)
    free = a_symmetric_key(Algorithm.AES, crypto.make_symmetric_key(Algorithm.AES, 128, IN_SOFTWARE), 128)

    assert (Algorithm.AES, Mode.CFB) in crypto.capabilities.ciphers
    assert refusal(lambda: encrypt(crypto, held, how, b"data")) is ResultReason.FEATURE_NOT_SUPPORTED
    sealed = encrypt(crypto, free, how, b"data")
    assert decrypt(crypto, free, how, sealed.data, iv_counter_nonce=sealed.iv_counter_nonce) == b"data"
    camellia = Algorithm.CAMELLIA
    assert refusal(lambda: crypto.make_symmetric_key(camellia, 128, STAYING)) is ResultReason.FEATURE_NOT_SUPPORTED
    assert crypto.make_symmetric_key(camellia, 128, IN_SOFTWARE)


def test_a_key_derived_from_a_held_key_is_held(token):
    crypto = SideBySide(SOFTWARE, token, token_by_default=False)
    method = DerivationMethod.HMAC if isinstance(token, HsmStub) else DerivationMethod.ENCRYPT
    how = Parameters(block_cipher_mode=Mode.ECB, hashing_algorithm=HashingAlgorithm.SHA_256)
    parameters = DerivationParameters(cryptographic_parameters=how, derivation_data=bytes(32))
    held = crypto.import_key(a_symmetric_key(Algorithm.AES, bytes(16)), STAYING)
    free = a_symmetric_key(Algorithm.AES, bytes(16))

    derived = crypto.derive(method, [held], parameters, 128, algorithm=Algorithm.AES, custody=STAYING)

    assert a_symmetric_key(Algorithm.AES, derived, 128).key_block.handle is not None
    assert isinstance(crypto.derive(method, [free], parameters, 128), bytes)


def test_a_private_key_of_an_unread_curve_stays_out(token):
    pair = SOFTWARE.make_key_pair(Algorithm.EC, None, RecommendedCurve.SECP256K1, private_format=KeyFormatType.PKCS_8)
    key = a_private_key(Algorithm.EC, pair.private_key.key_block.material)

    if not isinstance(token, HsmStub):
        assert refusal(lambda: token.import_key(key, STAYING)) is ResultReason.FEATURE_NOT_SUPPORTED
