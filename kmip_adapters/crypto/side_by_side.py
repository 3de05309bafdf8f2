"""Software keys and the keys of a token in one server: a key with a handle is the token's, every other is software's.

Where a new key is kept is said by its `Custody`. What only one of the two can do, it does for its own keys; the other
refuses it, so that no key is ever used outside the place where it was made.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from attrs import evolve

from kmip_core.enums import (
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    RecommendedCurve,
    ValidityIndicator,
)
from kmip_core.objects import KeyBlock, PrivateKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import (
    Crypto,
    CryptoCapabilities,
    Custody,
    DecryptStream,
    DigestStream,
    Encapsulated,
    Encrypted,
    Encryption,
    EncryptStream,
    Key,
    KeyDescription,
    KeyPair,
    VerifyStream,
)
from kmip_core.structures import CryptographicParameters, DerivationParameters, KeyMaterial

K = TypeVar("K")
V = TypeVar("V")


class SideBySide:
    """Two adapters as one.

    token_by_default: where a key goes whose custody is not said. Where that is software, requests are begun at the
        pace of software; the token's adapter asks for a slower one (TakesLong) when a key of its own is used.
    """

    def __init__(self, software: Crypto, token: Crypto, *, token_by_default: bool) -> None:
        self._software = software
        self._token = token
        self._usual = token if token_by_default else software
        self._capabilities = evolve(
            either(software.capabilities, token.capabilities),
            exports_key_material=not token_by_default,
            blocking=token_by_default and token.capabilities.blocking,
        )

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What either can do."""
        return self._capabilities

    # --- keys that come to be -----------------------------------------------------------------------------------------

    def make_symmetric_key(
        self, algorithm: CryptographicAlgorithm, length: int, custody: Custody | None = None
    ) -> KeyMaterial:
        """Make a key where it is to be kept."""
        return self._for(custody).make_symmetric_key(algorithm, length, custody)

    def make_key_pair(
        self,
        algorithm: CryptographicAlgorithm,
        length: int | None = None,
        curve: RecommendedCurve | None = None,
        *,
        private_format: KeyFormatType | None = None,
        public_format: KeyFormatType | None = None,
        custody: Custody | None = None,
    ) -> KeyPair:
        """Make a pair where its private half is to be kept."""
        return self._for(custody).make_key_pair(
            algorithm, length, curve, private_format=private_format, public_format=public_format, custody=custody
        )

    def derive(
        self,
        method: DerivationMethod,
        keys: Sequence[Key],
        parameters: DerivationParameters,
        length: int,
        *,
        algorithm: CryptographicAlgorithm | None = None,
        custody: Custody | None = None,
    ) -> KeyMaterial:
        """Derive in the token if it holds any of the keys."""
        where = self._token if any(_is_held(key) for key in keys) else self._software
        return where.derive(method, keys, parameters, length, algorithm=algorithm, custody=custody)

    def import_key(self, key: Key, custody: Custody | None = None) -> Key:
        """Take a key in where it is to be kept."""
        return self._for(custody).import_key(key, custody)

    def _for(self, custody: Custody | None) -> Crypto:
        if custody is None:
            return self._usual
        return self._token if custody.in_token else self._software

    # --- keys that are there ------------------------------------------------------------------------------------------

    def export_key(self, key: Key) -> Key:
        """Give a key out."""
        return self._of(key).export_key(key)

    def confirm_key(self, key: Key) -> None:
        """Note that the store has a key."""
        self._of(key).confirm_key(key)

    def doom_key(self, key: Key) -> None:
        """Note that a key is about to be destroyed."""
        self._of(key).doom_key(key)

    def destroy_key(self, key: Key) -> None:
        """Let go of a key."""
        self._of(key).destroy_key(key)

    def forget_read_keys(self) -> None:
        """Let go of what either has read."""
        self._software.forget_read_keys()
        self._token.forget_read_keys()

    def describe(self, key: Key) -> KeyDescription | None:
        """Say what the material is."""
        return self._of(key).describe(key)

    def convert(self, key: Key, key_format_type: KeyFormatType) -> KeyBlock:
        """Write the material in another format."""
        return self._of(key).convert(key, key_format_type)

    def begin_encrypt(self, encryption: Encryption) -> EncryptStream:
        """Begin to encrypt."""
        return self._of(encryption.key).begin_encrypt(encryption)

    def begin_decrypt(self, encryption: Encryption) -> DecryptStream:
        """Begin to decrypt."""
        return self._of(encryption.key).begin_decrypt(encryption)

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        """Wrap in the token a key of the token; a wrapping key of software gets it given out."""
        return self._token.wrap_key(encryption, key) if _is_held(encryption.key) else None

    def sign(self, key: Key, parameters: CryptographicParameters, data: bytes, *, digested: bool = False) -> bytes:
        """Sign."""
        return self._of(key).sign(key, parameters, data, digested=digested)

    def verify(
        self, key: Key, parameters: CryptographicParameters, data: bytes, signature: bytes, *, digested: bool = False
    ) -> ValidityIndicator:
        """Judge a signature."""
        return self._of(key).verify(key, parameters, data, signature, digested=digested)

    def begin_sign(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin to sign."""
        return self._of(key).begin_sign(key, parameters)

    def begin_verify(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to verify."""
        return self._of(key).begin_verify(key, parameters)

    def begin_mac(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin a code."""
        return self._of(key).begin_mac(key, parameters)

    def begin_verify_mac(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to judge a code."""
        return self._of(key).begin_verify_mac(key, parameters)

    def encapsulate(self, key: Key, parameters: CryptographicParameters) -> Encapsulated:
        """Encapsulate a secret."""
        return self._of(key).encapsulate(key, parameters)

    def decapsulate(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Decapsulate a secret."""
        return self._of(key).decapsulate(key, parameters, data)

    def _of(self, key: Key) -> Crypto:
        return self._token if _is_held(key) else self._software

    # --- without keys -------------------------------------------------------------------------------------------------

    def random_bytes(self, length: int) -> bytes:
        """Return random bytes from where keys come from usually."""
        return self._usual.random_bytes(length)

    def begin_hash(self, algorithm: HashingAlgorithm) -> DigestStream:
        """Begin a digest, in software."""
        return self._software.begin_hash(algorithm)


def either(one: CryptoCapabilities, other: CryptoCapabilities) -> CryptoCapabilities:
    """Return what at least one of two adapters can do."""
    return CryptoCapabilities(
        symmetric_lengths=_lengths(one.symmetric_lengths, other.symmetric_lengths),
        key_pair_lengths=_lengths(one.key_pair_lengths, other.key_pair_lengths),
        curves=one.curves | other.curves,
        ciphers=_sets(one.ciphers, other.ciphers),
        whole_tags_only=one.whole_tags_only & other.whole_tags_only,
        signatures=_sets(one.signatures, other.signatures),
        macs=one.macs | other.macs,
        hashing_algorithms=one.hashing_algorithms | other.hashing_algorithms,
        derivation_methods=one.derivation_methods | other.derivation_methods,
        encapsulations=_sets(one.encapsulations, other.encapsulations),
        exports_key_material=one.exports_key_material or other.exports_key_material,
        holds_keys=one.holds_keys or other.holds_keys,
        extractable=one.extractable or other.extractable,
        blocking=one.blocking or other.blocking,
    )


def _lengths(one: Mapping[K, Sequence[int]], other: Mapping[K, Sequence[int]]) -> dict[K, Sequence[int]]:
    merged = {key: tuple(sorted({*one.get(key, ()), *other.get(key, ())})) for key in other}
    return {**one, **merged}


def _sets(one: Mapping[K, frozenset[V]], other: Mapping[K, frozenset[V]]) -> dict[K, frozenset[V]]:
    return {**one, **{key: one.get(key, frozenset()) | other[key] for key in other}}


def _is_held(key: Key) -> bool:
    return isinstance(key, SymmetricKey | PrivateKey | SecretData) and key.key_block.handle is not None
