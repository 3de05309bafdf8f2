"""How users' passwords are kept: as hashes that are slow to try."""

from typing import Protocol


class PasswordHashing(Protocol):
    """Makes and checks hashes of passwords. Re-entrant; takes tens of milliseconds, without the interpreter's lock."""

    def hash(self, password: str) -> str:
        """Return a new hash in PHC form.  The password may be as long as a message allows; the cost is the same."""
        ...

    def is_hash(self, encoded: str) -> bool:
        """Return whether this is a hash that `verify` checks, of a cost that the server bears."""
        ...

    def verify(self, encoded: str, password: str) -> bool:
        """Return whether the password is that of the hash; False for what is no hash."""
        ...
