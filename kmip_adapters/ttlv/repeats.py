"""Decoded requests by their exact bytes: a client that asks the same thing again is not decoded again.

Decoding is a pure function of bytes, and a third of the work of a small request. Only short requests are remembered,
and only those whose operations carry no secrets, so that no key or password lives longer for it. When the room is full
all of it is forgotten at once: that costs a request that never repeats less than any order of use would.
"""

from collections.abc import Callable
from typing import Final

from attrs import field

from kmip_core.classes import define
from kmip_core.enums import Operation
from kmip_core.messages import RequestMessage

LONGEST: Final = 512  # bytes of a request that is remembered
MOST: Final = 1_024  # requests; at some 3 KiB each that is 3 MiB at most

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
    """Decodes requests and remembers them.  decode: what reads a frame; what it raises is not remembered."""

    decode: Callable[[bytes], RequestMessage]
    _known: dict[bytes, RequestMessage] = field(factory=dict, init=False, repr=False)

    def read(self, frame: bytes) -> RequestMessage:
        """Return the request in a frame.  Raises what `decode` raises."""
        if len(frame) > LONGEST:  # nor looked up: that would hash all of it
            return self.decode(frame)
        known = self._known.get(frame)
        if known is not None:
            return known
        request = self.decode(frame)
        if _may_be_kept(request):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[frame] = request
        return request


def _may_be_kept(request: RequestMessage) -> bool:
    return not request.header.credentials and all(item.operation in WITHOUT_SECRETS for item in request.batch_items)
