"""Leases: which of several nodes on one store does a piece of work that only one of them may do."""

from typing import Final, Protocol

CLOCKS_APART: Final = 60
"""Seconds by which the clocks of nodes may differ. What is noted further ahead than that, no node has written."""


class Leases(Protocol):
    """Leases by name, kept in the store. Re-entrant.

    Times are those of the nodes that ask, in seconds since 1970-01-01 UTC: their clocks must agree to a few seconds.
    NOT promised: that a node which holds a lease is still at work, or that one which has lost it has noticed. Work
    under a lease must be right when two nodes do it; the lease spares the second one the work.
    """

    def lease(self, name: str, holder: str, now: int, seconds: int) -> bool:
        """Take, or renew, a lease until `now + seconds`; returns False while another holder has it.

        holder: this node and process; another start of the same node is another holder.
        """
        ...

    def give_up(self, name: str, holder: str) -> None:
        """End a lease before its time, if `holder` has it."""
        ...
