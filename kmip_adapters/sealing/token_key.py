"""The root key in a PKCS#11 token: it wraps data keys there and never leaves.

The first start makes the named AES-256 key. A root key is known by the CKA_ID of its key, so that another key of the
same name is not taken for it.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final

from kmip_adapters.pkcs11_session.token import PIN_FAULTS, Token, TokenError, TokenUnusable
from kmip_core.ports.sealing import RootKey, RootKeyUnavailable, SealBroken

PREFIX: Final = "pkcs11-"
KEY_BITS: Final = 256
NONCE_BYTES: Final = 12
TAG_BITS: Final = 128

DEFAULT_LABEL: Final = "kmipd-root"


class TokenRootKey:
    """A root key that is used in the token.  Re-entrant."""

    def __init__(self, call: Callable[..., Any], key_id: bytes) -> None:
        self._call = call
        self._key_id = key_id

    @property
    def root_key_id(self) -> str:
        """Which key of the token it is."""
        return PREFIX + self._key_id.hex()

    def wrap(self, data_key: bytes, associated_data: bytes) -> bytes:
        """Return nonce, cipher text and tag.  Raises RootKeyUnavailable if the token does not answer."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ask("encrypt", nonce, data_key, associated_data)

    def unwrap(self, wrapped: bytes, associated_data: bytes) -> bytes:
        """Return the data key.  Raises SealBroken, RootKeyUnavailable."""
        nonce, rest = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        return self._ask("decrypt", nonce, rest, associated_data)

    def _ask(self, name: str, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        parameter = {"nonce": nonce, "additional_data": associated_data, "tag_bits": TAG_BITS}
        more = {"key_class": "secret"} if name == "decrypt" else {}
        try:
            return bytes(
                self._call(name, key_id=self._key_id, mechanism="AES_GCM", parameter=parameter, data=data, **more)
            )
        except TokenError as error:
            if name == "decrypt" and not error.remedy and error.kind not in ("NoSuchKey", "Unavailable"):
                raise SealBroken("a data key does not open under the root key in the token") from None
            raise RootKeyUnavailable(f"the root key in the PKCS#11 token: {error.remedy or error}") from None


class TokenKeySource:
    """A root key source: the AES key of a label in a token."""

    def __init__(self, token: Token, label: str | None = None, key_id: bytes | None = None) -> None:
        self._token = token
        self._label = DEFAULT_LABEL if label is None and key_id is None else label
        self._key_id = key_id

    def open(self, wanted: str | None) -> RootKey:
        """Return the key; make it if nothing is sealed yet and the token has none of the name.

        Raises RootKeyUnavailable, with what to do, if the token or the wanted key is not there; TokenUnusable for a PIN
        that the token does not take.
        """
        try:
            found = self._token.call("find_secret", label=self._label, key_id=self._key_id)
            if found is None and wanted is None:
                found = self._key_id or secrets.token_bytes(16)
                self._token.call(
                    "generate", kind="AES", bits=KEY_BITS, key_id=found, label=self._label or DEFAULT_LABEL
                )
        except TokenError as error:
            if error.kind in PIN_FAULTS:  # no use to wait for another answer, which could lock the token
                raise TokenUnusable(f"the root key in the PKCS#11 token: {error.remedy}") from None
            raise RootKeyUnavailable(f"the root key in the PKCS#11 token: {error.remedy or error}") from None
        if found is None or wanted not in (None, PREFIX + found.hex()):
            raise RootKeyUnavailable(
                f"the database is sealed under root key {wanted}, which the token does not have under this name"
            )
        return TokenRootKey(self._token.call, found)

    def close(self) -> None:
        """End the processes of the token's library; the root key is of no use afterwards."""
        self._token.close()
