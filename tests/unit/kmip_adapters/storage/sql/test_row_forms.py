"""What is filled into the form of a kind of objects is what the long way writes of each of them."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.storage.records import encode_record
from kmip_adapters.storage.sql import row_forms
from kmip_adapters.storage.sql.attribute_index import HidingIndexKey, entries
from kmip_adapters.storage.sql.row_forms import LONGEST, MOST, Described, described
from kmip_adapters.storage.sql.searched_columns import searched_columns
from kmip_app.testing.contracts.samples import ATTRIBUTES, SAMPLES
from kmip_core.attributes import DATES, MULTIPLE, Attributes
from kmip_core.enums import HashingAlgorithm, KeyFormatType, LinkType
from kmip_core.structures import Digest, Link, Name
from tests.builders import a_symmetric_key
from tests.rounds import rounds

KEYS = st.sampled_from([b"k" * 32, HidingIndexKey(b"k" * 32)])
OWN = st.fixed_dictionaries(
    {
        "unique_identifier": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9),
        "short_unique_identifier": st.binary(min_size=32, max_size=32),
        "names": st.lists(st.sampled_from(["a", "b", "ü", "\x00"]).map(lambda name: Name(name_value=name))).map(tuple),
        "digests": st.lists(st.binary(max_size=3), min_size=1, max_size=2).map(
            lambda values: tuple(
                Digest(
                    hashing_algorithm=HashingAlgorithm.SHA_256,
                    digest_value=hashlib.sha256(value).digest(),
                    key_format_type=KeyFormatType.RAW,
                )
                for value in values
            )
        ),
    }
)
TIMES = st.dictionaries(st.sampled_from(sorted(DATES)), st.integers(-3, 3))


COMMON = ATTRIBUTES.map(lambda one: one.with_fields({name: vars(Attributes())[name] for name in row_forms._SELDOM}))
WHOLE = a_symmetric_key()[0].attributes.but(
    short_unique_identifier=bytes(32),
    names=(Name(name_value="a name"),),
    digests=(Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=bytes(32)),),
)
"""What an object with a form has."""


def at_length(attributes: Attributes, key: bytes) -> Described:
    return searched_columns(attributes), *encode_record(attributes), entries(attributes, key)


@pytest.fixture(autouse=True)
def no_forms() -> None:
    row_forms._forms.clear()


@settings(max_examples=rounds(150, nightly=3_000), deadline=None)
@given(ATTRIBUTES | COMMON, st.lists(st.tuples(OWN, TIMES), min_size=2, max_size=4), KEYS)
def test_each_of_a_kind_is_described_as_if_it_were_the_first(
    attributes: Attributes, objects: list[tuple[dict[str, Any], dict[str, int]]], key: bytes
) -> None:
    for own, times in objects:
        one = attributes.with_fields(own | times)
        assert described(one, key) == at_length(one, key)


@pytest.mark.parametrize("key", [b"k" * 32, HidingIndexKey(b"k" * 32)])
@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_else_an_object_has_is_described_with_it(name: str, key: bytes) -> None:
    value = SAMPLES[name]
    bare, other = WHOLE, WHOLE.with_fields({name: (value,) if name in MULTIPLE else value})
    for one in (bare, other, bare, other):
        assert described(one, key) == at_length(one, key)


def test_stores_with_keys_of_their_own_have_forms_of_their_own() -> None:
    keys = (b"k" * 32, HidingIndexKey(b"k" * 32), HidingIndexKey(b"l" * 32))
    for key in (*keys, *keys):
        assert described(WHOLE, key) == at_length(WHOLE, key)


def test_a_date_of_more_than_64_bits_is_described_as_ever() -> None:
    for one in (WHOLE, WHOLE.but(activation_date=1), WHOLE.but(activation_date=1 << 63), WHOLE.but(activation_date=2)):
        assert described(one, b"k" * 32) == at_length(one, b"k" * 32)


def test_what_is_described_is_nobody_elses_to_change() -> None:
    for _ in range(3):
        columns, _, _, found = described(WHOLE, b"k" * 32)
        columns["state"] = 99
        found.clear()
    assert described(WHOLE, b"k" * 32) == at_length(WHOLE, b"k" * 32)


def test_forms_are_few_and_short() -> None:
    described(WHOLE, b"k" * 32)
    assert len(row_forms._forms) == 1
    described(WHOLE.but(object_groups=("g" * LONGEST,)), b"k" * 32)
    assert len(row_forms._forms) == 1
    for length in range(2 * MOST):
        described(WHOLE.but(cryptographic_length=length), b"k" * 32)
        assert len(row_forms._forms) <= MOST


@pytest.mark.parametrize("name", ["unique_identifier", "short_unique_identifier", "digests"])
@pytest.mark.parametrize("key", [b"k" * 32, HidingIndexKey(b"k" * 32)], ids=["plain", "hiding"])
def test_an_object_without_its_own_values_is_described_without_them(name: str, key: bytes) -> None:
    """As one without content, which has no digests."""
    without = WHOLE.with_fields({name: vars(Attributes())[name]})
    for one in (without, WHOLE, without, WHOLE):
        assert described(one, key) == at_length(one, key)


@pytest.mark.parametrize("key", [b"k" * 32, HidingIndexKey(b"k" * 32)], ids=["plain", "hiding"])
def test_objects_that_differ_in_what_is_their_own_have_one_form(key: bytes) -> None:
    """Else clients that give each key a name would fill the forms up."""
    for number in range(3):
        name = Name(name_value=f"{number}")
        link = Link(link_type=LinkType.NEXT_LINK, linked_object_identifier=f"{number}")
        own: dict[str, Any] = {"unique_identifier": f"{number}", "names": (name,), "links": (link,)}
        described(WHOLE.with_fields({**own, "initial_date": number}), key)
    assert len(row_forms._forms) == 1

    described(WHOLE.but(names=()), key)
    assert len(row_forms._forms) == 2
