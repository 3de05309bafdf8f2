"""One row per attribute: what is derived from it agrees with the field."""

import enum
from typing import get_args

import attrs
import pytest

from kmip_core.attribute_facts import Kind, Search
from kmip_core.attributes import ADJUSTABLE, CUSTOM, DATES, FIELDS, MASKS, MULTIPLE, ROWS, TRAITS, Attributes, title
from kmip_core.enums import ItemType

TYPES = {a.name: a.type for a in attrs.fields(Attributes)}
OF_INTEGERS = {Kind.DATE, Kind.INTERVAL, Kind.INTEGER, Kind.RARE_INTEGER, Kind.RARE_LONG_INTEGER}


@pytest.mark.parametrize("name", FIELDS)
def test_the_kind_of_a_row_is_that_of_its_field(name: str) -> None:
    (value_type, *_) = get_args(TYPES[name])
    kind = ROWS[name].kind

    if value_type is bool:
        assert kind is Kind.BOOLEAN
    elif value_type is int:
        assert kind in OF_INTEGERS
    elif value_type in (str, bytes):
        assert kind is {str: Kind.TEXT, bytes: Kind.BYTES}[value_type]
    elif issubclass(value_type, enum.Flag):
        assert kind is Kind.MASK
    elif issubclass(value_type, enum.Enum):
        assert kind in (Kind.ENUMERATION, Kind.CLASS, Kind.RARE_ENUMERATION)
    else:
        assert kind is Kind.STRUCTURE


def test_every_field_but_two_has_a_row() -> None:
    """`sparse_indices` and `template_names` are no attributes."""
    assert TYPES.keys() - ROWS.keys() == {"sparse_indices", "template_names"}
    assert (*FIELDS, CUSTOM) == tuple(ROWS)


def test_tables_follow_from_the_rows() -> None:
    assert {name for name in FIELDS if name.endswith("_date")} == DATES
    assert {name for name in FIELDS if name.endswith("_mask")} == MASKS
    assert not {*TRAITS} & ({"object_type", "state"} | MULTIPLE | DATES)
    assert {ADJUSTABLE[name] for name in DATES} == {ItemType.DATE_TIME}
    assert ADJUSTABLE["cryptographic_length"] is ItemType.INTEGER
    assert not {*ADJUSTABLE} & (MASKS | {"state", "names", "description"})
    assert all(kind.search is not Search.NUMBER or kind.item_type is not None for kind in Kind)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("names", "Name"),
        ("x_509_certificate_subject", "X.509 Certificate Subject"),
        ("pkcs_12_friendly_name", "PKCS#12 Friendly Name"),
        ("cryptographic_usage_mask", "Cryptographic Usage Mask"),
        ("a word of a client", "A Word Of A Client"),
    ],
)
def test_titles_are_the_standards(name: str, expected: str) -> None:
    assert title(name) == expected
