"""What one unit of work hands over to the writer; those that only add objects are written together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from kmip_adapters.storage.sql.rows import Ground, OutdatedSeal, RowWrite, insert_rows
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
        if self._seals or self._judged_by is not None:
            refusal = self._refusal(Ground.read(cursor, storage.statements))
            if refusal is not None:
                raise refusal
        if any(write.stored is not None and write.replaces_content for write in self._writes):
            storage.note_erased()
        for write in self._writes:
            write.apply(cursor, storage.statements)
        storage.statements.record.run(cursor, self._records)

    def write_together(self, cursor: Any, changes: Sequence[Self]) -> list[Exception | None]:
        """Write several that only add; those under an older data key, or by older rules, are left out.

        Raises ConcurrentChange if an identifier is taken: whose it is shows when each is written by itself.
        """
        statements = self._storage.statements
        ground = Ground.read(cursor, statements)
        errors = [change._refusal(ground) for change in changes]
        kept = [change for change, error in zip(changes, errors, strict=True) if error is None]
        rows = [write for change in kept for write in change._writes if isinstance(write, RowWrite)]
        insert_rows(cursor, statements, rows, ground.last)
        statements.record.run(cursor, [record for change in kept for record in change._records])
        return errors

    def _refusal(self, ground: Ground) -> Exception | None:
        """Return why it must not be written.

        Once a data key is in the database nobody, in whatever process, adds to what is under those before it: what was
        sealed anew stays so, and they can be retired.
        """
        data_key_of = self._storage.sealer.data_key_of
        if any(data_key_of(sealed) != ground.newest_data_key for sealed in self._seals):
            return OutdatedSeal()
        if self._judged_by is not None and self._judged_by != ground.rules:
            return OutdatedRules()
        return None
