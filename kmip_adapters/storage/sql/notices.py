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

from kmip_adapters.storage.sql.dialects import Dialect
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.prepared import Prepared, PreparedRows
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
    """The statements about subscriptions and notices, prepared once."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(statement: str) -> Prepared:
            return Prepared(statement, dialect)

        # As for objects: the writer's transaction keeps others out, and a copied store goes on counting.
        self.add = prepared("""
            INSERT INTO notices (sequence, notice_id, subscriber, time, record, seal)
            VALUES (
                (SELECT coalesce(max(sequence), 0) + 1 FROM notices), :notice_id, :subscriber, :time, :record, :seal
            )
        """)
        self.all = prepared("SELECT name, record, seal FROM subscriptions ORDER BY name")
        self.states = prepared("""
            SELECT name, delivery, count(notices.sequence)
            FROM subscriptions LEFT JOIN notices ON notices.subscriber = subscriptions.name
            GROUP BY name, delivery
        """)
        self.find = prepared("SELECT name FROM subscriptions WHERE name = :of_name")
        self.subscribe = prepared(
            "INSERT INTO subscriptions (name, record, seal, delivery) VALUES (:name, :record, :seal, :delivery)"
        )
        self.change = prepared("UPDATE subscriptions SET record = :record, seal = :seal WHERE name = :of_name")
        self.note = prepared("UPDATE subscriptions SET delivery = :delivery WHERE name = :of_name")
        self.unsubscribe = prepared("DELETE FROM subscriptions WHERE name = :of_name")
        self.forget_all = prepared("DELETE FROM notices WHERE subscriber = :of_name")
        self.pending = prepared("""
            SELECT notice_id, subscriber, time, record, seal FROM notices
            WHERE subscriber = :of_name ORDER BY sequence LIMIT :rows
        """)
        self.forget = PreparedRows("DELETE FROM notices WHERE notice_id IN (:rows)", dialect, width=1)
        self.count = prepared("SELECT count(*) FROM notices WHERE subscriber = :of_name")
        self.first = prepared("SELECT sequence FROM notices WHERE subscriber = :of_name ORDER BY sequence LIMIT 1")
        self.last = prepared("SELECT sequence FROM notices WHERE subscriber = :of_name ORDER BY sequence DESC LIMIT 2")
        self.told = prepared("SELECT delivery FROM subscriptions WHERE name = :of_name")
        self.trim_number = prepared("""
            DELETE FROM notices WHERE sequence IN
            (SELECT sequence FROM notices WHERE subscriber = :in_name ORDER BY sequence LIMIT :rows)
        """)
        self.trim_age = prepared("DELETE FROM notices WHERE subscriber = :of_name AND time < :before")

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
