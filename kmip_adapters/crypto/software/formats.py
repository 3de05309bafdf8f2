"""Key Format Types: which a kind of key can take, and writing it; reading is in `keys`.

A format that is not in `WRITERS` for a kind of key is refused with Key Format Type Not Supported.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

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
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kmip_adapters.crypto.software.curves import RECOMMENDED
from kmip_adapters.crypto.software.keys import ParsedPrivateKey, ParsedPublicKey
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KeyFormatType as Format
from kmip_core.enums import RecommendedCurve, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import KeyBlock, KeyValue
from kmip_core.standard_names import standard_name
from kmip_core.structures import (
    KeyMaterial,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)

_Writer = Callable[[Any], KeyMaterial]


# --- writers ------------------------------------------------------------------------------------------------------


def _pkcs8(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _traditional(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def _raw_private(key: Any) -> bytes:
    return bytes(key.private_bytes_raw())


def _subject_public_key_info(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _pkcs1_public(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))


def _raw_public(key: Any) -> bytes:
    return bytes(key.public_bytes_raw())


def _transparent_rsa_private(key: rsa.RSAPrivateKey) -> TransparentRSAPrivateKey:
    numbers = key.private_numbers()
    return TransparentRSAPrivateKey(
        modulus=numbers.public_numbers.n,
        private_exponent=numbers.d,
        public_exponent=numbers.public_numbers.e,
        p=numbers.p,
        q=numbers.q,
        prime_exponent_p=numbers.dmp1,
        prime_exponent_q=numbers.dmq1,
        crt_coefficient=numbers.iqmp,
    )


def _transparent_rsa_public(key: rsa.RSAPublicKey) -> TransparentRSAPublicKey:
    numbers = key.public_numbers()
    return TransparentRSAPublicKey(modulus=numbers.n, public_exponent=numbers.e)


def _transparent_dsa_private(key: dsa.DSAPrivateKey) -> TransparentDSAPrivateKey:
    numbers = key.private_numbers()
    group = numbers.public_numbers.parameter_numbers
    return TransparentDSAPrivateKey(p=group.p, q=group.q, g=group.g, x=numbers.x)


def _transparent_dsa_public(key: dsa.DSAPublicKey) -> TransparentDSAPublicKey:
    numbers = key.public_numbers()
    group = numbers.parameter_numbers
    return TransparentDSAPublicKey(p=group.p, q=group.q, g=group.g, y=numbers.y)


def _transparent_ec_private(key: ec.EllipticCurvePrivateKey) -> TransparentECPrivateKey:
    return TransparentECPrivateKey(recommended_curve=RECOMMENDED[key.curve.name], d=key.private_numbers().private_value)


def _transparent_ec_public(key: ec.EllipticCurvePublicKey) -> TransparentECPublicKey:
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return TransparentECPublicKey(recommended_curve=RECOMMENDED[key.curve.name], q_string=point)


_RAW_AND_PKCS8: Final[Mapping[Format, _Writer]] = {Format.PKCS_8: _pkcs8, Format.RAW: _raw_private}
_RAW_AND_X509: Final[Mapping[Format, _Writer]] = {
    Format.X_509: _subject_public_key_info,
    Format.RAW: _raw_public,
}
_EC_PRIVATE_NAMES: Final = (
    Format.TRANSPARENT_EC_PRIVATE_KEY,
    Format.TRANSPARENT_ECDSA_PRIVATE_KEY,
    Format.TRANSPARENT_ECDH_PRIVATE_KEY,
)
_EC_PUBLIC_NAMES: Final = (
    Format.TRANSPARENT_EC_PUBLIC_KEY,
    Format.TRANSPARENT_ECDSA_PUBLIC_KEY,
    Format.TRANSPARENT_ECDH_PUBLIC_KEY,
)

WRITERS: Final[Mapping[type, Mapping[Format, _Writer]]] = {
    rsa.RSAPrivateKey: {
        Format.PKCS_1: _traditional,
        Format.PKCS_8: _pkcs8,
        Format.TRANSPARENT_RSA_PRIVATE_KEY: _transparent_rsa_private,
    },
    rsa.RSAPublicKey: {
        Format.PKCS_1: _pkcs1_public,
        Format.X_509: _subject_public_key_info,
        Format.TRANSPARENT_RSA_PUBLIC_KEY: _transparent_rsa_public,
    },
    ec.EllipticCurvePrivateKey: {
        Format.PKCS_8: _pkcs8,
        Format.EC_PRIVATE_KEY: _traditional,
        **dict.fromkeys(_EC_PRIVATE_NAMES, _transparent_ec_private),
    },
    ec.EllipticCurvePublicKey: {
        Format.X_509: _subject_public_key_info,
        **dict.fromkeys(_EC_PUBLIC_NAMES, _transparent_ec_public),
    },
    dsa.DSAPrivateKey: {
        Format.PKCS_8: _pkcs8,
        Format.TRANSPARENT_DSA_PRIVATE_KEY: _transparent_dsa_private,
    },
    dsa.DSAPublicKey: {
        Format.X_509: _subject_public_key_info,
        Format.TRANSPARENT_DSA_PUBLIC_KEY: _transparent_dsa_public,
    },
    ed25519.Ed25519PrivateKey: _RAW_AND_PKCS8,
    ed448.Ed448PrivateKey: _RAW_AND_PKCS8,
    x25519.X25519PrivateKey: _RAW_AND_PKCS8,
    x448.X448PrivateKey: _RAW_AND_PKCS8,
    mldsa.MLDSA44PrivateKey: _RAW_AND_PKCS8,
    mldsa.MLDSA65PrivateKey: _RAW_AND_PKCS8,
    mldsa.MLDSA87PrivateKey: _RAW_AND_PKCS8,
    mlkem.MLKEM768PrivateKey: _RAW_AND_PKCS8,
    mlkem.MLKEM1024PrivateKey: _RAW_AND_PKCS8,
    ed25519.Ed25519PublicKey: _RAW_AND_X509,
    ed448.Ed448PublicKey: _RAW_AND_X509,
    x25519.X25519PublicKey: _RAW_AND_X509,
    x448.X448PublicKey: _RAW_AND_X509,
    mldsa.MLDSA44PublicKey: _RAW_AND_X509,
    mldsa.MLDSA65PublicKey: _RAW_AND_X509,
    mldsa.MLDSA87PublicKey: _RAW_AND_X509,
    mlkem.MLKEM768PublicKey: _RAW_AND_X509,
    mlkem.MLKEM1024PublicKey: _RAW_AND_X509,
}
"""Kind of key -> format -> writer. The first format of each is the default for keys that are made here."""

_KINDS: Final[Mapping[Algorithm, tuple[type, type]]] = {
    Algorithm.RSA: (rsa.RSAPrivateKey, rsa.RSAPublicKey),
    Algorithm.DSA: (dsa.DSAPrivateKey, dsa.DSAPublicKey),
    Algorithm.EC: (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
    Algorithm.ECDSA: (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
    Algorithm.ECDH: (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
}
"""Algorithm -> private and public kind; every other kind writes Raw, PKCS#8 and X.509."""


def check_format(algorithm: Algorithm, curve: RecommendedCurve | None, wanted: Format | None, *, private: bool) -> None:
    """Refuse a format that a key about to be made could not be written in."""
    if wanted is None:
        return
    kinds = None if curve in _MONTGOMERY else _KINDS.get(algorithm)
    simple = _RAW_AND_PKCS8 if private else _RAW_AND_X509
    known = simple if kinds is None else WRITERS[kinds[0 if private else 1]]
    # Raw bytes of an X25519 key that calls itself EC would look like a P-256 scalar.
    if wanted not in known or (wanted is Format.RAW and algorithm is Algorithm.EC):
        raise no_such_format(wanted, known)


_MONTGOMERY: Final = frozenset({RecommendedCurve.CURVE25519, RecommendedCurve.CURVE448})


def key_block(
    key: ParsedPrivateKey | ParsedPublicKey, algorithm: Algorithm, length: int, wanted: Format | None
) -> KeyBlock:
    """Return the block of a key that was made here, in the wanted format or the key's first one."""
    chosen = next(iter(_writers(key))) if wanted is None else wanted
    return KeyBlock(
        key_format_type=chosen,
        key_value=KeyValue(key_material=written(key, chosen)),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )


def written(key: ParsedPrivateKey | ParsedPublicKey, wanted: Format) -> KeyMaterial:
    """Return a parsed key in a format.  Raises KmipError (Key Format Type Not Supported)."""
    writers = _writers(key)
    if wanted not in writers:
        raise no_such_format(wanted, writers)
    return writers[wanted](key)


def _writers(key: ParsedPrivateKey | ParsedPublicKey) -> Mapping[Format, _Writer]:
    return next(writers for kind, writers in WRITERS.items() if isinstance(key, kind))


def no_such_format(wanted: Format, known: Iterable[Format]) -> KmipError:
    """Return the refusal that says which formats would do."""
    names = ", ".join(standard_name(each) for each in known)
    return KmipError(
        ResultReason.KEY_FORMAT_TYPE_NOT_SUPPORTED,
        f"{standard_name(wanted)} is not a format of this key; known: {names}",
    )
