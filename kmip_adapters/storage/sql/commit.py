"""What one unit of work hands over to the writer; those that only add objects, or change one, are written together."""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from attrs import field

from kmip_adapters.storage.quotas import Growth, Holdings, QuotaOf, refusal
from kmip_adapters.storage.sql.changes import Change
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.generations import LastGeneration
from kmip_adapters.storage.sql.holdings import LastHoldings
from kmip_adapters.storage.sql.rows import OutdatedSeal, RowWrite, Statements, WriteContext, index_changes, insert_rows
from kmip_adapters.storage.sql.rules import OutdatedRules
from kmip_adapters.storage.sql.submitted import GroupableTask
from kmip_core.classes import frozen
from kmip_core.ports.storage import ConcurrentChange


@frozen(kw_only=True)
class CommitServices:
    """What all commits of a store use.

    data_key_of: returns the data key under which a value is sealed.
    note_erased: called when sealed content is replaced or deleted.  node: whose audit trail takes the records.
    quota_of: None where owners may have as much as they like.  note_refused: called when a quota refuses a commit.
    index_key: returns the key under which facts are authenticated.
    """

    statements: Statements
    data_key_of: Callable[[bytes], int]
    note_erased: Callable[[], None]
    node: str
    quota_of: QuotaOf | None
    note_refused: Callable[[], None]
    index_key: Callable[[], bytes]
    last_generation: LastGeneration = field(factory=LastGeneration)
    last_holdings: LastHoldings = field(factory=LastHoldings)


class Commit(GroupableTask):
    """All changes of one unit of work with their audit records.

    records: (record identifier, record as stored).
    checked_against: the rules that its new objects were checked against, if any were.
    """

    __slots__ = (
        "_changed",
        "_changes",
        "_checked_against",
        "_growth",
        "_records",
        "_seals",
        "_services",
        "is_groupable",
    )

    def __init__(
        self,
        services: CommitServices,
        changes: Sequence[Change],
        records: list[tuple[str, bytes]],
        checked_against: Mapping[str, str] | None = None,
    ) -> None:
        self._services = services
        self._changes = changes
        self._records = [(services.node, *record) for record in records]
        self._checked_against = checked_against
        self._changed: RowWrite | None = None  # the one object that was there and is changed, written together
        if len(changes) == 1 and type(write := changes[0]) is RowWrite:  # as nearly always
            self._seals: Sequence[bytes] = write.seals
            self.is_groupable = True
            if write.stored is not None:
                self._changed = write
        else:
            self._seals = [seal for change in changes for seal in change.seals]
            self.is_groupable = all(change.is_new for change in changes)
        self._growth = _growth(changes)

    @property
    def rows(self) -> list[RowWrite]:
        """Return its objects; it changes no others."""
        return [change for change in self._changes if isinstance(change, RowWrite)]

    def __call__(self, cursor: Cursor) -> None:
        """Write it by itself.  Raises ConcurrentChange; KmipError (Server Limit Exceeded) where a quota is full."""
        statements = self._services.statements
        if self._seals or self._checked_against is not None:
            outdated = self._outdated(WriteContext.read(cursor, statements))
            if outdated is not None:
                raise outdated
        key = self._services.index_key()
        held = {owner: statements.holdings.read(cursor, owner, key) for owner in self._growth}
        rows = self.rows
        if rows:
            statements.generations.advance(cursor, self._services.last_generation, _change(rows, key), key)
        if (over_quota := self._over_quota(held)) is not None:
            raise over_quota
        if any(change.erases for change in self._changes):
            self._services.note_erased()
        for change in self._changes:
            change.apply(cursor, statements)
        for owner, growth in self._growth.items():
            statements.holdings.write(cursor, owner, held[owner] + growth.holdings, key)
        statements.record.run(cursor, self._records)

    def write_together(self, cursor: Cursor, tasks: Sequence[Self]) -> list[Exception | None]:
        """Write several that only add, or change one object each.

        Left out are those under an older data key, by older rules, over a quota, or whose object was changed first.
        Raises ConcurrentChange if an identifier is taken: which one shows when each is written by itself.
        """
        services = self._services
        statements, key = services.statements, services.index_key()
        owners = list(dict.fromkeys([owner for task in tasks for owner in task._growth]))
        context = WriteContext.read(cursor, statements, owners[0] if owners else None)
        errors: list[Exception | None] = []
        facts_of = statements.holdings.stored(cursor, owners[1:])
        if context.owner is not None and context.holdings is not None:
            facts_of[context.owner] = context.holdings
        before: dict[str, Holdings] = {
            owner: statements.holdings.known(cursor, owner, facts_of.get(owner), key, services.last_holdings)
            for owner in owners
        }
        held = before.copy()
        is_ample = self._have_room(tasks, before)
        if any(task._changes for task in tasks):
            # Known before anything is written: whether an object can be changed shows only then.
            statements.generations.know(cursor, services.last_generation, context.generation, key)
        for task in tasks:
            error = task._outdated(context) or (None if is_ample else task._over_quota(held))
            changed = task._changed
            if error is None and changed is not None and not changed.change(cursor, statements):
                error = ConcurrentChange(changed.unique_identifier)
            errors.append(error)
            if error is None and not is_ample:
                for owner, growth in task._growth.items():
                    held[owner] += growth.holdings
        kept = [task for task, error in zip(tasks, errors, strict=True) if error is None]
        if is_ample:
            held = {owner: before[owner] + more for owner, more in _growth_of(kept).items()}
        rows = [change for task in kept for change in task._changes if isinstance(change, RowWrite)]
        new = [row for row in rows if row.stored is None]
        facts = self._next_generation(rows, key) if rows else []
        for owner, holdings in held.items():
            if holdings != before[owner]:
                facts.append(statements.holdings.next_fact(services.last_holdings, owner, holdings, key))
        statements.of_one_fact.keep_all.give(cursor, facts)
        statements.record.give(cursor, [record for task in kept for record in task._records])
        if len(new) < len(rows):
            index_changes(cursor, statements, rows)
            if any(row.erases for row in rows):
                services.note_erased()
        if new:
            insert_rows(cursor, statements, new, context.last)
        return errors

    def _next_generation(self, rows: Sequence[RowWrite], key: bytes) -> list[tuple[str, str]]:
        """Return the fact of the generation that follows once the rows are written."""
        services = self._services
        return [services.statements.generations.next_fact(services.last_generation, _change(rows, key), key)]

    def _have_room(self, tasks: Sequence[Self], before: Mapping[str, Holdings]) -> bool:
        """Return whether no quota can refuse any of them, as nearly always: then none need be looked at by itself.

        That is so where all of them together would not be refused, without what some of them give back.
        """
        quota_of = self._services.quota_of
        if quota_of is None:
            return True
        for owner, more in _growth_of(tasks, is_worst=True).items():
            if refusal(before[owner], Growth(more, is_bound=True), quota_of(owner)) is not None:
                return False
        return True

    def _over_quota(self, held: Mapping[str, Holdings]) -> Exception | None:
        """Return why an owner that has `held` may not have what this adds."""
        quota_of = self._services.quota_of
        if quota_of is None:
            return None
        for owner, growth in self._growth.items():
            error = refusal(held[owner], growth, quota_of(owner))
            if error is not None:
                self._services.note_refused()
                return error
        return None

    def _outdated(self, context: WriteContext) -> Exception | None:
        """Return why it must not be written.

        Once a data key is in the database no process adds to what is sealed under older ones: what was sealed anew
        stays so, and they can be retired.
        """
        data_key_of = self._services.data_key_of
        newest = context.newest_data_key
        for sealed in self._seals:
            if data_key_of(sealed) != newest:
                return OutdatedSeal()
        if self._checked_against is not None and self._checked_against != context.rules:
            return OutdatedRules()
        return None


def _growth_of(tasks: Sequence[Commit], *, is_worst: bool = False) -> dict[str, Holdings]:
    """Return what several add for each owner.  is_worst: without what some of them take away."""
    objects: dict[str, int] = {}
    stored_bytes: dict[str, int] = {}
    for task in tasks:
        for owner, growth in task._growth.items():
            more = growth.holdings
            more_objects, more_bytes = more.objects, more.stored_bytes
            if is_worst:
                more_objects, more_bytes = max(0, more_objects), max(0, more_bytes)
            objects[owner] = objects.get(owner, 0) + more_objects
            stored_bytes[owner] = stored_bytes.get(owner, 0) + more_bytes
    return {owner: Holdings(number, stored_bytes[owner]) for owner, number in objects.items()}


def _change(rows: Sequence[RowWrite], key: bytes) -> int:
    """Return what the rows contribute to the generation of the store more than before."""
    return sum(row.new_share(key) for row in rows)


def _growth(changes: Sequence[Change]) -> dict[str, Growth]:
    """Return what changes add to the holdings of each owner; owners to whom nothing is added are left out."""
    found: dict[str, Growth] = {}
    for change in changes:
        if isinstance(change, RowWrite) and change.growth:
            growth = found.get(change.owner)
            if growth is None:
                found[change.owner] = Growth.of_write(change.growth, changes_state=change.changes_state)
            else:
                found[change.owner] = growth.with_write(change.growth, changes_state=change.changes_state)
    return found
