"""What is due in a store by its dates, for work that the server does by itself."""

from typing import Protocol

from kmip_core.classes import frozen


@frozen
class Scheduled:
    """One object that is due.  place: where to go on after it.

    What is said of the object is a hint, read without opening its record: work begins by reading the object.
    """

    place: int
    unique_identifier: str
    owner: str


class Schedule(Protocol):
    """Finds objects by their dates. Re-entrant; reads a piece at a time."""

    def due_for_rotation(self, now: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return objects with Rotate Automatic whose Rotate Interval has passed since their Initial Date, oldest first.

        Only living ones: as stored Pre-Active or Active. after: the place of the last one that is known; 0 for all.
        """
        ...

    def state_changes(self, after_time: int, until: int, after: int, limit: int) -> tuple[Scheduled, ...]:
        """Return living objects whose Activation or Deactivation Date is later than `after_time`, not than `until`."""
        ...
