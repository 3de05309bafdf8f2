"""Containers and shares behind their port."""

from collections.abc import Mapping

from kmip_adapters.crypto.processes import InThisProcess, Runner
from kmip_adapters.crypto.software import long_work, pkcs12, split_keys
from kmip_core.ports.key_forms import KeyContainer, SharingScheme


class SoftwareKeyForms:
    """`KeyForms` (kmip_core.ports.key_forms) for keys whose bytes are here; long work where `processes` runs it.

    Containers always are long work: their passwords cost time by design, and what they ask for inside of what is
    encrypted is not known before it is opened.
    """

    def __init__(self, processes: Runner | None = None) -> None:
        self._processes = processes or InThisProcess()

    def read_container(self, container: bytes, password: bytes) -> KeyContainer:
        """Open a PKCS#12 container."""
        return self._processes.run(pkcs12.read_container, container, password, seconds=long_work.CONTAINER_SECONDS)

    def write_container(self, contents: KeyContainer, password: bytes) -> bytes:
        """Make a PKCS#12 container."""
        return self._processes.run(pkcs12.write_container, contents, password)

    def split_secret(self, secret: bytes, scheme: SharingScheme) -> tuple[bytes, ...]:
        """Split a secret."""
        if long_work.is_long_to_split(len(secret), scheme):
            return self._processes.run(split_keys.split_secret, secret, scheme)
        return split_keys.split_secret(secret, scheme)

    def join_secret(self, shares: Mapping[int, bytes], scheme: SharingScheme, length: int) -> bytes:
        """Join shares."""
        if long_work.is_long_to_join(shares, scheme):
            return self._processes.run(split_keys.join_secret, dict(shares), scheme, length)
        return split_keys.join_secret(shares, scheme, length)
