"""Evidence of what the transport itself refuses: handshakes, connections, sessions, bytes that are no message.

The first refusal of a cause and network is recorded at once; those after it within a minute are counted, and recorded
as one. So a flood of connections leaves few records, and none is without a trace.
"""

from collections.abc import Callable
from typing import Final

from kmip_core.classes import define, frozen

PERIOD: Final = 60.0  # seconds
KEYS: Final = 1_024  # causes and networks that are counted separately; more of them share one record for each cause
AT_ONCE: Final = 100  # records in a period that are made at once; those after them are counted, too


@frozen(kw_only=True)
class Refusal:
    """What is recorded.  count: how often it happened since the last record of this kind."""

    event: str
    address: str
    message: str
    principal: str = ""
    count: int = 1


@define
class _Seen:
    since: float
    latest: Refusal
    count: int = 0  # that were not recorded


class Refusals:
    """Records refusals, the first at once and the rest in sums; touched on the loop's thread only."""

    def __init__(self, record: Callable[[Refusal], None]) -> None:
        self._record = record
        self._seen: dict[tuple[str, str, str], _Seen] = {}
        self._period_began = 0.0
        self._made = 0

    def note(self, cause: str, network: str, refusal: Refusal, now: float) -> None:
        """Record a refusal, or count it."""
        key = (refusal.event, cause, network)
        seen = self._seen.get(key)
        if seen is None and len(self._seen) >= KEYS:
            key = (refusal.event, cause, "")
            seen = self._seen.get(key)
        if now - self._period_began >= PERIOD:
            self._period_began, self._made = now, 0
        if seen is None:
            seen = self._seen[key] = _Seen(now, refusal)
            if self._made < AT_ONCE:
                self._made += 1
                self._record(refusal)
                return
        seen.count += 1
        seen.latest = refusal

    def sweep(self, now: float, *, all_of_them: bool = False) -> None:
        """Record the sums of periods that are over, or of all."""
        for key, seen in tuple(self._seen.items()):
            if now - seen.since < PERIOD and not all_of_them:
                continue
            if not seen.count:
                del self._seen[key]
                continue
            latest = seen.latest
            self._record(
                Refusal(
                    event=latest.event,
                    address=latest.address if key[2] else "",
                    message=latest.message,
                    principal=latest.principal,
                    count=seen.count,
                )
            )
            self._seen[key] = _Seen(now, latest)
