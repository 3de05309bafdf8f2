"""Which official cases need a server with other settings than the default ones, and why (RULINGS 12)."""

from fnmatch import fnmatchcase
from typing import Final

from attrs import frozen

from tests.conformance.cases import Case


@frozen(kw_only=True)
class Setting:
    """Options of `serve` for the cases whose id matches a shell pattern."""

    cases: str
    options: tuple[str, ...]
    reason: str


SETTINGS: Final[tuple[Setting, ...]] = ()


def options_for(case: Case) -> tuple[str, ...]:
    """Return the options of the server that `case` is played against."""
    return tuple(o for setting in SETTINGS if fnmatchcase(case.id, setting.cases) for o in setting.options)
