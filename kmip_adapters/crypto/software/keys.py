"""Content -> what pyca works with: bytes, or a parsed public or private key, from every format.

Public keys that were parsed are kept by their bytes, as they are no secret; no private key is kept here, `loaded_keys`
keeps those that sign, for seconds.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    mlkem,
    rsa,
    x448,
    x25519,
)

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software import key_numbers, key_sizes
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Certificate, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import Key
from kmip_core.structures import (
    KeyHandle,
    KeyMaterial,
    TransparentSymmetricKey,
)

ParsedPrivateKey: TypeAlias = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | dsa.DSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey
    | x448.X448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
    | mlkem.MLKEM768PrivateKey
    | mlkem.MLKEM1024PrivateKey
)
ParsedPublicKey: TypeAlias = (
    rsa.RSAPublicKey
    | ec.EllipticCurvePublicKey
    | dsa.DSAPublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | x25519.X25519PublicKey
    | x448.X448PublicKey
    | mldsa.MLDSA44PublicKey
    | mldsa.MLDSA65PublicKey
    | mldsa.MLDSA87PublicKey
    | mlkem.MLKEM768PublicKey
    | mlkem.MLKEM1024PublicKey
)

_Read: TypeAlias = Callable[[Any, Algorithm | None], Any]
"""(material, algorithm) -> what pyca makes of it."""

UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    ZeroDivisionError,
    UnsupportedAlgorithm,
    InternalError,
)
"""What pyca raises for material that it cannot read."""


def symmetric_bytes(key: Key) -> bytes:
    """Return the bytes of a symmetric key or secret data."""
    if type(key) is SymmetricKey and key.key_block.key_wrapping_data is None:
        value = key.key_block.key_value
        if type(value) is KeyValue and type(value.key_material) is bytes:  # as nearly always
            return value.key_material
    if not isinstance(key, SymmetricKey | SecretData):
        raise invalid_field("a symmetric key or secret data is needed")
    material = _material(key)
    if isinstance(material, TransparentSymmetricKey):
        return material.key
    if isinstance(material, bytes):
        return material
    raise cryptographic_failure(f"a {type(material).__name__} cannot be used as a symmetric key")


def private_key(key: Key) -> ParsedPrivateKey:
    """Return the parsed private key.  Raises KmipError (Cryptographic Failure) if it cannot be read.

    The numbers of an RSA key are checked to belong together; its primes are not tested (`key_numbers`).
    """
    if not isinstance(key, PrivateKey):
        raise invalid_field("a private key is needed")
    parsed: ParsedPrivateKey = _parsed(_read_private, _material(key), key.key_block.cryptographic_algorithm)
    return parsed


def public_key(key: Key) -> ParsedPublicKey:
    """Return the parsed public key, of a certificate as well.

    To judge and to read the bytes takes 13 to 20 microseconds for a key and 86 for a certificate, where RSA verifies in
    20: so keys of up to 4 KiB are remembered by them. What was refused is not.
    """
    read: _Read = _read_public
    material: KeyMaterial
    algorithm: Algorithm | None = None
    if isinstance(key, Certificate):
        read, material = _read_certificate, key.certificate_value
    elif isinstance(key, PublicKey):
        material, algorithm = _material(key), key.key_block.cryptographic_algorithm
    else:
        raise invalid_field("a public key or certificate is needed")
    if not isinstance(material, bytes) or len(material) > LONGEST_PUBLIC:
        return cast(ParsedPublicKey, _parsed(read, material, algorithm))
    known = _public.get((read, algorithm, material))
    if known is None:
        known = cast(ParsedPublicKey, _parsed(read, material, algorithm))
        if len(_public) >= MOST_PUBLIC:
            _public.clear()
        _public[read, algorithm, material] = known
    return known


MOST_PUBLIC: Final = 256
LONGEST_PUBLIC: Final = 4 * 1024  # bytes
_public: Final[dict[tuple[_Read, Algorithm | None, bytes], ParsedPublicKey]] = {}


def _parsed(read: _Read, material: KeyMaterial, algorithm: Algorithm | None) -> Any:
    try:
        return read(material, algorithm)
    except UNREADABLE:
        # `from None`: pyca's message may tell more about a private key than its owner wants in a log.
        raise cryptographic_failure("the key's material cannot be read in its format and algorithm") from None


def _material(key: SymmetricKey | SecretData | PrivateKey | PublicKey) -> KeyMaterial:
    block = key.key_block
    if block.is_wrapped:
        raise KmipError(ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED, "the key is stored wrapped; unwrap it before use")
    material = block.material
    if material is None:
        raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the key was registered without its material")
    if isinstance(material, KeyHandle):
        raise cryptographic_failure(f"the key is held by {material.provider}, which is not in use here")
    return material


# --- private keys ------------------------------------------------------------------------------------------------


def _read_private(material: KeyMaterial, algorithm: Algorithm | None) -> ParsedPrivateKey:
    transparent = key_numbers.PRIVATE.get(type(material))
    if transparent is not None:
        return cast(ParsedPrivateKey, transparent(material))
    data = _octets(material)
    raw = RAW_PRIVATE.get((algorithm, len(data)))
    if raw is not None:
        return raw(data)
    # The outer structure says what it is; formats are often labelled wrongly (RULINGS 22).
    der = key_sizes.checked_private(data)
    parsed = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if isinstance(parsed, rsa.RSAPrivateKey):
        key_numbers.check_rsa_numbers(parsed.private_numbers())
    elif isinstance(parsed, dsa.DSAPrivateKey):
        key_numbers.check_dsa_group(parsed.parameters().parameter_numbers())
    return cast(ParsedPrivateKey, parsed)


RAW_PRIVATE: Final[Mapping[tuple[Algorithm | None, int], Callable[[bytes], ParsedPrivateKey]]] = {
    (Algorithm.ED25519, 32): ed25519.Ed25519PrivateKey.from_private_bytes,
    (Algorithm.ED448, 57): ed448.Ed448PrivateKey.from_private_bytes,
    (Algorithm.ECDH, 32): x25519.X25519PrivateKey.from_private_bytes,
    (Algorithm.ECDH, 56): x448.X448PrivateKey.from_private_bytes,
    (Algorithm.ML_DSA_44, 32): mldsa.MLDSA44PrivateKey.from_seed_bytes,
    (Algorithm.ML_DSA_65, 32): mldsa.MLDSA65PrivateKey.from_seed_bytes,
    (Algorithm.ML_DSA_87, 32): mldsa.MLDSA87PrivateKey.from_seed_bytes,
    (Algorithm.ML_KEM_768, 64): mlkem.MLKEM768PrivateKey.from_seed_bytes,
    (Algorithm.ML_KEM_1024, 64): mlkem.MLKEM1024PrivateKey.from_seed_bytes,
}
"""(algorithm, bytes) of the Raw format, for algorithms whose keys are plain byte strings."""


# --- public keys --------------------------------------------------------------------------------------------------


def _read_certificate(material: bytes, _: Algorithm | None) -> ParsedPublicKey:
    return x509.load_der_x509_certificate(key_sizes.checked_certificate(material)).public_key()


def _read_public(material: KeyMaterial, algorithm: Algorithm | None) -> ParsedPublicKey:
    transparent = key_numbers.PUBLIC.get(type(material))
    if transparent is not None:
        return cast(ParsedPublicKey, transparent(material))
    data = _octets(material)
    raw = RAW_PUBLIC.get((algorithm, len(data)))
    if raw is not None:
        return raw(data)
    return cast(ParsedPublicKey, serialization.load_der_public_key(key_sizes.checked_public(data)))


def _octets(material: KeyMaterial) -> bytes:
    if not isinstance(material, bytes):
        raise ValueError("a structure of which no key is made, such as a Diffie-Hellman key")
    return material


RAW_PUBLIC: Final[Mapping[tuple[Algorithm | None, int], Callable[[bytes], ParsedPublicKey]]] = {
    (Algorithm.ED25519, 32): ed25519.Ed25519PublicKey.from_public_bytes,
    (Algorithm.ED448, 57): ed448.Ed448PublicKey.from_public_bytes,
    (Algorithm.ECDH, 32): x25519.X25519PublicKey.from_public_bytes,
    (Algorithm.ECDH, 56): x448.X448PublicKey.from_public_bytes,
    (Algorithm.ML_DSA_44, 1312): mldsa.MLDSA44PublicKey.from_public_bytes,
    (Algorithm.ML_DSA_65, 1952): mldsa.MLDSA65PublicKey.from_public_bytes,
    (Algorithm.ML_DSA_87, 2592): mldsa.MLDSA87PublicKey.from_public_bytes,
    (Algorithm.ML_KEM_768, 1184): mlkem.MLKEM768PublicKey.from_public_bytes,
    (Algorithm.ML_KEM_1024, 1568): mlkem.MLKEM1024PublicKey.from_public_bytes,
}
"""As RAW_PRIVATE, for public keys."""
