"""RSA encryption: OAEP and PKCS#1 v1.5.

PKCS#1 v1.5 decryption rests on OpenSSL's implicit rejection: broken padding gives bytes derived from key and cipher
text, so neither the answer nor its time is an oracle. `self_test` refuses an OpenSSL without it (R-CRY-3).
"""

from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kmip_adapters.crypto.refusals import cryptographic_failure, decryption_failed
from kmip_adapters.crypto.software.hashing import known_hash
from kmip_adapters.crypto.software.keys import private_key, public_key
from kmip_core.enums import CryptographicAlgorithm, HashingAlgorithm, PaddingMethod
from kmip_core.errors import KmipError, invalid_field, unsupported_parameters
from kmip_core.ports.crypto import Key
from kmip_core.structures import CryptographicParameters


def encryptor(key: Key, parameters: CryptographicParameters) -> Callable[[bytes], tuple[bytes, bytes | None]]:
    """Return what encrypts whole data with this public key."""
    rsa_padding, overhead = _padding(parameters)
    rsa_key = public_key(key)
    if not isinstance(rsa_key, rsa.RSAPublicKey):
        raise _not_rsa()
    most = rsa_key.key_size // 8 - overhead

    def encrypt(data: bytes) -> tuple[bytes, bytes | None]:
        if len(data) > most:
            raise invalid_field(f"data has {len(data)} bytes; this key and padding take at most {max(most, 0)}")
        try:
            return rsa_key.encrypt(data, rsa_padding), None
        except ValueError:
            raise cryptographic_failure("the key's modulus or exponent is too large to compute with") from None
        except UnsupportedAlgorithm:
            raise _no_such_hash() from None

    return encrypt


def decryptor(key: Key, parameters: CryptographicParameters) -> Callable[[bytes, bytes | None], bytes]:
    """Return what decrypts whole data with this private key."""
    rsa_padding, _ = _padding(parameters)
    rsa_key = private_key(key)
    if not isinstance(rsa_key, rsa.RSAPrivateKey):
        raise _not_rsa()
    size = (rsa_key.key_size + 7) // 8

    def decrypt(data: bytes, tag: bytes | None) -> bytes:
        if tag is not None:
            raise invalid_field("Authenticated Encryption Tag is for authenticated modes, such as GCM and CCM")
        if len(data) != size:
            raise invalid_field(f"data has {len(data)} bytes; this key decrypts {size}")
        try:
            return rsa_key.decrypt(data, rsa_padding)
        except ValueError:
            raise decryption_failed() from None
        except UnsupportedAlgorithm:
            raise _no_such_hash() from None

    return decrypt


def decrypt(key: Key, parameters: CryptographicParameters, data: bytes, tag: bytes | None) -> bytes:
    """Return the plain text of whole data."""
    return decryptor(key, parameters)(data, tag)


def _padding(parameters: CryptographicParameters) -> tuple[padding.AsymmetricPadding, int]:
    """Return pyca's padding, and how many bytes of a block it takes."""
    if parameters.cryptographic_algorithm not in (None, CryptographicAlgorithm.RSA):
        raise cryptographic_failure("of the keys that come in pairs, only RSA keys encrypt, by algorithm RSA")
    make = _PADDINGS.get(parameters.padding_method or PaddingMethod.NONE)
    if make is None:
        raise unsupported_parameters("for RSA, Padding Method must be OAEP or PKCS1 v1.5")
    return make(parameters)


def _not_rsa() -> KmipError:
    return cryptographic_failure("the key is not an RSA key; of the keys that come in pairs, only those encrypt")


def _no_such_hash() -> KmipError:
    return unsupported_parameters("this hash does not go with OAEP here; SHA-1 and SHA-224 to SHA-512 do")


def _oaep(parameters: CryptographicParameters) -> tuple[padding.AsymmetricPadding, int]:
    # RFC 8017 appendix A.2.1: SHA-1 unless stated. The mask generator's hash follows the first one where it is left
    # out, as every client seen has it (openbao, and the official PSS signatures).
    digest = known_hash(parameters.hashing_algorithm or HashingAlgorithm.SHA_1)
    mask = parameters.mask_generator_hashing_algorithm
    mgf = padding.MGF1(digest if mask is None else known_hash(mask))
    return padding.OAEP(mgf=mgf, algorithm=digest, label=parameters.p_source), 2 * digest.digest_size + 2


def _pkcs1_v1_5(_: CryptographicParameters) -> tuple[padding.AsymmetricPadding, int]:
    return padding.PKCS1v15(), 11


_PADDINGS: Final[Mapping[PaddingMethod, Callable[[CryptographicParameters], tuple[padding.AsymmetricPadding, int]]]] = {
    PaddingMethod.OAEP: _oaep,
    PaddingMethod.PKCS1_V1_5: _pkcs1_v1_5,
}
