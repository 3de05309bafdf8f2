"""The numbers of an encoded key held against the limits of its algorithm, before a library reads it.

pyca computes while it loads: g^x mod p of a DSA key, for as long as its numbers are. So the structure is read here
first, and what is longer than `limits` allows, or of an algorithm that is not known, is not given to it.
Everything raises ValueError, which `keys` answers as a key that cannot be read.
"""

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from kmip_adapters.crypto.software.der import (
    BIT_STRING,
    CONTEXT_0,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Value,
    the_value,
)
from kmip_adapters.crypto.software.limits import (
    MAXIMUM_CERTIFICATE_BYTES,
    MAXIMUM_DSA_BITS,
    MAXIMUM_DSA_ORDER_BITS,
    MAXIMUM_EC_BITS,
    MAXIMUM_KEY_BYTES,
    MAXIMUM_RSA_BITS,
    MAXIMUM_RSA_EXPONENT_BITS,
)

PEM: Final = b"-----"


def checked_private(data: bytes) -> bytes:
    """Return a private key as DER: PKCS#8, or the form that its algorithm has of its own."""
    der = _der(data, b"PRIVATE KEY", MAXIMUM_KEY_BYTES)
    parts = _sequence(the_value(der))
    tags = [part.tag for part in parts]
    if tags[:3] == [INTEGER, SEQUENCE, OCTET_STRING]:
        algorithm, parameters = _algorithm(parts[1])
        _judge_of(algorithm)(parameters, parts[2].content)
    elif tags == [INTEGER] * 9:
        _check_rsa(parts[1:])
    elif tags == [INTEGER] * 6:
        _check_dsa_group(parts[1:4])
        _check_bits(MAXIMUM_DSA_BITS, parts[4])
        _check_bits(MAXIMUM_DSA_ORDER_BITS, parts[5])
    elif tags[:2] == [INTEGER, OCTET_STRING]:
        _check_ec_private(None, der)
    else:
        raise ValueError("no private key")
    return der


def is_without_numbers(data: bytes) -> bool:
    """Return whether a private key is PKCS#8, in DER, of ML-DSA or ML-KEM: such keys are long, and fast to use.

    The algorithm is read where it stands: its object identifier begins as that of SHA-256, which RSA keys name.
    """
    try:
        _, identifier, *_ = _sequence(the_value(data))
        return _PRIVATE.get(_algorithm(identifier)[0]) is _check_nothing
    except ValueError:
        return False


def checked_public(data: bytes) -> bytes:
    """Return a public key as DER: SubjectPublicKeyInfo, or PKCS#1 of RSA."""
    der = _der(data, b"PUBLIC KEY", MAXIMUM_KEY_BYTES)
    _check_public(the_value(der))
    return der


def checked_certificate(data: bytes) -> bytes:
    """Return an X.509 certificate as DER, its public key judged; nothing is computed with one that is not known."""
    der = _der(data, b"CERTIFICATE", MAXIMUM_CERTIFICATE_BYTES)
    fields = _sequence(_sequence(the_value(der))[0])
    _check_known_public(_part(fields, 6 if fields[0].tag == CONTEXT_0 else 5))
    return der


def checked_request(data: bytes) -> bytes:
    """Return a PKCS#10 certificate request as DER, likewise."""
    der = _der(data, b"CERTIFICATE REQUEST", MAXIMUM_CERTIFICATE_BYTES)
    _check_known_public(_part(_sequence(_sequence(the_value(der))[0]), 2))
    return der


def _der(data: bytes, label: bytes, most: int) -> bytes:
    """Return the bytes, or those of the first PEM block whose label ends so."""
    if len(data) > most:
        raise ValueError("longer than a key is")
    if not data.startswith(PEM):
        return data
    for name, body in re.findall(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----", data):
        if name.endswith(label):
            return binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    raise ValueError("no such PEM block")


def _sequence(value: Value) -> Sequence[Value]:
    if value.tag != SEQUENCE:
        raise ValueError("no SEQUENCE")
    parts = value.children
    if not parts:
        raise ValueError("an empty SEQUENCE")
    return parts


def _part(parts: Sequence[Value], index: int) -> Value:
    if index >= len(parts):
        raise ValueError("a SEQUENCE ends early")
    return parts[index]


def _algorithm(identifier: Value) -> tuple[bytes, Value | None]:
    """Return the object identifier and the parameters of an AlgorithmIdentifier."""
    oid, *parameters = _sequence(identifier)
    if oid.tag != OBJECT_IDENTIFIER or len(parameters) > 1:
        raise ValueError("no AlgorithmIdentifier")
    return oid.content, parameters[0] if parameters else None


def _check_bits(most: int, *numbers: Value) -> None:
    for number in numbers:
        if number.tag != INTEGER or number.bits > most:
            raise ValueError("a number is missing, or longer than the algorithm has it")


# --- private keys by algorithm: parameters, and what the OCTET STRING holds ---------------------------------------


def _check_rsa_private(parameters: Value | None, content: bytes) -> None:
    _, *numbers = _sequence(the_value(content))
    _check_rsa(numbers)


def _check_rsa(numbers: Sequence[Value]) -> None:
    """Judge n, e, d, p, q, d mod p-1, d mod q-1 and 1/q mod p."""
    if len(numbers) != 8:
        raise ValueError("not the numbers of an RSA key")
    _check_bits(MAXIMUM_RSA_BITS, *numbers)
    _check_bits(MAXIMUM_RSA_EXPONENT_BITS, numbers[1])


def _check_dsa_private(group: Value | None, content: bytes) -> None:
    if group is None:
        raise ValueError("no DSA group")
    _check_dsa_group(_sequence(group))
    _check_bits(MAXIMUM_DSA_ORDER_BITS, the_value(content))


def _check_dsa_group(group: Sequence[Value]) -> None:
    if len(group) != 3:
        raise ValueError("no DSA group")
    _check_bits(MAXIMUM_DSA_BITS, *group)
    _check_bits(MAXIMUM_DSA_ORDER_BITS, group[1])


def _check_ec_private(curve: Value | None, content: bytes) -> None:
    """Judge SEC 1's ECPrivateKey."""
    version, private, *rest = _sequence(the_value(content))
    if version.tag != INTEGER or private.tag != OCTET_STRING or private.bits > MAXIMUM_EC_BITS:
        raise ValueError("no EC private key")
    for field in rest:
        if field.tag == CONTEXT_0:
            _check_curve(the_value(field.content))
    _check_curve(curve)


def _check_curve(curve: Value | None) -> None:
    """Judge the parameters of a curve: a name, or numbers of which none is longer than those of a curve with one."""
    if curve is None or curve.tag == OBJECT_IDENTIFIER:
        return
    stack = [curve]
    while stack:
        value = stack.pop()
        if value.tag == SEQUENCE:
            stack.extend(value.children)
        elif value.bits > 2 * MAXIMUM_EC_BITS + 8:  # an uncompressed point is the longest
            raise ValueError("a number of the curve is too long")


def _of_octets(length: int) -> Callable[[Value | None, bytes], None]:
    def check(_: Value | None, content: bytes) -> None:
        inner = the_value(content)
        if inner.tag != OCTET_STRING or len(inner.content) != length:
            raise ValueError("a key of another length")

    return check


def _check_nothing(_: Value | None, content: bytes) -> None:
    """Judge nothing: of these algorithms the library compares all lengths, and nothing is computed with numbers."""


_ML: Final = bytes.fromhex("60864801650304")

_PRIVATE: Final[Mapping[bytes, Callable[[Value | None, bytes], None]]] = {
    bytes.fromhex("2a864886f70d010101"): _check_rsa_private,
    bytes.fromhex("2a864886f70d01010a"): _check_rsa_private,  # RSASSA-PSS
    bytes.fromhex("2a8648ce380401"): _check_dsa_private,
    bytes.fromhex("2a8648ce3d0201"): _check_ec_private,
    bytes.fromhex("2b656e"): _of_octets(32),  # X25519
    bytes.fromhex("2b656f"): _of_octets(56),  # X448
    bytes.fromhex("2b6570"): _of_octets(32),  # Ed25519
    bytes.fromhex("2b6571"): _of_octets(57),  # Ed448
    _ML + bytes.fromhex("0311"): _check_nothing,  # ML-DSA-44, 65, 87
    _ML + bytes.fromhex("0312"): _check_nothing,
    _ML + bytes.fromhex("0313"): _check_nothing,
    _ML + bytes.fromhex("0402"): _check_nothing,  # ML-KEM-768, 1024
    _ML + bytes.fromhex("0403"): _check_nothing,
}
"""Object identifier of the algorithm -> how the numbers of its private keys are judged; others are not read."""


def _judge_of(algorithm: bytes) -> Callable[[Value | None, bytes], None]:
    check = _PRIVATE.get(algorithm)
    if check is None:
        raise ValueError("an algorithm that is not known here")
    return check


# --- public keys --------------------------------------------------------------------------------------------------


def _check_public(key: Value) -> None:
    first, second, *rest = _sequence(key)
    if (first.tag, second.tag) == (INTEGER, INTEGER) and not rest:
        _check_rsa_public(first, second)
        return
    algorithm, parameters = _algorithm(first)
    if second.tag != BIT_STRING or rest:
        raise ValueError("no public key")
    check = _judge_of(algorithm)
    if check is _check_rsa_private:
        numbers = _sequence(the_value(second.content[1:]))
        if len(numbers) != 2:
            raise ValueError("no RSA public key")
        _check_rsa_public(*numbers)
    elif check is _check_dsa_private and parameters is not None:
        _check_dsa_group(_sequence(parameters))
        _check_bits(MAXIMUM_DSA_BITS, the_value(second.content[1:]))
    elif check is _check_ec_private:
        _check_curve(parameters)


def _check_known_public(key: Value) -> None:
    """Judge a SubjectPublicKeyInfo unless its algorithm is one that no key is made of here."""
    if _algorithm(_sequence(key)[0])[0] in _PRIVATE:
        _check_public(key)


def _check_rsa_public(modulus: Value, exponent: Value) -> None:
    _check_bits(MAXIMUM_RSA_BITS, modulus)
    _check_bits(MAXIMUM_RSA_EXPONENT_BITS, exponent)
