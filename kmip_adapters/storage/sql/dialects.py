"""How each engine takes the statements that are written once for all of them (`prepared`)."""

from collections.abc import Mapping
from typing import Final

from kmip_core.classes import frozen


@frozen(kw_only=True)
class Dialect:
    """In what engines, and their drivers, differ.

    placeholder: stands for one value.
    join_in_order: joins two tables of which the first one is walked.
    pipelines: whether the driver sends one statement for many rows of values in one round trip.
    """

    name: str
    placeholder: str
    join_in_order: str
    pipelines: bool


SQLITE: Final = Dialect(
    name="sqlite",
    placeholder="?",
    join_in_order="CROSS JOIN",  # it has no statistics to know that the first table is the small one
    pipelines=False,
)
POSTGRESQL: Final = Dialect(name="postgresql", placeholder="%s", join_in_order="JOIN", pipelines=True)

DIALECTS: Final[Mapping[str, Dialect]] = {each.name: each for each in (SQLITE, POSTGRESQL)}
