"""Create Key Pair: algorithm -> how its pairs are made, and what length and curve mean for it."""

from collections.abc import Callable, Mapping, Sequence
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

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software import formats
from kmip_adapters.crypto.software.curves import CURVE_OF_LENGTH, CURVES
from kmip_adapters.crypto.software.symmetric_keys import listed
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KeyFormatType, RecommendedCurve
from kmip_core.errors import KmipError, invalid_attribute_value, need
from kmip_core.objects import PrivateKey, PublicKey
from kmip_core.ports.crypto import KeyPair
from kmip_core.standard_names import standard_name

_CURVE_ALGORITHMS: Final = frozenset({Algorithm.EC, Algorithm.ECDSA, Algorithm.ECDH})

_MONTGOMERY: Final[Mapping[RecommendedCurve, tuple[int, Callable[[], Any]]]] = {
    RecommendedCurve.CURVE25519: (256, x25519.X25519PrivateKey.generate),
    RecommendedCurve.CURVE448: (448, x448.X448PrivateKey.generate),
}
"""Curves for agreement only: length in bits, maker."""


@frozen(kw_only=True)
class OfLength:
    """An algorithm whose pairs come in lengths."""

    lengths: Sequence[int]
    make: Callable[[int], Any]


@frozen(kw_only=True)
class OfOneKind:
    """An algorithm whose name says everything.  curve: the Recommended Curve that may be named beside it."""

    length: int
    make: Callable[[], Any]
    curve: RecommendedCurve | None = None


_OF_LENGTH: Final[Mapping[Algorithm, OfLength]] = {
    Algorithm.RSA: OfLength(
        lengths=range(1024, 8192 + 1, 256),  # RULINGS 9; `modern` starts higher
        make=lambda length: rsa.generate_private_key(65537, length),
    ),
    Algorithm.DSA: OfLength(lengths=(1024, 2048, 3072), make=dsa.generate_private_key),
}

_OF_ONE_KIND: Final[Mapping[Algorithm, OfOneKind]] = {
    Algorithm.ED25519: OfOneKind(
        length=256, make=ed25519.Ed25519PrivateKey.generate, curve=RecommendedCurve.CURVE25519
    ),
    Algorithm.ED448: OfOneKind(length=448, make=ed448.Ed448PrivateKey.generate, curve=RecommendedCurve.CURVE448),
    # For module lattices the length is the public key's, in bits; FIPS 203 table 3, FIPS 204 table 2.
    Algorithm.ML_DSA_44: OfOneKind(length=8 * 1312, make=mldsa.MLDSA44PrivateKey.generate),
    Algorithm.ML_DSA_65: OfOneKind(length=8 * 1952, make=mldsa.MLDSA65PrivateKey.generate),
    Algorithm.ML_DSA_87: OfOneKind(length=8 * 2592, make=mldsa.MLDSA87PrivateKey.generate),
    Algorithm.ML_KEM_768: OfOneKind(length=8 * 1184, make=mlkem.MLKEM768PrivateKey.generate),
    Algorithm.ML_KEM_1024: OfOneKind(length=8 * 1568, make=mlkem.MLKEM1024PrivateKey.generate),
}

KEY_PAIR_LENGTHS: Final[Mapping[Algorithm, Sequence[int]]] = {
    **{algorithm: kind.lengths for algorithm, kind in _OF_LENGTH.items()},
    **{algorithm: tuple(CURVE_OF_LENGTH) for algorithm in sorted(_CURVE_ALGORITHMS)},
    **{algorithm: (kind.length,) for algorithm, kind in _OF_ONE_KIND.items()},
}

KEY_PAIR_CURVES: Final = frozenset(CURVES) | frozenset(_MONTGOMERY)


def make_key_pair(
    algorithm: Algorithm,
    length: int | None,
    curve: RecommendedCurve | None,
    private_format: KeyFormatType | None,
    public_format: KeyFormatType | None,
) -> KeyPair:
    """Return a fresh pair; see the port."""
    make, bits = _maker(algorithm, length, curve)
    # Formats are judged before the work: RSA-8192 takes a minute.
    formats.check_format(algorithm, curve, private_format, private=True)
    formats.check_format(algorithm, curve, public_format, private=False)
    private = make()
    return KeyPair(
        private_key=PrivateKey(key_block=formats.key_block(private, algorithm, bits, private_format)),
        public_key=PublicKey(key_block=formats.key_block(private.public_key(), algorithm, bits, public_format)),
    )


def _maker(algorithm: Algorithm, length: int | None, curve: RecommendedCurve | None) -> tuple[Callable[[], Any], int]:
    """Return what makes the pair, and its length in bits."""
    if algorithm in _CURVE_ALGORITHMS:
        return _curve_maker(algorithm, length, curve)
    of_length = _OF_LENGTH.get(algorithm)
    if of_length is not None:
        if curve is not None:
            raise invalid_attribute_value(f"{standard_name(algorithm)} keys have no Recommended Curve")
        wanted = need(length, "Cryptographic Length")
        if wanted not in of_length.lengths:
            raise _wrong_length(algorithm, wanted, listed(of_length.lengths))
        return (lambda: of_length.make(wanted)), wanted
    of_one_kind = _OF_ONE_KIND.get(algorithm)
    if of_one_kind is None:
        known = ", ".join(standard_name(known) for known in KEY_PAIR_LENGTHS)
        raise invalid_attribute_value(f"pairs of {standard_name(algorithm)} keys cannot be made here; known: {known}")
    if length not in (None, of_one_kind.length):
        raise _wrong_length(algorithm, length, str(of_one_kind.length))
    if curve not in (None, of_one_kind.curve):
        raise invalid_attribute_value(
            f"{standard_name(algorithm)} does not go with that Recommended Curve; leave it out"
        )
    return of_one_kind.make, of_one_kind.length


def _curve_maker(
    algorithm: Algorithm, length: int | None, curve: RecommendedCurve | None
) -> tuple[Callable[[], Any], int]:
    if curve is None:
        wanted = need(length, "Recommended Curve or Cryptographic Length")
        curve = CURVE_OF_LENGTH.get(wanted)
        if curve is None:
            raise _wrong_length(algorithm, wanted, listed(tuple(CURVE_OF_LENGTH)))
    if curve in _MONTGOMERY:
        if algorithm is Algorithm.ECDSA:
            raise invalid_attribute_value(
                f"{standard_name(curve)} keys agree; to sign, ask for algorithm Ed25519 or Ed448"
            )
        bits, make = _MONTGOMERY[curve]
    elif curve in CURVES:
        weierstrass = CURVES[curve]
        bits, make = weierstrass.key_size, lambda: ec.generate_private_key(weierstrass)
    else:
        known = ", ".join(sorted(standard_name(known) for known in KEY_PAIR_CURVES))
        raise invalid_attribute_value(f"{standard_name(curve)} is not a curve that can be used here; known: {known}")
    if length not in (None, bits):
        raise _wrong_length(algorithm, length, f"{bits} on {standard_name(curve)}")
    return make, bits


def _wrong_length(algorithm: Algorithm, length: int | None, lengths: str) -> KmipError:
    # PyKMIP's reason, and one of the standard's for Create Key Pair (RULINGS 2).
    return cryptographic_failure(f"{standard_name(algorithm)} keys have {lengths} bits here, not {length}")
