"""Secret sharing against an independent slow implementation: bits and schoolbook division, no tables."""

from itertools import combinations
from typing import Any, Final

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from kmip_adapters.crypto.software import split_keys
from kmip_adapters.crypto.software.limits import MAXIMUM_SECRET_BYTES, MAXIMUM_SHARING_WORK
from kmip_core.enums import ResultReason, SplitKeyMethod
from kmip_core.enums import SplitKeyPolynomial as Polynomial
from kmip_core.errors import KmipError
from kmip_core.ports.key_forms import SharingScheme

XOR: Final = SplitKeyMethod.XOR
GF_2_8: Final = SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8
GF_2_16: Final = SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16
PRIME_FIELD: Final = SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
PRIME: Final = 2**521 - 1

octets = st.integers(0, 255)
words = st.integers(0, 65535)


def slow_8(a: int, b: int, polynomial: int = 0b1_0001_1101) -> int:
    """Multiply as polynomials over GF(2), then divide by x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(15, 7, -1):
        if product >> bit & 1:
            product ^= polynomial << (bit - 8)
    return product


def slow_16(a: int, b: int, polynomial: int = 0b1_0001_1101) -> int:
    """Multiply as polynomials over GF(2^8), then divide by y^2 + y + m."""
    r, s, u, v = a >> 8, a & 255, b >> 8, b & 255
    quadratic = slow_8(r, u, polynomial)
    linear = slow_8(r, v, polynomial) ^ slow_8(s, u, polynomial)
    return (linear ^ quadratic) << 8 | slow_8(s, v, polynomial) ^ slow_8(quadratic, 0b0011_1010, polynomial)


POLYNOMIALS: Final = {Polynomial.POLYNOMIAL_283: 0b1_0001_1011, Polynomial.POLYNOMIAL_285: 0b1_0001_1101}
BOTH = pytest.mark.parametrize("polynomial", Polynomial, ids=lambda each: each.name)


@BOTH
@given(a=octets, b=octets)
def test_products_of_octets_are_right(polynomial: Polynomial, a: int, b: int) -> None:
    assert split_keys.octets_of(polynomial).multiply(a, b) == slow_8(a, b, POLYNOMIALS[polynomial])


def test_products_of_fips_197_are_right() -> None:
    multiply = split_keys.octets_of(Polynomial.POLYNOMIAL_283).multiply
    assert multiply(0x57, 0x83) == 0xC1  # FIPS 197 §4.2
    assert multiply(0x57, 0x13) == 0xFE


@BOTH
@given(a=words, b=words)
def test_products_of_words_are_right(polynomial: Polynomial, a: int, b: int) -> None:
    times = split_keys.Words(split_keys.octets_of(polynomial)).multiply
    assert times(a, b) == slow_16(a, b, POLYNOMIALS[polynomial])


@BOTH
@given(a=st.integers(1, 65535))
def test_inverses_are_right(polynomial: Polynomial, a: int) -> None:
    field, octet = split_keys.octets_of(polynomial), a % 255 + 1
    assert slow_16(a, split_keys.Words(field).invert(a), POLYNOMIALS[polynomial]) == 1
    assert slow_8(octet, field.invert(octet), POLYNOMIALS[polynomial]) == 1


@pytest.mark.parametrize("numbers", list(combinations(range(1, 5), 2)), ids=str)
def test_shares_that_other_systems_made_join(numbers: tuple[int, int]) -> None:
    """One byte, threshold 2, by the polynomial 285."""
    shares = {1: b"\x99", 2: b"\xda", 3: b"\x10", 4: b"\x5c"}

    joined = split_keys.join_secret({n: shares[n] for n in numbers}, scheme(GF_2_8, 4, 2), 1)
    assert joined == b"\x53"


def scheme(method: SplitKeyMethod, parts: int, threshold: int) -> SharingScheme:
    return SharingScheme(
        method=method,
        parts=parts,
        threshold=threshold,
        prime_field_size=PRIME if method is PRIME_FIELD else None,
    )


def slow_join(shares: dict[int, bytes], method: SplitKeyMethod, length: int) -> bytes:
    """Interpolate piece by piece; inverses by Fermat's little theorem or by trying all of GF(2^8)."""
    width, multiply = (1, slow_8) if method is GF_2_8 else (2, slow_16)
    order = 1 << 8 * width

    def inverse(a: int) -> int:
        result, power, exponent = 1, a, order - 2
        while exponent:
            if exponent & 1:
                result = multiply(result, power)
            power = multiply(power, power)
            exponent >>= 1
        return result

    secret = b""
    for start in range(0, len(next(iter(shares.values()))), width):
        total = 0
        for mine, share in shares.items():
            term = int.from_bytes(share[start : start + width])
            for other in shares:
                if other != mine:
                    term = multiply(term, multiply(other, inverse(other ^ mine)))
            total ^= term
        secret += total.to_bytes(width)
    return secret[:length]


@pytest.mark.parametrize("method", [GF_2_8, GF_2_16], ids=lambda method: method.name)
@given(secret=st.binary(min_size=1, max_size=9), threshold=st.integers(1, 4))
def test_shares_join_by_the_slow_way_too(method: SplitKeyMethod, secret: bytes, threshold: int) -> None:
    shares = dict(enumerate(split_keys.split_secret(secret, scheme(method, 4, threshold)), start=1))
    for chosen in combinations(shares, threshold):
        assert slow_join({number: shares[number] for number in chosen}, method, len(secret)) == secret


@given(secret=st.binary(min_size=1, max_size=64), threshold=st.integers(1, 4))
def test_shares_of_a_prime_field_join_by_the_slow_way_too(secret: bytes, threshold: int) -> None:
    shares = split_keys.split_secret(secret, scheme(PRIME_FIELD, 4, threshold))
    points = [(number, int.from_bytes(share)) for number, share in enumerate(shares[:threshold], start=1)]
    total = 0
    for mine, value in points:
        for other, _ in points:
            if other != mine:
                value = value * other * pow(other - mine, PRIME - 2, PRIME) % PRIME
        total = (total + value) % PRIME

    assert total.to_bytes(len(secret)) == secret


METHODS = pytest.mark.parametrize("method", [XOR, GF_2_8, GF_2_16, PRIME_FIELD], ids=lambda method: method.name)


@METHODS
@given(secret=st.binary(min_size=1, max_size=64), parts=st.integers(1, 6))
def test_every_secret_comes_back(method: SplitKeyMethod, secret: bytes, parts: int) -> None:
    wanted = scheme(method, parts, parts)
    shares = split_keys.split_secret(secret, wanted)

    assert split_keys.join_secret(dict(enumerate(shares, start=1)), wanted, len(secret)) == secret


@pytest.mark.parametrize("method", [GF_2_8, GF_2_16, PRIME_FIELD], ids=lambda method: method.name)
def test_a_changed_share_beyond_the_threshold_is_noticed(method: SplitKeyMethod) -> None:
    wanted = scheme(method, 3, 2)
    shares = dict(enumerate(split_keys.split_secret(b"secret key 12345", wanted), start=1))
    shares[3] = shares[3][:-1] + bytes([shares[3][-1] ^ 1])

    with pytest.raises(KmipError) as refused:
        split_keys.join_secret(shares, wanted, 16)
    assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


@METHODS
def test_two_splits_of_one_secret_differ(method: SplitKeyMethod) -> None:
    wanted = scheme(method, 3, 3)
    assert split_keys.split_secret(bytes(32), wanted)[0] != split_keys.split_secret(bytes(32), wanted)[0]


@pytest.mark.parametrize(
    "wanted",
    [
        SharingScheme(method=GF_2_8, parts=2, threshold=3),
        SharingScheme(method=GF_2_8, parts=256, threshold=3),
        SharingScheme(method=GF_2_8, parts=2, threshold=0),
        SharingScheme(method=XOR, parts=3, threshold=2),
        SharingScheme(method=PRIME_FIELD, parts=3, threshold=2),
        SharingScheme(method=PRIME_FIELD, parts=3, threshold=2, prime_field_size=2**127 - 1),
        SharingScheme(method=PRIME_FIELD, parts=3, threshold=2, prime_field_size=2**129),
        SharingScheme(method=PRIME_FIELD, parts=3, threshold=2, prime_field_size=(2**61 - 1) * (2**89 - 1)),
        SharingScheme(method=PRIME_FIELD, parts=3, threshold=2, prime_field_size=-7),
        SharingScheme(method=PRIME_FIELD, parts=3, threshold=2, prime_field_size=2**4423 - 1),
    ],
    ids=[
        "threshold above parts",
        "too many parts",
        "no threshold",
        "XOR of some",
        "no prime",
        "prime too small",
        "even",
        "composite",
        "negative",
        "prime too large",
    ],
)
def test_a_scheme_that_cannot_be_is_refused(wanted: SharingScheme) -> None:
    with pytest.raises(KmipError) as refused:
        split_keys.split_secret(bytes(16), wanted)
    assert refused.value.reason is ResultReason.INVALID_FIELD


def test_work_is_bounded() -> None:
    with pytest.raises(KmipError) as refused:
        split_keys.split_secret(bytes(60_000), scheme(GF_2_8, 255, 255))
    assert refused.value.reason is ResultReason.INVALID_FIELD
    with pytest.raises(KmipError):
        split_keys.split_secret(bytes(MAXIMUM_SECRET_BYTES + 1), scheme(XOR, 2, 2))


def test_shares_with_impossible_numbers_or_lengths_are_refused() -> None:
    wanted = scheme(GF_2_8, 3, 2)
    for shares in ({1: b"ab", 4: b"ab"}, {0: b"ab", 1: b"ab"}, {1: b"ab", 2: b"abc"}, {1: b"abc", 2: b"abc"}):
        with pytest.raises(KmipError) as refused:
            split_keys.join_secret(shares, wanted, 2)
        assert refused.value.reason is ResultReason.CRYPTOGRAPHIC_FAILURE


def test_the_distances_of_shares_are_counted_before_they_are_computed() -> None:
    """85 shares beyond a threshold of 170 took 90 seconds, of which nothing was counted."""
    prime = 2**3217 - 1
    wanted = SharingScheme(method=PRIME_FIELD, parts=255, threshold=254, prime_field_size=prime)
    few = SharingScheme(method=PRIME_FIELD, parts=255, threshold=2, prime_field_size=2**521 - 1)
    shares = {number: bytes(403) for number in range(1, 256)}

    assert split_keys.join_work(shares, wanted) < MAXIMUM_SHARING_WORK
    for threshold, number in ((120, 255), (85, 200)):
        many = {each: bytes(521) for each in range(1, number + 1)}
        large = SharingScheme(method=PRIME_FIELD, parts=255, threshold=threshold, prime_field_size=2**4159 + 1)
        assert split_keys.join_work(many, large) > MAXIMUM_SHARING_WORK / 10
    spread = {number: bytes(2_000) for number in range(1, 256)}
    octets_scheme = scheme(GF_2_8, 255, 128)
    with pytest.raises(KmipError) as refused:
        split_keys.join_secret(spread, octets_scheme, 2_000)
    assert refused.value.reason is ResultReason.INVALID_FIELD
    secret = b"a secret of many shares"
    assert split_keys.join_secret(dict(enumerate(split_keys.split_secret(secret, few), 1)), few, len(secret)) == secret


@define
class Counted:
    """A field's arithmetic that counts what is long."""

    field: split_keys.Field
    products: int = 0
    inversions: int = 0

    def multiply(self, a: int, b: int) -> int:
        self.products += 1
        return self.field.multiply(a, b)

    def invert(self, a: int) -> int:
        self.inversions += 1
        return self.field.invert(a)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.field, name)


@pytest.mark.parametrize("method", [GF_2_8, GF_2_16, PRIME_FIELD], ids=lambda method: method.name)
@pytest.mark.parametrize(
    ("threshold", "number"), [(100, 100), (60, 100), (2, 100)], ids=["exact", "some spare", "many spare"]
)
def test_no_product_of_a_join_is_left_out_of_its_work(
    method: SplitKeyMethod, threshold: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distances of the points, their weights for each share beyond the threshold, and sums of products."""
    wanted = scheme(method, number, threshold)
    shares = dict(enumerate(split_keys.split_secret(b"s", wanted), start=1))
    counted = Counted(split_keys._field(wanted, 1))
    monkeypatch.setattr(split_keys, "_field", lambda *_: counted)

    assert split_keys.join_secret(shares, wanted, 1) == b"s"

    work = split_keys.join_work(shares, wanted) - split_keys._proof_of_prime(wanted)
    assert threshold * threshold < counted.products <= work + threshold
    assert counted.inversions == threshold * (2 + number - threshold)  # one a point, not one for each two points
    monkeypatch.setattr(split_keys, "MAXIMUM_SHARING_WORK", split_keys.join_work(shares, wanted) - 1)
    counted.products = 0
    with pytest.raises(KmipError):
        split_keys.join_secret(shares, wanted, 1)
    assert counted.products == 0
