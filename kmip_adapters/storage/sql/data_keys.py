"""The wrapped data keys, kept in the database beside what is sealed under them."""

from collections.abc import Callable
from typing import Any, TypeVar

from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.rows import Statements
from kmip_core.ports.sealing import WrappedDataKey

T = TypeVar("T")


class SqlDataKeys:
    """Reads and changes the data keys.

    read: returns the rows of a statement.  submit: has a change written durably and returns what it returned.
    note_erased: called by changes that replace or delete wrapped keys.
    """

    def __init__(
        self,
        statements: Statements,
        *,
        read: Callable[..., list[Row]],
        submit: Callable[[Callable[[Cursor], Any]], Any],
        note_erased: Callable[[], None],
        check_wait: Callable[[], None],
    ) -> None:
        self._statements = statements
        self._read = read
        self._submit = submit
        self._note_erased = note_erased
        self.check_wait = check_wait

    def load(self) -> tuple[WrappedDataKey, ...]:
        """Return all data keys, oldest first."""
        return tuple(
            WrappedDataKey(data_key_id=data_key_id, wrapped=wrapped, root_key_id=root_key_id, uses=uses)
            for data_key_id, wrapped, root_key_id, uses in self._read(self._statements.data_keys)
        )

    def add(self, data_key: WrappedDataKey) -> bool:
        """Keep a new data key, durably; False if the identifier is taken or the root key was rotated."""
        statements = self._statements
        values = {
            "data_key_id": data_key.data_key_id,
            "wrapped": data_key.wrapped,
            "root_key_id": data_key.root_key_id,
            "uses": data_key.uses,
        }

        def change(cursor: Cursor) -> bool:
            for data_key_id, _, root_key_id, _ in statements.data_keys.run(cursor, {}).fetchall():
                if data_key_id == data_key.data_key_id or root_key_id != data_key.root_key_id:
                    return False
            statements.add_data_key.run(cursor, values)
            return True

        return bool(self._submit(change))

    def reserve(self, data_key_id: int, count: int) -> int | None:
        """Add to the uses of a data key, durably; None if it was retired."""
        values = {"of_data_key": data_key_id, "more": count}
        statement = self._statements.reserve_uses
        row = self._submit(lambda cursor: statement.run(cursor, values).fetchone())
        return None if row is None else int(row[0])

    def retire(self, newest: int) -> int:
        """Delete the older data keys, durably."""
        statements = self._statements

        def change(cursor: Cursor) -> int:
            if statements.newest_data_key.run(cursor, {}).fetchone()[0] != newest:
                return 0
            self._note_erased()
            return statements.retire_data_keys.run(cursor, {"newest": newest}).rowcount

        return int(self._submit(change))

    def rewrap(self, data_keys: tuple[WrappedDataKey, ...]) -> bool:
        """Replace all wrapped forms, durably; False if there are others."""
        statement = self._statements.rewrap_data_key
        given = {key.data_key_id for key in data_keys}

        def change(cursor: Cursor) -> bool:
            if given != {row[0] for row in self._statements.data_keys.run(cursor, {}).fetchall()}:
                return False
            self._note_erased()
            for key in data_keys:
                values = {"of_data_key": key.data_key_id, "wrapped": key.wrapped, "root_key_id": key.root_key_id}
                statement.run(cursor, values)
            return True

        return bool(self._submit(change))
