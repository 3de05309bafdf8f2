"""Whatever a client sends, the answer is a result or a KmipError: every other exception would be a General Failure."""

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.crypto.hsm_stub import HsmStub
from kmip_adapters.crypto.profiles import modern
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_app.testing.contracts.crypto.uses import begin_decrypt, begin_encrypt, decrypt, encrypt, mac, verify_mac
from kmip_core import enums
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import KmipError
from kmip_core.objects import SecretData, SymmetricKey
from kmip_core.structures import CryptographicParameters, DerivationParameters
from tests.rounds import rounds

SOFTWARE = SoftwareCrypto()
ADAPTERS = [SOFTWARE, modern(SOFTWARE), HsmStub()]
PAIRS = [
    SOFTWARE.make_key_pair(Algorithm.RSA, 1024),
    SOFTWARE.make_key_pair(Algorithm.EC, 256),
    SOFTWARE.make_key_pair(Algorithm.ECDH, None, enums.RecommendedCurve.CURVE25519),
    SOFTWARE.make_key_pair(Algorithm.DSA, 1024),
    *map(SOFTWARE.make_key_pair, (Algorithm.ED25519, Algorithm.ML_DSA_44, Algorithm.ML_KEM_768)),
]
NUMBERS = st.none() | st.sampled_from([-1, 0, 1, 4, 8, 12, 13, 16, 32, 96, 128, 222, 2**31 - 1])


def maybe(kind):
    return st.none() | st.sampled_from(kind)


data = st.sampled_from([0, 1, 7, 8, 15, 16, 17, 24, 32, 64, 127, 128, 129]).flatmap(
    lambda size: st.binary(min_size=size, max_size=size)
)
maybe_data = st.none() | data
parameters = st.builds(
    CryptographicParameters,
    block_cipher_mode=maybe(enums.BlockCipherMode),
    padding_method=maybe(enums.PaddingMethod),
    hashing_algorithm=maybe(enums.HashingAlgorithm),
    digital_signature_algorithm=maybe(enums.DigitalSignatureAlgorithm),
    cryptographic_algorithm=maybe(Algorithm),
    iv_length=NUMBERS,
    tag_length=NUMBERS,
    counter_length=NUMBERS,
    initial_counter_value=NUMBERS,
    salt_length=NUMBERS,
    mask_generator_hashing_algorithm=maybe(enums.HashingAlgorithm),
    p_source=maybe_data,
    trailer_field=NUMBERS,
)
symmetric_keys = st.builds(SymmetricKey, maybe(sorted(SOFTWARE.capabilities.symmetric_lengths)), st.none(), data)
keys = (
    symmetric_keys
    | data.map(SecretData)
    | st.sampled_from(PAIRS).flatmap(lambda pair: st.sampled_from([pair.private_key, pair.public_key]))
)
derivations = st.builds(
    DerivationParameters,
    cryptographic_parameters=st.none() | parameters,
    initialization_vector=maybe_data,
    derivation_data=maybe_data,
    salt=maybe_data,
    iteration_count=st.none() | st.sampled_from([-1, 0, 1, 100, 2**31 - 1]),
)


def streamed(stream, parts, *last):
    for part in parts:
        stream.update(part)
    return stream.finish(*last)


@settings(max_examples=rounds(100, nightly=400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    crypto=st.sampled_from(ADAPTERS),
    key=keys,
    other=keys,
    how=parameters,
    text=data,
    iv=maybe_data,
    aad=maybe_data,
    tag=maybe_data,
    digested=st.booleans(),
    method=st.sampled_from(enums.DerivationMethod),
    derivation=derivations,
    length=st.sampled_from([-8, 0, 8, 12, 128, 256, 8192, 65_536]),
    wanted=st.sampled_from(enums.KeyFormatType),
)
def test_any_request_is_answered(
    crypto, key, other, how, text, iv, aad, tag, digested, method, derivation, length, wanted
):
    with contextlib.suppress(KmipError):
        key = crypto.import_key(key)
    more = {"iv_counter_nonce": iv, "additional_data": aad}
    calls = [
        lambda: encrypt(crypto, key, how, text, **more),
        lambda: decrypt(crypto, key, how, text, authenticated_encryption_tag=tag, **more),
        lambda: streamed(begin_encrypt(crypto, key, how, **more), [text, text]),
        lambda: streamed(begin_decrypt(crypto, key, how, **more), [text, text], tag),
        lambda: crypto.sign(key, how, text, digested=digested),
        lambda: crypto.verify(key, how, text, text, digested=digested),
        lambda: streamed(crypto.begin_sign(key, how), [text, text]),
        lambda: streamed(crypto.begin_verify(key, how), [text], text),
        lambda: mac(crypto, key, how, text),
        lambda: verify_mac(crypto, key, how, text, text),
        lambda: crypto.derive(method, [key], derivation, length),
        lambda: crypto.derive(method, [key, other], derivation, length),
        lambda: crypto.describe(key),
        lambda: crypto.convert(key, wanted),
    ]
    for call in calls:
        with contextlib.suppress(KmipError):
            call()


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(
    material=st.binary(max_size=200) | st.binary(max_size=60).map(lambda body: b"\x30" + bytes([len(body)]) + body),
    algorithm=maybe(Algorithm),
    wanted=st.sampled_from(enums.KeyFormatType),
)
def test_any_material_is_described_or_not(material, algorithm, wanted):
    for kind in (type(PAIRS[0].private_key), type(PAIRS[0].public_key)):
        key = kind(algorithm, None, material, wanted)

        assert SOFTWARE.describe(key) is None or SOFTWARE.describe(key).length > 0
