"""Unique Identifiers: random ones for servers, counted ones for tests."""

import itertools
import os
from typing import Final


class RandomIdentifiers:
    """Version 4 UUIDs as text (RFC 9562 §5.4): 36 characters, 122 random bits, never to be guessed.

    Randomness is asked of the operating system each time: a buffer would be repeated by a forked process.
    """

    def new(self) -> str:
        """Return a fresh identifier."""
        digits = os.urandom(16).hex()
        variant = _VARIANT[digits[16]]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class SequentialIdentifiers:
    """ "1", "2", "3" ... so that tests can foretell them."""

    def __init__(self, first: int = 1) -> None:
        self._numbers = itertools.count(first)

    def new(self) -> str:
        """Return the next number."""
        return str(next(self._numbers))
