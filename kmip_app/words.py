"""Members of the standard's enumerations by the names that people write and read."""

import enum
import re
from collections.abc import Mapping
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
    members = {bare(one.name): one for one in kind}
    found = members.get(_ALIASES.get(bare(name), bare(name)))
    if found is None:
        guess = hint(name, {key: standard_name(one) for key, one in members.items()})
        raise ValueError(f"{name!r} is no {_WORD.sub(' ', kind.__name__)}; {guess}")
    return found


def hint(given: str, names: Mapping[str, str]) -> str:
    """Return what to write instead of a name that is none: the nearest, all of a few, or the first ones.

    names: as `bare` makes them -> as people read them.
    """
    near = get_close_matches(bare(given), names, n=1)
    if near:
        return f"did you mean {names[near[0]]}?"
    if len(names) <= MANY:
        return f"choose one of {', '.join(name.lower().replace(' ', '-') for name in names.values())}"
    return f"write it as the standard does, for example {', '.join(list(names.values())[:SOME])}"


def bare(name: str) -> str:
    """Return a name without what people write in different ways: capitals, spaces, hyphens."""
    return "".join(character for character in name if character.isalnum()).upper()


_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")  # where a word of a class's name begins
_ALIASES: Final = {"3DES": "TRIPLEDES", "DES3": "TRIPLEDES"}
