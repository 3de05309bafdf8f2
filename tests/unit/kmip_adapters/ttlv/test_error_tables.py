"""The reasons that come out are those of the standard's error tables, row by row (tools/data/error_tables.csv)."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_adapters.ttlv.standard.reasons import on_wire
from kmip_core.enums import Operation, ResultReason
from kmip_core.enums import Operation as Op
from kmip_core.enums import ResultReason as R
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion

TABLES = Path(__file__).parents[4] / "tools" / "data" / "error_tables.csv"
VERSIONS_1X = ("1.0", "1.1", "1.2", "1.3", "1.4")


def rows(version: str) -> Iterator[dict[str, str]]:
    with TABLES.open(newline="") as file:
        yield from (row for row in csv.DictReader(file) if row["version"] == version)


def rows_of_2x(version: str) -> Iterator[tuple[Operation, set[ResultReason]]]:
    """Yield the reasons of each operation's table."""
    for row in rows(version):
        if row["operation"] in Operation.__members__:
            yield Operation[row["operation"]], {R[name] for name in row["reasons"].split() if name in R.__members__}


@pytest.mark.parametrize("version", VERSIONS_1X)
def test_every_row_of_1x_is_answered_as_it_says(version: str) -> None:
    protocol_version = ProtocolVersion(*map(int, version.split(".")))
    differing = set()
    number = 0
    for row in rows(version):
        number += 1
        operation = None if row["operation"] == "GENERAL" else Operation[row["operation"]]
        wire = on_wire(R[row["raised"]], operation, protocol_version)
        if wire is not R[row["reasons"]]:
            differing.add((*row.values(), wire.name))

    assert differing == set()
    assert number > 80


ALTERNATIVES: dict[ResultReason, frozenset[ResultReason]] = {
    R.READ_ONLY_ATTRIBUTE: frozenset({R.READ_ONLY_ATTRIBUTE, R.ATTRIBUTE_READ_ONLY}),
    R.INVALID_OBJECT_TYPE: frozenset({R.INVALID_OBJECT_TYPE, R.ILLEGAL_OBJECT_TYPE}),
    R.INVALID_ATTRIBUTE: frozenset({R.INVALID_ATTRIBUTE, R.UNSUPPORTED_ATTRIBUTE}),
    R.BAD_CRYPTOGRAPHIC_PARAMETERS: frozenset({R.BAD_CRYPTOGRAPHIC_PARAMETERS, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS}),
}
"""What is raised, to the reasons of 2.x that say the same: of those that a table has, one must come out."""


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_of_several_reasons_for_one_thing_2x_gets_the_one_of_its_table(version: str) -> None:
    protocol_version = ProtocolVersion(*map(int, version.split(".")))
    differing = set()
    operations = set()
    for operation, reasons in rows_of_2x(version):
        operations.add(operation)
        for reason, alternatives in ALTERNATIVES.items():
            wire = on_wire(reason, operation, protocol_version)
            if alternatives & reasons and wire not in alternatives & reasons:
                differing.add((operation.name, wire.name))

    assert differing == set()
    assert len(operations & set(CATALOGUE)) > 35


OF_ITS_TABLE: dict[ResultReason, frozenset[Operation]] = {
    # Op. that can have the fault at all: nothing but deletions and the like has no attribute values.
    R.INVALID_ATTRIBUTE_VALUE: frozenset(
        {
            Op.CREATE,
            Op.CREATE_KEY_PAIR,
            Op.CREATE_SPLIT_KEY,
            Op.JOIN_SPLIT_KEY,
            Op.REGISTER,
            Op.IMPORT,
            Op.DERIVE_KEY,
            Op.RE_KEY,
            Op.RE_KEY_KEY_PAIR,
            Op.CERTIFY,
            Op.RE_CERTIFY,
            Op.ADD_ATTRIBUTE,
            Op.MODIFY_ATTRIBUTE,
            Op.SET_ATTRIBUTE,
            Op.ADJUST_ATTRIBUTE,
            Op.SET_CONSTRAINTS,
            Op.SET_DEFAULTS,
            Op.LOCATE,
        }
    ),
    R.ATTRIBUTE_SINGLE_VALUED: frozenset(
        {
            Op.CREATE,
            Op.CREATE_KEY_PAIR,
            Op.CREATE_SPLIT_KEY,
            Op.JOIN_SPLIT_KEY,
            Op.REGISTER,
            Op.IMPORT,
            Op.DERIVE_KEY,
            Op.RE_KEY,
            Op.RE_KEY_KEY_PAIR,
            Op.CERTIFY,
            Op.RE_CERTIFY,
            Op.ADD_ATTRIBUTE,
            Op.SET_CONSTRAINTS,
            Op.SET_DEFAULTS,
        }
    ),
    **dict.fromkeys(
        (R.BAD_CRYPTOGRAPHIC_PARAMETERS, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
        frozenset(
            {
                Op.CREATE_SPLIT_KEY,
                Op.JOIN_SPLIT_KEY,
                Op.DERIVE_KEY,
                Op.GET,
                Op.EXPORT,
                Op.REGISTER,
                Op.IMPORT,
                Op.CERTIFY,
                Op.RE_CERTIFY,
                Op.ENCRYPT,
                Op.DECRYPT,
                Op.SIGN,
                Op.SIGNATURE_VERIFY,
                Op.MAC,
                Op.MAC_VERIFY,
                Op.VALIDATE,
            }
        ),
    ),
}
"""Reasons that 2.x has beside Invalid Field, to the operations that can have the fault."""


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_reason_that_a_table_of_2x_lacks_is_written_as_invalid_field(version: str) -> None:
    protocol_version = ProtocolVersion(*map(int, version.split(".")))
    differing = set()
    for operation, reasons in rows_of_2x(version):
        for reason, operations in OF_ITS_TABLE.items():
            wire = on_wire(reason, operation, protocol_version)
            if operation in operations and (wire not in reasons or (reason in reasons and wire is not reason)):
                differing.add((operation.name, reason.name, wire.name))

    assert differing == set()


def test_add_attribute_says_that_an_attribute_does_not_fit_as_each_version_does() -> None:
    assert on_wire(R.INVALID_ATTRIBUTE, Op.ADD_ATTRIBUTE, ProtocolVersion(1, 4)) is R.PERMISSION_DENIED
    assert on_wire(R.INVALID_ATTRIBUTE, Op.ADD_ATTRIBUTE, ProtocolVersion(2, 1)) is R.INVALID_ATTRIBUTE
