"""Time and identifiers, which a pure core must ask for."""

from typing import Protocol

from kmip_core.ports.steps import Pending
from kmip_core.principal import Principal


class Clock(Protocol):
    """The time of day. Tests step it."""

    def now(self) -> int:
        """Return seconds since 1970-01-01 UTC."""
        ...


class Delays(Protocol):
    """Maker of pauses before an answer."""

    def begin(self, milliseconds: int) -> Pending:
        """Return what is over after so many milliseconds."""
        ...


class Identifiers(Protocol):
    """Maker of Unique Identifiers and other names that must never repeat."""

    def new(self) -> str:
        """Return a fresh random identifier of at most 36 characters (libkmip family, clients.md 25)."""
        ...

    def has_form(self, identifier: str) -> bool:
        """Return whether an identifier has the form of those made here, so that a guess does not find an object."""
        ...


class FaultLog(Protocol):
    """Where faults of the server itself go; clients get a correlation id and nothing else."""

    def report(self, correlation_id: str, error: BaseException) -> None:
        """Keep the error with its traceback, without values of local variables."""
        ...


class Remarks(Protocol):
    """Where the server says what operators should know of a request that was done all the same."""

    def note(self, principal: Principal, text: str) -> None:
        """Keep a sentence without secrets, about a request of this principal."""
        ...


class NoRemarks:
    """Drops them."""

    def note(self, principal: Principal, text: str) -> None:
        """Do nothing."""
