"""Derive Key: Derivation Method -> function. KMIP 2.1 §6.1.14 and §7.12."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from attrs import field
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.software import ciphers, hashing
from kmip_adapters.crypto.software.cipher_tables import BLOCK_CIPHERS
from kmip_adapters.crypto.software.keys import private_key, public_key, symmetric_bytes
from kmip_adapters.crypto.software.limits import MAXIMUM_DERIVED_BITS, MAXIMUM_PBKDF2_BLOCKS, MAXIMUM_PRF_BYTES
from kmip_adapters.crypto.software.macs import HMAC_HASHES, mac_context
from kmip_core.classes import frozen
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DerivationMethod as Method
from kmip_core.enums import HashingAlgorithm as Hashing
from kmip_core.errors import KmipError, bad_parameters, invalid_field, need
from kmip_core.objects import Certificate, PrivateKey, PublicKey, SecretData
from kmip_core.ports.crypto import Encryption, Key
from kmip_core.standard_names import standard_name
from kmip_core.structures import CryptographicParameters, DerivationParameters


@frozen(kw_only=True)
class _Derivation:
    """One derivation.  data: Derivation Data, from the field or from a second object."""

    keys: tuple[Key, ...]
    data: bytes | None = field(repr=False)
    parameters: DerivationParameters
    length: int  # bytes

    @property
    def how(self) -> CryptographicParameters:
        return self.parameters.cryptographic_parameters or CryptographicParameters()

    @property
    def secret(self) -> bytes:
        return symmetric_bytes(self.keys[0])

    @property
    def needed_data(self) -> bytes:
        return need(self.data, "Derivation Data")


def derive(method: Method, keys: Sequence[Key], parameters: DerivationParameters, length: int) -> bytes:
    """Return `length` bits; see the port."""
    function = METHODS.get(method)
    if function is None:
        known = ", ".join(standard_name(known) for known in METHODS)
        raise invalid_field(f"{standard_name(method)} is not a derivation method here; known: {known}")
    if length <= 0 or length % 8 or length > MAXIMUM_DERIVED_BITS:
        raise invalid_field(
            f"Cryptographic Length must be a multiple of 8, at most {MAXIMUM_DERIVED_BITS}, not {length}"
        )
    if not keys:
        raise invalid_field("Derive Key needs an object to derive from")
    keys, data = split_data(method, tuple(keys), parameters.derivation_data)
    derived = function(_Derivation(keys=keys, data=data, parameters=parameters, length=length // 8))
    if len(derived) < length // 8:
        raise too_long(length // 8, len(derived))
    return derived[: length // 8]


def too_long(asked: int, most: int) -> KmipError:
    """Return the refusal of a length beyond what a method gives; both in bytes."""
    return cryptographic_failure(
        f"Cryptographic Length is {8 * asked} bits; this derivation gives no more than {8 * most}"
    )


def split_data(method: Method, keys: tuple[Key, ...], data: bytes | None) -> tuple[tuple[Key, ...], bytes | None]:
    """Return base keys and derivation data, which may have come as a second object."""
    if method is Method.ASYMMETRIC_KEY:
        return keys, data
    first, *others = keys
    if not others:
        return keys, data
    if len(others) > 1 or not isinstance(others[0], SecretData):
        raise invalid_field("a derivation key and one Secret Data (the derivation data) can be combined, no more")
    if data is not None:
        raise invalid_field("Derivation Data must be given as a field or as Secret Data, not both")
    return (first,), symmetric_bytes(others[0])


def _pbkdf2(asked: _Derivation) -> bytes:
    salt = need(asked.parameters.salt, "Salt")
    iterations = need(asked.parameters.iteration_count, "Iteration Count")
    # PKCS #5: HMAC-SHA-1 unless stated.
    digest = hashing.known_hash(_stated_hash(asked.how) or Hashing.SHA_1)
    blocks = -(-asked.length // digest.digest_size)
    if not 0 < iterations * blocks <= MAXIMUM_PBKDF2_BLOCKS:
        raise invalid_field(f"Iteration Count must be 1 to {MAXIMUM_PBKDF2_BLOCKS // blocks} for this length")
    return PBKDF2HMAC(algorithm=digest, length=asked.length, salt=salt, iterations=iterations).derive(asked.secret)


def _hash(asked: _Derivation) -> bytes:
    if asked.data is None:
        return hashing.digest(need(_stated_hash(asked.how), "Hashing Algorithm"), asked.secret)
    # The request names an object in any case (KMIP 2.1 table 205), so data beside it is what is meant to be hashed
    # only if the object is not: the standard allows one of the two.
    raise invalid_field("HASH takes a key or derivation data, not both; leave Derivation Data out to hash the object")


def _hmac(asked: _Derivation) -> bytes:
    """One HMAC over the derivation data.

    "The attributes of the derivation key provide enough information about the PRF" (KMIP 2.1 §7.12); for a key that
    says nothing about a hash, the parameters do.
    """
    context = hmac.HMAC(asked.secret, hashing.known_hash(_key_hash(asked) or _stated_hash(asked.how)))
    context.update(asked.needed_data)
    return context.finalize()


def _encrypt(asked: _Derivation) -> bytes:
    stream = ciphers.begin_encrypt(Encryption(asked.keys[0], asked.how, iv_counter_nonce=_iv(asked)))
    return stream.update(asked.needed_data) + stream.finish().data


def _iv(asked: _Derivation) -> bytes | None:
    iv = asked.parameters.initialization_vector
    if iv is None:
        # "An empty IV is assumed": never a random one, or the key could not be derived again.
        algorithm = asked.how.cryptographic_algorithm
        own = asked.keys[0]
        algorithm = algorithm or (None if isinstance(own, Certificate) else own.key_block.cryptographic_algorithm)
        block = BLOCK_CIPHERS.get(algorithm) if algorithm else None
        return bytes(block.block_bytes) if block else bytes(12)
    return iv


def _hkdf(asked: _Derivation) -> bytes:
    digest = hashing.known_hash(_stated_hash(asked.how) or Hashing.SHA_256)
    if asked.length > 255 * digest.digest_size:  # RFC 5869 §2.3
        raise too_long(asked.length, 255 * digest.digest_size)
    return HKDF(digest, asked.length, asked.parameters.salt, asked.data or b"").derive(asked.secret)


# --- NIST SP 800-108 ------------------------------------------------------------------------------------------------


def _prf(asked: _Derivation) -> Callable[[bytes], bytes]:
    """Return the pseudorandom function: CMAC for a block cipher's key when no hash is stated, else HMAC."""
    secret = asked.secret
    algorithm = asked.how.cryptographic_algorithm
    if algorithm is None and not isinstance(asked.keys[0], Certificate):
        algorithm = asked.keys[0].key_block.cryptographic_algorithm
    stated = _stated_hash(asked.how) or _key_hash(asked)
    if stated is None and algorithm not in BLOCK_CIPHERS:
        raise bad_parameters("Hashing Algorithm must be given, for HMAC; or the algorithm of a block cipher, for CMAC")

    def prf(message: bytes) -> bytes:
        if stated is not None:
            context = hmac.HMAC(secret, hashing.known_hash(stated))
        else:
            context = mac_context(algorithm or Algorithm.AES, secret)  # type: ignore[assignment]  # the same methods
        context.update(message)
        return context.finalize()

    return prf


def _fixed(asked: _Derivation, passes: int) -> bytes:
    """Return the fixed data, once it is known that to read it for every block is not too much work.

    passes: how often a block reads it.
    """
    data = asked.needed_data
    stated = _stated_hash(asked.how) or _key_hash(asked)
    block = SHORTEST_BLOCK if stated is None else hashing.known_hash(stated).digest_size
    extra = len(asked.parameters.initialization_vector or b"")
    if passes * -(-asked.length // block) * (len(data) + extra) > MAXIMUM_PRF_BYTES:
        raise invalid_field(f"the blocks of this length, times the data, are more than {MAXIMUM_PRF_BYTES} bytes")
    return data


SHORTEST_BLOCK: Final = 8
"""Bytes that CMAC gives at least: with a block cipher of 64 bits."""


def _counter(asked: _Derivation) -> Callable[[int], bytes]:
    """Return what writes the counter: 32 bits before the fixed data, or Counter Length of them."""
    bits = asked.how.counter_length or 32
    if bits not in (8, 16, 24, 32):
        raise bad_parameters(f"Counter Length is {bits} bits; SP 800-108 counters have 8, 16, 24 or 32")

    def write(index: int) -> bytes:
        if index >= 1 << bits:
            raise cryptographic_failure("Cryptographic Length needs more blocks than the counter can count")
        return index.to_bytes(bits // 8, "big")

    return write


def _counter_mode(asked: _Derivation) -> bytes:
    prf, counter, fixed = _prf(asked), _counter(asked), _fixed(asked, 1)

    def blocks() -> Iterator[bytes]:
        index = 0
        while True:
            index += 1
            yield prf(counter(index) + fixed)

    return _gather(blocks(), asked.length)


def _feedback_mode(asked: _Derivation) -> bytes:
    prf, counter, fixed = _prf(asked), _counter(asked), _fixed(asked, 1)

    def blocks() -> Iterator[bytes]:
        index, block = 0, asked.parameters.initialization_vector or b""
        while True:
            index += 1
            block = prf(block + counter(index) + fixed)
            yield block

    return _gather(blocks(), asked.length)


def _double_pipeline_mode(asked: _Derivation) -> bytes:
    prf, counter, fixed = _prf(asked), _counter(asked), _fixed(asked, 2)

    def blocks() -> Iterator[bytes]:
        index, chain = 0, fixed
        while True:
            index += 1
            chain = prf(chain)
            yield prf(chain + counter(index) + fixed)

    return _gather(blocks(), asked.length)


def _gather(blocks: Iterator[bytes], length: int) -> bytes:
    derived = b""
    while len(derived) < length:
        derived += next(blocks)
    return derived


# --- agreement ----------------------------------------------------------------------------------------------------


def _agreement(asked: _Derivation) -> bytes:
    """The shared secret of a private and a public key, as it is: the x coordinate, or RFC 7748's output."""
    own = [key for key in asked.keys if isinstance(key, PrivateKey)]
    theirs = [key for key in asked.keys if isinstance(key, PublicKey | Certificate)]
    if len(own) != 1 or len(theirs) != 1 or len(asked.keys) != 2:
        raise invalid_field("Asymmetric Key derivation takes one private and one public key or certificate")
    private, public = private_key(own[0]), public_key(theirs[0])
    try:
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
            return private.exchange(ec.ECDH(), public)
        if isinstance(private, x25519.X25519PrivateKey) and isinstance(public, x25519.X25519PublicKey):
            return private.exchange(public)
        if isinstance(private, x448.X448PrivateKey) and isinstance(public, x448.X448PublicKey):
            return private.exchange(public)
    except ValueError:
        raise cryptographic_failure("the keys do not agree: other curve, or a point of small order") from None
    raise cryptographic_failure("keys of these algorithms do not agree; EC, X25519 and X448 pairs do")


METHODS: Final[Mapping[Method, Callable[[_Derivation], bytes]]] = {
    Method.PBKDF2: _pbkdf2,
    Method.HASH: _hash,
    Method.HMAC: _hmac,
    Method.ENCRYPT: _encrypt,
    Method.NIST800_108_C: _counter_mode,
    Method.NIST800_108_F: _feedback_mode,
    Method.NIST800_108_DPI: _double_pipeline_mode,
    Method.ASYMMETRIC_KEY: _agreement,
    Method.HKDF: _hkdf,
}


def _stated_hash(how: CryptographicParameters) -> Hashing | None:
    return how.hashing_algorithm or (
        HMAC_HASHES.get(how.cryptographic_algorithm) if how.cryptographic_algorithm else None
    )


def _key_hash(asked: _Derivation) -> Hashing | None:
    """Return the hash that the derivation key's own algorithm names."""
    key = asked.keys[0]
    own = None if isinstance(key, Certificate) else key.key_block.cryptographic_algorithm
    return HMAC_HASHES.get(own) if own else None
