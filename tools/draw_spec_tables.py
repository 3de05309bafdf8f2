"""Draws the facts that the generated files and tests need out of the specification's texts, into tools/data.

    python tools/draw_spec_tables.py SPEC_DIR [--output DIRECTORY]

SPEC_DIR has the OASIS texts as `kmip-VERSION.md`, and `tags.csv`, `enumerations.csv` and `attributes.csv`. Drawn
are numbers, names and yes-or-no columns, no prose: section headings, reasons of the error tables, tags,
enumeration values, attribute rules. tools/data/README.md names the origin of each.
"""

import argparse
import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1", "3.0")

COPIED: Final = {
    "tags.csv": None,
    "enumerations.csv": None,
    "attributes.csv": (
        "attribute",
        "versions",
        "initially_set_by",
        "modifiable_by_client",
        "deletable_by_client",
        "multiple_instances",
    ),
}
"""CSV tables to the columns that are kept; None keeps all."""

_ADDED: Final = ("3.0", "3.0", "", "", "-------Y", "added by csd02")
ADDITIONS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "enumerations.csv": (
        ("KEM Algorithm", "RSASVE", "RSASVE", "00000001", *_ADDED),
        ("KEM Algorithm", "DHKEM", "DHKEM", "00000002", *_ADDED),
        ("KEM Algorithm", "MLKEM", "MLKEM", "00000003", *_ADDED),
        ("Operation", "Encapsulate", "Encapsulate", "00000041", *_ADDED),
        ("Operation", "Decapsulate", "Decapsulate", "00000042", *_ADDED),
    ),
    "sections.csv": (("3.0 csd02", "6.1.15", "Decapsulate"), ("3.0 csd02", "6.1.22", "Encapsulate")),
    "tags.csv": (
        ("4201C3", "KEM Algorithm", "KEMAlgorithm", "Enumeration", "3.0", "3.0", "-------Y", _ADDED[-1]),
        ("4201C5", "Context String", "ContextString", "ByteString", "3.0", "3.0", "-------Y", _ADDED[-1]),
    ),
}
"""Rows that the second draft of KMIP 3.0 has besides those of the tables."""

RAISED: Final[tuple[tuple[str, str | None], ...]] = (
    # what an error row of 1.x says (the first expression that is found counts) -> the precise reason of the server
    (r"major version mismatch", "UNSUPPORTED_PROTOCOL_VERSION"),
    (r"attestation data", None),  # no attestation here
    (r"not able to be completed synchronously", None),
    (r"unknown field", "UNKNOWN_TAG"),
    (r"parsing|parsed|more than once", "INVALID_MESSAGE"),
    (r"Maximum Response Size", "RESPONSE_TOO_LARGE"),
    (r"not allowed to perform", "PERMISSION_DENIED"),
    (r"does not support operation", "OPERATION_NOT_SUPPORTED"),
    (r"does not understand the extension", "UNKNOWN_MESSAGE_EXTENSION"),
    (r"Processing of batch item fails", None),  # refers to the other tables
    (r"Non-existing attributes", "INVALID_FIELD"),
    (r"Templates that do not exist", "ITEM_NOT_FOUND"),
    (r"archived", "OBJECT_ARCHIVED"),
    (r"Application Namespace", "APPLICATION_NAMESPACE_NOT_SUPPORTED"),
    (r"more instances than the server supports|server limit on instances", "SERVER_LIMIT_EXCEEDED"),
    (r"same Name attribute|same value that another|Name attribute value to a value", "NON_UNIQUE_NAME_ATTRIBUTE"),
    (r"new Template object containing a Name", None),  # names inside are taken: official case TC-314
    (r"REQUIRED field\(s\) missing|No Usage Limits Count", "INVALID_MESSAGE"),
    (r"read-only", "READ_ONLY_ATTRIBUTE"),
    (r"not supported for this object", "INVALID_ATTRIBUTE"),
    (r"specified attribute already exists", "ATTRIBUTE_SINGLE_VALUED"),
    (r"New attribute contains Attribute Index", "INVALID_FIELD"),
    (r"does not exist \(i\.e\., it needs|No attribute with the specified name", "ATTRIBUTE_NOT_FOUND"),
    (r"no matching instance exists|No matching attribute instance", "ATTRIBUTE_INSTANCE_NOT_FOUND"),
    (r"the attribute does not have multiple instances", "ATTRIBUTE_INSTANCE_NOT_FOUND"),
    (r"Attribute Index is not specified", None),  # 1.0 alone; later an index that is not said is 0, as here
    (r"Wrapping key does not exist", "WRAPPING_OBJECT_NOT_FOUND"),
    (r"Information exists, but it is not a key", "INVALID_OBJECT_TYPE"),
    (r"not able to be used for (wrapping|MACing/signing)", "INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK"),
    (r"Cryptographic Parameters associated", "BAD_CRYPTOGRAPHIC_PARAMETERS"),
    (r"Key Format Type and/or Key Compression", None),  # two reasons in one cell, each as it is
    (r"only has attributes for this object", None),  # Key Value Not Present from 1.2 on, as its other tables say
    (r"Encoding Option", "ENCODING_OPTION_ERROR"),
    (r"Key Wrap Type is not supported", "KEY_WRAP_TYPE_NOT_SUPPORTED"),
    (r"is Sensitive", "SENSITIVE"),
    (r"is not Extractable", "NOT_EXTRACTABLE"),
    (r"Key Value is not present", "KEY_VALUE_NOT_PRESENT"),
    (r"objects specified are not of the correct type", "INVALID_OBJECT_TYPE"),
    (r"Object Type is not recognized|Invalid Derivation", "UNKNOWN_ENUMERATION"),
    (r"Object Type does not match", "INVALID_OBJECT_TYPE"),
    (r"attribute value\(s\) specified", "INVALID_ATTRIBUTE_VALUE"),
    (r"PKCS#12|Field is not supported|Split Key Method", "INVALID_FIELD"),
    (r"Ambiguous derivation data|Offset field is not permitted|does not specify a certificate list", "INVALID_MESSAGE"),
    (r"An offset cannot be used", "ILLEGAL_OPERATION"),
    (r"[Cc]ryptographic error|Error creating|less than Split Key Threshold", "CRYPTOGRAPHIC_FAILURE"),
    (r"able to be used to derive", "INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK"),
    (r"not able to be (re-keyed|certified)", "INVALID_OBJECT_TYPE"),
    (r"Object specified is not able to be used", "INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK"),
    (r"signed certificate request", "INVALID_CSR"),
    (r"Check cannot be performed", "ILLEGAL_OBJECT_TYPE"),
    (r"not allowed to use the object|not able to grant", "USAGE_LIMIT_EXCEEDED"),
    (r"new lease is not permitted", "PERMISSION_DENIED"),
    (r"no Usage Limits attribute", "ATTRIBUTE_NOT_FOUND"),
    (r"not able to be (activated|revoked)", "INVALID_OBJECT_TYPE"),
    (r"Revocation Reason is not recognized", "UNKNOWN_ENUMERATION"),
    (r"already been destroyed", "OBJECT_DESTROYED"),
    (r"is not in Pre-Active", "WRONG_KEY_LIFECYCLE_STATE"),
    (r"already exists on the server", "OBJECT_ALREADY_EXISTS"),
    (r"Asynchronous Correlation Value", "INVALID_ASYNCHRONOUS_CORRELATION_VALUE"),
    (r"Correlation Value exists", "INVALID_CORRELATION_VALUE"),
    (r"does not exist|do not exist|No object with the specified", "OBJECT_NOT_FOUND"),
)

MISPRINTED: Final = {"NOT_EXTRACTBLE": "NOT_EXTRACTABLE", "NOT_SUPPORTED": "FEATURE_NOT_SUPPORTED"}


def headings(text: str, version: str) -> Iterator[tuple[str, str, str]]:
    """Yield (version, section number, title) of every numbered heading."""
    for line in text.splitlines():
        if match := re.match(r"#+ (\d+(?:\.\d+)*) (.+)", line):
            yield version, match[1], match[2].strip()


def errors_of_1x(text: str, version: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield (version, operation, precise reason, reason of the table) of the rows of section 11 that can be raised."""
    operation = ""
    for line in text.splitlines():
        if heading := re.match(r"#+ (\d+)\S* (.*)", line):
            operation = heading[2].strip().removesuffix(" Errors") if heading[1] == "11" else ""
        elif operation and line.startswith("|"):
            cells = [re.sub(r"(\s|<br>)+", " ", cell).strip() for cell in line.strip("|").split("|")]
            cells = [cell for cell in cells if cell]
            if len(cells) == 3 and cells[1] == "Operation Failed" and (reason := raised(cells[0])):
                yield version, enumerated(operation), reason, enumerated(cells[2])


def errors_of_2x(text: str, version: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield (version, operation, "", reasons joined by spaces) of the error table of every operation."""
    title = ""
    for line in text.splitlines():
        if heading := re.match(r"#+ 6\.1\.\d+\.\d+ Error Handling\s*[-–]?\s*(.*)", line):
            title = heading[1]
        elif line.startswith("#"):
            title = ""
        elif title and line.startswith("| Operation Failed"):
            reasons = re.sub(r"\s*<br>\s*", " ", line.strip().strip("|").split("|")[1]).split(",")
            yield version, enumerated(title), "", " ".join(enumerated(reason) for reason in reasons)


def enumerated(text: str) -> str:
    """Return the name of an enumeration member for a title of the standard."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
    return MISPRINTED.get(name, name)


def raised(error: str) -> str | None:
    """Return the precise reason for what an error row says; None if the server has no such error.

    Raises LookupError if no line of `RAISED` matches.
    """
    for expression, reason in RAISED:
        if re.search(expression, error):
            return reason
    raise LookupError(f"no line of RAISED matches {error!r}")


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], path: Path) -> None:
    """Write a CSV table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def draw(spec: Path, output: Path) -> None:
    """Write every table of `output`."""
    texts = {version: (spec / f"kmip-{version}.md").read_text("utf-8") for version in VERSIONS}
    output.mkdir(parents=True, exist_ok=True)
    sections = itertools.chain(
        (row for version, text in texts.items() for row in headings(text, version)), ADDITIONS["sections.csv"]
    )
    table(("version", "section", "title"), sections, output / "sections.csv")
    errors = (
        row
        for version, text in texts.items()
        if version != "3.0"
        for row in (errors_of_1x if version < "2" else errors_of_2x)(text, version)
    )
    table(("version", "operation", "raised", "reasons"), errors, output / "error_tables.csv")
    for name, kept in COPIED.items():
        with (spec / name).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = kept or list(reader.fieldnames or ())
            rows = [[row[column] for column in columns] for row in reader]
            table(columns, [*rows, *map(list, ADDITIONS.get(name, ()))], output / name)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path, metavar="SPEC_DIR")
    parser.add_argument("--output", type=Path, default=PROJECT / "tools" / "data", metavar="DIRECTORY")
    arguments = parser.parse_args()
    draw(arguments.spec, arguments.output)


if __name__ == "__main__":
    main()
