"""Secret sharing: XOR, and polynomials over GF(2^8), GF(2^16) and prime fields. KMIP 2.1 §13.1, 1.4 §2.2.5.

A secret is cut into elements of a field; each is the value at 0 of a random polynomial of degree threshold - 1, and
share number i holds the values at i. Joining is Lagrange's interpolation at 0. GF(2^8) is made by the polynomial 285,
x^8 + x^4 + x^3 + x^2 + 1; for parts that 0.1.0 made, by 283 (ADR 0121).
"""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, Protocol

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software.limits import (
    MAXIMUM_PARTS,
    MAXIMUM_PRIME_BITS,
    MAXIMUM_SECRET_BYTES,
    MAXIMUM_SHARING_WORK,
)
from kmip_core.classes import frozen
from kmip_core.enums import SplitKeyMethod as Method
from kmip_core.enums import SplitKeyPolynomial as Polynomial
from kmip_core.errors import KmipError, invalid_field, need
from kmip_core.ports.key_forms import SharingScheme

PRIMALITY_ROUNDS: Final = 5
"""FIPS 186-5 table B.1 asks for fewer; a client that deceives the test spoils its own secret only."""


def split_secret(secret: bytes, scheme: SharingScheme) -> tuple[bytes, ...]:
    """Return the shares 1 to `parts`; see the port."""
    _check(scheme)
    if not 0 < len(secret) <= MAXIMUM_SECRET_BYTES:
        raise invalid_field(f"a secret of 1 to {MAXIMUM_SECRET_BYTES} bytes can be split, not one of {len(secret)}")
    if scheme.method is Method.XOR:
        pads = [os.urandom(len(secret)) for _ in range(scheme.parts - 1)]
        return (*pads, _xor([secret, *pads]))
    _check_work(split_work(len(secret), scheme))
    arithmetic = _field(scheme, len(secret))
    elements = arithmetic.elements(secret)
    polynomials = [[element, *(arithmetic.random() for _ in range(scheme.threshold - 1))] for element in elements]
    return tuple(
        arithmetic.written([_value_at(number, polynomial, arithmetic) for polynomial in polynomials])
        for number in range(1, scheme.parts + 1)
    )


def join_secret(shares: Mapping[int, bytes], scheme: SharingScheme, length: int) -> bytes:
    """Return the secret; see the port."""
    _check(scheme)
    if len(shares) < scheme.threshold:
        raise cryptographic_failure(f"{scheme.threshold} shares are needed, not {len(shares)}")
    if not all(0 < number <= scheme.parts for number in shares):
        raise cryptographic_failure(f"shares are numbered 1 to {scheme.parts}")
    if len({len(share) for share in shares.values()}) != 1:
        raise _do_not_match()
    if scheme.method is Method.XOR:
        return _xor(list(shares.values()))
    _check_work(join_work(shares, scheme))
    arithmetic = _field(scheme, length)
    if len(next(iter(shares.values()))) != arithmetic.width * len(arithmetic.elements(bytes(length))):
        raise _do_not_match()
    values = {number: arithmetic.read(share) for number, share in shares.items()}
    used, spare = list(values)[: scheme.threshold], list(values)[scheme.threshold :]
    columns = list(zip(*(values[number] for number in used), strict=True))
    inverses = _inverse_distances(used, arithmetic)

    def at(x: int) -> list[int]:
        weights = _weights(used, inverses, x, arithmetic)
        return [_sum_of_products(weights, column, arithmetic) for column in columns]

    if any(at(number) != values[number] for number in spare):
        raise _do_not_match()
    return arithmetic.secret(at(0), length)


# --- work, counted before it begins ------------------------------------------------------------------------------


@frozen
class Weights:
    """What multiplications cost in a field, in tenths of a microsecond, about.

    whole: of two elements.  small: of an element and the number of a share.
    """

    whole: int
    small: int


def split_work(length: int, scheme: SharingScheme) -> int:
    """Return how many tenths of a microsecond a split of a secret of `length` bytes takes, about."""
    weights = _weights_of(scheme)
    return _elements(length, scheme) * scheme.parts * scheme.threshold * weights.small + _proof_of_prime(scheme)


def join_work(shares: Mapping[int, bytes], scheme: SharingScheme) -> int:
    """Return how many tenths of a microsecond a join takes, about.

    Counted are the distances of all points from each other; then, for the secret and for each share beyond the
    threshold, the weights of the points and the sums of products.
    """
    weights = _weights_of(scheme)
    elements = _elements(len(next(iter(shares.values()), b"")), scheme)
    points, sums = scheme.threshold, 1 + max(0, len(shares) - scheme.threshold)
    whole = sums * points * (2 + elements)
    return whole * weights.whole + (points * points + 2 * sums * points) * weights.small + _proof_of_prime(scheme)


def _elements(length: int, scheme: SharingScheme) -> int:
    return {Method.POLYNOMIAL_SHARING_GF_2_16: length // 2 + 1, Method.POLYNOMIAL_SHARING_PRIME_FIELD: 1}.get(
        scheme.method, length
    )


def _weights_of(scheme: SharingScheme) -> Weights:
    match scheme.method:
        case Method.XOR:
            return Weights(0, 0)
        case Method.POLYNOMIAL_SHARING_GF_2_16:
            return Weights(3, 3)
        case Method.POLYNOMIAL_SHARING_PRIME_FIELD:
            bits = (scheme.prime_field_size or 0).bit_length()
            return Weights(4 + bits * bits // 60_000, 4 + bits // 512)
        case _:
            return Weights(1, 1)


def _proof_of_prime(scheme: SharingScheme) -> int:
    """Return the work of `_is_prime`: a power for each round, a multiplication for each of its bits."""
    if scheme.method is not Method.POLYNOMIAL_SHARING_PRIME_FIELD:
        return 0
    return PRIMALITY_ROUNDS * (scheme.prime_field_size or 0).bit_length() * _weights_of(scheme).whole


# --- fields ---------------------------------------------------------------------------------------------------------


class Field(Protocol):
    """A field's arithmetic on integers, and how its elements are written."""

    @property
    def width(self) -> int:
        """Bytes of one element in a share."""
        ...

    def add(self, a: int, b: int) -> int:
        """Return a + b."""
        ...

    def subtract(self, a: int, b: int) -> int:
        """Return a - b."""
        ...

    def multiply(self, a: int, b: int) -> int:
        """Return a * b."""
        ...

    def invert(self, a: int) -> int:
        """Return 1 / a."""
        ...

    def random(self) -> int:
        """Return any element with equal chance."""
        ...

    def elements(self, secret: bytes) -> list[int]:
        """Return the secret's elements."""
        ...

    def secret(self, elements: Sequence[int], length: int) -> bytes:
        """Return the secret that was cut into these."""
        ...

    def read(self, share: bytes) -> list[int]:
        """Return a share's elements."""
        ...

    def written(self, elements: Sequence[int]) -> bytes:
        """Return elements as a share."""
        ...


@frozen
class BinaryField:
    """GF(2^8) or GF(2^16); width: bytes of an element."""

    width: int
    multiply: Callable[[int, int], int]
    invert: Callable[[int], int]

    def add(self, a: int, b: int) -> int:
        """Addition is exclusive or."""
        return a ^ b

    def subtract(self, a: int, b: int) -> int:
        """So is subtraction."""
        return a ^ b

    def random(self) -> int:
        """Return random bits."""
        return secrets.randbits(8 * self.width)

    def elements(self, secret: bytes) -> list[int]:
        """Cut into pieces of the field's width; an odd byte at the end is followed by a zero."""
        return self.read(secret + bytes(-len(secret) % self.width))

    def secret(self, elements: Sequence[int], length: int) -> bytes:
        """Put together, without what filled the last piece."""
        return self.written(elements)[:length]

    def read(self, share: bytes) -> list[int]:
        """Return the pieces as numbers."""
        return [int.from_bytes(share[i : i + self.width]) for i in range(0, len(share), self.width)]

    def written(self, elements: Sequence[int]) -> bytes:
        """Return the concatenation."""
        return b"".join(element.to_bytes(self.width) for element in elements)


@frozen
class PrimeField:
    """The integers modulo a prime; the whole secret is one element."""

    prime: int

    @property
    def width(self) -> int:
        """As the prime, so that every share has the same length."""
        return (self.prime.bit_length() + 7) // 8

    def add(self, a: int, b: int) -> int:
        """Return a + b."""
        return (a + b) % self.prime

    def subtract(self, a: int, b: int) -> int:
        """Return a - b."""
        return (a - b) % self.prime

    def multiply(self, a: int, b: int) -> int:
        """Return a * b."""
        return a * b % self.prime

    def invert(self, a: int) -> int:
        """Return 1 / a."""
        return pow(a, -1, self.prime)

    def random(self) -> int:
        """Return a number below the prime."""
        return secrets.randbelow(self.prime)

    def elements(self, secret: bytes) -> list[int]:
        """Read the secret as one number, most significant byte first."""
        return [int.from_bytes(secret)]

    def secret(self, elements: Sequence[int], length: int) -> bytes:
        """Write the number.  Raises KmipError (Cryptographic Failure) if it is longer than the secret was."""
        (number,) = elements
        if number.bit_length() > 8 * length:
            raise _do_not_match()
        return number.to_bytes(length)

    def read(self, share: bytes) -> list[int]:
        """Return a share's number."""
        return [int.from_bytes(share) % self.prime]

    def written(self, elements: Sequence[int]) -> bytes:
        """Write a share's number."""
        (number,) = elements
        return number.to_bytes(self.width)


# --- GF(2^8) and GF(2^16) ---------------------------------------------------------------------------------------------

POLYNOMIALS: Final[Mapping[Polynomial, tuple[int, int]]] = {
    Polynomial.POLYNOMIAL_285: (0b1_0001_1101, 0b10),  # x^8 + x^4 + x^3 + x^2 + 1; x
    Polynomial.POLYNOMIAL_283: (0b1_0001_1011, 0b11),  # x^8 + x^4 + x^3 + x + 1, of FIPS 197: parts of 0.1.0; x + 1
}
"""Each with the element whose powers are the whole field but zero."""

M: Final = 0x3A
"""y^2 + y + m makes GF(2^16) of GF(2^8); it has no root with either polynomial."""


class Octets:
    """Multiplication and inversion in GF(2^8), by tables of logarithms."""

    def __init__(self, polynomial: int, generator: int) -> None:
        powers, value = [], 1
        for _ in range(255):
            powers.append(value)
            value = value << 1 ^ (value if generator & 1 else 0)
            if value & 0x100:
                value ^= polynomial
        self._logarithms = [0] * 256
        for exponent, power in enumerate(powers):
            self._logarithms[power] = exponent
        self._powers = powers * 2

    def multiply(self, a: int, b: int) -> int:
        """Return a * b."""
        if a == 0 or b == 0:
            return 0
        return self._powers[self._logarithms[a] + self._logarithms[b]]

    def invert(self, a: int) -> int:
        """Return 1 / a."""
        return self._powers[255 - self._logarithms[a]]


@frozen
class Words:
    """Multiplication and inversion in GF(2^16) over a GF(2^8)."""

    octets: Octets

    def multiply(self, a: int, b: int) -> int:
        """Return (ry + s)(uy + v) = ((r + s)(u + v) + sv)y + (rum + sv), where y^2 = y + m.

        The standard prints (ru + svm); its formula of the inverse, and y^2 + y + m, leave no doubt.
        """
        times = self.octets.multiply
        r, s, u, v = a >> 8, a & 0xFF, b >> 8, b & 0xFF
        sv = times(s, v)
        return (times(r ^ s, u ^ v) ^ sv) << 8 | times(times(r, u), M) ^ sv

    def invert(self, a: int) -> int:
        """Return (uy + v)^-1 = u/d y + (u + v)/d with d = (u + v)v + m u^2."""
        times = self.octets.multiply
        u, v = a >> 8, a & 0xFF
        d = self.octets.invert(times(u ^ v, v) ^ times(M, times(u, u)))
        return times(u, d) << 8 | times(u ^ v, d)


@cache
def octets_of(polynomial: Polynomial) -> Octets:
    """Return the arithmetic of GF(2^8) by a polynomial."""
    return Octets(*POLYNOMIALS[polynomial])


# --- interpolation -------------------------------------------------------------------------------------------------


def _value_at(x: int, polynomial: Sequence[int], arithmetic: Field) -> int:
    """Return the polynomial's value, lowest coefficient first (Horner)."""
    value = 0
    for coefficient in reversed(polynomial):
        value = arithmetic.add(arithmetic.multiply(value, x), coefficient)
    return value


def _inverse_distances(points: Sequence[int], arithmetic: Field) -> list[int]:
    """Return for each point the inverse of the product of its distances from the others: one inversion a point."""
    inverses = []
    for mine in points:
        product = 1
        for other in points:
            if other != mine:
                product = arithmetic.multiply(product, arithmetic.subtract(mine, other))
        inverses.append(arithmetic.invert(product))
    return inverses


def _weights(points: Sequence[int], inverses: Sequence[int], x: int, arithmetic: Field) -> list[int]:
    """Return Lagrange's weights of the points for the value at `x`, which is none of them."""
    everything = 1
    for point in points:
        everything = arithmetic.multiply(everything, arithmetic.subtract(x, point))
    return [
        arithmetic.multiply(arithmetic.multiply(everything, inverse), arithmetic.invert(arithmetic.subtract(x, point)))
        for point, inverse in zip(points, inverses, strict=True)
    ]


def _sum_of_products(weights: Sequence[int], values: Sequence[int], arithmetic: Field) -> int:
    total = 0
    for weight, value in zip(weights, values, strict=True):
        total = arithmetic.add(total, arithmetic.multiply(weight, value))
    return total


def _xor(parts: Sequence[bytes]) -> bytes:
    total = 0
    for part in parts:
        total ^= int.from_bytes(part)
    return total.to_bytes(len(parts[0]))


# --- checks -----------------------------------------------------------------------------------------------------------


def _check(scheme: SharingScheme) -> None:
    if not 1 <= scheme.threshold <= scheme.parts <= MAXIMUM_PARTS:
        raise invalid_field(
            f"Split Key Threshold must be at least 1 and at most Split Key Parts, of which there may be {MAXIMUM_PARTS}"
        )
    if scheme.method is Method.XOR and scheme.threshold != scheme.parts:
        raise invalid_field("XOR needs all parts: Split Key Threshold must be Split Key Parts")


def _check_work(work: int) -> None:
    if work > MAXIMUM_SHARING_WORK:
        raise invalid_field("the secret is too long for so many parts and so high a threshold")


def _field(scheme: SharingScheme, length: int) -> Field:
    match scheme.method:
        case Method.POLYNOMIAL_SHARING_GF_2_8:
            octets = octets_of(scheme.polynomial)
            return BinaryField(1, octets.multiply, octets.invert)
        case Method.POLYNOMIAL_SHARING_GF_2_16:
            words = Words(octets_of(scheme.polynomial))
            return BinaryField(2, words.multiply, words.invert)
        case Method.POLYNOMIAL_SHARING_PRIME_FIELD:
            prime = need(scheme.prime_field_size, "Prime Field Size")
            _check_prime(prime, length)
            return PrimeField(prime)
        case _:
            raise invalid_field("the Split Key Method is not known")


def _check_prime(prime: int, length: int) -> None:
    bits = prime.bit_length()
    if prime < 2 or bits > MAXIMUM_PRIME_BITS:
        raise invalid_field(f"Prime Field Size must be a prime of at most {MAXIMUM_PRIME_BITS} bits")
    if bits <= 8 * length:
        raise invalid_field(f"Prime Field Size must be greater than 2^{8 * length} for a secret of {8 * length} bits")
    if not _is_prime(prime):
        raise invalid_field("Prime Field Size is not a prime")


def _is_prime(number: int) -> bool:
    """Miller and Rabin's test with random bases; a client that deceives it spoils its own secret only."""
    if number < 4 or number % 2 == 0:
        return number in (2, 3)
    twos = (number - 1 & 1 - number).bit_length() - 1
    odd = number - 1 >> twos
    return not any(_is_witness(2 + secrets.randbelow(number - 3), odd, twos, number) for _ in range(PRIMALITY_ROUNDS))


def _is_witness(base: int, odd: int, twos: int, number: int) -> bool:
    """Return whether `base` proves that the number is composite."""
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return False
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return False
    return True


def _do_not_match() -> KmipError:
    return cryptographic_failure("the shares do not belong together")
