"""Hashing Algorithm -> pyca hash, for digests and for everything that is built on one."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives import hashes

from kmip_core.enums import HashingAlgorithm
from kmip_core.errors import need, unsupported_parameters
from kmip_core.standard_names import standard_name

HASHES: Final[Mapping[HashingAlgorithm, hashes.HashAlgorithm]] = {
    HashingAlgorithm.MD5: hashes.MD5(),  # noqa: S303 - the standard has it; the profile decides
    HashingAlgorithm.SHA_1: hashes.SHA1(),  # noqa: S303 - as MD5
    HashingAlgorithm.SHA_224: hashes.SHA224(),
    HashingAlgorithm.SHA_256: hashes.SHA256(),
    HashingAlgorithm.SHA_384: hashes.SHA384(),
    HashingAlgorithm.SHA_512: hashes.SHA512(),
    HashingAlgorithm.SHA_512_224: hashes.SHA512_224(),
    HashingAlgorithm.SHA_512_256: hashes.SHA512_256(),
    HashingAlgorithm.SHA3_224: hashes.SHA3_224(),
    HashingAlgorithm.SHA3_256: hashes.SHA3_256(),
    HashingAlgorithm.SHA3_384: hashes.SHA3_384(),
    HashingAlgorithm.SHA3_512: hashes.SHA3_512(),
}
"""pyca's hash algorithms are values without state; one of each will do."""


def known_hash(algorithm: HashingAlgorithm | None) -> hashes.HashAlgorithm:
    """Return pyca's hash.  Raises KmipError: Invalid Field for none, Unsupported Cryptographic Parameters for one
    that pyca does not have."""
    found = HASHES.get(need(algorithm, "Hashing Algorithm"))
    if found is None:
        known = ", ".join(standard_name(known) for known in HASHES)
        name = "none" if algorithm is None else algorithm.name
        raise unsupported_parameters(f"{name} cannot be computed here; known hashes: {known}")
    return found


def digest(algorithm: HashingAlgorithm, data: bytes) -> bytes:
    """Return the digest of `data`."""
    stream = HashStream(known_hash(algorithm))
    stream.update(data)
    return stream.finish()


def _begun(algorithm: hashes.HashAlgorithm) -> Any:
    """Return a context of hashlib, which is made ten times as fast as pyca's."""
    name = algorithm.name.replace("-", "_")
    return (_CONSTRUCTORS.get(name) or partial(hashlib.new, name))(usedforsecurity=False)


_CONSTRUCTORS: Final = {
    name: getattr(hashlib, name)
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512")
}
"""Constructors that need no look-up by name; `usedforsecurity` is for MD5 on hosts that would not have it otherwise,
since the profile decides what is used."""


class HashStream:
    """A digest in parts."""

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        self._context = _begun(algorithm)

    def update(self, data: bytes) -> None:
        """Take a part."""
        self._context.update(data)

    def finish(self) -> bytes:
        """Return the digest."""
        return bytes(self._context.digest())
