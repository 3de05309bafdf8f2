"""Members of the standard's enumerations by the names that people write and read."""

import enum
import re
from difflib import get_close_matches
from typing import Final, TypeVar

from kmip_core.standard_names import standard_name

E = TypeVar("E", bound=enum.Enum)
MANY: Final = 12
SOME: Final = 4


def member(kind: type[E], given: object) -> E:
    """Return the member that is meant: "Create Key Pair", "create-key-pair", or a member of a client's enumeration.

    Raises ValueError, which names the nearest member, or all of a few, or the first ones.
    """
    if isinstance(given, kind):
        return given
    name = str(getattr(given, "name", given))
    members = {_bare(one.name): one for one in kind}
    found = members.get(_bare(name)) or members.get(_ALIASES.get(_bare(name), ""))
    if found is None:
        near = [standard_name(members[match]) for match in get_close_matches(_bare(name), members, n=1)]
        if near:
            guess = f"did you mean {near[0]}?"
        elif len(kind) <= MANY:
            guess = f"choose one of {', '.join(one.name.lower().replace('_', '-') for one in kind)}"
        else:
            guess = f"write it as the standard does, for example {', '.join(map(standard_name, list(kind)[:SOME]))}"
        raise ValueError(f"{name!r} is no {_WORD.sub(' ', kind.__name__)}; {guess}")
    return found


_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")  # where a word of a class's name begins
_ALIASES: Final = {"3DES": "TRIPLEDES", "DES3": "TRIPLEDES"}


def _bare(name: str) -> str:
    return "".join(character for character in name if character.isalnum()).upper()
