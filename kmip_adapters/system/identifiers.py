"""Unique Identifiers: random ones for servers, counted ones for tests."""

import itertools
import os
import re
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

    def has_form(self, identifier: str) -> bool:
        """Return whether an identifier is a random UUID (version 4), in either case."""
        return _FORM.fullmatch(identifier) is not None


_FORM: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class SequentialIdentifiers:
    """ "1", "2", "3" ... so that tests can foretell them."""

    def __init__(self, first: int = 1) -> None:
        self._numbers = itertools.count(first)

    def new(self) -> str:
        """Return the next number."""
        return str(next(self._numbers))

    def has_form(self, identifier: str) -> bool:
        """Return True: a test may name its objects as it likes."""
        return True
