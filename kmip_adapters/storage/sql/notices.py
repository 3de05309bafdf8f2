"""Subscriptions and notices as rows, each authenticated under the key of the index, which outlives the data keys.

The rows hold no secret: names, identifiers and names of attributes, which the objects' rows show as well. The seal
keeps a change in the database from choosing where the server connects to, and what it sends.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import asdict, evolve
from sqlalchemy import Dialect, bindparam, delete, func, insert, literal_column, select, update

from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.prepared import ITEMS_OF_AN_IN, Prepared, PreparedRows
from kmip_adapters.storage.sql.schema import notices, subscriptions
from kmip_core.attributes import AttributeReference
from kmip_core.classes import frozen
from kmip_core.enums import Operation
from kmip_core.subscriptions import Delivery, Notice, Subscription

Read = Callable[..., list[Row]]
Key = Callable[[], bytes]

ANNOUNCED: Final = "announced_until"
"""The fact that says up to which time changes of state have been announced."""

_log = logging.getLogger(__name__)


def notice_row(notice: Notice, key: bytes) -> dict[str, Any]:
    """Return a notice as a row."""
    record = json.dumps(
        {
            "operation": notice.operation.name,
            "object": notice.unique_identifier,
            "changed": [[one.vendor_identification, one.attribute] for one in notice.changed],
            "deleted": [[one.vendor_identification, one.attribute] for one in notice.deleted],
            "replaced": notice.replaced,
        }
    )
    row = {"notice_id": notice.notice_id, "subscriber": notice.subscriber, "time": notice.time, "record": record}
    return row | {"seal": _seal(key, "notice", notice.notice_id, notice.subscriber, str(notice.time), record)}


def _notice(row: Row, key: bytes) -> Notice | None:
    notice_id, subscriber, time, record, seal = row
    if not hmac.compare_digest(bytes(seal), _seal(key, "notice", notice_id, subscriber, str(time), record)):
        _log.error("the row of notice %s is not as it was written", notice_id)
        return None
    fields = json.loads(record)
    return Notice(
        notice_id=notice_id,
        subscriber=subscriber,
        operation=Operation[fields["operation"]],
        unique_identifier=fields["object"],
        time=time,
        changed=_references(fields["changed"]),
        deleted=_references(fields["deleted"]),
        replaced=fields["replaced"],
    )


def _references(pairs: Iterable[tuple[str | None, str]]) -> tuple[AttributeReference, ...]:
    return tuple(AttributeReference(attribute=name, vendor_identification=vendor) for vendor, name in pairs)


def _seal(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, json.dumps(parts).encode(), hashlib.sha256)


@frozen
class NoticeWrite:
    """One notice of a unit of work: a `Change`, like `rows.RowWrite`.  limit: how many may wait for its client."""

    notice_statements: "NoticeStatements"
    row: dict[str, Any]
    limit: int | None = None

    is_new = False
    erases = False
    seals = ()

    def apply(self, cursor: Cursor, _: object) -> None:
        """Write it on a cursor inside a transaction."""
        self.notice_statements.append(cursor, row=self.row, limit=self.limit)


class NoticeStatements:
    """The statements about subscriptions and notices, compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        s, n = subscriptions.c, notices.c
        given: dict[str, Any] = {
            name: bindparam(name) for name in ("notice_id", "subscriber", "time", "record", "seal")
        }
        # As for objects: the writer's transaction keeps others out, and a copied store goes on counting.
        following = select(func.coalesce(func.max(n.sequence), 0) + literal_column("1")).scalar_subquery()
        self.add = Prepared(insert(notices).values({**given, "sequence": following}), dialect)
        self.all = Prepared(select(s.name, s.record, s.seal).order_by(s.name), dialect)
        self.states = Prepared(
            select(s.name, s.delivery, func.count(n.sequence))
            .select_from(subscriptions.outerjoin(notices, n.subscriber == s.name))
            .group_by(s.name, s.delivery),
            dialect,
        )
        self.find = Prepared(select(s.name).where(s.name == bindparam("of_name")), dialect)
        self.subscribe = Prepared(insert(subscriptions), dialect)
        self.change = Prepared(
            update(subscriptions)
            .where(s.name == bindparam("of_name"))
            .values(record=bindparam("record"), seal=bindparam("seal")),
            dialect,
        )
        self.note = Prepared(
            update(subscriptions).where(s.name == bindparam("of_name")).values(delivery=bindparam("delivery")), dialect
        )
        self.unsubscribe = Prepared(delete(subscriptions).where(s.name == bindparam("of_name")), dialect)
        self.forget_all = Prepared(delete(notices).where(n.subscriber == bindparam("of_name")), dialect)
        self.pending = Prepared(
            select(n.notice_id, n.subscriber, n.time, n.record, n.seal)
            .where(n.subscriber == bindparam("of_name"))
            .order_by(n.sequence)
            .limit(bindparam("rows")),
            dialect,
        )
        self.forget = PreparedRows(
            delete(notices).where(n.notice_id.in_([bindparam("notice_id")])), dialect, row=ITEMS_OF_AN_IN, width=1
        )
        self.count = Prepared(
            select(func.count()).select_from(notices).where(n.subscriber == bindparam("of_name")), dialect
        )
        of_name = n.subscriber == bindparam("of_name")
        self.first = Prepared(select(n.sequence).where(of_name).order_by(n.sequence).limit(1), dialect)
        self.last = Prepared(select(n.sequence).where(of_name).order_by(n.sequence.desc()).limit(2), dialect)
        self.told = Prepared(select(s.delivery).where(s.name == bindparam("of_name")), dialect)
        oldest = (
            select(n.sequence).where(n.subscriber == bindparam("in_name")).order_by(n.sequence).limit(bindparam("rows"))
        )
        self.trim_number = Prepared(delete(notices).where(n.sequence.in_(oldest)), dialect)
        self.trim_age = Prepared(
            delete(notices).where(n.subscriber == bindparam("of_name"), n.time < bindparam("before")), dialect
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    def subscriptions(self, read: Read, key: Key) -> tuple[Subscription, ...]:
        """Return all whose rows are as they were written."""
        found = []
        for name, record, seal in read(self.all):
            if not hmac.compare_digest(bytes(seal), _seal(key(), "subscription", name, record)):
                _log.error("the subscription of %s is not as it was written, and is not used", name)
                continue
            parsed = json.loads(record)
            given: dict[str, Any] = {
                field: tuple(value) if isinstance(value, list) else value for field, value in parsed.items()
            }
            found.append(Subscription(name=name, **given))
        return tuple(sorted(found, key=lambda one: one.name))

    def pending_notices(
        self, read: Read, key: Key, name: str, limit: int
    ) -> tuple[tuple[Notice, ...], tuple[str, ...]]:
        """Return the oldest notices, and the identifiers of rows among them that are not as they were written."""
        rows = read(self.pending, of_name=name, rows=limit)
        opened = [(row[0], _notice(row, key())) for row in rows]
        return (
            tuple(one for _, one in opened if one is not None),
            tuple(notice_id for notice_id, one in opened if one is None),
        )

    def deliveries(self, read: Read) -> tuple[Delivery, ...]:
        """Return how far deliveries are."""
        found = (evolve(_delivery(name, fields), pending=int(count)) for name, fields, count in read(self.states))
        return tuple(sorted(found, key=lambda one: one.name))

    # --- writing, inside a transaction --------------------------------------------------------------------------------

    def put(self, cursor: Cursor, *, subscription: Subscription, key: bytes) -> None:
        """Add or replace a subscription."""
        name = subscription.name
        record = json.dumps({field: value for field, value in asdict(subscription).items() if field != "name"})
        row = {"record": record, "seal": _seal(key, "subscription", name, record)}
        if self.find.run(cursor, {"of_name": name}).fetchone() is None:
            self.forget_all.run(cursor, {"of_name": name})  # left by releases that kept notices without a subscription
            self.subscribe.run(cursor, row | {"name": name, "delivery": _told(Delivery(name=name))})
        else:
            self.change.run(cursor, row | {"of_name": name})

    def remove(self, cursor: Cursor, *, name: str) -> None:
        """Remove a subscription with its notices."""
        self.unsubscribe.run(cursor, {"of_name": name})
        self.forget_all.run(cursor, {"of_name": name})

    def append(self, cursor: Cursor, *, row: dict[str, Any], limit: int | None) -> None:
        """Add a notice, if its client has a subscription; its oldest ones beyond the limit give way, and are counted.

        A process that does not know yet that a subscription has ended makes notices that nothing would ever take away.
        To count them takes time in proportion to the limit. It is done for the first notice of each client among a
        hundredth of the limit, by their numbers, and makes room for as many: the limit holds in between.
        """
        name = row["subscriber"]
        if self.find.run(cursor, {"of_name": name}).fetchone() is None:
            return
        self.add.run(cursor, row)
        if limit is None:
            return
        step = max(1, limit // 100)
        (newest,), *others = self.last.run(cursor, {"of_name": name}).fetchall()
        if others and newest // step == others[0][0] // step:
            return
        ((first,),) = self.first.run(cursor, {"of_name": name}).fetchall()
        if newest - first < limit - step + 1:  # numbers go up by at least one: there are not more notices
            return
        gone = self._trim_number(cursor, name, limit - step + 1)
        found = self.told.run(cursor, {"of_name": name}).fetchone() if gone else None
        if found is not None:
            before = _delivery(name, found[0])
            self._note(cursor, evolve(before, overflowed=before.overflowed + gone))

    def settle(self, cursor: Cursor, *, delivery: Delivery, notice_ids: tuple[str, ...]) -> None:
        """Forget notices, and note how far the delivery is."""
        self.forget.run(cursor, [(notice_id,) for notice_id in notice_ids])
        found = self.told.run(cursor, {"of_name": delivery.name}).fetchone()
        if found is not None:
            self._note(cursor, evolve(delivery, overflowed=_delivery(delivery.name, found[0]).overflowed))

    def trim(self, cursor: Cursor, *, name: str, number: int, before: int) -> int:
        """Forget what is too old or too much; return how many."""
        gone = self.trim_age.run(cursor, {"of_name": name, "before": before}).rowcount
        return int(gone) + self._trim_number(cursor, name, number)

    def _trim_number(self, cursor: Cursor, name: str, number: int) -> int:
        ((count,),) = self.count.run(cursor, {"of_name": name}).fetchall()
        if count <= number:
            return 0
        return int(self.trim_number.run(cursor, {"in_name": name, "rows": count - number}).rowcount)

    def _note(self, cursor: Cursor, delivery: Delivery) -> None:
        self.note.run(cursor, {"of_name": delivery.name, "delivery": _told(delivery)})


def _delivery(name: str, fields: str) -> Delivery:
    return Delivery(name=name, **json.loads(fields))


def _told(delivery: Delivery) -> str:
    return json.dumps({name: value for name, value in asdict(delivery).items() if name not in ("name", "pending")})
