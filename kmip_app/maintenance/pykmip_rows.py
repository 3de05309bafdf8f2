"""What the rows of a PyKMIP database say: columns as values, and the parts of an object that they make.

Enumerations are numbers, -1 for none. SQLite keeps what it was given, whatever the column's type, so nothing is
believed: what cannot be is `NotTaken` with the column's name, and keeps its object, no other, from being taken.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, TypeVar

from kmip_core import enums
from kmip_core.objects import KeyBlock, KeyValue, SplitKey
from kmip_core.structures import (
    ApplicationSpecificInformation,
    CryptographicParameters,
    EncryptionKeyInformation,
    KeyWrappingData,
    MACSignatureKeyInformation,
    Name,
)

Row = Mapping[str, Any]
Member = TypeVar("Member", bound=IntEnum)

LARGEST: Final = 2**31 - 1  # a KMIP Integer
END_OF_TIME: Final = 253_402_300_799  # 9999-12-31: what clients can still read as a date

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


class NotTaken(Exception):
    """A row cannot become an object; the text says why."""


# Columns


def integer(row: Row, column: str, high: int = LARGEST) -> int | None:
    """Return a number from 0 to `high`; None for NULL and for columns that a release did not have."""
    value = row.get(column)
    if value is None or (isinstance(value, int) and 0 <= value <= high):
        return value
    raise NotTaken(f"has {column} {_shown(value)}, which is no number from 0 to {high}")


def text(row: Row, column: str, what: str) -> str:
    """Return a text, empty for NULL."""
    value = row.get(column)
    if value is None or isinstance(value, str):
        return value or ""
    raise NotTaken(f"has {what} that is not text")


def octets(row: Row, column: str, what: str) -> bytes | None:
    """Return bytes."""
    value = row.get(column)
    if value is None or isinstance(value, bytes):
        return value
    raise NotTaken(f"has {what} that is not bytes")


def member(row: Row, column: str, kind: type[Member]) -> Member | None:
    """Return the member of an enumeration; None for PyKMIP's -1."""
    value = row.get(column)
    if value is None or value == -1:
        return None
    if not isinstance(value, int):
        raise NotTaken(f"has {column} {_shown(value)}, which is no number")
    try:
        return kind(value & 0xFFFF_FFFF)
    except ValueError:
        raise NotTaken(f"has {kind.__name__} {value}, which the standard does not know") from None


def _shown(value: object) -> str:
    return ascii(value)[:40]


# Parts of an object


def names(rows: list[Row]) -> tuple[Name, ...]:
    """Return the names of an object, each once; rows without a name say nothing."""
    found = [
        Name(
            name_value=value,
            name_type=member(row, "name_type", enums.NameType) or enums.NameType.UNINTERPRETED_TEXT_STRING,
        )
        for row in rows
        if (value := text(row, "name", "a name"))
    ]
    return tuple(dict.fromkeys(found))


def groups(rows: list[Row]) -> tuple[str, ...]:
    """Return the object groups."""
    return tuple(group for row in rows if (group := text(row, "object_group", "an object group")))


def applications(rows: list[Row]) -> tuple[ApplicationSpecificInformation, ...]:
    """Return the application specific information."""
    what = "application specific information"
    return tuple(
        ApplicationSpecificInformation(
            application_namespace=text(row, "application_namespace", what),
            application_data=text(row, "application_data", what),
        )
        for row in rows
    )


def key_block(key: Row, value: bytes) -> KeyBlock:
    """Return the key block of a row in `keys` with the bytes of its object."""
    return KeyBlock(
        key_format_type=member(key, "key_format_type", enums.KeyFormatType) or enums.KeyFormatType.RAW,
        key_value=KeyValue(key_material=value),
        cryptographic_algorithm=member(key, "cryptographic_algorithm", enums.CryptographicAlgorithm),
        cryptographic_length=integer(key, "cryptographic_length"),
        key_wrapping_data=_wrapping(key),
    )


def split_key(split: Row, block: KeyBlock) -> SplitKey:
    """Return the split key of a row in `split_keys`."""
    method = member(split, "_split_key_method", enums.SplitKeyMethod)
    if method is None:
        raise NotTaken("has no Split Key Method")
    numbers = [integer(split, name) for name in ("_split_key_parts", "_key_part_identifier", "_split_key_threshold")]
    parts, part, threshold = numbers
    if parts is None or part is None or threshold is None:
        raise NotTaken("has not all numbers of a split key")
    return SplitKey(
        split_key_parts=parts,
        key_part_identifier=part,
        split_key_threshold=threshold,
        split_key_method=method,
        prime_field_size=integer(split, "_prime_field_size", 2**63 - 1),
        key_block=block,
    )


def _wrapping(key: Row) -> KeyWrappingData | None:
    """Return how a key was wrapped; all columns empty means that it was not."""
    method = member(key, "_kdw_wrapping_method", enums.WrappingMethod)
    if method is None:
        return None
    encryption = text(key, "_kdw_eki_unique_identifier", "a wrapping key's identifier")
    authentication = text(key, "_kdw_mski_unique_identifier", "a MAC key's identifier")
    return KeyWrappingData(
        wrapping_method=method,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=encryption, cryptographic_parameters=_parameters(key, "_kdw_eki_cp_")
        )
        if encryption
        else None,
        mac_signature_key_information=MACSignatureKeyInformation(
            unique_identifier=authentication, cryptographic_parameters=_parameters(key, "_kdw_mski_cp_")
        )
        if authentication
        else None,
        mac_signature=octets(key, "_kdw_mac_signature", "a MAC") or None,
        iv_counter_nonce=octets(key, "_kdw_iv_counter_nonce", "an IV") or None,
        encoding_option=member(key, "_kdw_encoding_option", enums.EncodingOption),
    )


def _parameters(key: Row, prefix: str) -> CryptographicParameters | None:
    values: dict[str, Any] = {}
    for name, kind in _PARAMETERS.items():
        column = prefix + name
        value = integer(key, column) if kind is None else member(key, column, kind)
        if value is not None:
            values[name] = bool(value) if name == "random_iv" else value
    return CryptographicParameters(**values) if values else None
