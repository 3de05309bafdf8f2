"""What the rows of new objects of a kind have in common, worked out once: clients make the same again and again.

Two keys that one application makes differ in their identifiers, names, links, dates and digests; these are filled in
for each of them. All else, its columns, its part of the record and its entries in the index, is the same as long as the
attributes are: a form is found by their values. The first of each kind goes the long way (`rows`, `records`,
`attribute_index`), and so does an object with anything that is an object's own and is seldom given, as a description or
custom attributes. What is filled in is, to the byte, what the long way would write; a test compares them.

No form has anything of a secret: digests are filled in.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Mapping
from operator import is_, itemgetter
from typing import Any, Final, TypeAlias

from kmip_adapters.storage.record_writers import INT64_MAX, INT64_MIN
from kmip_adapters.storage.records import canonical_record, encode_record, joined_record, record_of, written_value
from kmip_adapters.storage.sql.attribute_index import CODES, Entry, HidingIndexKey, entries
from kmip_adapters.storage.sql.searched_columns import searched_columns
from kmip_core.attribute_facts import Kind
from kmip_core.attributes import DATES, ROWS, Attributes
from kmip_core.classes import frozen

MOST: Final = 256
"""Forms that are kept, some 4 KiB each."""

LONGEST: Final = 1_024
"""Bytes of a record, as it is stored, whose form is kept: a client chooses groups and parameters."""


@frozen
class Form:
    """One kind of objects.

    columns: those that Locate looks for, the dates among them without their values.  record: of the attributes, in the
    order of its fields, likewise.  entries: of the index, that all such objects have.
    dates: those that they have, with their codes in the index.
    """

    columns: dict[str, Any]
    record: dict[str, Any]
    entries: tuple[Entry, ...]
    dates: tuple[tuple[str, int], ...]


Described: TypeAlias = tuple[dict[str, Any], bytes, bytes, set[Entry]]
"""What is written of the attributes of a new object: the columns that Locate looks for, without the rare ones that are
NULL; its record in two parts, as `records.encode_record` returns it; its entries in the index."""


def described(attributes: Attributes, index_key: bytes) -> Described:
    """Return what is written of a new object.  index_key: what the digests of its secrets are keyed with."""
    fields = vars(attributes)
    key_of_rest = index_key if isinstance(index_key, HidingIndexKey) else b""
    kind = _kind_of(fields, key_of_rest)
    if kind is None:
        return _described_at_length(attributes, index_key)
    form = _forms.get(kind)
    if form is None:
        found = _described_at_length(attributes, index_key)
        if len(found[1]) <= LONGEST:
            _keep(kind, attributes, key_of_rest)
        return found
    filled_in = _filled_in(form, fields, index_key, key_of_rest)
    return _described_at_length(attributes, index_key) if filled_in is None else filled_in


def has_seldom(attributes: Attributes) -> bool:
    """Return whether an object has anything that is its own and seldom given."""
    return bool(_seldom(vars(attributes)) != _NONE)


def _kind_of(fields: Mapping[str, Any], key_of_rest: bytes) -> tuple[Any, ...] | None:
    """Return what tells the kind of an object from all others; None for one that has no form.

    Of most objects the few values that they have are enough: a tuple of all would take twice as long to be looked up.
    """
    names, links = fields["names"], fields["links"]
    if fields["unique_identifier"] is None or fields["short_unique_identifier"] is None or not fields["digests"]:
        return None
    kind = (key_of_rest, not names, not links, *map(is_, _usual_dates(fields), _NO_USUAL_DATES), *_usual(fields))
    if _rest(fields) == _NO_REST:
        return kind
    if _seldom(fields) != _NONE:
        return None
    return *kind, *map(is_, _rare_dates(fields), _NO_RARE_DATES), *_rare(fields)


def _described_at_length(attributes: Attributes, index_key: bytes) -> Described:
    return searched_columns(attributes), *encode_record(attributes), entries(attributes, index_key)


def _filled_in(form: Form, fields: Mapping[str, Any], index_key: bytes, key_of_rest: bytes) -> Described | None:
    """Return what is written; None for a date that is written otherwise, as no client can send it."""
    columns, record, found = form.columns.copy(), form.record.copy(), set(form.entries)
    for name, code in form.dates:
        date = fields[name]
        if not INT64_MIN <= date <= INT64_MAX:
            return None
        columns[name] = record[name] = date
        found.add((code, date))
    record["unique_identifier"] = fields["unique_identifier"]
    short = b2a_base64(fields["short_unique_identifier"], newline=False)
    record["short_unique_identifier"] = short.decode()
    found.add((_SHORT, _digest(b'"%b"' % short, key_of_rest)))
    for several, code in _SEVERAL:
        if fields[several]:
            record[several] = values = []
            for value in fields[several]:
                written = written_value(value)
                values.append(written)
                found.add((code, _digest(canonical_record(written), key_of_rest)))
    digests = []
    for value in fields["digests"]:
        written = written_value(value)
        digests.append(written)
        found.add((_KEYED, _digest(canonical_record(written), index_key)))
    return columns, *joined_record(record, digests), found


def _digest(canonical: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(canonical, digest_size=8, key=key).digest(), signed=True)


def _keep(kind: tuple[Any, ...], attributes: Attributes, key_of_rest: bytes) -> None:
    fields = vars(attributes)
    dates = tuple([(name, CODES[name]) for name in _DATES if fields[name] is not None])
    shared = attributes.with_fields(WITHOUT_OWN)
    if len(_forms) >= MOST:
        _forms.clear()
    record = record_of(attributes)
    del record["digests"]
    columns = searched_columns(attributes)
    _forms[kind] = Form(
        dict.fromkeys(columns) | searched_columns(shared),
        dict.fromkeys(record) | record_of(shared),
        tuple(entries(shared, key_of_rest)),
        dates,
    )


_DATES: Final = tuple(sorted(DATES))
_USUAL_DATES: Final = ("initial_date", "last_change_date", "original_creation_date", "activation_date")
_RARE_DATES: Final = tuple(name for name in _DATES if name not in _USUAL_DATES)
_NO_USUAL_DATES: Final = (None,) * len(_USUAL_DATES)
_NO_RARE_DATES: Final = (None,) * len(_RARE_DATES)
_SEVERAL: Final = (("names", CODES["names"]), ("links", CODES["links"]))
_SHORT: Final = CODES["short_unique_identifier"]
_KEYED: Final = CODES["digests"]

WITHOUT_OWN: Final[dict[str, Any]] = {
    "unique_identifier": None,
    "short_unique_identifier": None,
    "digests": (),
    **{name: () for name, _ in _SEVERAL},
    **dict.fromkeys(_DATES),
}
"""What is an object's own, and is filled in."""

_COMMON_OF_THEIR_KIND: Final = frozenset(
    {
        "cryptographic_domain_parameters",
        "cryptographic_parameters",
        "object_groups",
        "operation_policy_name",
        "random_number_generator",
    }
)
"""Texts and structures that objects share."""

_BARE: Final = vars(Attributes())
_SELDOM: Final = tuple(
    name
    for name in _BARE
    if name not in WITHOUT_OWN
    and name not in _COMMON_OF_THEIR_KIND
    and (name not in ROWS or ROWS[name].kind in (Kind.TEXT, Kind.BYTES, Kind.STRUCTURE, Kind.ANY))
)
"""What an object with a form has nothing of."""

_USUAL: Final = (
    "object_type",
    "object_class",
    "cryptographic_algorithm",
    "cryptographic_length",
    "operation_policy_name",
    "cryptographic_usage_mask",
    "lease_time",
    "state",
    "fresh",
    "random_number_generator",
    "sensitive",
    "always_sensitive",
    "extractable",
    "never_extractable",
    "key_format_type",
    "protection_storage_mask",
)
"""What nearly every new key has."""

_RARE: Final = tuple(name for name in _BARE if name not in {*WITHOUT_OWN, *_SELDOM, *_USUAL})
"""What tells kinds from each other beside that, and which dates, names and links there are."""

_usual_dates: Final = itemgetter(*_USUAL_DATES)
_rare_dates: Final = itemgetter(*_RARE_DATES)
_usual: Final = itemgetter(*_USUAL)
_rare: Final = itemgetter(*_RARE)
_seldom: Final = itemgetter(*_SELDOM)
_NONE: Final = _seldom(_BARE)
_rest: Final = itemgetter(*_RARE_DATES, *_RARE, *_SELDOM)
_NO_REST: Final = _rest(_BARE)
_forms: Final[dict[tuple[Any, ...], Form]] = {}
