"""Reads the objects of a PyKMIP database: SQLite, joined tables, enumerations as numbers, -1 for none.

Of any release from 0.5 on: tables and columns that came later may be missing. PyKMIP's Destroy deletes only the row in
`managed_objects`, so everything starts there and orphans in the other tables are never looked at.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from attrs import frozen

from kmip_core import creation, enums
from kmip_core.attributes import Attributes
from kmip_core.enums import HashingAlgorithm, ObjectType, State
from kmip_core.objects import (
    Certificate,
    Content,
    KeyBlock,
    KeyValue,
    ManagedObject,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SplitKey,
    SymmetricKey,
)
from kmip_core.policy import DEFAULT_POLICY
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CryptographicParameters,
    Digest,
    EncryptionKeyInformation,
    KeyWrappingData,
    MACSignatureKeyInformation,
    Name,
)

Row = Mapping[str, Any]
Member = TypeVar("Member", bound=IntEnum)

_PARAMETERS: Final[Mapping[str, type[IntEnum] | None]] = {
    "block_cipher_mode": enums.BlockCipherMode,
    "padding_method": enums.PaddingMethod,
    "hashing_algorithm": enums.HashingAlgorithm,
    "key_role_type": enums.KeyRoleType,
    "digital_signature_algorithm": enums.DigitalSignatureAlgorithm,
    "cryptographic_algorithm": enums.CryptographicAlgorithm,
    "random_iv": None,
    "iv_length": None,
    "tag_length": None,
    "fixed_field_length": None,
    "invocation_field_length": None,
    "counter_length": None,
    "initial_counter_value": None,
}
"""Columns `_kdw_eki_cp_...` and `_kdw_mski_cp_...`, and the enumeration of each."""


@frozen(kw_only=True)
class Found:
    """One object of the database.  managed_object, content: None if it cannot be taken, and `problem` says why."""

    row: str
    managed_object: ManagedObject | None = None
    content: Content | None = None
    problem: str = ""


class NotTaken(Exception):
    """A row cannot become an object; the text says why."""


class NoPyKmipDatabase(Exception):
    """The file is no database of PyKMIP; the text says so."""


def is_pykmip_database(path: Path) -> bool:
    """Return whether `path` is an SQLite file with PyKMIP's tables."""
    try:
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return False
        with closing(_connect(path)) as connection:
            columns = {row["name"] for row in connection.execute("PRAGMA table_info(managed_objects)")}
    except (OSError, sqlite3.Error):
        return False
    return {"uid", "object_type", "class_type", "value"} <= columns


def told_of_pykmip(path: Path) -> str:
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
        Raises NoPyKmipDatabase.
        """
        if not path.is_file():
            raise NoPyKmipDatabase(f"{path} does not exist; name PyKMIP's database file")
        if not is_pykmip_database(path):
            raise NoPyKmipDatabase(f"{path} is no database of PyKMIP; name the file of its database_path")
        self._connection = _connect(path)
        self._now = now
        self._owner = owner
        self._parts = {
            name: {row["uid"]: row for row in self._rows(name)}
            for name in (
                "crypto_objects",
                "keys",
                "split_keys",
                "certificates",
                "secret_data_objects",
                "opaque_objects",
            )
        }
        self._names: dict[int, list[Name]] = {}
        for row in self._rows("managed_object_names", "id"):
            name = Name(name_value=row["name"] or "", name_type=enums.NameType(row.get("name_type") or 1))
            self._names.setdefault(row["mo_uid"], []).append(name)
        self._applications = self._linked(
            "app_specific_info_map", "app_specific_info_id", "app_specific_info", _application
        )
        self._groups = self._linked("object_group_map", "object_group_id", "object_groups", lambda r: r["object_group"])

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM managed_objects").fetchone()[0])

    def __iter__(self) -> Iterator[Found]:
        for row in self._connection.execute("SELECT * FROM managed_objects ORDER BY uid"):
            told = dict(row)
            label = f"{told['uid']} ({told['class_type']})"
            try:
                content = self._content(told)
                yield Found(row=label, managed_object=self._managed_object(told, content), content=content)
            except NotTaken as error:
                yield Found(row=label, problem=str(error))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # What the tables say

    def _rows(self, table: str, order: str = "uid") -> Iterator[dict[str, Any]]:
        """Yield a table's rows; none if this release had no such table."""
        known = self._connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
        if known.fetchone() is None:
            return
        for row in self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608  our own names
            yield dict(row)

    def _linked(self, links: str, key: str, table: str, read: Any) -> dict[int, list[Any]]:
        values = {row["id"]: read(row) for row in self._rows(table, "id")}
        found: dict[int, list[Any]] = {}
        for row in self._rows(links, key):
            if row[key] in values:
                found.setdefault(row["managed_object_id"], []).append(values[row[key]])
        return found

    def _part(self, table: str, uid: int) -> Row:
        try:
            return self._parts[table][uid]
        except KeyError:
            raise NotTaken(f"has no row in {table}") from None

    # One object

    def _managed_object(self, row: Row, content: Content) -> ManagedObject:
        uid = row["uid"]
        owner = row.get("owner") or self._owner
        if not owner:
            raise NotTaken("has no owner; name one with --owner")
        crypto = self._parts["crypto_objects"].get(uid, {})
        initial_date = row.get("initial_date") or self._now
        sensitive = bool(row.get("sensitive"))
        block: KeyBlock | None = getattr(content, "key_block", None)
        identifier = str(uid)
        attributes = Attributes(
            unique_identifier=identifier,
            short_unique_identifier=hashlib.sha256(identifier.encode()).digest(),
            object_type=content.object_type,
            names=tuple(self._names.get(uid, ())),
            object_groups=tuple(self._groups.get(uid, ())),
            application_specific_information=tuple(self._applications.get(uid, ())),
            operation_policy_name=row.get("operation_policy_name") or DEFAULT_POLICY,
            cryptographic_algorithm=None if block is None else block.cryptographic_algorithm,
            cryptographic_length=None if block is None else block.cryptographic_length,
            cryptographic_usage_mask=enums.CryptographicUsageMask(crypto.get("cryptographic_usage_mask") or 0)
            if crypto
            else None,
            certificate_type=getattr(content, "certificate_type", None),
            opaque_data_type=getattr(content, "opaque_data_type", None),
            key_format_type=creation.format_of(content),
            digests=_digests(content),
            state=_member(State, crypto.get("state")) or State.PRE_ACTIVE,
            initial_date=initial_date,
            last_change_date=initial_date,
            sensitive=sensitive,
            always_sensitive=sensitive,
            extractable=True,
            never_extractable=False,
            fresh=False,
        )
        return ManagedObject(
            unique_identifier=identifier, object_type=content.object_type, owner=owner, attributes=attributes
        )

    def _content(self, row: Row) -> Content:
        uid, value = row["uid"], row["value"]
        if not isinstance(value, bytes):
            raise NotTaken("has no value")
        object_type = _member(ObjectType, row["object_type"])
        if object_type is ObjectType.CERTIFICATE:
            kind = _member(enums.CertificateType, self._part("certificates", uid)["certificate_type"])
            return Certificate(certificate_type=kind or enums.CertificateType.X_509, certificate_value=value)
        if object_type is ObjectType.OPAQUE_OBJECT:
            opaque = _member(enums.OpaqueDataType, self._part("opaque_objects", uid)["opaque_type"])
            return OpaqueObject(value, opaque or enums.OpaqueDataType.NONE)
        if object_type is ObjectType.SECRET_DATA:
            secret = _member(enums.SecretDataType, self._part("secret_data_objects", uid)["data_type"])
            return SecretData(value, secret or enums.SecretDataType.PASSWORD)
        key = self._part("keys", uid)
        if object_type is ObjectType.SPLIT_KEY:
            return _split_key(self._part("split_keys", uid), _key_block(key, value))
        kinds: Mapping[ObjectType | None, type[SymmetricKey | PublicKey | PrivateKey]] = {
            ObjectType.SYMMETRIC_KEY: SymmetricKey,
            ObjectType.PUBLIC_KEY: PublicKey,
            ObjectType.PRIVATE_KEY: PrivateKey,
        }
        if object_type not in kinds:
            raise NotTaken(f"is of type {row['object_type']}, which PyKMIP never stored")
        return kinds[object_type](key_block=_key_block(key, value))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def _member(kind: type[Member], value: int | None) -> Member | None:
    """Return the member of an enumeration; None for PyKMIP's -1."""
    if value is None or value == -1:
        return None
    try:
        return kind(value & 0xFFFF_FFFF)
    except ValueError:
        raise NotTaken(f"has {kind.__name__} {value}, which the standard does not know") from None


def _application(row: Row) -> ApplicationSpecificInformation:
    return ApplicationSpecificInformation(
        application_namespace=row["application_namespace"], application_data=row["application_data"]
    )


def _digests(content: Content) -> tuple[Digest, ...]:
    material = creation.material_bytes(content)
    if material is None:
        return ()
    return (
        Digest(
            hashing_algorithm=HashingAlgorithm.SHA_256,
            digest_value=hashlib.sha256(material).digest(),
            key_format_type=creation.format_of(content),
        ),
    )


def _key_block(key: Row, value: bytes) -> KeyBlock:
    return KeyBlock(
        key_format_type=_member(enums.KeyFormatType, key["key_format_type"]) or enums.KeyFormatType.RAW,
        key_value=KeyValue(key_material=value),
        cryptographic_algorithm=_member(enums.CryptographicAlgorithm, key["cryptographic_algorithm"]),
        cryptographic_length=key["cryptographic_length"],
        key_wrapping_data=_wrapping(key),
    )


def _split_key(split: Row, block: KeyBlock) -> SplitKey:
    method = _member(enums.SplitKeyMethod, split["_split_key_method"])
    if method is None:
        raise NotTaken("has no Split Key Method")
    size = split.get("_prime_field_size")
    return SplitKey(
        split_key_parts=split["_split_key_parts"],
        key_part_identifier=split["_key_part_identifier"],
        split_key_threshold=split["_split_key_threshold"],
        split_key_method=method,
        prime_field_size=None if size is None else int(size),
        key_block=block,
    )


def _wrapping(key: Row) -> KeyWrappingData | None:
    """Return how a key was wrapped; all columns empty means that it was not."""
    method = _member(enums.WrappingMethod, key.get("_kdw_wrapping_method"))
    if method is None:
        return None
    encryption = key.get("_kdw_eki_unique_identifier")
    authentication = key.get("_kdw_mski_unique_identifier")
    return KeyWrappingData(
        wrapping_method=method,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=str(encryption), cryptographic_parameters=_parameters(key, "_kdw_eki_cp_")
        )
        if encryption
        else None,
        mac_signature_key_information=MACSignatureKeyInformation(
            unique_identifier=str(authentication), cryptographic_parameters=_parameters(key, "_kdw_mski_cp_")
        )
        if authentication
        else None,
        mac_signature=key.get("_kdw_mac_signature") or None,
        iv_counter_nonce=key.get("_kdw_iv_counter_nonce") or None,
        encoding_option=_member(enums.EncodingOption, key.get("_kdw_encoding_option")),
    )


def _parameters(key: Row, prefix: str) -> CryptographicParameters | None:
    values: dict[str, Any] = {}
    for name, kind in _PARAMETERS.items():
        value = key.get(prefix + name)
        if value is None or (kind is not None and value == -1):
            continue
        values[name] = bool(value) if name == "random_iv" else value if kind is None else _member(kind, value)
    return CryptographicParameters(**values) if values else None
