"""Keys that are written again and again: all of their bytes but the material are the same for keys of a kind.

Most keys are plain bytes in a Key Block that says format, algorithm and length. What stands before and after the
material is remembered by these, so that such a key is three pieces of bytes. No material is remembered, nor a key that
has anything else: Key Wrapping Data, attributes inside its Key Value, or material that is a structure.
"""

from typing import Any, Final

from kmip_adapters.ttlv.converter.fields import Append
from kmip_core.objects import KeyBlock, KeyValue, PrivateKey, PublicKey, SymmetricKey

MOST: Final = 256
"""Kinds of keys; a client may register keys of any length."""

_KEYS: Final = frozenset({SymmetricKey, PublicKey, PrivateKey})
"""Classes of which all that is written is the Key Block."""


def filled(append: Append) -> Append:
    """Return what appends the same bytes as `append` does, which is asked for the first key of each kind."""
    known: dict[tuple[Any, ...], tuple[bytes, bytes]] = {}

    def append_filled(content: Any, out: bytearray) -> None:
        cls = type(content)
        if cls not in _KEYS:
            append(content, out)
            return
        block = content.key_block
        value = block.key_value
        material = value.key_material if type(value) is KeyValue and value.attributes is None else None
        if type(material) is not bytes or not material or block.key_wrapping_data is not None:
            append(content, out)
            return
        kind = (
            cls,
            block.key_format_type,
            block.key_compression_type,
            block.cryptographic_algorithm,
            block.cryptographic_length,
            len(material),
        )
        around = known.get(kind)
        if around is None:
            around = _around(append, cls, block, len(material))
            if len(known) >= MOST:
                known.clear()
            known[kind] = around
        out += around[0]
        out += material
        out += around[1]

    return append_filled


def _around(append: Append, cls: Any, block: KeyBlock, length: int) -> tuple[bytes, bytes]:
    """Return what is written before and after the material of such a key: two of them differ in nothing else."""
    zeros, ones = (_written(append, cls, block, bytes([byte]) * length) for byte in (0, 255))
    begin = next(place for place, (zero, one) in enumerate(zip(zeros, ones, strict=True)) if zero != one)
    end = begin + length
    if zeros[end:] != ones[end:]:
        raise ValueError("the material of a key stands more than once among its bytes")
    return zeros[:begin], zeros[end:]


def _written(append: Append, cls: Any, block: KeyBlock, material: bytes) -> bytes:
    like_it = KeyBlock(
        key_format_type=block.key_format_type,
        key_compression_type=block.key_compression_type,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=block.cryptographic_algorithm,
        cryptographic_length=block.cryptographic_length,
    )
    out = bytearray()
    append(cls(key_block=like_it), out)
    return bytes(out)
