"""A sealer whose root key may come later: until then the server runs sealed and refuses whatever needs the store.

A root key outside the host (a token, another server, a cloud service) may be away when the server starts. A thread
looks for it again and again, so that the server opens by itself when it is back.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from kmip_adapters.sealing.envelope import EnvelopeSealer
from kmip_core.ports.sealing import DataKeys, RootKeySource, RootKeyUnavailable, SealBroken, StoreSealer
from kmip_core.ports.storage import StoreSealed

RETRY_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


class DeferredSealer:
    """A `StoreSealer` that is made when the root key can be had.  Re-entrant."""

    def __init__(self, make: Callable[[], StoreSealer], retry_seconds: float = RETRY_SECONDS) -> None:
        """Try once; go on trying in a thread where the root key is not available."""
        self._make = make
        self._inner: StoreSealer | None = None
        self._fault: str | None = None
        self._stopped = threading.Event()
        self._attempt()
        if self._inner is None:
            _log.error("the server is sealed: %s", self._fault)
            threading.Thread(target=self._look, args=(retry_seconds,), name="root-key", daemon=True).start()

    @classmethod
    def over(cls, root_keys: RootKeySource, data_keys: DataKeys) -> "DeferredSealer":
        """Return the sealer of a store, as soon as its root key can be had."""
        return cls(partial(EnvelopeSealer, root_keys, data_keys))

    @property
    def is_open(self) -> bool:
        """Whether the root key is here."""
        return self._inner is not None

    @property
    def fault(self) -> str | None:
        """Why the store is sealed, or None."""
        return self._fault

    def close(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _attempt(self) -> None:
        try:
            self._inner, self._fault = self._make(), None
        except RootKeyUnavailable as error:
            self._fault = str(error)

    def _look(self, seconds: float) -> None:
        while self._inner is None and not self._stopped.wait(seconds):
            try:
                self._attempt()
            except SealBroken as error:
                self._fault = str(error)
        if self._inner is not None:
            _log.warning("the root key is available: the server is open")

    def _opened(self) -> StoreSealer:
        inner = self._inner
        if inner is None:
            raise StoreSealed
        return inner

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Seal.  Raises KmipError while the root key is away."""
        return self._opened().seal(plaintext, associated_data)

    def unseal(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Unseal.  Raises SealBroken; KmipError while the root key is away."""
        return self._opened().unseal(sealed, associated_data)

    def seal_record(self, hidden: bytes, record: bytes) -> bytes:
        """Seal a record.  Raises KmipError while the root key is away."""
        return self._opened().seal_record(hidden, record)

    def open_record(self, sealed: bytes, record: bytes) -> bytes:
        """Open the seal of a record.  Raises SealBroken; KmipError while the root key is away."""
        return self._opened().open_record(sealed, record)

    def data_key_of(self, sealed: bytes) -> int:
        """Return the data key under which a value is sealed."""
        return EnvelopeSealer.data_key_of(sealed)

    def is_current(self, sealed: bytes) -> bool:
        """Whether a value is sealed under the newest data key."""
        return self._opened().is_current(sealed)

    def begin_data_key(self) -> int:
        """Make a data key.  Raises KmipError while the root key is away."""
        return self._opened().begin_data_key()

    def renew(self) -> None:
        """Look for data keys of others; nothing to do while the root key is away."""
        if self._inner is not None:
            self._inner.renew()
