"""Transparent keys -> what pyca works with, each number bounded before it is computed with. KMIP 2.1 §3.4 - §3.12.

A number that cannot be negative but came without its sign byte is read as unsigned (IBM's libkmip sends such ones).
What is missing is computed where the standard lets a client leave it out. Everything raises ValueError.
"""

from collections.abc import Callable, Mapping
from math import gcd
from typing import Any, Final, TypeAlias, cast

from attrs import evolve, fields
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x448, x25519

from kmip_adapters.crypto.software.curves import CURVES
from kmip_adapters.crypto.software.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, encode, integer
from kmip_adapters.crypto.software.limits import (
    MAXIMUM_DSA_BITS,
    MAXIMUM_DSA_ORDER_BITS,
    MAXIMUM_EC_BITS,
    MAXIMUM_RSA_BITS,
    MAXIMUM_RSA_EXPONENT_BITS,
    MINIMUM_RSA_BITS,
)
from kmip_core.enums import RecommendedCurve
from kmip_core.structures import (
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)

CurvePrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | x448.X448PrivateKey
CurvePublicKey: TypeAlias = ec.EllipticCurvePublicKey | x25519.X25519PublicKey | x448.X448PublicKey


def unsigned(number: int) -> int:
    """Return a number as it is meant that lacks its sign byte: Big Integers are multiples of eight bytes long."""
    if number >= 0:
        return number
    octets = 8 * -(-((number + 1).bit_length() + 1) // 64)
    return number + (1 << 8 * octets)


def _read(key: Any) -> Any:
    """Return the structure with its numbers unsigned."""
    numbers = {each.name: getattr(key, each.name) for each in fields(type(key))}
    return evolve(key, **{name: unsigned(value) for name, value in numbers.items() if type(value) is int})


def _check(most: int, *numbers: int | None) -> None:
    for number in numbers:
        if number is not None and not 0 < number.bit_length() <= most:
            raise ValueError("zero, or longer than the algorithm has it")


# --- RSA ----------------------------------------------------------------------------------------------------------


def has_all_numbers(key: TransparentRSAPrivateKey) -> bool:
    """Return whether the primes are given, so that nothing long is left to compute."""
    return key.p is not None and key.q is not None


def rsa_private(key: TransparentRSAPrivateKey) -> rsa.RSAPrivateKey:
    """Complete what the standard lets a client leave out. KMIP 2.1 §3.7."""
    key = _read(key)
    n, d, e, p, q = key.modulus, key.private_exponent, key.public_exponent, key.p, key.q
    _check(MAXIMUM_RSA_BITS, n, d, p, q, key.prime_exponent_p, key.prime_exponent_q, key.crt_coefficient)
    _check(MAXIMUM_RSA_EXPONENT_BITS, e)
    if n.bit_length() < MINIMUM_RSA_BITS or (d is not None and d >= n):
        raise ValueError("the modulus is too short, or the exponent too long")
    if p is None or q is None:
        if d is None or e is None:
            raise ValueError("not enough to go by")
        p, q = recovered_primes(n, e, d)
    if p * q != n or min(p, q) < 3:
        raise ValueError("the primes are not those of the modulus")
    if e is None:
        if d is None:
            raise ValueError("no exponent")
        e = pow(d, -1, (p - 1) * (q - 1))
        _check(MAXIMUM_RSA_EXPONENT_BITS, e)
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
    check_rsa_numbers(numbers)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def check_rsa_numbers(numbers: rsa.RSAPrivateNumbers) -> None:
    """Raise ValueError unless the numbers of an RSA key belong together; primes are not tested.

    Whether they are primes would take a hundred times as long as a signature, and a key that is not what it claims
    harms only its owner: the size of every number is bounded, so it costs nothing more than a right one.
    """
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


def recovered_primes(n: int, e: int, d: int) -> tuple[int, int]:
    """Return the primes of a modulus. SP 800-56B appendix C.1, with bases that are not random.

    e * d - 1 is a multiple of the order of every base. Halved until it is odd, it leads to a square root of one, which
    shares a factor with the modulus unless it is trivial. Slow: up to 18 powers modulo n, in Python.
    """
    odd = d * e - 1
    if odd <= 0 or odd & 1 or pow(17, d * e, n) != 17:
        raise ValueError("the exponents are not those of the modulus")
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    for base in _BASES:
        root = pow(base, odd, n)
        for _ in range(twos):
            if root in (1, n - 1):
                break
            square = root * root % n
            if square == 1:
                p = gcd(root - 1, n)
                return max(p, n // p), min(p, n // p)
            root = square
    raise ValueError("the modulus has no two primes")


_BASES: Final = (2, 3, 5, 7, 11, 13, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)
"""Each leads to the primes with a chance of at least one half."""


def rsa_public(key: TransparentRSAPublicKey) -> rsa.RSAPublicKey:
    """Return the key."""
    key = _read(key)
    _check(MAXIMUM_RSA_BITS, key.modulus)
    _check(MAXIMUM_RSA_EXPONENT_BITS, key.public_exponent)
    if not (key.modulus.bit_length() >= MINIMUM_RSA_BITS and key.modulus & key.public_exponent & 1):
        raise ValueError("a short modulus, or an even number")
    return rsa.RSAPublicNumbers(key.public_exponent, key.modulus).public_key()


# --- DSA ----------------------------------------------------------------------------------------------------------


def dsa_private(key: TransparentDSAPrivateKey) -> dsa.DSAPrivateKey:
    """Return the key; OpenSSL computes the public number that it needs."""
    key = _read(key)
    _check(MAXIMUM_DSA_BITS, key.p, key.g)
    _check(MAXIMUM_DSA_ORDER_BITS, key.q, key.x)
    check_dsa_group(dsa.DSAParameterNumbers(key.p, key.q, key.g))
    group = encode(SEQUENCE, integer(key.p) + integer(key.q) + integer(key.g))
    algorithm = encode(SEQUENCE, encode(OBJECT_IDENTIFIER, bytes.fromhex("2a8648ce380401")) + group)
    pkcs8 = encode(SEQUENCE, integer(0) + algorithm + encode(OCTET_STRING, integer(key.x)))
    return cast(dsa.DSAPrivateKey, serialization.load_der_private_key(pkcs8, None))


def dsa_public(key: TransparentDSAPublicKey) -> dsa.DSAPublicKey:
    """Return the key."""
    key = _read(key)
    _check(MAXIMUM_DSA_BITS, key.p, key.g, key.y)
    _check(MAXIMUM_DSA_ORDER_BITS, key.q)
    group = dsa.DSAParameterNumbers(key.p, key.q, key.g)
    check_dsa_group(group)
    return dsa.DSAPublicNumbers(key.y, group).public_key()


def check_dsa_group(group: dsa.DSAParameterNumbers) -> None:
    """Raise ValueError for numbers that are no group, with which OpenSSL might compute for ever; primes are not
    tested."""
    p, q, g = group.p, group.q, group.g
    if not (p & q & 1 and 1 < g < p and (p - 1) % q == 0):
        raise ValueError("not a group")


# --- elliptic curves ----------------------------------------------------------------------------------------------


def ec_private(key: TransparentECPrivateKey) -> CurvePrivateKey:
    """Return the key."""
    key = _read(key)
    _check(MAXIMUM_EC_BITS, key.d)
    if key.recommended_curve is RecommendedCurve.CURVE25519:
        return x25519.X25519PrivateKey.from_private_bytes(key.d.to_bytes(32, "big"))
    if key.recommended_curve is RecommendedCurve.CURVE448:
        return x448.X448PrivateKey.from_private_bytes(key.d.to_bytes(56, "big"))
    return ec.derive_private_key(key.d, _curve(key.recommended_curve))


def ec_public(key: TransparentECPublicKey) -> CurvePublicKey:
    """Return the key."""
    if key.recommended_curve is RecommendedCurve.CURVE25519:
        return x25519.X25519PublicKey.from_public_bytes(key.q_string)
    if key.recommended_curve is RecommendedCurve.CURVE448:
        return x448.X448PublicKey.from_public_bytes(key.q_string)
    return ec.EllipticCurvePublicKey.from_encoded_point(_curve(key.recommended_curve), key.q_string)


def _curve(name: RecommendedCurve) -> ec.EllipticCurve:
    curve = CURVES.get(name)
    if curve is None:
        raise ValueError("unknown curve")
    return curve


PRIVATE: Final[Mapping[type, Callable[[Any], Any]]] = {
    TransparentRSAPrivateKey: rsa_private,
    TransparentDSAPrivateKey: dsa_private,
    TransparentECPrivateKey: ec_private,
}
PUBLIC: Final[Mapping[type, Callable[[Any], Any]]] = {
    TransparentRSAPublicKey: rsa_public,
    TransparentDSAPublicKey: dsa_public,
    TransparentECPublicKey: ec_public,
}
"""Transparent structure -> how it is read; of other structures no key is made."""
