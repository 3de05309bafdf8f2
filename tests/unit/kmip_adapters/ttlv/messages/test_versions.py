"""What means another thing in another version."""

import pytest

from kmip_adapters.ttlv.encodings.items import Item
from kmip_adapters.ttlv.messages.items import ASYNCHRONOUS_INDICATOR
from kmip_core.enums import ItemType
from tests.unit.kmip_adapters.ttlv.builders import ACTIVATE, enumerated, header, request


@pytest.mark.parametrize(("version", "in_order"), [((1, 0), False), ((1, 4), False), ((2, 0), True), ((2, 1), True)])
def test_batch_order_has_its_default_by_version(version: tuple[int, int], in_order: bool) -> None:
    assert in_order is request(header(version), ACTIVATE).header.batch_order_option


@pytest.mark.parametrize(
    ("version", "indicator", "asynchronous"),
    [
        ((1, 2), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, True), False),  # the client could, it need not
        ((1, 2), Item(ASYNCHRONOUS_INDICATOR, ItemType.BOOLEAN, False), False),
        ((2, 0), enumerated(ASYNCHRONOUS_INDICATOR, 1), True),
        ((2, 0), enumerated(ASYNCHRONOUS_INDICATOR, 2), False),
        ((2, 0), enumerated(ASYNCHRONOUS_INDICATOR, 3), False),
    ],
)
def test_only_a_mandatory_asynchronous_indicator_asks_for_a_later_answer(
    version: tuple[int, int], indicator: Item, asynchronous: bool
) -> None:
    assert asynchronous is request(header(version, indicator), ACTIVATE).header.asynchronous
