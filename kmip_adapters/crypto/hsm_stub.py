"""A token that is none: keys live in a store of its own, and all others hold handles.

It stands in for a PKCS#11 token where there is none, with a token's manners: secret and private keys made or brought
in come out as `KeyHandle`s and never leave, fewer algorithms, calls that may block. The work is done by the software
adapter on this side of the port. Without a file the keys last as long as the process; with one they are sealed in it.
"""

import json
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from attrs import evolve

from kmip_adapters.crypto.refusals import cryptographic_failure
from kmip_adapters.crypto.restricted import RestrictedCrypto
from kmip_adapters.crypto.software import SoftwareCrypto
from kmip_core.enums import BlockCipherMode as Mode
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.enums import (
    DerivationMethod,
    HashingAlgorithm,
    KeyFormatType,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
)
from kmip_core.errors import KmipError, not_supported
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, SecretData, SymmetricKey
from kmip_core.ports.crypto import CryptoCapabilities, Custody, Encrypted, Encryption, Key, KeyPair
from kmip_core.ports.sealing import Sealer
from kmip_core.structures import DerivationParameters, KeyHandle, KeyMaterial

PROVIDER: Final = "hsm_stub"

_SHA_2: Final = frozenset({HashingAlgorithm.SHA_256, HashingAlgorithm.SHA_384, HashingAlgorithm.SHA_512})
_HMACS: Final = (Algorithm.HMAC_SHA256, Algorithm.HMAC_SHA384, Algorithm.HMAC_SHA512)
_CURVE_PAIRS: Final = (Algorithm.EC, Algorithm.ECDSA, Algorithm.ECDH)

CAPABILITIES: Final = CryptoCapabilities(
    symmetric_lengths={Algorithm.AES: (128, 192, 256), **dict.fromkeys(_HMACS, (256, 384, 512))},
    key_pair_lengths={Algorithm.RSA: (2048, 3072, 4096), **dict.fromkeys(_CURVE_PAIRS, (256,))},
    curves=frozenset({RecommendedCurve.P_256}),
    ciphers={
        (Algorithm.AES, Mode.ECB): frozenset({PaddingMethod.NONE, PaddingMethod.PKCS5}),
        (Algorithm.AES, Mode.CBC): frozenset({PaddingMethod.NONE, PaddingMethod.PKCS5}),
        (Algorithm.AES, Mode.CTR): frozenset({PaddingMethod.NONE}),
        (Algorithm.AES, Mode.GCM): frozenset({PaddingMethod.NONE}),
        (Algorithm.AES, Mode.NIST_KEY_WRAP): frozenset({PaddingMethod.NONE}),
        (Algorithm.RSA, None): frozenset({PaddingMethod.OAEP, PaddingMethod.PKCS1_V1_5}),
    },
    signatures={
        (Algorithm.RSA, PaddingMethod.PKCS1_V1_5): _SHA_2,
        (Algorithm.RSA, PaddingMethod.PSS): _SHA_2,
        (Algorithm.ECDSA, None): _SHA_2,
    },
    macs=frozenset({Algorithm.AES, *_HMACS}),
    hashing_algorithms=_SHA_2,
    derivation_methods=frozenset(
        {DerivationMethod.HMAC, DerivationMethod.NIST800_108_C, DerivationMethod.ASYMMETRIC_KEY}
    ),
    exports_key_material=False,
    holds_keys=True,
    blocking=True,
)

_ASSOCIATED_DATA: Final = b"kmipd hsm_stub store"
_Held = TypeVar("_Held", bound=SymmetricKey | PrivateKey | SecretData)


class HsmStub(RestrictedCrypto):
    """Keys behind handles.

    path: where to keep them; needs `sealer`, so that no key is ever written in the clear.
    """

    def __init__(self, path: Path | None = None, sealer: Sealer | None = None) -> None:
        super().__init__(SoftwareCrypto(), CAPABILITIES)
        if path is not None and sealer is None:
            raise ValueError("a store on disk needs a sealer")
        self._path = path
        self._sealer = sealer
        self._lock = threading.Lock()
        self._material: dict[str, bytes] = self._load()

    # --- keys that come to be here ------------------------------------------------------------------------------------

    def make_symmetric_key(self, algorithm: Algorithm, length: int, custody: Custody | None = None) -> KeyMaterial:
        """Make a key; return its handle."""
        return self._keep(super().make_symmetric_key(algorithm, length))

    def make_key_pair(
        self,
        algorithm: Algorithm,
        length: int | None = None,
        curve: RecommendedCurve | None = None,
        *,
        private_format: KeyFormatType | None = None,
        public_format: KeyFormatType | None = None,
        custody: Custody | None = None,
    ) -> KeyPair:
        """Make a pair; return the public half, and a handle for the private one."""
        pair = super().make_key_pair(algorithm, length, curve, public_format=public_format)
        return evolve(pair, private_key=self._held(pair.private_key, private_format))

    def derive(
        self,
        method: DerivationMethod,
        keys: Sequence[Key],
        parameters: DerivationParameters,
        length: int,
        *,
        algorithm: Algorithm | None = None,
        custody: Custody | None = None,
    ) -> KeyMaterial:
        """Derive a key; return its handle."""
        return self._keep(super().derive(method, keys, parameters, length))

    def import_key(self, key: Key, custody: Custody | None = None) -> Key:
        """Take in what is secret and can be used here; public keys, certificates and secret data stay outside."""
        if not isinstance(key, SymmetricKey | PrivateKey):
            return key
        if _handle(key) is not None:
            return key
        algorithm = key.key_block.cryptographic_algorithm
        if algorithm not in CAPABILITIES.symmetric_lengths and algorithm not in CAPABILITIES.key_pair_lengths:
            raise not_supported(f"keys of algorithm {algorithm.name if algorithm else 'none'} cannot be held here")
        if self._inner.describe(key) is None:
            raise cryptographic_failure("the key's material cannot be read in its format and algorithm")
        return self._held(key, key.key_block.key_format_type)

    def destroy_key(self, key: Key) -> None:
        """Forget what the handle stands for."""
        handle = _handle(key)
        if handle is not None:
            with self._lock:
                if self._material.pop(handle.token, None) is not None:
                    self._save()

    # --- keys that are here -----------------------------------------------------------------------------------------

    def usable(self, key: Key) -> Key:
        """Return the key with its material, for use on this side of the port only."""
        handle = _handle(key)
        if handle is None:
            if isinstance(key, SymmetricKey | PrivateKey):
                raise cryptographic_failure("the key is not held by the token; it was registered before or elsewhere")
            return key
        material = self._material.get(handle.token) if handle.provider == PROVIDER else None
        if material is None or not isinstance(key, SymmetricKey | PrivateKey | SecretData):
            raise KmipError(ResultReason.KEY_VALUE_NOT_PRESENT, "the token does not hold this key")
        return _with_material(key, material, _inner_format(key))

    def export_key(self, key: Key) -> Key:
        """Return a public key; what is secret does not leave."""
        if _handle(key) is not None:
            raise _stays()
        return key

    def wrap_key(self, encryption: Encryption, key: Key) -> Encrypted | None:
        """Refuse: what is secret does not leave."""
        raise _stays()

    def convert(self, key: Key, key_format_type: KeyFormatType) -> KeyBlock:
        """Write a public key in another format; what is secret does not leave."""
        if _handle(key) is not None:
            raise _stays()
        return super().convert(key, key_format_type)

    # --- the store ----------------------------------------------------------------------------------------------------

    def _held(self, key: _Held, key_format_type: KeyFormatType | None) -> _Held:
        """Keep a key in the format used inside; return it with a handle, labelled as was asked."""
        block = self._inner.convert(key, _inner_format(key))
        material = block.material
        if not isinstance(material, bytes):
            raise cryptographic_failure("the key has no material to keep")
        handle = self._keep(material)
        return _with_material(key, handle, key_format_type or key.key_block.key_format_type)

    def _keep(self, material: KeyMaterial) -> KeyHandle:
        if not isinstance(material, bytes):
            raise cryptographic_failure("the key has no material to keep")
        token = secrets.token_hex(16)
        with self._lock:
            self._material[token] = material
            self._save()
        return KeyHandle(provider=PROVIDER, token=token)

    def _load(self) -> dict[str, bytes]:
        if self._path is None or self._sealer is None or not self._path.exists():
            return {}
        store = json.loads(self._sealer.unseal(self._path.read_bytes(), _ASSOCIATED_DATA))
        return {token: bytes.fromhex(material) for token, material in store.items()}

    def _save(self) -> None:
        """Write the whole store, so that a crash leaves the old one or the new one."""
        if self._path is None or self._sealer is None:
            return
        store = json.dumps({token: material.hex() for token, material in self._material.items()}).encode()
        beside = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._sealer.seal(store, _ASSOCIATED_DATA))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # the new name must be on disk before the handle is given away
        finally:
            os.close(directory)


def _stays() -> KmipError:
    return KmipError(ResultReason.NOT_EXTRACTABLE, "the key is held by a token and does not leave it")


def _handle(key: Key) -> KeyHandle | None:
    return key.key_block.handle if isinstance(key, SymmetricKey | PrivateKey | SecretData) else None


def _inner_format(key: Key) -> KeyFormatType:
    return KeyFormatType.PKCS_8 if isinstance(key, PrivateKey) else KeyFormatType.RAW


def _with_material(key: _Held, material: KeyMaterial, key_format_type: KeyFormatType) -> _Held:
    block = evolve(key.key_block, key_format_type=key_format_type, key_value=KeyValue(key_material=material))
    return evolve(key, key_block=block)
