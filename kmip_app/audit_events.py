"""What records of the audit trail are of: operations of KMIP, and events of servers and commands."""

from typing import Final

from kmip_app.words import bare, hint
from kmip_core.enums import Operation
from kmip_core.standard_names import standard_name

EVENTS: Final = (
    *("Start", "Stop", "Reload", "Policies changed", "Store", "Store put back", "Records taken over"),
    *("Trail gap", "Trail repaired", "Trail shortened"),
    *("Connection refused", "Connection cut", "Handshake failed", "Session refused", "Session ended"),
    *("Unreadable bytes", "Request refused", "Request declined", "Authentication refused", "HTTP request refused"),
    *("Enrolled", "Enrolment waits", "Enrolment refused", "Client not notified"),
    *("Imported from an archive", "Imported from PyKMIP", "Exported to an archive", "Restored from a backup"),
    *("Owner changed", "Root key rotated", "Data key rotated", "Store verified"),
    "request",
)
"""Events that this release records. `request` is an item whose operation is none."""

_NAMES: Final = {bare(name): name for name in (*map(standard_name, Operation), *EVENTS)}


def check_event(name: str) -> None:
    """Raise ValueError, which names the nearest, for a name that is neither an operation nor an event."""
    if bare(name) not in _NAMES:
        raise ValueError(f"{name!r} is no operation, and no event of a trail; {hint(name, _NAMES)}")
