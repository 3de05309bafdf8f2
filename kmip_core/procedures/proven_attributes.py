"""Attributes of requests for new objects that were found to be right: clients ask for the same again and again.

Whether a client may give these attributes to an object of this type depends on nothing but them, where they are numbers
and flags, with one name and one link at most: no policy, no other object and no clock is asked. Such a question is
answered once. What was refused is not remembered, so that only the long way refuses.
"""

from operator import itemgetter
from typing import Any, Final, TypeAlias

from kmip_core.attribute_facts import Kind
from kmip_core.attributes import ROWS, Attributes
from kmip_core.enums import ObjectType
from kmip_core.operation import Scope

MOST: Final = 1_024
"""Kinds that are remembered, some 500 bytes each: numbers alone."""

Question: TypeAlias = tuple[Any, ...]


def question(scope: Scope, attributes: Attributes, object_type: ObjectType, *, made_here: bool) -> Question | None:
    """Return all that the answer depends on; None where there is more, and it must be looked for.

    made_here: as for `creation.begin`.
    """
    fields = vars(attributes)
    names, links = fields["names"], fields["links"]
    if len(names) > 1 or len(links) > 1 or scope.services.settings.unique_names:
        return None
    asked = object_type, made_here, not names, not links, *_usual(fields)
    if _rest(fields) == _NO_REST:  # most requests give few: a tuple of all would take twice as long to be looked up
        return asked
    return (*asked, *_rare(fields)) if _more(fields) == _NOTHING else None


def is_proven(asked: Question | None) -> bool:
    """Return whether it was answered: the attributes are right, and are stored as they are."""
    return asked in _proven


def prove(asked: Question) -> None:
    """Remember that they are."""
    if len(_proven) >= MOST:
        _proven.clear()
    _proven.add(asked)


_TEXTS_AND_STRUCTURES: Final = (Kind.TEXT, Kind.BYTES, Kind.STRUCTURE, Kind.ANY)
_BARE: Final = vars(Attributes())
_NUMBERS: Final = tuple(
    name
    for name, value in _BARE.items()
    if value is None and name in ROWS and ROWS[name].kind not in _TEXTS_AND_STRUCTURES
)
_USUAL: Final = (
    "cryptographic_algorithm",
    "cryptographic_length",
    "cryptographic_usage_mask",
    "activation_date",
    "sensitive",
    "extractable",
    "key_format_type",
)
"""What most requests give, if anything."""

_RARE: Final = tuple(name for name in _NUMBERS if name not in _USUAL)
_MORE: Final = tuple(name for name in _BARE if name not in {"names", "links", *_NUMBERS})
_usual: Final = itemgetter(*_USUAL)
_rare: Final = itemgetter(*_RARE)
_more: Final = itemgetter(*_MORE)
_NOTHING: Final = _more(_BARE)
_rest: Final = itemgetter(*_RARE, *_MORE)
_NO_REST: Final = _rest(_BARE)
_proven: Final[set[Question | None]] = set()
