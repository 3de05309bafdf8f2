"""Sign and Decrypt in parts with keys of which one use is long: gathered here, done in a process at the end."""

from kmip_adapters.crypto.processes import Runner
from kmip_adapters.crypto.refusals import MAXIMUM_HELD_BYTES, held_too_much
from kmip_adapters.crypto.software import hashing, rsa_encryption, signatures
from kmip_core.ports.crypto import Key
from kmip_core.ports.steps import TakesLong
from kmip_core.structures import CryptographicParameters


class _Long:
    _processes: Runner

    @property
    def needs_slower_pace(self) -> bool:
        """Whether the work under way may not wait for a process."""
        return not self._processes.may_wait


class LongSign(_Long):
    """A Sign under way; only the digest goes to the process."""

    def __init__(self, processes: Runner, key: Key, parameters: CryptographicParameters) -> None:
        self._processes = processes
        self._key, self._parameters = key, parameters
        self._digest = hashing.HashStream(hashing.known_hash(processes.run(signatures.hash_of, key, parameters)))

    def update(self, data: bytes) -> None:
        """Take a part."""
        self._digest.update(data)

    def finish(self) -> bytes:
        """Sign."""
        return self._processes.run(signatures.sign, self._key, self._parameters, self._digest.finish(), True)


class LongDecrypt(_Long):
    """A Decrypt under way."""

    def __init__(self, processes: Runner, key: Key, parameters: CryptographicParameters) -> None:
        self._processes = processes
        if self.needs_slower_pace:
            raise TakesLong
        self._key, self._parameters = key, parameters
        self._data = bytearray()

    @property
    def held_bytes(self) -> int:
        """What has been gathered."""
        return len(self._data)

    def update(self, data: bytes) -> bytes:
        """Take a part."""
        if len(self._data) + len(data) > MAXIMUM_HELD_BYTES:
            raise held_too_much()
        self._data += data
        return b""

    def finish(self, authenticated_encryption_tag: bytes | None = None) -> bytes:
        """Decrypt."""
        job = (self._key, self._parameters, bytes(self._data), authenticated_encryption_tag)
        return self._processes.run(rsa_encryption.decrypt, *job)
