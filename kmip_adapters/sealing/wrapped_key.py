"""A root key that another system keeps wrapped: it is unwrapped once at the start, and works here afterwards.

The wrapped form is part of the root key's identifier and so lies in the database, where it is of no use without the
other system. `command_key` has an operator's program as the other system.
"""

import base64
import binascii
import re
import secrets
from typing import Final, Protocol

from kmip_adapters.sealing.key_file import KEY_BYTES, RawRootKey
from kmip_core.ports.sealing import RootKey, RootKeyUnavailable

_IDENTIFIER: Final = re.compile(r"(?P<kind>[a-z]+)-(?P<wrapped>[A-Za-z0-9_-]{1,4000})-(?P<fingerprint>[0-9a-f]{16})")


class KeyWrapper(Protocol):
    """The other system."""

    kind: str
    """One word of lower-case letters, part of the identifiers of root keys that it wraps."""

    def wrap(self, key: bytes) -> bytes:
        """Return the wrapped form of a key of 32 bytes, 3,000 bytes at most.  Raises RootKeyUnavailable."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the key.  Raises RootKeyUnavailable."""
        ...


class WrappedKeySource:
    """A root key source: another system that wraps and unwraps."""

    def __init__(self, wrapper: KeyWrapper) -> None:
        self._wrapper = wrapper
        self._opened: RawRootKey | None = None

    def open(self, wanted: str | None) -> RootKey:
        """Return the root key; a new one if nothing is sealed yet.  Raises RootKeyUnavailable."""
        if self._opened is None or wanted not in (None, self._opened.root_key_id):
            self._opened = self._made() if wanted is None else self._again(wanted)
        return self._opened

    def _made(self) -> RawRootKey:
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = base64.urlsafe_b64encode(self._wrapper.wrap(key)).decode().rstrip("=")
        return RawRootKey(key, f"{self._wrapper.kind}-{wrapped}-{RawRootKey(key).root_key_id}")

    def _again(self, wanted: str) -> RawRootKey:
        form = _IDENTIFIER.fullmatch(wanted)
        if form is None or form["kind"] != self._wrapper.kind:
            raise RootKeyUnavailable(
                f"the database is sealed under root key {wanted[:60]}, which is none of root_key = {self._wrapper.kind}"
            )
        text = form["wrapped"]
        try:
            key = self._wrapper.unwrap(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except binascii.Error:
            raise RootKeyUnavailable("the database names a root key whose wrapped form is damaged") from None
        if len(key) != KEY_BYTES or RawRootKey(key).root_key_id != form["fingerprint"]:
            raise RootKeyUnavailable("what was unwrapped is not the root key that the database is sealed under")
        return RawRootKey(key, wanted)
