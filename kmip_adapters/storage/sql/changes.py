"""What a unit of work has changed, as the writer takes it: nothing is left to compute or to seal."""

from typing import Protocol

from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.rows import Statements


class Change(Protocol):
    """One write of a unit of work."""

    @property
    def is_new(self) -> bool:
        """Whether it adds an object, so that it can be written together with others that do."""
        ...

    @property
    def erases(self) -> bool:
        """Whether it replaces or deletes sealed content."""
        ...

    @property
    def seals(self) -> tuple[bytes, ...]:
        """What it writes that is sealed under a data key."""
        ...

    def apply(self, cursor: Cursor, statements: Statements) -> None:
        """Write it on a cursor inside a transaction.  Raises ConcurrentChange."""
        ...
