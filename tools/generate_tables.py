"""Write the enumerations and the tag and value tables from the CSV tables of the standard.

    python tools/generate_tables.py [SPEC_DIR] [--output DIRECTORY]

Reads enumerations.csv, tags.csv and sections.csv of tools/data (or SPEC_DIR) and writes, below the project root or
DIRECTORY: enums.py and masks.py of kmip_core, enumerations.csv and tags.csv of kmip_adapters/ttlv/standard/data. The
same input always gives the same bytes; a test compares them.
"""

import argparse
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BIT_MASK = " [bit mask]"
PROJECT = Path(__file__).resolve().parent.parent

# Words the standard runs together or that cannot begin an identifier; elsewhere its own words make the name.
MEMBER_NAMES = {
    ("Block Cipher Mode", "AESKeyWrapPadding"): "AES_KEY_WRAP_PADDING",
    ("Block Cipher Mode", "NISTKeyWrap"): "NIST_KEY_WRAP",
    ("Client Registration Method", "ServerPre-Generated"): "SERVER_PRE_GENERATED",
    ("Cryptographic Algorithm", "3DES"): "TRIPLE_DES",
    ("Cryptographic Algorithm", "ChaCha20Poly1305"): "CHACHA20_POLY1305",
    ("Cryptographic Usage Mask", "Content Commitment (Non Repudiation)"): "CONTENT_COMMITMENT",
    ("Data", "MACMACData"): "MAC_MAC_DATA",
    ("Key Format Type", "ECPrivateKey"): "EC_PRIVATE_KEY",
    ("Mask Generator", "MFG1"): "MGF1",
    ("Result Reason", "Non UniqueName Attribute"): "NON_UNIQUE_NAME_ATTRIBUTE",
    ("Result Reason", "NotAuthorised"): "NOT_AUTHORISED",
    ("Result Reason", "Operation CanceledByRequester"): "OPERATION_CANCELED_BY_REQUESTER",
    ("Split Key Method", "Polynomial Sharing GF (216)"): "POLYNOMIAL_SHARING_GF_2_16",
    ("Split Key Method", "Polynomial Sharing GF (28)"): "POLYNOMIAL_SHARING_GF_2_8",
}

# Spellings met in messages beyond those the tables note as "also written".
OTHER_XML_NAMES = {
    ("Cryptographic Usage Mask", "Content Commitment (Non Repudiation)"): ["ContentCommitment"],
    ("Result Reason", "NotAuthorised"): ["NotAuthorized"],
}

# Values the standard leaves to the extension range (8XXXXXXX) although clients need one.
EXTENSION_VALUES = [
    ("Opaque Data Type", "None", 0x80000000, "YYYYYYYY"),
    # Kinds of links that came when links had become attributes: each is numbered like its tag.
    ("Link Type", "Credential Link", 0x4201A0, "-------Y"),
    ("Link Type", "Password Link", 0x4201A5, "-------Y"),
    ("Link Type", "Group Link", 0x4201B3, "-------Y"),
    ("Link Type", "Split Key Base Link", 0x4201B4, "-------Y"),
    ("Link Type", "Joined Split Key Parts Link", 0x4201B5, "-------Y"),
    ("Link Type", "Certificate Request Link", 0x4201BC, "-------Y"),
]

# The functions of CK_FUNCTION_LIST_3_0 in order; their values are the 1-based offsets, KMIP 2.1 §11.38.
PKCS_11_FUNCTIONS = """
C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession
C_CloseAllSessions C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_Logout C_CreateObject
C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue C_FindObjectsInit
C_FindObjects C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate C_EncryptFinal C_DecryptInit
C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest C_DigestUpdate C_DigestKey C_DigestFinal
C_SignInit C_Sign C_SignUpdate C_SignFinal C_SignRecoverInit C_SignRecover C_VerifyInit C_Verify
C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit C_VerifyRecover C_DigestEncryptUpdate C_DecryptDigestUpdate
C_SignEncryptUpdate C_DecryptVerifyUpdate C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey
C_SeedRandom C_GenerateRandom C_GetFunctionStatus C_CancelFunction C_WaitForSlotEvent C_GetInterfaceList
C_GetInterface C_LoginUser C_SessionCancel C_MessageEncryptInit C_EncryptMessage C_EncryptMessageBegin
C_EncryptMessageNext C_MessageEncryptFinal C_MessageDecryptInit C_DecryptMessage C_DecryptMessageBegin
C_DecryptMessageNext C_MessageDecryptFinal C_MessageSignInit C_SignMessage C_SignMessageBegin
C_SignMessageNext C_MessageSignFinal C_MessageVerifyInit C_VerifyMessage C_VerifyMessageBegin
C_VerifyMessageNext C_MessageVerifyFinal
"""

# The return values (CK_RV) of PKCS#11 that a session reports; messages write them without their prefix CKR_.
PKCS_11_RETURN_CODES = {
    "OK": 0x00,
    "CANCEL": 0x01,
    "HOST_MEMORY": 0x02,
    "SLOT_ID_INVALID": 0x03,
    "GENERAL_ERROR": 0x05,
    "FUNCTION_FAILED": 0x06,
    "ARGUMENTS_BAD": 0x07,
    "ATTRIBUTE_READ_ONLY": 0x10,
    "ATTRIBUTE_SENSITIVE": 0x11,
    "ATTRIBUTE_TYPE_INVALID": 0x12,
    "ATTRIBUTE_VALUE_INVALID": 0x13,
    "DATA_INVALID": 0x20,
    "DATA_LEN_RANGE": 0x21,
    "DEVICE_ERROR": 0x30,
    "ENCRYPTED_DATA_INVALID": 0x40,
    "FUNCTION_NOT_SUPPORTED": 0x54,
    "KEY_HANDLE_INVALID": 0x60,
    "KEY_SIZE_RANGE": 0x62,
    "KEY_TYPE_INCONSISTENT": 0x63,
    "KEY_FUNCTION_NOT_PERMITTED": 0x68,
    "MECHANISM_INVALID": 0x70,
    "MECHANISM_PARAM_INVALID": 0x71,
    "OBJECT_HANDLE_INVALID": 0x82,
    "OPERATION_ACTIVE": 0x90,
    "OPERATION_NOT_INITIALIZED": 0x91,
    "SESSION_HANDLE_INVALID": 0xB3,
    "SIGNATURE_INVALID": 0xC0,
    "SIGNATURE_LEN_RANGE": 0xC1,
    "TEMPLATE_INCOMPLETE": 0xD0,
    "TEMPLATE_INCONSISTENT": 0xD1,
    "USER_NOT_LOGGED_IN": 0x101,
    "BUFFER_TOO_SMALL": 0x150,
    "CRYPTOKI_NOT_INITIALIZED": 0x190,
    "CRYPTOKI_ALREADY_INITIALIZED": 0x191,
}


@dataclass(frozen=True)
class Value:
    """One value of an enumeration or bit mask; the first of `xml_names` is the one written."""

    member: str
    code: int
    xml_names: list[str]
    presence: str


@dataclass(frozen=True)
class Enumeration:
    """One enumeration or bit mask with its class name and where the standard defines it."""

    name: str
    is_mask: bool
    section: str
    values: list[Value]

    @property
    def class_name(self) -> str:
        return "".join(word[0].upper() + word[1:] for word in re.split(r"\W+", self.name))


def normalized(text: str) -> str:
    """Return the CamelCase form of `text`; KMIP Additional Message Encodings 6.1.3."""
    spaced = re.sub(r"\W([A-Za-z][a-z])", r" \1", re.sub("[()]", " ", text))
    words = [re.sub(r"\W", "_", word) for word in spaced.split()]
    words[0] = re.sub(r"^(\d+)(.*)", r"\2\1", words[0])
    return "".join(word[0].upper() + word[1:] for word in words)


def member_name(enumeration: str, value: str) -> str:
    named = MEMBER_NAMES.get((enumeration, value))
    return named or "_".join(re.findall(r"\w+", value)).upper()


def read_enumerations(spec: Path) -> list[Enumeration]:
    sections = read_sections(spec / "sections.csv")
    values: dict[str, list[Value]] = {}
    for row in read_rows(spec / "enumerations.csv"):
        presence = row["presence_1.0_1.1_1.2_1.3_1.4_2.0_2.1_3.0"]
        if row["value_name"] == "(Reserved)" or not re.search("[YD]", presence):
            continue
        name = row["enum"].removesuffix(BIT_MASK)
        key = (name, row["value_name"])
        xml_names = [
            row["xml_name"],
            *map(normalized, also_written(row["notes"])),
            *OTHER_XML_NAMES.get(key, []),
        ]
        if key == ("Mask Generator", "MFG1"):
            xml_names.reverse()  # MFG1 is a misprint of 2.0; what we write is the algorithm's name
        value = Value(member_name(*key), int(row["hex"], 16), list(dict.fromkeys(xml_names)), presence)
        values.setdefault(row["enum"], []).append(value)
    for name, value_name, code, presence in EXTENSION_VALUES:
        extension = Value(member_name(name, value_name), code, [normalized(value_name)], presence)
        values.setdefault(name, []).append(extension)
    values["PKCS#11 Function"] = [
        Value(member_name("", name), code, [name], "-----YYY") for code, name in enumerate(PKCS_11_FUNCTIONS.split(), 1)
    ]
    values["PKCS#11 Return Code"] = [
        Value(name, code, [name, f"CKR_{name}"], "-----YYY") for name, code in PKCS_11_RETURN_CODES.items()
    ]
    return [
        Enumeration(
            name=title.removesuffix(BIT_MASK),
            is_mask=title.endswith(BIT_MASK),
            section=sections.get(title.removesuffix(BIT_MASK), "KMIP 3.0"),
            values=sorted(values[title], key=lambda value: value.code),
        )
        for title in sorted(values, key=str.casefold)
    ]


def also_written(notes: str) -> list[str]:
    """Return the other spellings a row notes; a lone bracket is a misprint of the tables' source."""
    found = re.search(r"also written: ([^|]*)", notes)
    return [] if not found else [text.strip(" ") for text in found[1].split(";") if text.count("(") == text.count(")")]


def read_sections(text: Path) -> dict[str, str]:
    """Map each enumeration and bit mask to its section of KMIP 2.1."""
    sections = {
        row["title"].removesuffix(" Enumeration"): f"KMIP 2.1 §{row['section']}"
        for row in read_rows(text)
        if row["version"] == "2.1" and re.fullmatch(r"1[12]\.\d+", row["section"])
    }
    return sections | {"Ephemeral": "KMIP 3.0"}


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def module(docstring: str, imports: str, base: str, enumerations: Iterable[Enumeration]) -> str:
    text = [f'"""{docstring}\n\nGenerated by tools/generate_tables.py; do not edit.\n"""\n\n{imports}']
    for enumeration in enumerations:
        of = EXTENSIBLE if enumeration.class_name in EXTENSIBLE_CLASSES else base
        text.append(f'\n\nclass {enumeration.class_name}({of}):\n    """{enumeration.section}."""\n\n')
        text += [f"    {value.member} = 0x{value.code:08X}\n" for value in enumeration.values]
    return "".join(text)


EXTENSIBLE = "ExtensibleEnum"
EXTENSIBLE_CLASSES = {"OpaqueDataType"}  # what is stored and returned without being understood
EXTENSIBLE_ENUM = '''

class ExtensibleEnum(IntEnum):
    """An enumeration whose extensions (0x8XXXXXXX) are values too, kept as they came. KMIP 2.1 §11."""

    @classmethod
    def _missing_(cls, value: object) -> "ExtensibleEnum | None":
        if not isinstance(value, int) or value >> 28 != 0x8:
            return None
        member = int.__new__(cls, value)  # made anew each time: a client must not fill memory with members
        member._name_ = f"EXTENSION_{value:08X}"
        member._value_ = value
        return member
'''


def enums_module(enumerations: list[Enumeration]) -> str:
    masks = [item.class_name for item in enumerations if item.is_mask]
    imports = "from enum import IntEnum\n\n" + "".join(f"from kmip_core.masks import {m} as {m}\n" for m in masks)
    imports += EXTENSIBLE_ENUM
    docstring = "The enumerations of KMIP 1.0 to 2.1 with the values 3.0 adds; codes are those of the wire."
    return module(docstring, imports, "IntEnum", (item for item in enumerations if not item.is_mask))


def masks_module(enumerations: list[Enumeration]) -> str:
    docstring = "The bit masks of KMIP 1.0 to 2.1 with those 3.0 adds."
    return module(docstring, "from enum import IntFlag\n", "IntFlag", (item for item in enumerations if item.is_mask))


def enumerations_table(enumerations: list[Enumeration]) -> str:
    rows = [
        [item.class_name, f"{value.code:08X}", "|".join(value.xml_names), value.presence]
        for item in enumerations
        for value in item.values
    ]
    return table(["enumeration", "value", "xml_names", "presence"], rows)


# Types the tables leave open in words; "Any" stands for every item type.
ITEM_TYPES = {"": "Enumeration", "any": "Any", "varies": "Any", "varies (type of the attribute)": "Any"}


def tags_table(spec: Path) -> str:
    rows = [
        [
            row["tag_hex"],
            row["name"],
            row["xml_name"],
            "|".join(re.sub("[ -]", "", t) for t in ITEM_TYPES.get(row["ttlv_type"], row["ttlv_type"]).split("|")),
            row["presence_1.0_1.1_1.2_1.3_1.4_2.0_2.1_3.0"],
        ]
        for row in read_rows(spec / "tags.csv")
    ]
    return table(["tag", "name", "xml_name", "item_types", "presence"], rows)


def table(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    text.write("# Generated by tools/generate_tables.py; do not edit.\n")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def generate(spec: Path) -> dict[str, str]:
    """Return the text of every generated file by its path from the project root."""
    enumerations = read_enumerations(spec)
    return {
        "kmip_core/enums.py": enums_module(enumerations),
        "kmip_core/masks.py": masks_module(enumerations),
        "kmip_adapters/ttlv/standard/data/enumerations.csv": enumerations_table(enumerations),
        "kmip_adapters/ttlv/standard/data/tags.csv": tags_table(spec),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path, metavar="SPEC_DIR", nargs="?", default=PROJECT / "tools" / "data")
    parser.add_argument("--output", type=Path, default=PROJECT, metavar="DIRECTORY")
    arguments = parser.parse_args()
    for name, text in generate(arguments.spec).items():
        path = arguments.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
