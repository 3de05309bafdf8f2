"""Rows of schema 0002 in the form of schema 0003, for the step that leads there."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from kmip_adapters.storage.errors import StorageUnusable
from kmip_adapters.storage.records import decode_attributes, encode_record
from kmip_adapters.storage.sql.attribute_index import CODES, entries
from kmip_adapters.storage.sql.data_keys import SqlDataKeys
from kmip_adapters.storage.sql.dialects import DIALECTS
from kmip_adapters.storage.sql.driver import Cursor, Row
from kmip_adapters.storage.sql.index_key import open_index_key
from kmip_adapters.storage.sql.migration import MakeSealer
from kmip_adapters.storage.sql.prepared import Prepared
from kmip_adapters.storage.sql.record_seals import record_binding
from kmip_adapters.storage.sql.rows import UNREADABLE, Statements


class SealedRows:
    """Seals rows under data keys that are read, and used up, over the connection of an upgrade."""

    digests_code = CODES["digests"]

    def __init__(self, connection: Connection, make_sealer: MakeSealer | None) -> None:
        if make_sealer is None:
            raise StorageUnusable("the upgrade needs the root key; start the server of this release once")
        statements = Statements(DIALECTS[connection.dialect.name])
        cursor: Cursor = connection.connection.cursor()  # type: ignore[assignment]  # of the driver, as PEP 249 has it

        def read(statement: Prepared, **values: Any) -> list[Row]:
            return statement.run(cursor, values).fetchall()

        def submit(change: Any) -> Any:
            return change(cursor)

        data_keys = SqlDataKeys(statements, read=read, submit=submit, note_erased=lambda: None, check_wait=lambda: None)
        self._sealer = make_sealer(data_keys)
        self._index_key = open_index_key(statements, self._sealer, read, submit, is_upgraded=True)

    def seal(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, int]]]:
        """Return a row as it is now, and the index entries of its digests.

        Raises StorageUnusable for a record that cannot be read.
        """
        try:
            attributes = decode_attributes(row["attributes"])
        except UNREADABLE as error:
            raise StorageUnusable(
                f"object {row['unique_identifier']} cannot be read, so that the database cannot be upgraded; run"
                " `kmipd verify` of the release before this one"
            ) from error
        readable, hidden = encode_record(attributes)
        binding = record_binding(
            unique_identifier=row["unique_identifier"],
            object_type=row["object_type"],
            owner=row["owner"],
            archived=bool(row["archived"]),
            has_content=bool(row["has_content"]),
            version=row["version"],
            attributes=readable,
            sealed=row["sealed"],
        )
        changed = {
            "archived": bool(row["archived"]),
            "has_content": bool(row["has_content"]),
            "record_seal": self._sealer.seal_record(hidden, binding),
            "attributes": readable,
        }
        found = [
            {"attribute": code, "value": value, "sequence": row["sequence"]}
            for code, value in entries(attributes, self._index_key)
            if code == self.digests_code
        ]
        return {**row, **changed}, found
