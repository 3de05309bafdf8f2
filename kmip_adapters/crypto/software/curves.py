"""Recommended Curve <-> pyca curve, and the curves that have functions of their own."""

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from kmip_core.enums import RecommendedCurve

CURVES: Final[Mapping[RecommendedCurve, ec.EllipticCurve]] = {
    RecommendedCurve.P_192: ec.SECP192R1(),
    RecommendedCurve.P_224: ec.SECP224R1(),
    RecommendedCurve.P_256: ec.SECP256R1(),
    RecommendedCurve.P_384: ec.SECP384R1(),
    RecommendedCurve.P_521: ec.SECP521R1(),
    RecommendedCurve.SECP256K1: ec.SECP256K1(),
    RecommendedCurve.BRAINPOOLP256R1: ec.BrainpoolP256R1(),
    RecommendedCurve.BRAINPOOLP384R1: ec.BrainpoolP384R1(),
    RecommendedCurve.BRAINPOOLP512R1: ec.BrainpoolP512R1(),
}
"""Weierstrass curves, for ECDSA and ECDH."""

CURVE_OF_LENGTH: Final[Mapping[int, RecommendedCurve]] = {
    192: RecommendedCurve.P_192,
    224: RecommendedCurve.P_224,
    256: RecommendedCurve.P_256,
    384: RecommendedCurve.P_384,
    521: RecommendedCurve.P_521,
}
"""What a length alone means, for clients that name no curve."""

RECOMMENDED: Final[Mapping[str, RecommendedCurve]] = {curve.name: name for name, curve in CURVES.items()}
"""pyca's name -> the standard's."""
