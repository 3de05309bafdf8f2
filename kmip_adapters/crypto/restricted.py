"""Crypto with less in it: refuses what its capabilities do not list, and hands the rest to another adapter.

Two use it: the HSM stub, which can do less than the software that it is made of, and the profile `modern`, which may do
less than it can (`kmip_adapters.crypto.profiles`). What only undoes earlier protection (decrypt, verify) may be allowed
more widely than what applies it. Everything refused is Feature Not Supported.
"""

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from kmip_adapters.crypto.signature_names import HASH_OF_SIGNATURE
from kmip_core.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    RecommendedCurve,
    ValidityIndicator,
)
from kmip_core.errors import not_supported
from kmip_core.objects import Certificate, KeyBlock, PrivateKey, PublicKey
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
from kmip_core.standard_names import standard_name
from kmip_core.structures import CryptographicParameters, DerivationParameters, KeyMaterial

WHOLE_TAG: Final = 16  # bytes
_AS_ECDSA: Final = frozenset({CryptographicAlgorithm.EC, CryptographicAlgorithm.ECDH})


class RestrictedCrypto:
    """Another adapter, within narrower capabilities.

    processing: what may be decrypted and verified; None for the same as may be encrypted and signed.
    """

    def __init__(
        self, inner: Crypto, capabilities: CryptoCapabilities, processing: CryptoCapabilities | None = None
    ) -> None:
        self._inner = inner
        self._capabilities = capabilities
        self._processing = processing or capabilities

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What is left."""
        return self._capabilities

    def usable(self, key: Key) -> Key:
        """Return the key as the inner adapter takes it; a place for adapters that keep keys to themselves."""
        return key

    # --- keys -----------------------------------------------------------------------------------------------------

    def make_symmetric_key(
        self, algorithm: CryptographicAlgorithm, length: int, custody: Custody | None = None
    ) -> KeyMaterial:
        """Make a key of an algorithm and length that are left."""
        lengths = self._capabilities.symmetric_lengths
        _allow(algorithm in lengths, f"making {standard_name(algorithm)} keys")
        _allow(
            length in lengths[algorithm] or length not in self._inner.capabilities.symmetric_lengths[algorithm],
            f"making {standard_name(algorithm)} keys of {length} bits",
        )
        return self._inner.make_symmetric_key(algorithm, length, custody)

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
        """Make a pair of an algorithm, length and curve that are left."""
        lengths = self._capabilities.key_pair_lengths
        _allow(algorithm in lengths, f"making {standard_name(algorithm)} pairs")
        _allow(curve is None or curve in self._capabilities.curves, "this curve")
        if curve is None and length is not None:
            possible = self._inner.capabilities.key_pair_lengths[algorithm]
            _allow(
                length in lengths[algorithm] or length not in possible,
                f"making {standard_name(algorithm)} pairs of {length} bits",
            )
        return self._inner.make_key_pair(
            algorithm,
            length,
            curve,
            private_format=private_format,
            public_format=public_format,
            custody=custody,
        )

    def import_key(self, key: Key, custody: Custody | None = None) -> Key:
        """Take a key in."""
        return self._inner.import_key(key, custody)

    def export_key(self, key: Key) -> Key:
        """Give a key out."""
        return self._inner.export_key(key)

    def confirm_key(self, key: Key) -> None:
        """Note that the store has a key."""
        self._inner.confirm_key(key)

    def doom_key(self, key: Key) -> None:
        """Note that a key is about to be destroyed."""
        self._inner.doom_key(key)

    def destroy_key(self, key: Key) -> None:
        """Let go of a key."""
        self._inner.destroy_key(key)

    def forget_read_keys(self) -> None:
        """Let go of what was read."""
        self._inner.forget_read_keys()

    def describe(self, key: Key) -> KeyDescription | None:
        """Say what the material is."""
        return self._inner.describe(self.usable(key))

    def convert(self, key: Key, key_format_type: KeyFormatType) -> KeyBlock:
        """Write the material in another format."""
        return self._inner.convert(key, key_format_type)

    # --- without keys ---------------------------------------------------------------------------------------------

    def random_bytes(self, length: int) -> bytes:
        """Return random bytes."""
        return self._inner.random_bytes(length)

    def begin_hash(self, algorithm: HashingAlgorithm) -> DigestStream:
        """Begin a digest."""
        self._check_hash(algorithm)
        return self._inner.begin_hash(algorithm)

    # --- ciphers --------------------------------------------------------------------------------------------------

    def begin_encrypt(self, encryption: Encryption) -> EncryptStream:
        """Begin to encrypt."""
        self._check_cipher(encryption, self._capabilities)
        return self._inner.begin_encrypt(evolve(encryption, key=self.usable(encryption.key)))

    def begin_decrypt(self, encryption: Encryption) -> DecryptStream:
        """Begin to decrypt."""
        self._check_cipher(encryption, self._processing)
        return self._inner.begin_decrypt(evolve(encryption, key=self.usable(encryption.key)))

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        """Wrap a key."""
        self._check_cipher(encryption, self._capabilities)
        return self._inner.wrap_key(evolve(encryption, key=self.usable(encryption.key)), key)

    # --- signatures, codes, derivation ----------------------------------------------------------------------------

    def sign(self, key: Key, parameters: CryptographicParameters, data: bytes, *, digested: bool = False) -> bytes:
        """Sign."""
        self._check_signature(key, parameters, self._capabilities)
        return self._inner.sign(self.usable(key), parameters, data, digested=digested)

    def verify(
        self,
        key: Key,
        parameters: CryptographicParameters,
        data: bytes,
        signature: bytes,
        *,
        digested: bool = False,
    ) -> ValidityIndicator:
        """Judge a signature."""
        self._check_signature(key, parameters, self._processing)
        return self._inner.verify(self.usable(key), parameters, data, signature, digested=digested)

    def begin_sign(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin to sign."""
        self._check_signature(key, parameters, self._capabilities)
        return self._inner.begin_sign(self.usable(key), parameters)

    def begin_verify(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to verify."""
        self._check_signature(key, parameters, self._processing)
        return self._inner.begin_verify(self.usable(key), parameters)

    def begin_mac(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin a code."""
        self._check_mac(key, parameters, self._capabilities)
        return self._inner.begin_mac(self.usable(key), parameters)

    def begin_verify_mac(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to judge a code."""
        self._check_mac(key, parameters, self._processing)
        return self._inner.begin_verify_mac(self.usable(key), parameters)

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
        """Derive."""
        _allow(
            method in self._capabilities.derivation_methods
            or method not in self._inner.capabilities.derivation_methods,
            f"derivation by {standard_name(method)}",
        )
        usable = [self.usable(key) for key in keys]
        return self._inner.derive(method, usable, parameters, length, algorithm=algorithm, custody=custody)

    def encapsulate(self, key: Key, parameters: CryptographicParameters) -> Encapsulated:
        """Encapsulate a secret."""
        self._check_encapsulation(key, self._capabilities)
        return self._inner.encapsulate(self.usable(key), parameters)

    def decapsulate(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Decapsulate a secret."""
        self._check_encapsulation(key, self._processing)
        return self._inner.decapsulate(self.usable(key), parameters, data)

    # --- checks: what the inner adapter does not know either, it refuses with its own, better text --------

    def _check_hash(self, algorithm: HashingAlgorithm) -> None:
        known = self._inner.capabilities.hashing_algorithms
        _allow(algorithm in self._capabilities.hashing_algorithms or algorithm not in known, algorithm.name)

    def _check_cipher(self, encryption: Encryption, allowed: CryptoCapabilities) -> None:
        key, parameters = encryption.key, encryption.parameters
        pair = isinstance(key, PublicKey | PrivateKey | Certificate)
        algorithm = CryptographicAlgorithm.RSA if pair else _algorithm(key, parameters)
        if algorithm is None:
            return
        mode = None if pair else parameters.block_cipher_mode
        self._check_length(key, allowed)
        known = self._inner.capabilities.ciphers.get((algorithm, mode))
        if known is None:
            return
        name = _named(algorithm, mode)
        paddings = allowed.ciphers.get((algorithm, mode))
        _allow(paddings is not None, name)
        padding = parameters.padding_method or PaddingMethod.NONE
        _allow(padding in (paddings or ()) or padding not in known, f"{name} with padding {standard_name(padding)}")
        if (algorithm, mode) in allowed.whole_tags_only:
            tag = encryption.authenticated_encryption_tag
            shortest = min(parameters.tag_length or WHOLE_TAG, WHOLE_TAG if tag is None else len(tag) or WHOLE_TAG)
            _allow(shortest == WHOLE_TAG, f"{name} with a cut tag")

    def _check_signature(self, key: Key, parameters: CryptographicParameters, allowed: CryptoCapabilities) -> None:
        algorithm = _algorithm(key, CryptographicParameters())
        if algorithm is None:
            description = self._inner.describe(self.usable(key))
            algorithm = description.algorithm if description else None
        family = CryptographicAlgorithm.ECDSA if algorithm in _AS_ECDSA else algorithm
        if family is None:
            return
        self._check_length(key, allowed)
        rows = [hashes for (known, _), hashes in allowed.signatures.items() if known is family]
        _allow(bool(rows), f"signatures by {standard_name(family)}")
        hashing = parameters.hashing_algorithm
        if parameters.digital_signature_algorithm is not None:
            hashing = HASH_OF_SIGNATURE.get(parameters.digital_signature_algorithm) or hashing
        if hashing is not None and rows[0] and hashing in self._inner.capabilities.hashing_algorithms:
            _allow(hashing in rows[0], f"{standard_name(family)} signatures with {standard_name(hashing)}")

    def _check_mac(self, key: Key, parameters: CryptographicParameters, allowed: CryptoCapabilities) -> None:
        algorithm = _algorithm(key, parameters)
        if algorithm in self._inner.capabilities.macs:
            _allow(algorithm in allowed.macs, f"MAC by {algorithm.name if algorithm else algorithm}")

    def _check_encapsulation(self, key: Key, allowed: CryptoCapabilities) -> None:
        _allow(bool(allowed.encapsulations), "key encapsulation")
        self._check_length(key, allowed)

    def _check_length(self, key: Key, allowed: CryptoCapabilities) -> None:
        """Refuse keys shorter than any that could be made; what is longer is the inner adapter's business."""
        if isinstance(key, Certificate):
            described = self._inner.describe(key)
            algorithm, length = (described.algorithm, described.length) if described else (None, None)
        else:
            algorithm, length = key.key_block.cryptographic_algorithm, key.key_block.cryptographic_length
        if algorithm is None or length is None:
            return
        lengths = allowed.key_pair_lengths.get(algorithm) or allowed.symmetric_lengths.get(algorithm)
        if lengths is not None:
            _allow(length in lengths or length > max(lengths), f"{standard_name(algorithm)} keys of {length} bits")


def _algorithm(key: Key, parameters: CryptographicParameters) -> CryptographicAlgorithm | None:
    own = None if isinstance(key, Certificate) else key.key_block.cryptographic_algorithm
    return parameters.cryptographic_algorithm or own


def _named(algorithm: CryptographicAlgorithm, mode: BlockCipherMode | None) -> str:
    return standard_name(algorithm) if mode is None else f"{standard_name(algorithm)} in mode {standard_name(mode)}"


def _allow(allowed: bool, what: str) -> None:
    if not allowed:
        raise not_supported(f"{what} is not offered by this server as it is set up")
