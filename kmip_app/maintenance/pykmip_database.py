"""Reads the objects of a PyKMIP database: SQLite, joined tables.

Of any release from 0.5 on: tables and columns that came later may be missing. PyKMIP's Destroy deletes only the row in
`managed_objects`, so everything starts there and orphans in the other tables are never looked at. What the columns say
is in `pykmip_rows`.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from kmip_adapters.storage.open_files import is_open_here
from kmip_app.maintenance import pykmip_rows as rows
from kmip_app.maintenance.pykmip_rows import NotTaken, Row
from kmip_app.printable import printable
from kmip_core import enums
from kmip_core.attributes import Attributes
from kmip_core.classes import frozen
from kmip_core.enums import ObjectType, State
from kmip_core.errors import KmipError, Unusable
from kmip_core.initial_attributes import complete, digests_of, short_identifier
from kmip_core.masks import CryptographicUsageMask
from kmip_core.objects import (
    Certificate,
    Content,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SymmetricKey,
    key_block_of,
)

_PARTS: Final = (
    "crypto_objects",
    "keys",
    "split_keys",
    "certificates",
    "secret_data_objects",
    "opaque_objects",
)
"""Tables with one row for each object of some types."""


@frozen(kw_only=True)
class Found:
    """One object of the database.  managed_object, content: None if it cannot be taken, and `problem` says why."""

    row: str
    managed_object: ManagedObject | None = None
    content: Content | None = None
    problem: str = ""


class NoPyKmipDatabase(Unusable):
    """The file is no database of PyKMIP; the text says so."""


UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises: the module of Python decodes the names of columns itself."""


def is_pykmip_database(path: Path) -> bool:
    """Return whether `path` is an SQLite file with PyKMIP's tables."""
    if is_open_here(path):  # as ours, and must not be opened besides
        return False
    try:
        with path.open("rb") as file:
            header = file.read(20)
        if not header.startswith(b"SQLite format 3\0"):
            return False
        # The file by itself: what a change that was cut off has left can be taken back only by writing, and a program
        # that only looks at a closed database with a write-ahead log leaves an empty one and its index behind.
        by_itself = _journal(path).exists() or (_has_write_ahead_log(header) and not _beside(path, "-wal").exists())
        with closing(_connect(path, "mode=ro&immutable=1" if by_itself else "mode=ro")) as connection:
            columns = {row["name"] for row in connection.execute("PRAGMA table_info(managed_objects)")}
    except (OSError, *UNREADABLE):
        return False
    return {"uid", "object_type", "class_type", "value"} <= columns


def _has_write_ahead_log(header: bytes) -> bool:
    return header[18:19] == b"\2"  # the format's version for reading


def _journal(path: Path) -> Path:
    return _beside(path, "-journal")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def advice_on_pykmip(path: Path) -> str:
    """Say what to do with a database of PyKMIP in the place of ours."""
    return (
        f"{path} is a database of PyKMIP and stays as it is; name a new file there and take its objects over: "
        f"kmipd import-pykmip {path}"
    )


class PyKmipDatabase:
    """An open database; `len` is the number of its objects, iteration yields each as a `Found`."""

    def __init__(self, path: Path, *, now: int, owner: str | None = None) -> None:
        """Open it for reading only.

        now: stands for dates that old releases did not keep.  owner: of objects from releases that knew none.
        Raises NoPyKmipDatabase; so does iteration where the file is damaged.
        """
        if not path.is_file():
            raise NoPyKmipDatabase(f"{path} does not exist; name PyKMIP's database file")
        if not is_pykmip_database(path):
            raise NoPyKmipDatabase(f"{path} is no database of PyKMIP; name the file of its database_path")
        self._path = path
        self._connection = _connect(path)
        self._now = now
        self._owner = owner
        try:
            self._parts = {name: {row["uid"]: row for row in self._rows(name)} for name in _PARTS}
            self._names: dict[int, list[Row]] = {}
            for row in self._rows("managed_object_names", "id", "mo_uid"):
                self._names.setdefault(row["mo_uid"], []).append(row)
            self._applications = self._linked("app_specific_info_map", "app_specific_info_id", "app_specific_info")
            self._groups = self._linked("object_group_map", "object_group_id", "object_groups")
        except UNREADABLE as error:
            self.close()
            raise self._damaged(error) from error
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM managed_objects").fetchone()[0])

    def __iter__(self) -> Iterator[Found]:
        try:
            for row in self._connection.execute("SELECT * FROM managed_objects ORDER BY uid"):
                yield self._found(dict(row))
        except UNREADABLE as error:
            raise self._damaged(error) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # What the tables say

    def _rows(self, table: str, order: str = "uid", *needed: str) -> Iterator[Row]:
        """Yield a table's rows; none if this release had no such table."""
        columns = {row["name"] for row in self._connection.execute(f"PRAGMA table_info({table})")}
        for column in (order, *needed) if columns else ():
            if column not in columns:
                raise NoPyKmipDatabase(f"{self._path} is no database of PyKMIP; its {table} has no column {column}")
        if columns:
            for row in self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608  our own names
                yield dict(row)

    def _linked(self, links: str, key: str, table: str) -> dict[int, list[Row]]:
        values = {row["id"]: row for row in self._rows(table, "id")}
        found: dict[int, list[Row]] = {}
        for row in self._rows(links, key, "managed_object_id"):
            if row[key] in values:
                found.setdefault(row["managed_object_id"], []).append(values[row[key]])
        return found

    def _part(self, table: str, uid: int) -> Row:
        try:
            return self._parts[table][uid]
        except KeyError:
            raise NotTaken(f"has no row in {table}") from None

    def _damaged(self, error: Exception) -> NoPyKmipDatabase:
        if isinstance(error, sqlite3.OperationalError) and _journal(self._path).exists():
            return NoPyKmipDatabase(
                f"{self._path} was left in the middle of a change; start PyKMIP's server once more, or run "
                f"sqlite3 {self._path} .tables, so that it is taken back"
            )
        return NoPyKmipDatabase(
            f"{self._path} cannot be read whole ({error}); sqlite3 {self._path} .recover saves what is left"
        )

    # One object

    def _found(self, row: Row) -> Found:
        label = printable(f"{row['uid']} ({row['class_type']})")
        try:
            content = self._content(row)
            return Found(row=label, managed_object=self._managed_object(row, content), content=content)
        except NotTaken as error:
            return Found(row=label, problem=str(error))
        except KmipError as error:
            return Found(row=label, problem=error.message)

    def _managed_object(self, row: Row, content: Content) -> ManagedObject:
        uid = row["uid"]
        owner = rows.text(row, "owner", "an owner") or self._owner
        if not owner:
            raise NotTaken("has no owner; name one with --owner")
        crypto = self._parts["crypto_objects"].get(uid)
        mask = None if crypto is None else rows.integer(crypto, "cryptographic_usage_mask") or 0
        state = None if crypto is None else rows.member(crypto, "state", State)
        initial_date = rows.integer(row, "initial_date", rows.END_OF_TIME) or self._now
        block = key_block_of(content)
        identifier = str(uid)
        given = Attributes(
            names=rows.names(self._names.get(uid, [])),
            object_groups=rows.groups(self._groups.get(uid, [])),
            application_specific_information=rows.applications(self._applications.get(uid, [])),
            operation_policy_name=rows.text(row, "operation_policy_name", "a policy") or None,
            cryptographic_algorithm=None if block is None else block.cryptographic_algorithm,
            cryptographic_length=None if block is None else block.cryptographic_length,
            cryptographic_usage_mask=None if mask is None else CryptographicUsageMask(mask),
            certificate_type=getattr(content, "certificate_type", None),
            opaque_data_type=getattr(content, "opaque_data_type", None),
            state=state or State.PRE_ACTIVE,
            initial_date=initial_date,
            last_change_date=initial_date,
            sensitive=bool(row.get("sensitive")),
        )
        attributes = complete(
            content,
            given,
            unique_identifier=identifier,
            now=self._now,
            digests=digests_of(content),
            extractable=True,
            short_unique_identifier=short_identifier(identifier),
            fresh=False,
        )
        return ManagedObject(
            unique_identifier=identifier, object_type=content.object_type, owner=owner, attributes=attributes
        )

    def _content(self, row: Row) -> Content:
        uid, value = row["uid"], rows.octets(row, "value", "a value")
        if value is None:
            raise NotTaken("has no value")
        object_type = rows.member(row, "object_type", ObjectType)
        if object_type is ObjectType.CERTIFICATE:
            kind = rows.member(self._part("certificates", uid), "certificate_type", enums.CertificateType)
            return Certificate(certificate_type=kind or enums.CertificateType.X_509, certificate_value=value)
        if object_type is ObjectType.OPAQUE_OBJECT:
            opaque = rows.member(self._part("opaque_objects", uid), "opaque_type", enums.OpaqueDataType)
            return OpaqueObject(value, opaque or enums.OpaqueDataType.NONE)
        if object_type is ObjectType.SECRET_DATA:
            secret = rows.member(self._part("secret_data_objects", uid), "data_type", enums.SecretDataType)
            return SecretData(value, secret or enums.SecretDataType.PASSWORD)
        kinds: Mapping[ObjectType | None, type[SymmetricKey | PublicKey | PrivateKey] | None] = {
            ObjectType.SYMMETRIC_KEY: SymmetricKey,
            ObjectType.PUBLIC_KEY: PublicKey,
            ObjectType.PRIVATE_KEY: PrivateKey,
            ObjectType.SPLIT_KEY: None,
        }
        if object_type not in kinds:
            raise NotTaken(f"is of type {row['object_type']}, which PyKMIP never stored")
        block = rows.key_block(self._part("keys", uid), value)
        kind_of_key = kinds[object_type]
        if kind_of_key is None:
            return rows.split_key(self._part("split_keys", uid), block)
        return kind_of_key(key_block=block)


def _connect(path: Path, how: str = "mode=ro") -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> Any:
    """Return text, or the bytes of what is none: it then keeps one object from being taken, not all of them."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
