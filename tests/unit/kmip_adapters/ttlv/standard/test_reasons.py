"""The table of result reasons: total, and right where the official cases say so."""

import re
from pathlib import Path

import pytest

from kmip_adapters.ttlv.standard import tables
from kmip_adapters.ttlv.standard.reasons import ROWS, is_in, on_wire
from kmip_core.enums import Operation, ResultReason
from kmip_core.enums import Operation as Op
from kmip_core.enums import ResultReason as R
from kmip_core.structures import ProtocolVersion


@pytest.mark.parametrize("version", tables.VERSIONS, ids=str)
def test_every_reason_of_the_core_is_written_as_a_reason_of_the_version(version: ProtocolVersion) -> None:
    known = tables.enumeration_values("ResultReason", version)
    strangers = {
        (reason.name, operation)
        for reason in ResultReason
        for operation in (None, *Operation)
        if int(on_wire(reason, operation, version)) not in known
    }

    assert strangers == set()


def test_no_row_is_hidden_by_another() -> None:
    seen: dict[tuple[ResultReason, Operation | None, ProtocolVersion], ResultReason] = {}
    for reason, operations, span, wire in ROWS:
        for operation in operations or (None,):
            for version in tables.VERSIONS:
                if is_in(version, span):
                    key = (reason, operation, version)
                    assert key not in seen, key
                    seen[key] = wire


@pytest.mark.parametrize(
    ("reason", "operation", "version", "expected"),
    [
        # official cases
        (R.OBJECT_NOT_FOUND, Op.GET, (1, 0), R.ITEM_NOT_FOUND),
        (R.OBJECT_NOT_FOUND, Op.GET, (2, 1), R.OBJECT_NOT_FOUND),
        (R.OBJECT_DESTROYED, Op.GET, (1, 4), R.ITEM_NOT_FOUND),
        (R.OBJECT_DESTROYED, Op.GET, (2, 1), R.OBJECT_DESTROYED),
        (R.OBJECT_ARCHIVED, Op.GET, (1, 0), R.OBJECT_ARCHIVED),
        (R.WRONG_KEY_LIFECYCLE_STATE, Op.DESTROY, (1, 4), R.PERMISSION_DENIED),
        (R.WRONG_KEY_LIFECYCLE_STATE, Op.ENCRYPT, (2, 0), R.PERMISSION_DENIED),
        (R.WRONG_KEY_LIFECYCLE_STATE, Op.REGISTER, (1, 4), R.PERMISSION_DENIED),
        (R.WRONG_KEY_LIFECYCLE_STATE, Op.REGISTER, (2, 0), R.WRONG_KEY_LIFECYCLE_STATE),
        (R.WRONG_KEY_LIFECYCLE_STATE, Op.DECRYPT, (2, 1), R.WRONG_KEY_LIFECYCLE_STATE),
        (R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, Op.CHECK, (2, 1), R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
        (R.USAGE_LIMIT_EXCEEDED, Op.ENCRYPT, (2, 1), R.PERMISSION_DENIED),
        (R.MISSING_INITIALIZATION_VECTOR, Op.DECRYPT, (2, 1), R.INVALID_MESSAGE),
        (R.READ_ONLY_ATTRIBUTE, Op.MODIFY_ATTRIBUTE, (1, 2), R.PERMISSION_DENIED),
        (R.READ_ONLY_ATTRIBUTE, Op.MODIFY_ATTRIBUTE, (2, 1), R.ATTRIBUTE_READ_ONLY),
        (R.ATTRIBUTE_SINGLE_VALUED, Op.ADD_ATTRIBUTE, (2, 1), R.ATTRIBUTE_SINGLE_VALUED),
        (R.MULTI_VALUED_ATTRIBUTE, Op.SET_ATTRIBUTE, (2, 0), R.MULTI_VALUED_ATTRIBUTE),
        (R.NON_UNIQUE_NAME_ATTRIBUTE, Op.ADD_ATTRIBUTE, (2, 1), R.NON_UNIQUE_NAME_ATTRIBUTE),
        (R.NOT_EXTRACTABLE, Op.GET, (1, 4), R.NOT_EXTRACTABLE),
        (R.SENSITIVE, Op.GET, (2, 1), R.SENSITIVE),
        # error tables of 1.4 §11
        (R.INVALID_OBJECT_TYPE, Op.ACTIVATE, (1, 2), R.ILLEGAL_OPERATION),
        (R.INVALID_OBJECT_TYPE, Op.ACTIVATE, (2, 0), R.INVALID_OBJECT_TYPE),
        (R.INVALID_OBJECT_TYPE, Op.CREATE, (1, 0), R.INVALID_FIELD),
        (R.INVALID_OBJECT_TYPE, Op.RE_KEY, (1, 0), R.PERMISSION_DENIED),
        (R.ATTRIBUTE_SINGLE_VALUED, Op.ADD_ATTRIBUTE, (1, 4), R.ILLEGAL_OPERATION),
        (R.ATTRIBUTE_NOT_FOUND, Op.MODIFY_ATTRIBUTE, (1, 4), R.INVALID_FIELD),
        (R.ATTRIBUTE_NOT_FOUND, Op.DELETE_ATTRIBUTE, (1, 4), R.ITEM_NOT_FOUND),
        (R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, Op.DERIVE_KEY, (1, 2), R.INVALID_FIELD),
        (R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, Op.SIGN, (1, 2), R.PERMISSION_DENIED),
        # whole messages
        (R.UNSUPPORTED_PROTOCOL_VERSION, None, (1, 4), R.INVALID_MESSAGE),
        (R.UNSUPPORTED_PROTOCOL_VERSION, None, (2, 1), R.UNSUPPORTED_PROTOCOL_VERSION),
        (R.INVALID_MESSAGE, None, (1, 0), R.INVALID_MESSAGE),
    ],
)
def test_reason_on_the_wire(
    reason: ResultReason, operation: Operation | None, version: tuple[int, int], expected: ResultReason
) -> None:
    assert expected is on_wire(reason, operation, ProtocolVersion(*version))


UNRAISED = {
    R.ATTRIBUTE_READ_ONLY: "Read Only Attribute is raised; the table has the operations that call it so",
    R.INDEX_OUT_OF_BOUNDS: "Server Limit Exceeded is raised; the table has the operations of 1.x that call it so",
    R.INTERNAL_SERVER_ERROR: "no error table names it; faults are General Failure in every version",
    R.MISSING_DATA: "no error table names it; what is missing is Invalid Message or Invalid Field there",
    R.MISSING_INITIALIZATION_VECTOR: "the official cases have Invalid Message (RULINGS 13)",
    R.PKCS_11_INVALID_FUNCTION: "no PKCS#11 operation",
    R.UNKNOWN_OBJECT_GROUP: "the standard does not say when; a group is known as soon as a client names it",
}
"""What the server never says of itself, and why."""


def test_every_reason_is_raised_somewhere_or_has_a_reason_not_to_be() -> None:
    root = Path(__file__).parents[5]
    sources = [
        path.read_text("utf-8")
        for room in ("kmip_core", "kmip_adapters")
        for path in sorted((root / room).rglob("*.py"))
        if path.name not in ("reasons.py", "enums.py")
    ]
    raised = {R[name] for text in sources for name in re.findall(r"\bResultReason\.([A-Z][A-Z0-9_]*)", text)}

    assert set(UNRAISED) == set(ResultReason) - raised
