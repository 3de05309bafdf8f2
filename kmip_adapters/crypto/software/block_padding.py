"""Padding Method -> how a last block is filled, and how that is checked and taken away."""

import os
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from cryptography.hazmat.primitives import padding

from kmip_core.classes import frozen
from kmip_core.enums import PaddingMethod


class PaddingContext(Protocol):
    """pyca's shape for padding and unpadding in parts; `finalize` raises ValueError for padding that is wrong."""

    def update(self, data: bytes) -> bytes:
        """Take a part, return what is ready."""
        ...

    def finalize(self) -> bytes:
        """Return the rest."""
        ...


@frozen
class BlockPadding:
    """One method: makers of its padder and its unpadder for a block of so many bytes.

    whole: pads data that is all there, for blocks of so many bytes; None where only the padder does.
    """

    padder: Callable[[int], PaddingContext]
    unpadder: Callable[[int], PaddingContext]
    whole: Callable[[bytes, int], bytes] | None = None


class _TailPadder:
    """Passes data through and appends a tail made from the number of missing bytes."""

    def __init__(self, block_bytes: int, tail: Callable[[int], bytes]) -> None:
        self._block_bytes = block_bytes
        self._tail = tail
        self._length = 0

    def update(self, data: bytes) -> bytes:
        self._length += len(data)
        return data

    def finalize(self) -> bytes:
        return self._tail(self._block_bytes - self._length % self._block_bytes)


class _TailUnpadder:
    """Holds the last block back and strips it."""

    def __init__(self, block_bytes: int, strip: Callable[[bytes], bytes]) -> None:
        self._block_bytes = block_bytes
        self._strip = strip
        self._held = b""

    def update(self, data: bytes) -> bytes:
        self._held += data
        ready = max(0, len(self._held) - self._block_bytes)
        out, self._held = self._held[:ready], self._held[ready:]
        return out

    def finalize(self) -> bytes:
        if len(self._held) not in (0, self._block_bytes):
            raise ValueError("no whole block")
        return self._strip(self._held)


def _strip_iso_10126(block: bytes) -> bytes:
    count = block[-1] if block else 0
    if not 0 < count <= len(block):
        raise ValueError("count out of range")
    return block[:-count]


def _pkcs7(data: bytes, size: int) -> bytes:
    missing = size - len(data) % size
    return data + bytes((missing,)) * missing


PADDINGS: Final[Mapping[PaddingMethod, BlockPadding]] = {
    PaddingMethod.PKCS5: BlockPadding(
        lambda size: padding.PKCS7(size * 8).padder(), lambda size: padding.PKCS7(size * 8).unpadder(), _pkcs7
    ),
    PaddingMethod.ANSI_X9_23: BlockPadding(
        lambda size: padding.ANSIX923(size * 8).padder(), lambda size: padding.ANSIX923(size * 8).unpadder()
    ),
    PaddingMethod.ISO_10126: BlockPadding(
        lambda size: _TailPadder(size, lambda missing: os.urandom(missing - 1) + bytes([missing])),
        lambda size: _TailUnpadder(size, _strip_iso_10126),
    ),
    # Zeros fill an incomplete block only; plain text that itself ends in zeros loses those of its last block.
    PaddingMethod.ZEROS: BlockPadding(
        lambda size: _TailPadder(size, lambda missing: bytes(missing % size)),
        lambda size: _TailUnpadder(size, lambda block: block[:1] + block[1:].rstrip(b"\0")),
    ),
}
"""Every method but None, which is the absence of one."""
