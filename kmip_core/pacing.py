"""Where a request may run: as slow as its slowest item, and a long batch is not quick (ADR 0074)."""

from collections.abc import Mapping
from typing import Final

from kmip_core.enums import Operation
from kmip_core.errors import KmipError
from kmip_core.messages import RequestBatchItem, RequestMessage
from kmip_core.operation import Cost, Spec
from kmip_core.ports.steps import Pace
from kmip_core.services import EngineServices

SHORT_BATCH: Final = 4
"""Items of a batch that count as quick together: each may take a millisecond or two."""

PACES: Final = {
    Cost.READS: Pace.QUICK,
    Cost.USES_KEYS: Pace.QUICK,
    Cost.CHANGES: Pace.COMMITS,
    Cost.WORKS: Pace.BRIEF,
    Cost.COMPUTES: Pace.SLOW,
}
PACES_WITH_A_TOKEN: Final = dict.fromkeys(Cost, Pace.SLOW) | {Cost.READS: Pace.QUICK}
"""With a crypto adapter whose every call may wait: only what does not call it stays quick."""

_ORDER: Final = {pace: number for number, pace in enumerate(Pace)}


def pace_of(message: RequestMessage, catalogue: Mapping[Operation, Spec], services: EngineServices) -> Pace:
    """Return the pace at which the items of a message may be begun."""
    items = message.batch_items
    needs_thread = services.storage.blocking and _may_wait_for_store(message, services)
    if len(items) == 1 and not needs_thread:  # as nearly always
        (item,) = items
        cost = cost_of(item, catalogue)
        if cost is None or cost is Cost.READS:  # whatever holds the keys
            return Pace.QUICK
        paces = PACES_WITH_A_TOKEN if services.crypto.capabilities.blocking else PACES
        return _pace(cost, item, paces)
    paces = PACES_WITH_A_TOKEN if services.crypto.capabilities.blocking else PACES
    is_brief = len(items) > SHORT_BATCH or needs_thread
    least = Pace.BRIEF if is_brief else Pace.QUICK
    return max((least, *(_pace_of_item(item, catalogue, paces) for item in items)), key=_ORDER.__getitem__)


def _may_wait_for_store(message: RequestMessage, services: EngineServices) -> bool:
    """Return whether a message may wait for the store before its first unit of work, which waits by itself."""
    return (
        bool(message.header.credentials)
        or services.attestations is not None
        or bool(services.settings.attested_operations)
    )


def cost_of(item: RequestBatchItem, catalogue: Mapping[Operation, Spec]) -> Cost | None:
    """Return what running an item costs; None for one that is refused without being run."""
    spec = None if item.operation is None else catalogue.get(item.operation)
    if spec is None or isinstance(item.payload, KmipError):
        return None
    return spec.cost if isinstance(spec.cost, Cost) else spec.cost(item.payload)


def _pace_of_item(item: RequestBatchItem, catalogue: Mapping[Operation, Spec], paces: Mapping[Cost, Pace]) -> Pace:
    cost = cost_of(item, catalogue)
    return Pace.QUICK if cost is None else _pace(cost, item, paces)


def _pace(cost: Cost, item: RequestBatchItem, paces: Mapping[Cost, Pace]) -> Pace:
    if item.data_reference is not None and cost is Cost.USES_KEYS:
        cost = Cost.WORKS  # how much Data it will have is not known yet
    return paces[cost]
