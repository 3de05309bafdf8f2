"""Seals content with AES-256-GCM under data keys that a root key wraps.

A sealed value is version (1 byte), data key id (4), nonce (12), ciphertext and tag (16). The first five bytes are
authenticated with the associated data. Contents (version 1) are sealed under the data key itself, records (version 2)
under a key derived from it: neither can be taken for the other. Nonces are random, so uses of one data key are counted
and bounded: SP 800-38D §8.3 allows 2**32; a new data key is made at 2**30. Counts are reserved in blocks before use, so
that neither a crash nor a second server on the same store can lose any.
"""

import hashlib
import hmac
import os
import secrets
import struct
import threading
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kmip_core.classes import frozen
from kmip_core.ports.sealing import (
    DataKeys,
    RootKey,
    RootKeySource,
    SealBroken,
    WrappedDataKey,
)

MAXIMUM_USES: Final = 1 << 30
"""Seals under one data key."""

RESERVED_USES: Final = 1 << 14
"""Seals that are counted at once; a start wastes at most as many."""

_CONTENT: Final = 1
_RECORD: Final = 2
_RECORD_KEY: Final = b"kmipd record seal"
_HEADER: Final = struct.Struct(">BI")
_HEADER_BYTES: Final = _HEADER.size
_NONCE_BYTES: Final = 12
_BODY: Final = _HEADER.size + _NONCE_BYTES
_KEY_BYTES: Final = 32


@frozen
class _OpenKey:
    """A data key that was opened, with what values under it begin with.

    content, record: seal contents, and records.
    """

    data_key_id: int
    content: AESGCM
    record: AESGCM
    content_header: bytes
    record_header: bytes

    @classmethod
    def of(cls, data_key_id: int, key: bytes) -> Self:
        """Return that of a data key's bytes."""
        return cls(
            data_key_id,
            AESGCM(key),
            AESGCM(hmac.digest(key, _RECORD_KEY, hashlib.sha256)),
            _HEADER.pack(_CONTENT, data_key_id),
            _HEADER.pack(_RECORD, data_key_id),
        )


class EnvelopeSealer:
    """The sealer of one store: opens its data keys with the root key, makes new ones when needed. Re-entrant."""

    def __init__(
        self,
        root_keys: RootKeySource,
        data_keys: DataKeys,
        *,
        maximum_uses: int = MAXIMUM_USES,
        reserved_uses: int = RESERVED_USES,
    ) -> None:
        """Open all data keys.  Raises RootKeyUnavailable; SealBroken if a data key was damaged."""
        self._root_keys = root_keys
        self._data_keys = data_keys
        self._maximum_uses = maximum_uses
        self._reserved_uses = min(reserved_uses, maximum_uses)
        self._lock = threading.Lock()  # held while the store is waited for
        self._counting = threading.Lock()  # never held for long: an event loop may take it
        self._keys: dict[int, _OpenKey] = {}
        self._current: _OpenKey | None = None
        self._left = 0
        self._root_key: RootKey | None = None
        self._root_key = self._load()

    @property
    def is_open(self) -> bool:
        """True: without its root key it is not made."""
        return True

    @property
    def root_key_id(self) -> str:
        """Which root key is in use."""
        with self._lock:
            return self._load().root_key_id

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return the sealed form under the newest data key."""
        key, nonce = self._take(), os.urandom(_NONCE_BYTES)
        header = key.content_header
        return header + nonce + key.content.encrypt(nonce, plaintext, header + associated_data)

    def seal_record(self, hidden: bytes, record: bytes) -> bytes:
        """Return a seal over a record with its hidden part, under the newest data key's record key."""
        key, nonce = self._take(), os.urandom(_NONCE_BYTES)
        header = key.record_header
        return header + nonce + key.record.encrypt(nonce, hidden, header + record)

    def open_record(self, sealed: bytes, record: bytes) -> bytes:
        """Return the hidden part of a record.  Raises SealBroken."""
        header = sealed[:_HEADER_BYTES]
        key = self._keys.get(int.from_bytes(header[1:]))
        if key is None or header[0] != _RECORD:
            key = self._find_record_key(header)
        try:
            return key.record.decrypt(sealed[_HEADER_BYTES:_BODY], sealed[_BODY:], header + record)
        except (InvalidTag, ValueError):
            raise SealBroken("a record was changed, or belongs to another object") from None

    def unseal(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext.  Raises SealBroken."""
        try:
            header = sealed[:_HEADER_BYTES]
            key = self._keys.get(int.from_bytes(header[1:]))
            if key is None or header[0] != _CONTENT:
                sealed_format, data_key_id = _HEADER.unpack(header)
                key = self._key(data_key_id)
                if sealed_format != _CONTENT or key is None:
                    raise SealBroken(f"no key to open a value of format {sealed_format} under data key {data_key_id}")
            return key.content.decrypt(sealed[_HEADER_BYTES:_BODY], sealed[_BODY:], header + associated_data)
        except (InvalidTag, ValueError, struct.error):
            raise SealBroken("a sealed value was changed, or belongs to another object") from None

    def begin_data_key(self) -> int:
        """Seal under a new data key from now on, and return its identifier.

        What is sealed already stays readable; `is_current` tells it apart. Another server on this store does so when
        the store refuses what it has sealed under an older one, and has it call `renew`.
        """
        with self._lock:
            self._load()
            self._make()
            assert self._current is not None  # noqa: S101  for the type checker
            return self._current.data_key_id

    def renew(self) -> None:
        """Look for data keys that another server on this store has made."""
        self._data_keys.check_wait()
        with self._lock:
            self._load()

    @staticmethod
    def data_key_of(sealed: bytes) -> int:
        """Return the identifier of the data key under which a value is sealed."""
        return int.from_bytes(sealed[1 : _HEADER.size])

    def is_current(self, sealed: bytes) -> bool:
        """Whether a sealed value is under the newest data key."""
        current = self._current
        return current is not None and sealed[: _HEADER.size] in (current.content_header, current.record_header)

    def _key(self, data_key_id: int) -> _OpenKey | None:
        key = self._keys.get(data_key_id)
        if key is None:  # another server on this store may have made it since
            self._data_keys.check_wait()
            with self._lock:
                self._load()
            key = self._keys.get(data_key_id)
        return key

    def _find_record_key(self, header: bytes) -> _OpenKey:
        """Return the data key of a record that was not known here.  Raises SealBroken."""
        if len(header) == _HEADER_BYTES and header[0] == _RECORD:
            key = self._key(int.from_bytes(header[1:]))
            if key is not None:
                return key
        raise SealBroken("no key to open the seal of a record")

    def _take(self) -> _OpenKey:
        """Return the data key for one more seal, counted."""
        while True:
            with self._counting:
                if self._left > 0 and self._current is not None:
                    self._left -= 1
                    return self._current
            self._data_keys.check_wait()
            with self._lock:
                if self._left == 0:  # else another thread has reserved some meanwhile
                    self._reserve()

    def _reserve(self) -> None:
        """Count some more uses of the current data key, or take another one; the caller looks what has come of it."""
        if self._current is not None:
            uses = self._data_keys.reserve(self._current.data_key_id, self._reserved_uses)
            if uses is None:
                self._load()
                return
            if uses <= self._maximum_uses:
                with self._counting:
                    self._left = self._reserved_uses
                return
        self._make()

    def _make(self) -> None:
        """Make the next data key the current one, or take the one that another server has just made."""
        data_key_id = max(self._keys, default=0) + 1
        self._data_keys.add(wrap_data_key(self._load(), data_key_id, secrets.token_bytes(_KEY_BYTES)))
        self._load()

    def _load(self) -> RootKey:
        """Open the data keys that are new, and the root key if it is, and return it.

        Raises RootKeyUnavailable; SealBroken if a data key was damaged.
        """
        present = self._data_keys.load()
        wanted = present[-1].root_key_id if present else None  # the store keeps all under one
        root_key = self._root_key
        if root_key is None or wanted not in (None, root_key.root_key_id):
            root_key = self._root_key = self._root_keys.open(wanted)
        for data_key in present:
            if data_key.data_key_id not in self._keys:
                opened = _OpenKey.of(data_key.data_key_id, unwrap_data_key(root_key, data_key))
                self._keys[data_key.data_key_id] = opened
        if present and (self._current is None or present[-1].data_key_id != self._current.data_key_id):
            with self._counting:
                self._current, self._left = self._keys[present[-1].data_key_id], 0
        return root_key


def wrap_data_key(root_key: RootKey, data_key_id: int, data_key: bytes) -> WrappedDataKey:
    """Return a data key as the store keeps it."""
    return WrappedDataKey(
        data_key_id=data_key_id,
        wrapped=root_key.wrap(data_key, _binding(data_key_id)),
        root_key_id=root_key.root_key_id,
    )


def unwrap_data_key(root_key: RootKey, data_key: WrappedDataKey) -> bytes:
    """Return the data key's bytes.  Raises SealBroken."""
    return root_key.unwrap(data_key.wrapped, _binding(data_key.data_key_id))


def _binding(data_key_id: int) -> bytes:
    return b"kmipd data key %d" % data_key_id
