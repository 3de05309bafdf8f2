"""Every Request and Response over the wire of every version, whole and damaged."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip_adapters.ttlv.converter import make_converter, planned_later
from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.spellings import CREDENTIAL_VALUES
from kmip_core.enums import (
    ItemType,
)
from kmip_core.errors import KmipError
from kmip_core.operation import Spec
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion
from tests.rounds import rounds
from tests.unit.kmip_adapters.ttlv.builders import CONVERTERS, over_the_wire
from tests.unit.kmip_adapters.ttlv.strategies import instances

USUAL = {tables.VERSIONS[0], *tables.VERSIONS[-4:]} - {tables.VERSIONS[-3]}
"""Versions of a plain `pytest`: of each form of attributes at least one."""


def _marks(version: ProtocolVersion) -> tuple[pytest.MarkDecorator, ...]:
    return () if version in USUAL else (pytest.mark.long,)


CASES = [
    pytest.param(
        version, spec, id=f"{spec.operation.name}-{version}", marks=() if version in USUAL else pytest.mark.long
    )
    for version in tables.VERSIONS
    for spec in CATALOGUE.values()
    if int(spec.operation) in tables.enumeration_values("Operation", version)
]


@pytest.mark.parametrize(("version", "spec"), CASES)
@settings(max_examples=rounds(2, nightly=15), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_requests_and_responses_come_back_as_they_went(
    version: ProtocolVersion, spec: Spec, data: st.DataObject
) -> None:
    for cls in (spec.request, spec.response):
        value = data.draw(instances(cls, version))

        assert value == over_the_wire(value, version)


# --- damage -------------------------------------------------------------------------------------------------------

OTHER_VALUES = st.one_of(
    st.tuples(st.just(ItemType.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(ItemType.ENUMERATION), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(ItemType.TEXT_STRING), st.just("x")),
    st.tuples(st.just(ItemType.BYTE_STRING), st.just(b"x")),
    st.tuples(st.just(ItemType.BOOLEAN), st.booleans()),
    st.tuples(st.just(ItemType.STRUCTURE), st.just(())),
)


def damaged(items: tuple[Item, ...], data: st.DataObject) -> tuple[Item, ...]:
    """Return the items with one of them, anywhere in the tree, dropped, doubled or given another value."""
    if not items:
        return items
    place = data.draw(st.integers(0, len(items) - 1))
    item = items[place]
    how = data.draw(st.sampled_from(("inside", "inside", "inside", "drop", "double", "change")))
    changed: tuple[Item, ...]
    if how == "inside" and isinstance(item.value, tuple):
        changed = (item._replace(value=damaged(item.value, data)),)
    elif how == "drop":
        changed = ()
    elif how == "double":
        changed = (item, item)
    else:
        changed = (Item(item.tag, *data.draw(OTHER_VALUES)),)
    return items[:place] + changed + items[place + 1 :]


@pytest.mark.parametrize(("version", "spec"), CASES)
@settings(max_examples=rounds(2, nightly=15), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_request_is_read_or_refused(version: ProtocolVersion, spec: Spec, data: st.DataObject) -> None:
    converter = CONVERTERS[version]
    items = converter.get_unstructure_hook(spec.request)(data.draw(instances(spec.request, version)))
    try:
        read = converter.get_structure_hook(spec.request)(damaged(items, data), spec.request)
    except KmipError as refusal:
        read = refusal

    assert isinstance(read, (spec.request, KmipError))


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
@pytest.mark.parametrize("cls", CREDENTIAL_VALUES.values())
def test_every_credential_can_be_planned_in_every_version(version: ProtocolVersion, cls: type) -> None:
    converter = make_converter(version)

    assert callable(converter.get_structure_hook(cls))
    assert callable(converter.get_unstructure_hook(cls))


def test_a_hook_planned_later_is_planned_once_by_its_first_use_in_any_thread() -> None:
    planned: list[str] = []
    together = Barrier(4)

    def plan(key: str) -> Callable[[int], str]:
        planned.append(key)
        return lambda value: f"{key} {value}"

    table = planned_later(("a", "b"), plan)
    first = table["a"]

    def use(number: int) -> str:
        together.wait(timeout=120)
        return first(number)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(use, range(4)))

    assert answers == ["a 0", "a 1", "a 2", "a 3"]
    assert planned == ["a"]
    assert table["a"](5) == "a 5"
    assert first is not table["a"]  # what was planned has taken its place
    assert table.get("c") is None
