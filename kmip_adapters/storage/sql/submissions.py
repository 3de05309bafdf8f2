"""Submissions as rows: read and written by units of work, claimed by what runs them.

A row is sealed whole, and bound to its correlation value, its batch, its place and its version. What stands beside the
seal repeats it for the sake of searches, and is compared with it when the row is read. The claim is not sealed: who
changes it in the database can delay work, and have it done twice of which one is refused.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from attrs import evolve

from kmip_adapters.storage.pending import SubmissionChange
from kmip_adapters.storage.records import decode_submission, encode_submission
from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.prepared import Prepared, insertion
from kmip_core.classes import frozen
from kmip_core.ports.sealing import SealBroken, Sealer
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.submissions import Held, Submission

Read = Callable[..., list[Row]]

_FORMAT: Final = 1

_SEARCHED: Final = (
    "correlation_value",
    "batch",
    "position",
    "owner",
    "due_at",
    "expires_at",
    "has_ended",
    "is_delivered",
    "size",
)
_READ: Final = (*_SEARCHED, "version", "claimed_until", "claims", "sealed")

ADDED: Final = (*_SEARCHED, "version", "claims", "sealed")
"""The columns that a new row is given."""

LONGEST_CLAIM: Final = 3_600
"""Seconds; no node claims for so long at once, so that a longer claim is none."""


def _binding(correlation_value: bytes, batch: str, position: int, version: int) -> bytes:
    """Return what the seal of a row is bound to, unambiguously."""
    fixed = struct.pack(">BIQI", _FORMAT, position, version, len(correlation_value))
    return fixed + correlation_value + batch.encode()


def _searched(submission: Submission) -> tuple[Any, ...]:
    """Return what stands beside the seal, in the order of `_SEARCHED`."""
    return (
        submission.correlation_value,
        submission.batch,
        submission.position,
        submission.owner,
        submission.due_at,
        submission.expires_at,
        int(submission.has_ended),
        int(submission.is_delivered),
        submission.size,
    )


def stored_submission(row: Row, sealer: Sealer) -> Submission:
    """Return a row of `_READ` as a submission.  Raises SealBroken for one that is not as it was written."""
    *searched, version, claimed_until, claims, sealed = row
    correlation_value, batch, position = bytes(searched[0]), searched[1], searched[2]
    plain = sealer.unseal(bytes(sealed), _binding(correlation_value, batch, position, version))
    found = decode_submission(plain)
    if (correlation_value, *searched[1:]) != _searched(found):
        raise SealBroken("a column does not agree with the submission")
    return evolve(found, version=version, claimed_until=claimed_until, claims=claims)


class SubmissionStatements:
    """The statements about submissions, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(statement: str) -> Prepared:
            return Prepared(statement, dialect)

        read = ", ".join(_READ)
        is_it = "correlation_value = :of_value AND version = :of_version"
        is_free = f"(claimed_until IS NULL OR claimed_until <= :now OR claimed_until > :now + {LONGEST_CLAIM})"
        changing = ("due_at", "expires_at", "has_ended", "is_delivered", "size", "version", "sealed")
        changes = ", ".join(f"{name} = :{name}" for name in changing)
        self.find = prepared(f"SELECT {read} FROM submissions WHERE correlation_value = :of_value")
        self.of_batch = prepared(f"SELECT {read} FROM submissions WHERE batch = :batch ORDER BY position")
        self.of_owner = prepared(
            f"SELECT {read} FROM submissions WHERE owner = :owner AND is_delivered = 0 ORDER BY sequence"
        )
        self.held = prepared(
            "SELECT count(*), coalesce(sum(size), 0) FROM submissions WHERE owner = :owner AND is_delivered = 0"
        )
        self.all_held = prepared("SELECT count(*), coalesce(sum(size), 0) FROM submissions WHERE owner = :owner")
        self.add = insertion("submissions", ADDED, dialect)
        self.change = prepared(f"UPDATE submissions SET {changes} WHERE {is_it}")
        self.remove = prepared(f"DELETE FROM submissions WHERE {is_it}")
        self.make_room = prepared("""
            DELETE FROM submissions WHERE owner = :owner AND is_delivered = 1 AND batch NOT IN
            (SELECT batch FROM submissions WHERE owner = :owner AND has_ended = 0)
        """)
        # The first of each owner, those first of whom little was served: else who has submitted a thousand keeps
        # others waiting for them.
        self.due = prepared(f"""
            SELECT batch FROM submissions WHERE sequence IN (
                SELECT min(sequence) FROM submissions
                WHERE has_ended = 0 AND due_at <= :now AND {is_free} GROUP BY owner
            )
            ORDER BY (
                SELECT count(*) FROM submissions AS served
                WHERE served.owner = submissions.owner AND (served.has_ended = 1 OR served.claimed_until > :now)
            ), sequence
            LIMIT :most
        """)
        # A claim counts where the first item that is open is claimed.
        self.claim = prepared(f"""
            UPDATE submissions SET claimant = :new_claimant, claimed_until = :until, claims = claims + CASE
                WHEN position = (
                    SELECT min(others.position) FROM submissions AS others
                    WHERE others.batch = :of_batch AND others.has_ended = 0
                ) THEN 1 ELSE 0 END
            WHERE batch = :of_batch AND has_ended = 0 AND {is_free}
        """)
        self.renew = prepared(
            "UPDATE submissions SET claimed_until = :until WHERE claimant = :of_claimant AND has_ended = 0"
        )
        self.release = prepared("""
            UPDATE submissions SET claimant = NULL, claimed_until = NULL
            WHERE claimant = :of_claimant AND has_ended = 0
        """)
        self.expired = prepared("SELECT sequence FROM submissions WHERE expires_at <= :now LIMIT 1")
        self.expire = prepared("DELETE FROM submissions WHERE expires_at <= :now")
        self.following = prepared(
            f"SELECT sequence, {read} FROM submissions WHERE sequence > :after ORDER BY sequence LIMIT 100"
        )
        self.reseal = prepared(
            "UPDATE submissions SET sealed = :sealed WHERE sequence = :of_sequence AND version = :of_version"
        )

    def sealed(self, submission: Submission, version: int, sealer: Sealer) -> bytes:
        """Return the seal of a row.  version: with which it will be stored."""
        binding = _binding(submission.correlation_value, submission.batch, submission.position, version)
        return sealer.seal(encode_submission(submission), binding)

    # --- claims: tasks for the writer -----------------------------------------------------------------------------

    def claim_due(self, cursor: Cursor, claimant: str, now: int, until: int, most: int) -> tuple[str, ...]:
        """Claim batches that are due, one of each identity."""
        due = self.due.run(cursor, {"now": now, "most": most}).fetchall()
        return tuple(batch for (batch,) in due if self.claim_one(cursor, batch, claimant, now, until))

    def claim_one(self, cursor: Cursor, batch: str, claimant: str, now: int, until: int) -> bool:
        """Claim what is left of a batch, if none has it."""
        values = {"of_batch": batch, "new_claimant": claimant, "now": now, "until": until}
        return self.claim.run(cursor, values).rowcount > 0


@frozen
class SubmissionWrite:
    """One submission's write: a `Change`.  sealed: None where it is removed."""

    statements: SubmissionStatements
    change: SubmissionChange
    sealed: bytes | None

    is_new = False

    @property
    def erases(self) -> bool:
        """Whether it replaces or deletes what was sealed."""
        return self.change.expected_version > 0

    @property
    def seals(self) -> tuple[bytes, ...]:
        """What it writes that is sealed."""
        return () if self.sealed is None else (self.sealed,)

    def apply(self, cursor: Cursor, _: object) -> None:
        """Write it on a cursor inside a transaction.  Raises ConcurrentChange."""
        change, statements = self.change, self.statements
        submission = change.submission
        which = {"of_value": submission.correlation_value, "of_version": change.expected_version}
        if change.is_removed:
            self._expect_one(statements.remove.run(cursor, which))
            return
        values = dict(zip(_SEARCHED, _searched(submission), strict=True))
        values |= {"version": change.expected_version + 1, "sealed": self.sealed}
        if change.expected_version:
            self._expect_one(statements.change.run(cursor, which | values))
        else:
            values["claims"] = 0
            if statements.add.run(cursor, [[values[name] for name in ADDED]]) != 1:
                raise ConcurrentChange("submission")
        if change.limit is not None and self._exceeds(cursor, change.limit):
            statements.make_room.run(cursor, {"owner": submission.owner})
            if self._exceeds(cursor, change.limit):
                raise ConcurrentChange("submissions")

    def _exceeds(self, cursor: Cursor, limit: Held) -> bool:
        number, size = self.statements.all_held.run(cursor, {"owner": self.change.submission.owner}).fetchall()[0]
        return number > limit.number or int(size) > limit.size

    @staticmethod
    def _expect_one(cursor: Cursor) -> None:
        if cursor.rowcount != 1:
            raise ConcurrentChange("submission")
