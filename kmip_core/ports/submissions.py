"""Where submissions are kept, and what runs them.

A batch is run by one node at a time, under a claim that ends by itself when the node dies. Claims only spare work:
that a submission runs once follows from its version, which every unit of work that ends it compares.
"""

from typing import Protocol

from kmip_core.ports.steps import Pending
from kmip_core.submissions import Held, Submission


class SubmissionWork(Protocol):
    """The part of a unit of work that is about submissions; its promises are those of `ports.storage.UnitOfWork`."""

    def submission(self, correlation_value: bytes) -> Submission | None:
        """Return the submission as stored, or None."""
        ...

    def submissions_of_batch(self, batch: str) -> tuple[Submission, ...]:
        """Return those of a batch, in their order."""
        ...

    def submissions_of(self, owner: str) -> tuple[Submission, ...]:
        """Return those of an identity whose outcome was not delivered, oldest first."""
        ...

    def held_by(self, owner: str) -> Held:
        """Return what is kept of an identity and was not delivered."""
        ...

    def save_submission(self, submission: Submission, limit: Held | None = None) -> None:
        """Collect a submission that is new, or replaces the one with its version.

        limit: what may be kept of its identity, this one included; delivered ones make room. If it would be exceeded,
        the commit is refused with ConcurrentChange: others have been submitted meanwhile.
        """
        ...

    def remove_submission(self, submission: Submission) -> None:
        """Collect the removal of a submission that is as it was read."""
        ...


class SubmissionStore(Protocol):
    """The part of a store that what runs submissions uses. Re-entrant; each call is durable when it returns.

    Raises KmipError (General Failure) if the store cannot be read or written.
    """

    def claim(self, claimant: str, now: int, until: int, most: int) -> tuple[str, ...]:
        """Claim batches that are due, not ended and not claimed, until a time; return their names.

        most: how many at most; each of another identity: first those of whom least has ended or is under way, then
        those whose batch waits longest. So nobody waits for all that another one has submitted.
        """
        ...

    def claim_batch(self, batch: str, claimant: str, now: int, until: int) -> bool:
        """Claim one batch whether it is due or not; False if nothing of it is left to run, or another has it."""
        ...

    def renew(self, claimant: str, until: int) -> None:
        """Keep what the claimant has claimed until another time."""
        ...

    def release(self, claimant: str) -> None:
        """Give up what the claimant has claimed."""
        ...

    def expire(self, now: int) -> int:
        """Remove what has expired; return how many."""
        ...


class SubmissionRunner(Protocol):
    """What runs submissions in this process. Re-entrant."""

    def wake(self) -> None:
        """Look for work soon: something was submitted."""
        ...

    def hurry(self, batch: str, identity: str) -> None:
        """Run a batch of an identity as soon as a worker is free, whether it is due or not; identities take turns."""
        ...

    def has_ended(self, correlation_value: bytes) -> None:
        """Call back those who wait for the outcome of a submission."""
        ...

    def wait(self, correlation_value: bytes, milliseconds: int) -> Pending:
        """Return what is known once the submission has ended in this process, or after so many milliseconds."""
        ...
