"""What the parameters of Sign and Signature Verify say, and how they may contradict themselves."""

import itertools
import shutil
import subprocess

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import padding

from kmip_adapters.crypto.signature_names import SIGNATURE_ALGORITHMS
from kmip_adapters.crypto.software import SoftwareCrypto, signatures
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import (
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    ResultReason,
    ValidityIndicator,
)
from kmip_core.errors import KmipError
from kmip_core.structures import CryptographicParameters as Parameters

CRYPTO = SoftwareCrypto()
PAIRS = {
    Algorithm.RSA: CRYPTO.make_key_pair(Algorithm.RSA, 1024),
    Algorithm.ECDSA: CRYPTO.make_key_pair(Algorithm.ECDSA, 256),
    Algorithm.DSA: CRYPTO.make_key_pair(Algorithm.DSA, 1024),
}


@pytest.mark.parametrize("name", SIGNATURE_ALGORITHMS, ids=lambda value: value.name)
def test_a_digital_signature_algorithm_says_everything(name):
    family, padding, hashing = SIGNATURE_ALGORITHMS[name]
    pair = PAIRS[family]
    short = Parameters(digital_signature_algorithm=name, hashing_algorithm=hashing or HashingAlgorithm.SHA_256)
    long = Parameters(
        cryptographic_algorithm=family,
        padding_method=padding,
        hashing_algorithm=hashing or HashingAlgorithm.SHA_256,
    )

    signature = CRYPTO.sign(pair.private_key, short, b"data")
    assert CRYPTO.verify(pair.public_key, long, b"data", signature) is ValidityIndicator.VALID


BAD = ResultReason.BAD_CRYPTOGRAPHIC_PARAMETERS
UNSUPPORTED = ResultReason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param(
            Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.MD2_WITH_RSA_ENCRYPTION),
            UNSUPPORTED,
            id="fail MD2",
        ),
        pytest.param(
            Parameters(
                digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
                hashing_algorithm=HashingAlgorithm.SHA_1,
            ),
            BAD,
            id="fail other hash",
        ),
        pytest.param(
            Parameters(
                digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
                cryptographic_algorithm=Algorithm.ECDSA,
            ),
            BAD,
            id="fail other algorithm",
        ),
        pytest.param(
            Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.MD2),
            UNSUPPORTED,
            id="fail hash MD2",
        ),
    ],
)
def test_parameters_that_contradict_themselves_are_refused(how, reason):
    for call in (
        lambda: CRYPTO.sign(PAIRS[Algorithm.RSA].private_key, how, b"data"),
        lambda: CRYPTO.verify(PAIRS[Algorithm.RSA].public_key, how, b"data", b""),
    ):
        with pytest.raises(KmipError) as refusal:
            call()
        assert refusal.value.reason is reason


def test_pss_with_the_hash_of_a_signature_name_is_pss():
    named = Parameters(
        digital_signature_algorithm=DigitalSignatureAlgorithm.SHA_256_WITH_RSA_ENCRYPTION,
        padding_method=PaddingMethod.PSS,
    )
    plain = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)
    pair = PAIRS[Algorithm.RSA]

    assert CRYPTO.verify(pair.public_key, plain, b"x", CRYPTO.sign(pair.private_key, named, b"x")) is (
        ValidityIndicator.VALID
    )


@pytest.mark.parametrize("salt", [0, 20, 62])
def test_pss_keeps_to_its_salt_length(salt):
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, salt_length=salt)
    other = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, salt_length=33)
    pair = PAIRS[Algorithm.RSA]
    signature = CRYPTO.sign(pair.private_key, how, b"x")

    assert CRYPTO.verify(pair.public_key, how, b"x", signature) is ValidityIndicator.VALID
    assert CRYPTO.verify(pair.public_key, other, b"x", signature) is ValidityIndicator.INVALID


def test_a_key_too_short_for_its_salt_is_a_cryptographic_failure():
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_512, salt_length=100)

    with pytest.raises(KmipError) as refusal:
        CRYPTO.sign(PAIRS[Algorithm.RSA].private_key, how, b"x")
    assert refusal.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_digested_data_of_another_length_is_refused():
    how = Parameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)

    with pytest.raises(KmipError, match="this hash gives 32"):
        CRYPTO.sign(PAIRS[Algorithm.RSA].private_key, how, bytes(20), digested=True)


def test_agreement_keys_do_not_sign():
    pair = CRYPTO.make_key_pair(Algorithm.ML_KEM_768)

    with pytest.raises(KmipError, match="do not sign"):
        CRYPTO.sign(pair.private_key, Parameters(), b"x")


# --- digests of which nobody says the hash; FIPS 186-5 §6.4, PKCS#11 CKM_RSA_PKCS -----------------------------------

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
CURVES = {192: "P-192", 256: "P-256", 384: "P-384", 521: "P-521"}


def by_openssl(tmp_path, pair, *arguments):
    """Run `openssl pkeyutl` with the pair's keys in `private` and `public`; return what it wrote and whether it did."""
    files = {"private": (CRYPTO.convert(pair.private_key, KeyFormatType.PKCS_8)), "public": pair.public_key.key_block}
    for name, block in files.items():
        if name == "public":
            block = CRYPTO.convert(pair.public_key, KeyFormatType.X_509)
        (tmp_path / name).write_bytes(block.key_value.key_material)
    done = subprocess.run(["openssl", "pkeyutl", *arguments], cwd=tmp_path, capture_output=True)
    return done.returncode == 0


@openssl
@pytest.mark.parametrize("octets", [1, 16, 20, 32, 48, 64])
@pytest.mark.parametrize("length", CURVES)
def test_ecdsa_signs_digests_of_any_length_as_openssl_verifies_them(tmp_path, length, octets):
    pair, digest = CRYPTO.make_key_pair(Algorithm.EC, length), bytes(range(7, 7 + octets))
    signature = CRYPTO.sign(pair.private_key, Parameters(), digest, digested=True)
    (tmp_path / "digest").write_bytes(digest)
    (tmp_path / "signature").write_bytes(signature)

    public = ("-verify", "-pubin", "-inkey", "public", "-keyform", "DER")
    assert by_openssl(tmp_path, pair, *public, "-in", "digest", "-sigfile", "signature")
    assert CRYPTO.verify(pair.public_key, Parameters(), digest, signature, digested=True) is ValidityIndicator.VALID
    other = bytes([digest[0] ^ 1]) + digest[1:]
    assert CRYPTO.verify(pair.public_key, Parameters(), other, signature, digested=True) is ValidityIndicator.INVALID


@pytest.mark.parametrize("octets", [1, 16, 20, 32, 64])
def test_dsa_signs_digests_of_any_length(octets):
    pair, digest = PAIRS[Algorithm.DSA], bytes(range(1, 1 + octets))
    signature = CRYPTO.sign(pair.private_key, Parameters(), digest, digested=True)

    assert CRYPTO.verify(pair.public_key, Parameters(), digest, signature, digested=True) is ValidityIndicator.VALID


@openssl
@pytest.mark.parametrize("padding", [None, PaddingMethod.NONE, PaddingMethod.PKCS1_V1_5])
def test_rsa_signs_bytes_without_a_hash_as_openssl_does(tmp_path, padding):
    pair, how = PAIRS[Algorithm.RSA], Parameters(padding_method=padding)
    (tmp_path / "digest").write_bytes(bytes(range(16)))
    private = ("-sign", "-inkey", "private", "-keyform", "DER", "-in", "digest", "-out", "signature")
    assert by_openssl(tmp_path, pair, *private)

    signature = CRYPTO.sign(pair.private_key, how, bytes(range(16)), digested=True)
    assert signature == (tmp_path / "signature").read_bytes()
    assert CRYPTO.verify(pair.public_key, how, bytes(range(16)), signature, digested=True) is ValidityIndicator.VALID


@pytest.mark.parametrize(
    ("family", "how", "octets", "reason"),
    [
        (Algorithm.RSA, Parameters(padding_method=PaddingMethod.PKCS1_V1_5), 118, ResultReason.CRYPTOGRAPHIC_FAILURE),
        (Algorithm.RSA, Parameters(padding_method=PaddingMethod.PSS), 32, BAD),
        (
            Algorithm.RSA,
            Parameters(padding_method=PaddingMethod.PKCS1_V1_5, hashing_algorithm=HashingAlgorithm.SHA_256),
            16,
            ResultReason.INVALID_FIELD,
        ),
        (Algorithm.RSA, Parameters(), 0, ResultReason.INVALID_FIELD),
        (Algorithm.ECDSA, Parameters(), 0, ResultReason.INVALID_FIELD),
        (Algorithm.DSA, Parameters(), 0, ResultReason.INVALID_FIELD),
        (Algorithm.ECDSA, Parameters(hashing_algorithm=HashingAlgorithm.SHA_256), 20, ResultReason.INVALID_FIELD),
        (
            Algorithm.ECDSA,
            Parameters(digital_signature_algorithm=DigitalSignatureAlgorithm.ECDSA_WITH_SHA256),
            20,
            ResultReason.INVALID_FIELD,
        ),
    ],
)
def test_digests_that_cannot_be_signed_are_refused(family, how, octets, reason):
    with pytest.raises(KmipError) as refused:
        CRYPTO.sign(PAIRS[family].private_key, how, bytes(octets), digested=True)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "how",
    [Parameters(), Parameters(digital_signature_algorithm=None, cryptographic_algorithm=Algorithm.ECDSA)],
    ids=["nothing", "algorithm"],
)
def test_each_curve_decides_its_hash_whatever_was_settled_before(how):
    for length, hashing in ((256, HashingAlgorithm.SHA_256), (384, HashingAlgorithm.SHA_384)) * 2:
        pair = CRYPTO.make_key_pair(Algorithm.ECDSA, length)
        said = Parameters(hashing_algorithm=hashing)
        signature = CRYPTO.sign(pair.private_key, how, b"data")

        assert CRYPTO.verify(pair.public_key, said, b"data", signature) is ValidityIndicator.VALID


def test_what_was_settled_for_verifying_does_not_let_a_key_sign():
    pair = PAIRS[Algorithm.ECDSA]
    how = Parameters(cryptographic_algorithm=Algorithm.RSA, hashing_algorithm=HashingAlgorithm.SHA_256)
    for _ in range(2):
        CRYPTO.verify(pair.public_key, how, b"data", bytes(64))
        with pytest.raises(KmipError) as raised:
            CRYPTO.sign(pair.private_key, how, b"data")

        assert raised.value.reason is BAD


SHA = Parameters(hashing_algorithm=HashingAlgorithm.SHA_256)
PSS = evolve(SHA, padding_method=PaddingMethod.PSS)
PKCS1 = evolve(SHA, padding_method=PaddingMethod.PKCS1_V1_5)
HOWS = {
    "hash alone": SHA,
    "another hash": evolve(SHA, hashing_algorithm=HashingAlgorithm.SHA_512),
    "PKCS1": PKCS1,
    "PSS": PSS,
    "salt": evolve(PSS, salt_length=20),
    "mask generator": evolve(PSS, mask_generator_hashing_algorithm=HashingAlgorithm.SHA_1),
    "trailer": evolve(PSS, trailer_field=2),
    "algorithm": evolve(PKCS1, cryptographic_algorithm=Algorithm.RSA),
    "another algorithm": evolve(PKCS1, cryptographic_algorithm=Algorithm.ECDSA),
    "signature algorithm": evolve(SHA, digital_signature_algorithm=DigitalSignatureAlgorithm.ECDSA_WITH_SHA256),
    "context": evolve(PKCS1, context_string=b"context"),
}


def settled(how, family, begin, digested):
    """Return how a key signs or verifies, or why it does not."""
    pair = PAIRS[family]
    try:
        if begin is signatures.signing:
            scheme = signatures.signing(pair.private_key, how, digested)
        else:
            scheme = signatures.verifying(pair.public_key, how, digested)
    except KmipError as error:
        return error.reason, error.message
    return scheme.family, scheme.hash and scheme.hash.name, [described(one) for one in scheme.arguments]


def described(argument):
    if isinstance(argument, padding.PSS):
        return "PSS", argument._salt_length, argument.mgf._algorithm.name
    return type(argument)


@pytest.mark.parametrize("begin", [signatures.signing, signatures.verifying])
@pytest.mark.parametrize("digested", [False, True])
@pytest.mark.parametrize("family", [Algorithm.RSA, Algorithm.ECDSA, Algorithm.DSA])
@pytest.mark.parametrize("name", HOWS)
def test_nothing_else_that_was_settled_before_decides(name, family, digested, begin):
    signatures._settled.clear()
    alone = settled(HOWS[name], family, begin, digested)
    signatures._settled.clear()
    others = itertools.product(HOWS.values(), PAIRS, (signatures.signing, signatures.verifying), (True, False))
    for other in others:
        if other != (HOWS[name], family, begin, digested):
            settled(*other)

    assert settled(HOWS[name], family, begin, digested) == alone


def test_what_is_settled_is_bounded():
    pair = PAIRS[Algorithm.RSA]
    for salt in range(2 * signatures._MOST_SETTLED):
        how = Parameters(
            padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256, salt_length=salt % 1000
        )
        CRYPTO.verify(pair.public_key, how, b"data", bytes(128))

    assert 0 < len(signatures._settled) <= signatures._MOST_SETTLED
