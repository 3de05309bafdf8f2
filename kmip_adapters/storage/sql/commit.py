"""What one unit of work hands over to the writer; those that only add objects are written together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from kmip_adapters.storage.sql.rows import OutdatedSeal, RowWrite, insert_rows
from kmip_adapters.storage.sql.rules import OutdatedRules, RulesWrite
from kmip_adapters.storage.sql.writer import Joint

if TYPE_CHECKING:
    from kmip_adapters.storage.sql.storage import SqlStorage


class Commit(Joint):
    """All writes of one unit of work with their audit records.

    records: (record identifier, record as stored).  judged_by: the rules that its new objects keep to, if any do.
    """

    __slots__ = ("_judged_by", "_records", "_seals", "_storage", "_writes", "is_joint")

    def __init__(
        self,
        storage: "SqlStorage",
        writes: Sequence[RowWrite | RulesWrite],
        records: list[tuple[str, bytes]],
        judged_by: Mapping[str, str] | None = None,
    ) -> None:
        self._judged_by = judged_by
        self._storage = storage
        self._writes = writes
        self._records = records
        self._seals = [
            sealed
            for write in writes
            if write.columns is not None and (sealed := write.columns.get("sealed")) is not None
        ]
        self.is_joint = all(isinstance(write, RowWrite) and write.is_new for write in writes)

    def __call__(self, cursor: Any) -> None:
        """Write it by itself.  Raises ConcurrentChange."""
        storage = self._storage
        storage.refuse_outdated(cursor, self._seals)
        if self._judged_by is not None and self._judged_by != _rules(cursor, storage):
            raise OutdatedRules
        if any(write.stored is not None and write.replaces_content for write in self._writes):
            storage.note_erased()
        for write in self._writes:
            write.apply(cursor, storage.statements)
        storage.statements.record.run(cursor, self._records)

    def write_together(self, cursor: Any, changes: Sequence[Self]) -> list[Exception | None]:
        """Write several that only add; those under an older data key, or by older rules, are left out.

        Raises the driver's error if an identifier is taken: which one shows when each is written by itself.
        """
        storage = self._storage
        errors: list[Exception | None] = []
        rows: list[Any] = []
        records: list[tuple[str, bytes]] = []
        newest = storage.newest_data_key(cursor)
        rules = _rules(cursor, storage)
        for change in changes:
            if any(storage.sealer.data_key_of(sealed) != newest for sealed in change._seals):
                errors.append(OutdatedSeal())
                continue
            if change._judged_by is not None and change._judged_by != rules:
                errors.append(OutdatedRules())
                continue
            errors.append(None)
            rows += change._writes
            records += change._records
        insert_rows(cursor, storage.statements, rows)
        storage.statements.record.run(cursor, records)
        return errors


def _rules(cursor: Any, storage: "SqlStorage") -> dict[str, str]:
    return dict(storage.rule_statements.all.run(cursor, {}).fetchall())
