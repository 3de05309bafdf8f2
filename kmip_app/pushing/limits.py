"""How much may wait for one client, and for how long."""

from kmip_core.classes import frozen
from kmip_core.subscriptions import MAXIMUM_NOTICES


@frozen(kw_only=True)
class NoticeLimits:
    """queue: notices that wait for one client.  age: seconds that one waits.  answer: seconds for each answer.

    hands_back: whether a client gets its connection back once nothing waits for it.
    """

    queue: int = MAXIMUM_NOTICES
    age: float = 604_800.0
    answer: float = 10.0
    hands_back: bool = False
