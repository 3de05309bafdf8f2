"""The reasons that come out are those of the standard's error tables, row by row.

Needs the specification texts in ../shared/spec (or the folder in KMIPD_SPEC).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip_adapters.ttlv.standard.reasons import on_wire
from kmip_core.enums import Operation, ResultReason
from kmip_core.enums import Operation as Op
from kmip_core.enums import ResultReason as R
from kmip_core.operations import CATALOGUE
from kmip_core.structures import ProtocolVersion

SPEC = Path(os.environ.get("KMIPD_SPEC", Path(__file__).parents[5] / "shared" / "spec"))
VERSIONS_1X = ("1.0", "1.1", "1.2", "1.3", "1.4")

pytestmark = pytest.mark.skipif(not SPEC.is_dir(), reason=f"no specification texts in {SPEC}")

RAISED: tuple[tuple[str, ResultReason | None], ...] = (
    # what the row says (the first expression that is found counts) -> what the core or the codec raises
    (r"major version mismatch", R.UNSUPPORTED_PROTOCOL_VERSION),
    (r"attestation data", None),  # no attestation here
    (r"not able to be completed synchronously", None),
    (r"unknown field", R.UNKNOWN_TAG),
    (r"parsing|parsed|more than once", R.INVALID_MESSAGE),
    (r"Maximum Response Size", R.RESPONSE_TOO_LARGE),
    (r"not allowed to perform", R.PERMISSION_DENIED),
    (r"does not support operation", R.OPERATION_NOT_SUPPORTED),
    (r"does not understand the extension", R.UNKNOWN_MESSAGE_EXTENSION),
    (r"Processing of batch item fails", None),  # refers to the other tables
    (r"Non-existing attributes", R.INVALID_FIELD),
    (r"Templates that do not exist", R.ITEM_NOT_FOUND),
    (r"archived", R.OBJECT_ARCHIVED),
    (r"Application Namespace", R.APPLICATION_NAMESPACE_NOT_SUPPORTED),
    (r"more instances than the server supports|server limit on instances", R.SERVER_LIMIT_EXCEEDED),
    (r"same Name attribute|same value that another|Name attribute value to a value", R.NON_UNIQUE_NAME_ATTRIBUTE),
    (r"new Template object containing a Name", None),  # names inside are taken: official case TC-314
    (r"REQUIRED field\(s\) missing|No Usage Limits Count", R.INVALID_MESSAGE),
    (r"read-only", R.READ_ONLY_ATTRIBUTE),
    (r"not supported for this object", R.INVALID_ATTRIBUTE),
    (r"specified attribute already exists", R.ATTRIBUTE_SINGLE_VALUED),
    (r"New attribute contains Attribute Index", R.INVALID_FIELD),
    (r"does not exist \(i\.e\., it needs|No attribute with the specified name", R.ATTRIBUTE_NOT_FOUND),
    (r"no matching instance exists|No matching attribute instance", R.ATTRIBUTE_INSTANCE_NOT_FOUND),
    (r"the attribute does not have multiple instances", R.ATTRIBUTE_INSTANCE_NOT_FOUND),
    (r"Attribute Index is not specified", None),  # 1.0 alone; later an index that is not said is 0, as here
    (r"Wrapping key does not exist", R.WRAPPING_OBJECT_NOT_FOUND),
    (r"Information exists, but it is not a key", R.INVALID_OBJECT_TYPE),
    (r"not able to be used for (wrapping|MACing/signing)", R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
    (r"Cryptographic Parameters associated", R.BAD_CRYPTOGRAPHIC_PARAMETERS),
    (r"Key Format Type and/or Key Compression", None),  # two reasons in one cell, each as it is
    (r"only has attributes for this object", None),  # Key Value Not Present from 1.2 on, as its other tables say
    (r"Encoding Option", R.ENCODING_OPTION_ERROR),
    (r"Key Wrap Type is not supported", R.KEY_WRAP_TYPE_NOT_SUPPORTED),
    (r"is Sensitive", R.SENSITIVE),
    (r"is not Extractable", R.NOT_EXTRACTABLE),
    (r"Key Value is not present", R.KEY_VALUE_NOT_PRESENT),
    (r"objects specified are not of the correct type", R.INVALID_OBJECT_TYPE),
    (r"Object Type is not recognized|Invalid Derivation", R.UNKNOWN_ENUMERATION),
    (r"Object Type does not match", R.INVALID_OBJECT_TYPE),
    (r"attribute value\(s\) specified", R.INVALID_ATTRIBUTE_VALUE),
    (r"PKCS#12|Field is not supported|Split Key Method", R.INVALID_FIELD),
    (r"Ambiguous derivation data|Offset field is not permitted|does not specify a certificate list", R.INVALID_MESSAGE),
    (r"An offset cannot be used", R.ILLEGAL_OPERATION),
    (r"[Cc]ryptographic error|Error creating|less than Split Key Threshold", R.CRYPTOGRAPHIC_FAILURE),
    (r"able to be used to derive", R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
    (r"not able to be (re-keyed|certified)", R.INVALID_OBJECT_TYPE),
    (r"Object specified is not able to be used", R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK),
    (r"signed certificate request", R.INVALID_CSR),
    (r"Check cannot be performed", R.ILLEGAL_OBJECT_TYPE),
    (r"not allowed to use the object|not able to grant", R.USAGE_LIMIT_EXCEEDED),
    (r"new lease is not permitted", R.PERMISSION_DENIED),
    (r"no Usage Limits attribute", R.ATTRIBUTE_NOT_FOUND),
    (r"not able to be (activated|revoked)", R.INVALID_OBJECT_TYPE),
    (r"Revocation Reason is not recognized", R.UNKNOWN_ENUMERATION),
    (r"already been destroyed", R.OBJECT_DESTROYED),
    (r"is not in Pre-Active", R.WRONG_KEY_LIFECYCLE_STATE),
    (r"already exists on the server", R.OBJECT_ALREADY_EXISTS),
    (r"Asynchronous Correlation Value", R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE),
    (r"Correlation Value exists", R.INVALID_CORRELATION_VALUE),
    (r"does not exist|do not exist|No object with the specified", R.OBJECT_NOT_FOUND),
)

MISPRINTED = {"NOT_EXTRACTBLE": "NOT_EXTRACTABLE", "NOT_SUPPORTED": "FEATURE_NOT_SUPPORTED"}


def rows_of_1x(version: str) -> Iterator[tuple[str, str, str]]:
    """Yield (operation, error, reason) of every row of section 11."""
    operation = ""
    for line in (SPEC / f"kmip-{version}.md").read_text().splitlines():
        if heading := re.match(r"#+ (\d+)\S* (.*)", line):
            operation = heading[2].strip().removesuffix(" Errors") if heading[1] == "11" else ""
        elif operation and line.startswith("|"):
            cells = [re.sub(r"(\s|<br>)+", " ", cell).strip() for cell in line.strip("|").split("|")]
            cells = [cell for cell in cells if cell]
            if len(cells) == 3 and cells[1] == "Operation Failed":
                yield operation, cells[0], cells[2]


def rows_of_2x(version: str) -> Iterator[tuple[Operation, set[ResultReason]]]:
    """Yield the reasons of each operation's table."""
    title = ""
    for line in (SPEC / f"kmip-{version}.md").read_text().splitlines():
        if heading := re.match(r"#+ 6\.1\.\d+\.\d+ Error Handling\s*[-–]?\s*(.*)", line):
            title = heading[1]
        elif line.startswith("#"):
            title = ""
        elif title and line.startswith("| Operation Failed") and enumerated(title) in Operation.__members__:
            reasons = re.sub(r"\s*<br>\s*", " ", line.strip().strip("|").split("|")[1]).split(",")
            yield Operation[enumerated(title)], {R[enumerated(r)] for r in reasons if enumerated(r) in R.__members__}


def enumerated(text: str) -> str:
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
    return MISPRINTED.get(name, name)


def raised(error: str) -> ResultReason | None:
    for expression, reason in RAISED:
        if re.search(expression, error):
            return reason
    raise AssertionError(f"no line of RAISED speaks of {error!r}")


@pytest.mark.parametrize("version", VERSIONS_1X)
def test_every_row_of_1x_is_answered_as_it_says(version: str) -> None:
    protocol_version = ProtocolVersion(*map(int, version.split(".")))
    differing = set()
    number = 0
    for title, error, expected in rows_of_1x(version):
        reason = raised(error)
        if reason is None:
            continue
        number += 1
        operation = None if title == "General" else Operation[enumerated(title)]
        wire = on_wire(reason, operation, protocol_version)
        if wire is not R[enumerated(expected)]:
            differing.add((title, error, expected, wire.name))

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
def test_what_a_table_of_2x_does_not_have_is_invalid_field(version: str) -> None:
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
