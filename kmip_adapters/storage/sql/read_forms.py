"""What the records of objects of a kind have in common, decoded once: the other direction of `row_forms`.

Most rows that are read differ in identifiers, names, links, dates and digests alone, as those that are written. These
are cut out of the text of a record; all the rest of the text, byte by byte, tells its kind. Of a kind that is known,
its attributes and what its row has in the columns are there already, and what was cut out is filled in. The first
record of a kind is decoded at length (`records`), and so is whatever is not as the store writes it today; a test
compares them.

The text is that of a record whose seal is right, so this server or an older one has written it. In JSON a quotation
mark that belongs to a text stands behind a backslash: what is looked for here is never part of a client's text.

No form has anything of a secret: digests are filled in.
"""

import re
from binascii import a2b_base64
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

from kmip_adapters.storage.records import decode_record, read_json, reader_of_value
from kmip_adapters.storage.sql.columns import DATE_COLUMNS
from kmip_adapters.storage.sql.row_forms import WITHOUT_OWN, has_seldom
from kmip_adapters.storage.sql.searched_columns import NAMES_OF_SEARCHED, searched_columns
from kmip_core.attributes import DATES, Attributes
from kmip_core.classes import frozen
from kmip_core.structures import Digest, Link, Name

MOST: Final = 256
"""Forms that are kept, some 4 KiB each."""

LONGEST: Final = 1_024
"""Bytes of what records of a kind have in common, if it is kept: a client chooses groups and parameters."""

Columns = tuple[Any, ...]
"""What the row of an object has in the columns that Locate looks for, in the order of `NAMES_OF_SEARCHED`."""


@frozen
class Form:
    """One kind of records.

    attributes: without what is an object's own.  dates: their names, as they come in the text.
    columns: of the row, those that are no dates.
    """

    attributes: Attributes
    dates: tuple[str, ...]
    columns: Columns


def read_record(stored: bytes, hidden: bytes) -> tuple[Attributes, Columns]:
    """Return what `records.decode_record` does, and what its row must have in the columns that Locate looks for."""
    cut = _cut(stored)
    if cut is None:
        return _read_at_length(stored, hidden)
    own, parts = cut
    kind = tuple(parts[::2])
    form = _forms.get(kind)
    if form is None:
        attributes, columns = _read_at_length(stored, hidden)
        if sum(map(len, kind)) <= LONGEST:
            _keep(kind, parts[1::2], attributes, columns)
        return attributes, columns
    given = _read_own(own)
    if given is None:
        return _read_at_length(stored, hidden)
    given.update(zip(form.dates, map(int, parts[1::2]), strict=True))
    if hidden:
        given["digests"] = _digests(read_json(hidden))
    attributes = form.attributes.with_fields(given)
    return attributes, _dates(vars(attributes)) + form.columns


def _cut(stored: bytes) -> tuple[bytes, list[bytes]] | None:
    """Return the text of what is an object's own, and the rest: pieces of text with the digits of a date between them.

    The fields of a record are in the order of those of `Attributes`: identifiers and names are in front, links come
    before the date of the last change, which every object has. None for a record where they are not.
    """
    at = stored.find(_FIRST_SHARED)
    if at < 0:
        return None
    begin = stored.find(_LINKS, at)
    if begin < 0:
        return stored[:at] + b"}", _split_at_dates(stored[at:])
    end = stored.find(_AFTER_LINKS, begin)
    if end < 0:
        return None
    return stored[:at] + stored[begin:end] + b"}", _split_at_dates(stored[at:begin] + stored[end:])


def _read_own(own: bytes) -> dict[str, Any] | None:
    """Return the values of what is an object's own, without its dates; None if there is anything else."""
    try:
        record = read_json(own)
        return {name: _OWN[name](value) for name, value in record.items()}
    except (ValueError, KeyError):
        return None


def _read_at_length(stored: bytes, hidden: bytes) -> tuple[Attributes, Columns]:
    attributes = decode_record(stored, hidden)
    return attributes, tuple(map(searched_columns(attributes).get, NAMES_OF_SEARCHED))


def _keep(kind: tuple[bytes, ...], digits: list[bytes], attributes: Attributes, columns: Columns) -> None:
    """Keep the form of a kind whose first record was decoded, unless more of it is its own."""
    dates = tuple([piece[piece.rfind(b'"') + 1 :].decode() + "_date" for piece in kind[:-1]])
    shared = attributes.with_fields(WITHOUT_OWN)
    values = [(name, value) for name in DATES if (value := getattr(attributes, name)) is not None]
    if sorted(values) != sorted(zip(dates, map(int, digits), strict=True)):
        return
    has_digests = any(_DIGESTS in piece for piece in kind)  # as no release has written them
    if has_digests or has_seldom(shared) or any(_counters(vars(shared))):
        return
    if len(_forms) >= MOST:
        _forms.clear()
    _forms[kind] = Form(shared, dates, columns[len(DATE_COLUMNS) :])


_FIRST_SHARED: Final = b',"object_type":'
_DIGESTS: Final = b',"digests":'
_LINKS: Final = b',"links":['
_AFTER_LINKS: Final = b',"last_change_date":'
_split_at_dates: Final[Callable[[bytes], list[bytes]]] = re.compile(rb'_date":(-?[0-9]+)').split
_dates: Final = itemgetter(*DATE_COLUMNS)
_counters: Final = itemgetter(*(name for name in vars(Attributes()) if name.endswith("_counter")))
"""They differ from object to object, and from one use to the next."""


def _several(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    def read_all(values: Any) -> tuple[Any, ...]:
        read = reader_of_value(kind)
        return tuple([read(value, None) for value in values])

    return read_all


_digests: Final = _several(Digest)
_OWN: Final[dict[str, Callable[[Any], Any]]] = {
    "unique_identifier": str,
    "short_unique_identifier": a2b_base64,
    "names": _several(Name),
    "links": _several(Link),
}
_forms: Final[dict[tuple[bytes, ...], Form]] = {}
