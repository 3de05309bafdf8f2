"""What an encoded key may cost is known before a library computes with it."""

import contextlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, mlkem, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kmip_adapters.crypto.software import SoftwareCrypto, key_numbers, key_sizes
from kmip_adapters.crypto.software.certificates import SoftwareCertificates
from kmip_adapters.crypto.software.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, encode, integer, values
from kmip_core.enums import CertificateRequestType, KeyFormatType, RecommendedCurve
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.errors import KmipError
from kmip_core.objects import Certificate, KeyBlock, KeyValue, PrivateKey, PublicKey
from kmip_core.structures import (
    TransparentDHPrivateKey,
    TransparentDHPublicKey,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
)

CRYPTO = SoftwareCrypto()
DSA = dsa.generate_private_key(1024)
KEYS: dict[str, Any] = {
    "RSA": rsa.generate_private_key(65537, 1024),
    "DSA": DSA,
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "Ed448": ed448.Ed448PrivateKey.generate(),
    "X25519": x25519.X25519PrivateKey.generate(),
    "X448": x448.X448PrivateKey.generate(),
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate(),
    "ML-KEM-1024": mlkem.MLKEM1024PrivateKey.generate(),
}
LARGE = (1 << 200_000) - 1  # bits; to compute with it would take hours
RSA_OID = bytes.fromhex("2a864886f70d010101")
DSA_OID = bytes.fromhex("2a8648ce380401")
EC_OID = bytes.fromhex("2a8648ce3d0201")
X25519_OID = bytes.fromhex("2b656e")
DH_OID = bytes.fromhex("2a864886f70d010301")


def a_private(material: Any) -> PrivateKey:
    block = KeyBlock(key_format_type=KeyFormatType.PKCS_8, key_value=KeyValue(key_material=material))
    return PrivateKey(key_block=block)


def a_public(material: Any) -> PublicKey:
    block = KeyBlock(key_format_type=KeyFormatType.X_509, key_value=KeyValue(key_material=material))
    return PublicKey(key_block=block)


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM], ids=["DER", "PEM"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["PKCS8", "own"])
@pytest.mark.parametrize("name", KEYS)
def test_usual_private_keys_are_read(name: str, encoding: Encoding, form: PrivateFormat) -> None:
    if form is PrivateFormat.TraditionalOpenSSL and name not in ("RSA", "DSA", "P-521"):
        pytest.skip("the algorithm has no form of its own")
    material = KEYS[name].private_bytes(encoding, form, NoEncryption())

    assert CRYPTO.describe(a_private(material)) is not None


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM], ids=["DER", "PEM"])
@pytest.mark.parametrize("name", KEYS)
def test_usual_public_keys_are_read(name: str, encoding: Encoding) -> None:
    material = KEYS[name].public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

    assert CRYPTO.describe(a_public(material)) is not None


def pkcs8(oid: bytes, parameters: bytes, content: bytes) -> bytes:
    algorithm = encode(SEQUENCE, encode(OBJECT_IDENTIFIER, oid) + parameters)
    return encode(SEQUENCE, integer(0) + algorithm + encode(OCTET_STRING, content))


def group(p: int = DSA.parameters().parameter_numbers().p, q: int = 5, g: int = 2) -> bytes:
    return encode(SEQUENCE, integer(p) + integer(q) + integer(g))


LONG = (1 << 8193) - 1
NULL = b"\x05\x00"
TOO_MUCH = {
    "a DSA key with a large p": pkcs8(DSA_OID, group(p=(1 << 6400) + 1), integer(3)),
    "a DSA key with a large order": pkcs8(DSA_OID, group(q=(1 << 300) + 1), integer(3)),
    "a DSA key with a large number": pkcs8(DSA_OID, group(), integer((1 << 3000) + 1)),
    "a DSA key in its own form": encode(SEQUENCE, b"".join(map(integer, (0, (1 << 6400) + 1, 5, 2, 3, 3)))),
    "a DSA key without a group": pkcs8(DSA_OID, b"", integer(3)),
    "an RSA key with a large modulus": pkcs8(RSA_OID, NULL, encode(SEQUENCE, integer(0) + integer(LONG) * 8)),
    "an RSA key with a large exponent": encode(SEQUENCE, integer(0) + integer(1 << 2000) * 8),
    "an RSA key of two numbers": pkcs8(RSA_OID, NULL, encode(SEQUENCE, integer(0) + integer(3) * 2)),
    "an EC key with a large number": encode(SEQUENCE, integer(1) + encode(OCTET_STRING, b"\xff" * 100)),
    "an EC key on a curve of large numbers": pkcs8(
        EC_OID, encode(SEQUENCE, integer(1 << 4000)), encode(SEQUENCE, integer(1) + encode(OCTET_STRING, b"1"))
    ),
    "an X25519 key of five bytes": pkcs8(X25519_OID, b"", encode(OCTET_STRING, b"12345")),
    "a Diffie-Hellman key": pkcs8(DH_OID, encode(SEQUENCE, integer(23) + integer(5)), integer(6)),
    "more than a key": pkcs8(RSA_OID, NULL, bytes(20_000)),
    "an encrypted key": KEYS["RSA"].private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    ),
    "nothing": b"",
    "an empty SEQUENCE": encode(SEQUENCE, b""),
    "an indefinite length": b"\x30\x80\x02\x01\x00\x00\x00",
    "a length of five octets": b"\x30\x85\x00\x00\x00\x00\x01\x02",
    "many values": encode(SEQUENCE, integer(1) * 100),
    "PEM of something else": b"-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n",
    "PEM that is not base64": b"-----BEGIN PRIVATE KEY-----\nA=AA\n-----END PRIVATE KEY-----\n",
}


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test in which a library is given an encoding to load: it computes while it loads."""

    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("given to the library before its numbers were judged")

    for module, name in (
        (serialization, "load_der_private_key"),
        (serialization, "load_der_public_key"),
        (x509, "load_der_x509_certificate"),
        (x509, "load_der_x509_csr"),
    ):
        monkeypatch.setattr(module, name, load)


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_private_key_outside_of_the_limits_is_not_read(what: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        key_sizes.checked_private(TOO_MUCH[what])

    assert CRYPTO.describe(a_private(TOO_MUCH[what])) is None


def spki(oid: bytes, parameters: bytes, content: bytes) -> bytes:
    algorithm = encode(SEQUENCE, encode(OBJECT_IDENTIFIER, oid) + parameters)
    return encode(SEQUENCE, algorithm + encode(0x03, b"\x00" + content))


TOO_MUCH_IN_PUBLIC = {
    "an RSA key with a large modulus": encode(SEQUENCE, integer(LONG) + integer(3)),
    "an RSA key with a large exponent": spki(RSA_OID, NULL, encode(SEQUENCE, integer(1 << 2048) + integer(1 << 2000))),
    "a DSA key with a large p": spki(DSA_OID, group(p=(1 << 6400) + 1), integer(3)),
    "a DSA key with a large y": spki(DSA_OID, group(), integer(1 << 6400)),
    "an EC key on a curve of large numbers": spki(EC_OID, encode(SEQUENCE, integer(1 << 4000)), b"1"),
    "a Diffie-Hellman key": spki(DH_OID, encode(SEQUENCE, integer(23) + integer(5)), integer(6)),
    "no BIT STRING": encode(SEQUENCE, encode(SEQUENCE, encode(OBJECT_IDENTIFIER, RSA_OID)) + integer(1)),
}


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("what", TOO_MUCH_IN_PUBLIC)
def test_a_public_key_outside_of_the_limits_is_not_read(what: str) -> None:
    assert CRYPTO.describe(a_public(TOO_MUCH_IN_PUBLIC[what])) is None


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("what", ["a DSA key with a large p", "an RSA key with a large modulus"])
def test_certificates_are_judged_by_the_key_in_them(what: str) -> None:
    key = TOO_MUCH_IN_PUBLIC[what]
    if what.startswith("an RSA"):
        key = spki(RSA_OID, NULL, key)
    certificate = encode(SEQUENCE, encode(SEQUENCE, integer(1) + encode(SEQUENCE, b"\x05\x00") * 4 + key))

    with pytest.raises(ValueError):
        key_sizes.checked_certificate(certificate)
    assert CRYPTO.describe(Certificate(certificate_value=certificate)) is None
    assert SoftwareCertificates().describe_certificate(Certificate(certificate_value=certificate)) is None


@pytest.mark.usefixtures("no_library")
def test_requests_for_certificates_are_judged_by_the_key_in_them() -> None:
    key = TOO_MUCH_IN_PUBLIC["a DSA key with a large p"]
    request = encode(SEQUENCE, encode(SEQUENCE, integer(0) + encode(SEQUENCE, b"\x05\x00") + key))

    with pytest.raises(KmipError):
        SoftwareCertificates().read_request(CertificateRequestType.PKCS_10, request)


def rsa_private(**numbers: int) -> TransparentRSAPrivateKey:
    own = KEYS["RSA"].private_numbers()
    given: dict[str, Any] = {"modulus": own.public_numbers.n, **numbers}
    return TransparentRSAPrivateKey(**given)


RSA = KEYS["RSA"].private_numbers()
PRIME = RSA.p
TRANSPARENT = {
    "RSA, primes of another modulus": rsa_private(p=LARGE, q=LARGE, private_exponent=LARGE),
    "RSA, a large prime exponent": rsa_private(p=RSA.p, q=RSA.q, public_exponent=65537, prime_exponent_p=LARGE),
    "RSA, large exponents": rsa_private(private_exponent=LARGE, public_exponent=LARGE),
    "RSA, a prime as the modulus": rsa_private(modulus=2**1279 - 1, private_exponent=2**1000 + 1, public_exponent=3),
    "RSA, a prime modulus, right exponents": rsa_private(
        modulus=2**521 - 1, private_exponent=pow(65537, -1, 2**521 - 2), public_exponent=65537
    ),
    "RSA, an exponent beyond the modulus": rsa_private(private_exponent=RSA.d + RSA.public_numbers.n),
    "RSA, a modulus of 8 bits": rsa_private(modulus=143, public_exponent=7, p=13, q=11),
    "RSA, a large modulus": rsa_private(modulus=LARGE, public_exponent=3, p=3, q=3),
    "RSA, a modulus of none": rsa_private(modulus=0, public_exponent=3, p=3, q=3),
    "DSA, a large p": TransparentDSAPrivateKey(p=LARGE, q=5, g=2, x=LARGE),
    "DSA, a large order": TransparentDSAPrivateKey(p=2**3071, q=LARGE, g=2, x=3),
    "DSA, a large number": TransparentDSAPrivateKey(p=2**3071, q=5, g=2, x=LARGE),
    "DSA, an even p": TransparentDSAPrivateKey(p=2**2047, q=2**255, g=2, x=2**200),
    "EC, a large number": TransparentECPrivateKey(recommended_curve=RecommendedCurve.P_256, d=LARGE),
    "EC, a curve that is not known": TransparentECPrivateKey(recommended_curve=RecommendedCurve.B_163, d=5),
    "Diffie-Hellman": TransparentDHPrivateKey(p=23, g=5, x=6),
}


@pytest.mark.parametrize("what", TRANSPARENT)
def test_numbers_beyond_their_algorithm_are_not_computed_with(what: str) -> None:
    assert CRYPTO.describe(a_private(TRANSPARENT[what])) is None


@pytest.mark.parametrize(
    "material",
    [
        TransparentRSAPublicKey(modulus=LARGE, public_exponent=3),
        TransparentRSAPublicKey(modulus=RSA.public_numbers.n, public_exponent=LARGE),
        TransparentDSAPublicKey(p=LARGE, q=5, g=2, y=3),
        TransparentDHPublicKey(p=23, g=5, y=8),
    ],
    ids=["a large modulus", "a large exponent", "a large p", "Diffie-Hellman"],
)
def test_public_numbers_beyond_their_algorithm_are_not_computed_with(material: Any) -> None:
    assert CRYPTO.describe(a_public(material)) is None


# --- not computed with: numbers that tell when anything but their length is asked for -----------------------------


def _computed(*_: Any, **__: Any) -> Any:
    raise AssertionError("computed with")


class Untouched(int):
    """A number that may be measured and compared; arithmetic, and to be written out for a library, fail the test."""

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = __and__ = __rand__ = _computed
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = __rshift__ = __lshift__ = _computed
    __pow__ = __rpow__ = to_bytes = _computed


def odd_of(bits: int) -> int:
    """Return the least odd number with so many bits."""
    return 1 << bits - 1 | 1


DSA_X = DSA.private_numbers().x
GROUP = DSA.parameters().parameter_numbers()
RIGHT_DSA = {"p": GROUP.p, "q": GROUP.q, "g": GROUP.g, "x": DSA_X}
RIGHT_RSA = {
    "modulus": RSA.public_numbers.n,
    "public_exponent": 65537,
    "private_exponent": RSA.d,
    "p": RSA.p,
    "q": RSA.q,
    "prime_exponent_p": RSA.dmp1,
    "prime_exponent_q": RSA.dmq1,
    "crt_coefficient": RSA.iqmp,
}
WITHOUT_PRIMES = {"p": None, "q": None, "prime_exponent_p": None, "prime_exponent_q": None, "crt_coefficient": None}


def rsa_with(**numbers: Any) -> TransparentRSAPrivateKey:
    given: dict[str, Any] = {**RIGHT_RSA, **numbers}
    return TransparentRSAPrivateKey(**given)


def dsa_with(**numbers: int) -> TransparentDSAPrivateKey:
    return TransparentDSAPrivateKey(**{**RIGHT_DSA, **numbers})


def public_dsa_with(**numbers: int) -> TransparentDSAPublicKey:
    right = {"p": GROUP.p, "q": GROUP.q, "g": GROUP.g, "y": DSA.public_key().public_numbers().y}
    return TransparentDSAPublicKey(**{**right, **numbers})


ONE_BIT_TOO_MANY: dict[str, Any] = {
    "DSA p": dsa_with(p=Untouched(odd_of(3073))),
    "DSA q": dsa_with(q=Untouched(odd_of(257))),
    "DSA g": dsa_with(g=Untouched(odd_of(3073))),
    "DSA x": dsa_with(x=Untouched(odd_of(257))),
    "RSA modulus": rsa_with(modulus=Untouched(odd_of(8193))),
    "RSA public exponent": rsa_with(public_exponent=Untouched(odd_of(257))),
    "RSA public exponent, no primes": rsa_with(public_exponent=Untouched(odd_of(257)), **WITHOUT_PRIMES),
    "RSA private exponent": rsa_with(private_exponent=Untouched(RSA.public_numbers.n)),
    "RSA private exponent, no primes": rsa_with(private_exponent=Untouched(RSA.public_numbers.n), **WITHOUT_PRIMES),
    "RSA private exponent, no public one": rsa_with(
        private_exponent=Untouched(RSA.public_numbers.n), public_exponent=None
    ),
    "RSA p": rsa_with(p=Untouched(odd_of(8193))),
    "RSA q": rsa_with(q=Untouched(odd_of(8193))),
    "RSA prime exponent p": rsa_with(prime_exponent_p=Untouched(odd_of(8193))),
    "RSA prime exponent q": rsa_with(prime_exponent_q=Untouched(odd_of(8193))),
    "RSA coefficient": rsa_with(crt_coefficient=Untouched(odd_of(8193))),
    "EC d": TransparentECPrivateKey(recommended_curve=RecommendedCurve.P_521, d=Untouched(odd_of(529))),
}
ONE_BIT_TOO_MANY_IN_PUBLIC: dict[str, Any] = {
    "DSA p": public_dsa_with(p=Untouched(odd_of(3073))),
    "DSA q": public_dsa_with(q=Untouched(odd_of(257))),
    "DSA g": public_dsa_with(g=Untouched(odd_of(3073))),
    "DSA y": public_dsa_with(y=Untouched(odd_of(3073))),
    "RSA modulus": TransparentRSAPublicKey(modulus=Untouched(odd_of(8193)), public_exponent=3),
    "RSA public exponent": TransparentRSAPublicKey(
        modulus=RSA.public_numbers.n, public_exponent=Untouched(odd_of(257))
    ),
}


@pytest.mark.parametrize("what", ONE_BIT_TOO_MANY)
def test_nothing_is_computed_with_a_private_number_beyond_its_bound(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other number is right, so that it is for this one that the key is not read."""
    monkeypatch.setattr(key_numbers, "check_rsa_numbers", _computed)

    assert CRYPTO.describe(a_private(ONE_BIT_TOO_MANY[what])) is None


@pytest.mark.parametrize("what", ONE_BIT_TOO_MANY_IN_PUBLIC)
def test_nothing_is_computed_with_a_public_number_beyond_its_bound(what: str) -> None:
    assert CRYPTO.describe(a_public(ONE_BIT_TOO_MANY_IN_PUBLIC[what])) is None


@pytest.mark.parametrize("name", ["p", "q", "g", "x"])
def test_that_a_number_is_computed_with_is_noticed(name: str) -> None:
    """The counter-case of the two tests above: numbers within their bounds are."""
    with pytest.raises(AssertionError, match="computed with"):
        CRYPTO.describe(a_private(dsa_with(**{name: Untouched(RIGHT_DSA[name])})))


def test_the_public_number_of_dsa_is_computed_by_openssl() -> None:
    """A power in Python keeps the interpreter's lock."""

    class Base(int):
        __pow__ = __rpow__ = _computed

    key = key_numbers.dsa_private(dsa_with(g=Base(GROUP.g), x=Base(DSA_X), p=Base(GROUP.p)))

    assert key.public_key().public_numbers().y == DSA.public_key().public_numbers().y


def test_no_exponent_is_inverted_modulo_primes_of_another_modulus() -> None:
    other = rsa_with(private_exponent=Untouched(RSA.d), public_exponent=None, p=RSA.p + 2)

    assert CRYPTO.describe(a_private(other)) is None


def test_a_prime_modulus_is_given_up_after_few_powers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighteen at the most: each of them takes half a second where the numbers are as long as they may be."""
    powers = []

    def noted(*numbers: int) -> int:
        powers.append(numbers)
        return pow(*numbers)

    monkeypatch.setattr(key_numbers, "pow", noted, raising=False)
    prime = 2**521 - 1
    with pytest.raises(ValueError, match="no two primes"):
        key_numbers.recovered_primes(prime, 65537, pow(65537, -1, prime - 1))

    assert 1 < len(powers) <= 18


def without_sign_byte(number: int) -> int:
    """Return a number as its big-endian bytes say it when nothing is put before them."""
    octets = number.to_bytes(-(-number.bit_length() // 64) * 8)
    return int.from_bytes(octets, signed=True)


def test_numbers_without_their_sign_byte_are_read_as_they_are_meant() -> None:
    public = RSA.public_numbers
    modulus, p, q = map(without_sign_byte, (public.n, RSA.p, RSA.q))
    assert modulus < 0
    assert p < 0

    private = CRYPTO.describe(a_private(TransparentRSAPrivateKey(modulus=modulus, public_exponent=65537, p=p, q=q)))
    opposite = CRYPTO.describe(a_public(TransparentRSAPublicKey(modulus=modulus, public_exponent=65537)))

    assert private is not None
    assert private.length == 1024
    assert opposite is not None
    assert (opposite.algorithm, opposite.length) == (Algorithm.RSA, 1024)


def test_values_that_end_early_are_no_der() -> None:
    with pytest.raises(ValueError):
        list(values(b"\x02\x05\x01"))
    with pytest.raises(ValueError):
        list(values(b"\x1f\x81\x01\x00"))


@pytest.mark.parametrize(
    "check",
    [key_sizes.checked_private, key_sizes.checked_public, key_sizes.checked_certificate, key_sizes.checked_request],
)
@pytest.mark.parametrize("depth", range(4))
@pytest.mark.parametrize("parts", range(1, 8))
@pytest.mark.parametrize("leaf", [integer(1), encode(OBJECT_IDENTIFIER, b"\x2a"), encode(OCTET_STRING, b"\0")])
def test_sequences_that_end_early_or_hold_something_else_are_a_value_error(
    check: Any, depth: int, parts: int, leaf: bytes
) -> None:
    data = leaf
    for _ in range(depth):
        data = encode(SEQUENCE, data * parts)
    with contextlib.suppress(ValueError):
        check(data)
