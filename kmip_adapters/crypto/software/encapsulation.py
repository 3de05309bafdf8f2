"""Encapsulate and Decapsulate: KEM Algorithm by the kind of the key -> ML-KEM, DHKEM and RSASVE.

pyca has ML-KEM; of DHKEM it has the agreement, and of RSASVE nothing that takes a bare number, so the rest is here.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa, x448, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmip_adapters.crypto.refusals import cryptographic_failure, decryption_failed
from kmip_adapters.crypto.software.keys import private_key, public_key
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import KEMAlgorithm
from kmip_core.errors import bad_parameters, invalid_field, unsupported_parameters
from kmip_core.objects import Certificate
from kmip_core.ports.crypto import Encapsulated, Key
from kmip_core.standard_names import standard_name
from kmip_core.structures import CryptographicParameters

ENCAPSULATIONS: Final[Mapping[KEMAlgorithm, frozenset[Algorithm]]] = {
    KEMAlgorithm.RSASVE: frozenset({Algorithm.RSA}),
    KEMAlgorithm.DHKEM: frozenset({Algorithm.EC, Algorithm.ECDH}),
    KEMAlgorithm.MLKEM: frozenset({Algorithm.ML_KEM_768, Algorithm.ML_KEM_1024}),
}
"""Mechanism -> algorithms of its keys; ML-KEM-512 is not in pyca."""


def encapsulate(key: Key, parameters: CryptographicParameters) -> Encapsulated:
    """Return a fresh secret, encapsulated; see the port."""
    parsed = public_key(key)
    secret, data = _mechanism(key, parsed, parameters).encapsulate(parsed)
    return Encapsulated(data=data, shared_secret=secret)


def decapsulate(key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
    """Return the secret; see the port."""
    parsed = private_key(key)
    return _mechanism(key, parsed, parameters).decapsulate(parsed, data)


def is_long(key: Key) -> bool:
    """Return whether powers may be computed in Python, which keep the interpreter's lock for milliseconds: a private
    key's, or a public key's of 16,384 bits.  What a certificate is of is only known once it is read.
    """
    return isinstance(key, Certificate) or key.key_block.cryptographic_algorithm is Algorithm.RSA


def _mechanism(key: Key, parsed: Any, parameters: CryptographicParameters) -> "_Mechanism":
    """Return the mechanism for a key.  Raises KmipError (Bad, Unsupported Cryptographic Parameters)."""
    name = None if isinstance(key, Certificate) else key.key_block.cryptographic_algorithm
    found = next((mechanism for kinds, mechanism in _MECHANISMS if isinstance(parsed, kinds)), None)
    if found is None or name is Algorithm.ECDSA:
        raise bad_parameters("keys that encapsulate are of RSA, ECDH, EC, ML-KEM-768 and ML-KEM-1024")
    if parameters.kem_algorithm not in (None, found.name):
        raise bad_parameters(f"the KEM Algorithm of this key is {standard_name(found.name)}")
    if isinstance(parsed, rsa.RSAPrivateKey | rsa.RSAPublicKey) and not is_long(key):
        raise cryptographic_failure("the key is of RSA, its key block of another algorithm")
    return found


@frozen
class _Mechanism:
    """encapsulate: public key -> secret, data.  decapsulate: private key, data -> secret."""

    name: KEMAlgorithm
    encapsulate: Callable[[Any], tuple[bytes, bytes]]
    decapsulate: Callable[[Any, bytes], bytes]


# --- ML-KEM: FIPS 203 -------------------------------------------------------------------------------------------------


def _ml_encapsulate(key: mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey) -> tuple[bytes, bytes]:
    return key.encapsulate()


def _ml_decapsulate(key: mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey, data: bytes) -> bytes:
    size = 1088 if isinstance(key, mlkem.MLKEM768PrivateKey) else 1568  # FIPS 203 table 3
    _check_size(data, size)
    return key.decapsulate(data)


# --- DHKEM: RFC 9180 §4.1, §7.1 ---------------------------------------------------------------------------------------


@frozen(kw_only=True)
class _Group:
    """identifier: kem_id.  size: of an encapsulated key, and of the secret, in bytes."""

    identifier: int
    hashing: hashes.HashAlgorithm
    size: int
    secret_size: int
    generate: Callable[[], Any]
    read: Callable[[bytes], Any]


def _point_reader(curve: ec.EllipticCurve) -> Callable[[bytes], Any]:
    return lambda data: ec.EllipticCurvePublicKey.from_encoded_point(curve, data)


def _weierstrass(identifier: int, curve: ec.EllipticCurve, hashing: hashes.HashAlgorithm) -> _Group:
    return _Group(
        identifier=identifier,
        hashing=hashing,
        size=1 + 2 * ((curve.key_size + 7) // 8),
        secret_size=hashing.digest_size,
        generate=lambda: ec.generate_private_key(curve),
        read=_point_reader(curve),
    )


_X25519: Final = _Group(
    identifier=0x0020,
    hashing=hashes.SHA256(),
    size=32,
    secret_size=32,
    generate=x25519.X25519PrivateKey.generate,
    read=x25519.X25519PublicKey.from_public_bytes,
)
_X448: Final = _Group(
    identifier=0x0021,
    hashing=hashes.SHA512(),
    size=56,
    secret_size=64,
    generate=x448.X448PrivateKey.generate,
    read=x448.X448PublicKey.from_public_bytes,
)
_CURVES: Final[Mapping[str, _Group]] = {
    "secp256r1": _weierstrass(0x0010, ec.SECP256R1(), hashes.SHA256()),
    "secp384r1": _weierstrass(0x0011, ec.SECP384R1(), hashes.SHA384()),
    "secp521r1": _weierstrass(0x0012, ec.SECP521R1(), hashes.SHA512()),
}


def _dh_encapsulate(key: Any) -> tuple[bytes, bytes]:
    group = _group_of(key)
    ephemeral = group.generate()
    data = _encoded(ephemeral.public_key())
    return _dh_secret(group, ephemeral, key, data + _encoded(key)), data


def _dh_decapsulate(key: Any, data: bytes) -> bytes:
    group = _group_of(key)
    _check_size(data, group.size)
    try:
        peer = group.read(data)
    except ValueError:
        raise decryption_failed() from None
    return _dh_secret(group, key, peer, data + _encoded(key.public_key()))


def _group_of(key: Any) -> _Group:
    if isinstance(key, x25519.X25519PrivateKey | x25519.X25519PublicKey):
        return _X25519
    if isinstance(key, x448.X448PrivateKey | x448.X448PublicKey):
        return _X448
    group = _CURVES.get(key.curve.name)
    if group is None:
        raise unsupported_parameters("DHKEM is defined for P-256, P-384, P-521, Curve25519 and Curve448")
    return group


def _encoded(key: Any) -> bytes:
    is_point = isinstance(key, ec.EllipticCurvePublicKey)
    octets: bytes = (
        key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        if is_point
        else key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    )
    return octets


def _dh_secret(group: _Group, own: Any, peer: Any, context: bytes) -> bytes:
    """Return ExtractAndExpand(DH(own, peer), context)."""
    try:
        agreed = own.exchange(ec.ECDH(), peer) if isinstance(own, ec.EllipticCurvePrivateKey) else own.exchange(peer)
    except ValueError:  # a point of low order, RFC 7748 §6
        raise decryption_failed() from None
    suite = b"HPKE-v1KEM" + group.identifier.to_bytes(2)
    extract = hmac.HMAC(bytes(group.hashing.digest_size), group.hashing)
    extract.update(suite + b"eae_prk" + agreed)
    info = group.secret_size.to_bytes(2) + suite + b"shared_secret" + context
    return HKDFExpand(group.hashing, group.secret_size, info).derive(extract.finalize())


# --- RSASVE: NIST SP 800-56B Rev. 2 §7.2.1 ----------------------------------------------------------------------------


def _rsa_encapsulate(key: rsa.RSAPublicKey) -> tuple[bytes, bytes]:
    numbers = key.public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    secret = 2 + secrets.randbelow(numbers.n - 3)
    return secret.to_bytes(size), pow(secret, numbers.e, numbers.n).to_bytes(size)


def _rsa_decapsulate(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    """Return the number that the key makes of the client's.

    Powers in Python take as long as their numbers say: so the number is multiplied by a random one before, the
    exponents are lengthened by random multiples of the group's order, and what the client sees is judged afterwards.
    """
    numbers = key.private_numbers()
    e, n = numbers.public_numbers.e, numbers.public_numbers.n
    size = (n.bit_length() + 7) // 8
    _check_size(data, size)
    given = int.from_bytes(data)
    if not 1 < given < n - 1:
        raise decryption_failed()
    mask = 2 + secrets.randbelow(n - 3)
    masked = given * pow(mask, e, n) % n
    of_p = pow(masked, _lengthened(numbers.dmp1, numbers.p - 1), numbers.p)
    of_q = pow(masked, _lengthened(numbers.dmq1, numbers.q - 1), numbers.q)
    raised = of_q + numbers.q * ((of_p - of_q) * numbers.iqmp % numbers.p)
    secret = raised * pow(mask, -1, n) % n
    if pow(secret, e, n) != given:  # a wrong half would tell the factors (Boneh, DeMillo, Lipton)
        raise cryptographic_failure("the numbers of the key do not belong together")
    return secret.to_bytes(size)


def _lengthened(exponent: int, order: int) -> int:
    return exponent + order * secrets.randbits(64)


def _check_size(data: bytes, size: int) -> None:
    if len(data) != size:
        raise invalid_field(f"data has {len(data)} bytes; this key decapsulates {size}")


_Kinds: TypeAlias = tuple[type, ...]
_MECHANISMS: Final[tuple[tuple[_Kinds, _Mechanism], ...]] = (
    (
        (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey, mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
        _Mechanism(KEMAlgorithm.MLKEM, _ml_encapsulate, _ml_decapsulate),
    ),
    (
        (
            ec.EllipticCurvePrivateKey,
            ec.EllipticCurvePublicKey,
            x25519.X25519PrivateKey,
            x25519.X25519PublicKey,
            x448.X448PrivateKey,
            x448.X448PublicKey,
        ),
        _Mechanism(KEMAlgorithm.DHKEM, _dh_encapsulate, _dh_decapsulate),
    ),
    ((rsa.RSAPrivateKey, rsa.RSAPublicKey), _Mechanism(KEMAlgorithm.RSASVE, _rsa_encapsulate, _rsa_decapsulate)),
)
"""Classes of parsed keys -> mechanism."""
