"""A change of an object changes exactly those entries of the index that differ."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip_adapters.storage.sql.attribute_index import HidingIndexKey, changed_entries, entries
from kmip_app.testing.contracts.samples import ATTRIBUTES
from kmip_core.attributes import Attributes
from tests.rounds import rounds

KEYS = st.sampled_from([b"k" * 32, HidingIndexKey(b"k" * 32)])


@settings(max_examples=rounds(75, nightly=300), deadline=None)
@given(ATTRIBUTES, ATTRIBUTES, KEYS, st.data())
def test_what_a_change_adds_and_takes_away_is_the_difference(
    before: Attributes, other: Attributes, key: bytes, data: st.DataObject
) -> None:
    replaced = data.draw(st.sets(st.sampled_from(sorted(vars(before)))))
    after = before.but(**{name: vars(other)[name] for name in replaced})

    added, taken_away = changed_entries(before, after, key)

    assert added == entries(after, key) - entries(before, key)
    assert taken_away == entries(before, key) - entries(after, key)


@pytest.mark.parametrize("key", [b"k" * 32, HidingIndexKey(b"k" * 32)])
def test_what_is_replaced_by_its_equal_changes_nothing(key: bytes) -> None:
    before = Attributes(description="a text", comment="another")

    assert changed_entries(before, before.but(description="".join(["a ", "text"])), key) == (set(), set())
