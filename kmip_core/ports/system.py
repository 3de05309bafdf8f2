"""Time and identifiers, which a pure core must ask for."""

from typing import Protocol


class Clock(Protocol):
    """The time of day. Tests step it."""

    def now(self) -> int:
        """Return seconds since 1970-01-01 UTC."""
        ...


class Identifiers(Protocol):
    """Maker of Unique Identifiers and other names that must never repeat."""

    def new(self) -> str:
        """Return a fresh random identifier of at most 36 characters (libkmip family, clients.md 25)."""
        ...
