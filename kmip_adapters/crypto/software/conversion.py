"""What key material is, and the same key in another Key Format Type."""

from typing import Final

from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mlkem, rsa, x448, x25519

from kmip_adapters.crypto.software.curves import RECOMMENDED
from kmip_adapters.crypto.software.formats import no_such_format, written
from kmip_adapters.crypto.software.key_pairs import KEY_PAIR_LENGTHS
from kmip_adapters.crypto.software.keys import (
    ParsedPrivateKey,
    ParsedPublicKey,
    private_key,
    public_key,
    symmetric_bytes,
)
from kmip_adapters.crypto.software.signatures import FAMILIES
from kmip_adapters.crypto.software.symmetric_keys import material_bits
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KeyFormatType as Format
from kmip_core.enums import RecommendedCurve, ResultReason
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import Key, KeyDescription
from kmip_core.structures import TransparentSymmetricKey

_CURVE_ALGORITHMS: Final = frozenset({Algorithm.EC, Algorithm.ECDSA, Algorithm.ECDH, Algorithm.ECMQV})


def describe(key: Key) -> KeyDescription | None:
    """Return what the material is, or None where it cannot be read; see the port."""
    try:
        if isinstance(key, SymmetricKey | SecretData):
            return _symmetric(key)
        parsed = private_key(key) if isinstance(key, PrivateKey) else public_key(key)
    except KmipError as refusal:
        if refusal.reason is ResultReason.CRYPTOGRAPHIC_FAILURE:
            return None
        raise
    return _asymmetric(parsed, None if isinstance(key, Certificate) else key.key_block.cryptographic_algorithm)


def convert(key: Key, wanted: Format) -> KeyBlock:
    """Return the key's block with its material in another format; see the port."""
    if isinstance(key, Certificate):
        raise no_such_format(wanted, (Format.X_509,))
    block = key.key_block
    if block.key_format_type is wanted:
        return block
    if isinstance(key, PrivateKey | PublicKey):
        material = written(private_key(key) if isinstance(key, PrivateKey) else public_key(key), wanted)
    elif wanted in _SYMMETRIC_FORMATS[type(key)]:
        raw = symmetric_bytes(key)
        material = TransparentSymmetricKey(key=raw) if wanted is Format.TRANSPARENT_SYMMETRIC_KEY else raw
    else:
        raise no_such_format(wanted, _SYMMETRIC_FORMATS[type(key)])
    inside = block.inner_attributes
    return evolve(block, key_format_type=wanted, key_value=KeyValue(key_material=material, attributes=inside))


_SYMMETRIC_FORMATS: Final[dict[type, tuple[Format, ...]]] = {
    SymmetricKey: (Format.RAW, Format.TRANSPARENT_SYMMETRIC_KEY),
    SecretData: (Format.RAW, Format.OPAQUE),  # the same bytes; PyKMIP says Opaque, KMIP 2.1 §4.26 Raw
}


def _symmetric(key: SymmetricKey | SecretData) -> KeyDescription:
    block = key.key_block
    bits = 8 * len(symmetric_bytes(key))
    stated = block.cryptographic_length
    algorithm = block.cryptographic_algorithm
    if stated is not None and material_bits(algorithm, stated) == bits:
        bits = stated  # a 3DES key without its parity bits
    return KeyDescription(algorithm=algorithm, length=bits)


def _asymmetric(parsed: ParsedPrivateKey | ParsedPublicKey, stated: Algorithm | None) -> KeyDescription:
    if isinstance(parsed, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return KeyDescription(
            algorithm=stated if stated in _CURVE_ALGORITHMS else Algorithm.EC,
            length=parsed.curve.key_size,
            curve=RECOMMENDED.get(parsed.curve.name),
        )
    for kinds, bits, curve in _AGREEMENT:
        if isinstance(parsed, kinds):
            return KeyDescription(
                algorithm=stated if stated in _CURVE_ALGORITHMS else Algorithm.ECDH, length=bits, curve=curve
            )
    algorithm = next((name for kind, name in _ALGORITHMS.items() if isinstance(parsed, kind)), None)
    if isinstance(parsed, rsa.RSAPrivateKey | rsa.RSAPublicKey | dsa.DSAPrivateKey | dsa.DSAPublicKey):
        return KeyDescription(algorithm=algorithm, length=parsed.key_size)
    return KeyDescription(algorithm=algorithm, length=KEY_PAIR_LENGTHS[algorithm][0] if algorithm else 0)


_AGREEMENT: Final = (
    ((x25519.X25519PrivateKey, x25519.X25519PublicKey), 256, RecommendedCurve.CURVE25519),
    ((x448.X448PrivateKey, x448.X448PublicKey), 448, RecommendedCurve.CURVE448),
)

_ALGORITHMS: Final = {
    **FAMILIES,
    mlkem.MLKEM768PrivateKey: Algorithm.ML_KEM_768,
    mlkem.MLKEM768PublicKey: Algorithm.ML_KEM_768,
    mlkem.MLKEM1024PrivateKey: Algorithm.ML_KEM_1024,
    mlkem.MLKEM1024PublicKey: Algorithm.ML_KEM_1024,
}
"""pyca's class -> algorithm, for kinds that have one name."""
