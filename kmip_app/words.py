"""Members of the standard's enumerations by the names that people write and read."""

import enum
from difflib import get_close_matches
from typing import Final, TypeVar

E = TypeVar("E", bound=enum.Enum)
MANY: Final = 12


def member(kind: type[E], given: object) -> E:
    """Return the member that is meant: "Create Key Pair", "create-key-pair", or a member of a client's enumeration.

    Raises ValueError, which names the nearest member, or all of a few.
    """
    if isinstance(given, kind):
        return given
    name = str(getattr(given, "name", given))
    members = {_bare(one.name): one for one in kind}
    found = members.get(_bare(name)) or members.get(_ALIASES.get(_bare(name), ""))
    if found is None:
        near = [members[match].name for match in get_close_matches(_bare(name), members, n=1)]
        guess = f"; did you mean {near[0]}?" if near else ""
        if not near and len(kind) <= MANY:
            guess = f"; choose one of {', '.join(one.name.lower().replace('_', '-') for one in kind)}"
        raise ValueError(f"{name!r} is no {kind.__name__}{guess}")
    return found


_ALIASES: Final = {"3DES": "TRIPLEDES", "DES3": "TRIPLEDES"}


def _bare(name: str) -> str:
    return "".join(character for character in name if character.isalnum()).upper()
