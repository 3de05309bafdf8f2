"""Messages name the standard's values as the standard does."""

import csv
import enum
from pathlib import Path

import pytest

import kmip_adapters.ttlv.standard
from kmip_core import enums
from kmip_core.enums import (
    BlockCipherMode,
    DerivationMethod,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    PaddingMethod,
    RecommendedCurve,
    ResultReason,
    State,
)
from kmip_core.enums import CryptographicAlgorithm as Algorithm
from kmip_core.standard_names import standard_name, with_article

NAMED = (
    *(Algorithm, BlockCipherMode, DerivationMethod, DigitalSignatureAlgorithm, HashingAlgorithm, KeyFormatType),
    *(ObjectType, Operation, PaddingMethod, RecommendedCurve, ResultReason, State),
    *(enums.AdjustmentType, enums.CertificateType, enums.ItemType, enums.KeyWrapType, enums.SplitKeyMethod),
)
SPELT_APART = {Algorithm.TRIPLE_DES: "3DES"}  # DES3 in XML, where a name cannot begin with a digit


def bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum()).lower()


def names_in_xml() -> dict[tuple[str, int], str]:
    path = Path(kmip_adapters.ttlv.standard.__file__).parent / "data" / "enumerations.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {
        (row["enumeration"], int(row["value"], 16)): row["xml_names"].split("|")[0].split(" ")[0]
        for row in csv.DictReader(lines)
    }


XML = names_in_xml()


@pytest.mark.parametrize("member", [m for kind in NAMED for m in kind], ids=str)
def test_a_name_has_the_letters_of_the_standard_and_its_capitals(member: enum.IntEnum) -> None:
    found = standard_name(member)

    assert "_" not in found
    if member not in SPELT_APART:
        assert bare(found) == bare(XML[type(member).__name__, int(member)])


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        (Algorithm.TRIPLE_DES, "3DES"),
        (Algorithm.HMAC_SHA256, "HMAC-SHA256"),
        (Algorithm.ML_KEM_512, "ML-KEM-512"),
        (Algorithm.ED25519, "Ed25519"),
        (HashingAlgorithm.SHA_256, "SHA-256"),
        (HashingAlgorithm.SHA_512_256, "SHA-512/256"),
        (RecommendedCurve.P_256, "P-256"),
        (RecommendedCurve.BRAINPOOLP256R1, "Brainpool P256r1"),
        (BlockCipherMode.CBC, "CBC"),
        (BlockCipherMode.NIST_KEY_WRAP, "NISTKeyWrap"),
        (PaddingMethod.PKCS1_V1_5, "PKCS1 v1.5"),
        (PaddingMethod.NONE, "None"),
        (KeyFormatType.PKCS_8, "PKCS#8"),
        (KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY, "Transparent RSA Public Key"),
        (DigitalSignatureAlgorithm.DSA_WITH_SHA_1, "DSA with SHA-1"),
        (DerivationMethod.PBKDF2, "PBKDF2"),
        (Operation.RE_KEY_KEY_PAIR, "Re-key Key Pair"),
        (Operation.MAC_VERIFY, "MAC Verify"),
        (ObjectType.PGP_KEY, "PGP Key"),
        (State.PRE_ACTIVE, "Pre-Active"),
        (ResultReason.INVALID_CSR, "Invalid CSR"),
        (ResultReason.PKCS_11_CODEC_ERROR, "PKCS#11 Codec Error"),
    ],
)
def test_the_standards_spelling(member: enum.Enum, expected: str) -> None:
    assert standard_name(member) == expected


@pytest.mark.parametrize(
    ("noun", "expected"),
    [("Opaque Object", "an Opaque Object"), ("RNG Seed", "an RNG Seed"), ("PGP Key", "a PGP Key")],
)
def test_articles(noun: str, expected: str) -> None:
    assert with_article(noun) == expected
