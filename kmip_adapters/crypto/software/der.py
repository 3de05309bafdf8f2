"""DER (X.690) read as a tree of lengths, so that the sizes of a key are known before a library computes with them."""

from collections.abc import Iterator
from typing import Final

from kmip_core.classes import frozen

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
CONTEXT_0: Final = 0xA0

MAXIMUM_VALUES: Final = 64
"""Values on one level of a key; the widest, an RSA private key, has ten."""


@frozen
class Value:
    """One value.  tag: the identifier octet.  content: without tag and length.  whole: with them."""

    tag: int
    content: bytes
    whole: bytes

    @property
    def children(self) -> list["Value"]:
        """The values inside of a constructed one.  Raises ValueError unless they are DER."""
        return list(values(self.content))

    @property
    def bits(self) -> int:
        """The length of an INTEGER's magnitude, or of an OCTET STRING, without leading zero bytes."""
        return int.from_bytes(self.content[:2]).bit_length() + 8 * max(0, len(self.content) - 2)


def values(der: bytes) -> Iterator[Value]:
    """Yield the values that stand one after another.

    Raises ValueError for what is not DER: an indefinite length, a length of more than four octets, a value that ends
    early, or more values than a key has.
    """
    offset = 0
    for _ in range(MAXIMUM_VALUES):
        if offset == len(der):
            return
        if offset + 2 > len(der) or der[offset] & 0x1F == 0x1F:
            raise ValueError("not DER")
        tag, length, start = der[offset], der[offset + 1], offset + 2
        if length & 0x80:
            octets = length & 0x7F
            if not 0 < octets <= 4:
                raise ValueError("not DER")
            length = int.from_bytes(der[start : start + octets])
            start += octets
        end = start + length
        if end > len(der):
            raise ValueError("not DER")
        yield Value(tag, der[start:end], der[offset:end])
        offset = end
    raise ValueError("more values than a key has")


def the_value(der: bytes) -> Value:
    """Return the one value that the bytes are.  Raises ValueError if they are not one."""
    (value,) = values(der)
    return value


def encode(tag: int, content: bytes) -> bytes:
    """Return a value."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + length.to_bytes(octets) + content


def integer(number: int) -> bytes:
    """Return a non-negative INTEGER."""
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))
