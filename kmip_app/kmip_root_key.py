"""Another KMIP server as what wraps the root key: by Encrypt and Decrypt, AES-256-GCM, under a key of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kmip_app.client import ClientError, KmipClient
from kmip_app.configuration.root_keys import KmipRootKey
from kmip_app.system_errors import reason_of
from kmip_core.enums import BlockCipherMode, State
from kmip_core.ports.sealing import RootKeyUnavailable
from kmip_core.structures import CryptographicParameters

SECONDS: Final = 15.0
_GCM: Final = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
_LENGTHS: Final = 3
"""Bytes before the parts of a wrapped form: the lengths of identifier, nonce and tag."""


class KmipWrapper:
    """The other server, and the key of a name in it; made and activated there if there is none."""

    kind = "kmip"

    def __init__(self, chosen: KmipRootKey) -> None:
        self._chosen = chosen

    def wrap(self, key: bytes) -> bytes:
        """Encrypt.  Raises RootKeyUnavailable."""
        with self._client() as client:
            found = client.locate(self._chosen.name, state=State.ACTIVE).unique_identifiers
            if found:
                identifier = found[0]
            else:
                identifier = client.create("AES", 256, name=self._chosen.name).unique_identifier
                client.activate(identifier)
            sealed = client.encrypt(identifier, key, cryptographic_parameters=_GCM)
        parts = identifier.encode(), sealed.iv_counter_nonce or b"", sealed.authenticated_encryption_tag or b""
        return bytes(map(len, parts)) + b"".join(parts) + (sealed.data or b"")

    def unwrap(self, wrapped: bytes) -> bytes:
        """Decrypt.  Raises RootKeyUnavailable."""
        parts, at = [], _LENGTHS
        for length in wrapped[:_LENGTHS]:
            parts.append(wrapped[at : at + length])
            at += length
        identifier, nonce, tag = parts
        with self._client() as client:
            opened = client.decrypt(
                identifier.decode("utf-8", "replace"),
                wrapped[at:],
                cryptographic_parameters=_GCM,
                iv_counter_nonce=nonce,
                authenticated_encryption_tag=tag,
            )
        return opened.data or b""

    @contextmanager
    def _client(self) -> Iterator[KmipClient]:
        chosen = self._chosen
        where = f"{chosen.host}:{chosen.port}"
        try:
            with KmipClient(
                chosen.host, chosen.port, chosen.cert, chosen.key, chosen.ca, timeout=SECONDS, version="1.4"
            ) as client:
                yield client
        except (ClientError, OSError, ValueError) as error:
            raise RootKeyUnavailable(f"the KMIP server {where}, which wraps the root key: {reason_of(error)}") from None
