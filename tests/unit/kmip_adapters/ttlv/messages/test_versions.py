"""What means another thing in another version."""

from functools import partial

import pytest

from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import ASYNCHRONOUS_INDICATOR
from kmip_adapters.ttlv.messages.versions import Dialects, make_dialect
from kmip_adapters.ttlv.standard.versions import VERSIONS
from kmip_core.enums import AsynchronousIndicator, ItemType
from tests.unit.kmip_adapters.ttlv.builders import ACTIVATE, V12, V14, enumerated, header, request


@pytest.mark.parametrize(("version", "in_order"), [((1, 0), False), ((1, 4), False), ((2, 0), True), ((2, 1), True)])
def test_batch_order_has_its_default_by_version(version: tuple[int, int], in_order: bool) -> None:
    assert in_order is request(header(version), ACTIVATE).header.batch_order_option


@pytest.mark.parametrize(
    ("version", "indicator", "meant"),
    [
        ((1, 2), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, True), AsynchronousIndicator.OPTIONAL),
        ((1, 2), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, False), AsynchronousIndicator.PROHIBITED),
        *(
            (version, enumerated(ASYNCHRONOUS_INDICATOR, indicator), indicator)
            for version in ((2, 0), (2, 1), (3, 0))
            for indicator in AsynchronousIndicator
        ),
    ],
)
def test_as_a_boolean_the_asynchronous_indicator_says_that_the_client_may_wait(
    version: tuple[int, int], indicator: Item, meant: AsynchronousIndicator
) -> None:
    assert meant is request(header(version, indicator), ACTIVATE).header.asynchronous_indicator


@pytest.mark.parametrize("version", [(1, 0), (1, 4), (2, 0), (3, 0)])
def test_without_the_asynchronous_indicator_every_answer_comes_at_once(version: tuple[int, int]) -> None:
    assert request(header(version), ACTIVATE).header.asynchronous_indicator is AsynchronousIndicator.PROHIBITED


def test_a_version_is_planned_when_its_first_message_comes() -> None:
    made = []
    dialects = Dialects(VERSIONS, lambda version: made.append(version) or make_dialect(version, {}))

    assert dialects[V12] is dialects[V12]
    assert made == [V12]


def test_a_version_that_is_not_spoken_is_not_planned() -> None:
    with pytest.raises(KeyError):
        Dialects((V14,), partial(make_dialect, catalogue={}))[V12]
