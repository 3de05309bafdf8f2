"""Submissions as rows: read and written by units of work, claimed by what runs them.

A row is sealed whole, and bound to its correlation value, its batch, its place and its version. What stands beside the
seal repeats it for the sake of searches, and is compared with it when the row is read. The claim is not sealed: who
changes it in the database can delay work, and have it done twice of which one is refused.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from attrs import evolve
from sqlalchemy import (
    BigInteger,
    Dialect,
    Integer,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.sql.expression import ColumnElement

from kmip_adapters.storage.pending import SubmissionChange
from kmip_adapters.storage.records import decode_submission, encode_submission
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.prepared import Prepared, insertion
from kmip_adapters.storage.sql.schema import submissions
from kmip_core.classes import frozen
from kmip_core.ports.sealing import SealBroken, Sealer
from kmip_core.ports.storage import ConcurrentChange
from kmip_core.submissions import Held, Submission

Read = Callable[..., list[Row]]

_s: Final = submissions.c
_FORMAT: Final = 1
_ENDED: Final[ColumnElement[Any]] = literal_column("1")
_OPEN: Final[ColumnElement[Any]] = literal_column("0")
_READ: Final = (
    _s.correlation_value,
    _s.batch,
    _s.position,
    _s.owner,
    _s.due_at,
    _s.expires_at,
    _s.has_ended,
    _s.is_delivered,
    _s.size,
    _s.version,
    _s.claimed_until,
    _s.claims,
    _s.sealed,
)


LONGEST_CLAIM: Final = 3_600
"""Seconds; no node claims for so long at once, so that a longer claim is none."""

ADDED: Final = tuple(column.name for column in _s if column.name not in ("sequence", "claimant", "claimed_until"))
"""The columns that a new row is given."""


def _binding(correlation_value: bytes, batch: str, position: int, version: int) -> bytes:
    """Return what the seal of a row is bound to, unambiguously."""
    fixed = struct.pack(">BIQI", _FORMAT, position, version, len(correlation_value))
    return fixed + correlation_value + batch.encode()


def _searched(submission: Submission) -> tuple[Any, ...]:
    """Return what stands beside the seal, in the order of `_READ`."""
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
    """The statements about submissions, compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(statement: Any) -> Prepared:
            return Prepared(statement, dialect)

        def number(name: str) -> ColumnElement[int]:
            return bindparam(name, type_=BigInteger)

        is_it = (_s.correlation_value == bindparam("of_value"), _s.version == number("of_version"))
        is_free = or_(
            _s.claimed_until.is_(None),
            _s.claimed_until <= number("now"),
            _s.claimed_until > number("now") + LONGEST_CLAIM,
        )
        of_owner = _s.owner == bindparam("owner")
        is_open = _s.has_ended == _OPEN
        others = submissions.alias("others")
        first_open = (
            select(func.min(others.c.position))
            .where(others.c.batch == bindparam("of_batch"), others.c.has_ended == _OPEN)
            .scalar_subquery()
        )
        is_first = case((_s.position == first_open, literal_column("1")), else_=literal_column("0"))
        claim: dict[str, Any] = {
            "claimant": bindparam("new_claimant"),
            "claimed_until": number("until"),
            "claims": _s.claims + is_first,
        }
        total = (func.count(), func.coalesce(func.sum(_s.size), literal_column("0")))
        self.find = prepared(select(*_READ).where(_s.correlation_value == bindparam("of_value")))
        self.of_batch = prepared(select(*_READ).where(_s.batch == bindparam("batch")).order_by(_s.position))
        self.of_owner = prepared(select(*_READ).where(of_owner, _s.is_delivered == _OPEN).order_by(_s.sequence))
        self.held = prepared(select(*total).where(of_owner, _s.is_delivered == _OPEN))
        self.all_held = prepared(select(*total).where(of_owner))
        self.add = insertion(submissions, ADDED, dialect)
        changing = ("due_at", "expires_at", "has_ended", "is_delivered", "size", "version", "sealed")
        self.change = prepared(update(submissions).where(*is_it).values({name: bindparam(name) for name in changing}))
        self.remove = prepared(delete(submissions).where(*is_it))
        unfinished = select(_s.batch).where(of_owner, is_open)
        self.make_room = prepared(
            delete(submissions).where(of_owner, _s.is_delivered == _ENDED, _s.batch.not_in(unfinished))
        )
        first = (
            select(func.min(_s.sequence).label("first"))
            .where(is_open, _s.due_at <= number("now"), is_free)
            .group_by(_s.owner)
            .subquery()
        )
        served = submissions.alias("served")
        is_served = or_(served.c.has_ended == _ENDED, served.c.claimed_until > number("now"))
        number_served = select(func.count()).where(served.c.owner == _s.owner, is_served).scalar_subquery()
        self.due = prepared(
            select(_s.batch)
            .where(_s.sequence.in_(select(first.c.first)))
            .order_by(number_served, _s.sequence)  # else who has submitted a thousand keeps others waiting for them
            .limit(bindparam("most", type_=Integer))
        )
        self.claim = prepared(
            update(submissions).where(_s.batch == bindparam("of_batch"), is_open, is_free).values(claim)
        )
        self.renew = prepared(
            update(submissions)
            .where(_s.claimant == bindparam("of_claimant"), is_open)
            .values(claimed_until=number("until"))
        )
        self.release = prepared(
            update(submissions)
            .where(_s.claimant == bindparam("of_claimant"), is_open)
            .values(claimant=null(), claimed_until=null())
        )
        self.expired = prepared(select(_s.sequence).where(_s.expires_at <= number("now")).limit(1))
        self.expire = prepared(delete(submissions).where(_s.expires_at <= number("now")))
        self.following = prepared(
            select(_s.sequence, *_READ).where(_s.sequence > number("after")).order_by(_s.sequence).limit(100)
        )
        self.reseal = prepared(
            update(submissions)
            .where(_s.sequence == number("of_sequence"), _s.version == number("of_version"))
            .values(sealed=bindparam("sealed"))
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
        values = dict(zip((column.name for column in _READ), _searched(submission), strict=False))
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
