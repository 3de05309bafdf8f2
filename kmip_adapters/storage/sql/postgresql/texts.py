"""Texts for PostgreSQL, which takes every character but NUL; and numbers.

Names of clients and identifiers may have one, and every engine must tell them apart: NUL is written as backslash 0, and
a backslash as two.
"""

from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumper, TextLoader


class EscapingDumper(StrDumper):
    """Writes a text."""

    def dump(self, obj: str) -> Buffer | None:
        """Return its bytes."""
        if "\\" in obj or "\0" in obj:
            obj = obj.replace("\\", "\\\\").replace("\0", "\\0")
        return super().dump(obj)


class EscapingLoader(TextLoader):
    """Reads a text."""

    def load(self, data: Buffer) -> str:
        """Return what `EscapingDumper` was given."""
        text = str(super().load(data))  # UTF-8: the connection's encoding
        if "\\" not in text:
            return text
        return "\\".join(part.replace("\\0", "\0") for part in text.split("\\\\"))


def register(connection: psycopg.Connection[Any]) -> None:
    """Use both on a connection, and one type for all numbers.

    psycopg would choose the least type that holds a number, so that arithmetic of a statement might overflow, and each
    combination of types would be another prepared statement.
    """
    connection.adapters.register_dumper(str, EscapingDumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    for name in ("text", "varchar"):
        connection.adapters.register_loader(name, EscapingLoader)
