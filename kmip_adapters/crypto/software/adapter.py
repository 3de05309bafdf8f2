"""The software adapter: every role of the port, each a line that leads to the module that does it."""

import os
from collections.abc import Sequence
from typing import Final

from kmip_adapters.crypto.processes import InThisProcess, Runner
from kmip_adapters.crypto.software import (
    ciphers,
    conversion,
    derivation,
    encapsulation,
    hashing,
    key_pairs,
    long_work,
    macs,
    signatures,
    symmetric_keys,
)
from kmip_adapters.crypto.software.cipher_tables import CIPHERS
from kmip_adapters.crypto.software.loaded_keys import LoadedKeys
from kmip_adapters.crypto.software.long_streams import LongDecrypt, LongSign
from kmip_core.enums import (
    CryptographicAlgorithm,
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    RecommendedCurve,
    ResultReason,
    ValidityIndicator,
)
from kmip_core.errors import KmipError, invalid_field
from kmip_core.objects import Certificate, KeyBlock, PrivateKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import (
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
from kmip_core.ports.steps import TakesLong
from kmip_core.structures import CryptographicParameters, DerivationParameters, KeyMaterial

MAXIMUM_RANDOM_BYTES: Final = 64 * 1024

CAPABILITIES: Final = CryptoCapabilities(
    symmetric_lengths=symmetric_keys.SYMMETRIC_LENGTHS,
    key_pair_lengths=key_pairs.KEY_PAIR_LENGTHS,
    curves=key_pairs.KEY_PAIR_CURVES,
    ciphers=CIPHERS,
    signatures=signatures.SIGNATURES,
    macs=macs.MACS,
    hashing_algorithms=frozenset(hashing.HASHES),
    derivation_methods=frozenset(derivation.METHODS),
    encapsulations=encapsulation.ENCAPSULATIONS,
)


class SoftwareCrypto:
    """Keys and operations by pyca/cryptography, in this process; long work where `processes` runs it.

    loaded: keeps private keys that sign.
    """

    def __init__(self, processes: Runner | None = None, loaded: LoadedKeys | None = None) -> None:
        self._processes = processes or InThisProcess()
        self._loaded = LoadedKeys() if loaded is None else loaded

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What pyca can do."""
        return CAPABILITIES

    def make_symmetric_key(
        self, algorithm: CryptographicAlgorithm, length: int, custody: Custody | None = None
    ) -> KeyMaterial:
        """Make a key from the operating system's random source."""
        return symmetric_keys.make_symmetric_key(algorithm, length)

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
        """Make a pair."""
        wanted = (algorithm, length, curve, private_format, public_format)
        if long_work.is_long_to_make(algorithm, length):
            seconds = long_work.GENERATION_SECONDS
            return self._processes.run(key_pairs.make_key_pair, *wanted, seconds=seconds)
        return key_pairs.make_key_pair(*wanted)

    def import_key(self, key: Key, custody: Custody | None = None) -> Key:
        """Return the key as it is: storage holds the bytes."""
        return key

    def export_key(self, key: Key) -> Key:
        """Return the key as it is; of one behind a handle nothing is here."""
        if not isinstance(key, Certificate) and key.key_block.handle is not None:
            raise KmipError(ResultReason.NOT_EXTRACTABLE, "the key does not leave the module that holds it")
        return key

    def confirm_key(self, key: Key) -> None:
        """Do nothing: the bytes are in the row in storage."""

    def doom_key(self, key: Key) -> None:
        """Do nothing."""

    def destroy_key(self, key: Key) -> None:
        """Do nothing: the bytes go with the row in storage."""

    def forget_read_keys(self) -> None:
        """Let go of private keys that have signed."""
        self._loaded.forget()

    def describe(self, key: Key) -> KeyDescription | None:
        """Read the material."""
        if long_work.is_long_to_read(key):
            return self._processes.run(conversion.describe, key)
        return conversion.describe(key)

    def convert(self, key: Key, key_format_type: KeyFormatType) -> KeyBlock:
        """Write the material in another format."""
        if not isinstance(key, SymmetricKey | SecretData):
            self._leave_event_loop()
        if long_work.is_long_to_read(key):
            return self._processes.run(conversion.convert, key, key_format_type)
        return conversion.convert(key, key_format_type)

    def random_bytes(self, length: int) -> bytes:
        """Return bytes of the operating system's random source."""
        if not 0 < length <= MAXIMUM_RANDOM_BYTES:
            raise invalid_field(f"1 to {MAXIMUM_RANDOM_BYTES} random bytes can be had at once, not {length}")
        return os.urandom(length)

    def begin_hash(self, algorithm: HashingAlgorithm) -> DigestStream:
        """Begin a digest."""
        return hashing.HashStream(hashing.known_hash(algorithm))

    def begin_encrypt(self, encryption: Encryption) -> EncryptStream:
        """Begin to encrypt."""
        return ciphers.begin_encrypt(encryption)

    def begin_decrypt(self, encryption: Encryption) -> DecryptStream:
        """Begin to decrypt."""
        key = encryption.key
        if isinstance(key, PrivateKey):
            self._leave_event_loop()
            if long_work.is_long_to_use(key):
                return LongDecrypt(self._processes, key, encryption.parameters)
        return ciphers.begin_decrypt(encryption)

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        """Leave it to the caller: keys are not held here."""
        return None

    def sign(self, key: Key, parameters: CryptographicParameters, data: bytes, *, digested: bool = False) -> bytes:
        """Sign data, or its digest."""
        if not long_work.is_short_to_sign(key):
            self._leave_event_loop()
            if long_work.is_long_to_use(key):
                return self._processes.run(signatures.sign, key, parameters, data, digested)
        return signatures.signing(key, parameters, digested, self._loaded.private_key).sign(data, digested)

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
        if not long_work.is_short_to_verify(key):
            self._leave_event_loop()
        return signatures.verifying(key, parameters, digested).verify(data, signature, digested)

    def begin_sign(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin to sign."""
        if long_work.is_long_to_use(key):
            return LongSign(self._processes, key, parameters)
        return signatures.begin_sign(key, parameters)

    def begin_verify(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to verify."""
        return signatures.begin_verify(key, parameters)

    def begin_mac(self, key: Key, parameters: CryptographicParameters) -> DigestStream:
        """Begin a code."""
        return macs.MACStream(key, parameters)

    def begin_verify_mac(self, key: Key, parameters: CryptographicParameters) -> VerifyStream:
        """Begin to judge a code."""
        return macs.VerifyMACStream(key, parameters)

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
        """Derive a key."""
        if long_work.is_long_to_derive(method, keys, parameters, length):
            return self._processes.run(derivation.derive, method, tuple(keys), parameters, length)
        return derivation.derive(method, keys, parameters, length)

    def encapsulate(self, key: Key, parameters: CryptographicParameters) -> Encapsulated:
        """Encapsulate a secret; for an RSA key in a process, as `decapsulate`."""
        if encapsulation.is_long(key):
            return self._processes.run(encapsulation.encapsulate, key, parameters)
        return encapsulation.encapsulate(key, parameters)

    def decapsulate(self, key: Key, parameters: CryptographicParameters, data: bytes) -> bytes:
        """Decapsulate a secret; with an RSA key in a process, since its powers are taken in Python.

        So it is with one whose key block names another algorithm: to read it may be long.
        """
        if encapsulation.is_long(key) or long_work.is_long_to_read(key):
            return self._processes.run(encapsulation.decapsulate, key, parameters, data)
        return encapsulation.decapsulate(key, parameters, data)

    def _leave_event_loop(self) -> None:
        """Raise TakesLong on an event loop: what follows takes milliseconds there."""
        if not self._processes.may_compute:
            raise TakesLong
