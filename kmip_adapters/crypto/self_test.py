"""Known answers at start: refuse to serve with cryptography that computes wrongly (R-CRY-7), or with an OpenSSL that
would make RSA decryption an oracle (R-CRY-3). Each check runs only where the adapter claims the capability.
"""

from binascii import a2b_base64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from kmip_core.classes import frozen
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DerivationMethod, HashingAlgorithm, KeyFormatType, PaddingMethod, ValidityIndicator
from kmip_core.errors import KmipError, Unusable
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey
from kmip_core.one_part import OnePart
from kmip_core.ports.crypto import IN_SOFTWARE, Crypto, Custody, Encryption
from kmip_core.structures import CryptographicParameters, DerivationParameters


class SelfTestFailed(Unusable):
    """Cryptography does not work as it must; the text names the checks that failed."""


@frozen
class Answers:
    """What has to come out.  The defaults are the published values; a test injects wrong ones."""

    sha_256: str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, "abc"
    # OASIS case CS-BC-M-10
    aes_cbc: str = "79abc5c23868ad84d388ce61110a62742bda19d694bbcb757dd06617c0d80fb1df2e71864ad9633d7d797e30860df00d"
    aes_gcm: str = "0388dace60b6a392f328c2b971b2fe78"  # the GCM specification's test case 2
    aes_gcm_tag: str = "ab6e47d42cec13bdf53a67b21257bddf"
    hmac_sha_256: str = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"  # RFC 4231 test case 6
    cmac_aes: str = "070a16b46b4d4144f79bdd9dd04a287c"  # SP 800-38B example 2
    pbkdf2: str = "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"  # RFC 6070
    # Verified: the RSA key and PSS signature are from OASIS case CS-AC-M-2, the P-256 pair is made afresh.


_KEY: Final = bytes.fromhex("0123456789abcdef0123456789abcdef")
_DATA: Final = bytes.fromhex("01020304050607080910111213141516")


def self_test(crypto: Crypto, answers: Answers | None = None, custody: Custody | None = None) -> None:
    """Run every check that the adapter's capabilities call for.  Raises SelfTestFailed.

    custody: where the keys of the test are kept; of an adapter that keeps some in a token each place is tested alone.
    """
    chosen: Any = crypto if custody is None else _Placed(crypto, custody)
    _run(chosen, answers or Answers())


class _Placed:
    """An adapter whose new keys all go to one place."""

    def __init__(self, crypto: Crypto, custody: Custody) -> None:
        self._crypto = crypto
        self.custody = custody
        self.make_key_pair = partial(crypto.make_key_pair, custody=custody)
        self.import_key = partial(crypto.import_key, custody=custody)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crypto, name)


def _run(crypto: Crypto, expected: Answers) -> None:
    failed = []
    for name, (applies, check) in _CHECKS.items():
        try:
            right = not applies(crypto) or check(crypto, expected)
        except KmipError as refusal:
            failed.append(f"{name} ({refusal.message})")
            continue
        if not right:
            failed.append(name)
    if failed:
        raise SelfTestFailed(f"cryptographic self-test failed: {', '.join(failed)}")


def _held(crypto: Crypto, algorithm: Algorithm, material: bytes) -> SymmetricKey:
    key = crypto.import_key(SymmetricKey(algorithm, 8 * len(material), material))
    if not isinstance(key, SymmetricKey):
        raise SelfTestFailed("a symmetric key came back as something else")
    return key


def _sha_256(crypto: Crypto, expected: Answers) -> bool:
    return OnePart(crypto).hash(HashingAlgorithm.SHA_256, b"abc").hex() == expected.sha_256


def _aes_cbc(crypto: Crypto, expected: Answers) -> bool:
    key = _held(crypto, Algorithm.AES, _KEY)
    how = CryptographicParameters(block_cipher_mode=Mode.CBC, padding_method=PaddingMethod.PKCS5)
    plain = _DATA + _DATA + b"\x01"
    sealed = OnePart(crypto).encrypt(Encryption(key, how, iv_counter_nonce=_DATA), plain).data
    opened = OnePart(crypto).decrypt(Encryption(key, how, iv_counter_nonce=_DATA), bytes.fromhex(expected.aes_cbc))
    crypto.destroy_key(key)
    return sealed.hex() == expected.aes_cbc and opened == plain


def _aes_gcm(crypto: Crypto, expected: Answers) -> bool:
    key = _held(crypto, Algorithm.AES, bytes(16))
    how = CryptographicParameters(block_cipher_mode=Mode.GCM)
    sealed = OnePart(crypto).encrypt(Encryption(key, how, iv_counter_nonce=bytes(12)), bytes(16))
    crypto.destroy_key(key)
    return (sealed.data.hex(), (sealed.authenticated_encryption_tag or b"").hex()) == (
        expected.aes_gcm,
        expected.aes_gcm_tag,
    )


def _hmac(crypto: Crypto, expected: Answers) -> bool:
    # A long key: some tokens take none that is shorter than the hash.
    key = _held(crypto, Algorithm.HMAC_SHA256, bytes([0xAA]) * 131)
    code = OnePart(crypto).mac(
        key, CryptographicParameters(), b"Test Using Larger Than Block-Size Key - Hash Key First"
    )
    crypto.destroy_key(key)
    return code.hex() == expected.hmac_sha_256


def _cmac(crypto: Crypto, expected: Answers) -> bool:
    key = _held(crypto, Algorithm.AES, bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    code = OnePart(crypto).mac(key, CryptographicParameters(), bytes.fromhex("6bc1bee22e409f96e93d7e117393172a"))
    crypto.destroy_key(key)
    return code.hex() == expected.cmac_aes


def _pbkdf2(crypto: Crypto, expected: Answers) -> bool:
    key = _held(crypto, Algorithm.HMAC_SHA1, b"password")
    parameters = DerivationParameters(salt=b"salt", iteration_count=2)
    return crypto.derive(DerivationMethod.PBKDF2, [key], parameters, 160) == bytes.fromhex(expected.pbkdf2)


def _rsa_pss(crypto: Crypto, _: Answers) -> bool:
    key = PublicKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.PKCS_1,
            key_value=KeyValue(key_material=bytes.fromhex(_RSA_KEY)),
            cryptographic_algorithm=Algorithm.RSA,
            cryptographic_length=2048,
        )
    )
    how = CryptographicParameters(padding_method=PaddingMethod.PSS, hashing_algorithm=HashingAlgorithm.SHA_256)
    right = crypto.verify(key, how, _DATA, bytes.fromhex(_RSA_SIGNATURE))
    wrong = crypto.verify(key, how, _KEY, bytes.fromhex(_RSA_SIGNATURE))
    return (right, wrong) == (ValidityIndicator.VALID, ValidityIndicator.INVALID)


def _ecdsa(crypto: Crypto, _: Answers) -> bool:
    pair = crypto.make_key_pair(Algorithm.ECDSA, 256)
    how = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
    signature = crypto.sign(pair.private_key, how, _DATA)
    right = crypto.verify(pair.public_key, how, _DATA, signature)
    wrong = crypto.verify(pair.public_key, how, _KEY, signature)
    crypto.destroy_key(pair.private_key)
    return (right, wrong) == (ValidityIndicator.VALID, ValidityIndicator.INVALID)


def _implicit_rejection(crypto: Crypto, _: Answers) -> bool:
    """Broken PKCS#1 v1.5 padding must give bytes, the same ones each time, and no error."""
    key = _private_rsa_key(crypto)
    how = CryptographicParameters(padding_method=PaddingMethod.PKCS1_V1_5)
    size = (key.key_block.cryptographic_length or 0) // 8
    broken = bytes(1) + _KEY * (size // 16 - 1) + _KEY[:15]
    first, second = (OnePart(crypto).decrypt(Encryption(key, how), broken) for _ in range(2))
    crypto.destroy_key(key)
    return first == second


def _private_rsa_key(crypto: Crypto) -> PrivateKey:
    """Return a key that is known, for to make one takes as long as all other checks; in a token, one that it makes."""
    if isinstance(crypto, _Placed) and crypto.custody is IN_SOFTWARE:
        return PrivateKey(Algorithm.RSA, 2_048, a2b_base64(_PRIVATE_RSA_KEY), KeyFormatType.PKCS_1)
    return crypto.make_key_pair(Algorithm.RSA, crypto.capabilities.key_pair_lengths[Algorithm.RSA][0]).private_key


_CHECKS: Final[Mapping[str, tuple[Callable[[Crypto], bool], Callable[[Crypto, Answers], bool]]]] = {
    "SHA-256": (lambda c: HashingAlgorithm.SHA_256 in c.capabilities.hashing_algorithms, _sha_256),
    "AES-CBC": (lambda c: (Algorithm.AES, Mode.CBC) in c.capabilities.ciphers, _aes_cbc),
    "AES-GCM": (lambda c: (Algorithm.AES, Mode.GCM) in c.capabilities.ciphers, _aes_gcm),
    "HMAC-SHA-256": (lambda c: Algorithm.HMAC_SHA256 in c.capabilities.macs, _hmac),
    "AES-CMAC": (lambda c: Algorithm.AES in c.capabilities.macs, _cmac),
    "PBKDF2": (lambda c: DerivationMethod.PBKDF2 in c.capabilities.derivation_methods, _pbkdf2),
    "RSA-PSS": (lambda c: (Algorithm.RSA, PaddingMethod.PSS) in c.capabilities.signatures, _rsa_pss),
    "ECDSA": (lambda c: Algorithm.ECDSA in c.capabilities.key_pair_lengths, _ecdsa),
    "RSA implicit rejection": (
        lambda c: PaddingMethod.PKCS1_V1_5 in c.capabilities.ciphers.get((Algorithm.RSA, None), ()),
        _implicit_rejection,
    ),
}
"""Name -> whether it applies, and the check."""

_RSA_KEY: Final = (
    "3082010a0282010100ab7f161c0042496ccd6c6d4dadb919973435357776003acf54b7af1e440afb80b64a8755f8002cfeba"
    "6b184540a2d66086d74648346d75b8d71812b205387c0f6583bc4d7dc7ec114f3b176b7957c422e7d03fc6267fa2a6f89b9b"
    "ee9e60a1d7c2d833e5a5f4bb0b1434f4e795a41100f8aa214900df8b65089f98135b1c67b701675abdbc7d5721aac9d14a7f"
    "081fcec80b64e8a0ecc8295353c795328abf70e1b42e7bb8b7f4e8ac8c810cdb66e3d21126eba8da7d0ca34142cb76f91f01"
    "3da809e9c1b7ae64c54130fbc21d80e9c2cb06c5c8d7cce8946a9ac99b1c2815c3612a29a82d73a1f99374fe30e54951662a"
    "6eda29c6fc411335d5dc7426b0f6050203010001"
)
_RSA_SIGNATURE: Final = (
    "2925ebf8c6c9d0585c36a44491dd28f8ffd1098d2275a505a0eba7af452e9496472fd5c4a515d1c0db16c7c59ef76863b571"
    "cbf498fb8178ffeb75667e6e51b9b9bbf09d55bba54b42acb947aa5a81dc62751727d7cad4616c0c0bf1dd666f8266f24262"
    "c5fa9cbbdc424ef5f5e345e633d111e66eb4afc4001bb02e158b2d5d4573c614655f21a688bee0e9dbde6a58324c08f42ae6"
    "9697e0c51803f9de6b3df242d2915d9b1a8110ad28143ab7855ef92ede48971b484172de3b0b8957f493a74b3372ee2200f2"
    "233607735f90d0b180968ab20d74841fd3dba4fb1f225ea5c6c87f99c2a238db72a536e68be202a092cd032337d451477e56"
    "8f9a48b638cb"
)
_PRIVATE_RSA_KEY: Final = (  # nobody's: it was made for this test
    "MIIEowIBAAKCAQEAsJOPiVZETuGRom+iYafPyFIq3m2BKjlp3KJrsfOod0WAzAVuLdOjn67q9mCdw6h0t1YEx7OQInEpujkSgbH9X5rhUeGr"
    "QxvrkghVCA7/HJXHvoPaA5H9WGbfM2oCF8AduYPi1WMeOI886h1nIS8uEAihCl7IYBZLdDSOgRSohkwJ8evBNIX2B3LWqmhQwSryRrBjtegg"
    "IBtT4FaqChk4HM0lEEGRW/PzT0j/4Uvun69m9slupZvFtSqDSou/sLaryAAyQl/Sb3d0a6cCrxt7cFFlAa+CuOOlKr9Kp9Ao5z3vfzGj9fAJ"
    "mrDOKpIB6gX+zVtwqqH13SHqykzH1FvcHQIDAQABAoIBAAOWC507bkm31RBaeg7HrLWhzZMU4EGuRtMfTVag3zQE6le6aIFvwev1TnpQfgPC"
    "QRSUH6a6o9u/Npy8mf6eUcoGSDs0fRjw0Tj3CFsQiufWtubMoLnf1ihcdn4B0icPVMs2vX2d9LgrWI5cqIKJBcN3mWWvhRxGd6PViWtfswh/"
    "LCJIMkKt9ii50BUg7mem5A3r3IoV2Qk+Ph3kKDKRrMIOn2GsEbO1hCkduftgdT145zQQBZZdxB3zZ338NCo9Nb5+yyynmlYqbdgOFZBMMyc8"
    "lkB+G3XCtCRFP8CP9LesWRaSErpTMqMj++DhpDVoHHyDmrieynGW27qEBFxmg+ECgYEA8roHDdy59Ofcc4zNTKHod7qFHroriGV1xLlsokCf"
    "tYQnPO3WB/pF3yVCEiD4ECnS3v2kR83XxNlV5n6BopP/tGbn0YRLk8eybNvTveLPtGkCj2Kwa2Xb3oWUkMSjlLz+WKUC6aAEgNYKeAbvb99f"
    "CM4u7FdLGu5K8kJzZDCASrUCgYEAujt79xG+YSjTM8/mHfmyeZ85/aL+u6204HwRDsOJaUJod4+Un+13evFPOnlFUzjc+muKxdSeyhjkrv59"
    "fJ5HB5edidD4jMnbuTAOMnPd3dUodyskB2LFPw2H0AraAzbuFZ4kegTEsIRKNB8cfps6T7KbQe0cLiRAT2UVzn+45MkCgYEA5Ru6tNb3n7eL"
    "WnY5AnCBISIprQtFNAWw1/O+GpitJ4SKFPTZ5cXSVgKxDrOX8onHxTvc6PnfBKuwbVRTwMW5wuqvPhCF1gPU4vPMNZv1OfE0vWsF4xnOI4gq"
    "50r0rNyHp9x5l1O3bHSchRbmws4wwfr8R5FODymGDI20pYkyT1ECgYBrbNy5THbxPMd337jyGZMmLP8am+ctA6qOw4Jjbc/Z9ACm1x/4kNaX"
    "CJOXO1UOCIMPwPEv5NIj6fAgMZTZScPXUVICqZR2QgqI7HuEBuo4iDjrZOtHh2YYVQm+rEPODuWPesW3zQBYgjb7keax8YDVcEW25buXsjmW"
    "kszdbTeOYQKBgGkLyePoyF5QKIIoR8taqpK0cBJL0G3ukLfu+dLnQbdHuNfUZrYi0itbHrvg1Ij/QJ5Zzgcn9y/diiWPQ9WGwsvU0rT7ozBl"
    "+KeN0REbkqg8b0rPI7wFLsT4uIadOpiUgttDC3rPmBuogUOUKdYo4/DmJGQCJ55xolan+6WPlS71"
)
