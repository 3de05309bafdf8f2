"""What is filled into the form of a kind of records is what decoding each of them at length gives."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.storage.records import decode_record, encode_record
from kmip_adapters.storage.sql import read_forms
from kmip_adapters.storage.sql.read_forms import LONGEST, MOST, read_record
from kmip_adapters.storage.sql.searched_columns import NAMES_OF_SEARCHED, searched_columns
from kmip_app.testing.contracts.samples import ATTRIBUTES, SAMPLES
from kmip_core.attributes import DATES, MULTIPLE, Attributes
from kmip_core.enums import HashingAlgorithm, LinkType
from kmip_core.structures import Digest, Link, Name
from tests.builders import a_symmetric_key
from tests.rounds import rounds

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9) | st.sampled_from(
    ['","object_type":2', ',"links":[', ',"last_change_date":1', '"initial_date":5', '_date":7', "}", '"', "\\"]
)
"""Texts of clients, among them all that is looked for in a record."""

OWN = st.fixed_dictionaries(
    {
        "unique_identifier": TEXTS,
        "short_unique_identifier": st.binary(min_size=32, max_size=32),
        "names": st.lists(TEXTS.map(lambda text: Name(name_value=text)), max_size=2).map(tuple),
        "links": st.lists(
            TEXTS.map(lambda text: Link(link_type=LinkType.NEXT_LINK, linked_object_identifier=text)), max_size=2
        ).map(tuple),
        "digests": st.lists(st.binary(max_size=3), max_size=2).map(
            lambda values: tuple(
                Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=value) for value in values
            )
        ),
    }
)
TIMES = st.dictionaries(st.sampled_from(sorted(DATES)), st.integers(-3, 3) | st.just(1 << 70))
WHOLE = a_symmetric_key()[0].attributes.but(
    short_unique_identifier=bytes(32),
    names=(Name(name_value="a name"),),
    digests=(Digest(hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=bytes(32)),),
    last_change_date=5,
)
"""What an object with a form has."""


def types_of(value: object) -> object:
    """Equality is blind to enumerations become numbers; their types are not."""
    if isinstance(value, tuple):
        return (type(value), *map(types_of, value))
    names = getattr(type(value), "__attrs_attrs__", ())
    return (type(value), *(types_of(getattr(value, a.name)) for a in names))


def check(stored: bytes, hidden: bytes) -> None:
    attributes, columns = read_record(stored, hidden)
    expected = decode_record(stored, hidden)
    assert attributes == expected
    assert types_of(attributes) == types_of(expected)
    assert list(vars(attributes)) == list(vars(expected))
    assert columns == tuple(map(searched_columns(expected).get, NAMES_OF_SEARCHED))


@pytest.fixture(autouse=True)
def no_forms() -> None:
    read_forms._forms.clear()


@settings(max_examples=rounds(150, nightly=3_000), deadline=None)
@given(ATTRIBUTES | st.just(WHOLE), st.lists(st.tuples(OWN, TIMES), min_size=2, max_size=4))
def test_each_of_a_kind_is_read_as_if_it_were_the_first(
    attributes: Attributes, objects: list[tuple[dict[str, Any], dict[str, int]]]
) -> None:
    for own, times in objects:
        check(*encode_record(attributes.with_fields(own | times)))


@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_else_an_object_has_is_read_with_it(name: str) -> None:
    value = SAMPLES[name]
    bare, other = WHOLE, WHOLE.with_fields({name: (value,) if name in MULTIPLE else value})
    for one in (bare, other, bare, other):
        check(*encode_record(one))


def test_most_records_have_a_form() -> None:
    for number in range(3):
        check(*encode_record(WHOLE.but(unique_identifier=f"{number}", initial_date=number)))

    assert len(read_forms._forms) == 1


@pytest.mark.parametrize("text", ['x","object_type":2', 'x_date":7', ',"links":[', ',"last_change_date":1'])
def test_no_text_of_a_client_is_taken_for_a_field(text: str) -> None:
    for one in (WHOLE, WHOLE.but(object_groups=(text,), names=(Name(name_value=text),)), WHOLE):
        for _ in range(2):
            check(*encode_record(one))


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_field_of_a_later_release_is_skipped(place: str) -> None:
    stored, hidden = encode_record(WHOLE)
    check(stored, hidden)
    record = json.loads(stored)
    later = {"later": {"object_type": 2, "initial_date": 9, "links": []}}
    both = later | record if place == "first" else record | later
    for _ in range(2):
        check(json.dumps(both, separators=(",", ":")).encode(), hidden)


def test_a_record_in_another_order_is_read() -> None:
    stored, hidden = encode_record(WHOLE)
    check(stored, hidden)
    backwards = dict(reversed(json.loads(stored).items()))
    for _ in range(2):
        check(json.dumps(backwards, separators=(",", ":")).encode(), hidden)


def test_digests_in_the_open_part_are_in_no_form() -> None:
    record = json.loads(encode_record(WHOLE)[0]) | {"digests": json.loads(encode_record(WHOLE)[1])}
    for hidden in (b"", encode_record(WHOLE)[1], b""):
        check(json.dumps(record, separators=(",", ":")).encode(), hidden)

    assert all(not form.attributes.digests for form in read_forms._forms.values())


def test_a_record_that_is_none_raises_as_decoding_it_does() -> None:
    stored, hidden = encode_record(WHOLE)
    check(stored, hidden)
    for damaged in (stored[:-1], b"{" + stored, stored.replace(b'"names"', b"names"), b""):
        with pytest.raises(ValueError):
            decode_record(damaged, hidden)
        with pytest.raises(ValueError):
            read_record(damaged, hidden)


def test_forms_are_few_and_short() -> None:
    check(*encode_record(WHOLE.but(object_groups=("g" * LONGEST,))))
    assert not read_forms._forms
    for length in range(2 * MOST):
        check(*encode_record(WHOLE.but(cryptographic_length=length)))
        assert len(read_forms._forms) <= MOST


def test_objects_that_are_counted_have_no_form() -> None:
    check(*encode_record(WHOLE.but(encrypt_counter=3)))

    assert not read_forms._forms
