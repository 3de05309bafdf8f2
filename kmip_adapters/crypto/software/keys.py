"""Content -> what pyca works with: bytes, or a parsed public or private key, from every format.

Nothing parsed is kept: private keys live as long as the call or stream that asked for them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
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
from kmip_adapters.crypto.software.curves import CURVES
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import RecommendedCurve, ResultReason
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Certificate, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import Key
from kmip_core.structures import (
    KeyHandle,
    KeyMaterial,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
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

MAXIMUM_RSA_BITS: Final = 16_384
"""OpenSSL's own limit for public keys; private ones beyond it would cost seconds to read."""

_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, OverflowError, ZeroDivisionError)
"""What pyca raises for material that it cannot read."""


def symmetric_bytes(key: Key) -> bytes:
    """Return the bytes of a symmetric key or secret data."""
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

    The numbers of an RSA key are checked to belong together. Its primes are not tested: that would take a hundred times
    as long as a signature, and a key that is not what it claims harms nobody but the one who brought it.
    """
    if not isinstance(key, PrivateKey):
        raise invalid_field("a private key is needed")
    parsed: ParsedPrivateKey = _parsed(_read_private, _material(key), key.key_block.cryptographic_algorithm)
    return parsed


def public_key(key: Key) -> ParsedPublicKey:
    """Return the parsed public key, of a certificate as well."""
    parsed: ParsedPublicKey
    if isinstance(key, Certificate):
        parsed = _parsed(_read_certificate, key.certificate_value, None)
    elif isinstance(key, PublicKey):
        parsed = _parsed(_read_public, _material(key), key.key_block.cryptographic_algorithm)
    else:
        raise invalid_field("a public key or certificate is needed")
    return parsed


def _parsed(read: Callable[[Any, Algorithm | None], Any], material: KeyMaterial, algorithm: Algorithm | None) -> Any:
    try:
        return read(material, algorithm)
    except _UNREADABLE:
        # `from None`: pyca's message may tell more about a private key than its owner wants in a log.
        raise cryptographic_failure("the key's material cannot be read in its format and algorithm") from None


def _material(key: SymmetricKey | SecretData | PrivateKey | PublicKey) -> KeyMaterial:
    block = key.key_block
    if block.key_wrapping_data is not None:
        raise KmipError(ResultReason.KEY_WRAP_TYPE_NOT_SUPPORTED, "the key is stored wrapped; unwrap it before use")
    if not isinstance(block.key_value, KeyValue):
        raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the key was registered without its material")
    material = block.key_value.key_material
    if isinstance(material, KeyHandle):
        raise cryptographic_failure(f"the key is held by {material.provider}, which is not in use here")
    return material


# --- private keys ------------------------------------------------------------------------------------------------


def _read_private(material: KeyMaterial, algorithm: Algorithm | None) -> ParsedPrivateKey:
    transparent = _TRANSPARENT_PRIVATE.get(type(material))
    if transparent is not None:
        return transparent(material)
    data = cast(bytes, material)
    raw = RAW_PRIVATE.get((algorithm, len(data)))
    if raw is not None:
        return raw(data)
    # The outer structure says what it is; formats are often labelled wrongly (RULINGS 22).
    load = serialization.load_pem_private_key if data.startswith(b"-----") else serialization.load_der_private_key
    parsed = cast(ParsedPrivateKey, load(data, None, unsafe_skip_rsa_key_validation=True))
    if isinstance(parsed, rsa.RSAPrivateKey):
        if parsed.key_size > MAXIMUM_RSA_BITS:
            raise ValueError("too large to compute with")
        _check_numbers(parsed.private_numbers())
    return parsed


def _check_numbers(numbers: rsa.RSAPrivateNumbers) -> None:
    """Raise ValueError unless the numbers of an RSA key belong together; primes are not tested."""
    p, q, d = numbers.p, numbers.q, numbers.d
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    right = (
        min(p, q, e) >= 3
        and p * q == n
        and n & e & 1
        and (d * e - 1) % (p - 1) == 0 == (d * e - 1) % (q - 1)
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )
    if not right:
        raise ValueError("inconsistent RSA key")


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


def _rsa_private(key: TransparentRSAPrivateKey) -> rsa.RSAPrivateKey:
    """Complete what the standard lets a client leave out. KMIP 2.1 §7.10.4."""
    n, d, p, q = key.modulus, key.private_exponent, key.p, key.q
    e = key.public_exponent
    if n.bit_length() > MAXIMUM_RSA_BITS:
        raise ValueError("too large to compute with")
    if e is None:
        if d is None or p is None or q is None:
            raise ValueError("not enough to go by")
        e = pow(d, -1, (p - 1) * (q - 1))
    if p is None or q is None:
        if d is None:
            raise ValueError("neither private exponent nor primes")
        p, q = rsa.rsa_recover_prime_factors(n, e, d)
    if d is None:
        d = rsa.rsa_recover_private_exponent(e, p, q)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=key.prime_exponent_p or rsa.rsa_crt_dmp1(d, p),
        dmq1=key.prime_exponent_q or rsa.rsa_crt_dmq1(d, q),
        iqmp=key.crt_coefficient or rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, n),
    )
    _check_numbers(numbers)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _dsa_private(key: TransparentDSAPrivateKey) -> dsa.DSAPrivateKey:
    parameters = dsa.DSAParameterNumbers(key.p, key.q, key.g)
    public = dsa.DSAPublicNumbers(pow(key.g, key.x, key.p), parameters)
    return dsa.DSAPrivateNumbers(key.x, public).private_key()


def _ec_private(
    key: TransparentECPrivateKey,
) -> ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | x448.X448PrivateKey:
    if key.recommended_curve is RecommendedCurve.CURVE25519:
        return x25519.X25519PrivateKey.from_private_bytes(key.d.to_bytes(32, "big"))
    if key.recommended_curve is RecommendedCurve.CURVE448:
        return x448.X448PrivateKey.from_private_bytes(key.d.to_bytes(56, "big"))
    return ec.derive_private_key(key.d, _curve(key.recommended_curve))


_TRANSPARENT_PRIVATE: Final[Mapping[type, Callable[[Any], ParsedPrivateKey]]] = {
    TransparentRSAPrivateKey: _rsa_private,
    TransparentDSAPrivateKey: _dsa_private,
    TransparentECPrivateKey: _ec_private,
}


# --- public keys --------------------------------------------------------------------------------------------------


def _read_certificate(material: bytes, _: Algorithm | None) -> ParsedPublicKey:
    load = x509.load_pem_x509_certificate if material.startswith(b"-----") else x509.load_der_x509_certificate
    return load(material).public_key()


def _read_public(material: KeyMaterial, algorithm: Algorithm | None) -> ParsedPublicKey:
    transparent = _TRANSPARENT_PUBLIC.get(type(material))
    if transparent is not None:
        return transparent(material)
    data = cast(bytes, material)
    if data.startswith(b"-----"):
        return cast(ParsedPublicKey, serialization.load_pem_public_key(data))
    raw = RAW_PUBLIC.get((algorithm, len(data)))
    if raw is not None:
        return raw(data)
    return cast(ParsedPublicKey, serialization.load_der_public_key(data))


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


def _rsa_public(key: TransparentRSAPublicKey) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(key.public_exponent, key.modulus).public_key()


def _dsa_public(key: TransparentDSAPublicKey) -> dsa.DSAPublicKey:
    return dsa.DSAPublicNumbers(key.y, dsa.DSAParameterNumbers(key.p, key.q, key.g)).public_key()


def _ec_public(
    key: TransparentECPublicKey,
) -> ec.EllipticCurvePublicKey | x25519.X25519PublicKey | x448.X448PublicKey:
    if key.recommended_curve is RecommendedCurve.CURVE25519:
        return x25519.X25519PublicKey.from_public_bytes(key.q_string)
    if key.recommended_curve is RecommendedCurve.CURVE448:
        return x448.X448PublicKey.from_public_bytes(key.q_string)
    return ec.EllipticCurvePublicKey.from_encoded_point(_curve(key.recommended_curve), key.q_string)


_TRANSPARENT_PUBLIC: Final[Mapping[type, Callable[[Any], ParsedPublicKey]]] = {
    TransparentRSAPublicKey: _rsa_public,
    TransparentDSAPublicKey: _dsa_public,
    TransparentECPublicKey: _ec_public,
}


def _curve(name: RecommendedCurve) -> ec.EllipticCurve:
    curve = CURVES.get(name)
    if curve is None:
        raise ValueError("unknown curve")
    return curve
