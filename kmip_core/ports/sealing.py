"""Encryption at rest: the store hands content through a sealer before it writes a byte of it.

A root key, which never enters the store, wraps data keys; the store keeps them wrapped; a sealer seals content under
them. `SealBroken` and `RootKeyUnavailable` are faults of the installation, never a client's error.
"""

from typing import Protocol

from attrs import field

from kmip_core.classes import frozen
from kmip_core.errors import Unusable


class Sealer(Protocol):
    """Authenticated encryption under keys that the store never sees. Re-entrant."""

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return the sealed form, different at every call.

        associated_data: what the content is bound to (identifier, type, owner); not stored in the result.
        """
        ...

    def unseal(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext.

        Raises SealBroken if a byte was changed, if it belongs to other associated data, or if its key is not here.
        """
        ...


class StoreSealer(Sealer, Protocol):
    """A sealer under data keys that it keeps in the store, and that can be replaced while servers use them."""

    @property
    def is_open(self) -> bool:
        """False while the root key is away; nothing can be sealed or unsealed then."""
        ...

    def seal_record(self, hidden: bytes, record: bytes) -> bytes:
        """Return a seal over a record that is stored readable, with a part that is not in it.

        hidden: encrypted, b"" for none.  record: authenticated, not stored in the result.
        """
        ...

    def open_record(self, sealed: bytes, record: bytes) -> bytes:
        """Return the hidden part.  Raises SealBroken if a byte of the seal or of the record was changed."""
        ...

    def data_key_of(self, sealed: bytes) -> int:
        """Return the identifier of the data key under which a value is sealed."""
        ...

    def is_current(self, sealed: bytes) -> bool:
        """Whether a sealed value is under the newest data key that is known here."""
        ...

    def begin_data_key(self) -> int:
        """Make a data key, seal under it from now on, and return its identifier.  Raises RootKeyUnavailable."""
        ...

    def renew(self) -> None:
        """Look for data keys that others have made.  Raises RootKeyUnavailable; SealBroken if one is damaged."""
        ...


@frozen(kw_only=True)
class WrappedDataKey:
    """One data key as the store keeps it.

    data_key_id: given by the store, 1 and upwards; it is written into everything sealed under the key.
    wrapped: the key under the root key.  root_key_id: which root key that is.
    uses: how many seals have been reserved so far.
    """

    data_key_id: int
    wrapped: bytes = field(repr=False)
    root_key_id: str
    uses: int = 0


class DataKeys(Protocol):
    """Where wrapped data keys are kept: the store, beside what is sealed under them. Re-entrant."""

    def check_wait(self) -> None:
        """Raise TakesLong if this thread must not wait for the store: the other methods do."""
        ...

    def load(self) -> tuple[WrappedDataKey, ...]:
        """Return all data keys, oldest first."""
        ...

    def add(self, data_key: WrappedDataKey) -> bool:
        """Keep a new data key, durably.

        False, and nothing kept, if its identifier is taken or other data keys are under another root key: another
        server has made a data key, or the root key was rotated, meanwhile; load again.
        """
        ...

    def reserve(self, data_key_id: int, count: int) -> int | None:
        """Add `count` to the uses of a data key, durably, and return the sum; None if it was retired: load again."""
        ...

    def retire(self, newest: int) -> int:
        """Forget all data keys older than `newest`, durably, and return how many that were.

        Nothing is forgotten if `newest` is not the newest. Nothing may be sealed under them any more: what is, is lost.
        """
        ...

    def rewrap(self, data_keys: tuple[WrappedDataKey, ...]) -> bool:
        """Replace the wrapped form of all data keys at once, durably.

        False, and nothing replaced, if these are not all that there are; load again.
        """
        ...


class RootKey(Protocol):
    """A key that wraps data keys, wherever it lives. Re-entrant."""

    @property
    def root_key_id(self) -> str:
        """A fingerprint that tells root keys apart and nothing else about them."""
        ...

    def wrap(self, data_key: bytes, associated_data: bytes) -> bytes:
        """Return the wrapped form."""
        ...

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        """Return the data key.  Raises SealBroken."""
        ...


class RootKeySource(Protocol):
    """Gives the root key at start."""

    def open(self, wanted: str | None) -> RootKey:
        """Return the root key.

        wanted: the root_key_id that the store's data keys need; None: the store has none yet, and a source that can
        make a root key may do so now. Raises RootKeyUnavailable if the wanted key is not here; it never makes another.
        """
        ...


class SealBroken(Unusable):
    """A sealed value does not open: damage, tampering or the wrong root key. A fault, never a client's error."""


class RootKeyUnavailable(Unusable):
    """The root key that the store needs is not here; the text, for the operator, says which one it is."""
