"""What one unit of work hands over to the writer; those that only add objects are written together."""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from attrs import frozen

from kmip_adapters.storage.sql.changes import Change
from kmip_adapters.storage.sql.driver import Cursor
from kmip_adapters.storage.sql.rows import OutdatedSeal, RowWrite, Statements, WriteContext, insert_rows
from kmip_adapters.storage.sql.rules import OutdatedRules
from kmip_adapters.storage.sql.submitted import GroupableTask


@frozen(kw_only=True)
class CommitServices:
    """What all commits of a store use.

    data_key_of: returns the data key under which a value is sealed.
    note_erased: called when sealed content is replaced or deleted.  node: whose audit trail takes the records.
    """

    statements: Statements
    data_key_of: Callable[[bytes], int]
    note_erased: Callable[[], None]
    node: str


class Commit(GroupableTask):
    """All changes of one unit of work with their audit records.

    records: (record identifier, record as stored).
    checked_against: the rules that its new objects were checked against, if any were.
    """

    __slots__ = ("_changes", "_checked_against", "_records", "_seals", "_services", "is_groupable")

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
        self._seals = [seal for change in changes for seal in change.seals]
        self.is_groupable = all(change.is_new for change in changes)

    def __call__(self, cursor: Cursor) -> None:
        """Write it by itself.  Raises ConcurrentChange."""
        statements = self._services.statements
        if self._seals or self._checked_against is not None:
            refusal = self._refusal(WriteContext.read(cursor, statements))
            if refusal is not None:
                raise refusal
        if any(change.erases for change in self._changes):
            self._services.note_erased()
        for change in self._changes:
            change.apply(cursor, statements)
        statements.record.run(cursor, self._records)

    def write_together(self, cursor: Cursor, tasks: Sequence[Self]) -> list[Exception | None]:
        """Write several that only add; those under an older data key, or by older rules, are left out.

        Raises ConcurrentChange if an identifier is taken: which one shows when each is written by itself.
        """
        statements = self._services.statements
        context = WriteContext.read(cursor, statements)
        errors = [task._refusal(context) for task in tasks]
        kept = [task for task, error in zip(tasks, errors, strict=True) if error is None]
        rows = [change for task in kept for change in task._changes if isinstance(change, RowWrite)]
        insert_rows(cursor, statements, rows, context.last)
        statements.record.run(cursor, [record for task in kept for record in task._records])
        return errors

    def _refusal(self, context: WriteContext) -> Exception | None:
        """Return why it must not be written.

        Once a data key is in the database no process adds to what is sealed under older ones: what was sealed anew
        stays so, and they can be retired.
        """
        data_key_of = self._services.data_key_of
        if any(data_key_of(sealed) != context.newest_data_key for sealed in self._seals):
            return OutdatedSeal()
        if self._checked_against is not None and self._checked_against != context.rules:
            return OutdatedRules()
        return None
