"""Remarks on requests that were done all the same: warnings in the log, some for each client and minute."""

import logging
import threading
from time import monotonic
from typing import Final

from kmip_adapters.transport.limits import LineBudget
from kmip_core.principal import Principal

LOG: Final = logging.getLogger("kmipd.requests")
LINES: Final = 60
"""Lines for one client and minute."""


class LoggedRemarks:
    """Writes each remark as a warning that names the client.  Re-entrant."""

    def __init__(self) -> None:
        self._budget = LineBudget(LINES)
        self._lock = threading.Lock()

    def note(self, principal: Principal, text: str) -> None:
        """Write one line, unless this client has had its lines of the minute."""
        client = f"{principal.name[:64] or 'unknown'} at {principal.address or 'no address'}"
        with self._lock:
            held_back = self._budget.spend(client, monotonic())
        if held_back is not None:
            before = f" ({held_back} such lines were held back)" if held_back else ""
            LOG.warning("%s; client %s%s", text, client, before)
