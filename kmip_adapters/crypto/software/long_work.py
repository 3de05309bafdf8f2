"""Which work is long: judged by sizes and counts alone, before anything of it is done.

Long work goes to a process that can be killed (`kmip_adapters.crypto.processes`); the rest, milliseconds at most, stays
in the thread that the request has. On an event loop only what takes less than a millisecond or two is done.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from kmip_adapters.crypto.software import key_numbers, split_keys
from kmip_adapters.crypto.software.key_sizes import PEM, is_without_numbers
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import DerivationMethod as Method
from kmip_core.objects import Certificate, KeyValue, PrivateKey, PublicKey
from kmip_core.ports.crypto import Key
from kmip_core.ports.key_forms import SharingScheme
from kmip_core.structures import DerivationParameters, TransparentRSAPrivateKey

USUAL_RSA_BITS: Final = 4096
USUAL_KEY_BYTES: Final = 2400
"""PKCS#8 of an RSA key of 4,096 bits has 2,376; what its numbers can cost is bounded by their length together."""

SHORT_SIGNING_KEY: Final = 160
"""Bytes. PKCS#8 of a key on a curve of 256 bits has up to 139. It signs in 20 to 350 microseconds; RSA takes longer."""

SHORT_VERIFYING_KEY: Final = 600
SHORT_VERIFYING_CERTIFICATE: Final = 2048
"""Bytes. A public key of RSA with 4,096 bits has 550; keys on curves of 512 bits verify in a millisecond."""

USUAL_GENERATION_BITS: Final = 2048
GENERATION_SECONDS: Final = 120.0
"""RSA primes are found by trial: keys of 8,192 bits take 15 s on the average and four times as long now and then."""

CONTAINER_SECONDS: Final = 3.0
"""Twice what a container with the iterations of `MAXIMUM_CONTAINER_ROUNDS` takes."""

SHORT_PBKDF2: Final = 20_000  # blocks: 10 ms
SHORT_PRF_BYTES: Final = 512 * 1024  # 15 ms
SHORT_SHARING: Final = 100_000  # multiplications: 10 ms
SHORT_CERTIFICATES: Final = 16 * 1024  # bytes
SHORT_CHAIN: Final = 4


def is_long_to_read(key: Key) -> bool:
    """Return whether the primes of an RSA key are missing, which are found by powers in Python."""
    material = _material(key)
    return isinstance(material, TransparentRSAPrivateKey) and not key_numbers.has_all_numbers(material)


def is_long_to_use(key: Key) -> bool:
    """Return whether an operation with a private key takes longer than one of RSA with 4,096 bits."""
    material = _material(key)
    if isinstance(material, bytes):
        if len(material) <= USUAL_KEY_BYTES:  # as nearly always
            return False
        length = len(material) * 3 // 4 if material.startswith(PEM) else len(material)
        return length > USUAL_KEY_BYTES and not is_without_numbers(material)
    if isinstance(material, TransparentRSAPrivateKey):
        return is_long_to_read(key) or material.modulus.bit_length() > USUAL_RSA_BITS
    return False


def is_short_to_sign(key: Key) -> bool:
    """Return whether a signature may be made on an event loop: by short keys on elliptic curves."""
    material = _material(key)
    return isinstance(material, bytes) and len(material) <= SHORT_SIGNING_KEY


def is_short_to_verify(key: Key) -> bool:
    """Return whether a signature may be verified on an event loop."""
    if isinstance(key, Certificate):
        return len(key.certificate_value) <= SHORT_VERIFYING_CERTIFICATE
    return isinstance(key, PublicKey) and 0 < len(_octets(key)) <= SHORT_VERIFYING_KEY


def is_long_to_make(algorithm: Algorithm, length: int | None) -> bool:
    """Return whether a pair takes long to make: primes are looked for."""
    return algorithm is Algorithm.DSA or (algorithm is Algorithm.RSA and (length or 0) > USUAL_GENERATION_BITS)


def is_long_to_derive(method: Method, keys: Sequence[Key], parameters: DerivationParameters, length: int) -> bool:
    """Return whether a derivation takes long, however the request spreads its work over counts, data and length."""
    if method is Method.PBKDF2:
        return (parameters.iteration_count or 0) * (1 + max(0, length) // 128) > SHORT_PBKDF2
    data = len(parameters.derivation_data or b"") + sum(len(_octets(key)) for key in keys)
    blocks = 1 + max(0, length) // 64 if method in _OF_MANY_BLOCKS else 1
    return blocks * data > SHORT_PRF_BYTES or any(map(is_long_to_use, keys))


_OF_MANY_BLOCKS: Final = frozenset({Method.NIST800_108_C, Method.NIST800_108_F, Method.NIST800_108_DPI})


def is_long_to_split(length: int, scheme: SharingScheme) -> bool:
    """Return whether a split takes long."""
    return split_keys.split_work(length, scheme) > SHORT_SHARING


def is_long_to_join(shares: Mapping[int, bytes], scheme: SharingScheme) -> bool:
    """Return whether a join takes long."""
    return split_keys.join_work(shares, scheme) > SHORT_SHARING


def is_long_chain(certificates: Sequence[Certificate], anchors: Sequence[Certificate]) -> bool:
    """Return whether a chain is longer than usual, in certificates or bytes."""
    octets = sum(len(each.certificate_value) for each in (*certificates, *anchors))
    return len(certificates) > SHORT_CHAIN or octets > SHORT_CERTIFICATES


def _material(key: Key) -> object:
    if not isinstance(key, PrivateKey):
        return None
    value = key.key_block.key_value
    return value.key_material if isinstance(value, KeyValue) else None


def _octets(key: Key) -> bytes:
    value = None if isinstance(key, Certificate) else key.key_block.key_value
    material = value.key_material if isinstance(value, KeyValue) else None
    return material if isinstance(material, bytes) else b""
