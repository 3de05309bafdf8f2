"""What every value with key material or a password has in common: it stays where it is.

Beside `repr=False` on the field itself, which keeps secrets out of logs and tracebacks.
"""

from typing import Any, NoReturn, Self


class Secret:
    """A base for frozen values: refuses to be pickled, and a copy of it is itself.

    A pickle outlives the process that had a reason to hold the secret, and a copy is one place more that has it.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(f"{type(self).__name__} may hold a secret, which is not pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
