"""Containers and shares behind their port."""

from collections.abc import Mapping

from kmip_adapters.crypto.software import pkcs12, split_keys
from kmip_core.ports.key_forms import KeyContainer, SharingScheme


class SoftwareKeyForms:
    """`KeyForms` (kmip_core.ports.key_forms) in this process; for keys whose bytes are here."""

    def read_container(self, container: bytes, password: bytes) -> KeyContainer:
        """Open a PKCS#12 container."""
        return pkcs12.read_container(container, password)

    def write_container(self, contents: KeyContainer, password: bytes) -> bytes:
        """Make a PKCS#12 container."""
        return pkcs12.write_container(contents, password)

    def split_secret(self, secret: bytes, scheme: SharingScheme) -> tuple[bytes, ...]:
        """Split a secret."""
        return split_keys.split_secret(secret, scheme)

    def join_secret(self, shares: Mapping[int, bytes], scheme: SharingScheme, length: int) -> bytes:
        """Join shares."""
        return split_keys.join_secret(shares, scheme, length)
