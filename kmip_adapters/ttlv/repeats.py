"""Decoded requests and their paces by their exact bytes: a client that asks the same again is not decoded again.

Decoding is a pure function of bytes, and a third of the work of a small request. So is the pace, as long as the server
has the store and the keys that it was begun with. Only short requests are remembered,
and only those whose operations carry no secrets, so that no key or password lives longer for it. When the room is full
all of it is forgotten at once: that costs a request that never repeats less than any order of use would.
"""

from collections.abc import Callable
from typing import Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.errors import KmipError
from kmip_core.messages import RequestMessage
from kmip_core.ports.steps import Pace

LONGEST: Final = 512  # bytes of a request that is remembered
MOST: Final = 1_024  # requests; half a KiB each as a rule, 16 where a batch describes many objects

WITHOUT_SECRETS: Final = frozenset(
    {
        Operation.ACTIVATE,
        Operation.CHECK,
        Operation.CREATE,
        Operation.CREATE_KEY_PAIR,
        Operation.DESTROY,
        Operation.DISCOVER_VERSIONS,
        Operation.GET,
        Operation.GET_ATTRIBUTE_LIST,
        Operation.GET_ATTRIBUTES,
        Operation.LOCATE,
        Operation.OBTAIN_LEASE,
        Operation.QUERY,
        Operation.REVOKE,
    }
)
"""Operations whose requests name objects and attributes only."""


@define
class RepeatedRequests:
    """Decodes requests and remembers them.

    decode: what reads a frame; what it raises is not remembered.  pace: returns where a request may be begun.
    is_plain_read: whether its answer may be given again.
    """

    decode: Callable[[bytes], RequestMessage]
    pace: Callable[[RequestMessage], Pace]
    is_plain_read: Callable[[RequestMessage], bool] = lambda request: False
    _known: dict[bytes, tuple[RequestMessage, Pace, bool | None]] = field(factory=dict, init=False, repr=False)

    def read(self, frame: bytes) -> tuple[RequestMessage, Pace, bool | None]:
        """Return the request in a frame, its pace, and whether it is a plain read that was asked for before.

        Raises what `decode` raises.
        """
        is_short = len(frame) <= LONGEST  # others are not looked up either: that would hash all of them
        known = self._known.get(frame) if is_short else None
        if known is not None:
            if known[2] is None:  # it is only asked for what comes again
                request, pace, _ = known
                known = self._known[frame] = request, pace, pace is Pace.QUICK and self.is_plain_read(request)
            return known
        request = self.decode(frame)
        pace = self.pace(request)
        if is_short and _may_be_kept(request):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[frame] = request, pace, None
        return request, pace, False


def _may_be_kept(request: RequestMessage) -> bool:
    """Return whether it holds no secret, and no refusal: an error keeps all that was known where it was raised."""
    return not request.header.credentials and all(
        item.operation in WITHOUT_SECRETS and not isinstance(item.payload, KmipError) for item in request.batch_items
    )
