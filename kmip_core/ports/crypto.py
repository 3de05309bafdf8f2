"""Cryptography, role by role: what operations ask of whatever holds and uses keys.

Roles are small so that an adapter can be narrower; `Crypto` is all of them. An adapter says what it can do in
`capabilities`, and answers the rest with KmipError (Feature Not Supported, or Invalid Field for an algorithm or length
that it does not know). Key material goes in and comes out as content (`KeyBlock`s holding bytes, or a `KeyHandle` that
only its own adapter resolves), so software and tokens share one port. All roles are re-entrant.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from kmip_core.enums import CryptographicAlgorithm, HashingAlgorithm
from kmip_core.structures import KeyMaterial


@frozen(kw_only=True)
class CryptoCapabilities:
    """What an adapter can do, as data for refusals, Query, docs and contract tests.

    symmetric_lengths: algorithms that can be made, with their lengths in bits.
    blocking: True when even short calls may wait (a token): they must not run on an event loop.
    """

    symmetric_lengths: Mapping[CryptographicAlgorithm, Sequence[int]] = field(factory=dict)
    hashing_algorithms: frozenset[HashingAlgorithm] = frozenset()
    blocking: bool = False


class KeyMaker(Protocol):
    """Makes keys."""

    def make_symmetric_key(self, algorithm: CryptographicAlgorithm, length: int) -> KeyMaterial:
        """Return fresh material of `length` bits.

        Raises KmipError (Invalid Field) for an algorithm that is not symmetric or a length that it does not have; the
        text says which lengths would be accepted.
        """
        ...


class Hasher(Protocol):
    """Computes digests."""

    def hash(self, algorithm: HashingAlgorithm, data: bytes) -> bytes:
        """Return the digest.  Raises KmipError (Invalid Field) for an unknown algorithm."""
        ...


class RandomSource(Protocol):
    """Random bytes for clients and for keys."""

    def random_bytes(self, length: int) -> bytes:
        """Return `length` bytes from the operating system or the token."""
        ...


class Crypto(KeyMaker, Hasher, RandomSource, Protocol):
    """Everything."""

    @property
    def capabilities(self) -> CryptoCapabilities:
        """What this adapter can do."""
        ...
